//! Application identifiers: the shape of one row of the table, and finding a row.

use std::fmt;

use crate::table::TABLE;

/// GS1 application identifier. The number says its digits too: below 100 two, below 1000 three, else four.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ai(pub(crate) u16);

impl Ai {
    /// A known application identifier from its two to four digits.
    pub fn parse(digits: &str) -> Option<Ai> {
        find(digits).filter(|ai| ai.width() == digits.len())
    }

    /// The data title of the standard, such as `USE BY or EXPIRY`.
    pub fn title(self) -> &'static str {
        entry(self).map_or("", |entry| entry.title)
    }

    pub(crate) const fn width(self) -> usize {
        match self.0 {
            0..100 => 2,
            100..1000 => 3,
            _ => 4,
        }
    }
}

/// Two to four digits.
impl fmt::Display for Ai {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}", self.0)
    }
}

/// One line of the syntax dictionary: one application identifier or a range of equal ones.
pub(crate) struct Entry {
    pub ais: Ais,
    /// Whether FNC1 must follow unless the field is the last.
    pub fnc1: bool,
    /// Whether it may stand in the query string of a Digital Link.
    pub attribute: bool,
    pub parts: &'static [Part],
    /// One of these groups must be there whole; empty for no requirement.
    pub req: &'static [&'static [Ais]],
    /// None of these may be there.
    pub ex: &'static [Ais],
    /// For a primary key of a Digital Link: the qualifiers that may follow it in the path.
    pub key: Option<&'static [Ais]>,
    pub title: &'static str,
}

/// Application identifiers from the first to the last, both included.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ais(pub u16, pub u16);

impl Ais {
    pub fn contains(self, ai: Ai) -> bool {
        (self.0..=self.1).contains(&ai.0)
    }
}

/// One component of a field.
pub(crate) struct Part {
    pub set: Set,
    /// Shortest and longest length, in characters.
    pub min: usize,
    pub max: usize,
    /// May be left out with all that follows it.
    pub optional: bool,
    pub rules: &'static [Rule],
}

pub(crate) const fn part(set: Set, min: usize, max: usize, rules: &'static [Rule]) -> Part {
    Part { set, min, max, optional: false, rules }
}

pub(crate) const fn optional(set: Set, min: usize, max: usize, rules: &'static [Rule]) -> Part {
    Part { set, min, max, optional: true, rules }
}

pub(crate) const fn one(ai: u16) -> Ais {
    Ais(ai, ai)
}

/// The characters that a component may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Set {
    /// Digits.
    N,
    /// GS1 AI encodable character set 82.
    X,
    /// GS1 AI encodable character set 39.
    Y,
    /// base64url, padded with `=`.
    Z,
}

/// What else a component must fulfil; the names are those of the dictionary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    Couponcode,
    Couponposoffer,
    Csum,
    Csumalpha,
    Gcppos1,
    Gcppos2,
    Hasnondigit,
    Hh,
    Hhmi,
    Hyphen,
    Iban,
    Importeridx,
    Iso3166,
    Iso3166999,
    Iso3166alpha2,
    Iso4217,
    Iso5218,
    Latitude,
    Longitude,
    Mediatype,
    Mi,
    Nonzero,
    Nozeroprefix,
    Packagetype,
    Pcenc,
    Pieceoftotal,
    Posinseqslash,
    Ss,
    Winding,
    Yesno,
    Yymmd0,
    Yymmdd,
    Yyyymmdd,
    Zero,
}

/// One past the greatest application identifier.
const NUMBERS: usize = 10_000;

static ENTRIES: &[Entry] = TABLE;
/// Where the row of each application identifier stands, plus one; 0 for none.
static ROWS: [u8; NUMBERS] = rows();

const fn rows() -> [u8; NUMBERS] {
    assert!(TABLE.len() < u8::MAX as usize);
    let mut rows = [0; NUMBERS];
    let mut row = 0;
    while row < TABLE.len() {
        let Ais(first, last) = TABLE[row].ais;
        let mut ai = first;
        while ai <= last {
            rows[ai as usize] = row as u8 + 1;
            ai += 1;
        }
        row += 1;
    }
    rows
}

/// The row of a known application identifier.
pub(crate) fn entry(ai: Ai) -> Option<&'static Entry> {
    let row = *ROWS.get(usize::from(ai.0))?;
    ENTRIES.get(usize::from(row).checked_sub(1)?)
}

/// The application identifier that `text` begins with. No one is the beginning of another, so the first found is it.
pub(crate) fn find(text: &str) -> Option<Ai> {
    let mut number = 0;
    for (at, byte) in text.bytes().take(4).enumerate() {
        if !byte.is_ascii_digit() {
            return None;
        }
        number = number * 10 + u16::from(byte - b'0');
        let ai = Ai(number);
        if at >= 1 && ai.width() == at + 1 && entry(ai).is_some() {
            return Some(ai);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_identifier_that_a_text_begins_with() {
        let found = |text| find(text).map(|ai| ai.to_string());
        assert_eq!(found("0109521141012345").as_deref(), Some("01"));
        assert_eq!(found("235X").as_deref(), Some("235"));
        assert_eq!(found("3103001750").as_deref(), Some("3103"));
        assert_eq!(found("8012").as_deref(), Some("8012"));
        assert_eq!(found("90").as_deref(), Some("90"));
        for unknown in ["", "0", "04", "0410", "23", "234", "3106", "8099", "A1", "1"] {
            assert_eq!(found(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn no_identifier_begins_another_and_the_table_is_sorted() {
        let all: Vec<String> =
            TABLE.iter().flat_map(|entry| entry.ais.0..=entry.ais.1).map(|ai| Ai(ai).to_string()).collect();
        assert!(TABLE.windows(2).all(|pair| pair[0].ais.1 < pair[1].ais.0));
        for ai in &all {
            assert_eq!(Ai::parse(ai).map(|found| found.to_string()).as_ref(), Some(ai));
            assert_eq!(all.iter().filter(|other| other.starts_with(ai.as_str())).count(), 1, "{ai}");
        }
    }

    #[test]
    fn titles_are_the_standards() {
        assert_eq!(Ai::parse("17").map(Ai::title), Some("USE BY or EXPIRY"));
    }
}
