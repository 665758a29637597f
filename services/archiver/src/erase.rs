//! Erasures in the archive: which of them take effect, judged on the archive's own bytes.
//!
//! A notice takes effect as the indexer judges it: its replacement gives the same facts as the event, the event is the
//! first with its bytes, and all later ones that the party sealed before the notice are named. Nothing but the archive is
//! needed for that, which is read once for each notice; there are few.

use medtrace_archive::{Archive, ArchiveError, Writer, erasure_at};
use medtrace_event::Event;
use medtrace_ledger::note::Note;
use medtrace_ledger::{EventRef, ItemKind, PartyId, Submission};
use medtrace_log::record::{Record, Unpacked};
use medtrace_log::sealed::{SealedBlock, SealedRecord};
use medtrace_log::topics::{NOTICES, SCAN_EVENTS};
use medtrace_registry::Registry;
use medtrace_registry::notice::Erasure;
use medtrace_timeline::same_facts;

/// An accepted notice, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Due {
    pub erasure: Erasure,
    pub by: EventRef,
}

/// The erasure notices of a block that the registry accepted.
pub(crate) fn due(block: &SealedBlock, registry: &Registry) -> Vec<Due> {
    let mut due = Vec::new();
    for record in good(block, NOTICES) {
        let Some((_, unpacked)) = opened(record) else { continue };
        let positions = (0..unpacked.len()).filter_map(|index| position(block, record, index));
        due.extend(positions.filter_map(|by| {
            let erasure = erasure_at(block, by)?;
            registry.now().is_erased(erasure.event, erasure.event, by).then_some(Due { erasure, by })
        }));
    }
    due
}

/// Takes the bytes of what the notice names out of the archive, if it takes effect; why not otherwise.
pub(crate) async fn erase(
    archive: &Archive,
    writer: &mut Writer,
    due: &Due,
) -> Result<Result<(), String>, ArchiveError> {
    let Due { erasure, by } = due;
    // It was judged before: perhaps not all of it was done.
    let judged = writer.erased_by(erasure.event).await?;
    if judged.is_none()
        && let Err(reason) = judge(archive, erasure, by.height).await?
    {
        return Ok(Err(reason));
    }
    match writer.erase(erasure, *by).await? {
        true => Ok(Ok(())),
        false => Ok(Err(format!("{} is erased already", erasure.event))),
    }
}

async fn judge(archive: &Archive, erasure: &Erasure, before: u64) -> Result<Result<(), String>, ArchiveError> {
    let event = erasure.event;
    let mut blocks = archive.blocks(event.height).await?;
    let Some((party, bytes)) = blocks.next().await?.as_ref().and_then(|block| event_at(block, event)) else {
        return Ok(Err(format!("no event is sealed at {event}")));
    };
    let replacement = erasure.replacement.to_jcs();
    let read = |bytes: &[u8]| medtrace_event::open(bytes, party.as_str()).map(|sealed| sealed.event).ok();
    let same = |one: Option<Event>, other: Option<Event>| one.zip(other).is_some_and(|(a, b)| same_facts(&a, &b));
    if !same(read(&bytes), read(&replacement)) {
        return Ok(Err("the replacement gives other facts than the event".to_owned()));
    }
    let mut found = Vec::new();
    let mut blocks = archive.blocks(0).await?;
    while let Some(block) = blocks.next().await?.filter(|block| block.header.height < before) {
        for record in good(&block, SCAN_EVENTS) {
            let Some((_, unpacked)) = opened(record).filter(|(submission, _)| submission.party == party) else {
                continue;
            };
            let same = |index: &usize| {
                unpacked.item(*index).is_some_and(|item| item.kind == ItemKind::Event && item.bytes == bytes)
            };
            found.extend((0..unpacked.len()).filter(same).filter_map(|index| position(&block, record, index)));
        }
    }
    match erasure.items().eq(found.iter().copied()) {
        true => Ok(Ok(())),
        false => {
            let found: Vec<String> = found.iter().map(ToString::to_string).collect();
            Ok(Err(format!("the bytes of {event} are sealed at {found:?}; all are named, the first as the event")))
        }
    }
}

/// Party and bytes of a sound event.
fn event_at(block: &SealedBlock, event: EventRef) -> Option<(PartyId, Vec<u8>)> {
    let record = good(block, SCAN_EVENTS).find(|record| record.ordinal == event.ordinal())?;
    let (submission, unpacked) = opened(record)?;
    let item = unpacked.item(event.index() as usize).filter(|item| item.kind == ItemKind::Event)?;
    Some((submission.party, item.bytes.to_vec()))
}

fn good<'a>(block: &'a SealedBlock, topic: &'a str) -> impl Iterator<Item = &'a SealedRecord> {
    block.records.iter().filter(move |record| record.topic == topic && record.bad.is_none())
}

fn opened(record: &SealedRecord) -> Option<(Submission, Unpacked)> {
    let unpacked = Record::decode(&record.value).ok()?;
    let note = Note::parse(&unpacked.record.note).ok()?;
    Some((Submission::parse(note.text()).ok()?, unpacked))
}

fn position(block: &SealedBlock, record: &SealedRecord, index: usize) -> Option<EventRef> {
    EventRef::new(block.header.height, record.ordinal, index as u32)
}
