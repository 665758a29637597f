//! Words and brackets of ClickHouse SQL, past comments, strings and quoted names. No grammar.

/// One token that can matter to the endpoint; text inside quotes never does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token<'a> {
    pub kind: Kind<'a>,
    /// Byte range in the scanned text.
    pub start: usize,
    pub end: usize,
    /// Brackets open around it; an opening bracket counts itself out, a closing one too.
    pub depth: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind<'a> {
    /// A bare word: keyword, name or number.
    Word(&'a [u8]),
    /// A quoted string or name.
    Quoted,
    /// Any other byte: brackets, operators, `;`.
    Byte(u8),
}

impl Token<'_> {
    pub fn is(&self, keyword: &str) -> bool {
        matches!(self.kind, Kind::Word(word) if word.eq_ignore_ascii_case(keyword.as_bytes()))
    }
}

/// Iterates over the tokens of `text`. Ends early, inside an unclosed comment or quote, if the text does.
pub struct Scan<'a> {
    text: &'a [u8],
    at: usize,
    depth: usize,
}

impl<'a> Scan<'a> {
    pub fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0, depth: 0 }
    }

    fn rest(&self) -> &'a [u8] {
        &self.text[self.at..]
    }

    /// Moves past the next occurrence of `end`, or to the end of the text.
    fn pass(&mut self, end: &[u8]) {
        let found = self.rest().windows(end.len()).position(|window| window == end);
        self.at = found.map_or(self.text.len(), |found| self.at + found + end.len());
    }

    fn skip_blank(&mut self) {
        loop {
            let rest = self.rest();
            let line_comment = rest.starts_with(b"--") || rest.starts_with(b"# ") || rest.starts_with(b"#!");
            if rest.first().is_some_and(|byte| byte.is_ascii_whitespace() || *byte == 0x0b) {
                self.at += 1;
            } else if line_comment {
                self.pass(b"\n");
            } else if rest.starts_with(b"/*") {
                self.at += 2;
                self.pass(b"*/");
            } else {
                return;
            }
        }
    }

    /// Past the quote that closes the one at `at`: backslash escapes, and a doubled quote is one of the text's.
    fn quoted(&mut self, quote: u8) {
        self.at += 1;
        while let Some(&byte) = self.text.get(self.at) {
            self.at += 1;
            if byte == b'\\' {
                self.at += 1;
            } else if byte == quote {
                if self.text.get(self.at) != Some(&quote) {
                    break;
                }
                self.at += 1;
            }
        }
        self.at = self.at.min(self.text.len());
    }

    /// `$tag$ … $tag$`, if one starts here.
    fn heredoc(&mut self) -> bool {
        let rest = self.rest();
        let tag = rest.iter().skip(1).take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
        if rest.get(tag + 1) != Some(&b'$') {
            return false;
        }
        let fence = &rest[..tag + 2];
        self.at += fence.len();
        self.pass(fence);
        true
    }
}

impl<'a> Iterator for Scan<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        self.skip_blank();
        let start = self.at;
        let first = *self.text.get(start)?;
        let mut depth = self.depth;
        let kind = match first {
            b'\'' | b'"' | b'`' => {
                self.quoted(first);
                Kind::Quoted
            }
            b'$' if self.heredoc() => Kind::Quoted,
            b'_' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | 0x80.. => {
                let word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_' || *byte >= 0x80;
                self.at += self.rest().iter().take_while(|byte| word(byte)).count();
                Kind::Word(&self.text[start..self.at])
            }
            _ => {
                self.at += 1;
                match first {
                    b'(' | b'[' | b'{' => self.depth += 1,
                    b')' | b']' | b'}' => {
                        self.depth = self.depth.saturating_sub(1);
                        depth = self.depth;
                    }
                    _ => {}
                }
                Kind::Byte(first)
            }
        };
        Some(Token { kind, start, end: self.at, depth })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        Scan::new(text.as_bytes())
            .filter_map(|token| match token.kind {
                Kind::Word(word) => Some(String::from_utf8_lossy(word).into_owned()),
                _ => None,
            })
            .collect()
    }

    #[test]
    fn quotes_and_comments_hide_words() {
        assert_eq!(words("a 'b \\' c' d -- e\n f /* g */ h # i\nj"), ["a", "d", "f", "h", "j"]);
        assert_eq!(words("a 'it''s b' \"c\" `d` $x$ e $x$ f"), ["a", "f"]);
        assert_eq!(words("a $1 b"), ["a", "1", "b"]);
        assert_eq!(words("a 'never closed b"), ["a"]);
        assert_eq!(words("a 'b\\"), ["a"]);
    }

    #[test]
    fn brackets_count() {
        let depths: Vec<_> = Scan::new(b"a(b[c])d").map(|token| token.depth).collect();
        assert_eq!(depths, [0, 0, 1, 1, 2, 1, 0, 0]);
    }

    proptest::proptest! {
        /// Any bytes are scanned to their end, in order, without overlap.
        #[test]
        fn never_stuck(text in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
            let mut last = 0;
            for token in Scan::new(&text) {
                proptest::prop_assert!(token.start >= last && token.end > token.start && token.end <= text.len());
                last = token.end;
            }
        }
    }
}
