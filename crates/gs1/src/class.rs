//! The kind of a thing: a scheme and, where the scheme has one, the number of its class.
//!
//! ```text
//! Class, 64 bits, stored for ever
//!   63      56 55                                             0
//!  ┌──────────┬────────────────────────────────────────────────┐
//!  │  scheme  │  value: GTIN-14, GLN, 13 digits of a key, 0,    │
//!  │          │  or the first 56 bits of SHA-256(DI)            │
//!  └──────────┴────────────────────────────────────────────────┘
//!
//! id of MA, HIBCC, ISBT 128 and insurance codes; DI = device identifier, which never holds a slash; all texts decoded
//!   DI                               a kind of goods
//!   DI /10/ lot                      a lot
//!   DI /21/ serial                   one object
//!   DI /din/ donation                one object of a donation (ISBT 128 only)
//!   DI /din/ donation /21/ serial    one of several of a donation
//! ```
//!
//! The device identifiers of these three are text of any length, so their class holds a hash: pure, and the same for
//! everybody, whether or not a product notice names the code. Two device identifiers may have one hash; the id begins with
//! the device identifier and keeps their things apart, and the registry lets one product only claim a class.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// How a thing is identified. The numbers are stored and never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Scheme {
    /// AI 01 + 21. Value: GTIN-14; id: serial.
    Item = 1,
    /// AI 01 + 10. Value: GTIN-14; id: lot.
    Lot = 2,
    /// AI 01 alone. Value: GTIN-14; id: empty.
    Product = 3,
    /// AI 00, SSCC. Value: 0; id: 18 digits.
    Unit = 4,
    /// AI 414 [+ 254]. Value: GLN; id: extension or empty.
    Place = 5,
    /// AI 417. Value: GLN; id: empty.
    Party = 6,
    /// AI 8003. Value: the 13 digits after the leading zero; id: serial, or empty for the class.
    Grai = 7,
    /// AI 8004. Value: 0; id: the whole GIAI.
    Giai = 8,
    /// AI 8018. Value: 0; id: 18 digits.
    Gsrn = 9,
    /// AI 8017. Value: 0; id: 18 digits.
    Gsrnp = 10,
    /// AI 253. Value: 13 digits; id: serial, or empty for the class.
    Gdti = 11,
    /// AI 255. Value: 13 digits; id: serial, or empty for the class.
    Gcn = 12,
    /// AI 8010 [+ 8011]. Value: 0; id: `CPID` for the class, `CPID.serial` for a part (a CPID never holds a dot).
    Cpi = 13,
    /// AI 401. Value: 0; id: the whole GINC.
    Ginc = 14,
    /// AI 402. Value: 0; id: 17 digits.
    Gsin = 15,
    /// AI 8006 [+ 21 or 10]. Value: GTIN-14; id: `PPTT` (piece, total) for the class, `PPTT/21/serial`, `PPTT/10/lot`.
    Itip = 16,
    /// AI 01 + 235. Value: GTIN-14; id: TPX.
    Upui = 17,
    /// 20-digit Chinese drug traceability code. Value: the first 7 digits; id: the last 13, or empty for the class.
    CnDrug = 40,
    /// MA code (ISO/IEC 15459, issuing agency MA). Value: hash of the DI; id: see above, DI as `MA.156.M0.…`.
    Ma = 41,
    /// HIBCC code (ANSI/HIBC 2.6). Value: hash of the DI; id: see above, DI = LIC, product number and unit of measure.
    Hibcc = 42,
    /// ISBT 128 code of ICCBBA. Value: hash of the DI; id: see above, DI = 16 (device), 10 (blood container) or 8
    /// (blood product) characters.
    Isbt128 = 43,
    /// Code of a drug in China's medical insurance: a kind of goods, never a lot or one object. Value: hash of the code;
    /// id: the code.
    CnInsurance = 44,
    /// Any other absolute URI. Value: 0; id: the URI, verbatim.
    Uri = 255,
}

impl Scheme {
    /// Every scheme, by its number.
    pub const ALL: [Scheme; 23] = [
        Self::Item,
        Self::Lot,
        Self::Product,
        Self::Unit,
        Self::Place,
        Self::Party,
        Self::Grai,
        Self::Giai,
        Self::Gsrn,
        Self::Gsrnp,
        Self::Gdti,
        Self::Gcn,
        Self::Cpi,
        Self::Ginc,
        Self::Gsin,
        Self::Itip,
        Self::Upui,
        Self::CnDrug,
        Self::Ma,
        Self::Hibcc,
        Self::Isbt128,
        Self::CnInsurance,
        Self::Uri,
    ];

    /// The scheme of a stored number; none for a number that this version does not know.
    pub fn from_number(number: u8) -> Option<Scheme> {
        match number {
            1..=17 => Some(Self::ALL[number as usize - 1]),
            40 => Some(Self::CnDrug),
            41 => Some(Self::Ma),
            42 => Some(Self::Hibcc),
            43 => Some(Self::Isbt128),
            44 => Some(Self::CnInsurance),
            255 => Some(Self::Uri),
            _ => None,
        }
    }

