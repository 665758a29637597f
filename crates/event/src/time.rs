//! Instants: `xsd:dateTimeStamp` text to microseconds of UTC.

use jiff::civil::Date;
use jiff::{RoundMode, Timestamp, TimestampRound, Unit};

/// Reads `2020-06-07T17:10:16.123Z` or `…+02:00`, years 0001 to 9999, as µs UTC; finer digits are cut off.
/// `None` without a time zone, and for anything that is no such instant.
pub fn instant(text: &str) -> Option<i64> {
    timestamp(text).map(Timestamp::as_microsecond)
}

fn timestamp(text: &str) -> Option<Timestamp> {
    has_shape(text).then(|| text.parse().ok()).flatten()
}

/// The instant with exactly three decimals, `2023-02-02T11:04:03.142Z`, the rest rounded half up.
pub(crate) fn milliseconds(text: &str) -> Option<String> {
    let round = TimestampRound::new().smallest(Unit::Millisecond).mode(RoundMode::HalfCeil);
    let rounded = timestamp(text)?.round(round).ok()?;
    Some(format!("{rounded:.3}"))
}

/// jiff reads more than the standard's grammar (a space for `T`, `+02`, annotations), hence this.
fn has_shape(text: &str) -> bool {
    let bytes = text.as_bytes();
    let fits = |pattern: &[u8], bytes: &[u8]| {
        pattern.len() == bytes.len()
            && pattern.iter().zip(bytes).all(|(p, b)| if *p == b'd' { b.is_ascii_digit() } else { p == b })
    };
    let Some((seconds, rest)) = bytes.split_at_checked(19) else {
        return false;
    };
    let fraction = match rest.strip_prefix(b".") {
        Some(digits) => 1 + digits.iter().take_while(|b| b.is_ascii_digit()).count(),
        None => 0,
    };
    let zone = &rest[fraction..];
    fits(b"dddd-dd-ddTdd:dd:dd", seconds)
        && !bytes.starts_with(b"0000")
        && fraction != 1
        && (zone == b"Z" || fits(b"+dd:dd", zone) || fits(b"-dd:dd", zone))
}

/// Whether the text is an `eventTimeZoneOffset`: `+hh:mm` or `-hh:mm`, up to 14:00 (EPCIS 2.0 §7.3.2).
pub fn is_offset(text: &str) -> bool {
    let bytes = text.as_bytes();
    let number = |at: usize| match bytes[at..at + 2] {
        [a, b] if a.is_ascii_digit() && b.is_ascii_digit() => Some((a - b'0') * 10 + (b - b'0')),
        _ => None,
    };
    bytes.len() == 6
        && matches!(bytes[0], b'+' | b'-')
        && bytes[3] == b':'
        && matches!((number(1), number(4)), (Some(0..=13), Some(0..=59)) | (Some(14), Some(0)))
}

/// The offset that an instant's text was written in, as an `eventTimeZoneOffset`; `Z` is `+00:00`.
pub fn offset_of(text: &str) -> Option<&str> {
    if text.ends_with('Z') {
        return Some("+00:00");
    }
    text.get(text.len().checked_sub(6)?..).filter(|offset| is_offset(offset))
}

/// The day of a date `2027-12-31` or of an instant.
pub fn day(text: &str) -> Option<Date> {
    let date = if text.len() > 10 && instant(text).is_some() { text.get(..10)? } else { text };
    (date.len() == 10).then(|| date.parse().ok()).flatten()
}

/// `2020-06-07T17:10:16.123456Z`, the canonical text of an instant in µs UTC.
pub fn text(micros: i64) -> String {
    Timestamp::from_microsecond(micros).map_or_else(|_| String::new(), |timestamp| timestamp.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants() {
        assert_eq!(instant("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(instant("2005-04-03T20:33:31.116000-06:00"), Some(1_112_582_011_116_000));
        assert_eq!(instant("2005-04-04T02:33:31.1160009Z"), Some(1_112_582_011_116_000));
        for bad in [
            "",
            "2005-04-03",
            "2005-04-03T20:33:31",
            "2005-04-03 20:33:31Z",
            "2005-04-03T20:33:31.Z",
            "2005-04-03T20:33:31+06",
            "2005-13-03T20:33:31Z",
            "2005-02-30T20:33:31Z",
            "2005-04-03T20:33:31z",
            "0000-04-03T20:33:31Z",
            "2005-04-03T20:33:31Z[UTC]",
            "２005-04-03T20:33:31Z",
            "2005-04-03T20:33:31+99:00",
        ] {
            assert_eq!(instant(bad), None, "{bad}");
        }
    }

    #[test]
    fn offsets() {
        assert!(["+00:00", "-06:00", "+13:59", "+14:00", "-14:00"].into_iter().all(is_offset));
        assert!(
            !["Z", "", "+14:01", "02:00", "+2:00", "+0200", "+24:00", "+00:60", "±00:0"].into_iter().any(is_offset)
        );
        assert_eq!(offset_of("2005-04-03T20:33:31Z"), Some("+00:00"));
        assert_eq!(offset_of("2005-04-03T20:33:31-06:00"), Some("-06:00"));
    }

    #[test]
    fn days() {
        assert_eq!(day("2027-12-31").map(|day| day.to_string()).as_deref(), Some("2027-12-31"));
        assert_eq!(day("2027-12-31T00:00:00Z"), day("2027-12-31"));
        assert!(["271231", "2027-12", "2027-02-30", "2027-12-31x", ""].into_iter().all(|bad| day(bad).is_none()));
    }
}
