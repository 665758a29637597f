//! Where a webhook may be: never on this machine or in its network, unless the operator allows it.
//!
//! Whoever may subscribe makes this service call an address. So the addresses that a name stands for are checked where
//! the connection is made, each time: what the name stood for when it was given says nothing. Redirects are not followed
//! and no proxy is asked.

use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper_util::client::legacy::connect::dns::Name;
use reqwest::Url;
use tower_service::Service;

/// Longest address of a webhook, bytes.
const URL_BYTES_MAX: usize = 2_048;

/// Networks that are not the Internet (IANA's special-purpose registries): first address and length of the prefix.
#[rustfmt::skip]
const NOT_PUBLIC_V4: [([u8; 4], u32); 15] = [
    ([0, 0, 0, 0], 8), ([10, 0, 0, 0], 8), ([100, 64, 0, 0], 10), ([127, 0, 0, 0], 8), ([169, 254, 0, 0], 16),
    ([172, 16, 0, 0], 12), ([192, 0, 0, 0], 24), ([192, 0, 2, 0], 24), ([192, 88, 99, 0], 24), ([192, 168, 0, 0], 16),
    ([198, 18, 0, 0], 15), ([198, 51, 100, 0], 24), ([203, 0, 113, 0], 24), ([224, 0, 0, 0], 4), ([240, 0, 0, 0], 4),
];
/// Within 2000::/3, outside of which nothing is public: Teredo and others, documentation, 6to4, documentation.
const NOT_PUBLIC_V6: [([u16; 2], u32); 4] =
    [([0x2001, 0], 23), ([0x2001, 0x0db8], 32), ([0x2002, 0], 16), ([0x3fff, 0], 20)];

/// What a name stands for.
pub type Lookup = Arc<dyn Fn(String) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>> + Send + Sync>;

/// The rule, and what looks names up.
#[derive(Clone)]
pub struct Guard {
    /// Private addresses and plain HTTP are allowed.
    private: bool,
    lookup: Lookup,
}

impl Guard {
    /// Looks names up as the system does.
    pub fn new(private: bool) -> Guard {
        let lookup: Lookup = Arc::new(|name| {
            Box::pin(async move { Ok(tokio::net::lookup_host((name, 0)).await?.map(|found| found.ip()).collect()) })
        });
        Guard { private, lookup }
    }

    /// With names of one's own.
    pub fn with(private: bool, lookup: Lookup) -> Guard {
        Guard { private, lookup }
    }

    /// What is wrong with the address of a webhook, as far as it shows without looking it up.
    ///
    /// # Errors
    /// A sentence that says what would be right.
    pub fn check(&self, text: &str) -> Result<Url, String> {
        if text.len() > URL_BYTES_MAX {
            return Err(format!("an address has at most {URL_BYTES_MAX} bytes"));
        }
        let url = Url::parse(text).map_err(|error| format!("it is no absolute URL: {error}"))?;
        match (url.scheme(), self.private) {
            ("https", _) | ("http", true) => {}
            ("http", false) => return Err("it must be https".to_owned()),
            (other, _) => return Err(format!("it must be https, not {other}")),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("it must not hold a name or a password; deliveries are signed".to_owned());
        }
        if url.fragment().is_some() {
            return Err("it must have no fragment".to_owned());
        }
        let host = url.host_str().unwrap_or_default();
        match host.trim_matches(['[', ']']).parse::<IpAddr>() {
            Ok(address) if !self.allows(address) => Err(refused(address)),
            _ => Ok(url),
        }
    }

    fn allows(&self, address: IpAddr) -> bool {
        self.private || is_public(address)
    }
}

/// Looks names up for a connection.
impl Service<Name> for Guard {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let guard = self.clone();
        Box::pin(async move {
            let found = (guard.lookup)(name.as_str().to_owned()).await?;
            // One that is not allowed damns all: else it would be a matter of luck.
            if let Some(other) = found.iter().find(|address| !guard.allows(**address)) {
                return Err(io::Error::new(io::ErrorKind::PermissionDenied, refused(*other)));
            }
            Ok(found.into_iter().map(|address| SocketAddr::new(address, 0)).collect::<Vec<_>>().into_iter())
        })
    }
}

fn refused(address: IpAddr) -> String {
    format!("{address} is no public address, and private ones are not allowed here")
}

/// Whether this is an address of the Internet.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let bits = address.to_bits();
    !NOT_PUBLIC_V4.iter().any(|(network, length)| (bits ^ u32::from_be_bytes(*network)) >> (32 - length) == 0)
}

/// IPv4 in any dress of IPv6 (mapped, compatible, translated) is outside of 2000::/3.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let bits = address.to_bits();
    let within =
        |[a, b]: [u16; 2], length: u32| (bits ^ (u128::from(a) << 112 | u128::from(b) << 96)) >> (128 - length) == 0;
    within([0x2000, 0], 3) && !NOT_PUBLIC_V6.iter().any(|(network, length)| within(*network, *length))
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use super::*;

    #[test]
    fn only_the_internet_is_public() {
        for address in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.0.9",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.168.1.1",
            "198.19.0.1",
            "224.0.0.1",
            "239.1.2.3",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:8.8.8.8",
            "::ffff:127.0.0.1",
            "::8.8.8.8",
            "64:ff9b::808:808",
            "fc00::1",
            "fdff::1",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "ff02::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "100::1",
            "4000::1",
        ] {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
        for address in [
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.167.255.255",
            "223.255.255.255",
            "2606:4700:4700::1111",
            "2400:3200::1",
            "2001:4860:4860::8888",
        ] {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn addresses_are_judged_in_every_spelling() {
        let strict = Guard::new(false);
        for wrong in [
            "https://127.0.0.1/",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://0177.0.0.1/",
            "https://[::1]/",
            "https://[::ffff:10.0.0.1]/",
            "https://10.1/",
            "http://receiver.example/",
            "ftp://receiver.example/",
            "file:///etc/passwd",
            "receiver.example",
            "https://me:secret@receiver.example/",
            "https://a.example/#x",
            "",
        ] {
            assert!(strict.check(wrong).is_err(), "{wrong}");
        }
        assert!(strict.check(&format!("https://a.example/{}", "x".repeat(URL_BYTES_MAX))).is_err());
        for right in ["https://receiver.example:8443/hook?of=me", "https://8.8.8.8/", "https://[2606:4700::1]/"] {
            assert!(strict.check(right).is_ok(), "{right}");
        }
        let open = Guard::new(true);
        assert!(open.check("http://127.0.0.1:9000/hook").is_ok() && open.check("gopher://127.0.0.1/").is_err());
    }

    #[tokio::test]
    async fn what_a_name_stands_for_is_judged_each_time() {
        let answers = Arc::new(std::sync::Mutex::new(vec!["127.0.0.1", "8.8.8.8,10.0.0.1", "8.8.8.8"]));
        let lookup: Lookup = Arc::new(move |_| {
            let answer = answers.lock().unwrap().pop().unwrap();
            Box::pin(async move { Ok(answer.split(',').map(|text| text.parse().unwrap()).collect()) })
        });
        let mut guard = Guard::with(false, lookup);
        let mut ask = || guard.call(Name::from_str("rebound.example").unwrap());
        let first: Vec<_> = ask().await.unwrap().collect();
        assert_eq!(first, ["8.8.8.8:0".parse().unwrap()]);
        assert!(ask().await.is_err());
        let error = ask().await.err().unwrap().to_string();
        assert_eq!(error, "127.0.0.1 is no public address, and private ones are not allowed here");
    }
}
