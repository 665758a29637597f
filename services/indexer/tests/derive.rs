//! From blocks to rows, case by case.
#![allow(clippy::unwrap_used)]

mod world;

use medtrace_event::vocab;
use medtrace_store::rows::*;
use medtrace_timeline::{Balance, Flags, Irregular, State, Whereabouts};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use world::*;

const PACK: &str = "https://id.gs1.org/01/09521321000117/21/A1";
const PACK_2: &str = "https://id.gs1.org/01/09521321000117/21/A2";
const CASE: &str = "https://id.gs1.org/00/095213210000000018";
const PALLET: &str = "https://id.gs1.org/00/095213210000000025";
const LOT: &str = "https://id.gs1.org/01/09521321000117/10/L1";

#[test]
fn scaffold() {
    let mut world = World::with_parties();
    let commission = event(1, 0, json!({"action": "ADD", "bizStep": "commissioning", "disposition": "active",
        "epcList": [PACK], "readPoint": {"id": MAKER_GLN}, "bizLocation": {"id": MAKER_GLN},
        "ilmd": {"cbvmda:lotNumber": "L1", "cbvmda:itemExpirationDate": "2028-01-31"}}));
    let rows = world.say("maker", &[commission]);
    panic!("{rows:#?}");
}
