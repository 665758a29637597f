//! Values of answers as people read them.

use serde_json::Value;

/// A string without quotes, nothing for null, anything else as JSON.
pub fn words(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(list) => list.iter().map(words).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

/// The text of the reader's language: `zh-CN` where LANG begins with `zh`, else `en`; the other one if it is missing.
pub fn text(texts: &Value) -> String {
    let chinese = std::env::var("LANG").is_ok_and(|language| language.starts_with("zh"));
    let order = if chinese { ["zh-CN", "en"] } else { ["en", "zh-CN"] };
    match texts {
        Value::Object(texts) => order.iter().find_map(|language| texts.get(*language)).map(words).unwrap_or_default(),
        other => words(other),
    }
}

/// The rows of a list in an answer, one cell a function.
pub fn rows(list: &Value, cells: &[&dyn Fn(&Value) -> String]) -> Vec<Vec<String>> {
    let list = list.as_array().into_iter().flatten();
    list.map(|value| cells.iter().map(|cell| cell(value)).collect()).collect()
}
