//! The pure core: what makes a record bad, what a block takes, and that every way through the chain gives the same one.

#![allow(clippy::unwrap_used)]

mod world;

use medtrace_chainer::chain::{Chain, Fault, Part, confirm};
use medtrace_chainer::inspect::{Inspected, inspect};
use medtrace_ledger::block::{BLOCK_BYTES_MAX, BLOCK_EVENTS_MAX, Cut, HEADER_BYTES_MAX, Header};
use medtrace_ledger::submission::{AGE_MS_MAX, AHEAD_MS_MAX, submission_leaf, undecodable_leaf};
use medtrace_ledger::{Genesis, ItemKind, Origin, SubmissionKind, merkle};
use medtrace_log::frame::{self, Body};
use medtrace_log::record::Record;
use medtrace_log::topics::{NOTICES, SCAN_EVENTS};
use proptest::prelude::*;
use world::*;

/// Parts of `notices/0` and of the first partitions of `scan-events`, without empty ones.
fn parts<'a>(notices: &'a [Inspected], events: &'a [Vec<Inspected>]) -> Vec<Part<'a>> {
    let part =
        |topic: &str, partition, records| Part { topic: topic.parse().unwrap(), uuid: uuid(topic), partition, records };
    let events = (0u32..).zip(events).map(|(partition, records)| part(SCAN_EVENTS, partition, &records[..]));
    std::iter::once(part(NOTICES, 0, notices)).chain(events).filter(|part| !part.records.is_empty()).collect()
}

/// As [`parts`], of topics under ids made from these names.
fn parts_under<'a>(ids: [&str; 2], notices: &'a [Inspected], events: &'a [Vec<Inspected>]) -> Vec<Part<'a>> {
    let id = |part: &Part<'_>| uuid(ids[usize::from(part.topic.as_str() == SCAN_EVENTS)]);
    parts(notices, events).into_iter().map(|part| Part { uuid: id(&part), ..part }).collect()
}

/// Seals one block of everything given.
fn seal(chain: &mut Chain, clock_ms: u64, notices: &[Inspected], events: &[Vec<Inspected>]) -> Header {
    let parts = parts(notices, events);
    let derived = chain.derive(clock_ms, &parts).unwrap();
    assert_eq!(derived.taken, parts.iter().map(|part| part.records.len()).collect::<Vec<_>>());
    confirm(&derived.header, &parts).unwrap();
    assert_eq!(Header::parse(&derived.header.text()).unwrap(), derived.header);
    chain.append(&derived.header).unwrap();
    derived.header
}

/// A chain in which `acme` has been admitted.
fn with_acme() -> Chain {
    let mut chain = Chain::begin(&genesis());
    let header = seal(&mut chain, NOW_MS, &[admission("acme").inspected(0)], &[]);
    assert_eq!((header.height, header.keys.0, header.bad.len()), (0, 2, 0));
    assert_eq!(header.log_root, genesis().hash(), "block 0 stands on the genesis");
    chain
}

/// Seals one record of `scan-events` and gives the reason in its bad line.
fn reason(chain: &Chain, clock_ms: u64, kind: SubmissionKind, value: Vec<u8>) -> Option<String> {
    let record = inspect(kind, &consortium(), 7, value);
    let leaf = record.leaf;
    let mut chain = chain.clone();
    let topic = kind.topic();
    let records = [record];
    let part = Part { topic: topic.parse().unwrap(), uuid: uuid(topic), partition: 0, records: &records };
    let header = chain.derive(clock_ms, &[part]).unwrap().header;
    // Bad or not, it is sealed.
    assert_eq!((header.cuts[0].records, header.cuts[0].to, header.cuts[0].root), (1, 8, merkle::root([leaf])));
    header.bad.first().map(|bad| bad.reason.to_string())
}

/// The frame of a record whose first item has lost its bytes.
fn without_bytes(record: &Record) -> Vec<u8> {
    let unpacked = record.clone().unpack().unwrap();
    let first = Body::Erased(unpacked.leaves()[0].hash);
    frame::pack(std::iter::once(first).chain(unpacked.bodies.iter().skip(1))).unwrap()
}

