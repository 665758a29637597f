//! The Core Business Vocabulary (CBV 2.0): its words, one spelling for each, and the rank of steps in one instant.

use crate::context::Context;
use crate::event::{Action, Kind, Word};
use std::borrow::Cow;

/// Business steps (CBV 2.0 §7.1).
pub const BIZ_STEPS: [&str; 41] = [
    "accepting",
    "arriving",
    "assembling",
    "collecting",
    "commissioning",
    "consigning",
    "creating_class_instance",
    "cycle_counting",
    "decommissioning",
    "departing",
    "destroying",
    "disassembling",
    "dispensing",
    "encoding",
    "entering_exiting",
    "holding",
    "inspecting",
    "installing",
    "killing",
    "loading",
    "other",
    "packing",
    "picking",
    "receiving",
    "removing",
    "repackaging",
    "repairing",
    "replacing",
    "reserving",
    "retail_selling",
    "sampling",
    "sensor_reporting",
    "shipping",
    "staging_outbound",
    "stock_taking",
    "stocking",
    "storing",
    "transporting",
    "unloading",
    "unpacking",
    "void_shipping",
];

/// Dispositions, persistent ones included (CBV 2.0 §7.2).
pub const DISPOSITIONS: [&str; 33] = [
    "active",
    "available",
    "completeness_inferred",
    "completeness_verified",
    "conformant",
    "container_closed",
    "container_open",
    "damaged",
    "destroyed",
    "dispensed",
    "disposed",
    "encoded",
    "expired",
    "in_progress",
    "in_transit",
    "inactive",
    "mismatch_class",
    "mismatch_instance",
    "mismatch_quantity",
    "needs_replacement",
    "no_pedigree_match",
    "non_conformant",
    "non_sellable_other",
    "partially_dispensed",
    "recalled",
    "reserved",
    "retail_sold",
    "returned",
    "sellable_accessible",
    "sellable_not_accessible",
    "stolen",
    "unavailable",
    "unknown",
];

/// Business transaction types (CBV 2.0 §7.3).
pub const TRANSACTION_TYPES: [&str; 13] = [
    "bol",
    "cert",
    "desadv",
    "inv",
    "pedigree",
    "po",
    "poc",
    "prodorder",
    "recadv",
    "rma",
    "testprd",
    "testres",
    "upevt",
];

/// Source and destination types (CBV 2.0 §7.4).
pub const ENDPOINT_TYPES: [&str; 3] = ["location", "owning_party", "possessing_party"];

/// Reasons of an error declaration (CBV 2.0 §7.5).
pub const ERROR_REASONS: [&str; 2] = ["did_not_occur", "incorrect_data"];

const WEB: &str = "https://ref.gs1.org/cbv/";
const URN: &str = "urn:epcglobal:cbv:";

/// A vocabulary of the CBV, with the names it has in URIs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vocabulary {
    BizStep,
    Disposition,
    TransactionType,
    EndpointType,
    ErrorReason,
}

const ALL: [Vocabulary; 5] = [
    Vocabulary::BizStep,
    Vocabulary::Disposition,
    Vocabulary::TransactionType,
    Vocabulary::EndpointType,
    Vocabulary::ErrorReason,
];

