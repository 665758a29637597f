//! One row that is not as the log says, told so that it can be found.

use medtrace_ledger::hash::hex;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::tables::Table;

/// Longest value shown, in characters.
const SHOWN_CHARS_MAX: usize = 200;

/// One row that is not as the log says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    pub table: &'static str,
    /// The row's key: `column=value` and so on.
    pub key: String,
    pub what: What,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase", tag = "kind", content = "columns")]
pub enum What {
    /// The log gives this row, the table does not hold it.
    Missing,
    /// The table holds a row that the log does not give.
    Unexpected,
    /// Columns that differ.
    Differs(Vec<Column>),
    /// It kept changing while it was looked at.
    Unsettled,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Column {
    pub name: String,
    /// As the log gives it.
    pub expected: String,
    /// As the table holds it.
    pub found: String,
}

impl Difference {
    pub fn missing<T: Table>(row: &T) -> Difference {
        Difference { table: T::TABLE, key: key(row), what: What::Missing }
    }

    pub fn unexpected<T: Table>(row: &T) -> Difference {
        Difference { table: T::TABLE, key: key(row), what: What::Unexpected }
    }

    pub fn unsettled<T: Table>(row: &T) -> Difference {
        Difference { table: T::TABLE, key: key(row), what: What::Unsettled }
    }

    pub fn between<T: Table>(expected: &T, found: &T) -> Difference {
        let (expected, found) = (columns(expected), columns(found));
        let differing = expected.iter().filter(|(name, value)| found.get(*name) != Some(value));
        let column = |(name, value): (&String, &Value)| Column {
            name: name.clone(),
            expected: shown(value),
            found: found.get(name).map(shown).unwrap_or_default(),
        };
        Difference { table: T::TABLE, key: key_of::<T>(&found), what: What::Differs(differing.map(column).collect()) }
    }
}

/// The columns of a row; every row is a structure.
pub fn columns<T: Table>(row: &T) -> Map<String, Value> {
    match serde_json::to_value(row) {
        Ok(Value::Object(columns)) => columns,
        _ => Map::new(),
    }
}

fn key<T: Table>(row: &T) -> String {
    key_of::<T>(&columns(row))
}

fn key_of<T: Table>(columns: &Map<String, Value>) -> String {
    let part = |name: &&str| format!("{name}={}", columns.get(*name).map(shown).unwrap_or_default());
    T::KEY.iter().map(part).collect::<Vec<_>>().join(" ")
}

/// Texts as they are, bytes in hexadecimal, no longer than is of use.
fn shown(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Array(_) => bytes(value).map_or_else(|| value.to_string(), |bytes| hex(&bytes)),
        other => other.to_string(),
    };
    match text.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((end, _)) => format!("{}… ({} bytes)", &text[..end], text.len()),
        None => text,
    }
}

/// The bytes of a value that is a list of them.
pub fn bytes(value: &Value) -> Option<Vec<u8>> {
    let list = value.as_array().filter(|list| !list.is_empty())?;
    list.iter().map(|byte| byte.as_u64().and_then(|byte| u8::try_from(byte).ok())).collect()
}
