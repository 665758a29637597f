//! The members of a JSON object, sorted as RFC 8785 wants them.

use super::Json;
use std::cmp::Ordering;

/// An object's members, unique by name, in the order of their names' UTF-16 code units.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Object(Vec<(String, Json)>);

impl Object {
    pub fn new() -> Self {
        Object::default()
    }

    /// Takes members in any order; on a repeated name gives it back.
    pub(super) fn from_members(mut members: Vec<(String, Json)>) -> Result<Self, String> {
        // Sealed bytes arrive sorted: one pass then, no sort.
        if !members.is_sorted_by(|a, b| order(&a.0, &b.0) == Ordering::Less) {
            members.sort_by(|a, b| order(&a.0, &b.0));
            if let Some(at) = members.windows(2).position(|pair| pair[0].0 == pair[1].0) {
                return Err(members.swap_remove(at).0);
            }
        }
        Ok(Object(members))
    }

    /// The value of a member.
    pub fn get(&self, name: &str) -> Option<&Json> {
        // Names of events differ in length or early: comparing them all is quicker than halving.
        self.0.iter().find(|(other, _)| other == name).map(|(_, value)| value)
    }

    pub fn get_mut(&mut self, name: &str) -> Option<&mut Json> {
        self.find(name).ok().map(|at| &mut self.0[at].1)
    }

    /// Sets a member and gives back what stood there.
    pub fn insert(&mut self, name: impl Into<String>, value: impl Into<Json>) -> Option<Json> {
        let (name, value) = (name.into(), value.into());
        match self.find(&name) {
            Ok(at) => Some(std::mem::replace(&mut self.0[at].1, value)),
            Err(at) => {
                self.0.insert(at, (name, value));
                None
            }
        }
    }

    pub fn remove(&mut self, name: &str) -> Option<Json> {
        self.find(name).ok().map(|at| self.0.remove(at).1)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &Json)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn find(&self, name: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(other, _)| order(other, name))
    }
}

impl<K: Into<String>, V: Into<Json>> FromIterator<(K, V)> for Object {
    /// Later members replace earlier ones of the same name.
    fn from_iter<I: IntoIterator<Item = (K, V)>>(members: I) -> Self {
        let mut object = Object::new();
        for (name, value) in members {
            object.insert(name, value);
        }
        object
    }
}

/// RFC 8785 §3.2.3: names compare as arrays of UTF-16 code units. That differs from the order of the UTF-8 bytes only
/// where a surrogate pair meets U+E000..U+FFFF, so never where one of the names is ASCII.
fn order(a: &str, b: &str) -> Ordering {
    if a.is_ascii() || b.is_ascii() { a.cmp(b) } else { a.encode_utf16().cmp(b.encode_utf16()) }
}
