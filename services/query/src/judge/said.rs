//! A reason as an answer gives it.

use medtrace_ledger::EventRef;
use medtrace_timeline::{Level, Reason};
use serde_json::{Value, json};

/// One reason of a verdict.
pub struct Said {
    /// Stable: that of a [`medtrace_timeline::ReasonCode`], or one of this service's own.
    pub code: &'static str,
    pub level: Level,
    pub zh: String,
    pub en: String,
    /// The events that show it.
    pub events: Vec<EventRef>,
    /// `{"count", "of", "keys"}` if it is said of things inside.
    pub inside: Option<Value>,
}

impl Said {
    /// A reason of the thing itself.
    pub fn of(reason: &Reason) -> Said {
        let (zh, en) = reason.code.text();
        Said {
            code: reason.code.code(),
            level: reason.code.level(),
            zh: zh.replace("{}", &reason.particular),
            en: en.replace("{}", &reason.particular),
            events: reason.events.clone(),
            inside: None,
        }
    }

    /// `{"code", "level", "text", "events", "inside"?}`.
    pub fn json(&self) -> Value {
        let mut json = json!({
            "code": self.code,
            "level": self.level,
            "text": { "zh-CN": self.zh, "en": self.en },
            "events": self.events.iter().map(ToString::to_string).collect::<Vec<_>>(),
        });
        if let Some(inside) = &self.inside {
            json["inside"] = inside.clone();
        }
        json
    }
}
