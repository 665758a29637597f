//! HIBCC supplier codes (ANSI/HIBC 2.6): primary, secondary, and both concatenated.
//!
//! ```text
//! + A999 1234 5 / $$ 5 20015 10X3 / 16D20111212 / S77DEFG45 7     concatenated: one check character at the end
//!   LIC  PCN  UM      │ YYJJJ lot    made         serial    check
//!                     date form: MMYY alone, 2 MMDDYY, 3 YYMMDD, 4 YYMMDDHH, 5 YYJJJ, 6 YYJJJHH, 7 none;
//!                     before it 8 and a count of 2 digits, or 9 and one of 5
//! + A999 1234 5 6      primary with its check character
//! + $$ 5 20015 10X3 6 L    secondary alone: the primary's check character as link, then its own
//! $LOT    $+SERIAL    $$+… serial in place of the lot    14D expiry, 16D made, S serial, Q count
//! ```
//!
//! The device identifier is LIC, product number and unit of measure. A secondary alone names nothing; after its primary
//! and a space it is read with it. Asterisks around a printed code are dropped. Months end on their last day; hours and
//! other data identifiers are kept under their names.

use jiff::civil::Date;
use smol_str::{SmolStr, format_smolstr};
use std::fmt::Write;

use crate::date::{yyjjj, yymmdd, yyyymmdd};
use crate::device::{Device, check_part, once};
use crate::digits::is_digits;
use crate::error::quote;
use crate::{Code, CodeError, Scheme};

/// The characters of Code 39 in the order of their values (ANSI/HIBC 2.6, appendix B).
const CHARACTERS: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-. $/+%";
/// LIC (4), product number (1 to 18) and unit of measure (1), in characters.
const DI_CHARS: std::ops::RangeInclusive<usize> = 6..=23;
/// Longest lot or serial, in characters.
const VALUE_CHARS_MAX: usize = 18;

/// What the fields after the device identifier say.
#[derive(Default)]
struct Fields<'a> {
    serial: Option<&'a str>,
    lot: Option<&'a str>,
    expiry: Option<Date>,
    made: Option<Date>,
    hour: Option<&'a str>,
    others: Vec<(SmolStr, SmolStr)>,
}

/// The check character of the text before it. None if a character has no value.
pub(crate) fn check_character(text: &str) -> Option<char> {
    let sum = text.chars().try_fold(0, |sum, c| Some(sum + CHARACTERS.find(c)?))?;
    CHARACTERS.chars().nth(sum % CHARACTERS.len())
}

/// Reads a whole code, untrimmed, for its check character may be a space; two-digit years are read against `year`.
pub(crate) fn read(text: &str, year: i16) -> Result<Code, CodeError> {
    let text = text.trim_start().trim_end_matches(char::is_control);
    let text = text.strip_prefix('*').map_or(text, |text| text.trim_end().trim_end_matches('*'));
    let two = text.match_indices(" +").find_map(|(at, _)| verified(&text[..at]).ok().map(|first| (first, at)));
    let (body, second) = match two {
        Some((first, at)) => (first, Some(second(text, at)?)),
        None => (
            verified(text).or_else(|wrong| text.strip_suffix(' ').map_or(Err(wrong), |t| verified(t.trim_end())))?,
            None,
        ),
    };
    let (di, rest) = body.split_once('/').map_or((body, None), |(di, rest)| (di, Some(rest)));
    if !di.starts_with(|c: char| c.is_ascii_uppercase()) {
        return Err(without_primary(body));
    }
    let mut fields = Fields::default();
    for field in rest.into_iter().chain(second).flat_map(|rest| rest.split('/')) {
        fields.read(field, year)?;
    }
    let Fields { serial, lot, expiry, made, hour, mut others } = fields;
    others.extend(hour.map(|hour| (SmolStr::new("hour"), SmolStr::new(hour))));
    let device = Device { di, serial: serial.unwrap_or(""), lot: lot.unwrap_or(""), ..Device::default() };
    let thing = device.thing(Scheme::Hibcc)?;
    Ok(Code { lot: lot.map(SmolStr::new), expiry, made, others, ..Code::of(thing) })
}

