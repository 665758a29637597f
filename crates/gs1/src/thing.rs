//! The key of everything that can be traced.

use std::fmt::{self, Write};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use smol_str::{SmolStr, format_smolstr};

use crate::ai::Ai;
use crate::device::{self, Device};
use crate::digits::starts_with_prefix;
use crate::error::quote;
use crate::{Class, CodeError, Gln, Gtin, Scheme, field, uri};

/// URIs that need no second allocation.
const URI_BYTES_TYPICAL: usize = 80;

/// What can be traced: an item, a lot, a logistic unit, a place, … The same thing from every spelling.
///
/// Serialised as its canonical URI. Cheap to clone: up to 23 bytes of id are held inline, longer ones are shared.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Thing {
    class: Class,
    id: SmolStr,
}

/// Whether a thing is one object, a lot of them, or a kind of object. EPCIS lists instances as EPCs, the others as classes
/// with a quantity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    Instance,
    Lot,
    Class,
}

impl Thing {
    /// From parts that a thing gave before, such as a stored row. Nothing is checked; text from outside goes through
    /// [`crate::parse`], [`Thing::from_uri`], [`Gtin::item`] or [`Gtin::lot`].
    pub fn new(class: Class, id: &str) -> Thing {
        Thing { class, id: SmolStr::new(id) }
    }

    pub(crate) fn from_text(class: Class, id: SmolStr) -> Thing {
        Thing { class, id }
    }

    /// AI 00, from the 18 digits of an SSCC.
    pub fn unit(sscc: &str) -> Result<Thing, CodeError> {
        field::check(Ai(0), sscc)?;
        Ok(Thing::new(Class::new(Scheme::Unit, 0), sscc))
    }

    /// A Chinese drug traceability code of 20 digits, or its class of 7.
    pub fn cn_drug(digits: &str) -> Result<Thing, CodeError> {
        uri::cn_drug(digits)
    }

    /// A kind of goods by the code that a product notice gives for it: 7 digits of a drug code, or a device identifier of
    /// MA, HIBCC or ISBT 128, or an insurance code. Other schemes are refused.
    pub fn product_code(scheme: Scheme, code: &str) -> Result<Thing, CodeError> {
        match scheme {
            Scheme::Ma | Scheme::Hibcc | Scheme::Isbt128 | Scheme::CnInsurance => device::product(scheme, code),
            Scheme::CnDrug if code.len() == 7 => uri::cn_drug(code),
            _ => Err(CodeError::new("value", format!("{} is no product code of its scheme", quote(code)))),
        }
    }

    pub fn class(&self) -> Class {
        self.class
    }

    pub fn scheme(&self) -> Scheme {
        self.class.scheme()
    }

    /// Serial, lot, extension or whole key, as [`Scheme`] says; decoded text, compared byte by byte.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The GTIN of an item, lot, product, piece or tobacco pack.
    pub fn gtin(&self) -> Option<Gtin> {
        use Scheme::{Item, Itip, Lot, Product, Upui};
        matches!(self.scheme(), Item | Lot | Product | Itip | Upui).then(|| Gtin::trusted(self.class.value()))
    }

    /// The GLN of a place or party.
    pub fn gln(&self) -> Option<Gln> {
        matches!(self.scheme(), Scheme::Place | Scheme::Party).then(|| Gln::trusted(self.class.value()))
    }

    /// The class that a product notice speaks of: the GTIN as [`Scheme::Product`], the 7-digit drug identification code
    /// as [`Scheme::CnDrug`], or the device identifier of MA, HIBCC or ISBT 128.
    pub fn product(&self) -> Option<Class> {
        match self.scheme() {
            Scheme::CnDrug | Scheme::Ma | Scheme::Hibcc | Scheme::Isbt128 | Scheme::CnInsurance => Some(self.class),
            _ => self.gtin().map(|gtin| Class::new(Scheme::Product, gtin.value())),
        }
    }

    /// The device identifier as its issuer writes it: GTIN-14, the 7 digits of a drug code, or the DI of MA, HIBCC or
    /// ISBT 128. None for what is no kind of goods.
    pub fn device_identifier(&self) -> Option<SmolStr> {
        match (self.scheme(), Device::of(self)) {
            (Scheme::CnDrug, _) => Some(format_smolstr!("{:07}", self.class.value())),
            (_, Some(device)) => Some(SmolStr::new(device.di)),
            _ => self.gtin().map(|gtin| format_smolstr!("{gtin}")),
        }
    }

    /// The donation identification number that is part of an ISBT 128 key.
    pub fn donation(&self) -> Option<&str> {
        Device::of(self).map(|device| device.donation).filter(|donation| !donation.is_empty())
    }

    /// The lot, if the key itself names one.
    pub fn lot(&self) -> Option<&str> {
        match self.scheme() {
            Scheme::Ma | Scheme::Hibcc | Scheme::Isbt128 => {
                Device::of(self).map(|d| d.lot).filter(|lot| !lot.is_empty())
            }
            Scheme::Lot => Some(&self.id),
            Scheme::Itip => self.id.get(4..)?.strip_prefix("/10/"),
            _ => None,
        }
    }