    /// The stored number.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// What people call it, as the standards do: `SGTIN`, `LGTIN`, `GTIN`, `SSCC`, … `HIBCC`, `URI`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Item => "SGTIN",
            Self::Lot => "LGTIN",
            Self::Product => "GTIN",
            Self::Unit => "SSCC",
            Self::Place => "GLN of a place",
            Self::Party => "GLN of a party",
            Self::Grai => "GRAI",
            Self::Giai => "GIAI",
            Self::Gsrn => "GSRN of a recipient",
            Self::Gsrnp => "GSRN of a provider",
            Self::Gdti => "GDTI",
            Self::Gcn => "GCN",
            Self::Cpi => "CPID",
            Self::Ginc => "GINC",
            Self::Gsin => "GSIN",
            Self::Itip => "ITIP",
            Self::Upui => "UPUI",
            Self::CnDrug => "Chinese drug code",
            Self::Ma => "MA",
            Self::Hibcc => "HIBCC",
            Self::Isbt128 => "ISBT 128",
            Self::CnInsurance => "Chinese insurance code",
            Self::Uri => "URI",
        }
    }

    /// Who issues such identifiers: `GS1`, `MA`, `HIBCC` or `ICCBBA`, `NMPA` for drug codes, `NHSA` for insurance codes; none for other URIs.
    pub const fn issuer(self) -> Option<&'static str> {
        match self {
            Self::CnDrug => Some("NMPA"),
            Self::Ma => Some("MA"),
            Self::Hibcc => Some("HIBCC"),
            Self::Isbt128 => Some("ICCBBA"),
            Self::CnInsurance => Some("NHSA"),
            Self::Uri => None,
            _ => Some("GS1"),
        }
    }
}

const VALUE_BITS: u32 = 56;
const VALUE_MASK: u64 = (1 << VALUE_BITS) - 1;

/// Scheme in the top 8 bits, value in the low 56; see [`Scheme`] for what the value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "u64", try_from = "u64")]
pub struct Class {
    scheme: Scheme,
    value: u64,
}

impl Class {
    /// The low 56 bits of `value` are kept.
    pub const fn new(scheme: Scheme, value: u64) -> Class {
        Class { scheme, value: value & VALUE_MASK }
    }

    /// The class of a device identifier that is text.
    pub(crate) fn of_text(scheme: Scheme, di: &str) -> Class {
        let hash: [u8; 32] = Sha256::digest(di.as_bytes()).into();
        let value = hash.iter().take(7).fold(0, |value, byte| (value << 8) | u64::from(*byte));
        Class::new(scheme, value)
    }

    pub const fn scheme(self) -> Scheme {
        self.scheme
    }

    pub const fn value(self) -> u64 {
        self.value
    }

    pub const fn to_u64(self) -> u64 {
        ((self.scheme as u64) << VALUE_BITS) | self.value
    }

    /// None for a scheme that this version does not know.
    pub fn from_u64(class: u64) -> Option<Class> {
        let scheme = Scheme::from_number((class >> VALUE_BITS) as u8)?;
        Some(Class::new(scheme, class))
    }
}

impl From<Class> for u64 {
    fn from(class: Class) -> u64 {
        class.to_u64()
    }
}

impl TryFrom<u64> for Class {
    type Error = String;

    fn try_from(class: u64) -> Result<Class, String> {
        Class::from_u64(class).ok_or_else(|| format!("unknown scheme {} of class", class >> VALUE_BITS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_numbers_are_as_decided() {
        let numbers: Vec<u8> = Scheme::ALL.iter().map(|s| s.number()).collect();
        assert_eq!(numbers, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 40, 41, 42, 43, 44, 255]);
        assert!(Scheme::ALL.iter().all(|s| Scheme::from_number(s.number()) == Some(*s)));
        assert_eq!(Class::new(Scheme::Item, 9_521_141_012_345).to_u64(), 0x0100_08a8_d03a_5779);
        assert_eq!(Class::from_u64(0x2d00_0000_0000_0001), None);
    }

    /// `printf 'A99912345' | sha256sum` and so on: foreign values, for they are stored.
    #[test]
    fn classes_of_text_are_as_decided() {
        for (scheme, di, class) in [
            (Scheme::Ma, "MA.156.M0.100204.13351764", 0x2900_fc50_1642_e7bc),
            (Scheme::Hibcc, "A99912345", 0x2a29_e18a_4e9a_e4dc),
            (Scheme::Isbt128, "A9999XYZ100T0944", 0x2b86_c440_1c42_479c),
        ] {
            assert_eq!(Class::of_text(scheme, di).to_u64(), class, "{di}");
        }
    }
}
