//! What the lanes say: event `n` of lane `l`, the same bytes whenever it is said again, under an id that names both.
//!
//! ```text
//! eventID   urn:uuid:llllnnnn-nnnn-8000-8000-6d6564747261        l = lane, n = number, both hexadecimal
//! item      GTIN of the stent, serial = n, lot = L<n / ITEMS_PER_LOT>
//! box k     its events are 5k .. 5k + 4: item B<k> is made, packed into case k, inspected with it and unpacked; wires are made
//! ```

use anyhow::{Context, ensure};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::{
    Scan,
    codes::{self, uri},
    county::{PREFIX, STENT, WIRES},
    home::{Home, now_ms},
};

/// Items of one lot.
pub const ITEMS_PER_LOT: u32 = 5_000;
/// When item 0 was made; each further one a millisecond later.
const BEGIN: &str = "2026-03-01T00:00:00Z";
/// How much later than the lane before it a lane speaks of an item, in hours.
const LANE_HOURS: i64 = 24;
/// What ends every eventID of a lane.
const TAIL: &str = "8000-8000-6d6564747261";

/// Name of one event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId {
    pub lane: u16,
    pub number: u32,
}

impl EventId {
    fn uuid(self) -> String {
        let [high, low] = [self.number >> 16, self.number & 0xffff];
        format!("{:04x}{high:04x}-{low:04x}-{TAIL}", self.lane)
    }

    pub fn urn(self) -> String {
        format!("urn:uuid:{}", self.uuid())
    }

    /// Reads what [`EventId::urn`] wrote.
    pub fn read(urn: &str) -> anyhow::Result<EventId> {
        let hex = urn.strip_prefix("urn:uuid:").and_then(|uuid| uuid.strip_suffix(TAIL));
        let digits: String = hex.with_context(|| format!("{urn} was never said here"))?.replace('-', "");
        ensure!(digits.len() == 12, "{urn} was never said here");
        Ok(EventId { lane: u16::from_str_radix(&digits[..4], 16)?, number: u32::from_str_radix(&digits[4..], 16)? })
    }

    /// One number for both.
    pub fn packed(self) -> u64 {
        u64::from(self.lane) << 32 | u64::from(self.number)
    }

    pub fn unpacked(packed: u64) -> EventId {
        EventId { lane: (packed >> 32) as u16, number: packed as u32 }
    }

    /// When it happened; also what `at` of a question may be.
    pub fn time(self) -> anyhow::Result<Timestamp> {
        let hours = SignedDuration::from_hours(LANE_HOURS * i64::from(self.lane));
        Ok(BEGIN.parse::<Timestamp>()? + hours + SignedDuration::from_millis(i64::from(self.number)))
    }
}

/// What is scanned on item `n`.
pub fn item(n: u32) -> String {
    codes::pack(STENT, &lot(n), "290228", &n.to_string())
}

/// The lot of item `n`.
pub fn lot(n: u32) -> String {
    format!("L{}", n / ITEMS_PER_LOT)
}

/// Events of one box.
pub const BOX_EVENTS: u32 = 5;
/// The lot of all wires, and how many of them each box brings.
pub const WIRE_LOT: &str = "W";
pub const WIRES_PER_BOX: u32 = 10;

/// How a lane speaks.
pub enum Way {
    /// `POST /v1/scans`: one step at one place.
    Scans { step: &'static str, place: &'static str },
    /// `POST /v1/scans`: containers filled and emptied, and goods without serials.
    Boxes { place: &'static str },
    /// `POST /capture`: documents that are stored whole or not at all.
    Capture { place: &'static str },
    /// `POST /v1/submissions`: signed at home.
    Home { home: Home, place: &'static str },
}

impl Way {
    pub fn path(&self) -> &'static str {
        match self {
            Way::Scans { .. } | Way::Boxes { .. } => "/v1/scans",
            Way::Capture { .. } => "/capture",
            Way::Home { .. } => "/v1/submissions",
        }
    }

    /// The body that says these events of a lane.
    pub fn body(&self, lane: u16, numbers: std::ops::Range<u32>) -> anyhow::Result<Vec<u8>> {
        let events = numbers.map(|number| EventId { lane, number });
        let body: Value = match self {
            Way::Scans { step, place } => events
                .map(|id| {
                    let scan = Scan::new(step, &id.time()?.to_string(), place, [item(id.number)]);
                    Ok(scan.with("id", id.uuid()).0)
                })
                .collect::<anyhow::Result<_>>()?,
            Way::Boxes { place } => {
                events.map(|id| Ok(of_box(id, place)?.with("id", id.uuid()).0)).collect::<anyhow::Result<_>>()?
            }
            Way::Capture { place } => json!({
                "@context": ["https://ref.gs1.org/standards/epcis/epcis-context.jsonld"],
                "type": "EPCISDocument", "schemaVersion": "2.0", "creationDate": BEGIN,
                "epcisBody": { "eventList": events.map(|id| storing(id, place)).collect::<anyhow::Result<Vec<_>>>()? },
            }),
            Way::Home { home, place } => {
                let events = events.map(|id| storing(id, place)).collect::<anyhow::Result<Vec<_>>>()?;
                Home { time_ms: now_ms(), ..home.clone() }.events(&events)?
            }
        };
        Ok(body.to_string().into_bytes())
    }
}

/// What happens to a box.
fn of_box(id: EventId, place: &str) -> anyhow::Result<Scan> {
    let (number, time) = (id.number / BOX_EVENTS, id.time()?.to_string());
    let item = codes::pack(STENT, "B", "290228", &format!("B{number}"));
    let case = codes::label(&codes::sscc(PREFIX, number));
    let scan = |step, codes: &[&str]| Scan::new(step, &time, place, codes);
    Ok(match id.number % BOX_EVENTS {
        0 => scan("commission", &[&item]),
        1 => scan("pack", &[&item]).with("parent", case),
        2 => scan("inspect", &[&case]).with("result", "pass"),
        3 => scan("unpack", &[&item]).with("parent", case),
        _ => scan("commission", &[]).amount(&codes::lot(WIRES, WIRE_LOT), WIRES_PER_BOX),
    })
}

/// An EPCIS event of one item in store.
fn storing(id: EventId, place: &str) -> anyhow::Result<Value> {
    let place = json!({ "id": uri::place(place) });
    Ok(json!({
        "type": "ObjectEvent", "eventID": id.urn(), "eventTime": id.time()?.to_string(), "eventTimeZoneOffset": "+00:00",
        "epcList": [uri::item(STENT, &id.number.to_string())], "action": "OBSERVE", "bizStep": "storing",
        "disposition": "in_progress", "readPoint": place, "bizLocation": place,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_named_by_lane_and_number() {
        let id = EventId { lane: 3, number: 0x0001_2345 };
        assert_eq!(id.urn(), "urn:uuid:00030001-2345-8000-8000-6d6564747261");
        assert_eq!(EventId::read(&id.urn()).unwrap(), id);
        assert_eq!(EventId::unpacked(id.packed()), id);
        assert!(EventId::read("urn:uuid:00030001-2345-8000-8000-6d6564747262").is_err());
        assert_eq!(id.time().unwrap().to_string(), "2026-03-04T00:01:14.565Z");
    }
}
