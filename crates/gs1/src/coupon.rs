//! What is inside a North American coupon code: AI 8110 (North American Coupon Application Guideline Using GS1 DataBar
//! Expanded Symbols) and AI 8112 (GS1 AI (8112) Coupon Data Specification). All digits; a length stands before what it
//! measures.
//!
//! ```text
//! 8110  prefix  offer(6)  save value  purchase
//!       [1 rules(1) purchase prefix] [2 purchase prefix] [3 expiry(6)] [4 start(6)] [5 serial] [6 retailer]
//!       [9 save value code(1) applies to(1) store coupon(1) do not multiply(1)]
//!       purchase = requirement, code(1), family(3)
//! 8112  format(1)  funder  offer(6)  serial
//! ```

use crate::code::CENTURY_YEAR;
use crate::date::yymmdd;
use crate::digits::is_digits;

/// Shortest prefix, funder, serial and retailer, by which their stated length is less, in digits.
const PART_DIGITS_MIN: usize = 6;
const OFFER_DIGITS: usize = 6;
const FAMILY_DIGITS: usize = 3;
const DATE_DIGITS: usize = 6;

/// What should stand where the code goes wrong.
type Wrong = &'static str;

/// AI 8110.
pub(crate) fn coupon(value: &str) -> Result<(), Wrong> {
    let mut rest = Rest::of(value)?;
    rest.part("06", PART_DIGITS_MIN, "a company prefix of 6 to 12 digits after its length less 6")?;
    rest.digits(OFFER_DIGITS, "an offer code of 6 digits")?;
    rest.part("15", 0, "a save value of 1 to 5 digits after its length")?;
    rest.purchase()?;
    if rest.field('1') {
        rest.one_of("0123", "a code from 0 to 3 for additional purchase rules")?;
        rest.purchase()?;
        rest.other_prefix()?;
    }
    if rest.field('2') {
        rest.purchase()?;
        rest.other_prefix()?;
    }
    let expiry = if rest.field('3') { Some(rest.date("an expiry as YYMMDD")?) } else { None };
    let start = if rest.field('4') { Some(rest.date("a start as YYMMDD")?) } else { None };
    if expiry.zip(start).is_some_and(|(expiry, start)| expiry < start) {
        return Err("an expiry that is not before the start");
    }
    if rest.field('5') {
        rest.part("09", PART_DIGITS_MIN, "a serial of 6 to 15 digits after its length less 6")?;
    }
    if rest.field('6') {
        rest.part("17", PART_DIGITS_MIN, "a retailer's prefix or GLN of 7 to 13 digits after its length less 6")?;
    }
    if rest.field('9') {
        rest.one_of("01256", "a save value code of 0, 1, 2, 5 or 6")?;
        rest.one_of("012", "0, 1 or 2 for the purchase that the save value applies to")?;
        rest.digits(1, "a store coupon flag")?;
        rest.one_of("01", "0 or 1 for whether the value may be multiplied")?;
    }
    rest.end()
}

/// AI 8112.
pub(crate) fn positive_offer(value: &str) -> Result<(), Wrong> {
    let mut rest = Rest::of(value)?;
    rest.one_of("01", "a format of 0 or 1")?;
    rest.part("06", PART_DIGITS_MIN, "a funder of 6 to 12 digits after its length less 6")?;
    rest.digits(OFFER_DIGITS, "an offer code of 6 digits")?;
    rest.part("09", PART_DIGITS_MIN, "a serial of 6 to 15 digits after its length less 6")?;
    rest.end()
}

/// The digits that are not read yet.
struct Rest<'a>(&'a str);

impl<'a> Rest<'a> {
    fn of(value: &'a str) -> Result<Rest<'a>, Wrong> {
        if is_digits(value) { Ok(Rest(value)) } else { Err("digits") }
    }

    fn digits(&mut self, count: usize, what: Wrong) -> Result<&'a str, Wrong> {
        let (head, rest) = self.0.split_at_checked(count).ok_or(what)?;
        self.0 = rest;
        Ok(head)
    }

