//! ISBT 128 codes of ICCBBA: medical devices of human origin, blood products and blood containers (ISBT 128 Standard
//! Technical Specification, ST-001; Coding and Labeling of Medical Devices, ST-011).
//!
//! ```text
//! =/A9999XYZ100T0944 =,000025 =A99971312345600 =>014032 =}013032 &,1000000000000XYZ123
//!   facility 5        serial   donation 13,     expiry   made     lot, 18 characters, zeros in front
//!   product code 6    6        flags 2          century 1, year 2, day of the year 3
//!   description 5
//! =<E0791V00 with a donation number: a blood product         =)1TE123456A &)RZ12345678: a blood container and its lot
//! =+06000 compound message: 06 structures follow             any other = or & and a character: kept under its name
//! ```
//!
//! A donation number alone names a donation and no object, so it is refused. Spaces are dropped; values stay as they are,
//! the zeros before a lot too.

use jiff::civil::Date;
use smol_str::SmolStr;
use std::fmt::Write;

use crate::date::cyyjjj;
use crate::device::{Device, check_part, once};
use crate::digits::is_digits;
use crate::error::quote;
use crate::{Code, CodeError, Scheme};

/// Characters of the device identifiers: device, blood container, blood product.
const DEVICE_CHARS: usize = 16;
const CONTAINER_CHARS: usize = 10;
const PRODUCT_CHARS: usize = 8;
const SERIAL_CHARS: usize = 6;
const DEVICE_LOT_CHARS: usize = 18;
const DONATION_CHARS: usize = 13;
/// Flags after a donation number say where on the bag it stands; this is none.
const NO_FLAGS: &str = "00";

/// Data identifiers whose length is known, in characters.
#[rustfmt::skip]
const LENGTHS: [(&str, usize); 14] = [
    ("=/", DEVICE_CHARS), ("=,", SERIAL_CHARS), ("=>", 6), ("&>", 10), ("=}", 6), ("&}", 10), ("&,1", DEVICE_LOT_CHARS),
    ("=+", 5), ("=<", PRODUCT_CHARS), ("=)", CONTAINER_CHARS), ("&)", CONTAINER_CHARS), ("=%", 4), ("=*", 6), ("&*", 10),
];

#[derive(Default)]
struct Parts<'a> {
    device: Option<&'a str>,
    product: Option<&'a str>,
    container: Option<&'a str>,
    donation: Option<&'a str>,
    serial: Option<&'a str>,
    lot: Option<&'a str>,
    container_lot: Option<&'a str>,
    expiry: Option<Date>,
    made: Option<Date>,
    flags: Option<&'a str>,
    others: Vec<(SmolStr, SmolStr)>,
}

pub(crate) fn read(text: &str) -> Result<Code, CodeError> {
    let spaceless: String;
    let text = if text.contains(char::is_whitespace) {
        spaceless = text.split_whitespace().collect();
        &spaceless
    } else {
        text
    };
    let mut parts = Parts::default();
    let (mut rest, mut announced) = (text, None);
    while !rest.is_empty() {
        let (name, value, after) = structure(rest)?;
        if let Some(count) = announced.as_mut() {
            *count -= 1;
        }
        if name == "=+" {
            announced = Some(value[..2].parse::<i32>().map_err(|_| wrong(name, value, "begin with a count"))?);
        } else {
            parts.read(name, value)?;
        }
        rest = after;
    }
    if announced.is_some_and(|left| left != 0) {
        let detail = format!("{} announces more or fewer structures than follow", quote(text));
        return Err(CodeError::new("length", detail));
    }
    parts.code()
}

/// The data identifier that `text` begins with, its value, and the rest.
fn structure(text: &str) -> Result<(&str, &str, &str), CodeError> {
    let mut chars = text.chars();
    let (first, second) = (chars.next(), chars.next());
    let (name, length) = match (first, second) {
        (Some('='), Some(c)) if c.is_ascii_alphanumeric() => (&text[..1], DONATION_CHARS + NO_FLAGS.len()),
        (Some('=' | '&'), Some(c)) if c.is_ascii_graphic() => {
            match LENGTHS.iter().find(|(name, _)| text.starts_with(name)) {
                Some((name, length)) => (&text[..name.len()], *length),
                None => (&text[..2], text[2..].find(['=', '&']).unwrap_or(text.len() - 2)),
            }
        }
        _ => {
            let detail = format!("{} should begin with an ISBT 128 data identifier, such as =/ or =,", quote(text));
            return Err(CodeError::new("value", detail));
        }
    };
    if length == 0 {
        return Err(wrong(name, "", "have a value"));
    }
    let (value, after) = text[name.len()..].split_at_checked(length).unwrap_or((&text[name.len()..], ""));
    check_part(&format!("ISBT 128 {name}"), value, length..=length, |c| c.is_ascii_graphic() && !"=&".contains(c))?;
    Ok((name, value, after))
}

fn wrong(name: &str, value: &str, should: &str) -> CodeError {
    CodeError::new("value", format!("{name}{value} should {should}"))
}

