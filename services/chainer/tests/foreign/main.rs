//! Witnesses that others wrote cosign our log: the policy in the genesis names them, the chainer asks them, and what is
//! published verifies under the policy. Without Go, or without one of their modules, that part is skipped with a word.
#![allow(clippy::unwrap_used)]

mod agent;
#[path = "../../../../tests/src/go.rs"]
mod go;
mod witnesses;
#[path = "../world/mod.rs"]
mod world;

use medtrace_log::embedded::Scratch;
use medtrace_log::producer::Producer;
use witnesses::{Foreign, litewitness, omniwitness};
use world::process::{Site, all_sealed_of};
use world::witness::{cosigned, signer, witnessed};
use world::*;

/// All of them must cosign; then the last one dies and comes back.
async fn cosigned_by(kafka: &Scratch, foreign: &mut [Foreign]) {
    let cluster = kafka.cluster();
    let named: Vec<_> = foreign.iter().map(|one| (one.signer.name.as_str(), &*one.url)).collect();
    let genesis = witnessed(&named, named.len());
    for one in &mut *foreign {
        one.start().await;
    }
    // A round that ended without a quorum is followed by another at the next checkpoint.
    let site = Site::of(kafka, "chainer", &genesis).with("MEDTRACE_HEARTBEAT_S", "1");
    let producer = Producer::open(&cluster).unwrap();
    let mut running = site.start();
    running.ready().await;
    send_of(&producer, &genesis, &admission("acme")).await;
    let mut size = 0;
    for number in 0..5 {
        send_of(&producer, &genesis, &Draft::events("acme", [event(number)])).await;
        let report = all_sealed_of(&cluster, &genesis).await;
        size = report.blocks;
        let (checkpoint, names) = cosigned(&cluster, &genesis, size).await;
        assert_eq!((checkpoint.size, names, Some((size, checkpoint.root))), (size, foreign.len(), report.end));
    }

    // Without one of them there is no quorum, and sealing goes on.
    let last = foreign.last_mut().unwrap();
    last.kill().await;
    for number in 5..8 {
        send_of(&producer, &genesis, &Draft::events("acme", [event(number)])).await;
        let report = all_sealed_of(&cluster, &genesis).await;
        assert!(report.blocks > size, "a dead witness does not stop sealing");
        size = report.blocks;
    }
    let seen = running.ready().await;
    let of = |name: &str| {
        let all = seen["witnesses"].as_array().unwrap();
        all.iter().find(|witness| witness["name"] == name).unwrap()["wrong"].clone()
    };
    assert!(of(last.signer.name.as_str()).is_string(), "{seen}");

    // Back, it is led from what it had to what there is now.
    last.start().await;
    send_of(&producer, &genesis, &Draft::events("acme", [event(8)])).await;
    size = all_sealed_of(&cluster, &genesis).await.blocks;
    let (checkpoint, names) = cosigned(&cluster, &genesis, size).await;
    assert_eq!((checkpoint.size, names), (size, foreign.len()));
    running.kill().await;

    // A chainer on a new machine asks them before it signs anything, and believes them.
    let mut new = Site::of(kafka, "new", &genesis).with("MEDTRACE_HEARTBEAT_S", "1").start();
    new.ready().await;
    send_of(&producer, &genesis, &Draft::events("acme", [event(9)])).await;
    size = all_sealed_of(&cluster, &genesis).await.blocks;
    assert_eq!(cosigned(&cluster, &genesis, size).await.1, foreign.len());
    new.kill().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn witnesses_that_others_wrote_cosign_our_log() {
    let kafka = Scratch::start().await;
    let folder = kafka.folder();
    let lite = litewitness(&folder.join("lite"), signer("litewitness.example/one"));
    let omni = omniwitness(&folder.join("omni"), signer("omniwitness.example/two"));
    let mut foreign: Vec<_> = [omni, lite].into_iter().flatten().collect();
    if foreign.is_empty() {
        return eprintln!("skipped: there is no witness but ours");
    }
    cosigned_by(&kafka, &mut foreign).await;
}
