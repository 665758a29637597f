//! What surrounds the events of a JSON document.

use super::lexer::Lexer;
use super::{BODY, HEADER_MEMBERS_MAX};
use crate::document::DocumentKind;
use crate::fault::Fault;
use crate::json::{Json, Object, pointer};
use std::io::BufRead;

/// The members of a document but for its `epcisBody`, read before its events are: so that the context may stand behind a
/// body of any size, where the input can be read twice.
pub struct Head {
    pub(super) members: Object,
    /// Bytes that all that surrounds the events may still take.
    pub(super) room: usize,
}

impl Head {
    /// An empty one for at most so many bytes of JSON.
    pub(super) fn new(bytes_max: usize) -> Self {
        Head { members: Object::new(), room: bytes_max }
    }

    /// Reads a document to its end; what surrounds the events takes at most so many bytes of JSON. The body is only
    /// passed over.
    ///
    /// # Errors
    /// The first fault of the envelope.
    pub fn read(input: impl BufRead, bytes_max: usize) -> Result<Self, Fault> {
        let mut lexer = Lexer::new(input);
        let (mut head, mut has_body) = (Head::new(bytes_max), false);
        lexer.expect(b'{')?;
        while let Some(name) = lexer.member()? {
            if name == BODY && !std::mem::replace(&mut has_body, true) {
                lexer.skip().map_err(|fault| fault.under(&pointer(&name)))?;
            } else if name == BODY {
                return Err(twice(&pointer(&name), &name));
            } else {
                let piece = head.piece(&mut lexer, "", &name)?;
                add(&mut head.members, "", &name, &piece)?;
            }
        }
        lexer.end()?;
        Ok(head)
    }

    /// The bytes of a member's value.
    pub(super) fn piece<R: BufRead>(&mut self, lexer: &mut Lexer<R>, at: &str, name: &str) -> Result<Vec<u8>, Fault> {
        let piece = lexer.value(self.room).map_err(|fault| fault.under(&(at.to_owned() + &pointer(name))))?;
        self.room -= piece.len();
        Ok(piece)
    }
}

/// Reads a value into an object that stands at `at`.
pub(super) fn add(object: &mut Object, at: &str, name: &str, piece: &[u8]) -> Result<(), Fault> {
    let path = at.to_owned() + &pointer(name);
    if object.len() >= HEADER_MEMBERS_MAX {
        return Err(Fault::limit(path, "too-large", format!("more than {HEADER_MEMBERS_MAX} members")));
    }
    let value = Json::parse(piece).map_err(|fault| Fault::from(fault).under(&path))?;
    match object.insert(name, value) {
        None => Ok(()),
        Some(_) => Err(twice(&path, name)),
    }
}

pub(super) fn twice(path: &str, name: &str) -> Fault {
    Fault::new(path, "duplicate-member", format!("{name:?} stands more than once"))
}

/// The members down to the list, in each kind of document.
pub(super) fn way(kind: DocumentKind) -> &'static [&'static str] {
    match kind {
        DocumentKind::Query => &[BODY, "queryResults", "resultsBody", "eventList"],
        DocumentKind::Capture | DocumentKind::Event => &[BODY, "eventList"],
    }
}
