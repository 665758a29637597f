//! A cluster of three nodes: each is lost in turn under load. Nothing is lost, and sealing goes on.

#![allow(clippy::unwrap_used)]

mod world;

use std::time::{Duration, Instant};

use medtrace_log::embedded::Three;
use medtrace_log::producer::Producer;
use medtrace_log::topics::{self, BLOCKS, SCAN_EVENTS};
use world::load::{Load, each_once};
use world::process::{Site, all_sealed, leader};
use world::*;

/// Longest wait for sealing to go on after a node was lost.
const GOES_ON: Duration = Duration::from_secs(30);
/// What a node that is being lost may still have sealed.
const SETTLED: Duration = Duration::from_millis(200);

#[tokio::test]
async fn each_node_is_lost_in_turn_and_sealing_goes_on() {
    let mut kafka = Three::start().await;
    let cluster = kafka.cluster();
    for topic in topics::describe(&cluster, &[SCAN_EVENTS, BLOCKS]).await.unwrap() {
        assert_eq!(topic.replicas, 3, "{}", topic.name);
    }
    let sites = ["first", "second"].map(|name| Site::at(cluster.clone(), kafka.folder(), name, &genesis()));
    let mut chainers = sites.each_ref().map(Site::keep);
    leader(&mut chainers).await;
    send(&Producer::open(&cluster).unwrap(), &admission("acme")).await;
    all_sealed(&cluster).await;
    let load = Load::start(&cluster, &genesis()).await;

    for node in 0..3 {
        let said = load.acknowledged();
        kafka.kill(node).await;
        let lost = Instant::now();
        let deadline = lost + GOES_ON;
        let goes_on = loop {
            chainers.iter_mut().for_each(|chainer| chainer.revive());
            if let Some(sealed) = load.sealed_after(lost + SETTLED).filter(|_| load.acknowledged() > said) {
                break sealed;
            }
            assert!(Instant::now() < deadline, "nothing is sealed without node {node}: {}", chainers[0].log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        println!("node {node} lost: the next block after {} ms", (goes_on - lost).as_millis());
        kafka.restart(node).await.unwrap();
        kafka.until_in_sync().await;
    }
    let sent = load.finish().await;
    leader(&mut chainers).await;
    let report = all_sealed(&cluster).await;
    assert_eq!(report.bad, 0);
    each_once(&cluster, &genesis(), &sent).await;
    println!("{} records acknowledged, {} blocks", sent.len(), report.blocks);
    for chainer in chainers {
        chainer.kill().await;
    }
}
