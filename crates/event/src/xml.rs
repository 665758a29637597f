//! EPCIS XML, 2.0 and 1.x, to the JSON events that mean the same, and back to 2.0.
//!
//! ```text
//! <epc> in a list                     "epcList": ["urn:epc:id:…", …]
//! urn:epcglobal:cbv:bizstep:shipping  "shipping"; other words of the CBV and gs1: sensor types likewise
//! extension, baseExtension (1.x)      what they hold, as if it stood in the event itself
//! <ex:a>text</ex:a>                   "ex:a": "text", repeated: a list; with elements inside: an object
//! <ex:a unit="g">1</ex:a>             "ex:a": {"#text": "1", "@unit": "g"}
//! <ex:a xsi:type="xsd:integer">1<…    "ex:a": 1; likewise decimal, boolean and others, see below
//! xmlns:ex="…"                        {"ex": "…"} in @context
//! ```
//!
//! An extension's text has no type in XML but the one that `xsi:type` gives it, so without one text is what it is, and JSON's
//! numbers and booleans are written with one. A type is honoured only where the text reads the same to those who do not look
//! at types, so that the event hash does not depend on it: a decimal without an exponent that a double holds exactly, `true`
//! and `false`. Attributes have no type: numbers among the extensions of a sensor report come back as text.
//!
//! [`Events`] reads event by event in constant memory. There are no DTDs and no entities but XML's own five; depth,
//! tokens, header and each event have a size limit. Faults name an XPath such as
//! `/epcis:EPCISDocument/EPCISBody/EventList/ObjectEvent[3]/epcList/epc[2]`.

mod event;
mod header;
mod limit;
mod locate;
mod names;
mod read;
mod tree;
mod write;

pub use read::{Events, XmlEvent};
pub use write::{WriteError, Writer};

/// Most nested elements, in levels, the document's own included.
pub const DEPTH_MAX: usize = 32;
/// Largest tag, text or comment, in bytes of XML.
pub const TOKEN_BYTES_MAX: usize = 1024 * 1024;
/// Largest event, in bytes of XML.
pub const EVENT_XML_BYTES_MAX: u64 = 1024 * 1024;
/// Largest header (master data), in bytes of XML.
pub const HEADER_XML_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// The namespaces of EPCIS documents, whatever their version.
const EPCIS: &str = "urn:epcglobal:epcis";
/// XML Schema, and its attributes (`xsi:`).
const SCHEMA: &str = "http://www.w3.org/2001/XMLSchema";
const INSTANCE: &str = "http://www.w3.org/2001/XMLSchema-instance";
/// The GS1 Web vocabulary: types of measurement.
const VOC: &str = "https://gs1.org/voc/";
/// Components of measurements.
const COMPONENT: &str = "https://ref.gs1.org/cbv/Comp-";
