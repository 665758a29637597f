//! Configuration from environment variables, read once at start into a documented struct of the service's own.
//!
//! ```no_run
//! # use std::net::SocketAddr;
//! # use medtrace_service::{ConfigError, Env};
//! struct Config { listen: SocketAddr, kafka: String }
//! fn read(env: &Env) -> Result<Config, ConfigError> {
//!     Ok(Config { listen: env.or("MEDTRACE_LISTEN", "127.0.0.1:7080")?, kafka: env.required("MEDTRACE_KAFKA")? })
//! }
//! ```

use std::{
    collections::HashMap,
    fmt::Display,
    path::{Path, PathBuf},
    str::FromStr,
};

/// Exit code of a process whose configuration is wrong (EX_CONFIG of sysexits.h).
pub const EXIT_CONFIG: u8 = 78;

/// One line that names the variable and what would be right. Ends the process with [`EXIT_CONFIG`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{variable}: {reason}")]
pub struct ConfigError {
    pub variable: String,
    pub reason: String,
}

impl ConfigError {
    pub fn new(variable: impl Into<String>, reason: impl Display) -> Self {
        // A reason from elsewhere may have several lines; what is printed is one.
        let reason = reason.to_string().replace(['\n', '\r'], " ");
        Self { variable: variable.into(), reason }
    }
}

/// Where variables come from: the process's environment, or a table in tests. An empty value counts as not set.
#[derive(Debug, Clone, Default)]
pub struct Env(HashMap<String, String>);

impl Env {
    /// The environment of this process (variables that are not UTF-8 are left out).
    pub fn real() -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self(std::env::vars_os().filter_map(text).collect())
    }

    pub fn of<const N: usize>(variables: [(&str, &str); N]) -> Self {
        Self(variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into())
    }

    pub fn text(&self, variable: &str) -> Option<&str> {
        self.0.get(variable).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// `None` if not set.
    pub fn optional<T: FromStr<Err: Display>>(&self, variable: &str) -> Result<Option<T>, ConfigError> {
        let parse = |value: &str| value.parse().map_err(|e| ConfigError::new(variable, format!("{value:?}: {e}")));
        self.text(variable).map(parse).transpose()
    }

    pub fn required<T: FromStr<Err: Display>>(&self, variable: &str) -> Result<T, ConfigError> {
        self.optional(variable)?.ok_or_else(|| ConfigError::new(variable, "is not set"))
    }

    /// `default` is parsed as if it had been set.
    pub fn or<T: FromStr<Err: Display>>(&self, variable: &str, default: &str) -> Result<T, ConfigError> {
        match self.optional(variable)? {
            Some(value) => Ok(value),
            None => default.parse().map_err(|e| ConfigError::new(variable, format!("default {default:?}: {e}"))),
        }
    }

    /// A folder that must exist.
    pub fn folder(&self, variable: &str) -> Result<PathBuf, ConfigError> {
        let path: PathBuf = self.required(variable)?;
        if path.is_dir() {
            Ok(path)
        } else {
            Err(ConfigError::new(variable, format!("{} is no folder", path.display())))
        }
    }

    /// A folder that is made if it is not there.
    pub fn own_folder(&self, variable: &str) -> Result<PathBuf, ConfigError> {
        let path: PathBuf = self.required(variable)?;
        std::fs::create_dir_all(&path).map_err(|e| ConfigError::new(variable, format!("{}: {e}", path.display())))?;
        Ok(path)
    }

    /// The whole text of the file that the variable names, and its path.
    pub fn file(&self, variable: &str) -> Result<(PathBuf, String), ConfigError> {
        let path: PathBuf = self.required(variable)?;
        let text = read_text(&path).map_err(|reason| ConfigError::new(variable, reason))?;
        Ok((path, text))
    }
}

fn read_text(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::SocketAddr;

    #[test]
    fn a_wrong_value_names_the_variable_and_the_value() {
        let env = Env::of([("MEDTRACE_LISTEN", "localhost"), ("EMPTY", "")]);
        let wrong = env.required::<SocketAddr>("MEDTRACE_LISTEN").unwrap_err();
        assert_eq!(wrong.to_string(), "MEDTRACE_LISTEN: \"localhost\": invalid socket address syntax");
        assert_eq!(env.required::<u16>("EMPTY").unwrap_err().to_string(), "EMPTY: is not set");
        assert_eq!(env.optional::<u16>("EMPTY"), Ok(None));
        assert_eq!(env.or::<u16>("EMPTY", "7080"), Ok(7080));
    }

    #[test]
    fn a_reason_is_one_line() {
        assert_eq!(ConfigError::new("A", "two\nlines").to_string(), "A: two lines");
    }
}
