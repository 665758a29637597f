//! Codes as scanners send them, built from their parts. Check digits are computed here, not by the code under test.

/// The separator that stands for FNC1 inside an element string.
pub const GS: char = '\u{1d}';

/// `digits` with their GS1 check digit: weights 3, 1, 3 … from the right.
pub fn with_check_digit(digits: &str) -> String {
    let weighted = digits.bytes().rev().zip([3, 1].into_iter().cycle()).map(|(c, weight)| u32::from(c - b'0') * weight);
    let sum: u32 = weighted.sum();
    format!("{digits}{}", (10 - sum % 10) % 10)
}

/// A GTIN-14 of a company prefix: indicator 0, then the prefix, then the item reference filled up to 12 digits.
pub fn gtin(prefix: &str, item: u32) -> String {
    let width = 12 - prefix.len();
    with_check_digit(&format!("0{prefix}{item:0width$}"))
}

/// A GLN of a company prefix.
pub fn gln(prefix: &str, location: u32) -> String {
    let width = 12 - prefix.len();
    with_check_digit(&format!("{prefix}{location:0width$}"))
}

/// The 18 digits of an SSCC: extension digit 0, then the prefix, then the number.
pub fn sscc(prefix: &str, number: u32) -> String {
    let width = 16 - prefix.len();
    with_check_digit(&format!("0{prefix}{number:0width$}"))
}

/// A DataMatrix as a scanner sends it, with everything a pack says of itself: `]d2`, GTIN, expiry, lot, serial.
pub fn pack(gtin: &str, lot: &str, expiry: &str, serial: &str) -> String {
    format!("]d201{gtin}17{expiry}10{lot}{GS}21{serial}")
}

/// The same without lot and expiry.
pub fn serial(gtin: &str, serial: &str) -> String {
    format!("]d201{gtin}21{serial}")
}

/// GTIN and lot, as on a carton of packs without serials.
pub fn lot(gtin: &str, lot: &str) -> String {
    format!("]d201{gtin}10{lot}")
}

/// A logistic label: `]C1` and the SSCC.
pub fn label(sscc: &str) -> String {
    format!("]C100{sscc}")
}

/// Canonical URIs, as answers give them.
pub mod uri {
    /// Of one pack.
    pub fn item(gtin: &str, serial: &str) -> String {
        format!("https://id.gs1.org/01/{gtin}/21/{serial}")
    }

    pub fn lot(gtin: &str, lot: &str) -> String {
        format!("https://id.gs1.org/01/{gtin}/10/{lot}")
    }

    pub fn unit(sscc: &str) -> String {
        format!("https://id.gs1.org/00/{sscc}")
    }

    pub fn place(gln: &str) -> String {
        format!("https://id.gs1.org/414/{gln}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_digits_are_those_of_gs1s_own_examples() {
        // GS1 General Specifications, 7.9.1: GTIN-13 6291041500213, SSCC 376104250021234569.
        assert_eq!(with_check_digit("629104150021"), "6291041500213");
        assert_eq!(with_check_digit("37610425002123456"), "376104250021234569");
        assert_eq!((gtin("9506000", 13435).len(), gln("9506000", 1).len(), sscc("9506000", 1).len()), (14, 13, 18));
    }
}