impl<'a> Parts<'a> {
    fn read(&mut self, name: &str, value: &'a str) -> Result<(), CodeError> {
        let day = || {
            let (date, clock) = value.split_at_checked(6).unwrap_or((value, ""));
            let minute = clock.get(2..).unwrap_or("");
            let timed = clock.is_empty() || (is_digits(clock) && clock < "2400" && minute < "60");
            let date = Some(date).filter(|_| timed).and_then(cyyjjj);
            date.ok_or_else(|| CodeError::new("date", format!("{name}{value} should be a day as CYYJJJ, and a time")))
        };
        match name {
            "=/" => once("device identifier", &mut self.device, value),
            "=<" => once("product code", &mut self.product, value),
            "=)" => once("container", &mut self.container, value),
            "=" => {
                let (donation, flags) = value.split_at(DONATION_CHARS);
                once("donation flags", &mut self.flags, flags)?;
                once("donation number", &mut self.donation, donation)
            }
            "=," => once("serial", &mut self.serial, value),
            "&,1" => once("lot", &mut self.lot, value),
            "&)" => once("container's lot", &mut self.container_lot, value),
            "=>" => once("expiry", &mut self.expiry, day()?),
            "=}" => once("date of making", &mut self.made, day()?),
            "&>" | "&}" => {
                self.others.push((SmolStr::new(name), SmolStr::new(value)));
                let (what, slot) =
                    if name == "&>" { ("expiry", &mut self.expiry) } else { ("date of making", &mut self.made) };
                once(what, slot, day()?)
            }
            _ => {
                self.others.push((SmolStr::new(name), SmolStr::new(value)));
                Ok(())
            }
        }
    }

    /// The device identifier decides; what belongs to another one beside it is kept under its name.
    fn code(self) -> Result<Code, CodeError> {
        let mut others = self.others;
        let mut aside = |name: &str, value: Option<&str>| {
            others.extend(value.map(|value| (SmolStr::new(name), SmolStr::new(value))));
        };
        let (di, lot, serial) = match (self.device, self.product, self.container) {
            (Some(di), product, container) => {
                aside("=<", product);
                aside("=)", container);
                aside("&)", self.container_lot);
                (di, self.lot, self.serial)
            }
            (None, Some(di), container) => {
                aside("=)", container);
                aside("&)", self.container_lot);
                aside("&,1", self.lot);
                aside("=,", self.serial);
                (di, None, None)
            }
            (None, None, Some(di)) => {
                aside("&,1", self.lot);
                aside("=,", self.serial);
                (di, self.container_lot, None)
            }
            (None, None, None) => {
                let detail = match self.donation {
                    Some(donation) => {
                        format!("{donation} is the number of a donation: scan its product code (=< or =/) too")
                    }
                    None => "the code should hold a device identifier (=/) or a product code (=<)".to_owned(),
                };
                return Err(CodeError::new("no-key", detail));
            }
        };
        aside("flags", self.flags.filter(|flags| *flags != NO_FLAGS));
        let donation = self.donation.unwrap_or("");
        let thing =
            Device { di, donation, serial: serial.unwrap_or(""), lot: lot.unwrap_or("") }.thing(Scheme::Isbt128)?;
        Ok(Code { lot: lot.map(SmolStr::new), expiry: self.expiry, made: self.made, others, ..Code::of(thing) })
    }
}

pub(crate) fn check(device: &Device<'_>) -> Result<(), CodeError> {
    let plain = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit();
    let Device { di, donation, serial, lot } = *device;
    check_part("ISBT 128 device identifier", di, PRODUCT_CHARS..=DEVICE_CHARS, plain)?;
    let part = |what, value: &str, length, allowed: bool| match (value.is_empty(), allowed) {
        (true, _) => Ok(()),
        (false, true) => check_part(what, value, length..=length, |c| c.is_ascii_alphanumeric()),
        (false, false) => Err(CodeError::new("value", format!("{di} should have no {what}"))),
    };
    part("donation number", donation, DONATION_CHARS, true)?;
    part("serial", serial, SERIAL_CHARS, di.len() == DEVICE_CHARS)?;
    match di.len() {
        DEVICE_CHARS => part("lot", lot, DEVICE_LOT_CHARS, true),
        CONTAINER_CHARS => part("lot", lot, CONTAINER_CHARS, true),
        PRODUCT_CHARS => part("lot", lot, 0, false),
        _ => {
            let detail = format!("{di} should have 16 characters, 10 for a blood container or 8 for a blood product");
            Err(CodeError::new("length", detail))
        }
    }
}

/// The structures one after another, without a compound message.
pub(crate) fn write(device: &Device<'_>, code: &Code) -> String {
    let other = |name: &str| code.others.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str());
    let Device { di, donation, serial, .. } = *device;
    let mut out = String::new();
    let mut put = |name: &str, value: &str| _ = if value.is_empty() { Ok(()) } else { write!(out, "{name}{value}") };
    let (name, lot_name) = match di.len() {
        DEVICE_CHARS => ("=/", "&,1"),
        CONTAINER_CHARS => ("=)", "&)"),
        _ => ("=<", ""),
    };
    put(name, di);
    put("=,", serial);
    if !donation.is_empty() {
        put("=", donation);
        put("", other("flags").unwrap_or(NO_FLAGS));
    }
    let day = |day: Date| {
        let century = (day.year().div_euclid(100) - 20).rem_euclid(10);
        format!("{century}{:02}{:03}", day.year().rem_euclid(100), day.day_of_year())
    };
    let expiry = code.expiry.filter(|_| other("&>").is_none()).map(day);
    let made = code.made.filter(|_| other("&}").is_none()).map(day);
    put("=>", expiry.as_deref().unwrap_or(""));
    put("=}", made.as_deref().unwrap_or(""));
    put(lot_name, code.lot.as_deref().unwrap_or(""));
    code.others.iter().filter(|(name, _)| name != "flags").for_each(|(name, value)| put(name, value));
    out
}
