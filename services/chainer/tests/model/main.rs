//! A model test of the chainer's core: random schedules of records, crashes, lost and repeated commits, clocks that jump,
//! leaders that are paused, witnesses that do not answer and disks that are lost, against a simple model in memory. After
//! every step everything that was written and signed is held against it, and in the end, when all is well again,
//! everything that was acknowledged must be sealed once.
//!
//! A process waits before each of its outside calls until the schedule says how the call ends, so that every interleaving
//! of two leaders can happen, also in the midst of a block. There is no lease in this world: anybody may lead at any
//! moment, which is worse than what the lease allows.
//!
//! Deliberate defects, tried one at a time, and the tests here that then failed:
//!
//! ```text
//! a checkpoint is signed before its block is committed           calls, flips, restored, schedules
//! a block is not read back                                       calls
//! a checkpoint is signed before it is remembered                 calls
//! the standing file stays at the first block                     calls
//! the last checkpoint is not held against the chain              restored
//! witnesses are not asked                                        calls, restored
//! an unseen partition starts at 1                                calls, flips, restored, schedules
//! a block's events are judged before its notices                 restored, schedules
//! header time goes back with the clock                           restored, schedules
//! a commit of unknown outcome is tried again                     calls, restored, schedules
//! a clock that is not the broker's is believed                   restored, schedules
//! an older checkpoint is published without the newest            restored, schedules
//! ```
//!
//! Not found: that the standing file is not held against the chain; that a leader which is shut out goes on, as long as it
//! reads back (that stops it); that a block which nobody signed is not recomputed (nobody but a chainer writes `blocks` here).
//!
//! `MEDTRACE_MODEL_RUNS` is the number of schedules, without a bound of time; `MEDTRACE_MODEL_SEED` runs one of them.

#![allow(clippy::unwrap_used)]

mod calls;
mod check;
mod clocks;
mod flips;
mod life;
mod log;
mod outside;
mod restored;
#[path = "../world/mod.rs"]
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use life::{go_on, live, settle};
use log::{Outcome, PASS_MS, PASSES_MAX, PROCESSES, Pool, REMADE_MAX, World};
use outside::{Place, Simulated};
use tokio::task::JoinHandle;
use world::NOW_MS;

/// Schedules in a normal run, and how long it may take; at least [`RUNS_MIN`] are made.
const RUNS: u64 = 4_000;
const RUNS_MIN: u64 = 300;
const RUN_TIME: Duration = Duration::from_secs(15);
/// Steps of a schedule, before all is made well.
const STEPS: usize = 150;
/// Steps within which one process must then have sealed everything.
const STEPS_TO_END: usize = 3_000;
/// Of these, so often somebody looks whether a gap must be told.
const STEPS_TO_MEND: usize = 40;

/// The world with its processes.
pub struct Stage {
    pub world: Arc<Mutex<World>>,
    pub places: Arc<[Place; PROCESSES]>,
    pub running: [Option<JoinHandle<()>>; PROCESSES],
    /// Most steps are this one's.
    favourite: usize,
    /// What was done, to be read where something fails.
    pub steps: Vec<String>,
}

impl Stage {
    pub fn new(pool: &Arc<Pool>, seed: u64) -> Stage {
        let world = World::new(pool.clone(), fastrand::Rng::with_seed(seed));
        clocks::set(world.now_ms());
        (0..PROCESSES).for_each(|id| clocks::jump(id, 0));
        let running = Default::default();
        Stage { world: Arc::new(Mutex::new(world)), places: Arc::default(), running, favourite: 0, steps: Vec::new() }
    }

    pub fn outside(&self, id: usize) -> Simulated {
        Simulated { id, world: self.world.clone(), places: self.places.clone() }
    }

    pub async fn start(&mut self, id: usize) {
        let outside = self.outside(id);
        *outside.place().ended.lock().unwrap() = None;
        self.running[id] = Some(tokio::task::spawn_local(live(outside.clone())));
        settle(&outside).await;
    }

    /// Ends a process at whatever it waits at.
    pub async fn kill(&mut self, id: usize) {
        if let Some(task) = self.running[id].take() {
            task.abort();
            let _ = task.await;
        }
        *self.places[id].waits.lock().unwrap() = None;
    }

