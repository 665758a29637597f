//! The chainer and its witnesses: asked before anything is signed, told beside the sealing, never waited for.

#![allow(clippy::unwrap_used)]

#[path = "../../../crates/service/tests/tls/mod.rs"]
mod tls;
mod world;

use std::net::TcpListener;
use std::sync::Arc;

use medtrace_ledger::evidence::Fork;
use medtrace_ledger::{Checkpoint, Note};
use medtrace_log::consumer::{Isolation, last};
use medtrace_log::embedded::Scratch;
use medtrace_log::producer::Producer;
use medtrace_log::topics::CHECKPOINTS;
use tls::Authority;
use world::process::{Site, all_sealed_of};
use world::witness::{Fake, Manner, Process, cosigned, witnessed};
use world::*;

/// An address where nobody answers.
fn nobody() -> (u16, String) {
    let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    (port, format!("http://127.0.0.1:{port}"))
}

#[tokio::test]
async fn a_quorum_cosigns_while_others_are_dead_or_silent() {
    let kafka = Scratch::start().await;
    let cluster = kafka.cluster();
    let (hospital, regulator) =
        (Fake::start("hospital", Manner::Honest).await, Fake::start("regulator", Manner::Honest).await);
    let silent = Fake::start("silent", Manner::Silent).await;
    let (_, dead) = nobody();
    let witnesses =
        [("hospital", &*hospital.url), ("dead", &*dead), ("silent", &*silent.url), ("regulator", &*regulator.url)];
    let genesis = witnessed(&witnesses, 2);
    let site = Site::of(&kafka, "chainer", &genesis);
    let producer = Producer::open(&cluster).unwrap();
    let mut running = site.start();
    running.ready().await;
    send_of(&producer, &genesis, &admission("acme")).await;
    let report = all_sealed_of(&cluster, &genesis).await;
    assert_eq!((report.blocks, report.bad), (1, 0));
    let (checkpoint, names) = cosigned(&cluster, &genesis, 1).await;
    assert_eq!((checkpoint.size, names, Some((1, checkpoint.root))), (1, 2, report.end));

    // More blocks: each witness is led from what it has.
    for number in 0..5 {
        send_of(&producer, &genesis, &Draft::events("acme", [event(number)])).await;
        all_sealed_of(&cluster, &genesis).await;
    }
    cosigned(&cluster, &genesis, 6).await;
    assert_eq!((hospital.size(), regulator.size()), (6, 6));
    // Whatever was published last covers all that was signed.
    let newest = last(&cluster, CHECKPOINTS, 0, Isolation::Committed).await.unwrap().unwrap();
    let (newest, _) = Checkpoint::open(std::str::from_utf8(&newest.value).unwrap(), &genesis).unwrap();
    assert_eq!(newest.size, 6);
    let seen = running.ready().await;
    let wrong = |name: &str| {
        let all = seen["witnesses"].as_array().unwrap();
        all.iter().find(|witness| witness["name"] == name).map(|witness| !witness["wrong"].is_null())
    };
    assert_eq!(["hospital", "regulator", "dead"].map(wrong), [Some(false), Some(false), Some(true)]);
    running.kill().await;
}

#[tokio::test]
async fn what_a_witness_has_seen_beyond_the_log_stops_the_chainer() {
    let kafka = Scratch::start().await;
    let (cluster, witness) = (kafka.cluster(), Fake::start("hospital", Manner::Honest).await);
    let genesis = witnessed(&[("hospital", &witness.url)], 1);
    let producer = Producer::open(&cluster).unwrap();
    let site = Site::of(&kafka, "chainer", &genesis);
    let mut running = site.start();
    running.ready().await;
    send_of(&producer, &genesis, &admission("acme")).await;
    all_sealed_of(&cluster, &genesis).await;
    cosigned(&cluster, &genesis, 1).await;
    running.kill().await;

    // The machine and Kafka are lost, and put up again as they were before: empty.
    let other = Scratch::start().await;
    let producer = Producer::open(&other.cluster()).unwrap();
    send_of(&producer, &genesis, &admission("other")).await;
    let mut refused = Site::of(&other, "new", &genesis).start();
    assert_eq!(refused.ended().await.code, Some(1));
    let says = "witness hospital has cosigned 1 headers, of which 0 have been published";
    assert!(refused.log().contains(says), "{}", refused.log());
    assert_eq!(last(&other.cluster(), CHECKPOINTS, 0, Isolation::Committed).await.unwrap(), None, "nothing is signed");

    // A witness that has seen another history of this size.
    let contradicts = Fake::start("hospital", Manner::Contradicts).await;
    let genesis = witnessed(&[("hospital", &contradicts.url)], 1);
    let third = Scratch::start().await;
    let producer = Producer::open(&third.cluster()).unwrap();
    send_of(&producer, &genesis, &admission("acme")).await;
    let mut refused = Site::of(&third, "chainer", &genesis).start();
    assert_eq!(refused.ended().await.code, Some(1));
    assert!(refused.log().contains("refused to go on: witness hospital"), "{}", refused.log());
}

