//! Check digits, and the two keys that other crates hold as numbers: GTIN and GLN.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::ai::Ai;
use crate::error::quote;
use crate::{Class, CodeError, Scheme, Thing, field};

/// The GS1 check digit of the digits before it: weights 3, 1, 3, … from the right (General Specifications 7.9).
/// None if `digits` is empty or holds anything but ASCII digits.
pub fn check_digit(digits: &str) -> Option<u8> {
    if digits.is_empty() || !is_digits(digits) {
        return None;
    }
    let sum: u32 = digits
        .bytes()
        .rev()
        .zip([3, 1].into_iter().cycle())
        .map(|(digit, weight)| u32::from(digit - b'0') * weight)
        .sum();
    Some(((10 - sum % 10) % 10) as u8)
}

pub(crate) fn is_digits(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit())
}

/// The number that ASCII digits spell; the caller has checked that they are at most 19 digits.
pub(crate) fn number(digits: &str) -> u64 {
    digits.bytes().fold(0, |n, digit| n * 10 + u64::from(digit - b'0'))
}

/// What is wrong with the last of `digits` as their check digit.
pub(crate) fn wrong_check_digit(digits: &str) -> Option<String> {
    let (body, last) = digits.split_at_checked(digits.len().checked_sub(1)?)?;
    let right = check_digit(body)?;
    (last.as_bytes() != [b'0' + right]).then(|| format!("check digit should be {right}, not {last}"))
}

/// Checks a key of digits only; `what` names it in the error.
fn verify(what: &str, digits: &str) -> Result<(), CodeError> {
    if !is_digits(digits) {
        return Err(CodeError::new("charset", format!("{what} {} should hold digits only", quote(digits))));
    }
    match wrong_check_digit(digits) {
        Some(wrong) => Err(CodeError::new("check-digit", format!("{what} {digits}: {wrong}"))),
        None => Ok(()),
    }
}

/// Global Trade Item Number, 8, 12, 13 or 14 digits, held as GTIN-14 with a right check digit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Gtin(u64);

impl Gtin {
    /// From 8, 12, 13 or 14 digits.
    pub fn parse(digits: &str) -> Result<Gtin, CodeError> {
        if !matches!(digits.len(), 8 | 12..=14) {
            let n = digits.chars().count();
            let detail = format!("GTIN {} has {n} digits and should have 8, 12, 13 or 14", quote(digits));
            return Err(CodeError::new("length", detail));
        }
        verify("GTIN", digits)?;
        Ok(Gtin(number(digits)))
    }

    pub(crate) const fn trusted(value: u64) -> Gtin {
        Gtin(value)
    }

    pub const fn value(self) -> u64 {
        self.0
    }

    /// Whether the GTIN was issued under this GS1 company prefix (it starts after the indicator digit).
    pub fn has_prefix(self, company_prefix: &str) -> bool {
        starts_with_prefix(&self.to_string()[1..], company_prefix)
    }

    /// AI 01 alone.
    pub fn product(self) -> Thing {
        Thing::new(Class::new(Scheme::Product, self.0), "")
    }

    /// AI 01 + 21.
    pub fn item(self, serial: &str) -> Result<Thing, CodeError> {
        field::check(Ai(21), serial)?;
        Ok(Thing::new(Class::new(Scheme::Item, self.0), serial))
    }

    /// AI 01 + 10. Lots are case-sensitive text: `0010` is not `10`.
    pub fn lot(self, lot: &str) -> Result<Thing, CodeError> {
        field::check(Ai(10), lot)?;
        Ok(Thing::new(Class::new(Scheme::Lot, self.0), lot))
    }
}

/// 14 digits.
impl fmt::Display for Gtin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:014}", self.0)
    }
}

/// Global Location Number: 13 digits with a right check digit. Names a place (AI 414) or a party (AI 417).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Gln(u64);

impl Gln {
    /// From 13 digits.
    pub fn parse(digits: &str) -> Result<Gln, CodeError> {
        if digits.len() != 13 {
            let n = digits.chars().count();
            return Err(CodeError::new("length", format!("GLN {} has {n} digits and should have 13", quote(digits))));
        }
        verify("GLN", digits)?;
        Ok(Gln(number(digits)))
    }

    pub(crate) const fn trusted(value: u64) -> Gln {
        Gln(value)
    }

    pub const fn value(self) -> u64 {
        self.0
    }

    /// Whether the GLN was issued under this GS1 company prefix.
    pub fn has_prefix(self, company_prefix: &str) -> bool {
        starts_with_prefix(&self.to_string(), company_prefix)
    }

    /// AI 414: the place.
    pub fn place(self) -> Thing {
        Thing::new(Class::new(Scheme::Place, self.0), "")
    }

    /// AI 414 + 254: a part of the place. The extension `0` means none.
    pub fn sub_place(self, extension: &str) -> Result<Thing, CodeError> {
        field::check(Ai(254), extension)?;
        Ok(Thing::new(Class::new(Scheme::Place, self.0), if extension == "0" { "" } else { extension }))
    }

    /// AI 417: the party.
    pub fn party(self) -> Thing {
        Thing::new(Class::new(Scheme::Party, self.0), "")
    }
}

/// 13 digits.
impl fmt::Display for Gln {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:013}", self.0)
    }
}

/// An empty prefix is nobody's.
pub(crate) fn starts_with_prefix(key: &str, company_prefix: &str) -> bool {
    !company_prefix.is_empty() && key.starts_with(company_prefix)
}

/// As digits, the same text as `Display`.
macro_rules! serde_as_digits {
    ($($number:ident),*) => {$(
        impl Serialize for $number {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $number {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<$number, D::Error> {
                let digits = std::borrow::Cow::<str>::deserialize(deserializer)?;
                $number::parse(&digits).map_err(serde::de::Error::custom)
            }
        }
    )*};
}
serde_as_digits!(Gtin, Gln);
