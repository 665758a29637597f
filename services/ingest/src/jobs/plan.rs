//! A document to its submissions: every event judged, the good ones packed in order, each submission led by the
//! document's own item. The memory it takes does not grow with the document, but for 8 bytes an event.
//!
//! ```text
//! body ──judge each──▶ items ──pack by their sizes, seal each run──▶ records
//! ```

use std::io;

use medtrace_event::{Fault, Json};
use medtrace_ledger::{SigningKey, submission::SubmissionKind};
use medtrace_service::Problem;

use super::document::{Captured, Unreadable, problem};
use super::items::{self, ItemSize};
use super::{Behaviour, Job, records, spool::Spool};
use crate::{
    admit::{Part, Speaker, document_item, item},
    refused::{Refused, VIOLATIONS_MAX},
    seal::{Consortium, SealError, Size, seal},
};

/// Parts and events that the item of a part is taken to name at least, when the room that it needs is reckoned: what it
/// was when a document had at most so many, so that documents are cut now as they were then.
const COUNT_MIN: usize = 20_000;

/// What a document became.
#[derive(Default)]
pub(super) struct Plan {
    /// Submissions that are written; none if nothing is to be published.
    pub records: usize,
    pub events: usize,
    /// Events that were refused.
    pub refused: usize,
    /// One problem for each refused event, at most [`VIOLATIONS_MAX`].
    pub errors: Vec<Problem>,
}

/// Why a document could not be planned, through no fault of its own.
#[derive(Debug, thiserror::Error)]
pub(super) enum PlanError {
    #[error(transparent)]
    Disk(#[from] io::Error),
    #[error(transparent)]
    Seal(#[from] SealError),
}

/// Judges and packs a document; its records are on disk when this returns. The same document gives the same event keys,
/// whenever it is planned.
pub(super) fn plan(
    job: &Job,
    spool: &Spool,
    consortium: &Consortium,
    speaker: Speaker<'_>,
    key: &SigningKey,
) -> Result<Plan, PlanError> {
    let Judged { header, count, sizes, refused, errors } = match judge(job, spool, speaker) {
        Ok(judged) => judged,
        Err(Unreadable::Disk(error)) => return Err(error.into()),
        Err(Unreadable::Faults(faults)) => return Ok(Plan { errors: vec![problem(&faults)], ..Plan::default() }),
    };
    if sizes.is_empty() || (job.behaviour == Behaviour::Rollback && refused > 0) {
        return Ok(Plan { refused, errors, ..Plan::default() });
    }
    let who = job.who();
    let part = |part, parts, items| Part {
        header: &header,
        media_type: &job.media_type,
        sha256: job.sha256,
        count,
        part,
        parts,
        items,
        who: &who,
    };
    // The longest that the item of each part can be.
    let most = count.max(COUNT_MIN);
    let leads = [0, most].map(|n| document_item(&part(n, most, Size::MAX.items)));
    let [first, later] = match leads {
        [Ok(first), Ok(later)] => [first.size(), later.size()],
        [Err(fault), _] | [_, Err(fault)] => return Ok(Plan { errors: vec![problem(&[fault])], ..Plan::default() }),
    };
    let runs = pack(&sizes, first, later);
    let mut items = items::Reader::open(&spool.items(&job.id))?;
    let mut records = records::Writer::create(&spool.records(&job.id))?;
    for (index, events) in runs.iter().enumerate() {
        let lead = match document_item(&part(index, runs.len(), *events)) {
            Ok(lead) => lead,
            Err(fault) => return Ok(Plan { errors: vec![problem(&[fault])], ..Plan::default() }),
        };
        let events = items.take(*events)?;
        let bodies = std::iter::once(&lead).chain(&events);
        records.add(&seal(consortium, SubmissionKind::Events, speaker.party, key, speaker.now_ms, bodies)?)?;
    }
    records.finish()?;
    Ok(Plan { records: runs.len(), events: sizes.len(), refused, errors })
}

struct Judged {
    header: Json,
    /// Events of the document.
    count: usize,
    /// Of the good ones, in order; their bytes are in the items file.
    sizes: Vec<ItemSize>,
    refused: usize,
    errors: Vec<Problem>,
}

fn judge(job: &Job, spool: &Spool, speaker: Speaker<'_>) -> Result<Judged, Unreadable> {
    let mut document = Captured::open(&spool.body(&job.id), &job.media_type)?;
    let mut items = items::Writer::create(&spool.items(&job.id))?;
    let (mut count, mut refusals, mut errors) = (0, 0, Vec::new());
    while let Some(event) = document.next()? {
        count += 1;
        let mut of_document = Refused::default();
        match event {
            Ok(event) => {
                let mut refused = Refused::default();
                if let Some(sealed) = speaker.event(event.entry(), "", &mut refused) {
                    // After a refusal nothing of a rollback is needed any more.
                    if refusals == 0 || job.behaviour == Behaviour::Proceed {
                        items.add(&item(&sealed))?;
                    }
                    continue;
                }
                of_document.take(refused, |path| event.located(Fault::new(path, "", "")).path);
            }
            Err(faults) => of_document.faults("", &faults),
        }
        refusals += 1;
        if errors.len() < VIOLATIONS_MAX {
            errors.push(of_document.into_event_problem());
        }
    }
    Ok(Judged { header: document.header(), count, sizes: items.finish()?, refused: refusals, errors })
}

/// Cuts the events, in order, into runs that each fit into a submission beside their leading item: how many each has.
fn pack(items: &[ItemSize], first: Size, later: Size) -> Vec<usize> {
    let mut runs = Vec::new();
    let (mut length, mut size) = (0, first);
    for item in items.iter().copied().map(Size::from) {
        if !size.plus(item).fits() {
            runs.push(length);
            (length, size) = (0, later);
        }
        size = size.plus(item);
        length += 1;
    }
    runs.push(length);
    runs
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn runs_keep_the_order_and_every_limit() {
        let lead = Size { items: 1, bytes: 1_000, identifiers: 0 };
        let size = |bytes, identifiers| ItemSize::new(identifiers, bytes).unwrap();
        let lengths = |items: &[ItemSize]| pack(items, lead, lead);
        assert_eq!(lengths(&vec![size(100, 1); 1_200]), [499, 499, 202]);
        assert_eq!(lengths(&[size(256 * 1024, 1); 7]), [3, 3, 1]);
        assert_eq!(lengths(&[size(10, 9_000); 5]), [2, 2, 1]);
        assert_eq!(lengths(&vec![size(10, 1); 499]), [499]);
        assert_eq!(lengths(&[size(10, 20_000), size(10, 20_000)]), [1, 1]);
        // The first leading item may be longer, as it carries what surrounds the events.
        let long = Size { bytes: 256 * 1024, ..lead };
        assert_eq!(pack(&[size(200_000, 1); 8], long, lead), [3, 4, 1]);
    }
}
