//! What the chainer itself can take, without ingest and indexer: verifying on all cores, deriving on one, and a backlog in
//! Kafka sealed by the whole of it. Events of 464 bytes, as in BENCHMARKS.md.
//!
//! ```text
//! cargo run --release -p medtrace-chainer --example throughput [events of the backlog; 0: none]
//! ```

#![allow(clippy::unwrap_used)]

use std::fs;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use medtrace_chainer::chain::{Chain, Part, confirm};
use medtrace_chainer::inspect::{Consortium, Inspected, inspect};
use medtrace_chainer::{Clock, Config, Metrics, Status, run};
use medtrace_ledger::genesis::Quorum;
use medtrace_ledger::policy::Policy;
use medtrace_ledger::{
    Genesis, Hash, Item, ItemKind, KeyName, Salt, Signer, SigningKey, SubmissionKind, TopicUuid, seal_submission,
};
use medtrace_log::consumer::{Follower, Isolation};
use medtrace_log::embedded::Scratch;
use medtrace_log::producer::Producer;
use medtrace_log::record::Record;
use medtrace_log::topics::SCAN_EVENTS;
use medtrace_service::Shutdown;

/// Submissions of each shape that are made; they are used again and again.
const DISTINCT: usize = 256;
/// Of each measurement without Kafka.
const SECONDS: f64 = 5.0;
/// Submissions that are on their way to Kafka at a time.
const AT_ONCE: usize = 64;
const EVENT_BYTES: usize = 464;

fn signer(name: &str) -> Signer {
    Signer::new(name.parse::<KeyName>().unwrap(), SigningKey::from_seed(&Hash::of(name).0))
}

fn genesis() -> Genesis {
    let log = signer("county.example/log");
    Genesis {
        origin: "county.example/log".parse().unwrap(),
        time_ms: 0,
        authority: Quorum { threshold: 1, keys: vec![signer("authority").verifier()] },
        policy: Policy::alone(log.verifier()),
    }
}

/// A Kafka value of so many events, signed by the authority's key, which is valid from the beginning.
fn value(number: usize, events: usize) -> Vec<u8> {
    let bodies: Vec<String> = (0..events)
        .map(|event| {
            let head =
                format!("{{\"eventID\":\"urn:uuid:{number:08x}-{event:04x}-8000-8000-000000000000\",\"type\":\"");
            let fill = Hash::of(format!("{number} {event}")).to_string().repeat(EVENT_BYTES / 44 + 1);
            let rest = EVENT_BYTES - head.len() - 2;
            format!("{head}{}\"}}", &fill[..rest])
        })
        .collect();
    let salt = |event: usize| Salt(Hash::of(format!("salt {event}")).0[..16].try_into().unwrap());
    let items: Vec<Item<'_>> = bodies
        .iter()
        .enumerate()
        .map(|(event, body)| Item { kind: ItemKind::Event, salt: salt(event), bytes: body.as_bytes() })
        .collect();
    let leaves: Vec<_> = items.iter().map(Item::leaf).collect();
    let (genesis, key) = (genesis(), SigningKey::from_seed(&Hash::of("authority").0));
    let (party, now_ms) = ("authority".parse().unwrap(), Clock::default().now_ms());
    let sealed =
        seal_submission(SubmissionKind::Events, &genesis.origin, genesis.hash(), &party, &[key], now_ms, &leaves);
    Record::pack(sealed.unwrap().note, items).unwrap().encode().unwrap()
}

fn main() {
    let backlog: u64 = std::env::args().nth(1).map_or(0, |events| events.parse().expect("a number of events"));
    let cores = thread::available_parallelism().unwrap().get();
    println!(
        "{}, {cores} cores, Linux {}",
        processor(),
        fs::read_to_string("/proc/sys/kernel/osrelease").unwrap().trim()
    );
    for events in [500, 1] {
        let values: Vec<Vec<u8>> = (0..DISTINCT).map(|number| value(number, events)).collect();
        let bytes: usize = values.iter().map(Vec::len).sum::<usize>() / values.len();
        let verified = verified(&values, cores);
        println!("submissions of {events} ({bytes} bytes each):");
        println!(
            "  verified on {cores} cores    {verified:>9.0} submissions/s  {:>9.0} events/s",
            verified * events as f64
        );
        let (derived, confirmed) = derived(&values);
        println!("  derived on one core    {derived:>9.0} submissions/s  {:>9.0} events/s", derived * events as f64);
        println!(
            "  roots derived again    {confirmed:>9.0} submissions/s  {:>9.0} events/s",
            confirmed * events as f64
        );
    }
    if backlog > 0 {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        for (events, backlog) in [(500, backlog), (1, backlog / 50)] {
            runtime.block_on(sealed(events, backlog));
        }
    }
}

