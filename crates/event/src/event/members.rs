//! Which members an event may have (EPCIS 2.0 §7.4, JSON schema).

use super::Kind;
use super::own::{self, Own};
use super::reader::{At, Reader};
use crate::json::{Json, Object};

const OBJECT: u8 = 1;
const AGGREGATION: u8 = 2;
const TRANSACTION: u8 = 4;
const TRANSFORMATION: u8 = 8;
const ASSOCIATION: u8 = 16;
const ALL: u8 = 31;

/// The members of EPCIS events, sorted, and the types that may carry them.
const MEMBERS: [(&str, u8); 30] = [
    ("@context", ALL),
    ("action", ALL & !TRANSFORMATION),
    ("bizLocation", ALL),
    ("bizStep", ALL),
    ("bizTransactionList", ALL),
    ("certificationInfo", ALL),
    ("childEPCs", AGGREGATION | ASSOCIATION),
    ("childQuantityList", AGGREGATION | ASSOCIATION),
    ("destinationList", ALL),
    ("disposition", ALL),
    ("epcList", OBJECT | TRANSACTION),
    ("errorDeclaration", ALL),
    ("eventID", ALL),
    ("eventTime", ALL),
    ("eventTimeZoneOffset", ALL),
    ("ilmd", OBJECT | TRANSFORMATION),
    ("inputEPCList", TRANSFORMATION),
    ("inputQuantityList", TRANSFORMATION),
    ("outputEPCList", TRANSFORMATION),
    ("outputQuantityList", TRANSFORMATION),
    ("parentID", AGGREGATION | ASSOCIATION | TRANSACTION),
    // Elsewhere it is stored with a warning and has no effect: documents in the field carry it.
    ("persistentDisposition", OBJECT | TRANSFORMATION),
    ("quantityList", OBJECT | TRANSACTION),
    ("readPoint", ALL),
    ("recordTime", ALL),
    ("sensorElementList", ALL),
    ("sourceList", ALL),
    ("transformationID", TRANSFORMATION),
    ("type", ALL),
    ("id", 0),
];

/// Whether a name is EPCIS's own, so that no context may redefine it.
pub(crate) fn is_member(name: &str) -> bool {
    MEMBERS.iter().any(|(member, _)| *member == name) && name != "@context"
}

/// Whether events of that kind carry the member; `None`: no member of EPCIS.
pub(super) fn allowed(name: &str, kind: Kind) -> Option<bool> {
    let bit = match kind {
        Kind::Object => OBJECT,
        Kind::Aggregation => AGGREGATION,
        Kind::Transaction => TRANSACTION,
        Kind::Transformation => TRANSFORMATION,
        Kind::Association => ASSOCIATION,
    };
    MEMBERS.iter().find(|(member, _)| *member == name).map(|(_, kinds)| kinds & bit != 0)
}

/// Refuses members that do not belong here, and finds those of our own namespace.
pub(super) fn check<'j>(reader: &mut Reader, object: &'j Object, kind: Kind) -> Vec<Own<'j>> {
    let mut mine = Vec::new();
    for (name, value) in object.iter() {
        let at = At::Name(&At::Root, name);
        match allowed(name, kind) {
            Some(true) if *value == Json::Null => reader.wrong(at, value, "left out or given a value"),
            Some(true) => {}
            Some(false) if name == "persistentDisposition" => {
                let detail = format!("a persistentDisposition has no effect in an {}", kind.name());
                reader.warn(at, "no-effect", detail);
            }
            Some(false) => reader.fault(at, "not-allowed", format!("{name} is no member of an {}", kind.name())),
            None => match reader.context.medtrace_name(name) {
                Some(local) if own::NAMES.contains(&local) => mine.push((local, name, value)),
                Some(_) => reader.unknown(at, name),
                None if reader.context.is_epcis(name) => {
                    reader.fault(at, "unknown-member", format!("{name} should be written by its short name"));
                }
                None if !reader.context.allows(name) => reader.unknown(at, name),
                None => {}
            },
        }
    }
    mine
}
