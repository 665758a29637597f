//! The chain of headers, and the next block of it: pure, so that the chainer, an audit and a model test do the same.
//!
//! A block is derived from the chain so far, the clock and the next records of each partition, and from nothing else:
//!
//! ```text
//! time      max(previous, clock)
//! notices   in order: bad unless sound, by keys of which one is valid for the party at this position, and in time;
//!           what is not bad is applied to the registry at once
//! keys      all keys valid after that
//! events    bad unless sound, by a key valid for the party after this block's notices, and in time
//! cuts      of each partition the records from where the previous cut ended, as many as the block's limits take
//! ```
//!
//! A topic is cut under the id that it had first, until a gap notice names another; under that one every partition begins
//! at 0. A gap in `scan-events` stands in `notices`. A gap in `notices` is the first record of the new topic, and bad
//! anywhere else.

use std::collections::BTreeMap;

use medtrace_ledger::block::{Bad, Cut, Header};
use medtrace_ledger::hash::Hash;
use medtrace_ledger::keys::KeySet;
use medtrace_ledger::merkle::{self, Frontier};
use medtrace_ledger::submission::{check_time, reason};
use medtrace_ledger::{FormatError, Genesis, Origin, Refused, Submission, SubmissionKind, TopicName, TopicUuid};
use medtrace_registry::{Notice, Registry};

use crate::inspect::{Inspected, leaf_of};
use crate::room::Room;

/// A header that does not follow from the chain before it, or from the records it names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("block {height} follows where block {expected} should")]
    Height { height: u64, expected: u64 },
    #[error("block {height}: {what} is {found}, the chain gives {expected}")]
    Differs { height: u64, what: String, found: String, expected: String },
    #[error("block {height}: {source}")]
    Format { height: u64, source: FormatError },
}

/// The chain up to some height, reduced to what its next block depends on.
#[derive(Clone, Debug)]
pub struct Chain {
    origin: Origin,
    genesis: Hash,
    headers: Frontier,
    /// Header time of the last block, Unix ms.
    time_ms: u64,
    /// Where the next cut of each partition of a topic under an id starts. An unseen partition starts at 0.
    next: BTreeMap<(TopicName, TopicUuid, u32), u64>,
    registry: Registry,
    keys: (u64, Hash),
}

/// The next records of one partition, in order, from where its last cut ended.
#[derive(Clone, Debug)]
pub struct Part<'a> {
    pub topic: TopicName,
    pub uuid: TopicUuid,
    pub partition: u32,
    pub records: &'a [Inspected],
}

/// A block derived from the next records.
#[derive(Clone, Debug)]
pub struct Derived {
    pub header: Header,
    /// How many records of each part it seals, in the order of the parts given.
    pub taken: Vec<usize>,
}

impl Chain {
    /// The chain before its first block.
    pub fn begin(genesis: &Genesis) -> Chain {
        let registry = Registry::from_genesis(genesis);
        Chain {
            origin: genesis.origin.clone(),
            genesis: genesis.hash(),
            headers: Frontier::default(),
            time_ms: 0,
            next: BTreeMap::new(),
            keys: keys(&registry),
            registry,
        }
    }

    /// Number of headers; the height of the next block.
    pub fn size(&self) -> u64 {
        self.headers.size()
    }

    /// Root of the header log.
    pub fn root(&self) -> Hash {
        self.headers.root()
    }

    /// Header time of the last block, Unix ms; 0 before the first.
    pub fn time_ms(&self) -> u64 {
        self.time_ms
    }

    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Where the next cut of a partition starts, of the topic under this id.
    pub fn next_offset(&self, topic: &TopicName, uuid: TopicUuid, partition: u32) -> u64 {
        self.next.get(&(topic.clone(), uuid, partition)).copied().unwrap_or_default()
    }

    /// The id under which a topic is cut, if it ever was.
    pub fn uuid(&self, topic: &TopicName) -> Option<TopicUuid> {
        self.registry.now().topic(topic).map(|id| id.value)
    }

    /// Whether a topic under this id can be cut now. Of `notices` the first record may change that; others wait.
    pub fn takes(&self, topic: &TopicName, uuid: TopicUuid) -> bool {
        is_notices(topic) || self.uuid(topic).is_none_or(|expected| expected == uuid)
    }

