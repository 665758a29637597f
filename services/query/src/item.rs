//! A thing as answers show it: names where the registry knows them, numbers where it does not.

use medtrace_gs1::{Level, Scheme, Thing};
use medtrace_ledger::PartyId;
use medtrace_registry::At;
use medtrace_registry::notice::Texts;
use medtrace_timeline::Story;
use rust_decimal::Decimal;
use serde_json::{Value, json};

/// `{"key", "kind", "gtin", "lot", "serial", "expiry", "state", "place", …}`.
pub fn item(thing: &Thing, story: &Story, at: At<'_>) -> Value {
    let state = &story.state;
    let lot = thing.lot().map(str::to_owned).or_else(|| some(&state.lot));
    let place = some(&state.place);
    let holder = some(&state.holder);
    let product = at.product_of(thing);
    let is_one = thing.level() == Level::Instance;
    json!({
        "key": thing.uri(),
        "kind": kind(thing),
        "gtin": thing.gtin().map(|g| g.to_string()),
        "lot": lot,
        "serial": thing.serial(),
        "expiry": state.expiry.map(date),
        // Of a lot, a part may fare so and another otherwise: its reach tells.
        "state": is_one.then(|| state.condition()),
        "place": place,
        "placeName": place.as_deref().and_then(|p| place_name(p, at)),
        "holder": holder,
        "holderName": holder.as_deref().and_then(|h| party_name(h, at)),
        "heading": state.heading.as_deref().filter(|h| !h.is_empty()),
        "containers": story.containers.iter().map(Thing::uri).collect::<Vec<_>>(),
        "product": product.map(|p| json!({ "id": p.product.as_str(), "name": texts(&p.name) })),
    })
}

/// What kind of thing, in one word.
pub fn kind(thing: &Thing) -> &'static str {
    match (thing.scheme(), thing.level()) {
        (Scheme::Unit, _) => "unit",
        (Scheme::Grai | Scheme::Giai, _) => "asset",
        (Scheme::Place, _) => "place",
        (Scheme::Party, _) => "party",
        (_, Level::Instance) => "item",
        (_, Level::Lot) => "lot",
        (_, Level::Class) => "product",
    }
}

pub fn texts(texts: &Texts) -> Value {
    json!({ "zh-CN": texts.in_language("zh-CN"), "en": texts.in_language("en") })
}

/// The name of a place by its canonical URI.
pub fn place_name(uri: &str, at: At<'_>) -> Option<Value> {
    let place = Thing::from_uri(uri).ok()?;
    at.place(&place).map(|p| texts(&p.name))
}

pub fn party_name(party: &str, at: At<'_>) -> Option<Value> {
    let party: PartyId = party.parse().ok()?;
    at.party(&party).map(|p| texts(&p.name))
}

/// An exact decimal without superfluous zeros.
pub fn amount(amount: Decimal) -> String {
    amount.normalize().to_string()
}

/// `YYYY-MM-DD` of days since 1970-01-01.
pub fn date(days: i32) -> String {
    let epoch = jiff::civil::date(1970, 1, 1);
    epoch.checked_add(jiff::Span::new().days(days)).map_or_else(|_| days.to_string(), |date| date.to_string())
}

/// RFC 3339 in UTC of µs since 1970-01-01.
pub fn time(micros: i64) -> String {
    jiff::Timestamp::from_microsecond(micros).map_or_else(|_| micros.to_string(), |time| format!("{time:.3}"))
}

/// RFC 3339 in UTC of ms since 1970-01-01.
pub fn time_of_ms(ms: u64) -> String {
    time(i64::try_from(ms).unwrap_or(i64::MAX).saturating_mul(1000))
}

fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}
