//! Parameters of a query string: percent-decoded, each at most once, none unknown. `+` is itself, as times and codes
//! carry it.

use medtrace_ledger::EventRef;
use medtrace_service::{Kind, Problem};

/// What is left to be taken.
#[derive(Default)]
pub struct Params(Vec<(String, String)>);

impl Params {
    /// # Errors
    /// A parameter that is given twice.
    pub fn read(query: Option<&str>) -> Result<Params, Problem> {
        let query = query.unwrap_or_default().replace('+', "%2B");
        let mut pairs: Vec<(String, String)> = Vec::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            if pairs.iter().any(|(other, _)| *other == name) {
                return Err(wrong(&name, "twice", format!("{name} is given twice; several values are parted by |")));
            }
            pairs.push((name.into_owned(), value.into_owned()));
        }
        Ok(Params(pairs))
    }

    /// And one value more, of a parameter that is not given already.
    ///
    /// # Errors
    /// It is; or the value would be read as a list.
    pub fn with(mut self, name: &str, value: &str) -> Result<Params, Problem> {
        if self.0.iter().any(|(other, _)| other == name) {
            return Err(wrong(name, "twice", format!("{name} is given by the path already")));
        }
        if value.contains('|') {
            return Err(Kind::NoSuchResource.because(format!("{value:?} is not one value")));
        }
        self.0.push((name.to_owned(), value.to_owned()));
        Ok(self)
    }

    /// One more, whose name is none of these.
    pub fn push(&mut self, name: &str, value: String) {
        self.0.push((name.to_owned(), value));
    }

    /// All that are left, in their order.
    pub fn pairs(&self) -> &[(String, String)] {
        &self.0
    }

    pub fn take(&mut self, name: &str) -> Option<String> {
        let at = self.0.iter().position(|(other, _)| other == name)?;
        Some(self.0.remove(at).1)
    }

    /// # Errors
    /// It is not given.
    pub fn required(&mut self, name: &str) -> Result<String, Problem> {
        self.take(name).ok_or_else(|| wrong(name, "missing", format!("{name} is missing")))
    }

    /// What one of these words stands for.
    pub fn word<T: Copy>(&mut self, name: &str, words: &[(&str, T)]) -> Result<Option<T>, Problem> {
        let Some(text) = self.take(name) else { return Ok(None) };
        let found = words.iter().find(|(word, _)| *word == text);
        let all = || words.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", ");
        let unknown = || wrong(name, "value", format!("{name} is one of {}, not {text:?}", all()));
        found.map(|(_, value)| Some(*value)).ok_or_else(unknown)
    }

    /// A number between limits, or the default.
    pub fn number(&mut self, name: &str, default: u64, from: u64, to: u64) -> Result<u64, Problem> {
        let Some(text) = self.take(name) else { return Ok(default) };
        let number = text.parse().ok().filter(|number| (from..=to).contains(number));
        number.ok_or_else(|| wrong(name, "range", format!("{name} is a number from {from} to {to}, not {text:?}")))
    }

    /// # Errors
    /// A parameter that nobody has taken; `known` says which there are.
    pub fn end(self, known: &str) -> Result<(), Problem> {
        match self.0.first() {
            None => Ok(()),
            Some((name, _)) => {
                Err(wrong(name, "unknown-parameter", format!("{name} is not a parameter here; there are {known}")))
            }
        }
    }
}

/// A query parameter that cannot be taken, by its name.
pub fn wrong(name: &str, code: &str, detail: String) -> Problem {
    Kind::QueryParameter.because(detail.clone()).at(medtrace_event::json::pointer(name), code, detail)
}

/// A cursor that names what was looked at last.
pub fn read_cursor(text: &str) -> Result<EventRef, Problem> {
    text.parse().map_err(|_| wrong("cursor", "cursor", "cursor is the next of the page before".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plus_is_a_plus() {
        let mut params = Params::read(Some("GE_eventTime=2026-01-01T00:00:00+08:00&a=%7C%20b&c")).unwrap();
        assert_eq!(params.take("GE_eventTime").as_deref(), Some("2026-01-01T00:00:00+08:00"));
        assert_eq!(params.take("a").as_deref(), Some("| b"));
        assert_eq!(params.take("c").as_deref(), Some(""));
        assert_eq!(params.take("c"), None);
        params.end("").unwrap();
    }

    #[test]
    fn what_is_wrong_is_named() {
        let twice = Params::read(Some("a=1&a=2")).err().unwrap();
        assert_eq!((twice.status, twice.errors[0].path.as_str()), (400, "/a"));
        let unknown = Params::read(Some("b=1")).unwrap().end("a").unwrap_err();
        assert_eq!(unknown.name, "epcisException:QueryParameterException");
        assert_eq!(unknown.detail, "b is not a parameter here; there are a");
        let mut params = Params::read(Some("limit=1001")).unwrap();
        assert_eq!(params.number("limit", 30, 1, 1000).unwrap_err().errors[0].code, "range");
    }
}
