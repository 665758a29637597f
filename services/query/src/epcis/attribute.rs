//! `HASATTR_<field>_<attribute>` and `EQATTR_<field>_<attribute>`: what master data says of an event's places
//! (EPCIS 2.0 § 8.2.7.1). Whose a place is not, is not heard.

use medtrace_event::Context;
use medtrace_event::master::attribute_name;

/// What must be said.
#[derive(Debug, Clone, PartialEq)]
pub struct Attribute {
    /// The column of `event` that holds the place.
    pub column: &'static str,
    /// The vocabulary in which it is looked up.
    pub kind: &'static str,
    /// As in `master_data`.
    pub name: String,
    /// One of these; `None` if the attribute need only be there.
    pub values: Option<Vec<String>>,
}

/// Names of the fields, their columns and vocabularies.
const FIELDS: [(&str, &str, &str); 2] =
    [("readPoint_", "read_point", "ReadPoint"), ("bizLocation_", "biz_location", "BusinessLocation")];

impl Attribute {
    /// What the name of a parameter asks for, its values to be filled in; `None` if it asks for something else.
    pub fn read(parameter: &str, prefixes: &Context) -> Option<Attribute> {
        let (verb, rest) = parameter.split_once('_')?;
        let values = match verb {
            "HASATTR" => None,
            "EQATTR" => Some(Vec::new()),
            _ => return None,
        };
        let field = |(field, column, kind)| rest.strip_prefix(field).map(|name| (name, column, kind));
        let (name, column, kind) = FIELDS.into_iter().find_map(field)?;
        (!name.is_empty()).then(|| Attribute { column, kind, name: attribute_name(name, prefixes), values })
    }
}