#[test]
fn what_does_not_verify_is_named_with_its_reason() {
    let chain = with_acme();
    let good = || Draft::events("acme", [event(1), event(2)]);
    let other_genesis = Genesis { time_ms: 1, ..genesis() };
    let other_origin = Genesis { origin: "other.example/log".parse::<Origin>().unwrap(), ..genesis() };
    let with = |change: &dyn Fn(&mut Record)| {
        let mut record = good().record();
        change(&mut record);
        record.encode().unwrap()
    };
    let items_of = |draft: &Draft| draft.record();
    let one_item = items_of(&Draft::events("acme", [event(1)]));
    let other_items = items_of(&Draft::events("acme", [event(1), event(3)]));
    let signed_twice = {
        let note = good().note();
        let second = Draft { keys: vec!["mallory".into()], ..good() }.note();
        let line = second.lines().last().unwrap();
        format!("{note}{line}\n")
    };
    let other_signature = {
        let (note, later) = (good().note(), good().at(NOW_MS + 1).note());
        let text = note.rsplit_once("\n\n").unwrap().0;
        format!("{text}\n\n{}", later.rsplit_once("\n\n").unwrap().1)
    };
    let events = SubmissionKind::Events;
    let table: Vec<(&str, SubmissionKind, Vec<u8>, Option<&str>)> = vec![
        ("a sound submission", events, good().value(), None),
        ("at the edge of time: old", events, good().at(NOW_MS - AGE_MS_MAX).value(), None),
        ("at the edge of time: ahead", events, good().at(NOW_MS + AHEAD_MS_MAX).value(), None),
        ("no bytes", events, vec![], Some("undecodable")),
        ("JSON", events, event(1).into_bytes(), Some("undecodable")),
        ("a byte more", events, [good().value(), vec![0]].concat(), Some("undecodable")),
        ("a note that is none", events, with(&|r| r.note = "hello\n".into()), Some("undecodable")),
        (
            "a text that is none",
            events,
            with(&|r| r.note = r.note.replacen("events", "evidence", 1)),
            Some("undecodable"),
        ),
        ("another consortium", events, Draft { genesis: other_origin, ..good() }.value(), Some("wrong-origin")),
        ("one of the same name", events, Draft { genesis: other_genesis, ..good() }.value(), Some("wrong-genesis")),
        ("a notice among events", events, admission("zeta").value(), Some("wrong-kind")),
        ("events among notices", SubmissionKind::Notices, good().value(), Some("wrong-kind")),
        (
            "a notice item in a submission of events",
            events,
            Draft { items: vec![(ItemKind::Notice, b"{}".to_vec())], ..good() }.value(),
            Some("wrong-kind"),
        ),
        ("nobody's key", events, Draft::events("mallory", [event(1)]).value(), Some("unknown-key")),
        ("another party's key", events, Draft { keys: vec![AUTHORITY.into()], ..good() }.value(), Some("unknown-key")),
        (
            "a notice by a stranger",
            SubmissionKind::Notices,
            Draft { party: "mallory".into(), keys: vec!["mallory".into()], ..admission("mallory") }.value(),
            Some("unknown-key"),
        ),
        ("two signature lines", events, with(&|r| r.note = signed_twice.clone()), Some("signature-lines")),
        ("a signature of other bytes", events, with(&|r| r.note = other_signature.clone()), Some("bad-signature")),
        (
            "fewer items than declared",
            events,
            with(&|r| (r.salts, r.bodies) = (one_item.salts.clone(), one_item.bodies.clone())),
            Some("count"),
        ),
        ("an item exchanged", events, with(&|r| r.bodies = other_items.bodies.clone()), Some("root")),
        ("a salt exchanged", events, with(&|r| r.salts.swap(0, 1)), Some("root")),
        (
            "an item as its leaf alone, though the root is right",
            events,
            with(&|r| r.bodies = without_bytes(r)),
            Some("erased"),
        ),
        ("a week and a moment old", events, good().at(NOW_MS - AGE_MS_MAX - 1).value(), Some("time")),
        ("five minutes and a moment ahead", events, good().at(NOW_MS + AHEAD_MS_MAX + 1).value(), Some("time")),
        (
            "a notice a week and a moment old",
            SubmissionKind::Notices,
            admission("zeta").at(NOW_MS - AGE_MS_MAX - 1).value(),
            Some("time"),
        ),
        (
            "an item of 256 KiB and a byte",
            events,
            Draft::events("acme", [" ".repeat(262_145)]).value(),
            Some("too-large"),
        ),
    ];
    for (what, kind, value, wanted) in table {
        assert_eq!(reason(&chain, NOW_MS, kind, value).as_deref(), wanted, "{what}");
    }
}

