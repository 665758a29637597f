//! The promise of a witness where writing fails, in both ways: not done, and done but reported as failed.
#![allow(clippy::unwrap_used)]

mod common;

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};

use common::*;
use medtrace_ledger::{ForeignCheckpoint, Hash};
use medtrace_witness::alarms::ALARMS_MAX;
use medtrace_witness::folder::{Folder, FolderError, Replace, replace};
use medtrace_witness::{Alarm, Alarms, Cosigner, Finding, Refusal};
use proptest::prelude::*;

/// What the next write does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Write {
    Done,
    NotDone,
    DoneButFailed,
}

/// A disk that does as it is told.
#[derive(Clone, Default)]
struct Disk(Arc<AtomicU8>);

impl Disk {
    fn will(&self, write: Write) {
        self.0.store(write as u8, Ordering::Relaxed);
    }

    fn replace(&self) -> Replace {
        let next = self.0.clone();
        // Not synced: no machine fails here, and it takes most of the time.
        Arc::new(move |path: &Path, bytes: &[u8]| match next.load(Ordering::Relaxed) {
            0 => std::fs::write(path, bytes),
            1 => Err(io::Error::other("the disk is full")),
            _ => std::fs::write(path, bytes).and(Err(io::Error::other("the folder could not be synced"))),
        })
    }
}

fn open(scratch: &Scratch, disk: &Disk) -> Cosigner {
    let folder = Folder::open(scratch.path(), disk.replace()).unwrap();
    Cosigner::open(Arc::new(folder), logs(), &[signer(WITNESS)]).unwrap()
}

fn ask(witness: &Cosigner, log: &Log, old: u64, size: u64) -> Result<(), Refusal> {
    let asked = log.ask(old, size);
    let signed = witness.read(&asked.note)?;
    witness.cosign(&signed, &asked, 1_772_400_000).map(|_| ())
}

fn latest(witness: &Cosigner) -> (u64, Hash) {
    let latest = witness.latest(ORIGIN).unwrap();
    if let Some(note) = &latest.note {
        let note = ForeignCheckpoint::parse(note).unwrap();
        assert_eq!((note.size(), note.root()), (latest.size, latest.root));
    }
    (latest.size, latest.root)
}

#[test]
fn a_write_that_fails_cosigns_nothing_and_the_next_one_goes_on() {
    let (one, two) = (Log::new(ORIGIN, 20, 5, "one"), Log::new(ORIGIN, 20, 5, "two"));
    for failure in [Write::NotDone, Write::DoneButFailed] {
        for restarted in [false, true] {
            let (scratch, disk) = (Scratch::new(), Disk::default());
            let mut witness = open(&scratch, &disk);
            ask(&witness, &one, 0, 5).unwrap();
            disk.will(failure);
            assert!(matches!(ask(&witness, &one, 5, 9), Err(Refusal::NotDurable(_))), "{failure:?}");
            assert_eq!(latest(&witness), (5, one.root(5)), "nothing has changed in memory");
            disk.will(Write::Done);
            if restarted {
                drop(witness);
                witness = open(&scratch, &disk);
            }
            let kept = restarted && failure == Write::DoneButFailed;
            assert_eq!(latest(&witness).0, if kept { 9 } else { 5 }, "{failure:?} {restarted}");
            // What nobody was told of binds only once it is told.
            let other = ask(&witness, &two, 5, 9);
            match kept {
                true => assert!(matches!(other, Err(Refusal::Stale { latest: 9 }))),
                false => other.unwrap(),
            }
            let held = if kept { &one } else { &two };
            drop(witness);
            let witness = open(&scratch, &disk);
            assert_eq!(latest(&witness), (9, held.root(9)));
            ask(&witness, held, 9, 20).unwrap();
        }
    }
}

