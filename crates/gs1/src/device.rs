//! Things of the schemes whose device identifier is text: MA, HIBCC, ISBT 128 and insurance codes. Their id is drawn in `class`.
//!
//! ```text
//! urn:medtrace:ma:MA.156.M0.100204.13351764/21/S%2F1
//! urn:medtrace:hibcc:A99912345/10/10X3
//! urn:medtrace:isbt128:A9999XYZ100T0944/din/A999713123456/21/000025
//! urn:medtrace:cn-insurance:XA01ABD075A002010100483
//! ```

use std::fmt;

use smol_str::{SmolStr, format_smolstr};

use crate::error::quote;
use crate::uri::{PercentEncoded, percent_decode, strip_prefix};
use crate::{Class, Code, CodeError, Scheme, Thing, hibcc, insurance, isbt, ma};

/// The parts of an id; empty for none.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Device<'a> {
    pub di: &'a str,
    /// Donation identification number, ISBT 128 only.
    pub donation: &'a str,
    pub serial: &'a str,
    /// Where there is no serial and no donation.
    pub lot: &'a str,
}

/// The schemes, each with its namespace under `urn:medtrace:`.
const NAMES: [(Scheme, &str); 4] = [
    (Scheme::Ma, "ma:"),
    (Scheme::Hibcc, "hibcc:"),
    (Scheme::Isbt128, "isbt128:"),
    (Scheme::CnInsurance, "cn-insurance:"),
];

impl<'a> Device<'a> {
    /// None for things of other schemes.
    pub fn of(thing: &'a Thing) -> Option<Device<'a>> {
        NAMES.iter().find(|(scheme, _)| *scheme == thing.scheme())?;
        let (di, rest) = thing.id().split_once('/').unwrap_or((thing.id(), ""));
        let mut device = Device { di, ..Device::default() };
        let rest = match rest.strip_prefix("din/") {
            Some(rest) => {
                let (donation, rest) = rest.split_once('/').unwrap_or((rest, ""));
                device.donation = donation;
                rest
            }
            None => rest,
        };
        device.serial = rest.strip_prefix("21/").unwrap_or("");
        device.lot = rest.strip_prefix("10/").unwrap_or("");
        Some(device)
    }

    /// The thing, once every part is as the scheme has it. A serial or donation makes a lot needless.
    pub fn thing(&self, scheme: Scheme) -> Result<Thing, CodeError> {
        match scheme {
            Scheme::Ma => ma::check(self)?,
            Scheme::Hibcc => hibcc::check(self)?,
            Scheme::CnInsurance => insurance::check(self)?,
            _ => isbt::check(self)?,
        }
        let Device { di, donation, serial, lot } = *self;
        let id = match (donation, serial, lot) {
            ("", "", "") => SmolStr::new(di),
            ("", "", lot) => format_smolstr!("{di}/10/{lot}"),
            ("", serial, _) => format_smolstr!("{di}/21/{serial}"),
            (donation, "", _) => format_smolstr!("{di}/din/{donation}"),
            (donation, serial, _) => format_smolstr!("{di}/din/{donation}/21/{serial}"),
        };
        Ok(Thing::from_text(Class::of_text(scheme, di), id))
    }
}

/// The canonical URI of a thing of these schemes.
pub(crate) fn write_uri(thing: &Thing, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let name = NAMES.iter().find(|(scheme, _)| *scheme == thing.scheme()).map_or("", |(_, name)| name);
    let Device { di, donation, serial, lot } = Device::of(thing).unwrap_or_default();
    write!(f, "urn:medtrace:{name}{}", PercentEncoded(di))?;
    [("din", donation), ("21", serial), ("10", lot)]
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .try_for_each(|(name, value)| write!(f, "/{name}/{}", PercentEncoded(value)))
}

/// A canonical URI; none if it is in no namespace of these schemes.
pub(crate) fn read_uri(text: &str) -> Option<Result<Thing, CodeError>> {
    let rest = strip_prefix(text, "urn:medtrace:")?;
    let (scheme, rest) = NAMES.iter().find_map(|(scheme, name)| Some((*scheme, strip_prefix(rest, name)?)))?;
    Some(read_parts(scheme, rest))
}

fn read_parts(scheme: Scheme, text: &str) -> Result<Thing, CodeError> {
    let wrong = || {
        let detail = format!("{} should be a device identifier, then /21/ and a serial or /10/ and a lot", quote(text));
        CodeError::new("uri", detail)
    };
    let mut segments = text.split('/').map(percent_decode);
    let mut next = || segments.next().transpose();
    let di = next()?.ok_or_else(wrong)?;
    let mut parts = [("din", None), ("21", None), ("10", None)];
    let mut from = 0;
    while let Some(name) = next()? {
        let at = (from..parts.len()).find(|at| parts[*at].0 == name).ok_or_else(wrong)?;
        parts[at].1 = Some(next()?.filter(|value| !value.is_empty()).ok_or_else(wrong)?);
        // A lot stands alone.
        from = if at == 0 { 1 } else { parts.len() };
    }
    let [donation, serial, lot] = &parts.map(|(_, value)| value.unwrap_or_default());
    if !donation.is_empty() && !lot.is_empty() {
        return Err(wrong());
    }
    Device { di: &di, donation, serial, lot }.thing(scheme)
}

/// The class of a device identifier alone.
pub(crate) fn product(scheme: Scheme, di: &str) -> Result<Thing, CodeError> {
    Device { di, ..Device::default() }.thing(scheme)
}

/// The code in its scheme's own notation. None where the thing is of another scheme.
pub(crate) fn print(code: &Code) -> Option<String> {
    let device = Device::of(&code.thing)?;
    Some(match code.thing.scheme() {
        Scheme::Ma => ma::write(&device, code),
        Scheme::Hibcc => hibcc::write(&device, code),
        Scheme::CnInsurance => device.di.to_owned(),
        _ => isbt::write(&device, code),
    })
}

/// Checks length and characters of one part; `what` names it in the error.
pub(crate) fn check_part(
    what: &str,
    value: &str,
    lengths: std::ops::RangeInclusive<usize>,
    holds: fn(char) -> bool,
) -> Result<(), CodeError> {
    if let Some(wrong) = value.chars().find(|c| !holds(*c)) {
        return Err(CodeError::new("charset", format!("{what} {} should not hold {wrong:?}", quote(value))));
    }
    let n = value.len();
    if lengths.contains(&n) {
        return Ok(());
    }
    let should = match (lengths.start(), lengths.end()) {
        (min, max) if min == max => min.to_string(),
        (min, max) => format!("{min} to {max}"),
    };
    Err(CodeError::new("length", format!("{what} {} has {n} characters and should have {should}", quote(value))))
}

/// Keeps a value that may be said once, or more than once in the same way.
pub(crate) fn once<T: PartialEq>(what: &str, slot: &mut Option<T>, value: T) -> Result<(), CodeError> {
    match slot.replace(value) {
        Some(before) if slot.as_ref() != Some(&before) => {
            Err(CodeError::new("repeated", format!("the code gives two different values of its {what}")))
        }
        _ => Ok(()),
    }
}