#[test]
fn a_leaf_is_the_notes_or_the_whole_value_where_there_is_none() {
    let good = Draft::events("acme", [event(1)]);
    assert_eq!(good.inspected(0).leaf, submission_leaf(&good.note()));
    let value = b"not a record".to_vec();
    let bad = inspect(SubmissionKind::Events, &consortium(), 0, value.clone());
    assert_eq!((bad.leaf, bad.weight), (undecodable_leaf(&value), 1));
}

#[test]
fn a_blocks_notices_come_before_its_events() {
    let mut chain = with_acme();
    let events =
        |first, key: &str| vec![Draft { keys: vec![key.into()], ..Draft::events("acme", [event(1)]) }.inspected(first)];
    // Enrolled in this very block, by a notice in another topic: good. Its root and number stand in the header.
    let header = seal(&mut chain, NOW_MS, &[enrolment("acme", "acme-2").inspected(1)], &[events(0, "acme-2")]);
    assert_eq!((header.bad.len(), header.keys.0), (0, 3));
    // Revoked in this very block: bad.
    let header = seal(&mut chain, NOW_MS, &[revocation("acme", "acme-2").inspected(2)], &[events(1, "acme-2")]);
    let bad: Vec<_> = header.bad.iter().map(|bad| (bad.topic.as_str(), bad.ordinal, bad.reason.as_str())).collect();
    assert_eq!((bad, header.keys.0), (vec![(SCAN_EVENTS, 1, "unknown-key")], 2));
    // Without a notice the keys stay what they were, and time never goes back.
    let next = seal(&mut chain, NOW_MS - 5_000, &[], &[events(2, "acme")]);
    assert_eq!((next.keys, next.time_ms, next.bad.len()), (header.keys, NOW_MS, 0));
}

#[test]
fn a_block_takes_what_its_limits_take_and_the_rest_waits() {
    let chain = with_acme();
    let sound = Draft::events("acme", (0..500).map(event)).inspected(0);
    let many = |count: u64, record: &Inspected| -> Vec<Inspected> {
        (0..count).map(|offset| Inspected { offset, ..record.clone() }).collect()
    };
    let take = |events: &[Vec<Inspected>]| {
        let mut chain = chain.clone();
        let derived = chain.derive(NOW_MS, &parts(&[], events)).unwrap();
        assert!(derived.header.text().len() <= HEADER_BYTES_MAX);
        chain.append(&derived.header).unwrap();
        derived
    };
    // Events: 131 submissions of 500 are within 65,536, 132 are not. The second partition waits then.
    let derived = take(&[many(140, &sound), many(1, &sound)]);
    assert_eq!(derived.taken, [131, 0]);
    assert_eq!(
        derived.header.cuts.iter().map(|cut| (cut.from, cut.to, cut.records)).collect::<Vec<_>>(),
        [(0, 131, 131)]
    );
    assert_eq!(BLOCK_EVENTS_MAX / 500, 131);
    // Bytes, counted as they are unpacked, however small they stand in the log.
    let blank = inspect(SubmissionKind::Events, &consortium(), 0, Draft::events("acme", [" ".repeat(200_000)]).value());
    assert!(blank.value.len() < 1_000 && (200_000..201_000).contains(&blank.bytes), "{}", blank.bytes);
    assert_eq!(take(&[many(200, &blank)]).taken, [BLOCK_BYTES_MAX / blank.bytes]);
    // Bad lines: the header stays within its size.
    let bad = inspect(SubmissionKind::Events, &consortium(), 0, b"?".to_vec());
    let derived = take(&[many(5_000, &bad)]);
    assert_eq!(derived.header.bad.len(), derived.taken[0]);
    assert!((500..2_000).contains(&derived.taken[0]), "{}", derived.taken[0]);
}

