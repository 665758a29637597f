//! Days as carriers write them, most with two-digit years.

use jiff::civil::Date;
use smol_str::format_smolstr;

use crate::digits::is_digits;

/// A date `YYMMDD` as seen from `year`: the century is the one that brings it from 49 years before to 50 years after
/// (General Specifications 7.12). Day 00 is the last day of the month where `day_00` allows it. None if there is no
/// such day.
pub(crate) fn yymmdd(digits: &str, year: i16, day_00: bool) -> Option<Date> {
    let &[y1, y2, m1, m2, d1, d2] = digits.as_bytes().first_chunk().filter(|_| digits.len() == 6)?;
    if !is_digits(digits) {
        return None;
    }
    let pair = |tens: u8, ones: u8| i16::from(tens - b'0') * 10 + i16::from(ones - b'0');
    let (yy, month, day) = (pair(y1, y2), pair(m1, m2), pair(d1, d2));
    let century = year.checked_sub(year.rem_euclid(100))?;
    let near = match yy - year.rem_euclid(100) {
        51.. => century.checked_sub(100)?,
        ..=-50 => century.checked_add(100)?,
        _ => century,
    };
    let (month, day) = (month as i8, day as i8);
    let first = Date::new(near.checked_add(yy)?, month, 1).ok()?;
    match day {
        0 if day_00 => Some(first.last_of_month()),
        _ => Date::new(first.year(), month, day).ok(),
    }
}

/// A date `YYYYMMDD`.
pub(crate) fn yyyymmdd(digits: &str) -> Option<Date> {
    let (year, rest) = digits.split_at_checked(4).filter(|_| digits.len() == 8 && is_digits(digits))?;
    let (month, day) = rest.split_at(2);
    Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()
}

/// A date `YYJJJ`, year and day of the year, the century as in [`yymmdd`].
pub(crate) fn yyjjj(digits: &str, year: i16) -> Option<Date> {
    let (yy, day) = digits.split_at_checked(2).filter(|_| digits.len() == 5 && is_digits(digits))?;
    day_of_year(yymmdd(&format_smolstr!("{yy}0101"), year, false)?.year(), day)
}

/// A date `CYYJJJ` of ISBT 128: centuries from 2000 on, 9 for the one before.
pub(crate) fn cyyjjj(digits: &str) -> Option<Date> {
    let (year, day) = digits.split_at_checked(3).filter(|_| digits.len() == 6 && is_digits(digits))?;
    let year: i16 = year.parse().ok()?;
    day_of_year(if year < 900 { 2000 + year } else { 1000 + year }, day)
}

fn day_of_year(year: i16, day: &str) -> Option<Date> {
    Date::new(year, 1, 1).ok()?.with().day_of_year(day.parse().ok()?).build().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(digits: &str, year: i16) -> String {
        yymmdd(digits, year, true).map_or("none".into(), |date| date.to_string())
    }

    #[test]
    fn the_century_slides_with_the_year_of_reading() {
        assert_eq!(seen("760131", 2026), "2076-01-31");
        assert_eq!(seen("770131", 2026), "1977-01-31");
        assert_eq!(seen("990131", 2026), "1999-01-31");
        assert_eq!(seen("000131", 2026), "2000-01-31");
        assert_eq!(seen("490131", 1999), "2049-01-31");
        assert_eq!(seen("500131", 1999), "1950-01-31");
        assert_eq!(seen("000131", 2051), "2100-01-31");
    }

    #[test]
    fn day_zero_is_the_last_of_the_month() {
        assert_eq!(seen("280200", 2026), "2028-02-29");
        assert_eq!(seen("270200", 2026), "2027-02-28");
        assert_eq!(yymmdd("270200", 2026, false), None);
    }

    #[test]
    fn days_of_the_year_and_long_dates() {
        let text = |day: Option<Date>| day.map_or("none".into(), |day| day.to_string());
        assert_eq!(text(yyjjj("20015", 2026)), "2020-01-15");
        assert_eq!(text(yyjjj("24366", 2026)), "2024-12-31");
        assert_eq!(text(cyyjjj("014032")), "2014-02-01");
        assert_eq!(text(cyyjjj("998365")), "1998-12-31");
        assert_eq!(text(yyyymmdd("20111212")), "2011-12-12");
        for none in ["25366", "25000", "2501", "ab001", ""] {
            assert_eq!(yyjjj(none, 2026), None, "{none}");
        }
        assert_eq!(
            (cyyjjj("014000"), cyyjjj("01436"), yyyymmdd("20110230"), yyyymmdd("2011123")),
            (None, None, None, None)
        );
    }

    #[test]
    fn there_are_no_other_days() {
        for none in ["270229", "271301", "270001", "270132", "27013", "", "ab0101"] {
            assert_eq!(seen(none, 2026), "none", "{none}");
        }
        assert_eq!(yymmdd("270101", i16::MAX, true), None);
        assert_eq!(yymmdd("270101", i16::MIN, true), None);
    }
}