    /// Lets a process go on; one that is not running is started. True if it is still there.
    pub async fn step(&mut self, id: usize, outcome: Outcome) -> bool {
        if self.running[id].is_none() {
            self.steps.push(format!("start {id}"));
            self.start(id).await;
            return true;
        }
        let outside = self.outside(id);
        if outcome == Outcome::DoneAndDead {
            let waited = outside.place().waits.lock().unwrap().take();
            if let Some((call, go)) = waited {
                self.steps.push(format!("{id}: {call:?} is done, and {id} dies"));
                let _ = go.send(outcome);
                // It takes what it was told, and then waits for ever.
                tokio::task::yield_now().await;
            }
            self.kill(id).await;
            return false;
        }
        let call = go_on(&outside, outcome).await;
        self.steps.push(format!("{id}: {call:?} {outcome:?}"));
        let ended = outside.place().ended.lock().unwrap().take();
        if let Some(ended) = &ended {
            self.steps.push(format!("{id} ends: {ended}"));
            self.kill(id).await;
        }
        ended.is_none()
    }

    /// One step of the schedule.
    async fn any(&mut self) {
        let (what, id, index, some) = {
            let mut world = self.world.lock().unwrap();
            let partitions = world.partitions.len();
            (world.dice.u8(..100), world.dice.usize(..PROCESSES), world.dice.usize(..partitions), world.dice.u8(..))
        };
        match what {
            0..20 => self.tell(format!("a record in {index}"), |world| world.append(index)),
            20..24 => self.tell(format!("a repetition or a gap in {index}"), |world| world.repeat(index)),
            24..26 => self.tell("another partition".into(), World::grow),
            26 | 27 => {
                let ahead_ms = [0, 0, 40_000, -40_000, 120_000, -120_000, 7_200_000, -7_200_000][usize::from(some) % 8];
                clocks::jump(id, ahead_ms);
                self.steps.push(format!("{id}'s clock jumps to {ahead_ms} ms ahead"));
            }
            28 | 29 => self.tell(format!("witness {id} comes or goes"), |world| world.witnesses[id].0 ^= true),
            30 if some < 80 => self.tell("scan-events is made anew".into(), World::make_anew),
            31 => self.tell("a gap notice".into(), |world| {
                let gone = world.lost.len();
                let any = world.dice.usize(..REMADE_MAX);
                world.tell_gap(if some % 4 == 0 { any } else { gone.saturating_sub(1) });
            }),
            32 => {
                self.steps.push(format!("{id} is killed"));
                self.kill(id).await;
            }
            33 => {
                let fault = [Outcome::NotDone, Outcome::DoneButFailed][usize::from(some) % 2];
                self.tell(format!("{id}'s disk: {fault:?}"), |world| world.machines[id].fault = Some(fault));
            }
            34 => {
                self.kill(id).await;
                self.tell(format!("{id}'s disk is lost, or put back"), |world| {
                    let disk = &mut world.machines[id].disk;
                    disk.truncate(if some % 2 == 0 { 0 } else { disk.len() / 2 });
                });
            }
            35 if some < 64 => {
                self.steps.push("eight days pass".into());
                let mut world = self.world.lock().unwrap();
                if world.base_ms < NOW_MS + PASSES_MAX as u64 * PASS_MS {
                    world.base_ms += PASS_MS;
                    clocks::set(world.now_ms());
                }
            }
            35..38 => {
                self.steps.push("some time passes".into());
                tokio::time::advance(Duration::from_millis(200 + 100 * u64::from(some))).await;
            }
            _ => {
                let outcome = match some {
                    0..4 => Outcome::NotDone,
                    4..8 => Outcome::DoneButFailed,
                    8..11 => Outcome::Open,
                    11..14 => Outcome::DoneAndDead,
                    _ => Outcome::Done,
                };
                let id = self.favourite_or(id);
                self.step(id, outcome).await;
            }
        }
    }

    /// Whom a step goes to: three times in four the same, so that somebody gets through with something.
    fn favourite_or(&mut self, id: usize) -> usize {
        let dice = self.world.lock().unwrap().dice.u8(..64);
        if dice == 0 {
            self.favourite = id;
        }
        if dice < 48 { self.favourite } else { id }
    }

    fn tell(&mut self, step: String, act: impl FnOnce(&mut World)) {
        self.steps.push(step);
        act(&mut self.world.lock().unwrap());
    }

    pub fn check(&self) {
        self.world.lock().unwrap().check();
    }

