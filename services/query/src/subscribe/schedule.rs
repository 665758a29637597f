//! When a scheduled query runs (EPCIS 2.0 § 8.2.5.3): like cron, with seconds.
//!
//! ```text
//! {"second": "0,30", "minute": "0/15", "hour": "[8-18]", "dayOfMonth": "*", "month": "1", "dayOfWeek": "[1-5]"}
//!
//! field    = element *("," element)
//! element  = number | "[" number "-" number "]" | "*" | (number | "*") "/" step
//! second, minute 0-59   hour 0-23   dayOfMonth 1-31   month 1-12   dayOfWeek 1-7, Monday is 1
//! ```
//!
//! All fields given must match. A field that is left out is its lowest value if a coarser one is given, else any: `{"hour":
//! "1"}` is 01:00:00 of every day. Local time is that of the service's offset.

use jiff::civil::Date;
use jiff::{Span, Timestamp, tz::Offset};
use serde::{Deserialize, Serialize};

/// Longest field, bytes.
const FIELD_BYTES_MAX: usize = 256;
/// How far ahead a time is looked for, days: the calendar repeats itself after 28 years, but for the turn of a century.
const DAYS_MAX: u32 = 366 * 41;

/// The fields as they are given.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fields {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub second: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minute: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hour: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub day_of_month: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub month: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub day_of_week: Option<String>,
}

/// A field that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {reason}")]
pub struct ScheduleError {
    /// Empty for the whole.
    pub field: &'static str,
    pub reason: String,
}

/// Fields that were read. A bit for each value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Fields", into = "Fields")]
pub struct Schedule {
    fields: Fields,
    second: u64,
    minute: u64,
    hour: u64,
    day_of_month: u64,
    month: u64,
    day_of_week: u64,
}

impl From<Schedule> for Fields {
    fn from(schedule: Schedule) -> Fields {
        schedule.fields
    }
}

impl TryFrom<Fields> for Schedule {
    type Error = ScheduleError;

    fn try_from(fields: Fields) -> Result<Schedule, ScheduleError> {
        let Fields { second, minute, hour, day_of_month, month, day_of_week } = &fields;
        // From the coarsest on: whether anything coarser is given.
        let coarser_than_day = month.is_some();
        let coarser_than_hour = coarser_than_day || day_of_month.is_some() || day_of_week.is_some();
        let coarser_than_minute = coarser_than_hour || hour.is_some();
        let coarser_than_second = coarser_than_minute || minute.is_some();
        if !coarser_than_second && second.is_none() {
            let reason = "give at least one of second, minute, hour, dayOfMonth, month and dayOfWeek".to_owned();
            return Err(ScheduleError { field: "", reason });
        }
        let any_day = !coarser_than_day || day_of_week.is_some();
        let schedule = Schedule {
            second: field("second", second, 0, 59, !coarser_than_second)?,
            minute: field("minute", minute, 0, 59, !coarser_than_minute)?,
            hour: field("hour", hour, 0, 23, !coarser_than_hour)?,
            day_of_month: field("dayOfMonth", day_of_month, 1, 31, any_day)?,
            month: field("month", month, 1, 12, true)?,
            day_of_week: field("dayOfWeek", day_of_week, 1, 7, true)?,
            fields,
        };
        match schedule.after(0, Offset::UTC) {
            Some(_) => Ok(schedule),
            None => Err(ScheduleError { field: "", reason: "there is never such a time".to_owned() }),
        }
    }
}

impl Schedule {
    /// The first time after this one; Unix milliseconds, of local time at this offset.
    pub fn after(&self, ms: u64, offset: Offset) -> Option<u64> {
        let next = Timestamp::from_millisecond(i64::try_from(ms).ok()?).ok()?;
        let from = offset.to_datetime(Timestamp::from_second(next.as_second().checked_add(1)?).ok()?);
        let mut day = from.date();
        let mut least = (from.hour(), from.minute(), from.second());
        for _ in 0..DAYS_MAX {
            if self.on(day)
                && let Some((hour, minute, second)) = self.at(least)
            {
                let local = day.at(hour, minute, second, 0);
                return u64::try_from(offset.to_timestamp(local).ok()?.as_millisecond()).ok();
            }
            (day, least) = (day.checked_add(Span::new().days(1)).ok()?, (0, 0, 0));
        }
        None
    }

    fn on(&self, day: Date) -> bool {
        has(self.month, day.month())
            && has(self.day_of_month, day.day())
            && has(self.day_of_week, day.weekday().to_monday_one_offset())
    }

    /// The first time of day from this one on.
    fn at(&self, (hour, minute, second): (i8, i8, i8)) -> Option<(i8, i8, i8)> {
        if has(self.hour, hour) {
            if has(self.minute, minute)
                && let Some(second) = from(self.second, second)
            {
                return Some((hour, minute, second));
            }
            if let Some(minute) = from(self.minute, minute + 1) {
                return Some((hour, minute, from(self.second, 0)?));
            }
        }
        Some((from(self.hour, hour + 1)?, from(self.minute, 0)?, from(self.second, 0)?))
    }
}

fn has(values: u64, value: i8) -> bool {
    values >> value & 1 == 1
}

/// The lowest value that is not below this one.
fn from(values: u64, least: i8) -> Option<i8> {
    let left = values >> least << least;
    (left != 0).then(|| left.trailing_zeros() as i8)
}

