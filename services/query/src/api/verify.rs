//! `/v1/verify`: is the pack in my hand genuine, and may I receive or use it?

use axum::Json;
use axum::extract::{RawQuery, State};
use medtrace_gs1::{Thing, parse};
use medtrace_service::Problem;
use medtrace_timeline::Purpose;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::app::App;
use crate::json::{Body, invalid};
use crate::judge::{Asker, THINGS_MAX, judge, unreadable};
use crate::master::name_places;
use crate::params::Params;
use crate::view::Snapshot;

/// Codes of one request.
pub const CODES_MAX: usize = 500;
/// Longest code, bytes.
pub const CODE_BYTES_MAX: usize = 1024;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    code: Option<String>,
    codes: Option<Vec<String>>,
    /// Where the asker stands: GLN digits or URI.
    place: Option<String>,
    purpose: Option<Purpose>,
}

fn asker(place: Option<&str>, purpose: Option<Purpose>) -> Result<Asker, Problem> {
    let place = place.map(read_place).transpose().map_err(|(code, detail)| invalid("/place", code, detail))?;
    Ok(Asker { place, purpose })
}

/// `GET /v1/verify?code=…`
pub async fn get(State(app): State<App>, RawQuery(query): RawQuery) -> Result<Json<Value>, Problem> {
    let mut params = Params::read(query.as_deref())?;
    let code = params.required("code")?;
    let place = params.take("place");
    let purposes = [("ask", Purpose::Ask), ("receive", Purpose::Receive), ("use", Purpose::Use)];
    let purpose = params.word("purpose", &purposes)?;
    params.end("code, place and purpose")?;
    let (asker, mut left) = (asker(place.as_deref(), purpose)?, THINGS_MAX);
    let snapshot = app.view.now();
    let answer = one(&app, &snapshot, &code, "/code", &asker, &mut left).await?;
    named(&app, answer, &snapshot).await
}

/// `POST /v1/verify` with one code or many.
pub async fn post(State(app): State<App>, Body(ask): Body<Ask>) -> Result<Json<Value>, Problem> {
    let snapshot = app.view.now();
    let asker = asker(ask.place.as_deref(), ask.purpose)?;
    let mut left = THINGS_MAX;
    match (ask.code, ask.codes) {
        (Some(code), None) => {
            let answer = one(&app, &snapshot, &code, "/code", &asker, &mut left).await?;
            named(&app, answer, &snapshot).await
        }
        (None, Some(codes)) => {
            if codes.is_empty() || codes.len() > CODES_MAX {
                let detail = format!("codes takes 1 to {CODES_MAX} codes, not {}", codes.len());
                return Err(invalid("/codes", "count", detail));
            }
            let mut verdicts = Vec::with_capacity(codes.len());
            for (index, code) in codes.iter().enumerate() {
                verdicts.push(one(&app, &snapshot, code, &format!("/codes/{index}"), &asker, &mut left).await?);
            }
            named(&app, json!({ "height": snapshot.height, "verdicts": verdicts }), &snapshot).await
        }
        _ => Err(invalid("", "missing", "give either code or codes".to_owned())),
    }
}

async fn named(app: &App, mut answer: Value, snapshot: &Snapshot) -> Result<Json<Value>, Problem> {
    name_places(&app.client, &mut answer, snapshot.known()).await?;
    Ok(Json(answer))
}

async fn one(
    app: &App,
    snapshot: &Snapshot,
    text: &str,
    path: &str,
    asker: &Asker,
    left: &mut usize,
) -> Result<Value, Problem> {
    if text.len() > CODE_BYTES_MAX {
        return Err(invalid(path, "too-long", format!("a code has at most {CODE_BYTES_MAX} bytes")));
    }
    match parse(text) {
        Ok(code) => Ok(judge(app, snapshot, &code, asker, left).await?.json(text)),
        Err(fault) => Ok(unreadable(text, &fault.to_string(), snapshot)),
    }
}

/// GLN digits or any URI of a place; what is wrong as a rule's name and a sentence.
pub fn read_place(text: &str) -> Result<Thing, (&'static str, String)> {
    let digits = text.len() == 13 && text.bytes().all(|b| b.is_ascii_digit());
    let uri = if digits { format!("https://id.gs1.org/414/{text}") } else { text.to_owned() };
    Thing::from_uri(&uri).map_err(|fault| (fault.code, format!("place {text:?}: {fault}")))
}
