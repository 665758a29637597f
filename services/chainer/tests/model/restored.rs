//! A log that was put back from an older copy, with disks that are lost or older: what a quorum has cosigned is never
//! signed otherwise, as long as a quorum answers. (Where log and disk were put back together and no witness answers,
//! nothing is left that knows better. What is signed then, no quorum will ever cosign.)

use std::sync::Arc;

use crate::log::{Outcome, PROCESSES, Pool};
use crate::{Stage, many, on_stage};

/// Steps before the log is put back, and after.
const BEFORE: usize = 150;
const AFTER: usize = 120;

fn restored(pool: &Arc<Pool>, seed: u64) -> (u64, u64) {
    let mut counted = (0, 0);
    on_stage(pool, seed, async |stage| {
        for _ in 0..BEFORE {
            stage.any().await;
            stage.check();
        }
        let quorum = put_back(stage).await;
        for _ in 0..AFTER {
            stage.any_without_loss().await;
            never_twice(stage, quorum);
        }
        let world = stage.world.lock().unwrap();
        counted = (world.blocks.len() as u64, world.taken_over);
    });
    counted
}

/// Ends everybody and puts the log and the disks back to some earlier moment each. Returns what a quorum has cosigned.
async fn put_back(stage: &mut Stage) -> u64 {
    for id in 0..PROCESSES {
        stage.kill(id).await;
    }
    stage.steps.push("the log is put back from an older copy".into());
    let mut world = stage.world.lock().unwrap();
    let world = &mut *world;
    let keep = world.dice.usize(..=world.blocks.len());
    world.blocks.truncate(keep);
    world.written_ms.truncate(keep);
    world.in_flight = None;
    let kept = |message: &medtrace_log::consumer::Message| {
        let text = String::from_utf8_lossy(&message.value);
        text.lines().nth(1).unwrap().parse::<usize>().unwrap() <= keep
    };
    let checkpoints = world.checkpoints.iter().take_while(|message| kept(message)).count();
    world.checkpoints.truncate(checkpoints);
    for machine in &mut world.machines {
        let lost = world.dice.bool();
        machine.disk.truncate(if lost { world.dice.usize(..=machine.disk.len()) } else { machine.disk.len() });
    }
    world.witnesses.iter_mut().for_each(|witness| witness.0 = true);
    world.quorum
}

fn never_twice(stage: &Stage, quorum: u64) {
    let world = stage.world.lock().unwrap();
    for (size, roots) in world.signed.range(..=quorum) {
        assert_eq!(roots.len(), 1, "{size} headers were signed twice, {quorum} were cosigned");
    }
}

impl Stage {
    /// A step after which the disks are as they were: more records, and processes that go on.
    async fn any_without_loss(&mut self) {
        let (what, id, index) = {
            let mut world = self.world.lock().unwrap();
            let partitions = world.partitions.len();
            (world.dice.u8(..10), world.dice.usize(..PROCESSES), world.dice.usize(..partitions))
        };
        match what {
            0 => self.world.lock().unwrap().append(index),
            1 => {
                // One at a time is away.
                let mut world = self.world.lock().unwrap();
                world.witnesses.iter_mut().for_each(|witness| witness.0 = true);
                world.witnesses[id].0 = false;
            }
            _ => {
                let id = self.favourite_or(id);
                self.step(id, Outcome::Done).await;
            }
        }
    }
}

#[test]
fn a_log_from_an_older_copy_is_never_signed_otherwise_than_a_quorum_has_seen() {
    many("restored logs", 4, restored);
}