/// What stands between `+` and the check character, which is right. A space at the end may be printed as `_`.
fn verified(text: &str) -> Result<&str, CodeError> {
    let shown = quote(text);
    let (body, check) = text.char_indices().next_back().map(|(at, c)| (&text[..at], c)).unwrap_or((text, '?'));
    let check = if check == '_' { ' ' } else { check };
    if let Some(wrong) = body.chars().chain([check]).find(|c| !CHARACTERS.contains(*c)) {
        let detail = format!("{shown} holds {wrong:?} and should hold only capital letters, digits and -. $/+%");
        return Err(CodeError::new("charset", detail));
    }
    match check_character(body).filter(|_| body.starts_with('+')) {
        Some(right) if right == check => Ok(&body[1..]),
        Some(right) => {
            Err(CodeError::new("check-digit", format!("{shown}: check character should be {right}, not {check}")))
        }
        None => Err(CodeError::new("length", format!("{shown} should be +, a HIBCC code and a check character"))),
    }
}

/// The data of the secondary symbol from `at` on, whose link is the check character before it.
fn second(text: &str, at: usize) -> Result<&str, CodeError> {
    let (first, second) = text.split_at(at);
    let body = verified(second.trim_start())?;
    let link = first.chars().next_back().unwrap_or('?');
    body.strip_suffix(link).ok_or_else(|| {
        let detail = format!("{} should end in the link character {link} before its check character", quote(second));
        CodeError::new("value", detail)
    })
}

fn without_primary(body: &str) -> CodeError {
    if body.starts_with('/') {
        return CodeError::new("unsupported", "a HIBCC code of a provider (+/…) names no goods");
    }
    let detail = format!("+{body} is the secondary code only: scan the primary code (+, then a letter) before it");
    CodeError::new("no-key", detail)
}

impl<'a> Fields<'a> {
    fn read(&mut self, field: &'a str, year: i16) -> Result<(), CodeError> {
        let wrong = || CodeError::new("date", format!("{} should hold a day of the calendar", quote(field)));
        let name = field.trim_start_matches(|c: char| c.is_ascii_digit());
        let name = &field[..field.len() - name.len() + name.chars().next().map_or(0, char::len_utf8)];
        let value = &field[name.len()..];
        if let Some(rest) = field.strip_prefix('$') {
            return match (rest.strip_prefix('$'), rest.strip_prefix('+')) {
                (Some(rest), _) => self.secondary(rest, year),
                (None, Some(serial)) => self.value(serial, true),
                (None, None) => self.value(rest, false),
            };
        }
        match name {
            "S" => self.value(value, true),
            "14D" => once("expiry", &mut self.expiry, yyyymmdd(value).ok_or_else(wrong)?),
            "16D" => once("date of making", &mut self.made, yyyymmdd(value).ok_or_else(wrong)?),
            _ if name.len() > 5 || is_digits(field) && field.len() >= 5 => {
                let (date, lot) = field.split_at(5);
                once("expiry", &mut self.expiry, yyjjj(date, year).ok_or_else(wrong)?)?;
                self.value(lot, false)
            }
            _ if name.len() <= 4 && name.ends_with(|c: char| c.is_ascii_uppercase()) => {
                self.others.push((SmolStr::new(name), SmolStr::new(value)));
                Ok(())
            }
            _ => {
                let detail = format!("{} should begin with $ or a data identifier such as S or 16D", quote(field));
                Err(CodeError::new("value", detail))
            }
        }
    }

