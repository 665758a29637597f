//! Group commit against a log that the test holds in its hand: what shares a submission, what each request is told, and
//! what happens when the log fails in both ways.
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::*;
use medtrace_ingest::{
    Metrics,
    group::{CommitError, Committed, GROUP_WAIT_MS, Groups, IN_FLIGHT_MAX, QUEUE_BYTES_MAX, Shared},
    log::AppendError,
    seal::{Body, Consortium, Receipts},
};
use medtrace_ledger::{ItemKind, Signer, submission::SubmissionKind};
use tokio::task::JoinHandle;

const EVENTS: SubmissionKind = SubmissionKind::Events;

struct Bench {
    groups: Arc<Groups>,
    log: Arc<FakeLog>,
    died: Arc<Mutex<Vec<AppendError>>>,
}

fn bench(log: Arc<FakeLog>) -> Bench {
    let died: Arc<Mutex<Vec<AppendError>>> = Arc::default();
    let consortium = Consortium::from(&genesis());
    let name: medtrace_ledger::KeyName = "manufacturer".parse().unwrap();
    let tell = died.clone();
    let shared = Shared {
        receipts: Receipts { origin: consortium.origin.clone(), signer: Signer::new(name, key(20)) },
        consortium,
        log: log.clone(),
        hosted: Box::new(|party| (party.as_str() != "keyless").then(|| key(10))),
        clock: now_ms,
        metrics: Metrics::register(&mut prometheus_client::registry::Registry::default()),
        fatal: Box::new(move |error| tell.lock().unwrap().push(error)),
    };
    Bench { groups: Arc::new(Groups::new(Arc::new(shared))), log, died }
}

/// One item that says its number, padded to a length.
fn body(n: usize, bytes: usize) -> Body {
    let text = format!("{{\"n\":{n},\"pad\":\"{}\"}}", "x".repeat(bytes.saturating_sub(20)));
    Body { kind: ItemKind::Event, bytes: text.into_bytes(), identifiers: 1 }
}

impl Bench {
    fn commit(&self, who: &str, bodies: Vec<Body>) -> JoinHandle<Result<Committed, CommitError>> {
        let (groups, party) = (self.groups.clone(), party(who));
        tokio::spawn(async move { groups.commit(&party, EVENTS, bodies).await })
    }

    /// Waits until so many appends have begun.
    async fn begun(&self, count: u32) {
        self.log.begun.acquire_many(count).await.unwrap().forget();
    }

    /// The numbers that each record holds.
    fn numbers(&self) -> Vec<Vec<u64>> {
        let numbers = |taken: Taken| taken.items().iter().map(|item| item.1["n"].as_u64().unwrap()).collect();
        self.log.taken().into_iter().map(numbers).collect()
    }
}

/// Lets everything that can run now do so. (The clock is paused: it does not move while anything can run.)
async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_arrives_while_a_record_is_in_flight_shares_the_next_and_each_sees_its_own() {
    let bench = bench(FakeLog::gated(0));
    let first = bench.commit("a", vec![body(0, 0)]);
    bench.begun(1).await;
    let second = bench.commit("a", vec![body(1, 0), body(2, 0)]);
    settle().await;
    let third = bench.commit("a", vec![body(3, 0)]);
    let other = bench.commit("b", vec![body(9, 0)]);
    bench.begun(1).await; // of the other party: parties never share
    bench.log.gate.add_permits(9);
    let [first, second, third, other] =
        [first, second, third, other].map(|task| async { task.await.unwrap().unwrap() });
    let (first, second, third, other) = (first.await, second.await, third.await, other.await);

    let mut numbers = bench.numbers();
    numbers.sort();
    assert_eq!(numbers, [vec![0], vec![1, 2, 3], vec![9]]);
    assert_eq!((second.first, third.first), (0, 2));
    assert_eq!(second.submission, third.submission);
    assert_eq!(second.receipt, third.receipt);
    assert!(first.submission != second.submission && other.submission != second.submission);
}

