//! Chainer, standby, broker and witness are killed by SIGKILL under load, again and again, on a real Kafka node: nothing
//! acknowledged is lost or doubled, and there is one chain, of which the witness has seen no other.
//!
//! `MEDTRACE_FAULTS=long` is the whole, 200 kills; a number is so many rounds of four. It tells how long it took from the
//! leader's death to the standby's first block.

#![allow(clippy::unwrap_used)]

mod world;

use std::time::{Duration, Instant};

use medtrace_chainer::verify_chain;
use medtrace_log::embedded::Scratch;
use medtrace_log::producer::Producer;
use world::load::{Load, each_once};
use world::process::{Kept, Site, all_sealed_of, leader};
use world::witness::{Process, witnessed};
use world::*;

/// Rounds of four kills.
const ROUNDS: usize = 3;
const ROUNDS_LONG: usize = 50;
/// The whole chain is verified every so many rounds.
const VERIFY_EVERY: usize = 5;
/// A block that is seen so long after the leader's death is another's: the lease alone lasts longer.
const OF_THE_DEAD: Duration = Duration::from_millis(1_000);
/// Longest wait for a block after a kill.
const WAIT: Duration = Duration::from_secs(60);
/// The standby must have sealed by then.
const TAKEOVER: Duration = Duration::from_secs(5);
/// The same, on a machine that does other things as well.
const TAKEOVER_BUSY: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, Debug)]
enum Target {
    Leader,
    Standby,
    Broker,
    Witness,
}

#[tokio::test]
async fn killed_under_load_nothing_is_lost_doubled_or_forked() {
    let form = std::env::var("MEDTRACE_FAULTS").unwrap_or_default();
    let rounds = if form == "long" { ROUNDS_LONG } else { form.parse().unwrap_or(ROUNDS) };
    let mut kafka = Scratch::start().await;
    let cluster = kafka.cluster();
    let Some(mut witness) = Process::new(kafka.folder(), &cluster) else {
        println!("skipped: the witness is not built (cargo build -p medtrace-witness)");
        return;
    };
    let genesis = witnessed(&[(&witness.name, &witness.url)], 1);
    witness.start(&genesis).await;
    let sites = ["first", "second"].map(|name| Site::at(cluster.clone(), kafka.folder(), name, &genesis));
    let mut chainers = sites.each_ref().map(Site::keep);
    leader(&mut chainers).await;
    send_of(&Producer::open(&cluster).unwrap(), &genesis, &admission("acme")).await;
    all_sealed_of(&cluster, &genesis).await;
    let load = Load::start(&cluster, &genesis).await;

    let (mut takeovers, mut kills, begun) = (Vec::new(), 0, Instant::now());
    for round in 0..rounds {
        let mut targets = [Target::Leader, Target::Standby, Target::Broker, Target::Witness];
        fastrand::shuffle(&mut targets);
        for target in targets {
            let leads = leader(&mut chainers).await;
            let killed = Instant::now();
            kills += 1;
            match target {
                Target::Leader => {
                    chainers[1 - leads].follows().await;
                    let killed = Instant::now();
                    chainers[leads].die().await;
                    let sealed = next_block(&load, &mut chainers, killed + OF_THE_DEAD, Some(leads)).await;
                    takeovers.push(sealed - killed);
                }
                Target::Standby => chainers[1 - leads].die().await,
                Target::Broker => {
                    kafka.kill().await;
                    kafka.restart().await.unwrap();
                }
                Target::Witness => {
                    witness.kill().await;
                    witness.start(&genesis).await;
                }
            }
            next_block(&load, &mut chainers, killed, None).await;
        }
        if (round + 1) % VERIFY_EVERY == 0 {
            assert_eq!(verify_chain(&cluster, &genesis, |_| {}).await.unwrap().findings, [], "round {round}");
        }
    }
    let sent = load.finish().await;
    leader(&mut chainers).await;
    let report = all_sealed_of(&cluster, &genesis).await;
    assert_eq!(report.bad, 0);
    each_once(&cluster, &genesis, &sent).await;
    let sent = sent.len();
    witness.has_seen(report.blocks).await;
    takeovers.sort_unstable();
    let (median, longest) = (takeovers[takeovers.len() / 2], takeovers[takeovers.len() - 1]);
    println!(
        "{kills} kills in {:.0} s: {sent} records acknowledged and sealed once, {} blocks; takeover to the first block: \
         median {} ms, longest {} ms of {}",
        begun.elapsed().as_secs_f64(),
        report.blocks,
        median.as_millis(),
        longest.as_millis(),
        takeovers.len(),
    );
    assert!(longest < if form == "long" { TAKEOVER } else { TAKEOVER_BUSY }, "{takeovers:?}");
    for chainer in chainers {
        chainer.kill().await;
    }
}

/// Waits for a block that is seen after some moment. Who has ended is started again, but for one that is to stay dead.
async fn next_block(load: &Load, chainers: &mut [Kept<'_>; 2], after: Instant, dead: Option<usize>) -> Instant {
    let deadline = Instant::now() + WAIT;
    loop {
        if let Some(sealed) = load.sealed_after(after) {
            return sealed;
        }
        for (which, chainer) in chainers.iter_mut().enumerate() {
            if dead != Some(which) {
                chainer.revive();
            }
        }
        assert!(Instant::now() < deadline, "nothing is sealed: {}\n{}", chainers[0].log(), chainers[1].log());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
