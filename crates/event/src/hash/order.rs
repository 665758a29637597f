//! Which members of an event are hashed in which order, and how each is written (CBV 2.0 §8.9.2).

use crate::vocab::Vocabulary;

/// How a member is written.
#[derive(Clone, Copy)]
pub(super) enum Shape {
    Time,
    Text,
    /// An identifier or other URI.
    Id,
    Word(Vocabulary),
    /// A list of identifiers, each as `epc=`.
    Ids,
    Quantities,
    Persistent,
    /// An object with `id`.
    Place,
    /// A list of objects with `type` and this member.
    Typed(&'static str, Vocabulary),
}

/// Sensors, ILMD and extensions come after these.
pub(super) const ORDER: [(&str, Shape); 21] = [
    ("eventTime", Shape::Time),
    ("eventTimeZoneOffset", Shape::Text),
    ("epcList", Shape::Ids),
    ("parentID", Shape::Id),
    ("inputEPCList", Shape::Ids),
    ("childEPCs", Shape::Ids),
    ("quantityList", Shape::Quantities),
    ("childQuantityList", Shape::Quantities),
    ("inputQuantityList", Shape::Quantities),
    ("outputEPCList", Shape::Ids),
    ("outputQuantityList", Shape::Quantities),
    ("action", Shape::Text),
    ("transformationID", Shape::Id),
    ("bizStep", Shape::Word(Vocabulary::BizStep)),
    ("disposition", Shape::Word(Vocabulary::Disposition)),
    ("persistentDisposition", Shape::Persistent),
    ("readPoint", Shape::Place),
    ("bizLocation", Shape::Place),
    ("bizTransactionList", Shape::Typed("bizTransaction", Vocabulary::TransactionType)),
    ("sourceList", Shape::Typed("source", Vocabulary::EndpointType)),
    ("destinationList", Shape::Typed("destination", Vocabulary::EndpointType)),
];

/// Whether a member of an event is the standard's own: hashed in its place, or left out.
pub(super) fn is_known(name: &str) -> bool {
    name.starts_with('@') || crate::event::is_member(name)
}
