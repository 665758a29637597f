//! `recall`: goods are called back, the call is lifted or closed. Signed by the product's owner or by a regulator.

use medtrace_gs1::Gtin;
use serde::{Deserialize, Serialize};

use super::faults::Faults;
use super::text::{Instant, Name, Region, Texts};
use crate::limits::{LOT_BYTES_MAX, RECALL_SCOPES_MAX, SCOPE_LOTS_MAX, SCOPE_RANGES_MAX};

/// Serials from one to another, both included.
///
/// A serial lies between when it has the same number of bytes as both ends and, byte by byte, is not below the first and
/// not above the last. For digits that is the order of numbers; ranges of different lengths are written one by one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SerialRange {
    /// First serial.
    pub from: String,
    /// Last serial, of the same length.
    pub to: String,
}

impl SerialRange {
    /// Whether a serial lies in it.
    pub fn contains(&self, serial: &str) -> bool {
        serial.len() == self.from.len() && (self.from.as_str()..=self.to.as_str()).contains(&serial)
    }
}

/// One line of a scope: a product, by its id or by its GTIN, and which of its packs. A pack is meant when its lot or its
/// serial is listed; `all` means every one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scope {
    /// A product by the id of its notice: all of its codes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<Name>,
    /// A product by its GTIN, for one that has no notice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gtin: Option<Gtin>,
    /// Lots, exactly as printed (`0010` is not `10`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lots: Vec<String>,
    /// Serial ranges.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub serials: Vec<SerialRange>,
    /// Every pack of the product.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub all: bool,
}

/// What a recall says while it is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// 1 (gravest) to 3.
    pub class: u8,
    /// What is called back.
    pub scope: Vec<Scope>,
    /// What a holder must do.
    pub instructions: Texts,
    /// Where it applies.
    pub jurisdiction: Region,
    /// From when the clocks run.
    pub effective: Instant,
}

/// A recall notice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Wire", into = "Wire")]
pub struct Recall {
    /// The recall's id, chosen by who issues it; first come.
    pub recall: Name,
    /// 1, then exactly one more each time.
    pub revision: u32,
    /// Why: of the recall, of the change, of lifting, of closing.
    pub reason: Texts,
    /// What happens.
    pub action: RecallAction,
}

/// What a recall notice does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecallAction {
    /// In force from here; again (wider, narrower, after lifting): replaces the order before.
    Issue(Order),
    /// Not in force any more: the goods may move again.
    Lift,
    /// Done for good; nothing follows.
    Close,
}

impl Recall {
    pub(super) fn shape(&self, faults: &mut Faults) {
        faults.prose("/reason", &self.reason);
        let RecallAction::Issue(order) = &self.action else {
            return;
        };
        faults.prose("/instructions", &order.instructions);
        faults.list("/scope", &order.scope, RECALL_SCOPES_MAX);
        if !(1..=3).contains(&order.class) {
            faults.add("/class", "bad-class", "a recall's class is 1, 2 or 3");
        }
        if order.scope.is_empty() {
            faults.add("/scope", "empty", "a recall names at least one product");
        }
        for (index, scope) in order.scope.iter().enumerate() {
            scope.shape(&format!("/scope/{index}"), faults);
        }
    }
}

impl Scope {
    fn shape(&self, path: &str, faults: &mut Faults) {
        if self.product.is_some() == self.gtin.is_some() {
            faults.add(path, "bad-scope", "a scope names a product or a gtin, one of the two");
        }
        if self.all == (!self.lots.is_empty() || !self.serials.is_empty()) {
            faults.add(path, "bad-scope", "a scope is either \"all\": true or has lots, serials or both");
        }
        faults.list(&format!("{path}/lots"), &self.lots, SCOPE_LOTS_MAX);
        faults.list(&format!("{path}/serials"), &self.serials, SCOPE_RANGES_MAX);
        for (index, lot) in self.lots.iter().enumerate() {
            faults.code(format!("{path}/lots/{index}"), lot, LOT_BYTES_MAX);
        }
        for (index, SerialRange { from, to }) in self.serials.iter().enumerate() {
            faults.code(format!("{path}/serials/{index}/from"), from, LOT_BYTES_MAX);
            if from.len() != to.len() || from > to {
                let right =
                    "from and to have the same length and from is not above to; write longer serials as another range";
                faults.add(format!("{path}/serials/{index}"), "bad-range", right);
            }
        }
    }
}

/// The members as written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    recall: Name,
    revision: u32,
    action: Word,
    reason: Texts,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    class: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scope: Option<Vec<Scope>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    instructions: Option<Texts>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    jurisdiction: Option<Region>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    effective: Option<Instant>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Word {
    Issue,
    Lift,
    Close,
}

impl TryFrom<Wire> for Recall {
    type Error = &'static str;

    fn try_from(wire: Wire) -> Result<Recall, Self::Error> {
        let order = match (wire.class, wire.scope, wire.instructions, wire.jurisdiction, wire.effective) {
            (Some(class), Some(scope), Some(instructions), Some(jurisdiction), Some(effective)) => {
                Some(Order { class, scope, instructions, jurisdiction, effective })
            }
            (None, None, None, None, None) => None,
            _ => {
                return Err("class, scope, instructions, jurisdiction and effective come all together");
            }
        };
        let action = match (wire.action, order) {
            (Word::Issue, Some(order)) => RecallAction::Issue(order),
            (Word::Issue, None) => {
                return Err("issue needs class, scope, instructions, jurisdiction and effective");
            }
            (Word::Lift, None) => RecallAction::Lift,
            (Word::Close, None) => RecallAction::Close,
            _ => return Err("lift and close have only recall, revision, action and reason"),
        };
        Ok(Recall { recall: wire.recall, revision: wire.revision, reason: wire.reason, action })
    }
}

impl From<Recall> for Wire {
    fn from(recall: Recall) -> Wire {
        let (action, order) = match recall.action {
            RecallAction::Issue(order) => (Word::Issue, Some(order)),
            RecallAction::Lift => (Word::Lift, None),
            RecallAction::Close => (Word::Close, None),
        };
        let (class, rest) = order.map(|o| (o.class, (o.scope, o.instructions, o.jurisdiction, o.effective))).unzip();
        let (scope, instructions, jurisdiction, effective) = match rest {
            Some((scope, texts, region, at)) => (Some(scope), Some(texts), Some(region), Some(at)),
            None => (None, None, None, None),
        };
        Wire {
            recall: recall.recall,
            revision: recall.revision,
            action,
            reason: recall.reason,
            class,
            scope,
            instructions,
            jurisdiction,
            effective,
        }
    }
}