#[tokio::test]
async fn a_new_machine_waits_for_witnesses_and_one_that_remembers_does_not() {
    let kafka = Scratch::start().await;
    let cluster = kafka.cluster();
    let (port, address) = nobody();
    let genesis = witnessed(&[("hospital", &address)], 1);
    let producer = Producer::open(&cluster).unwrap();
    send_of(&producer, &genesis, &admission("acme")).await;
    let site = Site::of(&kafka, "chainer", &genesis);
    // Nobody remembers this log, and nobody can be asked: nothing is signed.
    let mut running = site.start();
    running.says("too few witnesses answer").await;
    assert_eq!(last(&cluster, CHECKPOINTS, 0, Isolation::Committed).await.unwrap(), None);
    let seen = Arc::default();
    let witness = Fake::start_at("hospital", Manner::Honest, port, Arc::clone(&seen)).await;
    running.ready().await;
    all_sealed_of(&cluster, &genesis).await;
    cosigned(&cluster, &genesis, 1).await;

    // The witness dies, and the chainer: it remembers what it has signed, and goes on alone.
    drop(witness);
    running.kill().await;
    let mut running = site.start();
    running.ready().await;
    send_of(&producer, &genesis, &Draft::events("acme", [event(1)])).await;
    all_sealed_of(&cluster, &genesis).await;
    let witness = Fake::start_at("hospital", Manner::Honest, port, seen).await;
    send_of(&producer, &genesis, &Draft::events("acme", [event(2)])).await;
    all_sealed_of(&cluster, &genesis).await;
    cosigned(&cluster, &genesis, 3).await;
    assert_eq!(witness.size(), 3);
    running.kill().await;
}

#[tokio::test]
async fn only_the_witness_itself_and_what_it_says_now_counts() {
    let kafka = Scratch::start().await;
    let says = [(Manner::Pretends, "its signature does not verify"), (Manner::Replays, "its cosignature is of")];
    for (manner, why) in says {
        let witness = Fake::start("hospital", manner).await;
        let mut running =
            Site::of(&kafka, &format!("{manner:?}"), &witnessed(&[("hospital", &witness.url)], 1)).start();
        running.says("too few witnesses answer").await;
        assert!(running.log().contains(why), "{}", running.log());
        running.kill().await;
    }
    // One that nobody has told the address of: there is nobody to be asked, and a quorum all the same.
    let mut genesis = witnessed(&[("hospital", "")], 1);
    genesis.policy.witnesses[0].url = None;
    let mut running = Site::of(&kafka, "alone", &genesis).start();
    running.says("too few witnesses answer").await;
    running.kill().await;
    let checkpoint = last(&kafka.cluster(), CHECKPOINTS, 0, Isolation::Committed).await.unwrap();
    assert_eq!(checkpoint, None, "nothing is signed");
}

#[tokio::test]
async fn a_second_history_by_the_same_key_is_named_and_proven() {
    let (kafka, other) = (Scratch::start().await, Scratch::start().await);
    let Some(mut witness) = Process::new(kafka.folder(), &kafka.cluster()) else {
        println!("skipped: the witness is not built (cargo build -p medtrace-witness)");
        return;
    };
    let seen = witnessed(&[(&witness.name, &witness.url)], 1);
    witness.start(&seen).await;
    let mut signed = Vec::new();
    // The second asks no witness, as somebody would have it who means to deceive.
    for (kafka, genesis, party) in [(&kafka, &seen, "acme"), (&other, &genesis(), "other")] {
        let cluster = kafka.cluster();
        let mut running = Site::of(kafka, "chainer", genesis).start();
        running.ready().await;
        send_of(&Producer::open(&cluster).unwrap(), genesis, &admission(party)).await;
        all_sealed_of(&cluster, genesis).await;
        if signed.is_empty() {
            witness.has_seen(1).await;
        }
        running.kill().await;
        let note = last(&cluster, CHECKPOINTS, 0, Isolation::Committed).await.unwrap().unwrap();
        signed.push(String::from_utf8(note.value).unwrap());
    }
    assert_eq!(witness.shown(1, &signed[1]).await, 409);
    let forked = Fork::parse(&witness.fork(1)).unwrap().check(&seen).unwrap();
    let roots: Vec<_> =
        signed.iter().map(|note| Checkpoint::parse(Note::parse(note).unwrap().text()).unwrap().root).collect();
    assert_eq!(vec![forked.smaller.root, forked.larger.root], roots);
    assert_ne!(roots[0], roots[1]);
}

#[tokio::test]
async fn a_witness_behind_tls_is_asked_if_an_authority_vouches_for_it() {
    let kafka = Scratch::start().await;
    let (cluster, plain) = (kafka.cluster(), Fake::start("hospital", Manner::Honest).await);
    let authority = Authority::new();
    let behind = plain.url.rsplit(':').next().unwrap().parse().unwrap();
    let url = format!("https://127.0.0.1:{}", authority.front("127.0.0.1", behind).await);
    let genesis = witnessed(&[("hospital", &url)], 1);
    let mut site = Site::of(&kafka, "chainer", &genesis);
    // Nobody on this machine vouches for it: it is not asked, and a chainer that remembers nothing waits.
    let mut running = site.start();
    running.says("invalid peer certificate: UnknownIssuer").await;
    running.says("too few witnesses answer").await;
    running.kill().await;
    assert_eq!(plain.size(), 0);

    let file = site.folder.join("authorities.pem");
    std::fs::write(&file, authority.pem()).unwrap();
    site.settings.push(("SSL_CERT_FILE", file.to_str().unwrap().to_owned()));
    let mut running = site.start();
    running.ready().await;
    send_of(&Producer::open(&cluster).unwrap(), &genesis, &admission("acme")).await;
    let report = all_sealed_of(&cluster, &genesis).await;
    let (checkpoint, names) = cosigned(&cluster, &genesis, 1).await;
    assert_eq!((names, Some((1, checkpoint.root))), (1, report.end));
    assert_eq!(plain.size(), 1);
    running.kill().await;
}