fn field(name: &'static str, text: &Option<String>, low: u8, high: u8, any: bool) -> Result<u64, ScheduleError> {
    let Some(text) = text else {
        return Ok(if any { range(low, high, 1) } else { 1 << low });
    };
    let wrong = || {
        let reason = format!(
            "{:?} is no list of numbers from {low} to {high}, ranges [{low}-{high}], * and steps {low}/5",
            text.chars().take(32).collect::<String>()
        );
        ScheduleError { field: name, reason }
    };
    if text.len() > FIELD_BYTES_MAX {
        return Err(wrong());
    }
    let mut values = text.split(',').map(|element| read(element.trim(), low, high).ok_or_else(wrong));
    values.try_fold(0, |all, some| Ok(all | some?))
}

fn read(element: &str, low: u8, high: u8) -> Option<u64> {
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        text.parse().ok().filter(|number: &u8| digits && (low..=high).contains(number))
    };
    if let Some((start, step)) = element.split_once('/') {
        let start = if start == "*" { low } else { number(start)? };
        let step: u8 = step.parse().ok().filter(|step| (1..=high).contains(step))?;
        return Some(range(start, high, step));
    }
    if element == "*" {
        return Some(range(low, high, 1));
    }
    match element.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')) {
        Some(inner) => {
            let (first, last) = inner.split_once('-')?;
            let (first, last) = (number(first)?, number(last)?);
            (first <= last).then(|| range(first, last, 1))
        }
        None => number(element).map(|one| 1 << one),
    }
}

fn range(first: u8, last: u8, step: u8) -> u64 {
    (first..=last).step_by(usize::from(step)).fold(0, |values, value| values | 1 << value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(fields: serde_json::Value) -> Result<Schedule, ScheduleError> {
        Schedule::try_from(serde_json::from_value::<Fields>(fields).unwrap())
    }

    /// The next times, in UTC.
    fn times(fields: serde_json::Value, from: &str, offset: i8) -> Vec<String> {
        let schedule = schedule(fields).unwrap();
        let mut at = from.parse::<Timestamp>().unwrap().as_millisecond() as u64;
        let mut next = || {
            at = schedule.after(at, Offset::constant(offset)).unwrap();
            Timestamp::from_millisecond(at as i64).unwrap().to_string()
        };
        vec![next(), next(), next()]
    }

    #[test]
    fn times_follow_the_calendar() {
        use serde_json::json;
        for (fields, from, offset, expected) in [
            // The standard's own example: every morning at five past one.
            (
                json!({"hour": "1", "minute": "5"}),
                "2026-02-27T01:05:00Z",
                0,
                ["2026-02-28T01:05:00Z", "2026-03-01T01:05:00Z", "2026-03-02T01:05:00Z"],
            ),
            (
                json!({"hour": "1", "minute": "5"}),
                "2026-02-27T01:05:00Z",
                8,
                ["2026-02-27T17:05:00Z", "2026-02-28T17:05:00Z", "2026-03-01T17:05:00Z"],
            ),
            (
                json!({"second": "0/30"}),
                "2026-12-31T23:59:29.999Z",
                0,
                ["2026-12-31T23:59:30Z", "2027-01-01T00:00:00Z", "2027-01-01T00:00:30Z"],
            ),
            (
                json!({"minute": "10,[20-21]"}),
                "2026-01-01T00:10:00Z",
                0,
                ["2026-01-01T00:20:00Z", "2026-01-01T00:21:00Z", "2026-01-01T01:10:00Z"],
            ),
            // 2026-01-01 is a Thursday.
            (
                json!({"dayOfWeek": "1,7", "hour": "23"}),
                "2026-01-01T00:00:00Z",
                0,
                ["2026-01-04T23:00:00Z", "2026-01-05T23:00:00Z", "2026-01-11T23:00:00Z"],
            ),
            (
                json!({"month": "2", "dayOfMonth": "29"}),
                "2026-01-01T00:00:00Z",
                0,
                ["2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z", "2036-02-29T00:00:00Z"],
            ),
            (
                json!({"month": "*/6"}),
                "2026-01-01T00:00:00Z",
                0,
                ["2026-07-01T00:00:00Z", "2027-01-01T00:00:00Z", "2027-07-01T00:00:00Z"],
            ),
            // Friday the 13th: both must match.
            (
                json!({"dayOfWeek": "5", "dayOfMonth": "13"}),
                "2026-01-01T00:00:00Z",
                0,
                ["2026-02-13T00:00:00Z", "2026-03-13T00:00:00Z", "2026-11-13T00:00:00Z"],
            ),
        ] {
            assert_eq!(times(fields.clone(), from, offset), expected, "{fields} from {from}");
        }
    }

    #[test]
    fn what_cannot_be_is_named() {
        use serde_json::json;
        for (fields, field) in [
            (json!({}), ""),
            (json!({"month": "2", "dayOfMonth": "30"}), ""),
            (json!({"second": "60"}), "second"),
            (json!({"minute": "-1"}), "minute"),
            (json!({"hour": "24"}), "hour"),
            (json!({"hour": "+1"}), "hour"),
            (json!({"dayOfMonth": "0"}), "dayOfMonth"),
            (json!({"month": "13"}), "month"),
            (json!({"dayOfWeek": "8"}), "dayOfWeek"),
            (json!({"second": "[5-1]"}), "second"),
            (json!({"second": "1-5"}), "second"),
            (json!({"second": ""}), "second"),
            (json!({"second": "1,"}), "second"),
            (json!({"second": "*/0"}), "second"),
            (json!({"second": "1,".repeat(200)}), "second"),
        ] {
            assert_eq!(schedule(fields.clone()).unwrap_err().field, field, "{fields}");
        }
    }
}
