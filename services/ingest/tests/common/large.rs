//! Documents of any size, made as they are sent.

use std::fmt::Write as _;

use futures::stream;
use reqwest::Body;

/// The syntax of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syntax {
    Json,
    /// JSON whose context and type stand behind the events.
    JsonContextLast,
    Xml,
}

/// Items of one event.
const ITEMS: usize = 7;
const JSON: &str = r#""@context":["https://ref.gs1.org/standards/epcis/epcis-context.jsonld"],"type":"EPCISDocument","schemaVersion":"2.0","creationDate":"2026-03-01T08:00:00Z""#;

impl Syntax {
    pub fn media_type(self) -> &'static str {
        if self == Syntax::Xml { "application/xml" } else { "application/json" }
    }

    fn ends(self) -> (String, &'static str) {
        match self {
            Syntax::Json => (format!("{{{JSON},\"epcisBody\":{{\"eventList\":["), "]}}"),
            Syntax::JsonContextLast => ("{\"epcisBody\":{\"eventList\":[".to_owned(), "]},"),
            Syntax::Xml => (
                "<epcis:EPCISDocument xmlns:epcis=\"urn:epcglobal:epcis:xsd:2\" schemaVersion=\"2.0\" \
                 creationDate=\"2026-03-01T08:00:00Z\"><EPCISBody><EventList>"
                    .to_owned(),
                "</EventList></EPCISBody></epcis:EPCISDocument>",
            ),
        }
    }

    /// One event of 700 bytes or so; the factory sees seven items. A wrong one has a GTIN with a wrong check digit.
    pub fn event(self, n: usize, wrong: bool) -> String {
        let gtin = if wrong { "09506000134353" } else { "09506000134352" };
        let epcs = (0..ITEMS).map(|item| format!("https://id.gs1.org/01/{gtin}/21/S{n}-{item}"));
        if self == Syntax::Xml {
            let epcs = epcs.fold(String::new(), |mut all, epc| {
                let _ = write!(all, "<epc>{epc}</epc>");
                all
            });
            return format!(
                "<ObjectEvent><eventTime>2026-03-01T08:00:00+08:00</eventTime><eventTimeZoneOffset>+08:00\
                 </eventTimeZoneOffset><epcList>{epcs}</epcList><action>OBSERVE</action><bizStep>inspecting</bizStep>\
                 <readPoint><id>https://id.gs1.org/414/9506000134352</id></readPoint><bizTransactionList>\
                 <bizTransaction type=\"po\">urn:epcglobal:cbv:bt:9506000134352:order-{n}</bizTransaction>\
                 </bizTransactionList></ObjectEvent>"
            );
        }
        let epcs: Vec<String> = epcs.map(|epc| format!("\"{epc}\"")).collect();
        let comma = if n == 0 { "" } else { "," };
        format!(
            "{comma}\n{{\"type\":\"ObjectEvent\",\"eventTime\":\"2026-03-01T08:00:00+08:00\",\"eventTimeZoneOffset\":\"+08:00\",\
             \"epcList\":[{}],\"action\":\"OBSERVE\",\"bizStep\":\"inspecting\",\"readPoint\":{{\"id\":\"https://id.gs1.org/414/\
             9506000134352\"}},\"bizTransactionList\":[{{\"type\":\"po\",\"bizTransaction\":\
             \"urn:epcglobal:cbv:bt:9506000134352:order-{n}\"}}]}}",
            epcs.join(",")
        )
    }

    /// The pieces of a document of so many events, of which these are wrong.
    pub fn pieces(self, events: usize, wrong: &'static [usize]) -> impl Iterator<Item = String> + Send + 'static {
        const PIECE_EVENTS: usize = 100;
        let (head, tail) = self.ends();
        let piece = move |first: usize| {
            let last = (first + PIECE_EVENTS).min(events);
            (first..last).map(|n| self.event(n, wrong.contains(&n))).collect()
        };
        let tail = match self {
            Syntax::JsonContextLast => format!("{tail}{JSON}}}"),
            Syntax::Json | Syntax::Xml => tail.to_owned(),
        };
        let pieces = (0..events).step_by(PIECE_EVENTS).map(piece);
        std::iter::once(head).chain(pieces).chain([tail])
    }

    pub fn body(self, events: usize, wrong: &'static [usize]) -> Body {
        Body::wrap_stream(stream::iter(self.pieces(events, wrong).map(Ok::<_, std::io::Error>)))
    }
}
