//! Which recalls cover a thing.

use medtrace_gs1::{Gtin, Level, Thing};
use medtrace_ledger::PartyId;

use crate::history::Recorded;
use crate::notice::{Name, Order, Product, Scope};
use crate::{At, RecallState, RecallStatus};

/// What recalls are filed under.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Target {
    Product(Name),
    Gtin(Gtin),
}

impl Target {
    pub fn of(scope: &Scope) -> Option<Target> {
        scope.product.clone().map(Target::Product).or(scope.gtin.map(Target::Gtin))
    }

    pub fn all(order: &Order) -> impl Iterator<Item = Target> {
        order.scope.iter().filter_map(Target::of)
    }
}

/// How surely a recall covers a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Coverage {
    /// It may: the recall names lots or serials, and the thing's lot or serial is not known.
    Possible,
    /// It does.
    Certain,
}

/// A recall in force that covers a thing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Covered<'a> {
    /// The recall.
    pub recall: &'a Recorded<RecallState>,
    /// How surely.
    pub coverage: Coverage,
}

impl<'a> At<'a> {
    /// Recalls in force that cover this item, lot or product, by recall id. `lot` is the thing's lot where its own key
    /// does not say it (of an item: the lot it was commissioned with).
    ///
    /// A lot is certainly covered when it is listed or all is; where only serials are listed, possibly.
    pub fn recalls_covering(&self, thing: &Thing, lot: Option<&str>) -> Vec<Covered<'a>> {
        let targets = self.targets(thing);
        let lot = thing.lot().or(lot);
        let mut found: Vec<Covered<'a>> = Vec::new();
        for name in targets.iter().filter_map(|target| self.registry.recalls_of.get(target)).flatten() {
            let in_force = self.recall(name).filter(|recall| recall.status == RecallStatus::Issued);
            let Some(recall) = in_force else { continue };
            let lines = recall.value.order.scope.iter();
            let meant = lines.filter(|scope| Target::of(scope).is_some_and(|target| targets.contains(&target)));
            if let Some(coverage) = meant.filter_map(|scope| scope_covers(scope, thing, lot)).max() {
                found.push(Covered { recall, coverage });
            }
        }
        found.sort_by(|a, b| a.recall.recall.cmp(&b.recall.recall));
        found.dedup_by(|a, b| a.recall.recall == b.recall.recall);
        found
    }

    /// A recall in force that names this product, or its GTIN.
    pub(crate) fn recall_naming(&self, product: &Product) -> Option<&'a Name> {
        let targets = [Some(Target::Product(product.product.clone())), product.gtin.map(Target::Gtin)];
        let filed = targets.iter().flatten().filter_map(|target| self.registry.recalls_of.get(target)).flatten();
        let mut in_force = filed.filter(|name| self.names(name, &targets));
        in_force.next()
    }

    /// Whether a recall is in force and names one of these. (One that was issued anew may not name what it did before.)
    fn names(&self, recall: &Name, targets: &[Option<Target>]) -> bool {
        let in_force = self.recall(recall).filter(|recall| recall.status == RecallStatus::Issued);
        in_force.is_some_and(|recall| Target::all(&recall.order).any(|target| targets.contains(&Some(target))))
    }

    /// Whether the party answers for everything that an order names: owns the products, or holds the GTINs' prefixes.
    pub fn owns_all(&self, order: &Order, party: &PartyId) -> bool {
        order.scope.iter().all(|scope| match (&scope.product, scope.gtin) {
            (Some(product), _) => self.product(product).is_some_and(|product| product.owner == *party),
            (None, Some(gtin)) => self.issuer(&gtin.product()) == Some(party),
            (None, None) => false,
        })
    }

    /// What a recall of this thing may be filed under: its GTIN, its product, its product's GTIN.
    fn targets(&self, thing: &Thing) -> Vec<Target> {
        let product = self.product_of(thing);
        let own = thing.gtin().map(Target::Gtin);
        let named = product.map(|product| Target::Product(product.value.product.clone()));
        let mut targets: Vec<Target> = own.into_iter().chain(named).collect();
        if let Some(gtin) = product.and_then(|product| product.gtin).map(Target::Gtin)
            && !targets.contains(&gtin)
        {
            targets.push(gtin);
        }
        targets
    }
}

fn scope_covers(scope: &Scope, thing: &Thing, lot: Option<&str>) -> Option<Coverage> {
    let serial = thing.serial();
    let listed = |lot: &str| scope.lots.iter().any(|listed| listed == lot);
    let ranged = |serial: &str| scope.serials.iter().any(|range| range.contains(serial));
    if scope.all || lot.is_some_and(listed) || serial.is_some_and(ranged) {
        return Some(Coverage::Certain);
    }
    let lot_unsaid = lot.is_none() && !scope.lots.is_empty();
    let serial_unsaid = serial.is_none() && thing.level() != Level::Instance && !scope.serials.is_empty();
    (lot_unsaid || serial_unsaid).then_some(Coverage::Possible)
}
