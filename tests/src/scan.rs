//! A scan request under construction: the body of `POST /v1/scans`.

use serde_json::{Value, json};
use uuid::Uuid;

/// One request. Its id is made at once, so that a clone that is sent again means the same.
#[derive(Debug, Clone)]
pub struct Scan(pub Value);

impl Scan {
    /// `place` is a GLN or a URI; `codes` are items without more to say.
    pub fn new<C: AsRef<str>>(step: &str, time: &str, place: &str, codes: impl IntoIterator<Item = C>) -> Scan {
        let items: Vec<Value> = codes.into_iter().map(|code| json!({ "code": code.as_ref() })).collect();
        Scan(json!({ "id": Uuid::new_v4(), "step": step, "time": time, "place": place, "items": items }))
    }

    /// Withdraws an event; `reason` is `did_not_occur` or `incorrect_data`.
    pub fn undo(time: &str, place: &str, event: &str, reason: &str) -> Scan {
        Scan::new("undo", time, place, [""; 0]).with("event", event).with("reason", reason)
    }

    /// Sets a member: `parent`, `from`, `to`, `lot`, `expiry`, `result`, `temperature`, `corrective` …
    pub fn with(mut self, member: &str, value: impl Into<Value>) -> Scan {
        self.0[member] = value.into();
        self
    }

    /// A business document, such as a despatch advice.
    pub fn document(mut self, kind: &str, id: &str) -> Scan {
        let document = json!({ "type": kind, "id": id });
        match &mut self.0["documents"] {
            Value::Array(documents) => documents.push(document),
            none => *none = json!([document]),
        }
        self
    }

    /// A quantity of a lot.
    pub fn amount(mut self, code: &str, quantity: impl Into<Value>) -> Scan {
        let item = json!({ "code": code, "quantity": quantity.into() });
        if let Some(items) = self.0["items"].as_array_mut() {
            items.push(item);
        }
        self
    }

    /// An item whose pack carries further codes.
    pub fn also(mut self, code: &str, also: &[&str]) -> Scan {
        if let Some(items) = self.0["items"].as_array_mut() {
            items.push(json!({ "code": code, "also": also }));
        }
        self
    }

    /// The eventID of the first event it becomes.
    pub fn event_id(&self) -> String {
        format!("urn:uuid:{}", self.0["id"].as_str().unwrap_or_default())
    }
}