    fn one_of(&mut self, allowed: &str, what: Wrong) -> Result<&'a str, Wrong> {
        self.digits(1, what).ok().filter(|digit| allowed.contains(digit)).ok_or(what)
    }

    /// A length between the two digits of `range`, less `more`, and that many digits.
    fn part(&mut self, range: &str, more: usize, what: Wrong) -> Result<(), Wrong> {
        let (min, max) = range.split_at(1);
        let length = self.digits(1, what).ok().filter(|length| (min..=max).contains(length)).ok_or(what)?;
        let length: usize = length.parse().map_err(|_| what)?;
        self.digits(length + more, what).map(|_| ())
    }

    fn purchase(&mut self) -> Result<(), Wrong> {
        self.part("15", 0, "a purchase requirement of 1 to 5 digits after its length")?;
        self.one_of("012349", "a purchase requirement code from 0 to 4, or 9")?;
        self.digits(FAMILY_DIGITS, "a family code of 3 digits").map(|_| ())
    }

    /// The prefix of a further purchase; a length of 9 says that there is none.
    fn other_prefix(&mut self) -> Result<(), Wrong> {
        match self.field('9') {
            true => Ok(()),
            false => {
                self.part("06", PART_DIGITS_MIN, "9, or a company prefix of 6 to 12 digits after its length less 6")
            }
        }
    }

    fn date(&mut self, what: Wrong) -> Result<&'a str, Wrong> {
        self.digits(DATE_DIGITS, what).ok().filter(|date| yymmdd(date, CENTURY_YEAR, false).is_some()).ok_or(what)
    }

    /// Whether an optional field of that number begins here; its number is read.
    fn field(&mut self, number: char) -> bool {
        let rest = self.0.strip_prefix(number);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    fn end(self) -> Result<(), Wrong> {
        if self.0.is_empty() { Ok(()) } else { Err("an end, or a further field in the order of their numbers") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Prefix, offer, save value, purchase: the code that the dictionary's own checks begin with.
    const BASE: &str = "012345612345611110123";
    const FIELDS: [&str; 8] =
        ["101101230123456", "21101239", "3281231", "4280101", "50123456", "619521141", "95271", "90000"];

    #[test]
    fn optional_fields_stand_in_the_order_of_their_numbers() {
        for chosen in 0..1 << 7 {
            let fields = FIELDS.iter().enumerate().filter(|(at, _)| chosen & (1 << at) != 0).map(|(_, field)| *field);
            let code = BASE.to_owned() + &fields.collect::<String>();
            assert_eq!(coupon(&code), Ok(()), "{code}");
            assert!(coupon(&code[..code.len() - 1]).is_err(), "{code} without its last digit");
        }
        for (first, second) in [(1, 0), (3, 2), (6, 5), (6, 7)] {
            let code = [BASE, FIELDS[first], FIELDS[second]].concat();
            assert!(coupon(&code).is_err(), "{code}");
        }
    }

    #[test]
    fn no_beginning_of_a_coupon_is_one() {
        (0..BASE.len()).for_each(|end| assert!(coupon(&BASE[..end]).is_err(), "{}", &BASE[..end]));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (code, what) in [
            ("a12345612345611110123", "digits"),
            ("71234567890123", "prefix"),
            ("01234561234560", "save value"),
            ("012345612345621", "save value"),
            ("0123456123456110", "purchase requirement"),
            ("012345612345611115123", "requirement code"),
            ("01234561234561111012314", "rules"),
            ("01234561234561111012321101237", "9, or a company prefix"),
            ("0123456123456111101233281301", "expiry"),
            ("01234561234561111012332801014280102", "before the start"),
            ("0123456123456111101234280230", "a start"),
            ("01234561234561111012360123456", "retailer"),
            ("0123456123456111101239300", "save value code"),
            ("01234561234561111012390300", "applies"),
            ("01234561234561111012390002", "multiplied"),
            ("0123456123456111101237", "an end"),
        ] {
            let wrong = coupon(code).expect_err(code);
            assert!(wrong.contains(what), "{code}: {wrong}");
        }
    }
}
