//! `POST /v1/deliveries/{id}/check`: the shipper's word against what was scanned, pack by pack.

use std::collections::{BTreeMap, BTreeSet};

use axum::Json;
use axum::extract::{Path, State};
use medtrace_gs1::{Code, CodeError, Level, Thing, parse};
use medtrace_ledger::EventRef;
use medtrace_service::Problem;
use medtrace_timeline::{Cut, Story};
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::{Number, Value, json};

use super::deliveries::find;
use super::verify::CODE_BYTES_MAX;
use crate::app::{App, store_failed};
use crate::delivery::Delivery;
use crate::expected::Expected;
use crate::item::{amount, date};
use crate::json::{Body, invalid};
use crate::judge::days;
use crate::view::Snapshot;

/// Codes of one check.
const CODES_MAX: usize = 20_000;
/// Missing packs that are named.
const MISSING_SHOWN: usize = 1_000;
/// Stories held at one time.
const STORIES_AT_ONCE: usize = 2_000;
/// AIs that count what is in a trade item or a container: variable count, count of trade items.
const COUNTS: [&str; 2] = ["30", "37"];
/// What a line may say.
const RESULTS: [&str; 9] = [
    "matched",
    "missing",
    "extra",
    "duplicate",
    "wrong-lot",
    "wrong-expiry",
    "unknown",
    "in-another-delivery",
    "unreadable",
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    codes: Vec<Scanned>,
}

/// A code, or so much of a lot.
#[derive(Deserialize)]
#[serde(untagged)]
enum Scanned {
    Code(String),
    Amount { code: String, quantity: Number },
}

impl Scanned {
    fn text(&self) -> &str {
        match self {
            Scanned::Code(code) | Scanned::Amount { code, .. } => code,
        }
    }

    /// As given; none if it is no decimal.
    fn quantity(&self) -> Option<Option<Decimal>> {
        let Scanned::Amount { quantity, .. } = self else { return None };
        let text = quantity.to_string();
        Some(text.parse().or_else(|_| Decimal::from_scientific(&text)).ok())
    }

    /// As given, else as the label counts, else the one that was scanned.
    fn amount(&self, code: &Code) -> Decimal {
        let counted = code.attributes.iter().find(|(ai, _)| COUNTS.contains(&&*ai.to_string()));
        let counted = counted.and_then(|(_, count)| count.parse().ok());
        self.quantity().flatten().or(counted).unwrap_or(Decimal::ONE)
    }
}

/// What a check needs to know of a scanned thing.
struct Known {
    /// It, and the other codes on the same pack.
    things: Vec<Thing>,
    lot: Box<str>,
    expiry: Option<i32>,
    /// Nothing is recorded of it.
    empty: bool,
    /// The shipment that it is on its way with.
    shipment: Option<EventRef>,
}

/// One line of the answer.
#[derive(Default)]
struct Line {
    code: Option<String>,
    key: Option<String>,
    result: &'static str,
    container: Option<String>,
    delivery: Option<String>,
    /// Of a lot: how much should be there and how much was found up to this line.
    expected: Option<String>,
    got: Option<String>,
    detail: (String, String),
}

