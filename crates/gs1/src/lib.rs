//! What is written on a pack, as a key that is the same whatever the spelling.
//!
//! In scope: GS1 element strings (raw and bracketed), Digital Link URIs, EPC pure-identity and tag URNs, bare GTINs and
//! SSCCs, the 20-digit Chinese drug traceability code, codes of MA, HIBCC and ISBT 128, codes of drugs in China's medical insurance; the complete table of GS1 application identifiers with formats, check
//! digits, dates and companions; [`Thing`], the key that everything else stores and compares; [`identify`], what a text
//! could be that does not read.
//!
//! Out of scope: what a product is called or who owns a company prefix (the registry), compressed Digital Links, EPC raw
//! URIs (`urn:epc:raw:…`).
//!
//! Sources: GS1 General Specifications, GS1 Digital Link Standard: URI Syntax, EPC Tag Data Standard, GS1 Barcode Syntax
//! Dictionary, ANSI/HIBC 2.6, ISBT 128 Standard Technical Specification, ISO/IEC 15459.

mod ai;
mod class;
mod code;
mod coupon;
mod date;
mod device;
mod digits;
mod elements;
mod epc;
mod error;
mod field;
mod hibcc;
mod identify;
mod insurance;
mod isbt;
mod link;
mod lists;
mod ma;
mod packages;
mod raw;
mod rule;
mod scan;
mod table;
mod thing;
mod uri;

pub use ai::Ai;
pub use class::{Class, Scheme};
pub use code::{CENTURY_YEAR, Code, parse, parse_as_of};
pub use digits::{Gln, Gtin, check_digit};
pub use error::CodeError;
pub use identify::{Candidate, Confidence, Wanted, identify};
pub use thing::{Level, Thing};
pub use uri::CODE_BYTES_MAX;