    /// An operator looks: where the chain is sealed under another id than `scan-events` has, the authority tells of the gap, or
    /// the topic is made anew once more, as a gap told too early wants it.
    fn mend(&mut self) {
        let (sealed, made) = {
            let world = self.world.lock().unwrap();
            (world.check(), world.lost.len())
        };
        match sealed.cmp(&made) {
            std::cmp::Ordering::Less => self.tell(format!("the gap {sealed} is told"), |world| world.tell_gap(sealed)),
            std::cmp::Ordering::Equal => {}
            std::cmp::Ordering::Greater => self.tell("scan-events is made anew for the gap".into(), World::make_anew),
        }
    }

    /// All is well again: one process must seal everything.
    async fn heal(&mut self) {
        for id in 0..PROCESSES {
            self.kill(id).await;
            clocks::jump(id, 0);
        }
        {
            let mut world = self.world.lock().unwrap();
            world.orderly = true;
            world.witnesses.iter_mut().for_each(|witness| witness.0 = true);
            world.machines.iter_mut().for_each(|machine| machine.fault = None);
        }
        self.steps.push("all is well".into());
        // Chain time may be a minute ahead.
        tokio::time::advance(Duration::from_secs(120)).await;
        for step in 1..=STEPS_TO_END {
            assert!(self.step(0, Outcome::Done).await, "nothing is wrong any more");
            if step % STEPS_TO_MEND == 0 {
                self.mend();
            }
            if self.world.lock().unwrap().is_done() {
                return;
            }
        }
        panic!("not everything is sealed after {STEPS_TO_END} steps");
    }
}

/// Runs something on virtual time; where it fails, the steps are printed.
pub fn on_stage(pool: &Arc<Pool>, seed: u64, act: impl AsyncFnOnce(&mut Stage)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, async {
        let mut stage = Stage::new(pool, seed);
        let acted = {
            let acting = futures::FutureExt::catch_unwind(AssertUnwindSafe(act(&mut stage)));
            acting.await
        };
        if let Err(panic) = acted {
            println!("steps of seed {seed}:\n{}", stage.steps.join("\n"));
            println!("run it again with MEDTRACE_MODEL_SEED={seed}");
            std::panic::resume_unwind(panic);
        }
    });
}

/// A schedule to its end: what was written, of how many blocks.
fn schedule(pool: &Arc<Pool>, seed: u64) -> (u64, u64) {
    let mut counted = (0, 0);
    on_stage(pool, seed, async |stage| {
        for _ in 0..STEPS {
            stage.any().await;
            stage.check();
        }
        stage.heal().await;
        stage.check();
        check::audit(&stage.world).await;
        let world = stage.world.lock().unwrap();
        counted = (world.blocks.len() as u64, world.taken_over);
    });
    counted
}

/// Many schedules on all cores; a seed each.
pub fn many(name: &str, share: u64, run: impl Fn(&Arc<Pool>, u64) -> (u64, u64) + Sync) {
    let pool = Arc::new(Pool::new());
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    if let Some(seed) = number("MEDTRACE_MODEL_SEED") {
        println!("{name}: seed {seed}: {:?} blocks and takeovers", run(&pool, seed));
        return;
    }
    let wanted = number("MEDTRACE_MODEL_RUNS");
    let (runs, time) = wanted.map_or((RUNS / share, RUN_TIME / share as u32), |runs| (runs, Duration::MAX));
    // Seeds of their own in each run of the test, so that many runs see many schedules.
    let (first, next, begun) = (fastrand::u64(..) >> 16, AtomicU64::new(0), Instant::now());
    let (blocks, taken_over) = (AtomicU64::new(0), AtomicU64::new(0));
    let failed = Mutex::new(None);
    let work = || {
        loop {
            let run_of = next.fetch_add(1, Ordering::Relaxed);
            let over = run_of >= runs || (begun.elapsed() > time && run_of >= RUNS_MIN);
            if over || failed.lock().unwrap().is_some() {
                return;
            }
            match catch_unwind(AssertUnwindSafe(|| run(&pool, first + run_of))) {
                Ok((made, taken)) => {
                    blocks.fetch_add(made, Ordering::Relaxed);
                    taken_over.fetch_add(taken, Ordering::Relaxed);
                }
                Err(_) => *failed.lock().unwrap() = Some(first + run_of),
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    assert_eq!(*failed.lock().unwrap(), None, "the seed that fails; its steps are printed above");
    println!(
        "{name}: {} schedules from seed {first}: {} blocks, {} takeovers, {:.1} s",
        next.into_inner().min(runs),
        blocks.into_inner(),
        taken_over.into_inner(),
        begun.elapsed().as_secs_f64()
    );
}

#[test]
fn whatever_happens_the_chain_holds_and_goes_on() {
    many("schedules", 1, schedule);
}
