//! `gap`: a topic of the log lost its end and was made anew, so that it has another id and begins at offset 0. Signed by the
//! authority, as what gives power is.

use medtrace_ledger::{SubmissionKind, TopicName, TopicUuid};
use serde::{Deserialize, Serialize};

use super::faults::Faults;
use super::text::Texts;

/// A gap notice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gap {
    /// The topic: one that blocks are cut from.
    pub topic: TopicName,
    /// 1 for this topic, then exactly one more each time.
    pub revision: u32,
    /// The id under which it was sealed so far. What stood there can be read from an archive only.
    pub lost: TopicUuid,
    /// The id under which it is sealed from this block on, each partition from offset 0.
    pub new: TopicUuid,
    /// What happened.
    pub reason: Texts,
}

impl Gap {
    pub(super) fn shape(&self, faults: &mut Faults) {
        faults.prose("/reason", &self.reason);
        if SubmissionKind::of_topic(self.topic.as_str()).is_none() {
            let detail =
                "only scan-events and notices are cut into blocks; no gap in another topic can be gone on from";
            faults.add("/topic", "not-cut", detail);
        }
        if self.lost == self.new {
            faults.add("/new", "same-id", "a topic that was made anew has another id");
        }
    }
}