    /// Derives the next block from `parts` (ascending by topic and partition, none empty) and applies its notices to the
    /// registry. Events under an id that is not the topic's after them are not taken. The header is not appended: until it is
    /// committed, a caller that gives up throws this chain away.
    pub fn derive(&mut self, clock_ms: u64, parts: &[Part<'_>]) -> Result<Derived, Fault> {
        let time_ms = self.time_ms.max(clock_ms);
        let (mut room, mut ordinal) = (Room::new(), 0u32);
        let (mut cuts, mut bad, mut taken) = (Vec::new(), Vec::new(), Vec::new());
        let mut notices = false;
        for part in parts {
            // "notices" sorts before "scan-events", so a block's notices are applied before its events are judged.
            if !self.takes(&part.topic, part.uuid) {
                break;
            }
            let topic = part.topic.as_str();
            let mut count = 0;
            for record in part.records {
                if !room.fits(record, topic, count == 0) {
                    break;
                }
                let refused = self.judge(part, time_ms, ordinal, record).err();
                if count == 0 {
                    self.continues(self.size(), &part.topic, part.uuid)?;
                }
                notices |= is_notices(&part.topic) && refused.is_none();
                room.take(record, topic, count == 0, refused.is_some());
                bad.extend(refused.map(|refused| Bad {
                    topic: part.topic.clone(),
                    partition: part.partition,
                    ordinal,
                    reason: refused.word(),
                }));
                ordinal += 1;
                count += 1;
            }
            cuts.extend(self.cut(part, &part.records[..count]));
            taken.push(count);
            if count < part.records.len() {
                break; // Full. What comes later in the order waits, so that notices never wait for events.
            }
        }
        taken.resize(parts.len(), 0);
        if notices {
            self.keys = keys(&self.registry);
        }
        let (origin, height, log_root, keys) = (self.origin.clone(), self.size(), self.log_root(), self.keys);
        let header = Header { origin, height, log_root, time_ms, keys, cuts, bad };
        header.check().map_err(|source| Fault::Format { height, source })?;
        Ok(Derived { header, taken })
    }

    /// Judges one record at its position, and applies it if it brings notices.
    fn judge(&mut self, part: &Part<'_>, time_ms: u64, ordinal: u32, record: &Inspected) -> Result<(), Refused> {
        let submission = record.opened.as_ref().map_err(Clone::clone)?;
        if is_notices(&part.topic) {
            self.registry
                .signers(&submission.party, &submission.public_keys)
                .map_err(|refusal| Refused { reason: reason::UNKNOWN_KEY, detail: refusal.to_string() })?;
            check_time(submission.time_ms, time_ms)?;
            stands_in_its_topic(part, record)?;
            self.apply(time_ms, ordinal, submission, record);
            return Ok(());
        }
        let now = self.registry.now();
        if let Some(key) = submission.public_keys.iter().find(|key| !now.key_valid(&submission.party, key)) {
            let detail = format!("{key} is not a valid key of {}", submission.party);
            return Err(Refused { reason: reason::UNKNOWN_KEY, detail });
        }
        check_time(submission.time_ms, time_ms)
    }

    fn apply(&mut self, time_ms: u64, ordinal: u32, submission: &Submission, record: &Inspected) {
        let notices = record.notices.iter().map(|(index, bytes)| (*index, bytes.as_slice()));
        self.registry.apply_submission(self.size(), time_ms, ordinal, submission, notices);
    }

    fn cut(&self, part: &Part<'_>, records: &[Inspected]) -> Option<Cut> {
        let last = records.last()?;
        Some(Cut {
            topic: part.topic.clone(),
            uuid: part.uuid,
            partition: part.partition,
            from: self.next_offset(&part.topic, part.uuid, part.partition),
            to: last.offset + 1,
            records: u32::try_from(records.len()).unwrap_or(u32::MAX),
            root: merkle::root(records.iter().map(|record| record.leaf)),
        })
    }

    /// A topic is cut under its id and no other.
    fn continues(&self, height: u64, topic: &TopicName, uuid: TopicUuid) -> Result<(), Fault> {
        let expected = self.uuid(topic).unwrap_or(uuid);
        differs(height, &format!("uuid of {topic}"), &uuid, &expected)
    }

    /// What stands in the next header as the root before it.
    fn log_root(&self) -> Hash {
        if self.size() == 0 { self.genesis } else { self.headers.root() }
    }

    /// Appends a block of which only the notices are at hand (each with its ordinal): applies those that the header does
    /// not name bad, and compares everything that does not need the events.
    pub fn follow(&mut self, header: &Header, notices: &[(u32, Inspected)]) -> Result<(), Fault> {
        for (cut, ordinals) in header.cuts_with_ordinals().filter(|(cut, _)| is_notices(&cut.topic)) {
            let sealed = notices.iter().filter(|(ordinal, _)| ordinals.contains(ordinal));
            let root = merkle::root(sealed.map(|(_, record)| record.leaf));
            differs(header.height, &format!("root of the cut {}/{}", cut.topic, cut.partition), &cut.root, &root)?;
        }
        for (ordinal, record) in notices {
            match &record.opened {
                _ if header.bad_reason(*ordinal).is_some() => {}
                Ok(submission) => self.apply(header.time_ms, *ordinal, submission, record),
                Err(refused) => differs(header.height, &format!("record {ordinal}"), "not named bad", refused)?,
            }
            if let Some((cut, 0)) = header.locate(*ordinal) {
                self.continues(header.height, &cut.topic, cut.uuid)?;
            }
        }
        if !notices.is_empty() {
            self.keys = keys(&self.registry);
        }
        differs(header.height, "keys", &show(header.keys), &show(self.keys))?;
        self.append(header)
    }

    /// Appends a header, after comparing what it says of the chain before it.
    pub fn append(&mut self, header: &Header) -> Result<(), Fault> {
        let height = header.height;
        if height != self.size() {
            return Err(Fault::Height { height, expected: self.size() });
        }
        header.check().map_err(|source| Fault::Format { height, source })?;
        differs(height, "origin", &header.origin, &self.origin)?;
        differs(height, "root of the headers before it", &header.log_root, &self.log_root())?;
        if header.time_ms < self.time_ms {
            return differs(height, "time", &header.time_ms, &format!("at least {}", self.time_ms));
        }
        for cut in &header.cuts {
            let (topic, partition) = (&cut.topic, cut.partition);
            self.continues(height, topic, cut.uuid)?;
            let next = self.next_offset(topic, cut.uuid, partition);
            differs(height, &format!("start of the cut {topic}/{partition}"), &cut.from, &next)?;
        }
        for cut in &header.cuts {
            self.next.insert((cut.topic.clone(), cut.uuid, cut.partition), cut.to);
        }
        self.registry.seal(header);
        self.time_ms = header.time_ms;
        self.headers.push(header.leaf());
        Ok(())
    }
}

/// A gap in `notices` tells of the topic in which it stands: elsewhere it would take the place of its own record away.
fn stands_in_its_topic(part: &Part<'_>, record: &Inspected) -> Result<(), Refused> {
    let mut gaps = record.notices.iter().filter_map(|(_, bytes)| match Notice::parse(bytes) {
        Ok(Notice::Gap(gap)) => Some(gap),
        _ => None,
    });
    match gaps.find(|gap| gap.topic == part.topic && gap.new != part.uuid) {
        Some(gap) => {
            let detail = format!("a gap to the id {} of {} stands under {}", gap.new, gap.topic, part.uuid);
            Err(Refused { reason: reason::GAP, detail })
        }
        None => Ok(()),
    }
}

/// Derives the roots of a header's cuts once more, from the raw bytes of the records, and compares.
pub fn confirm(header: &Header, parts: &[Part<'_>]) -> Result<(), Fault> {
    for cut in &header.cuts {
        let part = parts.iter().find(|part| part.topic == cut.topic && part.partition == cut.partition);
        let records = part.map(|part| part.records).unwrap_or_default().iter().take(cut.records as usize);
        let root = merkle::root(records.map(|record| leaf_of(&record.value)));
        differs(header.height, &format!("root of the cut {}/{}", cut.topic, cut.partition), &cut.root, &root)?;
    }
    Ok(())
}

fn is_notices(topic: &TopicName) -> bool {
    SubmissionKind::of_topic(topic.as_str()) == Some(SubmissionKind::Notices)
}

fn keys(registry: &Registry) -> (u64, Hash) {
    KeySet::new(registry.now().key_entries()).count_and_root()
}

pub(crate) fn show((count, root): (u64, Hash)) -> String {
    format!("{count} {root}")
}

fn differs(
    height: u64,
    what: &str,
    found: &(impl ToString + ?Sized),
    expected: &(impl ToString + ?Sized),
) -> Result<(), Fault> {
    let (found, expected) = (found.to_string(), expected.to_string());
    match found == expected {
        true => Ok(()),
        false => Err(Fault::Differs { height, what: what.to_owned(), found, expected }),
    }
}
