//! Strict reading of line texts: every line ends in `\n`, decimals have no leading zeros, nothing may be left over.

use std::str::FromStr;

/// Why a text is refused: which format, which line (1-based; 0 for the whole), and what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{format}, line {line}: {problem}")]
pub struct FormatError {
    pub format: &'static str,
    pub line: usize,
    pub problem: String,
}

impl FormatError {
    pub(crate) fn whole(format: &'static str, problem: impl Into<String>) -> FormatError {
        FormatError { format, line: 0, problem: problem.into() }
    }
}

/// A decimal without sign, spaces or leading zeros, at most `max`.
pub(crate) fn decimal(text: &str, max: u64) -> Option<u64> {
    let canonical = text.bytes().all(|c| c.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    let value = if canonical {
        text.parse::<u64>().ok()?
    } else {
        return None;
    };
    (value <= max).then_some(value)
}

/// Reads one text line by line.
pub(crate) struct Lines<'a> {
    format: &'static str,
    rest: &'a str,
    line: usize,
}

impl<'a> Lines<'a> {
    /// Starts at the first line of `text`, which must be exactly `format`.
    pub fn new(format: &'static str, text: &'a str, bytes_max: usize) -> Result<Lines<'a>, FormatError> {
        let mut lines = Lines::headless(format, text, bytes_max)?;
        match lines.next()? {
            first if first == format => Ok(lines),
            _ => Err(lines.error(format!("must be {format}"))),
        }
    }

    /// Starts at the first line of a text that does not name its format.
    pub fn headless(format: &'static str, text: &'a str, bytes_max: usize) -> Result<Lines<'a>, FormatError> {
        if text.len() > bytes_max {
            return Err(FormatError::whole(format, format!("more than {bytes_max} bytes")));
        }
        Ok(Lines { format, rest: text, line: 0 })
    }

    pub fn error(&self, problem: impl Into<String>) -> FormatError {
        FormatError { format: self.format, line: self.line, problem: problem.into() }
    }

    pub fn next(&mut self) -> Result<&'a str, FormatError> {
        self.line += 1;
        let (line, rest) = self.rest.split_once('\n').ok_or_else(|| self.error("a whole line is missing"))?;
        self.rest = rest;
        Ok(line)
    }

    /// The next line, left unread.
    pub fn peek(&self) -> Option<&'a str> {
        self.rest.split_once('\n').map(|(line, _)| line)
    }

    /// The next line, if it starts with `prefix`; without the prefix.
    pub fn next_if(&mut self, prefix: &str) -> Option<&'a str> {
        let (line, rest) = self.rest.split_once('\n')?;
        let found = line.strip_prefix(prefix)?;
        self.line += 1;
        self.rest = rest;
        Some(found)
    }

    /// The next line as a value; `what` names it in the error.
    pub fn value<T: FromStr>(&mut self, what: &str) -> Result<T, FormatError>
    where
        T::Err: std::fmt::Display,
    {
        let line = self.next()?;
        line.parse().map_err(|e| self.error(format!("{what}: {e}")))
    }

    pub fn decimal(&mut self, what: &str, max: u64) -> Result<u64, FormatError> {
        let line = self.next()?;
        decimal(line, max).ok_or_else(|| self.error(decimal_rule(what, max)))
    }

    /// The next line as exactly `N` words after `prefix`.
    pub fn words_if<const N: usize>(&mut self, prefix: &str) -> Result<Option<Words<'a, N>>, FormatError> {
        let Some(found) = self.next_if(prefix) else {
            return Ok(None);
        };
        let words: Vec<&str> = found.split(' ').collect();
        let words = words.try_into().map_err(|_| self.error(format!("must be {N} words after {prefix}")))?;
        Ok(Some(Words { words, at: FormatError { format: self.format, line: self.line, problem: String::new() } }))
    }

    /// Everything that is not read yet.
    pub fn rest(self) -> &'a str {
        self.rest
    }

    pub fn end(self) -> Result<(), FormatError> {
        if self.rest.is_empty() { Ok(()) } else { Err(self.error("more text follows")) }
    }
}

/// The words of one line.
pub(crate) struct Words<'a, const N: usize> {
    words: [&'a str; N],
    at: FormatError,
}

impl<const N: usize> Words<'_, N> {
    pub fn value<T: FromStr>(&self, index: usize, what: &str) -> Result<T, FormatError>
    where
        T::Err: std::fmt::Display,
    {
        self.words[index].parse().map_err(|e| self.error(format!("{what}: {e}")))
    }

    pub fn decimal(&self, index: usize, what: &str, max: u64) -> Result<u64, FormatError> {
        decimal(self.words[index], max).ok_or_else(|| self.error(decimal_rule(what, max)))
    }

    fn error(&self, problem: String) -> FormatError {
        FormatError { problem, ..self.at.clone() }
    }
}

fn decimal_rule(what: &str, max: u64) -> String {
    format!("{what} must be a decimal without leading zeros, at most {max}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decimal_has_one_spelling() {
        assert_eq!(decimal("0", 0), Some(0));
        assert_eq!(decimal("18446744073709551615", u64::MAX), Some(u64::MAX));
        for bad in ["", "00", "01", "+1", "-1", " 1", "1 ", "1.0", "18446744073709551616", "٣"] {
            assert_eq!(decimal(bad, u64::MAX), None, "{bad}");
        }
        assert_eq!(decimal("6", 5), None);
    }
}
