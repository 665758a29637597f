//! EPCIS documents of the load: a factory sees its packs, one event each, in either syntax.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    ops::Range,
    path::Path,
};

use serde::Serialize;

use super::goods::Maker;

/// Bytes of free text in each event, so that an event of a large document has some 670 bytes.
const REMARK_BYTES: usize = 400;
/// The namespace of that text.
const NAMESPACE: &str = "https://example.org/bench/";

/// The syntax of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Syntax {
    Json,
    Xml,
}

impl Syntax {
    pub const ALL: [Syntax; 2] = [Syntax::Json, Syntax::Xml];

    pub fn told(self) -> &'static str {
        match self {
            Syntax::Json => "JSON",
            Syntax::Xml => "XML",
        }
    }

    pub fn media_type(self) -> &'static str {
        match self {
            Syntax::Json => "application/json",
            Syntax::Xml => "application/xml",
        }
    }

    /// Writes a document of these packs.
    pub fn write(self, out: &mut impl Write, maker: &Maker, serials: Range<u64>) -> io::Result<()> {
        let created = "2026-03-01T08:00:00Z";
        match self {
            Syntax::Json => write!(
                out,
                "{{\"@context\":[\"https://ref.gs1.org/standards/epcis/epcis-context.jsonld\",{{\"ex\":\"{NAMESPACE}\"}}],\
                 \"type\":\"EPCISDocument\",\"schemaVersion\":\"2.0\",\"creationDate\":\"{created}\",\
                 \"epcisBody\":{{\"eventList\":["
            )?,
            Syntax::Xml => write!(
                out,
                "<epcis:EPCISDocument xmlns:epcis=\"urn:epcglobal:epcis:xsd:2\" xmlns:ex=\"{NAMESPACE}\" \
                 schemaVersion=\"2.0\" creationDate=\"{created}\"><EPCISBody><EventList>"
            )?,
        }
        for serial in serials.clone() {
            if self == Syntax::Json && serial > serials.start {
                out.write_all(b",")?;
            }
            self.event(out, maker, serial)?;
        }
        out.write_all(match self {
            Syntax::Json => b"]}}",
            Syntax::Xml => b"</EventList></EPCISBody></epcis:EPCISDocument>",
        })
    }

    fn event(self, out: &mut impl Write, maker: &Maker, serial: u64) -> io::Result<()> {
        let (epc, place) = (maker.digital_link(serial), maker.place());
        // No two alike, so that the log's compression has something to do.
        let remark: String = (serial..).map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_string()).take(25).collect();
        let remark = remark.get(..REMARK_BYTES).unwrap_or(&remark);
        match self {
            Syntax::Json => write!(
                out,
                "\n{{\"type\":\"ObjectEvent\",\"eventTime\":\"2026-03-01T08:15:00+08:00\",\"eventTimeZoneOffset\":\
                 \"+08:00\",\"epcList\":[\"{epc}\"],\"action\":\"OBSERVE\",\"bizStep\":\"inspecting\",\"readPoint\":\
                 {{\"id\":\"{place}\"}},\"ex:remark\":\"{remark}\"}}"
            ),
            Syntax::Xml => write!(
                out,
                "\n<ObjectEvent><eventTime>2026-03-01T08:15:00+08:00</eventTime><eventTimeZoneOffset>+08:00\
                 </eventTimeZoneOffset><epcList><epc>{epc}</epc></epcList><action>OBSERVE</action><bizStep>inspecting\
                 </bizStep><readPoint><id>{place}</id></readPoint><ex:remark>{remark}</ex:remark></ObjectEvent>"
            ),
        }
    }

    /// Writes it into a file; on disk when it returns. How many bytes it has.
    pub fn write_file(self, path: &Path, maker: &Maker, serials: Range<u64>) -> io::Result<u64> {
        let mut out = BufWriter::new(File::create(path)?);
        self.write(&mut out, maker, serials)?;
        let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        Ok(file.metadata()?.len())
    }
}
