//! Collects everything that is wrong with the shape of one notice, so that its author hears all of it at once.

use std::collections::HashSet;
use std::hash::Hash;

use super::text::Texts;
use crate::Refusal;
use crate::limits::{CONTACT_CHARS_MAX, PROSE_CHARS_MAX, TITLE_CHARS_MAX};

#[derive(Default)]
pub(super) struct Faults(pub Vec<Refusal>);

impl Faults {
    pub fn add(&mut self, path: impl Into<String>, code: &'static str, detail: impl Into<String>) {
        self.0.push(Refusal::at(path, code, detail));
    }

    /// A display name.
    pub fn title(&mut self, path: &str, texts: &Texts) {
        self.texts(path, texts, TITLE_CHARS_MAX);
    }

    /// Sentences.
    pub fn prose(&mut self, path: &str, texts: &Texts) {
        self.texts(path, texts, PROSE_CHARS_MAX);
    }

    fn texts(&mut self, path: &str, texts: &Texts, chars_max: usize) {
        if texts.zh_cn.is_none() && texts.en.is_none() {
            self.add(path, "empty", "a text is there in zh-CN, en or both");
        }
        self.text(&format!("{path}/zh-CN"), texts.zh_cn.as_deref(), chars_max);
        self.text(&format!("{path}/en"), texts.en.as_deref(), chars_max);
    }

    pub fn contact(&mut self, path: &str, text: Option<&str>) {
        self.text(path, text, CONTACT_CHARS_MAX);
    }

    pub fn text(&mut self, path: &str, text: Option<&str>, chars_max: usize) {
        let Some(text) = text else { return };
        if text.trim().is_empty() {
            self.add(path, "empty", "a text that says nothing is left out");
        } else if text.chars().count() > chars_max {
            self.add(path, "too-long", format!("at most {chars_max} characters"));
        } else if text.chars().any(|c| c.is_control() && c != '\n') {
            self.add(path, "control-character", "no control characters but line feeds");
        }
    }

    /// A lot or serial: printable ASCII without spaces at its ends.
    pub fn code(&mut self, path: impl Into<String>, text: &str, bytes_max: usize) {
        if text.is_empty() || text.len() > bytes_max || !text.bytes().all(|c| c.is_ascii_graphic()) {
            self.add(
                path,
                "bad-code",
                format!("a lot or serial is 1 to {bytes_max} printable ASCII characters without spaces"),
            );
        }
    }

    /// A list: not too long, nothing twice.
    pub fn list<T: Eq + Hash>(&mut self, path: &str, items: &[T], max: usize) {
        if items.len() > max {
            self.add(path, "too-many", format!("at most {max} entries, here are {}", items.len()));
        }
        let mut seen = HashSet::new();
        if let Some(index) = items.iter().position(|item| !seen.insert(item)) {
            self.add(format!("{path}/{index}"), "twice", "every entry stands once");
        }
    }
}