pub async fn check(
    State(app): State<App>,
    Path(id): Path<String>,
    Body(ask): Body<Ask>,
) -> Result<Json<Value>, Problem> {
    if ask.codes.len() > CODES_MAX {
        let detail = format!("codes takes at most {CODES_MAX} codes, not {}", ask.codes.len());
        return Err(invalid("/codes", "count", detail));
    }
    if let Some(long) = ask.codes.iter().position(|code| code.text().len() > CODE_BYTES_MAX) {
        let detail = format!("a code has at most {CODE_BYTES_MAX} bytes");
        return Err(invalid(&format!("/codes/{long}"), "too-long", detail));
    }
    let nothing =
        |scanned: &Scanned| scanned.quantity().is_some_and(|amount| amount.is_none_or(|a| a <= Decimal::ZERO));
    if let Some(wrong) = ask.codes.iter().position(nothing) {
        let detail = "a quantity is a number above zero".to_owned();
        return Err(invalid(&format!("/codes/{wrong}/quantity"), "range", detail));
    }
    let snapshot = app.view.now();
    let delivery = find(&app, &id, &snapshot).await?;
    let expected = Expected::of(&app, &delivery, &snapshot).await?;
    let codes: Vec<Result<Code, CodeError>> = ask.codes.iter().map(|scanned| parse(scanned.text())).collect();
    let known = known(&app, codes.iter().flatten().map(|code| &code.thing), &snapshot).await?;

    let mut check = Check { delivery: &delivery, expected, known, seen: BTreeSet::new() };
    let mut lines = Vec::with_capacity(ask.codes.len());
    for (scanned, code) in ask.codes.iter().zip(codes) {
        let mut line = match code {
            Ok(code) => Line { key: Some(code.thing.uri()), ..check.line(&code, scanned) },
            Err(fault) => Line::of("unreadable", format!("无法识别：{fault}"), format!("cannot be read: {fault}")),
        };
        line.code = Some(scanned.text().to_owned());
        lines.push(line);
    }
    let mut counts: BTreeMap<&str, usize> =
        RESULTS.iter().map(|result| (*result, lines.iter().filter(|line| line.result == *result).count())).collect();
    let (found, count) = (check.expected.found(), check.expected.count());
    counts.extend([("matched", found), ("missing", count - found)]);
    lines.extend(check.missing().take(MISSING_SHOWN));
    Ok(Json(json!({
        "height": snapshot.height,
        "id": id,
        "event": delivery.position().to_string(),
        "counts": counts,
        "lines": lines.iter().map(Line::json).collect::<Vec<_>>(),
    })))
}

/// What is recorded of these things, each read once.
async fn known(
    app: &App,
    things: impl Iterator<Item = &Thing>,
    snapshot: &Snapshot,
) -> Result<BTreeMap<Thing, Known>, Problem> {
    let cut = Cut { at: i64::MAX, known: snapshot.known() };
    let distinct: BTreeSet<&Thing> = things.collect();
    let distinct: Vec<Thing> = distinct.into_iter().cloned().collect();
    let mut known = BTreeMap::new();
    for some in distinct.chunks(STORIES_AT_ONCE) {
        let stories = medtrace_store::read::stories(&app.client, some.iter().cloned(), cut).await;
        let stories = stories.map_err(store_failed)?;
        known.extend(some.iter().cloned().zip(stories.into_iter().map(Known::of)));
    }
    Ok(known)
}

impl Known {
    fn of(story: Story) -> Known {
        Known {
            shipment: last_shipment(&story),
            empty: story.entries.is_empty(),
            lot: story.state.lot,
            expiry: story.state.expiry,
            things: story.things,
        }
    }
}

/// The shipment that it is on its way with; what has arrived belongs to none any more.
fn last_shipment(story: &Story) -> Option<EventRef> {
    story.state.heading.as_ref()?;
    let mut shipments = story.entries.iter().filter(|e| e.in_force && &*e.fact.head.step == "shipping");
    shipments.next_back().map(|e| e.fact.head.position)
}

struct Check<'a> {
    delivery: &'a Delivery,
    expected: Expected,
    known: BTreeMap<Thing, Known>,
    /// Packs and containers that were scanned, whichever of their codes: a second scan is a copy, or a mistake.
    seen: BTreeSet<Thing>,
}

