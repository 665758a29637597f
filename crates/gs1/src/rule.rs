//! The checks that the syntax dictionary names, each on the text of one component whose characters are right already.

use crate::ai::Rule;
use crate::code::CENTURY_YEAR;
use crate::coupon;
use crate::date::{yymmdd, yyyymmdd};
use crate::digits::{is_digits, number, wrong_check_digit};
use crate::lists::{COUNTRIES, COUNTRY_LETTERS, CURRENCIES};
use crate::packages::PACKAGES;
use crate::uri::percent_decode;

/// Code and text of what is wrong.
type Wrong = (&'static str, String);

/// Shortest GS1 company prefix, in digits.
const COMPANY_PREFIX_DIGITS_MIN: usize = 4;

pub(crate) fn check(rule: Rule, value: &str) -> Result<(), Wrong> {
    use Rule::*;
    match rule {
        Csum => csum(value),
        Csumalpha => csum_alpha(value),
        Gcppos1 => company_prefix(value),
        Gcppos2 => company_prefix(value.get(1..).unwrap_or("")),
        Yymmd0 => date(value, true),
        Yymmdd => date(value, false),
        Yyyymmdd => long_date(value),
        Hhmi => bounded(&value[..2], 0, 23, "an hour").and_then(|()| bounded(&value[2..], 0, 59, "a minute")),
        Hh => bounded(value, 0, 23, "an hour"),
        Mi => bounded(value, 0, 59, "a minute"),
        Ss => bounded(value, 0, 59, "a second"),
        Zero => bounded(value, 0, 0, "a filler"),
        Nonzero => bounded(value, 1, u64::MAX, "a measure"),
        Yesno => bounded(value, 0, 1, "a flag"),
        Latitude => bounded(value, 0, 1_800_000_000, "a latitude"),
        Longitude => bounded(value, 0, 3_600_000_000, "a longitude"),
        Winding => one_of(value, &["0", "1", "9"]),
        Iso3166 => listed(value, COUNTRIES, "the number of a country (ISO 3166)"),
        Iso3166999 if value == "999" => Ok(()),
        Iso3166999 => listed(value, COUNTRIES, "the number of a country (ISO 3166), or 999 for several"),
        Iso3166alpha2 if COUNTRY_LETTERS.split(' ').any(|letters| letters == value) => Ok(()),
        Iso3166alpha2 => value_error("should be the two letters of a country (ISO 3166)"),
        Iso4217 => listed(value, CURRENCIES, "the number of a currency (ISO 4217)"),
        Couponcode => within(coupon::coupon(value)),
        Couponposoffer => within(coupon::positive_offer(value)),
        Packagetype if PACKAGES.split(' ').any(|package| package == value) => Ok(()),
        Packagetype => value_error("should be a package type (UN/ECE Recommendation 21, as GS1 extends it)"),
        Iso5218 => one_of(value, &["0", "1", "2", "9"]),
        Hyphen => one_of(value, &["-"]),
        Mediatype => match number(value) {
            1..=10 | 80..=99 => Ok(()),
            _ => value_error("should be a media type from 01 to 10 or 80 to 99"),
        },
        Importeridx => match value.as_bytes() {
            [b'-' | b'_' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z'] => Ok(()),
            _ => value_error("should be one letter, digit, - or _"),
        },
        Nozeroprefix if value.len() > 1 && value.starts_with('0') => value_error("should not begin with 0"),
        Hasnondigit if is_digits(value) => value_error("should hold something that is no digit"),
        Nozeroprefix | Hasnondigit => Ok(()),
        Pieceoftotal => piece_of_total(&value[..2], &value[2..]),
        Posinseqslash => match value.as_bytes() {
            [p, b'/', t] if p.is_ascii_digit() && t.is_ascii_digit() => piece_of_total(&value[..1], &value[2..]),
            _ => value_error("should be a position and a total, such as 1/2"),
        },
        Pcenc => percent_decode(value).map(|_| ()).map_err(|e| (e.code, e.detail)),
        Iban => iban(value),
    }
}

fn value_error(text: impl Into<String>) -> Result<(), Wrong> {
    Err(("value", text.into()))
}

/// A coupon that goes wrong somewhere inside.
fn within(read: Result<(), &'static str>) -> Result<(), Wrong> {
    read.or_else(|wanted| value_error(format!("should be a coupon code; {wanted} is missing")))
}

fn csum(value: &str) -> Result<(), Wrong> {
    wrong_check_digit(value).map_or(Ok(()), |wrong| Err(("check-digit", wrong)))
}

/// The last two characters (General Specifications 7.9.5): character values weighted by primes from the right, modulo
/// 1021, in two digits of base 32.
fn csum_alpha(value: &str) -> Result<(), Wrong> {
    const PRIMES: [usize; 23] =
        [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83];
    const SET_82: &str = "!\"%&'()*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz";
    const SET_32: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
    let Some((body, pair)) = value.len().checked_sub(2).and_then(|at| value.split_at_checked(at)) else {
        return value_error("should end in two check characters");
    };
    let weights = PRIMES.iter();
    let sum =
        body.chars().rev().zip(weights).map(|(c, prime)| SET_82.find(c).unwrap_or(0) * prime).sum::<usize>() % 1021;
    let right = [SET_32[sum >> 5], SET_32[sum & 31]].map(char::from);
    if pair.chars().eq(right) {
        return Ok(());
    }
    Err(("check-digit", format!("check characters should be {}{}, not {pair}", right[0], right[1])))
}

fn company_prefix(value: &str) -> Result<(), Wrong> {
    match value.get(..COMPANY_PREFIX_DIGITS_MIN) {
        Some(prefix) if is_digits(prefix) => Ok(()),
        _ => {
            value_error(format!("should begin with a GS1 company prefix of {COMPANY_PREFIX_DIGITS_MIN} digits or more"))
        }
    }
}

fn date(value: &str, day_00: bool) -> Result<(), Wrong> {
    if yymmdd(value, CENTURY_YEAR, day_00).is_some() {
        return Ok(());
    }
    let or_00 = if day_00 { ", day 00 for the last of the month" } else { "" };
    Err(("date", format!("should be a day of the calendar as YYMMDD{or_00}")))
}

fn long_date(value: &str) -> Result<(), Wrong> {
    yyyymmdd(value).map(|_| ()).ok_or_else(|| ("date", "should be a day of the calendar as YYYYMMDD".into()))
}

fn bounded(value: &str, min: u64, max: u64, what: &str) -> Result<(), Wrong> {
    match number(value) {
        n if (min..=max).contains(&n) => Ok(()),
        _ if max == u64::MAX => value_error(format!("should be {what} of at least {min}")),
        _ if min == max => value_error(format!("should be {what} of {min}")),
        _ => value_error(format!("should be {what} from {min} to {max}")),
    }
}

fn one_of(value: &str, allowed: &[&str]) -> Result<(), Wrong> {
    if allowed.contains(&value) { Ok(()) } else { value_error(format!("should be {}", allowed.join(" or "))) }
}

/// Three digits of a sorted list.
fn listed(value: &str, list: &[u16], what: &str) -> Result<(), Wrong> {
    match list.binary_search(&(number(value) as u16)) {
        Ok(_) => Ok(()),
        Err(_) => value_error(format!("should be {what}")),
    }
}

fn piece_of_total(piece: &str, total: &str) -> Result<(), Wrong> {
    match (number(piece), number(total)) {
        (1.., total) if number(piece) <= total => Ok(()),
        _ => value_error(format!("should be a piece and a total not below it, not {piece} of {total}")),
    }
}

/// ISO 13616: the first four characters moved to the end, letters as two digits, modulo 97 is 1.
fn iban(value: &str) -> Result<(), Wrong> {
    if value.len() < 5 || !value.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase()) {
        return value_error("should be an IBAN of capital letters and digits");
    }
    let (head, tail) = value.split_at(4);
    let remainder = tail.bytes().chain(head.bytes()).fold(0u32, |rest, byte| match byte {
        b'0'..=b'9' => (rest * 10 + u32::from(byte - b'0')) % 97,
        _ => (rest * 100 + u32::from(byte - b'A') + 10) % 97,
    });
    if remainder == 1 { Ok(()) } else { Err(("check-digit", "check digits of the IBAN do not fit".into())) }
}
