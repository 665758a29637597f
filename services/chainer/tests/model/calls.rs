//! Each outside call fails in both ways, once: what the process does then, and how far the chain has come by that moment.

use std::sync::Arc;

use medtrace_log::topics::{BLOCKS, CHAINER_LEASE, CHECKPOINTS};

use crate::check::audit;
use crate::log::{Outcome, Pool};
use crate::outside::Call;
use crate::{Stage, on_stage};

use Outcome::{Done, DoneAndDead, DoneButFailed, NotDone, Open};
use Reaction::{BeginsAnew, Dies, Ends, GoesOn};
use What::{At, DiskAfterTheCommit, DiskAtTheStart};

/// Steps within which a process must have sealed what waits.
const STEPS_MAX: usize = 200;

#[derive(Clone, Copy, Debug)]
enum What {
    At(Call),
    DiskAtTheStart,
    DiskAfterTheCommit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reaction {
    /// The same leadership goes on to the end.
    GoesOn,
    /// The same process takes the log over again.
    BeginsAnew,
    /// The process ends and says this.
    Ends(&'static str),
    /// The schedule has killed it.
    Dies,
}

/// A call and how it ends; what the process does; blocks written and signed by the moment that it has done everything,
/// or has ended. Everywhere the next start does the rest.
const TABLE: &[(What, Outcome, Reaction, (u64, u64))] = &[
    (At(Call::Open), NotDone, BeginsAnew, (1, 1)),
    (At(Call::Open), DoneButFailed, BeginsAnew, (1, 1)),
    (At(Call::Open), DoneAndDead, Dies, (0, 0)),
    (At(Call::Last(CHECKPOINTS)), NotDone, BeginsAnew, (1, 1)),
    (At(Call::Last(CHECKPOINTS)), DoneButFailed, BeginsAnew, (1, 1)),
    (At(Call::Last(BLOCKS)), NotDone, BeginsAnew, (1, 1)),
    (At(Call::Last(BLOCKS)), DoneButFailed, BeginsAnew, (1, 1)),
    (At(Call::Blocks), NotDone, BeginsAnew, (1, 1)),
    (At(Call::Blocks), DoneButFailed, BeginsAnew, (1, 1)),
    (At(Call::Block), NotDone, BeginsAnew, (1, 1)),
    (At(Call::Block), DoneButFailed, BeginsAnew, (1, 1)),
    (At(Call::AskWitnesses), NotDone, GoesOn, (1, 1)),
    (At(Call::AskWitnesses), DoneButFailed, GoesOn, (1, 1)),
    (At(Call::Topics), NotDone, BeginsAnew, (1, 1)),
    (At(Call::Topics), DoneButFailed, BeginsAnew, (1, 1)),
    (At(Call::Headers), NotDone, BeginsAnew, (1, 1)),
    (At(Call::Headers), DoneButFailed, BeginsAnew, (1, 1)),
    (DiskAtTheStart, NotDone, Ends("failed to write"), (0, 0)),
    (DiskAtTheStart, DoneButFailed, Ends("failed to write"), (0, 0)),
    (At(Call::Commit(CHAINER_LEASE)), NotDone, GoesOn, (1, 1)),
    (At(Call::Commit(CHAINER_LEASE)), DoneButFailed, Ends("outcome unknown"), (0, 0)),
    (At(Call::Commit(CHAINER_LEASE)), DoneAndDead, Dies, (0, 0)),
    (At(Call::Commit(BLOCKS)), NotDone, GoesOn, (1, 1)),
    (At(Call::Commit(BLOCKS)), DoneButFailed, Ends("outcome unknown"), (1, 0)),
    (At(Call::Commit(BLOCKS)), Open, Ends("outcome unknown"), (0, 0)),
    (At(Call::Commit(BLOCKS)), DoneAndDead, Dies, (1, 0)),
    (At(Call::ReadBack), NotDone, BeginsAnew, (1, 1)),
    (At(Call::ReadBack), DoneButFailed, BeginsAnew, (1, 1)),
    (DiskAfterTheCommit, NotDone, Ends("failed to write"), (1, 0)),
    (DiskAfterTheCommit, DoneButFailed, Ends("failed to write"), (1, 0)),
    (At(Call::Commit(CHECKPOINTS)), NotDone, GoesOn, (1, 1)),
    (At(Call::Commit(CHECKPOINTS)), DoneButFailed, Ends("outcome unknown"), (1, 1)),
    (At(Call::Commit(CHECKPOINTS)), Open, Ends("outcome unknown"), (1, 0)),
    (At(Call::Commit(CHECKPOINTS)), DoneAndDead, Dies, (1, 1)),
];

#[test]
fn each_outside_call_fails_both_ways() {
    let pool = Arc::new(Pool::new());
    for (what, outcome, reaction, progress) in TABLE {
        on_stage(&pool, 1, async |stage| {
            assert_eq!(fail(stage, *what, *outcome).await, (*reaction, *progress), "{what:?}, {outcome:?}");
            to_the_end(stage).await;
        });
    }
}

/// A block is sealed, the process starts anew, and one more record waits; then the call ends so.
async fn fail(stage: &mut Stage, what: What, outcome: Outcome) -> (Reaction, (u64, u64)) {
    stage.world.lock().unwrap().orderly = true;
    record(stage, 0);
    to_the_end(stage).await;
    stage.kill(0).await;
    record(stage, 1);
    let before = so_far(stage);
    let (_, takeovers) = (stage.step(0, Done).await, stage.world.lock().unwrap().taken_over);
    let mut failed = false;
    for _ in 0..STEPS_MAX {
        let waits = stage.places[0].waits.lock().unwrap().as_ref().map(|(call, _)| *call);
        let mut ends = Done;
        let (at, disk) = match what {
            At(call) => (call, false),
            DiskAtTheStart => (Call::Open, true),
            DiskAfterTheCommit => (Call::ReadBack, true),
        };
        if !failed && waits == Some(at) {
            failed = true;
            match disk {
                true => stage.world.lock().unwrap().machines[0].fault = Some(outcome),
                false => ends = outcome,
            }
        }
        let lives = stage.step(0, ends).await;
        stage.check();
        let progress = so_far(stage);
        let progress = (progress.0 - before.0, progress.1 - before.1);
        if !lives {
            let said = stage.steps.last().cloned().unwrap_or_default();
            let known = ["outcome unknown", "failed to write"].into_iter().find(|text| said.contains(text));
            return (known.map_or(Dies, Ends), progress);
        }
        if failed && stage.world.lock().unwrap().is_done() {
            // One takeover is the rule; a call to open that was not done counts for none.
            let again = stage.world.lock().unwrap().taken_over - takeovers;
            let opened_late = matches!(what, At(Call::Open)) && outcome == NotDone;
            return (if again > 1 || opened_late { BeginsAnew } else { GoesOn }, progress);
        }
    }
    panic!("{what:?}, {outcome:?}: nothing comes of it");
}

fn record(stage: &Stage, index: usize) {
    let mut world = stage.world.lock().unwrap();
    let partition = &mut world.partitions[index];
    partition.records.push((partition.end, 0));
    partition.end += 1;
}

fn so_far(stage: &Stage) -> (u64, u64) {
    let world = stage.world.lock().unwrap();
    (world.blocks.len() as u64, world.published())
}

/// A process without faults does the rest.
pub async fn to_the_end(stage: &mut Stage) {
    for _ in 0..STEPS_MAX {
        stage.step(0, Done).await;
        stage.check();
        if stage.world.lock().unwrap().is_done() {
            return audit(&stage.world).await;
        }
    }
    panic!("not everything is sealed");
}
