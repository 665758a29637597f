//! Codes of drugs in China's medical insurance (NHSA, 医保药品分类与代码): a kind of goods in one pack size of one maker.
//!
//! ```text
//! X A01AB D075 A0 02010100483    western, 23 characters: class like an ATC's of level 4, substance, form, numbers
//! Z A12HA Y0555 010100326        Chinese patent medicine, 20 characters: class, substance, numbers
//! ```
//!
//! The last five digits are those of the maker, as in the drug's 14-digit national code. There is no check digit, so only
//! the shape is asked. It is the shape of the codes that the NHSA publishes, as far as public copies of its table show
//! them; its rules for the parts are not at hand. Codes of herbs and of consumables (C and digits) are not read, because no
//! reliable description of them was found.

use crate::CodeError;
use crate::device::Device;
use crate::error::quote;

/// `A`: a capital letter, `9`: a digit.
const SHAPES: [(char, &str); 2] = [('X', "A99AAA999A999999999999"), ('Z', "A99AAA9999999999999")];

/// Whether a text has the shape of a drug's code.
pub(crate) fn is_drug(text: &str) -> bool {
    SHAPES.iter().any(|(first, shape)| text.strip_prefix(*first).is_some_and(|rest| fits(shape, rest)))
}

fn fits(shape: &str, text: &str) -> bool {
    let same = |(wanted, found): (u8, u8)| match wanted {
        b'9' => found.is_ascii_digit(),
        _ => found.is_ascii_uppercase(),
    };
    shape.len() == text.len() && shape.bytes().zip(text.bytes()).all(same)
}

pub(crate) fn check(device: &Device<'_>) -> Result<(), CodeError> {
    let alone = [device.donation, device.serial, device.lot].iter().all(|part| part.is_empty());
    if is_drug(device.di) && alone {
        return Ok(());
    }
    let detail = format!("{} should be X and 22 characters or Z and 19, and name no lot or serial", quote(device.di));
    Err(CodeError::new("value", detail))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Codes that the NHSA has published.
    #[test]
    fn published_codes() {
        for code in
            ["XA01ABD075A002010100483", "XA01ABD075A002010100594", "ZA04BAX0061020300423", "ZA12HAY0555010100326"]
        {
            assert!(is_drug(code), "{code}");
            assert!(
                !is_drug(&code[1..]) && !is_drug(&code[..code.len() - 1]) && !is_drug(&code.to_lowercase()),
                "{code}"
            );
        }
    }
}
