//! Cuts JSON text into values without reading what is in them.

use crate::fault::Fault;
use crate::json::Json;
use std::io::{self, BufRead, Cursor};

/// Longest member name, in bytes of JSON.
const NAME_BYTES_MAX: usize = 4096;

/// Text, and how far it was read.
pub(super) struct Lexer<R> {
    input: R,
    /// Text that was put aside, and whether it is read now.
    held: Cursor<Vec<u8>>,
    replayed: bool,
    /// Whether a member or item stood before in the innermost open object or list.
    follows: bool,
    position: u64,
}

impl<R: BufRead> Lexer<R> {
    pub fn new(input: R) -> Self {
        Lexer { input, held: Cursor::default(), replayed: false, follows: false, position: 0 }
    }

    /// Puts text aside, to be read in place of the input after [`Lexer::replay`].
    pub fn hold(&mut self, text: Vec<u8>) {
        self.held = Cursor::new(text);
    }

    pub fn replay(&mut self) {
        self.replayed = true;
    }

    pub fn is_replayed(&self) -> bool {
        self.replayed
    }

    fn available(&mut self) -> Result<&[u8], Fault> {
        let position = self.position;
        let bytes = if self.replayed { self.held.fill_buf() } else { fill(&mut self.input) };
        bytes.map_err(|error| Fault::new("", "io", format!("{error} after byte {position}")))
    }

    fn consume(&mut self, count: usize) {
        self.position += count as u64;
        if self.replayed { self.held.consume(count) } else { self.input.consume(count) }
    }

    fn wrong(&self, what: &str) -> Fault {
        Fault::new("", "syntax", format!("{what} at byte {}", self.position))
    }

    /// The next byte that is no white space; `None` at the end.
    fn peek(&mut self) -> Result<Option<u8>, Fault> {
        loop {
            let bytes = self.available()?;
            if bytes.is_empty() {
                return Ok(None);
            }
            let blank = bytes.iter().take_while(|byte| b" \t\r\n".contains(byte)).count();
            let next = bytes.get(blank).copied();
            self.consume(blank);
            if next.is_some() {
                return Ok(next);
            }
        }
    }

    /// Takes this byte. After `{` or `[` comes the first member or item.
    pub fn expect(&mut self, byte: u8) -> Result<(), Fault> {
        if self.peek()? != Some(byte) {
            return Err(self.wrong(&format!("{:?} is missing", char::from(byte))));
        }
        self.consume(1);
        self.follows = false;
        Ok(())
    }

    /// Goes on to the next item of the open list; `false` at its end.
    pub fn item(&mut self) -> Result<bool, Fault> {
        self.next(b']')
    }

    /// The name of the next member of the open object; `None` at its end.
    pub fn member(&mut self) -> Result<Option<String>, Fault> {
        if !self.next(b'}')? {
            return Ok(None);
        }
        if self.peek()? != Some(b'"') {
            return Err(self.wrong("a member name is missing"));
        }
        let name = self.value(NAME_BYTES_MAX)?;
        let Json::String(name) = Json::parse(&name).map_err(Fault::from)? else {
            return Err(self.wrong("a member name is missing"));
        };
        self.expect(b':')?;
        self.follows = true;
        Ok(Some(name))
    }

    fn next(&mut self, end: u8) -> Result<bool, Fault> {
        let next = self.peek()?;
        if next == Some(end) {
            self.consume(1);
            // Whatever is open around it has had this member.
            self.follows = true;
            return Ok(false);
        }
        if self.follows {
            self.expect(b',')?;
            if self.peek()? == Some(end) {
                return Err(self.wrong("a value is missing"));
            }
        }
        self.follows = true;
        Ok(true)
    }

    /// The bytes of the next value, whole if it is JSON at all.
    pub fn value(&mut self, bytes_max: usize) -> Result<Vec<u8>, Fault> {
        let mut out = Vec::new();
        self.cut(|bytes| {
            if out.len() + bytes.len() > bytes_max {
                return Err(Fault::limit("", "too-large", format!("more than {bytes_max} bytes; split it")));
            }
            out.extend_from_slice(bytes);
            Ok(())
        })?;
        Ok(out)
    }

    /// Passes the next value over.
    pub fn skip(&mut self) -> Result<(), Fault> {
        self.cut(|_| Ok(()))
    }

    /// Gives the bytes of the next value, piece by piece.
    fn cut(&mut self, mut keep: impl FnMut(&[u8]) -> Result<(), Fault>) -> Result<(), Fault> {
        let Some(first) = self.peek()? else {
            return Err(self.wrong("the document ends where a value is missing"));
        };
        let mut cut = Cut { depth: 0, string: false, escaped: false, scalar: !b"{[\"".contains(&first) };
        loop {
            let bytes = self.available()?;
            if bytes.is_empty() {
                if cut.scalar {
                    return Ok(());
                }
                return Err(self.wrong("the document ends within a value"));
            }
            let (count, done) = cut.take(bytes);
            keep(&bytes[..count])?;
            self.consume(count);
            if done {
                return Ok(());
            }
        }
    }

    /// Nothing more follows.
    pub fn end(&mut self) -> Result<(), Fault> {
        match self.peek()? {
            None => Ok(()),
            Some(_) => Err(self.wrong("something follows the end of the document")),
        }
    }
}

fn fill<R: BufRead>(input: &mut R) -> io::Result<&[u8]> {
    input.fill_buf()
}

/// Where a value ends.
struct Cut {
    depth: usize,
    string: bool,
    escaped: bool,
    /// A number or word: it ends before the next delimiter.
    scalar: bool,
}

impl Cut {
    /// How many bytes belong to the value, and whether it ends with them.
    fn take(&mut self, bytes: &[u8]) -> (usize, bool) {
        for (at, &byte) in bytes.iter().enumerate() {
            if self.scalar {
                if b",]} \t\r\n".contains(&byte) {
                    return (at, true);
                }
            } else if self.string {
                match byte {
                    _ if self.escaped => self.escaped = false,
                    b'\\' => self.escaped = true,
                    b'"' => self.string = false,
                    _ => {}
                }
            } else {
                match byte {
                    b'"' => self.string = true,
                    b'{' | b'[' => self.depth += 1,
                    b'}' | b']' => self.depth = self.depth.saturating_sub(1),
                    _ => {}
                }
            }
            if !self.scalar && !self.string && self.depth == 0 {
                return (at + 1, true);
            }
        }
        (bytes.len(), false)
    }
}