/// Submissions a second that all cores together inspect.
fn verified(values: &[Vec<u8>], cores: usize) -> f64 {
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
fn derived(values: &[Vec<u8>]) -> (f64, f64) {
    let consortium = Consortium::of(&genesis());
    let inspected =
        |(offset, value): (u64, &Vec<u8>)| inspect(SubmissionKind::Events, &consortium, offset, value.clone());
    let records: Vec<Inspected> = (0..).zip(values).map(inspected).collect();
    let (mut chain, mut count, mut deriving, mut confirming) =
        (Chain::begin(&genesis()), 0, Duration::ZERO, Duration::ZERO);
    while (deriving + confirming).as_secs_f64() < SECONDS {
        let from = chain.next_offset(&SCAN_EVENTS.parse().unwrap(), 0);
        let records: Vec<Inspected> =
            (from..).zip(&records).map(|(offset, record)| Inspected { offset, ..record.clone() }).collect();
        let uuid = TopicUuid([7; 16]);
        let part = Part { topic: SCAN_EVENTS.parse().unwrap(), uuid, partition: 0, records: &records };
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

/// Puts a backlog into Kafka, reads it once, and lets a chainer seal it.
async fn sealed(events: usize, backlog: u64) {
    let kafka = Scratch::start().await;
    let cluster = kafka.cluster();
    let values: Arc<Vec<Vec<u8>>> = Arc::new((0..DISTINCT).map(|number| value(number, events)).collect());
    let submissions = backlog / events as u64;
    let producer = Producer::open(&cluster).unwrap();
    let sending = (0..AT_ONCE as u64).map(|lane| {
        let (producer, values) = (producer.clone(), values.clone());
        async move {
            for number in (lane..submissions).step_by(AT_ONCE) {
                let partition = i32::try_from(number % 4).unwrap();
                let value = &values[usize::try_from(number).unwrap() % values.len()];
                producer.send(SCAN_EVENTS, Some(partition), b"", value).await.unwrap();
            }
        }
    });
    futures::future::join_all(sending).await;

    let begun = Instant::now();
    let starts: Vec<(i32, u64)> = (0..4).map(|partition| (partition, 0)).collect();
    let reader = Follower::open(&cluster, SCAN_EVENTS, Isolation::Everything, &starts).await.unwrap();
    for _ in 0..submissions {
        reader.next().await.unwrap();
    }
    let read = backlog as f64 / begun.elapsed().as_secs_f64();
    drop(reader);

    let data = kafka.folder().join("chainer");
    fs::create_dir(&data).unwrap();
    let config = Config {
        admin: ([127, 0, 0, 1], 0).into(),
        kafka: cluster,
        genesis: genesis(),
        data,
        signer: signer("county.example/log"),
        witnesses: Vec::new(),
        heartbeat: Duration::from_secs(60),
        clock: Clock::default(),
    };
    let (metrics, status, shutdown) = (Metrics::register(&mut Default::default()), Status::default(), Shutdown::new());
    let (counted, begun) = (metrics.clone(), Instant::now());
    let wait = async {
        while counted.records.get() < submissions {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        shutdown.cancel();
        begun.elapsed()
    };
    let (ran, took) = tokio::join!(run(&config, &metrics, &status, shutdown.clone()), wait);
    ran.unwrap();
    assert_eq!(counted.bad.get(), 0);
    let sealed = backlog as f64 / took.as_secs_f64();
    println!("a backlog of {backlog} events in submissions of {events}, from start to the last checkpoint:");
    println!(
        "  {sealed:.0} events/s in {} blocks; only read from Kafka {read:.0}/s (ratio {:.2})",
        counted.blocks.get(),
        sealed / read
    );
    println!("  memory at most {} MiB, this program's own {DISTINCT} submissions included", peak_kib() >> 10);
}

fn processor() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap();
    let line = info.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or(": unknown");
    line.trim_start_matches(['\t', ' ', ':']).to_owned()
}

fn peak_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
