//! The kind of a thing: a scheme and, where the scheme has one, the number of its class.
//!
//! ```text
//! Class, 64 bits, stored for ever
//!   63      56 55                                             0
//!  ┌──────────┬────────────────────────────────────────────────┐
//!  │  scheme  │  value: GTIN-14, GLN, 13 digits of a key, or 0  │
//!  └──────────┴────────────────────────────────────────────────┘
//! ```

use serde::{Deserialize, Serialize};

/// How a thing is identified. The numbers are stored and never change; 41 to 49 are reserved for MA, HIBCC and ICCBBA.
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
    /// Any other absolute URI. Value: 0; id: the URI, verbatim.
    Uri = 255,
}

impl Scheme {
    /// Every scheme, by its number.
    pub const ALL: [Scheme; 19] = [
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
        Self::Uri,
    ];

    /// The scheme of a stored number; none for a number that this version does not know.
    pub fn from_number(number: u8) -> Option<Scheme> {
        match number {
            1..=17 => Some(Self::ALL[number as usize - 1]),
            40 => Some(Self::CnDrug),
            255 => Some(Self::Uri),
            _ => None,
        }
    }

    /// The stored number.
    pub const fn number(self) -> u8 {
        self as u8
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
        assert_eq!(numbers, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 40, 255]);
        assert!(Scheme::ALL.iter().all(|s| Scheme::from_number(s.number()) == Some(*s)));
        assert_eq!(Class::new(Scheme::Item, 9_521_141_012_345).to_u64(), 0x0100_08a8_d03a_5779);
        assert_eq!(Class::from_u64(0x2900_0000_0000_0001), None);
    }
}
