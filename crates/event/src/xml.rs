//! EPCIS XML, 2.0 and 1.x, to the JSON events that mean the same, and back to 2.0.
//!
//! ```text
//! <epc> in a list                     "epcList": ["urn:epc:id:…", …]
//! urn:epcglobal:cbv:bizstep:shipping  "shipping"; other words of the CBV and gs1: sensor types likewise
//! extension, baseExtension (1.x)      what they hold, as if it stood in the event itself
//! <ex:a>text</ex:a>                   "ex:a": "text", repeated: a list; with elements inside: an object
//! <ex:a unit="g">1</ex:a>             "ex:a": {"#text": "1", "@unit": "g"}
//! xmlns:ex="…"                        {"ex": "…"} in @context
//! ```
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
/// The GS1 Web vocabulary: types of measurement.
const VOC: &str = "https://gs1.org/voc/";
/// Components of measurements.
const COMPONENT: &str = "https://ref.gs1.org/cbv/Comp-";
