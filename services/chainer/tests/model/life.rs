//! A process's life in the model's world: it takes the log over and seals, until something ends it. What it does in its
//! turns is what the chainer's loop does, with the clocks taken away; the schedule decides when.

use std::collections::BTreeMap;
use std::sync::Arc;

use medtrace_chainer::chain::{Chain, Part};
use medtrace_chainer::commit::Sealer;
use medtrace_chainer::inspect::{Consortium, Inspected};
use medtrace_chainer::recover::Followed;
use medtrace_chainer::{Clock, Config, Status, Stop, take_over};
use medtrace_ledger::checkpoint::cosign;
use medtrace_ledger::{Checkpoint, KeyName, Note, Signer, TopicName, TopicUuid};
use medtrace_log::Cluster;
use medtrace_log::topics::Topic;

use crate::clocks;
use crate::log::{Outcome, Pool, WITNESSES};
use crate::outside::{Call, Simulated};
use crate::world::*;

/// Checkpoints of which one is shown to the witnesses.
const RECENT: usize = 4;

/// What a process does in a turn: sealing three times in five.
enum Turn {
    Seal(BTreeMap<(TopicName, u32), Vec<Inspected>>),
    Heartbeat,
    Cosign,
}

pub fn config(pool: &Pool, id: usize) -> Config {
    Config {
        admin: ([127, 0, 0, 1], 0).into(),
        kafka: Cluster::new("nowhere.example:1"),
        archive: None,
        witnesses: pool.genesis.policy.witnesses.clone(),
        genesis: pool.genesis.clone(),
        data: "nowhere".into(),
        signer: chainer(),
        heartbeat: std::time::Duration::from_secs(60),
        clock: Clock(clocks::OF[id]),
    }
}

/// Lives until it must end, and says why.
pub async fn live(outside: Simulated) {
    let pool = outside.world().pool.clone();
    let config = config(&pool, outside.id);
    let consortium = Arc::new(Consortium::of(&pool.genesis));
    let stop = loop {
        match lead(&outside, &config, &consortium).await {
            Ok(()) => {}
            Err(stop) if stop.passes() => {}
            Err(stop) => break stop,
        }
    };
    let causes = std::iter::successors(Some(&stop as &dyn std::error::Error), |error| error.source());
    let text = causes.map(ToString::to_string).collect::<Vec<_>>().join(": ");
    *outside.place().ended.lock().unwrap() = Some(text);
    outside.place().moved.notify_one();
}

/// Until the topics have changed.
async fn lead(outside: &Simulated, config: &Config, consortium: &Arc<Consortium>) -> Result<(), Stop> {
    let standing = outside.world().machines[outside.id].disk.last().cloned();
    let followed = Followed::begin(&config.genesis);
    let (mut sealer, topics) =
        take_over(outside.clone(), config, consortium, &Status::default(), standing, followed).await?;
    loop {
        outside.gate(Call::Turn).await;
        if outside.world().topics() != topics {
            return Ok(());
        }
        match turn(outside, &sealer.chain, &topics) {
            Turn::Seal(waiting) if !waiting.is_empty() => {
                let reading = sealer.time(config.clock).await?;
                if reading.agrees() {
                    let parts: Vec<_> = waiting.iter().map(|waiting| part(waiting, &topics)).collect();
                    sealer.seal(reading.now_ms, &parts).await?;
                }
            }
            Turn::Seal(_) | Turn::Heartbeat => sealer.publish().await?,
            Turn::Cosign => collect(outside, &mut sealer).await?,
        }
    }
}

fn part<'a>(((topic, partition), records): (&'a (TopicName, u32), &'a Vec<Inspected>), topics: &[Topic]) -> Part<'a> {
    Part { topic: topic.clone(), uuid: uuid_of(topic, topics), partition: *partition, records }
}

fn uuid_of(topic: &TopicName, topics: &[Topic]) -> TopicUuid {
    topics.iter().find(|found| found.name == topic.as_str()).unwrap().uuid
}

/// Of each partition as many records as have arrived, which is any number; none that has to wait for a gap notice.
fn turn(outside: &Simulated, chain: &Chain, topics: &[Topic]) -> Turn {
    let mut world = outside.world();
    let what = if world.orderly { 4 } else { world.dice.u8(..5) };
    let mut waiting = BTreeMap::new();
    for index in 0..world.partitions.len() {
        let (topic, number, pool) = world.partition(index);
        let topic: TopicName = topic.parse().unwrap();
        let uuid = uuid_of(&topic, topics);
        if !chain.takes(&topic, uuid) {
            continue;
        }
        let next = chain.next_offset(&topic, uuid, number);
        let unread = world.partitions[index].records.iter().filter(|(offset, _)| *offset >= next);
        let all: Vec<_> =
            unread.map(|(offset, which)| Inspected { offset: *offset, ..pool[*which].1.clone() }).collect();
        let taken = if world.orderly { all.len() } else { world.dice.usize(..=all.len()) };
        if taken > 0 {
            waiting.insert((topic, number), all[..taken].to_vec());
        }
    }
    match what {
        0 => Turn::Heartbeat,
        1 => Turn::Cosign,
        _ => Turn::Seal(waiting),
    }
}

/// Shows a published checkpoint, which may not be the last, to the witnesses, and publishes what a quorum has cosigned.
async fn collect(outside: &Simulated, sealer: &mut Sealer<Simulated>) -> Result<(), Stop> {
    let Some((note, genesis)) = ({
        let mut world = outside.world();
        let end = world.checkpoints.len();
        let shown = world.dice.usize(end.saturating_sub(RECENT)..=end);
        let shown = world.checkpoints.get(shown).map(|message| String::from_utf8(message.value.clone()).unwrap());
        shown.map(|note| (Note::parse(&note).unwrap(), world.pool.genesis.clone()))
    }) else {
        return Ok(());
    };
    let (Checkpoint { size, .. }, _) = Checkpoint::open_note(&note, &genesis).unwrap();
    if size > sealer.chain.size() {
        // Another leads by now, which this one has yet to find out.
        return Ok(());
    }
    let mut lines = Vec::new();
    for (which, name) in WITNESSES.iter().enumerate() {
        if outside.cosign(which, size).await {
            let signer = Signer::new(name.parse::<KeyName>().unwrap(), key(name));
            lines.push(cosign(&signer, note.text(), NOW_MS / 1000).unwrap());
        }
    }
    if lines.len() >= 2 {
        let unsigned = Note::parse(&Checkpoint::open_note(&note, &genesis).unwrap().0.sign(&chainer())?.to_string());
        let cosigned = Checkpoint::with_cosignatures(&unsigned.unwrap(), &lines, &genesis).unwrap();
        sealer.publish_cosigned(&cosigned).await?;
    }
    Ok(())
}

/// Lets a process go on: what it waits at ends so. Returns when it waits again, or has ended.
pub async fn go_on(outside: &Simulated, outcome: Outcome) -> Option<Call> {
    let waited = outside.place().waits.lock().unwrap().take();
    let call = waited.map(|(call, go)| {
        // Nobody may be there any more: what waited was given up.
        let _ = go.send(outcome);
        call
    });
    settle(outside).await;
    call
}

/// Returns when the process waits, or has ended.
pub async fn settle(outside: &Simulated) {
    loop {
        let place = outside.place();
        if place.waits.lock().unwrap().is_some() || place.ended.lock().unwrap().is_some() {
            return;
        }
        place.moved.notified().await;
    }
}
