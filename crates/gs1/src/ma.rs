//! MA codes: ISO/IEC 15459 identifiers of the issuing agency MA, as the coding manual for medical devices prints them.
//!
//! ```text
//! MA.156.M0.100761.21234561.Sx00008.M220117.L20220117.D20220118.E220130.V220117.C3
//! └──────────DI───────────┘ serial  made    lot       sterile   expiry  good    check
//!                                                     lot               until   character
//! agency . country 3 . industry M0 . maker 6 . product: package level 1, item, check character
//! ```
//!
//! Dates are 6 or 8 digits (year, month, day); `.P` is an older letter for `.M`. Expiry is `.E`, else `.V`. Every other
//! segment is kept under its letter. The check characters are not verified: their rule is not part of the published
//! grammar. Codes of other industries than M0 have no published segments after the maker's, so they are a DI as a whole.

use jiff::civil::Date;
use smol_str::SmolStr;
use std::fmt::Write;

use crate::date::{yymmdd, yyyymmdd};
use crate::device::{Device, check_part, once};
use crate::error::quote;
use crate::{Code, CodeError, Scheme};

pub(crate) const PREFIX: &str = "MA.";
/// Agency, country, industry, maker and product.
const DI_SEGMENTS: usize = 5;
/// Longest device identifier, in characters.
const DI_CHARS_MAX: usize = 64;
/// Longest serial or lot, in characters; the manual sets no limit.
const VALUE_CHARS_MAX: usize = 40;

/// Reads a whole code; two-digit years are read against `year`.
pub(crate) fn read(text: &str, year: i16) -> Result<Code, CodeError> {
    let segments: Vec<&str> = text.split('.').collect();
    let medical = segments.get(2) == Some(&"M0");
    let di = if medical { segments.len().min(DI_SEGMENTS) } else { segments.len() };
    let di = &text[..segments[..di].iter().map(|segment| segment.len() + 1).sum::<usize>() - 1];
    let (mut serial, mut lot, mut made, mut expiry, mut until) = (None, None, None, None, None);
    let mut others = Vec::new();
    for segment in segments.get(DI_SEGMENTS..).filter(|_| medical).unwrap_or_default() {
        let letter = segment.get(..1).filter(|letter| letter.bytes().all(|b| b.is_ascii_uppercase()));
        let Some((letter, value)) = letter.map(|letter| (letter, &segment[1..])) else {
            let detail = format!("{} should begin with a capital letter that says what it is", quote(segment));
            return Err(CodeError::new("value", detail));
        };
        match letter {
            "S" => once("serial", &mut serial, value)?,
            "L" => once("lot", &mut lot, value)?,
            "M" | "P" => once("date of making", &mut made, day(segment, value, year)?)?,
            "E" => once("expiry", &mut expiry, day(segment, value, year)?)?,
            "V" => once("last good day", &mut until, (day(segment, value, year)?, value))?,
            _ => others.push((SmolStr::new(letter), SmolStr::new(value))),
        }
    }
    if let Some((_, value)) = until.filter(|_| expiry.is_some()) {
        others.push((SmolStr::new("V"), SmolStr::new(value)));
    }
    let device = Device { di, serial: serial.unwrap_or(""), lot: lot.unwrap_or(""), ..Device::default() };
    let thing = device.thing(Scheme::Ma)?;
    let expiry = expiry.or(until.map(|(day, _)| day));
    Ok(Code { lot: lot.filter(|lot| !lot.is_empty()).map(SmolStr::new), expiry, made, others, ..Code::of(thing) })
}

fn day(segment: &str, value: &str, year: i16) -> Result<Date, CodeError> {
    yymmdd(value, year, false).or_else(|| yyyymmdd(value)).ok_or_else(|| {
        let detail = format!("{} should hold a day of the calendar as YYMMDD or YYYYMMDD", quote(segment));
        CodeError::new("date", detail)
    })
}

pub(crate) fn check(device: &Device<'_>) -> Result<(), CodeError> {
    let di = device.di;
    check_part("MA device identifier", di, 1..=DI_CHARS_MAX, |c| c.is_ascii_alphanumeric() || c == '.')?;
    let segments = di.split('.');
    let [medical, whole] = [di.split('.').nth(2) == Some("M0"), segments.clone().count() == DI_SEGMENTS];
    if !di.starts_with(PREFIX) || segments.clone().any(str::is_empty) || segments.count() < 3 || (medical && !whole) {
        let detail = format!("{} should be MA, country, industry, maker and product between dots", quote(di));
        return Err(CodeError::new("value", detail));
    }
    for (what, value) in [("serial", device.serial), ("lot", device.lot)] {
        check_part(what, value, 0..=VALUE_CHARS_MAX, |c| c.is_ascii_graphic() && c != '.')?;
        if !value.is_empty() && !medical {
            return Err(CodeError::new("value", format!("an MA code without M0 has no {what} of its own")));
        }
    }
    let donation = if device.donation.is_empty() { Ok(()) } else { Err("an MA code has no donation number") };
    donation.map_err(|detail| CodeError::new("value", detail))
}

/// As printed, days with all digits of the year.
pub(crate) fn write(device: &Device<'_>, code: &Code) -> String {
    let mut out = device.di.to_owned();
    let day = |date: Date| format!("{:04}{:02}{:02}", date.year(), date.month(), date.day());
    let parts = [
        ("S", Some(device.serial.to_owned()).filter(|serial| !serial.is_empty())),
        ("M", code.made.map(day)),
        ("L", code.lot.as_ref().map(ToString::to_string)),
        ("E", code.expiry.map(day)),
    ];
    for (letter, value) in parts {
        _ = value.map_or(Ok(()), |value| write!(out, ".{letter}{value}"));
    }
    code.others.iter().for_each(|(letter, value)| _ = write!(out, ".{letter}{value}"));
    out
}
