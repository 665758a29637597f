//! Who may ask: one user with one password.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::arguments::Arguments;
use crate::exception::{Code, Exception};

/// The user's name and the digest of its password; the password itself is not kept.
pub struct Credentials {
    user: String,
    password: [u8; 32],
}

impl Credentials {
    pub fn new(user: impl Into<String>, password: &str) -> Self {
        Self { user: user.into(), password: Sha256::digest(password).into() }
    }

    /// Accepts `X-ClickHouse-User` and `-Key`, HTTP basic authentication, or the arguments `user` and `password`; one of
    /// these ways, not two.
    pub(super) fn check(&self, headers: &HeaderMap, arguments: &Arguments) -> Result<(), Exception> {
        let header = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let own = (header("x-clickhouse-user"), header("x-clickhouse-key"));
        let url = (arguments.user.clone(), arguments.password.clone());
        let basic = headers.get(AUTHORIZATION).map(|value| basic(value.as_bytes()));
        let ways = [own != (None, None), url != (None, None), basic.is_some()];
        let (user, password) = match (ways, basic) {
            ([true, false, false], _) => own,
            ([false, true, false], _) => url,
            ([false, false, true], Some(Some((user, password)))) => (Some(user), Some(password)),
            ([false, false, false], _) => return Err(self.refuse(Code::RequiredPassword, None)),
            _ => {
                let message =
                    "Invalid authentication: give user and password in headers, by HTTP basic, or as parameters";
                return Err(Exception::new(Code::AuthenticationFailed, message));
            }
        };
        // Digests, so that the time tells nothing of a length either.
        let given: [u8; 32] = Sha256::digest(password.unwrap_or_default()).into();
        let known = user.as_deref().unwrap_or(crate::client::USER_DEFAULT) == self.user;
        if bool::from(given.ct_eq(&self.password)) && known {
            return Ok(());
        }
        Err(self.refuse(Code::AuthenticationFailed, user))
    }

    fn refuse(&self, code: Code, user: Option<String>) -> Exception {
        let user = user.unwrap_or_else(|| crate::client::USER_DEFAULT.to_owned());
        let message =
            format!("{user}: Authentication failed: password is incorrect, or there is no user with such name");
        Exception::new(code, message)
    }
}

fn basic(header: &[u8]) -> Option<(String, String)> {
    let (scheme, encoded) = header.split_at_checked(6)?;
    if !scheme.eq_ignore_ascii_case(b"basic ") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    let (user, password) = text.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(headers: &[(&str, &str)], user: Option<&str>, password: Option<&str>) -> Option<u32> {
        let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        let arguments =
            Arguments { user: user.map(str::to_owned), password: password.map(str::to_owned), ..Arguments::default() };
        Credentials::new("default", "right").check(&headers, &arguments).err().map(|exception| exception.code)
    }

    #[test]
    fn three_ways_in() {
        assert_eq!(check(&[("x-clickhouse-user", "default"), ("x-clickhouse-key", "right")], None, None), None);
        assert_eq!(check(&[("x-clickhouse-key", "right")], None, None), None);
        assert_eq!(check(&[("authorization", "Basic ZGVmYXVsdDpyaWdodA==")], None, None), None);
        assert_eq!(check(&[], Some("default"), Some("right")), None);
    }

    #[test]
    fn everything_else_is_refused() {
        assert_eq!(check(&[], None, None), Some(194));
        assert_eq!(check(&[("x-clickhouse-user", "default")], None, None), Some(516));
        assert_eq!(check(&[("x-clickhouse-user", "other"), ("x-clickhouse-key", "right")], None, None), Some(516));
        assert_eq!(check(&[("x-clickhouse-key", "wrong")], None, None), Some(516));
        assert_eq!(check(&[("authorization", "Bearer right")], None, None), Some(516));
        assert_eq!(check(&[("authorization", "Basic ZGVmYXVsdDp3cm9uZw==")], None, None), Some(516));
        assert_eq!(check(&[("x-clickhouse-key", "right")], Some("default"), Some("right")), Some(516));
        assert_eq!(check(&[], Some("default"), None), Some(516));
    }
}
