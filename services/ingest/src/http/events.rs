//! `POST /events`: one EPCIS event (EPCIS 2.0 § 12.6.2).

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use medtrace_ledger::{hash::base64, submission::SubmissionKind};
use medtrace_service::Problem;
use serde_json::json;

use super::{
    Hosted,
    input::{Caller, Sent, compute, json_type},
};
use crate::{
    App,
    admit::{item, one_event},
};

/// Bytes of one body: an event has at most 256 KiB in its own form.
pub const EVENT_BODY_BYTES_MAX: usize = 512 << 10;

/// 201 with the event's place, its key and the receipt.
pub(super) async fn post(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    sent: Sent<EVENT_BODY_BYTES_MAX>,
) -> Result<Response, Problem> {
    let media_type = json_type(&headers)?.to_owned();
    let hosted = Hosted::for_events(&app, &caller.party)?;
    let bytes = sent.bytes.clone();
    let (event, document) =
        compute(sent.bytes.len(), move || one_event(&bytes, &media_type, &caller.who, hosted.speaker())).await?;
    let bodies = vec![document, item(&event)];
    let committed = app.groups.commit(&caller.party, SubmissionKind::Events, bodies).await?;
    let location = format!("/events/{}", percent_encoded(&event.event_id));
    let body = json!({
        "eventID": event.event_id,
        "key": base64(&event.key),
        "receipt": *committed.receipt,
        "submission": committed.submission,
        // The document item stands before it.
        "index": [committed.first + 1, 1],
    });
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(body)).into_response())
}

/// One path segment (RFC 3986 § 3.3).
fn percent_encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}
