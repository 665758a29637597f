//! `POST /v1/deliveries/{id}/check`: the shipper's word against what was scanned, pack by pack.

use std::collections::{BTreeMap, BTreeSet};

use axum::Json;
use axum::extract::{Path, State};
use medtrace_gs1::{Code, Thing, parse};
use medtrace_ledger::EventRef;
use medtrace_service::Problem;
use medtrace_timeline::{Cut, Story};
use serde::Deserialize;
use serde_json::{Value, json};

use super::deliveries::find;
use super::verify::CODE_BYTES_MAX;
use crate::app::{App, store_failed};
use crate::delivery::Delivery;
use crate::json::{Body, invalid};
use crate::view::Snapshot;

/// Codes of one check.
const CODES_MAX: usize = 20_000;
/// Missing packs that are named.
const MISSING_SHOWN: usize = 1_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    codes: Vec<String>,
}

/// One line of the answer.
struct Line {
    code: Option<String>,
    key: Option<String>,
    result: &'static str,
    container: Option<String>,
    delivery: Option<String>,
    detail: (String, String),
}

/// What the delivery should hold.
struct Expected {
    /// Each thing with the container it is directly in; the listed ones with none.
    all: BTreeMap<Thing, Option<Thing>>,
    /// What holds nothing itself: packs, and containers of which no contents are known.
    leaves: BTreeSet<Thing>,
    matched: BTreeSet<Thing>,
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
    if let Some(long) = ask.codes.iter().position(|code| code.len() > CODE_BYTES_MAX) {
        let detail = format!("a code has at most {CODE_BYTES_MAX} bytes");
        return Err(invalid(&format!("/codes/{long}"), "too-long", detail));
    }
    let snapshot = app.view.now();
    let delivery = find(&app, &id, &snapshot).await?;
    let mut expected = Expected::of(&app, &delivery, &snapshot).await?;
    let mut lines = Vec::with_capacity(ask.codes.len());
    for text in &ask.codes {
        lines.push(match parse(text) {
            Ok(code) => line(&app, &delivery, &mut expected, text, code, &snapshot).await?,
            Err(fault) => {
                let detail = (format!("无法识别：{fault}"), format!("cannot be read: {fault}"));
                Line {
                    code: Some(text.clone()),
                    key: None,
                    result: "unreadable",
                    container: None,
                    delivery: None,
                    detail,
                }
            }
        });
    }
    let missing: Vec<&Thing> = expected.leaves.difference(&expected.matched).collect();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for result in ["matched", "missing", "extra", "wrong-lot", "unknown", "in-another-delivery", "unreadable"] {
        counts.insert(result, lines.iter().filter(|line| line.result == result).count());
    }
    counts.insert("matched", expected.matched.len());
    counts.insert("missing", missing.len());
    lines.extend(missing.iter().take(MISSING_SHOWN).map(|thing| missing_line(thing, &expected)));
    Ok(Json(json!({
        "height": snapshot.height,
        "id": id,
        "event": delivery.position().to_string(),
        "counts": counts,
        "lines": lines.iter().map(Line::json).collect::<Vec<_>>(),
    })))
}

impl Expected {
    async fn of(app: &App, delivery: &Delivery, snapshot: &Snapshot) -> Result<Expected, Problem> {
        let inside = delivery.contents(&app.client, snapshot.known()).await.map_err(store_failed)?;
        let parents: BTreeSet<Thing> = inside.values().cloned().collect();
        let mut all: BTreeMap<Thing, Option<Thing>> = delivery.units.iter().map(|unit| (unit.clone(), None)).collect();
        all.extend(inside.into_iter().map(|(thing, container)| (thing, Some(container))));
        let leaves = all.keys().filter(|thing| !parents.contains(*thing)).cloned().collect();
        Ok(Expected { all, leaves, matched: BTreeSet::new() })
    }

    /// A scanned container matches everything inside.
    fn match_all(&mut self, thing: &Thing) -> usize {
        let mut open = vec![thing.clone()];
        let mut count = 0;
        while let Some(next) = open.pop() {
            if self.leaves.contains(&next) && self.matched.insert(next.clone()) {
                count += 1;
            }
            open.extend(self.all.iter().filter(|(_, c)| c.as_ref() == Some(&next)).map(|(t, _)| t.clone()));
        }
        count
    }
}

async fn line(
    app: &App,
    delivery: &Delivery,
    expected: &mut Expected,
    text: &str,
    code: Code,
    snapshot: &Snapshot,
) -> Result<Line, Problem> {
    let thing = code.thing.clone();
    let container = expected.all.get(&thing).cloned().flatten();
    let answer = |result, delivery: Option<EventRef>, zh: String, en: String| Line {
        code: Some(text.to_owned()),
        key: Some(thing.uri()),
        result,
        container: container.as_ref().map(Thing::uri),
        delivery: delivery.map(|at| at.to_string()),
        detail: (zh, en),
    };
    let listed = expected.all.contains_key(&thing);
    if listed && code.lot.is_none() {
        let count = expected.match_all(&thing);
        return Ok(answer("matched", None, format!("相符（{count} 件）"), format!("matches ({count} packs)")));
    }
    let cut = Cut { at: i64::MAX, known: snapshot.known() };
    let story = medtrace_store::read::story(&app.client, thing.clone(), cut).await.map_err(store_failed)?;
    if listed {
        let made = &*story.state.lot;
        return Ok(match code.lot.as_deref().filter(|lot| !made.is_empty() && *lot != made) {
            Some(lot) => {
                answer("wrong-lot", None, format!("批号 {lot}，应为 {made}"), format!("lot {lot}, should be {made}"))
            }
            None => {
                expected.match_all(&thing);
                answer("matched", None, "相符".to_owned(), "matches".to_owned())
            }
        });
    }
    if story.entries.is_empty() {
        return Ok(answer("unknown", None, "没有任何记录".to_owned(), "nothing is recorded of it".to_owned()));
    }
    Ok(match last_shipment(&story).filter(|at| *at != delivery.position()) {
        Some(at) => {
            answer("in-another-delivery", Some(at), format!("属于另一批货 {at}"), format!("belongs to delivery {at}"))
        }
        None => answer("extra", None, "不在此批货中".to_owned(), "is not part of this delivery".to_owned()),
    })
}

/// The shipment that it is on its way with; what has arrived belongs to none any more.
fn last_shipment(story: &Story) -> Option<EventRef> {
    story.state.heading.as_ref()?;
    let mut shipments = story.entries.iter().filter(|e| e.in_force && &*e.fact.head.step == "shipping");
    shipments.next_back().map(|e| e.fact.head.position)
}

fn missing_line(thing: &Thing, expected: &Expected) -> Line {
    Line {
        code: None,
        key: Some(thing.uri()),
        result: "missing",
        container: expected.all.get(thing).and_then(Option::as_ref).map(Thing::uri),
        delivery: None,
        detail: ("应有而未扫描".to_owned(), "expected, not scanned".to_owned()),
    }
}

impl Line {
    fn json(&self) -> Value {
        json!({
            "code": self.code,
            "key": self.key,
            "result": self.result,
            "container": self.container,
            "delivery": self.delivery,
            "detail": { "zh-CN": self.detail.0, "en": self.detail.1 },
        })
    }
}
