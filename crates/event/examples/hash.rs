//! Measures the CBV event hash on one core: `cargo run --release -p medtrace-event --example hash`.

use medtrace_event::{CbvVersion, Json, event_hash};
use std::hint::black_box;
use std::time::Instant;

const ROUNDS: usize = 100_000;
/// A typical event of many items, of few, and the same with Digital Links.
const EVENTS: [(&str, usize, &str); 3] = [
    ("shipping, 1 SSCC", 1, "urn:epc:id:sscc:9521141.0000000333"),
    ("commissioning, 100 SGTIN URNs", 100, "urn:epc:id:sgtin:9521141.001234."),
    ("commissioning, 100 Digital Links", 100, "https://id.gs1.org/01/09521141012345/21/"),
];

fn main() {
    for (name, count, head) in EVENTS {
        let item = |n: usize| if count == 1 { format!("\"{head}\"") } else { format!("\"{head}{n:012}\"") };
        let list: Vec<String> = (0..count).map(item).collect();
        let text = format!(
            r#"{{"type": "ObjectEvent", "eventTime": "2026-03-01T08:15:00.123+08:00", "eventTimeZoneOffset": "+08:00",
               "action": "OBSERVE", "bizStep": "shipping", "disposition": "in_transit", "epcList": [{}],
               "readPoint": {{"id": "urn:epc:id:sgln:9521141.00001.0"}},
               "bizTransactionList": [{{"type": "desadv", "bizTransaction": "urn:epcglobal:cbv:bt:9521141000005:1"}}],
               "sourceList": [{{"type": "owning_party", "source": "urn:epc:id:pgln:9521141.00000"}}],
               "destinationList": [{{"type": "owning_party", "destination": "urn:epc:id:pgln:9521141.00002"}}]}}"#,
            list.join(",")
        );
        let Ok(event) = Json::parse(text.as_bytes()) else {
            continue;
        };
        let rounds = ROUNDS / count;
        let start = Instant::now();
        for _ in 0..rounds {
            black_box(event_hash(black_box(&event), CbvVersion::V2_0));
        }
        let seconds = start.elapsed().as_secs_f64();
        println!("{name}: {:.0} hashes/s, {:.1} µs each", rounds as f64 / seconds, seconds * 1e6 / rounds as f64);
    }
}