    /// What follows `$$`.
    fn secondary(&mut self, text: &'a str, year: i16) -> Result<(), CodeError> {
        let wrong = || CodeError::new("date", format!("$${} should hold a day of the calendar", text));
        let (serial, mut rest) = text.strip_prefix('+').map_or((false, text), |rest| (true, rest));
        let count = match rest.as_bytes().first() {
            Some(b'8') => 2,
            Some(b'9') => 5,
            _ => 0,
        };
        if count > 0 {
            let quantity = rest.get(1..=count).filter(|digits| is_digits(digits)).ok_or_else(|| {
                CodeError::new("value", format!("$${text} should hold a count of {count} digits after its flag"))
            })?;
            self.others.push((SmolStr::new("Q"), SmolStr::new(quantity)));
            rest = &rest[1 + count..];
        }
        // The flag's own digit, then the digits of the date.
        let (flag, digits) = match rest.as_bytes().first() {
            Some(b'0' | b'1') => (0, 4),
            Some(b'2' | b'3') => (1, 6),
            Some(b'4') => (1, 8),
            Some(b'5') => (1, 5),
            Some(b'6') => (1, 7),
            Some(b'7') => (1, 0),
            _ => (0, 0),
        };
        let date = rest.get(flag..flag + digits).filter(|date| is_digits(date)).ok_or_else(wrong)?;
        let day = match (rest.as_bytes().first(), digits) {
            (_, 0) => None,
            (_, 4) => Some(yymmdd(&format_smolstr!("{}{}00", &date[2..], &date[..2]), year, true)),
            (Some(b'2'), _) => Some(yymmdd(&format_smolstr!("{}{}", &date[4..], &date[..4]), year, false)),
            (_, 5 | 7) => Some(yyjjj(&date[..5], year)),
            _ => Some(yymmdd(&date[..6], year, false)),
        };
        if let Some(day) = day {
            once("expiry", &mut self.expiry, day.ok_or_else(wrong)?)?;
        }
        if matches!(digits, 7 | 8) {
            let hour = &date[digits - 2..];
            once("hour", &mut self.hour, Some(hour).filter(|hour| *hour < "24").ok_or_else(wrong)?)?;
        }
        self.value(&rest[flag + digits..], serial)
    }

    /// A lot or serial; empty is none.
    fn value(&mut self, value: &'a str, serial: bool) -> Result<(), CodeError> {
        match (value.is_empty(), serial) {
            (true, _) => Ok(()),
            (false, true) => once("serial", &mut self.serial, value),
            (false, false) => once("lot", &mut self.lot, value),
        }
    }
}

pub(crate) fn check(device: &Device<'_>) -> Result<(), CodeError> {
    let alphanumeric = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit();
    check_part("HIBCC device identifier", device.di, DI_CHARS, alphanumeric)?;
    let ends = (device.di.as_bytes().first(), device.di.as_bytes().last());
    if !matches!(ends, (Some(b'A'..=b'Z'), Some(b'0'..=b'9'))) {
        let detail = format!("{} should begin with a letter and end in the digit of its unit", quote(device.di));
        return Err(CodeError::new("value", detail));
    }
    for (what, value) in [("serial", device.serial), ("lot", device.lot)] {
        check_part(what, value, 0..=VALUE_CHARS_MAX, |c| {
            c.is_ascii_uppercase() || c.is_ascii_digit() || matches!(c, '-' | '.' | '%')
        })?;
    }
    let donation = if device.donation.is_empty() { Ok(()) } else { Err("a HIBCC code has no donation number") };
    donation.map_err(|detail| CodeError::new("value", detail))
}

/// Concatenated, with its check character.
pub(crate) fn write(device: &Device<'_>, code: &Code) -> String {
    let mut out = format!("+{}", device.di);
    let lot = code.lot.as_deref().unwrap_or("");
    let hour = code.others.iter().find(|(name, _)| name == "hour").map(|(_, hour)| hour.as_str());
    let (serial_first, value) = if lot.is_empty() { (true, device.serial) } else { (false, lot) };
    let plus = if serial_first && !value.is_empty() { "+" } else { "" };
    _ = match code.expiry {
        Some(day) => {
            let (form, hour) = hour.map_or(("3", ""), |hour| ("4", hour));
            let year = day.year().rem_euclid(100);
            write!(out, "/$${plus}{form}{year:02}{:02}{:02}{hour}{value}", day.month(), day.day())
        }
        None if !value.is_empty() => write!(out, "/${plus}{value}"),
        None => Ok(()),
    };
    if !serial_first && !device.serial.is_empty() {
        _ = write!(out, "/S{}", device.serial);
    }
    if let Some(day) = code.made {
        _ = write!(out, "/16D{:04}{:02}{:02}", day.year(), day.month(), day.day());
    }
    let others = code.others.iter().filter(|(name, _)| name != "hour");
    others.for_each(|(name, value)| _ = write!(out, "/{name}{value}"));
    out.extend(check_character(&out));
    out
}
