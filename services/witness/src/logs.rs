//! Which logs are witnessed, and by whose keys: our own from the genesis, others from a file.
//!
//! ```text
//! # a comment
//! log <vkey> [<url>]             the key's name is the log's origin; several keys of one origin may sign
//! ```
//!
//! Source of the lines: <https://c2sp.org/tlog-policy>.

use std::collections::BTreeMap;

use medtrace_ledger::vkey::KeyUse;
use medtrace_ledger::{Genesis, VerifierKey};

/// Most logs of one witness.
pub const LOGS_MAX: usize = 1024;

/// Keys by origin.
#[derive(Debug, Clone)]
pub struct Logs(BTreeMap<String, Vec<VerifierKey>>);

impl Logs {
    /// Our own log.
    pub fn of(genesis: &Genesis) -> Logs {
        Logs(BTreeMap::from([(genesis.origin.to_string(), vec![genesis.policy.log.clone()])]))
    }

    /// Adds the logs of a file.
    ///
    /// # Errors
    /// The number of the line that is wrong, and why.
    pub fn add_lines(&mut self, text: &str) -> Result<(), String> {
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim_matches([' ', '\t']);
            if !line.is_empty() && !line.starts_with('#') {
                self.add_line(line).map_err(|reason| format!("line {number}: {reason}"))?;
            }
        }
        Ok(())
    }

    fn add_line(&mut self, line: &str) -> Result<(), String> {
        let words: Vec<&str> = line.split([' ', '\t']).filter(|word| !word.is_empty()).collect();
        let (["log", vkey] | ["log", vkey, _]) = words[..] else { return Err("a line is log <vkey> [<url>]".into()) };
        let (key, used) = VerifierKey::parse_vkey(vkey).map_err(|error| error.to_string())?;
        if used != KeyUse::Ed25519 {
            return Err("the key of a log is an Ed25519 key of type 1".into());
        }
        if self.0.values().flatten().any(|known| known.public == key.public) {
            return Err("the key is there already".into());
        }
        self.0.entry(key.name.to_string()).or_default().push(key);
        match self.0.len() <= LOGS_MAX {
            true => Ok(()),
            false => Err(format!("more than {LOGS_MAX} logs")),
        }
    }

    /// Every origin with the keys that may sign for it.
    pub fn into_keys(self) -> BTreeMap<String, Vec<VerifierKey>> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The verifier key of the Go documentation of `note` (package example).
    const FOREIGN: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";

    #[test]
    fn a_file_of_logs_is_read_line_by_line_and_says_what_is_wrong() {
        let mut logs = Logs(BTreeMap::new());
        logs.add_lines(&format!("# neighbours\n\n \t log\t{FOREIGN}  https://a.example \n")).unwrap();
        assert_eq!(logs.0.keys().collect::<Vec<_>>(), ["PeterNeumann"]);
        for (lines, says) in [
            (format!("log {FOREIGN}"), "line 1: the key is there already"),
            ("\nwitness w k".to_owned(), "line 2: a line is log <vkey> [<url>]"),
            (format!("log {FOREIGN} a b"), "line 1: a line is"),
            ("log nobody".to_owned(), "line 1: verifier key"),
            (FOREIGN.to_owned(), "line 1: a line is"),
        ] {
            let error = logs.add_lines(&lines).unwrap_err();
            assert!(error.starts_with(says), "{error}");
        }
    }
}
