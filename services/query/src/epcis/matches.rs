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
    InputEpc,
    OutputEpc,
    /// Every list of EPCs, and `parentID`.
    AnyEpc,
    /// `quantityList` and `childQuantityList`.
    EpcClass,
    InputEpcClass,
    OutputEpcClass,
    /// Every list of quantities.
    AnyEpcClass,
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
    pub const ALL: [Which; 9] = [
        Which::Epc,
        Which::ParentId,
        Which::InputEpc,
        Which::OutputEpc,
        Which::AnyEpc,
        Which::EpcClass,
        Which::InputEpcClass,
        Which::OutputEpcClass,
        Which::AnyEpcClass,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Which::Epc => "MATCH_epc",
            Which::ParentId => "MATCH_parentID",
            Which::InputEpc => "MATCH_inputEPC",
            Which::OutputEpc => "MATCH_outputEPC",
            Which::AnyEpc => "MATCH_anyEPC",
            Which::EpcClass => "MATCH_epcClass",
            Which::InputEpcClass => "MATCH_inputEPCClass",
            Which::OutputEpcClass => "MATCH_outputEPCClass",
            Which::AnyEpcClass => "MATCH_anyEPCClass",
        }
    }

    /// Roles under which the things of these lists have facts.
    pub fn roles(self) -> &'static [Role] {
        use Role::{Child, Emptied, Input, Linked, Output, Parent, Subject};
        match self {
            Which::Epc | Which::EpcClass => &[Subject, Child, Linked],
            Which::ParentId => &[Parent, Emptied, Linked],
            Which::InputEpc | Which::InputEpcClass => &[Input],
            Which::OutputEpc | Which::OutputEpcClass => &[Output],
            Which::AnyEpcClass => &[Subject, Child, Input, Output, Linked],
            Which::AnyEpc => &[Subject, Child, Parent, Emptied, Input, Output, Linked],
        }
    }

    fn is_of_classes(self) -> bool {
        matches!(self, Which::EpcClass | Which::InputEpcClass | Which::OutputEpcClass | Which::AnyEpcClass)
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
        match (self.is_of_classes(), thing.scheme(), scheme.split(':').next()) {
            (true, Scheme::Product, Some("lgtin")) => {
                Some(Pattern::Under(Class::new(Scheme::Lot, thing.class().value())))
            }
            (true, ..) => Some(Pattern::Exactly(thing)),
            (_, Scheme::Product, _) => Some(Pattern::Under(Class::new(Scheme::Item, thing.class().value()))),
            (_, _, _) if thing.level() == Level::Class => Some(Pattern::Under(thing.class())),
            _ => Some(Pattern::Exactly(thing)),
        }
    }
}

impl Match {
    pub fn holds(&self, event: &Event) -> bool {
        let listed = [&event.epcs, &event.children];
        let classes = [&event.quantities, &event.child_quantities];
        match self.which {
            Which::Epc => self.any(listed),
            Which::ParentId => self.any([event.parent.as_slice()]),
            Which::InputEpc => self.any([&event.inputs]),
            Which::OutputEpc => self.any([&event.outputs]),
            Which::AnyEpc => {
                self.any(listed) || self.any([event.parent.as_slice()]) || self.any([&event.inputs, &event.outputs])
            }
            Which::EpcClass => self.any_class(classes),
            Which::InputEpcClass => self.any_class([&event.input_quantities]),
            Which::OutputEpcClass => self.any_class([&event.output_quantities]),
            Which::AnyEpcClass => {
                self.any_class(classes) || self.any_class([&event.input_quantities, &event.output_quantities])
            }
        }
    }

    fn any<'a>(&self, lists: impl IntoIterator<Item = &'a (impl AsRef<[Thing]> + ?Sized + 'a)>) -> bool {
        lists.into_iter().flat_map(|list| list.as_ref()).any(|thing| self.covers(thing))
    }

    fn any_class<'a>(&self, lists: impl IntoIterator<Item = &'a Vec<Quantity>>) -> bool {
        lists.into_iter().flatten().any(|quantity| self.covers(&quantity.thing))
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
