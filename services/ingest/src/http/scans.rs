//! `POST /v1/scans`: scan requests become events, sealed under the party's hosted key.

use std::sync::Arc;

use axum::{Json, extract::State, http::HeaderMap};
use medtrace_ledger::submission::SubmissionKind;
use medtrace_service::Problem;
use serde_json::{Value, json};

use super::{
    Hosted,
    input::{Caller, Sent, compute, json_type},
};
use crate::{App, admit};

/// Bytes of one body (4 MiB).
pub const SCANS_BYTES_MAX: usize = 4 << 20;

/// 200 with one result per request, each with an answer per code; nothing of a refused body is stored.
pub(super) async fn post(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    sent: Sent<SCANS_BYTES_MAX>,
) -> Result<Json<Value>, Problem> {
    json_type(&headers)?;
    let hosted = Hosted::for_events(&app, &caller.party)?;
    let bytes = sent.bytes.clone();
    let admitted = compute(sent.bytes.len(), move || admit::scans(&bytes, &caller.who, hosted.speaker())).await?;
    let committed = app.groups.commit(&caller.party, SubmissionKind::Events, admitted.items()).await?;
    let mut first = committed.first;
    let mut results = Vec::with_capacity(admitted.0.len());
    for scan in &admitted.0 {
        let mut answer = scan.answer();
        answer["receipt"] = json!(*committed.receipt);
        answer["submission"] = json!(committed.submission);
        answer["index"] = json!([first, scan.events.len()]);
        first += scan.events.len();
        results.push(answer);
    }
    Ok(Json(json!({ "results": results })))
}
