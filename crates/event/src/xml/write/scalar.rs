//! Scalars of JSON as text of XML.

use crate::context::Context;
use crate::json::{self, Json};
use crate::vocab::Vocabulary;

/// The URN of a CBV word, as XML has them; other URIs as they are.
pub(super) fn word(context: &Context, value: &Json, vocabulary: Vocabulary) -> String {
    let text = text(value);
    match vocabulary.canonical(&text, context) {
        Some(word) if !word.contains(':') => vocabulary.urn(&word),
        Some(uri) => uri.into_owned(),
        None => text,
    }
}

/// A scalar in which the sender's own prefixes are written out.
pub(super) fn full(context: &Context, value: &Json) -> String {
    let word = value.as_str().filter(|word| word.contains(':'));
    word.and_then(|word| context.expand_inline(word)).unwrap_or_else(|| text(value))
}

/// A scalar as text; nothing for the rest.
pub(in crate::xml) fn text(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Number(number) => json::plain(*number),
        Json::Bool(value) => value.to_string(),
        _ => String::new(),
    }
}

/// The items of a list, or one alone.
pub(super) fn items(value: &Json) -> &[Json] {
    value.as_array().unwrap_or(std::slice::from_ref(value))
}
