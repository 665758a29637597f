//! Numbers: a double that says the same decimal as the text did.

use rust_decimal::Decimal;
use std::str::FromStr;

/// Reads a JSON number, or `None` where the double nearest to it prints as another decimal (`0.1000000000000000055`,
/// `9007199254740993`, `1e400`): two readers would then disagree on what was signed.
pub(super) fn read(text: &str) -> Option<f64> {
    let number: f64 = text.parse().ok().filter(|number: &f64| number.is_finite())?;
    if number == 0.0 {
        return Exact::of(text).digits.is_empty().then_some(0.0);
    }
    // Up to 15 significant digits always survive the way to a double and back (DBL_DIG), within its normal range.
    if text.len() <= 15 && !text.contains(['e', 'E']) {
        return Some(number);
    }
    (Exact::of(text) == Exact::of(ryu_js::Buffer::new().format(number))).then_some(number)
}

/// Reads a decimal of XML Schema (`+4.50`, `.5`, `1e3`), or `None` as [`read`].
pub(crate) fn read_decimal(text: &str) -> Option<f64> {
    let text = text.strip_prefix('+').unwrap_or(text);
    let digits = text.strip_prefix('-').unwrap_or(text);
    let numeric = digits.bytes().all(|b| b.is_ascii_digit() || b".eE+-".contains(&b));
    if !numeric || !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    read(text)
}

/// The exact decimal of a number that was read, if it fits 28 digits; trailing zeros are gone.
pub fn decimal(number: f64) -> Option<Decimal> {
    let mut buffer = ryu_js::Buffer::new();
    let text = buffer.format_finite(number);
    let exact = if text.contains('e') { Decimal::from_scientific(text) } else { Decimal::from_str(text) };
    exact.ok().map(|decimal| decimal.normalize()).filter(|decimal| Exact::of(text) == Exact::of(&decimal.to_string()))
}

/// The exact decimal of a number without an exponent: `0.001`, `1000000000000000000000`.
pub fn plain(number: f64) -> String {
    let mut buffer = ryu_js::Buffer::new();
    let text = buffer.format_finite(number);
    if !text.contains('e') {
        return text.to_owned();
    }
    let Exact { negative, digits, exponent } = Exact::of(text);
    let sign = if negative { "-" } else { "" };
    let zeros = |count: i64| "0".repeat(usize::try_from(count).unwrap_or(0));
    if exponent <= 0 {
        return format!("{sign}0.{}{digits}", zeros(-exponent));
    }
    // ECMAScript prints an exponent only where no digit stands behind the point.
    format!("{sign}{digits}{}", zeros(exponent - digits.len() as i64))
}

/// As serde_json would have read the shortest text: an integer where it is one that a double carries exactly.
pub(super) fn to_serde(number: f64) -> serde_json::Value {
    const INTEGER_MAX: f64 = 9_007_199_254_740_991.0;
    if number.fract() == 0.0 && number.abs() <= INTEGER_MAX {
        return serde_json::Value::from(number as i64);
    }
    serde_json::Value::from(number)
}

/// Sign, significant digits and exponent: 0.digits × 10^exponent; zero has no digits, no sign, no exponent.
#[derive(PartialEq)]
struct Exact {
    negative: bool,
    digits: String,
    exponent: i64,
}

impl Exact {
    /// Of text in JSON's number grammar.
    fn of(text: &str) -> Exact {
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (negative, mantissa) = mantissa.strip_prefix('-').map_or((false, mantissa), |rest| (true, rest));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = [whole, fraction].concat();
        let digits = all.trim_start_matches('0');
        if digits.is_empty() {
            return Exact { negative: false, digits: String::new(), exponent: 0 };
        }
        let leading = (all.len() - digits.len()) as i64;
        // An exponent beyond i64 belongs to no finite double other than zero, so any saturated value tells them apart.
        let exponent: i64 = exponent.parse().unwrap_or(i64::MAX);
        Exact {
            negative,
            digits: digits.trim_end_matches('0').to_owned(),
            exponent: exponent.saturating_add(whole.len() as i64 - leading),
        }
    }
}
