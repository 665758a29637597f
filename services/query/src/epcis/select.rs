//! A query as SQL over the header columns. Values are bound, never written into the text.

use clickhouse::Client;
use medtrace_event::EventHash;
use medtrace_gs1::Thing;
use medtrace_ledger::hash::hex;
use medtrace_store::rows::{EventRow, RefKind, prefix};
use medtrace_timeline::Flags;
use serde::Serialize;

use super::ask::Ask;
use super::attribute::Attribute;
use super::cursor::Place;
use super::matches::{Match, Pattern};
use crate::events::event_id_digest;
use crate::hashes::stored;

/// A value for one `?`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
enum Value {
    Signed(i64),
    Unsigned(u64),
    Text(String),
    Texts(Vec<String>),
    Numbers(Vec<u64>),
    /// Numbers with texts.
    Pairs(Vec<(u64, String)>),
}

/// Conditions that all must hold, with their values.
#[derive(Default)]
struct Conditions {
    text: Vec<String>,
    values: Vec<Value>,
}

impl Conditions {
    fn add(&mut self, text: &str, values: impl IntoIterator<Item = Value>) {
        self.text.push(text.to_owned());
        self.values.extend(values);
    }

    fn one_of(&mut self, column: &str, values: &[String]) {
        if !values.is_empty() {
            self.add(&format!("{column} IN ?"), [Value::Texts(values.to_vec())]);
        }
    }
}

/// The next rows of a query at a height, in its order, after a place.
pub async fn rows(
    client: &Client,
    ask: &Ask,
    known: u64,
    after: Option<Place>,
    limit: usize,
) -> clickhouse::error::Result<Vec<EventRow>> {
    let conditions = conditions(ask, known, after);
    let way = if ask.order.descending { " DESC" } else { "" };
    let order = match ask.order.by_event_time {
        true => format!("t{way}, block{way}, idx{way}"),
        false => format!("block{way}, idx{way}"),
    };
    let condition = conditions.text.join(" AND ");
    let sql = format!("SELECT ?fields FROM event FINAL WHERE {condition} ORDER BY {order} LIMIT ?");
    let query = conditions.values.into_iter().fold(client.query(&sql), |query, value| query.bind(value));
    query.bind(limit as u64).fetch_all::<EventRow>().await
}

fn conditions(ask: &Ask, known: u64, after: Option<Place>) -> Conditions {
    let mut all = Conditions::default();
    all.add("block <= ?", [Value::Unsigned(known)]);
    if let Some(after) = after {
        past(&mut all, ask, after);
    }
    all.one_of("kind", &ask.kinds);
    all.one_of("action", &ask.actions);
    all.one_of("step", &ask.steps);
    all.one_of("disposition", &ask.dispositions);
    all.one_of("read_point", &ask.read_points);
    all.one_of("biz_location", &ask.biz_locations);
    within(&mut all, "read_point", &ask.within_read_points);
    within(&mut all, "biz_location", &ask.within_biz_locations);
    ask.attributes.iter().for_each(|attribute| described(&mut all, attribute, known));
    let (from, before) = ask.event_time;
    from.into_iter().for_each(|from| all.add("t >= ?", [Value::Signed(from)]));
    before.into_iter().for_each(|before| all.add("t < ?", [Value::Signed(before)]));
    // Header times are whole milliseconds: x ≥ µs and x < µs are the same comparisons with µs rounded up to them.
    let (from, before) = ask.record_time;
    from.into_iter().for_each(|from| all.add("record_ms >= ?", [milliseconds_up(from)]));
    before.into_iter().for_each(|before| all.add("record_ms < ?", [milliseconds_up(before)]));
    if ask.declarations {
        all.add("bitAnd(flags, ?) != 0", [Value::Unsigned(Flags::DECLARATION.0.into())]);
    }
    if !ask.event_ids.is_empty() {
        named(&mut all, &ask.event_ids);
    }
    ask.matches.iter().for_each(|wanted| naming(&mut all, wanted, known));
    all
}

/// The place itself, and every place whose GLN is the same with an extension (AI 254): the hierarchy that keys tell.
fn within(all: &mut Conditions, column: &str, places: &[String]) {
    if places.is_empty() {
        return;
    }
    let inside = places.iter().map(|_| format!(" OR startsWith({column}, ?)")).collect::<String>();
    let prefixes = places.iter().map(|place| Value::Text(format!("{place}/254/")));
    all.add(&format!("({column} IN ?{inside})"), std::iter::once(Value::Texts(places.to_vec())).chain(prefixes));
}

/// By what a place's owner said last of it, in the header of a document.
fn described(all: &mut Conditions, attribute: &Attribute, known: u64) {
    let Attribute { column, kind, name, values } = attribute;
    let (of_value, texts) = match values {
        Some(values) => (" AND text IN ?", vec![Value::Texts(values.clone())]),
        None => ("", Vec::new()),
    };
    let sql = format!(
        "{column} IN (
             SELECT id FROM (
                 SELECT id, argMax(names, (block, idx)) AS last_names, argMax(texts, (block, idx)) AS last_texts
                 FROM master_data WHERE entitled AND kind = ? AND block <= ? GROUP BY id, party)
             WHERE arrayExists((name, text) -> name = ?{of_value}, last_names, last_texts))"
    );
    let first = [Value::Text((*kind).to_owned()), Value::Unsigned(known), Value::Text(name.clone())];
    all.add(&sql, first.into_iter().chain(texts));
}