#[test]
fn a_header_that_does_not_follow_is_refused() {
    let mut chain = with_acme();
    let before = chain.clone();
    let records = vec![Draft::events("acme", [event(1)]).inspected(0)];
    let header = seal(&mut chain, NOW_MS, &[], &[records]);
    type Change<'a> = (&'a str, &'a dyn Fn(&mut Header));
    let changes: [Change<'_>; 7] = [
        ("height", &|h| h.height += 1),
        ("origin", &|h| h.origin = "other.example/log".parse().unwrap()),
        ("root", &|h| h.log_root.0[0] ^= 1),
        ("time", &|h| h.time_ms = NOW_MS - 1),
        ("a gap", &|h| h.cuts[0].from = 0),
        ("another topic", &|h| h.cuts[0].uuid = uuid("made anew")),
        ("limits", &|h| h.cuts[0].records = 70_000),
    ];
    let mut chain = chain.clone();
    let next = vec![Draft::events("acme", [event(2)]).inspected(1)];
    let good = chain.derive(NOW_MS, &parts(&[], &[next])).unwrap().header;
    for (what, change) in changes {
        let mut header = good.clone();
        change(&mut header);
        assert!(chain.clone().append(&header).is_err(), "{what}");
    }
    assert!(chain.append(&good).is_ok());
    // What is followed without its events is held against the keys.
    let mut header = header;
    header.keys.0 += 1;
    assert!(before.clone().follow(&header, &[]).is_err());
    // Notices are held against their root, and those that are not named bad must be sound.
    let notices = [enrolment("acme", "acme-2").inspected(1)];
    let header = before.clone().derive(NOW_MS, &parts(&notices, &[])).unwrap().header;
    let other = [(0, enrolment("acme", "acme-3").inspected(1))];
    let garbage = [(0, inspect(SubmissionKind::Notices, &consortium(), 1, b"?".to_vec()))];
    assert!(before.clone().follow(&header, &other).is_err());
    assert!(before.clone().follow(&header, &[]).is_err());
    let unnamed = Header {
        cuts: vec![Cut { root: merkle::root([garbage[0].1.leaf]), ..header.cuts[0].clone() }],
        ..header.clone()
    };
    assert!(before.clone().follow(&unnamed, &garbage).unwrap_err().to_string().contains("not named bad"));
    assert!(before.clone().follow(&header, &[(0, notices[0].clone())]).is_ok());
}

#[test]
fn roots_are_derived_again_from_the_bytes() {
    let chain = with_acme();
    let mut records =
        vec![Draft::events("acme", [event(1)]).inspected(0), Draft::events("acme", [event(2)]).inspected(1)];
    let header = chain.clone().derive(NOW_MS, &parts(&[], &[records.clone()])).unwrap().header;
    assert!(confirm(&header, &parts(&[], &[records.clone()])).is_ok());
    // A bit of the note or of the bodies that flipped in memory between the two derivations.
    for at in [20, records[1].value.len() - 1] {
        records[1].value[at] ^= 1;
        assert!(confirm(&header, &parts(&[], &[records.clone()])).is_err(), "{at}");
        records[1].value[at] ^= 1;
    }
}

/// A chain in which `acme` has been admitted and has said one thing, and one that has followed its headers and notices.
fn with_events() -> (Chain, Chain) {
    let (mut chain, mut follower) = (Chain::begin(&genesis()), Chain::begin(&genesis()));
    let notices = [admission("acme").inspected(0)];
    let header = seal(&mut chain, NOW_MS, &notices, &[vec![Draft::events("acme", [event(1)]).inspected(0)]]);
    follower.follow(&header, &[(0, notices[0].clone())]).unwrap();
    (chain, follower)
}

