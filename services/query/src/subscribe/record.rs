//! A subscription as it is kept: what was asked for, how far it has been delivered, and what stands in the way.

use std::fmt;

use medtrace_ledger::Hash;
use medtrace_service::{Kind, Problem};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::schedule::{Fields, Schedule};
use crate::epcis::cursor::Place;
use crate::epcis::form::Spelling;
use crate::item::time_of_ms;

/// What is never shown nor logged.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// When and what: of webhooks and WebSockets alike.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Controls {
    /// `None`: as it happens (`stream`).
    pub schedule: Option<Schedule>,
    /// A scheduled report is made also where there is nothing to report.
    pub report_if_empty: bool,
    /// Events sealed from then on; Unix µs. `None`: from the subscription on.
    pub initial_record_us: Option<i64>,
}

impl Controls {
    /// # Errors
    /// `SubscriptionControlsException` for what does not go together or is no schedule.
    pub fn read(
        stream: bool,
        schedule: Option<Fields>,
        report_if_empty: bool,
        initial_record_us: Option<i64>,
    ) -> Result<Controls, Problem> {
        let wrong = |path: &str, detail: String| {
            Kind::SubscriptionControls.because(detail.clone()).at(path, "controls", detail)
        };
        let schedule = match (stream, schedule) {
            (true, None) if report_if_empty => {
                let detail = "reportIfEmpty belongs to a schedule: a stream tells what there is";
                return Err(wrong("/reportIfEmpty", detail.to_owned()));
            }
            (true, None) => None,
            (false, Some(fields)) => {
                let read = Schedule::try_from(fields);
                Some(read.map_err(|error| {
                    let at = if error.field.is_empty() { String::new() } else { format!("/{}", error.field) };
                    wrong(&format!("/schedule{at}"), error.to_string())
                })?)
            }
            (true, Some(_)) => {
                return Err(wrong("/schedule", "stream and schedule exclude each other".to_owned()));
            }
            (false, None) => {
                return Err(wrong("/stream", "set stream to true, or give a schedule".to_owned()));
            }
        };
        Ok(Controls { schedule, report_if_empty, initial_record_us })
    }
}

/// An event in the order of the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct At {
    pub block: u64,
    pub idx: u32,
}

impl At {
    /// After all events of a block.
    pub fn end_of(block: u64) -> At {
        At { block, idx: u32::MAX }
    }

    /// As a page's place in the order of the chain, in which the event's time says nothing.
    pub fn place(self) -> Place {
        Place { t: 0, block: self.block, idx: self.idx }
    }
}

/// One execution of the query: everything between where the one before ended and a height.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// The height that all its deliveries reflect.
    pub known: u64,
    /// When it was due; the creation date of its documents, Unix milliseconds.
    pub time_ms: u64,
    /// It has delivered something.
    pub told: bool,
}

/// How far the log has been delivered.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Progress {
    /// The last event that was looked at; `None` before the first.
    pub after: Option<At>,
    /// Under way. Kept before its first delivery is attempted, so that a repetition is the same bytes under the same id.
    pub run: Option<Run>,
    /// When the last scheduled run began, Unix milliseconds.
    pub ran_ms: u64,
}

/// What stands in the way of delivery.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trouble {
    /// Unix milliseconds.
    pub since_ms: u64,
    pub failures: u32,
    pub error: String,
    /// Unix milliseconds; `None`: dead, nothing is attempted any more.
    pub next_ms: Option<u64>,
}

/// A webhook subscription.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subscription {
    pub id: String,
    pub query: String,
    /// Whose it is.
    pub party: String,
    /// SHA-256 of the token by which it was made or resumed last; `None` in files that are older than this.
    #[serde(default)]
    pub token: Option<Hash>,
    pub dest: String,
    pub signature_token: Option<Secret>,
    pub spelling: Spelling,
    pub controls: Controls,
    /// Unix milliseconds.
    pub created_ms: u64,
    pub notified_ms: Option<u64>,
    pub progress: Progress,
    pub trouble: Option<Trouble>,
}

impl Subscription {
    pub fn is_dead(&self) -> bool {
        self.trouble.as_ref().is_some_and(|trouble| trouble.next_ms.is_none())
    }

    /// Blocks up to this height that it has not been told of.
    pub fn behind(&self, height: Option<u64>) -> u64 {
        let all = height.map_or(0, |height| height + 1);
        all.saturating_sub(self.progress.after.map_or(0, |at| at.block + u64::from(at.idx == u32::MAX)))
    }

    /// As its owner sees it: without its secret; what the standard does not name comes last.
    pub fn show(&self, height: Option<u64>) -> Value {
        let mut shown = json!({
            "subscriptionID": self.id,
            "queryName": self.query,
            "dest": self.dest,
            "reportIfEmpty": self.controls.report_if_empty,
            "createdAt": time_of_ms(self.created_ms),
            "state": match &self.trouble {
                None => "active",
                Some(_) if self.is_dead() => "dead",
                Some(_) => "retrying",
            },
            "signed": self.signature_token.is_some(),
            "cursor": self.progress.after.map(|at| match at.idx {
                u32::MAX => json!({ "block": at.block }),
                idx => json!({ "block": at.block, "after": format!("{}-{idx}", at.block) }),
            }),
            "behind": self.behind(height),
        });
        match &self.controls.schedule {
            None => shown["stream"] = true.into(),
            Some(schedule) => shown["schedule"] = json!(schedule),
        }
        if let Some(us) = self.controls.initial_record_us {
            shown["initialRecordTime"] = crate::item::time(us).into();
        }
        if let Some(ms) = self.notified_ms {
            shown["lastNotifiedAt"] = time_of_ms(ms).into();
        }
        if let Some(trouble) = &self.trouble {
            shown["lastError"] = trouble.error.clone().into();
            shown["failures"] = trouble.failures.into();
            shown["failingSince"] = time_of_ms(trouble.since_ms).into();
            shown["nextAttemptAt"] = trouble.next_ms.map(time_of_ms).into();
        }
        shown
    }
}