fn past(all: &mut Conditions, ask: &Ask, after: Place) {
    let than = if ask.order.descending { "<" } else { ">" };
    let (t, block, idx) = (Value::Signed(after.t), Value::Unsigned(after.block), Value::Unsigned(after.idx.into()));
    // The first column alone says nothing new, but is what the store's indices can use.
    match ask.order.by_event_time {
        true => all.add(&format!("t {than}= ? AND (t, block, idx) {than} (?, ?, ?)"), [t.clone(), t, block, idx]),
        false => all.add(&format!("block {than}= ? AND (block, idx) {than} (?, ?)"), [block.clone(), block, idx]),
    }
}

fn milliseconds_up(micros: i64) -> Value {
    Value::Unsigned(u64::try_from(micros.saturating_add(999).div_euclid(1000)).unwrap_or(0))
}

/// By eventID, or by what of them are event hashes.
fn named(all: &mut Conditions, event_ids: &[String]) {
    let digests: Vec<_> = event_ids.iter().map(|id| event_id_digest(id)).collect();
    let hashes: Vec<EventHash> = event_ids.iter().filter_map(|id| id.parse().ok()).collect();
    let by_id = "(block, idx) IN (
             SELECT block, idx FROM event_ref WHERE prefix IN ? AND kind = ? AND lower(hex(digest)) IN ?)";
    let mut values = vec![
        Value::Numbers(digests.iter().map(|digest| prefix(&digest.0)).collect()),
        Value::Unsigned(RefKind::EventId as u64),
        Value::Texts(digests.iter().map(|digest| hex(&digest.0)).collect()),
    ];
    if hashes.is_empty() {
        return all.add(by_id, values);
    }
    values.push(Value::Numbers(hashes.iter().map(|hash| prefix(&hash.digest)).collect()));
    values.push(Value::Pairs(hashes.iter().flat_map(stored).collect()));
    let by_hash = "(block, idx) IN (
             SELECT block, idx FROM event_hash
             WHERE prefix IN ? AND (toUInt64(edition), lower(hex(digest))) IN ?)";
    all.add(&format!("({by_id} OR {by_hash})"), values);
}

fn naming(all: &mut Conditions, wanted: &Match, known: u64) {
    let mut things: Vec<&Thing> = Vec::new();
    let mut classes = Vec::new();
    for pattern in &wanted.patterns {
        match pattern {
            Pattern::Exactly(thing) => things.push(thing),
            Pattern::Under(class) => classes.push(class.to_u64()),
        }
    }
    let mut either = Conditions::default();
    if !things.is_empty() {
        let keys = things.iter().map(|thing| (thing.class().to_u64(), thing.id().to_owned())).collect();
        either.add("(class, id) IN ?", [Value::Pairs(keys)]);
    }
    if !classes.is_empty() {
        either.add("class IN ?", [Value::Numbers(classes)]);
    }
    let either_text = either.text.join(" OR ");
    let roles = wanted.which.roles().iter().map(|role| role.to_u8().into()).collect();
    either.values.extend([Value::Numbers(roles), Value::Unsigned(known)]);
    all.add(
        &format!("(block, idx) IN (SELECT block, idx FROM fact WHERE ({either_text}) AND role IN ? AND block <= ?)"),
        either.values,
    );
}

#[cfg(test)]
mod tests {
    use medtrace_event::Context;

    use super::*;
    use crate::params::Params;

    #[test]
    fn every_value_is_bound() {
        let query = "eventType=ObjectEvent&EQ_action=ADD&EQ_bizStep=shipping&EQ_disposition=active&EQ_eventID=a'b&LT_recordTime=\
             2026-01-01T00:00:00.0001Z&GE_eventTime=2026-01-01T00:00:00Z&EXISTS_errorDeclaration&MATCH_anyEPC=urn:epc:id:\
             sgtin:0614141.107346.2017%7Curn:epc:idpat:sgtin:0614141.107346.*&WD_readPoint=https://id.gs1.org/414/0614141007776";
        let ask = Ask::read(Params::read(Some(query)).unwrap(), &Context::standard()).unwrap();
        let all = conditions(&ask, 9, Some(Place { t: 1, block: 2, idx: 3 }));
        let text = all.text.join(" AND ");
        assert_eq!(text.matches('?').count(), all.values.len());
        assert!(!text.contains("a'b") && !text.contains("2017") && !text.contains("ObjectEvent"));
        assert!(all.values.contains(&Value::Unsigned(1_767_225_600_001)));
        assert!(text.contains("block >= ? AND (block, idx) > (?, ?)"));
    }
}