#[test]
fn after_a_gap_notice_a_topic_is_cut_under_its_new_id_from_0() {
    let (mut chain, mut follower) = with_events();
    let events = || vec![vec![Draft::events("acme", [event(2)]).inspected(0)]];
    let remade = [NOTICES, "made anew"];
    // Without the notice, what stands under another id waits; with one in the block, it is sealed in that very block.
    assert!(chain.clone().derive(NOW_MS, &parts_under(remade, &[], &events())).unwrap().header.cuts.is_empty());
    let notices = [gap(SCAN_EVENTS, 1, SCAN_EVENTS, "made anew").inspected(1)];
    let events = events();
    let parts = parts_under(remade, &notices, &events);
    let derived = chain.derive(NOW_MS, &parts).unwrap();
    confirm(&derived.header, &parts).unwrap();
    let cuts: Vec<_> = derived.header.cuts.iter().map(|cut| (cut.topic.as_str(), cut.uuid, cut.from, cut.to)).collect();
    assert_eq!(cuts, [(NOTICES, uuid(NOTICES), 1, 2), (SCAN_EVENTS, uuid("made anew"), 0, 1)]);
    assert_eq!((derived.taken.as_slice(), derived.header.bad.len()), (&[1, 1][..], 0));
    chain.append(&derived.header).unwrap();
    follower.follow(&derived.header, &[(0, notices[0].clone())]).unwrap();
    assert_eq!((follower.root(), follower.registry()), (chain.root(), chain.registry()));
    // From then on the old id is the one that nothing is cut under.
    let later = [vec![Draft::events("acme", [event(3)]).inspected(1)]];
    assert_eq!(chain.clone().derive(NOW_MS, &parts_under([NOTICES, SCAN_EVENTS], &[], &later)).unwrap().taken, [0]);
    let next = chain.derive(NOW_MS, &parts_under(remade, &[], &later)).unwrap().header;
    assert_eq!((next.cuts[0].from, next.cuts[0].to), (1, 2));
    for change in [|cut: &mut Cut| cut.uuid = uuid(SCAN_EVENTS), |cut: &mut Cut| cut.from = 0] {
        let mut forged = next.clone();
        change(&mut forged.cuts[0]);
        assert!(follower.clone().follow(&forged, &[]).is_err());
        assert!(chain.clone().append(&forged).is_err());
    }
    // Told once more, or by one who may not, the notice does nothing.
    for draft in [gap(SCAN_EVENTS, 1, SCAN_EVENTS, "made anew"), gap(SCAN_EVENTS, 2, SCAN_EVENTS, "third")] {
        let notices = [draft.inspected(2)];
        let derived = chain.clone().derive(NOW_MS, &parts_under(remade, &notices, &later)).unwrap();
        assert_eq!(derived.taken, [1, 1], "{draft:?}");
    }
}

#[test]
fn a_gap_that_names_another_lost_id_lets_nothing_go_on() {
    let (chain, follower) = with_events();
    let (events, remade) = ([vec![Draft::events("acme", [event(2)]).inspected(0)]], [NOTICES, "made anew"]);
    for draft in [
        gap(SCAN_EVENTS, 1, "some other", "made anew"),
        gap(SCAN_EVENTS, 2, SCAN_EVENTS, "made anew"),
        gap(NOTICES, 1, NOTICES, "made anew"),
        Draft { party: "acme".into(), keys: vec!["acme".into()], ..gap(SCAN_EVENTS, 1, SCAN_EVENTS, "made anew") },
    ] {
        let notices = [draft.inspected(1)];
        let parts = parts_under(remade, &notices, &events);
        let mut after = chain.clone();
        let header = after.derive(NOW_MS, &parts).unwrap().header;
        assert_eq!(header.cuts.len(), 1, "{draft:?}");
        after.append(&header).unwrap();
        assert_eq!(after.uuid(&SCAN_EVENTS.parse().unwrap()), Some(uuid(SCAN_EVENTS)));
        // A chainer that sealed them nevertheless is refused by who follows, and by who recomputes.
        let mut forged = Chain::clone(&chain).derive(NOW_MS, &parts).unwrap().header;
        let leaf = events[0][0].leaf;
        let (topic, uuid, root) = (SCAN_EVENTS.parse().unwrap(), uuid("made anew"), merkle::root([leaf]));
        forged.cuts.push(Cut { topic, uuid, partition: 0, from: 0, to: 1, records: 1, root });
        let refused = follower.clone().follow(&forged, &[(0, notices[0].clone())]).unwrap_err();
        assert!(matches!(refused, Fault::Differs { .. }) && refused.to_string().contains("uuid of"), "{refused}");
        let mut audit = chain.clone();
        assert_ne!(audit.derive(NOW_MS, &parts).unwrap().header, forged);
        assert!(matches!(audit.append(&forged), Err(Fault::Differs { .. })));
    }
}