impl Vocabulary {
    /// Its bare words.
    pub fn words(self) -> &'static [&'static str] {
        match self {
            Vocabulary::BizStep => &BIZ_STEPS,
            Vocabulary::Disposition => &DISPOSITIONS,
            Vocabulary::TransactionType => &TRANSACTION_TYPES,
            Vocabulary::EndpointType => &ENDPOINT_TYPES,
            Vocabulary::ErrorReason => &ERROR_REASONS,
        }
    }

    /// `…/cbv/<this>-word` and `urn:epcglobal:cbv:<that>:word`.
    fn parts(self) -> (&'static str, &'static str) {
        match self {
            Vocabulary::BizStep => ("BizStep-", "bizstep:"),
            Vocabulary::Disposition => ("Disp-", "disp:"),
            Vocabulary::TransactionType => ("BTT-", "btt:"),
            Vocabulary::EndpointType => ("SDT-", "sdt:"),
            Vocabulary::ErrorReason => ("ER-", "er:"),
        }
    }

    /// The canonical word of a value in any spelling: a CBV word stays or becomes bare (`shipping`,
    /// `cbv:BizStep-shipping`, `urn:epcglobal:cbv:bizstep:shipping`, `https://ref.gs1.org/cbv/BizStep-shipping`), a
    /// CURIE of the sender's becomes its full URI, another URI stays. `None`: a bare word that the CBV does not know.
    pub fn canonical(self, text: &str, context: &Context) -> Option<Word> {
        if let Some(word) = self.bare(text) {
            return Some(Cow::Borrowed(word));
        }
        let full = context.expand(text);
        let uri = full.as_deref().unwrap_or(text);
        let (web, urn) = self.parts();
        let local = [WEB, "http://ref.gs1.org/cbv/", "https://ns.gs1.org/cbv/"]
            .iter()
            .find_map(|base| uri.strip_prefix(base)?.strip_prefix(web))
            .or_else(|| uri.strip_prefix(URN)?.strip_prefix(urn));
        if let Some(word) = local.and_then(|local| self.bare(local)) {
            return Some(Cow::Borrowed(word));
        }
        uri.contains(':').then(|| Cow::Owned(uri.to_owned()))
    }

    /// The web address of a word, `https://ref.gs1.org/cbv/BizStep-shipping`.
    pub fn web(self, word: &str) -> String {
        format!("{WEB}{}{word}", self.parts().0)
    }

    /// The URN of a word, `urn:epcglobal:cbv:bizstep:shipping`.
    pub fn urn(self, word: &str) -> String {
        format!("{URN}{}{word}", self.parts().1)
    }

    fn bare(self, text: &str) -> Option<&'static str> {
        self.words().iter().find(|word| **word == text).copied()
    }
}

/// The web address of a CBV word given as URN, known to the CBV or not; `None` for other text.
pub(crate) fn web_of_urn(text: &str) -> Option<String> {
    let rest = text.strip_prefix(URN)?;
    let (vocabulary, word) = ALL.iter().find_map(|all| Some((all, rest.strip_prefix(all.parts().1)?)))?;
    Some(vocabulary.web(word))
}

/// Where an event stands among others of the same instant: lower is earlier. Only signed content decides, so that any
/// order of arrival gives the same history.
///
/// The order is commission, transform, pack, load, ship, receive, unpack, inspect/store/observe, use, destroy. What has
/// no step of these is ranked by type and action. (Known error: received and shipped again within one instant.)
pub fn rank(kind: Kind, action: Option<Action>, biz_step: Option<&str>) -> u8 {
    if kind == Kind::Transformation {
        return rank::TRANSFORM;
    }
    match biz_step {
        Some("commissioning" | "creating_class_instance" | "encoding") => rank::COMMISSION,
        Some("assembling" | "repackaging") => rank::TRANSFORM,
        Some("packing" | "picking") => rank::PACK,
        Some("loading" | "staging_outbound") => rank::LOAD,
        Some("shipping" | "departing" | "consigning" | "transporting") => rank::SHIP,
        Some("arriving" | "receiving" | "accepting" | "unloading") => rank::RECEIVE,
        Some("unpacking" | "disassembling" | "removing") => rank::UNPACK,
        Some("dispensing" | "installing" | "retail_selling") => rank::USE,
        Some("destroying" | "decommissioning" | "killing") => rank::DESTROY,
        _ => match (kind, action) {
            (Kind::Aggregation, Some(Action::Add)) => rank::PACK,
            (Kind::Aggregation, Some(Action::Delete)) => rank::UNPACK,
            (Kind::Object, Some(Action::Add)) => rank::COMMISSION,
            (Kind::Object, Some(Action::Delete)) => rank::DESTROY,
            _ => rank::OBSERVE,
        },
    }
}

/// The ranks; stored with facts, so they never change. Gaps are left for finer steps.
pub mod rank {
    pub const COMMISSION: u8 = 10;
    pub const TRANSFORM: u8 = 20;
    pub const PACK: u8 = 30;
    pub const LOAD: u8 = 40;
    pub const SHIP: u8 = 50;
    pub const RECEIVE: u8 = 60;
    pub const UNPACK: u8 = 70;
    pub const OBSERVE: u8 = 80;
    pub const USE: u8 = 90;
    pub const DESTROY: u8 = 100;
}
