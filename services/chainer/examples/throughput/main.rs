//! What the chainer itself can take, without ingest and indexer: each stage alone; a backlog in Kafka sealed by the whole
//! of it; and at half of that rate, how long it takes from Kafka's acknowledgement of a submission to a published
//! checkpoint over it, from which it can be proven. Events of 464 bytes, as in BENCHMARKS.md.
//!
//! ```text
//! cargo run --release -p medtrace-chainer --example throughput [events of the backlog; 0: the stages alone]
//! ```

#![allow(clippy::unwrap_used)]

mod made;
mod sealing;
mod stages;

use std::fs;
use std::thread;

/// Submissions of each shape that are made; they are used again and again.
const DISTINCT: usize = 256;

fn main() {
    let backlog: u64 = std::env::args().nth(1).map_or(0, |events| events.parse().expect("a number of events"));
    let cores = thread::available_parallelism().unwrap().get();
    println!(
        "{}, {cores} cores, Linux {}",
        processor(),
        fs::read_to_string("/proc/sys/kernel/osrelease").unwrap().trim()
    );
    let shapes =
        [500u16, 1].map(|events| (events, (0..DISTINCT).map(|number| made::value(number, events.into())).collect()));
    for (events, values) in &shapes {
        let values: &Vec<Vec<u8>> = values;
        let bytes: usize = values.iter().map(Vec::len).sum::<usize>() / values.len();
        let print = |stage: String, rate: f64| {
            println!("  {stage:<24} {rate:>9.0} submissions/s  {:>10.0} events/s", rate * f64::from(*events));
        };
        println!("submissions of {events} ({bytes} bytes each):");
        print(format!("verified on {cores} cores"), stages::verified(values, cores));
        let (derived, confirmed) = stages::derived(values);
        print("cut on one core".into(), derived);
        print("roots derived again".into(), confirmed);
    }
    if backlog > 0 {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        for ((events, values), backlog) in shapes.into_iter().zip([backlog, backlog / 50]) {
            runtime.block_on(sealing::measure(events.into(), values, backlog));
        }
    }
}

fn processor() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap();
    let line = info.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or(": unknown");
    line.trim_start_matches(['\t', ' ', ':']).to_owned()
}