#[test]
fn a_gap_in_the_notices_is_the_first_record_of_the_new_topic() {
    let (chain, follower) = with_events();
    let gap_notice = || gap(NOTICES, 1, NOTICES, "made anew");
    let remade = ["made anew", SCAN_EVENTS];
    let derive = |first: Draft| {
        let notices = [first.inspected(0), enrolment("acme", "acme-2").inspected(1)];
        let events = [vec![Draft::events("acme", [event(2)]).inspected(1)]];
        let mut chain = chain.clone();
        let derived = chain.derive(NOW_MS, &parts_under(remade, &notices, &events));
        derived.map(|derived| (chain, derived.header, notices))
    };
    // Judged by the keys of the chain so far; what stands behind it is sealed with it.
    let (mut after, header, notices) = derive(gap_notice()).unwrap();
    let cuts: Vec<_> = header.cuts.iter().map(|cut| (cut.uuid, cut.from, cut.to)).collect();
    assert_eq!(cuts, [(uuid("made anew"), 0, 2), (uuid(SCAN_EVENTS), 1, 2)]);
    after.append(&header).unwrap();
    let mut followed = follower.clone();
    followed.follow(&header, &[(0, notices[0].clone()), (1, notices[1].clone())]).unwrap();
    assert_eq!((followed.root(), followed.registry()), (after.root(), after.registry()));
    // Anything else at the beginning is refused, also with the gap behind it.
    for first in [
        enrolment("acme", "acme-3"),
        gap(NOTICES, 1, "some other", "made anew"),
        gap(NOTICES, 1, NOTICES, "some other"),
        Draft { party: "acme".into(), keys: vec!["acme".into()], ..gap_notice() },
        gap_notice().at(0),
    ] {
        let refused = derive(first.clone()).map(drop).unwrap_err();
        assert!(matches!(refused, Fault::Differs { .. }), "{first:?}: {refused}");
    }
    let (mut swapped, behind) = (header.clone(), [enrolment("acme", "acme-2").inspected(0), gap_notice().inspected(1)]);
    swapped.cuts[0].root = merkle::root(behind.iter().map(|record| record.leaf));
    let refused = follower.clone().follow(&swapped, &(0..).zip(behind).collect::<Vec<_>>()).unwrap_err();
    assert!(refused.to_string().contains("uuid of notices"), "{refused}");
    // In the old topic it is bad and does nothing: the chain goes on there.
    let early = [gap_notice().inspected(1)];
    let mut chain = chain;
    let header = seal(&mut chain, NOW_MS, &early, &[]);
    assert_eq!(header.bad.iter().map(|bad| bad.reason.as_str()).collect::<Vec<_>>(), ["gap"]);
    assert_eq!(chain.uuid(&NOTICES.parse().unwrap()), Some(uuid(NOTICES)));
}

/// One record of a random world.
#[derive(Clone, Copy, Debug)]
enum Step {
    Admit(u8),
    Enrol(u8),
    Revoke(u8),
    Events {
        party: u8,
        second_key: bool,
        count: u8,
        partition: u8,
    },
    Garbage {
        partition: u8,
    },
    Late {
        party: u8,
        partition: u8,
    },
    /// Seal what waits.
    Cut,
}