impl Check<'_> {
    fn line(&mut self, code: &Code, scanned: &Scanned) -> Line {
        let thing = &code.thing;
        let Some(known) = self.known.get(thing) else { return Line::default() };
        let single = thing.level() == Level::Instance;
        if single && !self.seen.insert(known.things.iter().min().unwrap_or(thing).clone()) {
            return Line::of(
                "duplicate",
                "重复扫描：同一码已扫过",
                "scanned before: the same pack, or a copy of its code",
            );
        }
        let listed = known.things.iter().find(|thing| self.expected.is_listed(thing)).cloned();
        if listed.is_none() && !self.expected.lots().contains_key(thing) {
            return self.unlisted(known);
        }
        let container = listed.as_ref().and_then(|thing| self.expected.container(thing)).map(Thing::uri);
        let line = self.label(code, known).unwrap_or_else(|| match &listed {
            Some(listed) => {
                let count = self.expected.find(listed);
                Line::of("matched", format!("相符（{count} 件）"), format!("matches ({count} packs)"))
            }
            None => self.lot(thing, scanned.amount(code)),
        });
        Line { container: container.or(line.container.clone()), ..line }
    }

    /// What the label says otherwise than was commissioned.
    fn label(&self, code: &Code, known: &Known) -> Option<Line> {
        let made = &*known.lot;
        if let Some(lot) = code.lot.as_deref().filter(|lot| !made.is_empty() && *lot != made) {
            return Some(Line::of(
                "wrong-lot",
                format!("批号 {lot}，应为 {made}"),
                format!("lot {lot}, should be {made}"),
            ));
        }
        let (says, made) = (days(code.expiry?), known.expiry?);
        let (said, right) = (date(says), date(made));
        (says != made).then(|| {
            let zh = format!("有效期 {said}，应为 {right}");
            Line::of("wrong-expiry", zh, format!("expires {said}, should be {right}"))
        })
    }

    fn lot(&mut self, thing: &Thing, scanned: Decimal) -> Line {
        let Some(lot) = self.expected.find_lot(thing, scanned) else { return Line::default() };
        let result = if lot.is_exceeded() { "extra" } else { "matched" };
        Line { container: lot.container.as_ref().map(Thing::uri), ..Line::amounts(result, lot.sent, lot.got) }
    }

    fn unlisted(&self, known: &Known) -> Line {
        if known.empty {
            return Line::of("unknown", "没有任何记录", "nothing is recorded of it");
        }
        match known.shipment.filter(|at| *at != self.delivery.position()) {
            Some(at) => {
                let line =
                    Line::of("in-another-delivery", format!("属于另一批货 {at}"), format!("belongs to delivery {at}"));
                Line { delivery: Some(at.to_string()), ..line }
            }
            None => Line::of("extra", "不在此批货中", "is not part of this delivery"),
        }
    }

    fn missing(&self) -> impl Iterator<Item = Line> {
        let packs = self.expected.missing().map(|thing| Line {
            key: Some(thing.uri()),
            container: self.expected.container(thing).map(Thing::uri),
            ..Line::of("missing", "应有而未扫描", "expected, not scanned")
        });
        let short = self.expected.lots().iter().filter(|(_, lot)| !lot.is_whole());
        let lots = short.map(|(thing, lot)| Line {
            key: Some(thing.uri()),
            container: lot.container.as_ref().map(Thing::uri),
            ..Line::amounts("missing", lot.sent, lot.got)
        });
        packs.chain(lots)
    }
}

impl Line {
    fn of(result: &'static str, zh: impl Into<String>, en: impl Into<String>) -> Line {
        Line { result, detail: (zh.into(), en.into()), ..Line::default() }
    }

    fn amounts(result: &'static str, sent: Option<Decimal>, got: Decimal) -> Line {
        let (sent, got) = (sent.map(amount), amount(got));
        let of = sent.as_deref().unwrap_or("?");
        let line = Line::of(result, format!("应有 {of}，扫描 {got}"), format!("{of} expected, {got} scanned"));
        Line { expected: sent, got: Some(got), ..line }
    }

    fn json(&self) -> Value {
        json!({
            "code": self.code,
            "key": self.key,
            "result": self.result,
            "container": self.container,
            "delivery": self.delivery,
            "expected": self.expected,
            "got": self.got,
            "detail": { "zh-CN": self.detail.0, "en": self.detail.1 },
        })
    }
}
