//! `product`: master data of a product and the codes it is known by. Signed by its owner.

use medtrace_gs1::{Class, Gtin, Scheme, Thing};
use medtrace_ledger::PartyId;
use serde::{Deserialize, Serialize};

use super::faults::Faults;
use super::text::{Name, Texts};
use crate::limits::PRODUCT_CODES_MAX;

/// What kind of goods: the clocks of a recall differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A medicine.
    Drug,
    /// A medical device or consumable.
    Device,
}

/// The schemes of product codes beside GTIN.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CodeScheme {
    /// The Chinese drug code's first 7 digits.
    CnDrug,
    /// The device identifier of an MA code, `MA.156.M0.…`.
    Ma,
    /// The device identifier of a HIBCC code: LIC, product number and unit of measure, without `+` and check character.
    Hibcc,
    /// The device identifier of an ISBT 128 code, without its data identifier.
    Isbt128,
    /// The code of a drug in China's medical insurance, whole.
    CnInsurance,
}

impl CodeScheme {
    const fn scheme(self) -> Scheme {
        match self {
            CodeScheme::CnDrug => Scheme::CnDrug,
            CodeScheme::Ma => Scheme::Ma,
            CodeScheme::Hibcc => Scheme::Hibcc,
            CodeScheme::Isbt128 => Scheme::Isbt128,
            CodeScheme::CnInsurance => Scheme::CnInsurance,
        }
    }
}

/// A product code of another scheme.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProductCode {
    /// Which scheme.
    pub scheme: CodeScheme,
    /// The code's product part, as the scheme writes it.
    pub code: String,
}

impl ProductCode {
    /// The class that things with this code have, if the code has its scheme's form.
    pub fn class(&self) -> Option<Class> {
        Thing::product_code(self.scheme.scheme(), &self.code).ok()?.product()
    }

    /// Whether the thing has this code, and not only one of the same class.
    pub fn covers(&self, thing: &Thing) -> bool {
        thing.scheme() == self.scheme.scheme() && thing.device_identifier().is_some_and(|di| di == self.code)
    }
}

/// Between which temperatures it is kept, in whole degrees Celsius.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Storage {
    /// Lowest, °C.
    pub min_celsius: i16,
    /// Highest, °C.
    pub max_celsius: i16,
}

/// A product as of one revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Product {
    /// The product's id, chosen by its owner; first come.
    pub product: Name,
    /// 1, then exactly one more each time.
    pub revision: u32,
    /// The party that answers for it: may commission and recall it.
    pub owner: PartyId,
    /// Its GTIN-14.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gtin: Option<Gtin>,
    /// Codes of other schemes for the same product (the same pack level).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub codes: Vec<ProductCode>,
    /// What people call it.
    pub name: Texts,
    /// Medicine or device.
    pub kind: Kind,
    /// Whether every pack has its own serial.
    pub serialised: bool,
    /// Whether every pack belongs to a lot.
    pub lot_required: bool,
    /// Days from making to expiry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shelf_life_days: Option<u32>,
    /// How it is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage: Option<Storage>,
}

impl Product {
    pub(super) fn shape(&self, faults: &mut Faults) {
        faults.title("/name", &self.name);
        faults.list("/codes", &self.codes, PRODUCT_CODES_MAX);
        for (index, code) in self.codes.iter().enumerate() {
            if let Err(wrong) = Thing::product_code(code.scheme.scheme(), &code.code) {
                faults.add(format!("/codes/{index}/code"), "bad-code", wrong.detail);
            }
        }
        if self.gtin.is_none() && self.codes.is_empty() {
            faults.add("", "no-code", "a product has a gtin or at least one other code");
        }
        if self.storage.is_some_and(|kept| kept.min_celsius > kept.max_celsius || kept.min_celsius < -273) {
            faults.add("/storage", "bad-range", "minCelsius is at least -273 and not above maxCelsius");
        }
    }
}