fn step() -> impl Strategy<Value = Step> {
    let party = 0u8..3;
    let partition = 0u8..3;
    prop_oneof![
        1 => party.clone().prop_map(Step::Admit),
        1 => party.clone().prop_map(Step::Enrol),
        1 => party.clone().prop_map(Step::Revoke),
        6 => (party.clone(), any::<bool>(), 1u8..4, partition.clone())
            .prop_map(|(party, second_key, count, partition)| Step::Events { party, second_key, count, partition }),
        1 => partition.clone().prop_map(|partition| Step::Garbage { partition }),
        1 => (party, partition).prop_map(|(party, partition)| Step::Late { party, partition }),
        3 => Just(Step::Cut),
    ]
}

/// The log of a random world, and how much of each partition stood in it at each cut.
#[derive(Default)]
struct Log {
    notices: Vec<Inspected>,
    events: [Vec<Inspected>; 3],
    cuts: Vec<[usize; 4]>,
}

impl Log {
    fn of(steps: &[Step]) -> Log {
        let mut log = Log::default();
        let name = |party: u8| format!("party-{party}");
        for (number, step) in (0u64..).zip(steps) {
            match *step {
                Step::Admit(party) => log.notice(&admission(&name(party))),
                Step::Enrol(party) => log.notice(&enrolment(&name(party), &format!("{}-2", name(party)))),
                Step::Revoke(party) => log.notice(&revocation(&name(party), &format!("{}-2", name(party)))),
                Step::Events { party, second_key, count, partition } => {
                    let draft = Draft::events(&name(party), (0..u64::from(count)).map(|i| event(number * 10 + i)));
                    let keys = vec![if second_key { format!("{}-2", name(party)) } else { name(party) }];
                    log.event(partition, &Draft { keys, ..draft }.value());
                }
                Step::Garbage { partition } => log.event(partition, &number.to_le_bytes()),
                Step::Late { party, partition } => {
                    log.event(partition, &Draft::events(&name(party), [event(number)]).at(0).value());
                }
                Step::Cut => log.cut(),
            }
        }
        log.cut();
        log
    }

    fn notice(&mut self, draft: &Draft) {
        self.notices.push(draft.inspected(self.notices.len() as u64));
    }

    fn event(&mut self, partition: u8, value: &[u8]) {
        let records = &mut self.events[usize::from(partition)];
        records.push(inspect(SubmissionKind::Events, &consortium(), records.len() as u64, value.to_vec()));
    }

    fn cut(&mut self) {
        let [a, b, c] = &self.events;
        self.cuts.push([self.notices.len(), a.len(), b.len(), c.len()]);
    }

    /// The records between two cuts.
    fn between(&self, from: [usize; 4], to: [usize; 4]) -> (Vec<Inspected>, Vec<Vec<Inspected>>) {
        let events = (0..3).map(|i| self.events[i][from[i + 1]..to[i + 1]].to_vec()).collect();
        (self.notices[from[0]..to[0]].to_vec(), events)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// The chainer derives and appends, a start follows headers and notices, an audit derives again at each header's
    /// time: all three come to the same chain, and each record is sealed once, bad or not.
    #[test]
    fn every_way_gives_the_same_chain(steps in proptest::collection::vec(step(), 1..60)) {
        let log = Log::of(&steps);
        let (mut chain, mut start, mut audit) = (Chain::begin(&genesis()), Chain::begin(&genesis()), Chain::begin(&genesis()));
        let (mut before, mut sealed) = ([0; 4], 0);
        for (clock, cut) in (NOW_MS..).step_by(100).zip(&log.cuts) {
            if *cut == before {
                continue; // No empty blocks.
            }
            let (notices, events) = log.between(before, *cut);
            let header = seal(&mut chain, clock, &notices, &events);
            sealed += header.records() as usize;

            start.follow(&header, &(0..).zip(notices.clone()).collect::<Vec<_>>()).unwrap();

            let again = audit.derive(header.time_ms, &parts(&notices, &events)).unwrap().header;
            prop_assert_eq!(&again, &header);
            audit.append(&header).unwrap();
            prop_assert_eq!((start.root(), start.registry()), (chain.root(), chain.registry()));
            prop_assert_eq!((audit.root(), audit.registry()), (chain.root(), chain.registry()));
            before = *cut;
        }
        prop_assert_eq!(sealed, log.notices.len() + log.events.iter().map(Vec::len).sum::<usize>());
    }
}
