//! `MATCH_*`: events by what they name. The store narrows down by facts; the typed event decides, because a fact does not
//! say in which list of a TransactionEvent or AssociationEvent a thing stood.

use medtrace_event::Event;
use medtrace_event::event::Quantity;
use medtrace_gs1::{Class, Level, Scheme, Thing};
use medtrace_timeline::Role;

/// Which lists of an event are looked into (EPCIS 2.0 § 8.2.7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// `epcList` and `childEPCs`.
    Epc,
    ParentId,
    /// Every list of EPCs, and `parentID`.
    AnyEpc,
    /// `quantityList` and `childQuantityList`.
    EpcClass,
}

/// What a value of the list stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pattern {
    /// One thing, in whatever spelling.
    Exactly(Thing),
    /// `urn:epc:idpat:….*`: everything under a class.
    Under(Class),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    pub which: Which,
    pub patterns: Vec<Pattern>,
}

impl Which {
    pub const ALL: [Which; 4] = [Which::Epc, Which::ParentId, Which::AnyEpc, Which::EpcClass];

    pub fn name(self) -> &'static str {
        match self {
            Which::Epc => "MATCH_epc",
            Which::ParentId => "MATCH_parentID",
            Which::AnyEpc => "MATCH_anyEPC",
            Which::EpcClass => "MATCH_epcClass",
        }
    }

    /// Roles under which the things of these lists have facts.
    pub fn roles(self) -> &'static [Role] {
        use Role::{Child, Emptied, Input, Linked, Output, Parent, Subject};
        match self {
            Which::Epc | Which::EpcClass => &[Subject, Child, Linked],
            Which::ParentId => &[Parent, Emptied, Linked],
            Which::AnyEpc => &[Subject, Child, Parent, Emptied, Input, Output, Linked],
        }
    }

    /// A value of the parameter; `None` for what is no URI of a thing.
    pub fn pattern(self, text: &str) -> Option<Pattern> {
        let thing = Thing::from_uri(text).ok()?;
        let idpat = text.to_ascii_lowercase();
        let Some(scheme) = idpat.strip_prefix("urn:epc:idpat:") else { return Some(Pattern::Exactly(thing)) };
        // A pattern that covers more than one class is read as an opaque URI, which no event could carry.
        if thing.scheme() == Scheme::Uri {
            return None;
        }
        match (self, thing.scheme(), scheme.split(':').next()) {
            (Which::EpcClass, Scheme::Product, Some("lgtin")) => {
                Some(Pattern::Under(Class::new(Scheme::Lot, thing.class().value())))
            }
            (Which::EpcClass, ..) => Some(Pattern::Exactly(thing)),
            (_, Scheme::Product, _) => Some(Pattern::Under(Class::new(Scheme::Item, thing.class().value()))),
            (_, _, _) if thing.level() == Level::Class => Some(Pattern::Under(thing.class())),
            _ => Some(Pattern::Exactly(thing)),
        }
    }
}

impl Match {
    pub fn holds(&self, event: &Event) -> bool {
        let parent = event.parent.iter();
        let listed = event.epcs.iter().chain(&event.children);
        let made = event.inputs.iter().chain(&event.outputs);
        let any = |mut things: Box<dyn Iterator<Item = &Thing> + '_>| things.any(|thing| self.covers(thing));
        match self.which {
            Which::Epc => any(Box::new(listed)),
            Which::ParentId => any(Box::new(parent)),
            Which::AnyEpc => any(Box::new(parent.chain(listed).chain(made))),
            Which::EpcClass => {
                let quantities = event.quantities.iter().chain(&event.child_quantities);
                any(Box::new(quantities.map(|quantity: &Quantity| &quantity.thing)))
            }
        }
    }

    fn covers(&self, thing: &Thing) -> bool {
        self.patterns.iter().any(|pattern| match pattern {
            Pattern::Exactly(wanted) => wanted == thing,
            Pattern::Under(class) => *class == thing.class(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_cover_what_stands_under_them() {
        let item = Thing::from_uri("urn:epc:id:sgtin:0614141.107346.2017").unwrap();
        let lot = Thing::from_uri("urn:epc:class:lgtin:0614141.107346.A").unwrap();
        let covers = |which: Which, text: &str, thing: &Thing| {
            Match { which, patterns: vec![which.pattern(text).unwrap()] }.covers(thing)
        };
        assert!(covers(Which::Epc, "https://example.org/01/10614141073464/21/2017", &item));
        assert!(covers(Which::Epc, "urn:epc:idpat:sgtin:0614141.107346.*", &item));
        assert!(!covers(Which::Epc, "urn:epc:idpat:sgtin:0614141.107347.*", &item));
        assert!(!covers(Which::Epc, "https://id.gs1.org/01/10614141073464", &item));
        assert!(covers(Which::EpcClass, "urn:epc:class:lgtin:0614141.107346.A", &lot));
        assert!(covers(Which::EpcClass, "urn:epc:idpat:lgtin:0614141.107346.*", &lot));
        assert!(!covers(Which::EpcClass, "urn:epc:idpat:sgtin:0614141.107346.*", &lot));
        assert_eq!(Which::Epc.pattern("urn:epc:idpat:sgtin:0614141.*.*"), None);
        assert_eq!(Which::Epc.pattern("2017"), None);
    }
}
