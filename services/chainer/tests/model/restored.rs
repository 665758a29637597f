//! A log that was put back from an older copy, with disks that are lost or older: what a quorum has cosigned is never
//! signed otherwise, as long as a quorum answers. (Where log and disk were put back together and no witness answers,
//! nothing is left that knows better. What is signed then, no quorum will ever cosign.) Where only `blocks` lost its end,
//! the last checkpoint in the log knows better, whatever else is lost; where no disk is lost, all processes do; where all are,
//! nobody signs until a quorum answers.

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
        let (known, away) = put_back(stage).await;
        for _ in 0..AFTER {
            stage.any_without_loss(away).await;
            never_twice(stage, known);
        }
        let world = stage.world.lock().unwrap();
        counted = (world.blocks.len() as u64, world.taken_over);
    });
    counted
}

/// Ends everybody and puts the log and the disks back to some earlier moment each, `checkpoints` only sometimes. Returns
/// the size that is still known (what a quorum has cosigned, the log itself says, or every process remembers), and how many
/// witnesses may be away at a time.
async fn put_back(stage: &mut Stage) -> (u64, usize) {
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
    if world.dice.bool() {
        let checkpoints = world.checkpoints.iter().take_while(|message| kept(message)).count();
        world.checkpoints.truncate(checkpoints);
    }
    let disks = world.dice.u8(..3);
    for machine in &mut world.machines {
        match disks {
            0 => {}
            1 => machine.disk.clear(),
            _ if world.dice.bool() => machine.disk.truncate(world.dice.usize(..=machine.disk.len())),
            _ => {}
        }
    }
    let remembered = world.machines.iter().map(|machine| machine.disk.last().map_or(0, |standing| standing.size));
    let known = remembered.min().unwrap_or_default().max(world.quorum).max(world.published());
    world.witnesses.iter_mut().for_each(|witness| witness.0 = true);
    // Of a quorum of two, one away leaves somebody who has seen it.
    (known, if disks == 1 { 2 } else { 1 })
}

fn never_twice(stage: &Stage, known: u64) {
    let world = stage.world.lock().unwrap();
    for (size, roots) in world.signed.range(..=known) {
        assert_eq!(roots.len(), 1, "{size} headers were signed twice, {known} were known");
    }
}

impl Stage {
    /// A step after which the disks are as they were: more records, and processes that go on.
    async fn any_without_loss(&mut self, away: usize) {
        let (what, id, index) = {
            let mut world = self.world.lock().unwrap();
            let partitions = world.partitions.len();
            (world.dice.u8(..10), world.dice.usize(..PROCESSES), world.dice.usize(..partitions))
        };
        match what {
            0 => self.world.lock().unwrap().append(index),
            1 => {
                let mut world = self.world.lock().unwrap();
                world.witnesses.iter_mut().for_each(|witness| witness.0 = true);
                (0..away).for_each(|next| world.witnesses[(id + next) % PROCESSES].0 = false);
            }
            _ => {
                let id = self.favourite_or(id);
                self.step(id, Outcome::Done).await;
            }
        }
    }
}

#[test]
fn a_log_from_an_older_copy_is_never_signed_otherwise_than_is_known() {
    many("restored logs", 4, restored);
}
