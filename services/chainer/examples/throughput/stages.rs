//! The stages without Kafka: verifying on all cores; cutting with the header, and deriving the roots again, on one.

use std::thread;
use std::time::{Duration, Instant};

use medtrace_chainer::Clock;
use medtrace_chainer::chain::{Chain, Part, confirm};
use medtrace_chainer::inspect::{Consortium, Inspected, inspect};
use medtrace_ledger::{SubmissionKind, TopicUuid};
use medtrace_log::topics::SCAN_EVENTS;

use crate::made::genesis;

const UUID: TopicUuid = TopicUuid([7; 16]);
/// Of each measurement.
const SECONDS: f64 = 5.0;

/// Submissions a second that all cores together inspect.
pub fn verified(values: &[Vec<u8>], cores: usize) -> f64 {
    let consortium = Consortium::of(&genesis());
    let (begun, counts) = (Instant::now(), Vec::from_iter(0..cores));
    let count: u64 = thread::scope(|scope| {
        let workers = counts.iter().map(|_| {
            scope.spawn(|| {
                let mut count = 0;
                while begun.elapsed().as_secs_f64() < SECONDS {
                    let value = values[count as usize % values.len()].clone();
                    assert!(inspect(SubmissionKind::Events, &consortium, count, value).opened.is_ok());
                    count += 1;
                }
                count
            })
        });
        workers.collect::<Vec<_>>().into_iter().map(|worker| worker.join().unwrap()).sum()
    });
    count as f64 / begun.elapsed().as_secs_f64()
}

/// Submissions a second that one core cuts, with the header, and whose roots it derives again from the raw bytes.
pub fn derived(values: &[Vec<u8>]) -> (f64, f64) {
    let consortium = Consortium::of(&genesis());
    let inspected =
        |(offset, value): (u64, &Vec<u8>)| inspect(SubmissionKind::Events, &consortium, offset, value.clone());
    let records: Vec<Inspected> = (0..).zip(values).map(inspected).collect();
    let (mut chain, mut count, mut deriving, mut confirming) =
        (Chain::begin(&genesis()), 0, Duration::ZERO, Duration::ZERO);
    while (deriving + confirming).as_secs_f64() < SECONDS {
        let from = chain.next_offset(&SCAN_EVENTS.parse().unwrap(), UUID, 0);
        let records: Vec<Inspected> =
            (from..).zip(&records).map(|(offset, record)| Inspected { offset, ..record.clone() }).collect();
        let part = Part { topic: SCAN_EVENTS.parse().unwrap(), uuid: UUID, partition: 0, records: &records };
        let begun = Instant::now();
        let derived = chain.derive(Clock::default().now_ms(), std::slice::from_ref(&part)).unwrap();
        chain.append(&derived.header).unwrap();
        deriving += begun.elapsed();
        let begun = Instant::now();
        confirm(&derived.header, &[part]).unwrap();
        confirming += begun.elapsed();
        assert!(derived.header.bad.is_empty());
        count += derived.taken[0];
    }
    (count as f64 / deriving.as_secs_f64(), count as f64 / confirming.as_secs_f64())
}