#[test]
fn a_folder_has_one_process_and_holds_only_what_this_witness_wrote() {
    let (scratch, disk) = (Scratch::new(), Disk::default());
    let log = Log::new(ORIGIN, 20, 0, "");
    let witness = open(&scratch, &disk);
    ask(&witness, &log, 0, 5).unwrap();
    let second = Folder::open(scratch.path(), replace());
    assert!(matches!(second, Err(FolderError::Io { doing: "lock", .. })), "{second:?}");
    drop(witness);

    let file = std::fs::read_dir(scratch.path().join("logs")).unwrap().next().unwrap().unwrap().path();
    let whole = std::fs::read(&file).unwrap();
    // A write that was cut off does no harm; a file that was changed is not believed, whichever byte it was.
    std::fs::write(format!("{}.new", file.display()), &whole[..20]).unwrap();
    let opened = || {
        let folder = Folder::open(scratch.path(), replace()).unwrap();
        Cosigner::open(Arc::new(folder), logs(), &[signer(WITNESS)])
    };
    for at in 0..whole.len() {
        let mut spoiled = whole.clone();
        spoiled[at] ^= 1;
        std::fs::write(&file, &spoiled).unwrap();
        // The log's own line is not asked again: its key may have been rotated since.
        if let Ok(witness) = opened() {
            assert_eq!(latest(&witness), (5, log.root(5)), "byte {at}");
        }
    }
    std::fs::write(&file, b"").unwrap();
    assert!(matches!(opened(), Err(FolderError::Broken { .. })));
    std::fs::write(&file, &whole).unwrap();
    opened().unwrap();
    // Another witness's folder.
    let folder = Folder::open(scratch.path(), replace()).unwrap();
    let other = Cosigner::open(Arc::new(folder), logs(), &[signer("somebody.example")]);
    assert!(matches!(other, Err(FolderError::Broken { .. })));
}

#[test]
fn an_alarm_holds_although_it_cannot_be_written_and_is_written_later() {
    let (scratch, disk) = (Scratch::new(), Disk::default());
    let open = || Alarms::open(Arc::new(Folder::open(scratch.path(), disk.replace()).unwrap()), genesis()).unwrap();
    let finding = Finding::Unreadable { size: 3, what: "no header".to_owned() };
    let alarm = Alarm { origin: ORIGIN.to_owned(), time_ms: 1, finding };
    for failure in [Write::NotDone, Write::DoneButFailed] {
        let alarms = open();
        disk.will(failure);
        alarms.raise(alarm.clone());
        alarms.raise(Alarm { time_ms: 2, ..alarm.clone() });
        assert_eq!((alarms.all(), alarms.refuses(ORIGIN), alarms.refuses(OTHER)), (vec![alarm.clone()], true, false));
        disk.will(Write::Done);
        alarms.keep();
        drop(alarms);
        let alarms = open();
        assert_eq!((alarms.all(), alarms.refuses(ORIGIN)), (vec![alarm.clone()], true));
    }
}

#[test]
fn alarms_of_one_kind_do_not_crowd_out_another() {
    let (scratch, disk) = (Scratch::new(), Disk::default());
    let alarms = Alarms::open(Arc::new(Folder::open(scratch.path(), disk.replace()).unwrap()), genesis()).unwrap();
    let raise = |origin: &str, finding| alarms.raise(Alarm { origin: origin.to_owned(), time_ms: 1, finding });
    for offset in 0..100 {
        raise(ORIGIN, Finding::Unsigned { offset, what: "nonsense".to_owned() });
    }
    assert_eq!(alarms.count(), ALARMS_MAX);
    for origin in [ORIGIN, OTHER] {
        raise(origin, Finding::Fork { size: 3, notes: ["one".to_owned(), "two".to_owned()] });
    }
    raise(OTHER, Finding::Unsigned { offset: 0, what: "nonsense".to_owned() });
    assert_eq!(alarms.count(), ALARMS_MAX + 3);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    /// Whatever is asked, however writes end and whenever the process is started again: the heads that were cosigned are
    /// those of one history, and none goes back.
    #[test]
    fn one_history_is_cosigned(steps in proptest::collection::vec((0..3_usize, 0..12_u64, 0..12_u64, 0..8_u8, any::<bool>()), 1..40)) {
        let histories = ["a", "b", "c"].map(|history| Log::new(ORIGIN, 12, 3, history));
        let (scratch, disk) = (Scratch::new(), Disk::default());
        let mut witness = open(&scratch, &disk);
        let cosigned = Mutex::new(Vec::new());
        for (history, old, size, write, restart) in steps {
            if restart {
                drop(witness);
                witness = open(&scratch, &disk);
            }
            disk.will(match write { 0 => Write::NotDone, 1 => Write::DoneButFailed, _ => Write::Done });
            // Mostly clients that know the latest size.
            let old = if old < 4 { old } else { latest(&witness).0 };
            if ask(&witness, &histories[history], old, size).is_ok() {
                cosigned.lock().unwrap().push((size, histories[history].root(size)));
            }
            disk.will(Write::Done);
        }
        let cosigned = cosigned.into_inner().unwrap();
        prop_assert!(cosigned.is_sorted_by_key(|(size, _)| *size));
        let of_one = |log: &Log| cosigned.iter().all(|(size, root)| log.root(*size) == *root);
        prop_assert!(histories.iter().any(of_one), "{cosigned:?}");
    }
}
