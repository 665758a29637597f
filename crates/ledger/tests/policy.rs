//! The policy: which cosignatures are enough, and the one spelling of what says so.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeSet;

use common::policies::{CASES, Case, refused, with};
use common::{COSIGNERS, WITNESSES, checkpoint, policy, signer, world};
use medtrace_ledger::checkpoint::unmet;
use medtrace_ledger::*;

fn names(text: &str) -> BTreeSet<KeyName> {
    text.chars().map(|c| c.to_string().parse().unwrap()).collect()
}

#[test]
fn a_quorum_is_what_its_groups_say() {
    for Case { name, groups, quorum, enough, few } in CASES {
        let policy = Policy::parse(&with(groups, quorum)).unwrap();
        enough.iter().for_each(|who| assert!(policy.is_met(&names(who)), "{name}: {who}"));
        few.iter().for_each(|who| assert!(!policy.is_met(&names(who)), "{name}: {who}"));
    }
}

#[test]
fn what_is_missing_is_said() {
    let policy = Policy::parse(&with("group x 2 a b c\ngroup y any d e\ngroup z all x y\n", "z")).unwrap();
    let unmet = policy.unmet(&names("c")).unwrap();
    let says = "the quorum z is not reached: z (2 more of x (1 more of a, b), y (1 more of d, e))";
    assert_eq!(unmet.to_string(), says);
    assert!(policy.is_met(&names("ace")));
    assert!(!policy.is_met(&["stranger".parse().unwrap()].into()), "a name that is nobody's");
}

#[test]
fn bad_spellings_are_refused() {
    let good = with("group x 2 a b\ngroup y any x c\n", "y");
    assert_eq!(Policy::parse(&good).unwrap().text(), good);
    let served = good.replacen('\n', " https://log.example/county\n", 1);
    assert_eq!(Policy::parse(&served).unwrap().log_url.as_deref(), Some("https://log.example/county"));
    for (name, bad) in refused() {
        assert_ne!(bad, good, "{name} changes nothing");
        assert!(Policy::parse(&bad).is_err(), "{name}: {bad}");
    }
}

#[test]
fn a_policy_is_bounded() {
    let groups = |n: u32| {
        (0..n).map(|n| format!("group x{n} any {}\n", if n == 0 { "a".into() } else { format!("x{}", n - 1) }))
    };
    assert!(Policy::parse(&with(&groups(16).collect::<String>(), "x15")).unwrap().is_met(&names("a")));
    assert!(Policy::parse(&with(&groups(17).collect::<String>(), "x15")).is_err());
    let eighth = format!("witness h {}\n", signer("h").verifier().vkey(KeyUse::Cosignature));
    assert!(Policy::parse(&with("", "a").replacen("quorum", &format!("{eighth}quorum"), 1)).is_err());
}

#[test]
fn a_checkpoint_names_its_witnesses_as_the_policy_does() {
    let world = world();
    let (_, cosignatures) = Checkpoint::open_note(&world.checkpoint, &world.genesis).unwrap();
    let called: Vec<&str> = cosignatures.iter().map(|cosignature| cosignature.witness.as_str()).collect();
    assert_eq!(called, [COSIGNERS[0], COSIGNERS[2]]);
    assert_eq!(unmet(&cosignatures, &policy()), None);

    let alone = checkpoint(&world.genesis, &world.log, 5, &[]);
    let (_, none) = Checkpoint::open_note(&alone, &world.genesis).unwrap();
    assert_eq!(unmet(&none, &policy()).unwrap().quorum.as_str(), "enough");
    let regulator = checkpoint(&world.genesis, &world.log, 5, &WITNESSES[1..2]);
    let (_, regulator) = Checkpoint::open_note(&regulator, &world.genesis).unwrap();
    assert_eq!(unmet(&regulator, &policy()), None);
}
