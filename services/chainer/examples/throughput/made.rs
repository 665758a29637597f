//! What is sealed: a consortium of one authority, and submissions of events that it has signed.

use medtrace_chainer::Clock;
use medtrace_ledger::genesis::Quorum;
use medtrace_ledger::policy::Policy;
use medtrace_ledger::{
    Genesis, Hash, Item, ItemKind, KeyName, Salt, Signer, SigningKey, SubmissionKind, seal_submission,
};
use medtrace_log::record::Record;

const EVENT_BYTES: usize = 464;

pub fn signer(name: &str) -> Signer {
    Signer::new(name.parse::<KeyName>().unwrap(), SigningKey::from_seed(&Hash::of(name).0))
}

pub fn genesis() -> Genesis {
    Genesis {
        origin: "county.example/log".parse().unwrap(),
        time_ms: 0,
        authority: Quorum { threshold: 1, keys: vec![signer("authority").verifier()] },
        policy: Policy::alone(signer("county.example/log").verifier()),
    }
}

/// A Kafka value of so many events, signed by the authority's key, which is valid from the beginning.
pub fn value(number: usize, events: usize) -> Vec<u8> {
    let bodies: Vec<String> = (0..events)
        .map(|event| {
            let head =
                format!("{{\"eventID\":\"urn:uuid:{number:08x}-{event:04x}-8000-8000-000000000000\",\"type\":\"");
            let fill = Hash::of(format!("{number} {event}")).to_string().repeat(EVENT_BYTES / 44 + 1);
            let rest = EVENT_BYTES - head.len() - 2;
            format!("{head}{}\"}}", &fill[..rest])
        })
        .collect();
    let salt = |event: usize| Salt(Hash::of(format!("salt {event}")).0[..16].try_into().unwrap());
    let items: Vec<Item<'_>> = bodies
        .iter()
        .enumerate()
        .map(|(event, body)| Item { kind: ItemKind::Event, salt: salt(event), bytes: body.as_bytes() })
        .collect();
    let leaves: Vec<_> = items.iter().map(Item::leaf).collect();
    let (genesis, key) = (genesis(), SigningKey::from_seed(&Hash::of("authority").0));
    let (party, now_ms) = ("authority".parse().unwrap(), Clock::default().now_ms());
    let sealed =
        seal_submission(SubmissionKind::Events, &genesis.origin, genesis.hash(), &party, &[key], now_ms, &leaves);
    Record::pack(sealed.unwrap().note, items).unwrap().encode().unwrap()
}
