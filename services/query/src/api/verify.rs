//! `/v1/verify`: is the pack in my hand genuine, and may I receive or use it?

use axum::Json;
use axum::extract::{RawQuery, State};
use medtrace_gs1::{Code, Thing, parse};
use medtrace_ledger::EventRef;
use medtrace_registry::{At, Coverage};
use medtrace_service::{Kind, Problem};
use medtrace_timeline::{Caller, Cut, Judgement, Purpose, Recall, Scan, Story, judge};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::app::{App, store_failed};
use crate::item::item;
use crate::json::{Body, invalid};
use crate::params::Params;
use crate::view::Snapshot;

/// Codes of one request.
pub const CODES_MAX: usize = 500;
/// Longest code, bytes.
pub const CODE_BYTES_MAX: usize = 1024;
/// What no single answer can show.
const NOTE: &str = "that nothing was withheld is shown only by a full witness or an audit";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    code: Option<String>,
    codes: Option<Vec<String>>,
    /// Where the asker stands: GLN digits or URI.
    place: Option<String>,
    purpose: Option<Purpose>,
}

/// For whom a verdict is.
struct About {
    place: Option<Thing>,
    purpose: Option<Purpose>,
}

impl About {
    fn read(place: Option<&str>, purpose: Option<Purpose>) -> Result<About, Problem> {
        let place = place.map(read_place).transpose().map_err(|(code, detail)| invalid("/place", code, detail))?;
        Ok(About { place, purpose })
    }
}

/// `GET /v1/verify?code=…`
pub async fn get(State(app): State<App>, RawQuery(query): RawQuery) -> Result<Json<Value>, Problem> {
    let mut params = Params::read(query.as_deref())?;
    let code = params.required("code")?;
    let place = params.take("place");
    let purposes = [("ask", Purpose::Ask), ("receive", Purpose::Receive), ("use", Purpose::Use)];
    let purpose = params.word("purpose", &purposes)?;
    params.end("code, place and purpose")?;
    let about = About::read(place.as_deref(), purpose)?;
    one(&app, &app.view.now(), &code, "/code", &about).await.map(Json)
}

/// `POST /v1/verify` with one code or many.
pub async fn post(State(app): State<App>, Body(ask): Body<Ask>) -> Result<Json<Value>, Problem> {
    let snapshot = app.view.now();
    let about = About::read(ask.place.as_deref(), ask.purpose)?;
    match (ask.code, ask.codes) {
        (Some(code), None) => one(&app, &snapshot, &code, "/code", &about).await.map(Json),
        (None, Some(codes)) => {
            if codes.is_empty() || codes.len() > CODES_MAX {
                let detail = format!("codes takes 1 to {CODES_MAX} codes, not {}", codes.len());
                return Err(invalid("/codes", "count", detail));
            }
            let mut verdicts = Vec::with_capacity(codes.len());
            for (index, code) in codes.iter().enumerate() {
                verdicts.push(one(&app, &snapshot, code, &format!("/codes/{index}"), &about).await?);
            }
            Ok(Json(json!({ "height": snapshot.height, "verdicts": verdicts })))
        }
        _ => Err(invalid("", "missing", "give either code or codes".to_owned())),
    }
}

async fn one(app: &App, snapshot: &Snapshot, text: &str, path: &str, about: &About) -> Result<Value, Problem> {
    if text.len() > CODE_BYTES_MAX {
        return Err(invalid(path, "too-long", format!("a code has at most {CODE_BYTES_MAX} bytes")));
    }
    let code = match parse(text) {
        Ok(code) => code,
        Err(fault) => return Ok(unreadable(text, &fault.to_string(), snapshot)),
    };
    let cut = Cut { at: i64::MAX, known: snapshot.known() };
    let story = medtrace_store::read::story(&app.client, code.thing.clone(), cut).await.map_err(store_failed)?;
    let registry = snapshot.registry.read().map_err(|_| Kind::Implementation.because("the registry is broken"))?;
    let at = registry.at(snapshot.known());
    let judgement = judge(&story, &scan_of(&code), &caller(&code, &story, about, at));
    Ok(json!({
        "code": text,
        "verdict": judgement.verdict,
        "reasons": reasons(&judgement),
        "item": item(&code.thing, &story, at),
        "height": snapshot.height,
        "note": NOTE,
    }))
}

fn unreadable(text: &str, fault: &str, snapshot: &Snapshot) -> Value {
    let reason = json!({
        "code": "unreadable",
        "level": "reject",
        "text": { "zh-CN": format!("无法识别的编码：{fault}"), "en": format!("this code cannot be read: {fault}") },
        "events": [],
    });
    json!({
        "code": text,
        "verdict": "reject",
        "reasons": [reason],
        "item": null,
        "height": snapshot.height,
        "note": NOTE,
    })
}

/// GLN digits or any URI of a place; what is wrong as a rule's name and a sentence.
pub fn read_place(text: &str) -> Result<Thing, (&'static str, String)> {
    let digits = text.len() == 13 && text.bytes().all(|b| b.is_ascii_digit());
    let uri = if digits { format!("https://id.gs1.org/414/{text}") } else { text.to_owned() };
    Thing::from_uri(&uri).map_err(|fault| (fault.code, format!("place {text:?}: {fault}")))
}

fn scan_of(code: &Code) -> Scan {
    let epoch = jiff::civil::date(1970, 1, 1);
    let days = |date: jiff::civil::Date| date.since(epoch).map_or(i32::MIN, |span| span.get_days());
    Scan { lot: code.lot.as_ref().map(ToString::to_string), expiry: code.expiry.map(days) }
}

fn caller(code: &Code, story: &Story, about: &About, at: At<'_>) -> Caller {
    let place = about.place.as_ref();
    let party = place.and_then(|place| at.owner_of_place(place));
    let known = party.and_then(|party| at.party(party));
    let glns = known.iter().flat_map(|party| &party.glns);
    let mut addresses: Vec<String> = glns.flat_map(|gln| [gln.place().uri(), gln.party().uri()]).collect();
    addresses.extend(place.map(Thing::uri));
    // A pack that was never commissioned has only its label to say which lot it claims to be of.
    let lot = [&*story.state.lot, code.lot.as_deref().unwrap_or_default()].into_iter().find(|lot| !lot.is_empty());
    let covering = story.things.iter().flat_map(|thing| at.recalls_covering(thing, lot));
    let recalls = covering.map(|covered| Recall {
        id: covered.recall.recall.as_str().to_owned(),
        notice: EventRef { height: covered.recall.position.height, idx: covered.recall.position.idx },
        certain: covered.coverage == Coverage::Certain,
    });
    Caller {
        purpose: about.purpose.unwrap_or(if place.is_some() { Purpose::Receive } else { Purpose::Ask }),
        place: place.map(Thing::uri),
        party: party.map(ToString::to_string),
        addresses,
        product_known: story.things.iter().any(|thing| at.product_of(thing).is_some()),
        recalls: recalls.collect(),
        today: today(),
    }
}

fn today() -> i32 {
    (jiff::Timestamp::now().as_second().div_euclid(86_400)) as i32
}

fn reasons(judgement: &Judgement) -> Vec<Value> {
    let reason = |r: &medtrace_timeline::Reason| {
        let (zh, en) = r.code.text();
        json!({
            "code": r.code.code(),
            "level": r.code.level(),
            "text": { "zh-CN": zh.replace("{}", &r.particular), "en": en.replace("{}", &r.particular) },
            "events": r.events.iter().map(ToString::to_string).collect::<Vec<_>>(),
        })
    };
    judgement.reasons.iter().map(reason).collect()
}