    /// The serial number, if the key has one beside its class.
    pub fn serial(&self) -> Option<&str> {
        use Scheme::{CnDrug, Cpi, Gcn, Gdti, Grai, Hibcc, Isbt128, Item, Itip, Ma, Upui};
        match self.scheme() {
            Item | Upui => Some(&self.id),
            Grai | Gdti | Gcn | CnDrug => (!self.id.is_empty()).then_some(&self.id),
            Itip => self.id.get(4..)?.strip_prefix("/21/"),
            Cpi => self.id.split_once('.').map(|(_, serial)| serial),
            Ma | Hibcc | Isbt128 => Device::of(self).map(|d| d.serial).filter(|serial| !serial.is_empty()),
            _ => None,
        }
    }

    pub fn level(&self) -> Level {
        use Scheme::{CnDrug, CnInsurance, Cpi, Gcn, Gdti, Grai, Hibcc, Isbt128, Itip, Lot, Ma, Product};
        match self.scheme() {
            Product | CnInsurance => Level::Class,
            Lot => Level::Lot,
            Grai | Gdti | Gcn | CnDrug | Cpi | Itip if self.lot().is_some() => Level::Lot,
            Grai | Gdti | Gcn | CnDrug | Cpi | Itip if self.serial().is_none() => Level::Class,
            Ma | Hibcc | Isbt128 if self.lot().is_some() => Level::Lot,
            Ma | Hibcc | Isbt128 if self.serial().or(self.donation()).is_none() => Level::Class,
            _ => Level::Instance,
        }
    }

    /// Whether the key was issued under this GS1 company prefix. For [`Scheme::Uri`] the prefix is the beginning of the
    /// URI, up to a delimiter: `https://example.org` covers `https://example.org/1`, not `https://example.org.evil/1`.
    /// Codes of drugs, MA, HIBCC, ISBT 128 and the insurance are under nobody's company prefix; their product notice says whose they are.
    pub fn issued_under(&self, prefix: &str) -> bool {
        use Scheme::{
            CnDrug, CnInsurance, Cpi, Gcn, Gdti, Giai, Ginc, Grai, Gsin, Gsrn, Gsrnp, Hibcc, Isbt128, Item, Itip, Lot,
            Ma,
        };
        use Scheme::{Party, Place, Product, Unit, Upui, Uri};
        let value = self.class.value();
        match self.scheme() {
            Item | Lot | Product | Itip | Upui => Gtin::trusted(value).has_prefix(prefix),
            Place | Party | Grai | Gdti | Gcn => Gln::trusted(value).has_prefix(prefix),
            Unit => self.id.get(1..).is_some_and(|key| starts_with_prefix(key, prefix)),
            Giai | Gsrn | Gsrnp | Cpi | Ginc | Gsin => starts_with_prefix(&self.id, prefix),
            CnDrug | Ma | Hibcc | Isbt128 | CnInsurance => false,
            Uri => !prefix.is_empty() && self.id.strip_prefix(prefix).is_some_and(|rest| uri_boundary(prefix, rest)),
        }
    }

    /// Short text for people, which [`crate::parse`] reads back: bracketed element string, the code of another scheme as
    /// its issuer writes it, or the URI. Of other URIs it reads those of `urn:` and with `://`; [`Thing::from_uri`] reads
    /// any.
    pub fn key_text(&self) -> String {
        match self.elements() {
            Some((key, second)) => {
                let elements = [Some(&key), second.as_ref()];
                crate::code::bracketed(elements.into_iter().flatten().map(|(ai, value)| (*ai, value.as_str())))
            }
            // 20 digits from 0 on would be read as an element string.
            None if self.scheme() == Scheme::CnDrug && !self.id.is_empty() && self.class.value() >= 1_000_000 => {
                format!("{:07}{}", self.class.value(), self.id)
            }
            None => device::print(&crate::Code::of(self.clone())).unwrap_or_else(|| self.uri()),
        }
    }

    /// The EPC URN, if the thing has one with a company prefix of so many digits, which the key itself does not show.
    pub fn epc_urn(&self, prefix_digits: usize) -> Option<String> {
        crate::epc::write(self, prefix_digits)
    }

    /// The canonical URI: `https://id.gs1.org/…` with everything but unreserved characters percent-encoded,
    /// `urn:medtrace:…` of drug codes, MA, HIBCC and ISBT 128, or the URI verbatim.
    pub fn uri(&self) -> String {
        let mut uri = String::with_capacity(URI_BYTES_TYPICAL);
        _ = write!(uri, "{self}");
        uri
    }

    /// From a Digital Link on any domain, an EPC URN (`id`, `class`, `idpat`, `tag`), `urn:medtrace:…`, or any other
    /// absolute URI, which becomes [`Scheme::Uri`] verbatim. `Thing::from_uri(&t.uri()) == Ok(t)`.
    ///
    /// Refused: what is no absolute URI, and a faulty key where the URI says that it must be one (a GS1 scheme of
    /// `urn:epc:`, a key on `id.gs1.org`, `urn:medtrace:`). A faulty key on another domain is just a URI.
    pub fn from_uri(text: &str) -> Result<Thing, CodeError> {
        uri::read(text)
    }
}

/// Whether a name ends between the two parts of a URI, so that `example.org` is not taken for `example.org.evil`.
fn uri_boundary(prefix: &str, rest: &str) -> bool {
    const DELIMITERS: [char; 6] = ['/', ':', '#', '?', '=', '&'];
    rest.is_empty() || prefix.ends_with(DELIMITERS) || rest.starts_with(DELIMITERS)
}

/// The canonical URI.
impl fmt::Display for Thing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        uri::write(self, f)
    }
}

impl Serialize for Thing {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Thing {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Thing, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        Thing::from_uri(&text).map_err(serde::de::Error::custom)
    }
}
