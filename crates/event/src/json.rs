//! A JSON tree in which bytes mean one thing.
//!
//! Parsing takes I-JSON (RFC 7493) only and refuses, naming the path: duplicate members, lone surrogates, numbers that
//! a double does not carry with the same decimal value, nesting beyond [`DEPTH_MAX`], invalid UTF-8. What is left has
//! exactly one canonical spelling, [`Json::to_jcs`] (RFC 8785):
//!
//! ```text
//! object   {"k":v,"k":v}   members sorted by the UTF-16 code units of their names, no white space
//! number   as ECMAScript prints the double: 26  0.001  1e+30  -5e-324
//! string   UTF-8; escaped are only \" \\ \b \t \n \f \r and \u00xx for the other control characters
//! ```

mod jcs;
mod number;
mod object;
mod parse;

pub(crate) use number::read_decimal;
pub use number::{decimal, plain};
pub use object::Object;
pub use parse::{DEPTH_MAX, JsonFault};

/// One step of an RFC 6901 pointer: `/` and the escaped token.
pub fn pointer(token: &str) -> String {
    format!("/{}", token.replace('~', "~0").replace('/', "~1"))
}

/// A JSON value. Objects keep their members in JCS order, so equal values are equal trees and equal bytes.
#[derive(Clone, Debug, PartialEq)]
pub enum Json {
    Null,
    Bool(bool),
    /// Always finite, never negative zero.
    Number(f64),
    String(String),
    Array(Vec<Json>),
    Object(Object),
}

impl Json {
    /// Reads I-JSON.
    ///
    /// # Errors
    /// The first fault in reading order, with its path; codes are listed at [`JsonFault`].
    pub fn parse(bytes: &[u8]) -> Result<Json, JsonFault> {
        parse::parse(bytes)
    }

    /// The canonical bytes (RFC 8785).
    pub fn to_jcs(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(1024);
        jcs::write(self, &mut out);
        out
    }

    /// The member of an object, or `None` if this is not an object or has no such member.
    pub fn get(&self, name: &str) -> Option<&Json> {
        self.as_object()?.get(name)
    }

    /// The text of a member that is a string.
    pub fn get_str(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str()
    }

    pub fn as_str(&self) -> Option<&str> {
        if let Json::String(text) = self { Some(text) } else { None }
    }

    pub fn as_f64(&self) -> Option<f64> {
        if let Json::Number(number) = self { Some(*number) } else { None }
    }

    pub fn as_array(&self) -> Option<&[Json]> {
        if let Json::Array(items) = self { Some(items) } else { None }
    }

    pub fn as_object(&self) -> Option<&Object> {
        if let Json::Object(object) = self { Some(object) } else { None }
    }

    pub fn as_object_mut(&mut self) -> Option<&mut Object> {
        if let Json::Object(object) = self { Some(object) } else { None }
    }

    /// What the value is, for messages: `a string`, `an array` …
    pub fn what(&self) -> &'static str {
        match self {
            Json::Null => "null",
            Json::Bool(_) => "a boolean",
            Json::Number(_) => "a number",
            Json::String(_) => "a string",
            Json::Array(_) => "an array",
            Json::Object(_) => "an object",
        }
    }
}

impl std::fmt::Display for Json {
    /// The canonical text.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.to_jcs()))
    }
}

impl From<&str> for Json {
    fn from(text: &str) -> Self {
        Json::String(text.to_owned())
    }
}

impl From<String> for Json {
    fn from(text: String) -> Self {
        Json::String(text)
    }
}

impl From<Vec<Json>> for Json {
    fn from(items: Vec<Json>) -> Self {
        Json::Array(items)
    }
}

impl From<Object> for Json {
    fn from(object: Object) -> Self {
        Json::Object(object)
    }
}

impl From<&Json> for serde_json::Value {
    fn from(json: &Json) -> Self {
        use serde_json::Value;
        match json {
            Json::Null => Value::Null,
            Json::Bool(value) => Value::Bool(*value),
            Json::Number(number) => number::to_serde(*number),
            Json::String(text) => Value::String(text.clone()),
            Json::Array(items) => Value::Array(items.iter().map(Value::from).collect()),
            Json::Object(object) => {
                Value::Object(object.iter().map(|(name, value)| (name.to_owned(), Value::from(value))).collect())
            }
        }
    }
}

impl TryFrom<&serde_json::Value> for Json {
    type Error = JsonFault;

    /// Through text, so that the rules of [`Json::parse`] hold.
    fn try_from(value: &serde_json::Value) -> Result<Self, JsonFault> {
        Json::parse(value.to_string().as_bytes())
    }
}
