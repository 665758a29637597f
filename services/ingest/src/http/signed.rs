//! `POST /v1/submissions` and `POST /v1/notices`: what was signed at the party, and plain notices signed here.

use std::sync::Arc;

use axum::{Json, extract::State, http::HeaderMap};
use bytes::Bytes;
use medtrace_event::{Fault, Json as Tree};
use medtrace_ledger::{PartyId, hash::base64, submission::SubmissionKind};
use medtrace_service::Problem;
use serde_json::{Value, json};

use super::{
    Hosted,
    input::{Caller, Sent, compute, json_type},
};
use crate::{
    App,
    admit::{self, HomeSigned, Speaker, home_signed, served},
    group::Committed,
};

/// Bytes of one body (4 MiB): items of 900 KiB, salts, note, and room for white space and escapes.
pub const SIGNED_BYTES_MAX: usize = 4 << 20;

/// Events signed at home: 200 with their keys and the receipt.
pub(super) async fn submissions(
    State(app): State<Arc<App>>,
    Caller { party, .. }: Caller,
    headers: HeaderMap,
    sent: Sent<SIGNED_BYTES_MAX>,
) -> Result<Json<Value>, Problem> {
    json_type(&headers)?;
    let registry = app.view.registry();
    served(app.service, &registry, &party)?;
    let (bytes, state) = (sent.bytes.clone(), app.clone());
    let (home, events) = compute(sent.bytes.len(), move || {
        let now_ms = state.now_ms();
        let home = home_signed(&bytes, SubmissionKind::Events, &state.consortium, &party, now_ms)?;
        let speaker = Speaker { registry: &registry, party: &party, key: home.key(), now_ms };
        let events = home.events(speaker)?;
        Ok((home, events))
    })
    .await?;
    let committed = app.groups.append(home.seal()?, &home.submission).await?;
    let ids: Vec<_> = events.iter().map(|event| event.event_id.as_str()).collect();
    let keys: Vec<_> = events.iter().map(|event| base64(&event.key)).collect();
    Ok(Json(json!({ "results": [evidence(json!({ "events": ids, "keys": keys }), &committed, home.items.len())] })))
}

/// Notices, signed at home (a body with `note`) or to be signed here by the party's hosted key.
pub(super) async fn notices(
    State(app): State<Arc<App>>,
    Caller { party, .. }: Caller,
    headers: HeaderMap,
    sent: Sent<SIGNED_BYTES_MAX>,
) -> Result<Json<Value>, Problem> {
    json_type(&headers)?;
    let (bytes, state) = (sent.bytes.clone(), app.clone());
    let judged = {
        let party = party.clone();
        compute(sent.bytes.len(), move || judge(&state, &party, &bytes)).await?
    };
    let (committed, answer, count) = match judged {
        Judged::Home(home, answer) => {
            (app.groups.append(home.seal()?, &home.submission).await?, answer, home.items.len())
        }
        Judged::Plain(admitted) => {
            let (answer, count) = (admitted.answer(), admitted.items.len());
            (app.groups.commit(&party, SubmissionKind::Notices, admitted.items).await?, answer, count)
        }
    };
    Ok(Json(json!({ "results": [evidence(json!({ "notices": answer }), &committed, count)] })))
}

enum Judged {
    Home(HomeSigned, Vec<Value>),
    Plain(admit::AdmittedNotices),
}

fn judge(app: &App, party: &PartyId, bytes: &Bytes) -> Result<Judged, Problem> {
    let has_note = Tree::parse(bytes).map(|json| json.get("note").is_some()).map_err(|fault| {
        let mut refused = crate::refused::Refused::default();
        refused.fault("", &Fault::from(fault));
        refused.into_problem()
    })?;
    if has_note {
        let home = home_signed(bytes, SubmissionKind::Notices, &app.consortium, party, app.now_ms())?;
        let answer = home.notices(&app.view.registry())?.answer();
        return Ok(Judged::Home(home, answer));
    }
    let hosted = Hosted::for_notices(app, party)?;
    admit::plain_notices(bytes, &hosted.registry, party, hosted.key.public()).map(Judged::Plain)
}

fn evidence(mut answer: Value, committed: &Committed, count: usize) -> Value {
    answer["receipt"] = json!(*committed.receipt);
    answer["submission"] = json!(committed.submission);
    answer["index"] = json!([committed.first, count]);
    answer
}
