//! A reason as an answer gives it.

use std::collections::{BTreeMap, BTreeSet};

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

    /// Of events that are suspect by the revocations of the keys that signed them.
    pub fn suspect(events: &BTreeMap<EventRef, EventRef>) -> Option<Said> {
        let revocations: BTreeSet<String> = events.values().map(ToString::to_string).collect();
        let named = revocations.into_iter().collect::<Vec<_>>().join(", ");
        (!events.is_empty()).then(|| Said {
            code: "suspect-signature",
            level: Level::Check,
            zh: format!("签名所用密钥后来被吊销，签名时可能已落入他人之手（公告 {named}）"),
            en: format!("signed by a key that was revoked later, and may have been in other hands (notice {named})"),
            events: events.keys().copied().collect(),
            inside: None,
        })
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
