//! Limits of a header, and where a record stands in it.
#![allow(clippy::unwrap_used)]

mod common;

use medtrace_ledger::block::{BLOCK_CUTS_MAX, BLOCK_EVENTS_MAX, HEADER_BYTES_MAX};
use medtrace_ledger::*;

fn cut(partition: u32, records: u32) -> Cut {
    Cut {
        topic: "scan-events".parse().unwrap(),
        uuid: TopicUuid([1; 16]),
        partition,
        from: 10,
        to: 10 + u64::from(records.max(1)),
        records,
        root: Hash::of("root"),
    }
}

fn header(cuts: Vec<Cut>, bad: Vec<Bad>) -> Header {
    let root = Hash::of("root");
    Header {
        origin: common::ORIGIN.parse().unwrap(),
        height: 1,
        log_root: root,
        time_ms: 0,
        keys: (1, root),
        cuts,
        bad,
    }
}

fn bad(partition: u32, ordinal: u32) -> Bad {
    Bad { topic: "scan-events".parse().unwrap(), partition, ordinal, reason: "root".parse().unwrap() }
}

#[test]
fn a_header_has_at_most_512_cuts() {
    let cuts = |n: usize| (0..n as u32).map(|partition| cut(partition, 1)).collect();
    let full = header(cuts(BLOCK_CUTS_MAX), vec![]);
    assert_eq!(full.check(), Ok(()));
    assert_eq!(Header::parse(&full.text()), Ok(full));
    assert!(header(cuts(BLOCK_CUTS_MAX + 1), vec![]).check().is_err());
}

#[test]
fn a_header_has_at_most_65_536_records() {
    assert_eq!(header(vec![cut(0, BLOCK_EVENTS_MAX - 1), cut(1, 1)], vec![]).check(), Ok(()));
    assert!(header(vec![cut(0, BLOCK_EVENTS_MAX), cut(1, 1)], vec![]).check().is_err());
    assert!(header(vec![cut(0, u32::MAX), cut(1, u32::MAX)], vec![]).check().is_err());
}

#[test]
fn a_header_has_at_most_60_000_bytes() {
    let with_bad = |n: u32| header(vec![cut(0, BLOCK_EVENTS_MAX)], (0..n).map(|ordinal| bad(0, ordinal)).collect());
    let fits = (0..).take_while(|n| with_bad(*n).text().len() <= HEADER_BYTES_MAX).last().unwrap();
    assert_eq!(with_bad(fits).check(), Ok(()));
    let over = with_bad(fits + 1);
    assert!(over.check().is_err());
    assert!(Header::parse(&over.text()).is_err());
}

#[test]
fn an_ordinal_runs_over_all_cuts() {
    let header = header(vec![cut(0, 3), cut(1, 0), cut(2, 2)], vec![bad(0, 2), bad(2, 4)]);
    assert_eq!(header.check(), Ok(()));
    let place = |ordinal| header.locate(ordinal).map(|(cut, index)| (cut.partition, index));
    let places: Vec<_> = (0..6).map(place).collect();
    assert_eq!(places, [Some((0, 0)), Some((0, 1)), Some((0, 2)), Some((2, 0)), Some((2, 1)), None]);
    let named: Vec<u32> = (0..6).filter(|ordinal| header.bad_reason(*ordinal).is_some()).collect();
    assert_eq!(named, [2, 4]);
    assert_eq!(header.records(), 5);
}

#[test]
fn a_public_name_gives_ordinal_and_index() {
    let name = EventRef::new(7, 3, 499).unwrap();
    assert_eq!(name.to_string(), "7-2035");
    assert_eq!((name.ordinal(), name.index()), (3, 499));
    assert_eq!(EventRef::new(7, 3, 500), None);
    assert_eq!(EventRef::new(7, BLOCK_EVENTS_MAX, 0), None);
    assert_eq!(EventRef::new(HEIGHT_MAX + 1, 0, 0), None);
}