#[tokio::test(start_paused = true)]
async fn a_group_does_not_wait_when_nothing_is_in_flight() {
    let bench = bench(FakeLog::new());
    let begun = tokio::time::Instant::now();
    bench.commit("a", vec![body(0, 0)]).await.unwrap().unwrap();
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_group_closes_after_its_wait_though_the_record_before_is_still_in_flight() {
    let bench = bench(FakeLog::gated(0));
    let _first = bench.commit("a", vec![body(0, 0)]);
    bench.begun(1).await;
    let _second = bench.commit("a", vec![body(1, 0)]);
    let begun = tokio::time::Instant::now();
    bench.begun(1).await;
    assert_eq!(begun.elapsed(), Duration::from_millis(GROUP_WAIT_MS));
}

#[tokio::test(start_paused = true)]
async fn groups_close_at_500_items_and_at_900_kib_and_no_request_is_torn() {
    let bench = bench(FakeLog::gated(0));
    let _blocker = bench.commit("a", vec![body(0, 0)]);
    bench.begun(1).await;
    let mut tasks = Vec::new();
    for request in 0..3 {
        tasks.push(bench.commit("a", (0..200).map(|n| body(request * 200 + n + 1, 0)).collect()));
        settle().await;
    }
    for request in 0..4 {
        tasks.push(bench.commit("a", vec![body(1_000 + request, 250 << 10)]));
        settle().await;
    }
    bench.log.gate.add_permits(99);
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    let mut lengths: Vec<(u64, usize)> = bench.numbers().iter().map(|record| (record[0], record.len())).collect();
    lengths.sort_unstable();
    // 200 + 200 (a third would be 600 items), 200 + three large ones (a fourth would be 1,000 KiB), the fourth.
    assert_eq!(lengths, [(0, 1), (1, 400), (401, 203), (1_003, 1)]);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_goes_away_is_carried_out_all_the_same() {
    let bench = bench(FakeLog::gated(0));
    let first = bench.commit("a", vec![body(0, 0)]);
    bench.begun(1).await;
    let gone = bench.commit("a", vec![body(1, 0)]);
    settle().await;
    gone.abort();
    first.abort();
    bench.log.gate.add_permits(9);
    bench.groups.drain().await;
    assert_eq!(bench.numbers(), [vec![0], vec![1]]);
}

#[tokio::test(start_paused = true)]
async fn the_queue_is_bounded_and_what_it_refuses_is_not_done() {
    let bench = bench(FakeLog::gated(0));
    let large = |n| vec![body(n, 220 << 10), body(n, 220 << 10), body(n, 220 << 10), body(n, 220 << 10)];
    let fits = QUEUE_BYTES_MAX / (880 << 10);
    let mut tasks = Vec::new();
    for n in 0..fits {
        tasks.push(bench.commit("a", large(n)));
    }
    settle().await;
    assert_eq!(bench.commit("a", large(99)).await.unwrap(), Err(CommitError::Full));
    assert!(bench.log.begun.available_permits() <= IN_FLIGHT_MAX);
    bench.log.gate.add_permits(999);
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    bench.commit("a", vec![body(100, 0)]).await.unwrap().unwrap();
    assert_eq!(bench.numbers().concat().len(), 4 * fits + 1);
}

#[tokio::test(start_paused = true)]
async fn the_log_fails_in_every_way() {
    // What the log does, what the client is told, what the log then holds, and after the client sent the same again.
    let unknown = |cause: &str| CommitError::Append(AppendError::Unknown(cause.into()));
    let table = [
        (Act::Refuse, Err(CommitError::Append(AppendError::NotDone("refused".into()))), vec![], vec![vec![7]]),
        (Act::Lose, Err(unknown("lost")), vec![], vec![vec![7]]),
        (Act::TakeUnseen, Err(unknown("timed out")), vec![vec![7]], vec![vec![7], vec![7]]),
        (Act::Take, Ok(()), vec![vec![7]], vec![vec![7], vec![7]]),
    ];
    for (act, told, held, after) in table {
        let bench = bench(FakeLog::scripted([act.clone()]));
        let outcome = bench.commit("a", vec![body(7, 0)]).await.unwrap();
        assert_eq!(outcome.map(|_| ()), told, "{act:?}");
        assert_eq!(bench.numbers(), held, "{act:?}");
        // The same item again: the same bytes, so that it counts once.
        bench.commit("a", vec![body(7, 0)]).await.unwrap().unwrap();
        assert_eq!(bench.numbers(), after, "{act:?}");
        assert!(bench.died.lock().unwrap().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_told_to_every_request_of_the_group_and_to_no_other() {
    let bench = bench(FakeLog::gated(0));
    bench.log.script.lock().unwrap().extend([Act::Take, Act::Lose, Act::Take]);
    let first = bench.commit("a", vec![body(0, 0)]);
    bench.begun(1).await;
    let shared = [1, 2].map(|n| bench.commit("a", vec![body(n, 0)]));
    settle().await;
    bench.log.gate.add_permits(1);
    assert!(first.await.unwrap().is_ok());
    bench.begun(1).await;
    let next = bench.commit("a", vec![body(3, 0)]);
    settle().await;
    bench.log.gate.add_permits(9);
    for task in shared {
        assert!(matches!(task.await.unwrap(), Err(CommitError::Append(AppendError::Unknown(_)))));
    }
    assert!(next.await.unwrap().is_ok());
    assert_eq!(bench.numbers(), [vec![0], vec![3]]);
}

#[tokio::test(start_paused = true)]
async fn an_unusable_producer_ends_the_process() {
    let bench = bench(FakeLog::scripted([Act::Die]));
    let outcome = bench.commit("a", vec![body(0, 0)]).await.unwrap();
    assert_eq!(outcome, Err(CommitError::Append(AppendError::Fatal("fenced".into()))));
    assert_eq!(*bench.died.lock().unwrap(), [AppendError::Fatal("fenced".into())]);
}

#[tokio::test(start_paused = true)]
async fn without_a_valid_hosted_key_nothing_is_sent() {
    let bench = bench(FakeLog::new());
    assert_eq!(bench.commit("keyless", vec![body(0, 0)]).await.unwrap(), Err(CommitError::NoKey));
    assert!(bench.log.taken().is_empty());
}
