//! The whole chainer on a Kafka of its own.

use std::collections::BTreeMap;
use std::fs;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures::future::{join, join_all};
use medtrace_chainer::{Clock, Config, Metrics, Status, run};
use medtrace_log::Cluster;
use medtrace_log::consumer::{Follower, Isolation};
use medtrace_log::embedded::Scratch;
use medtrace_log::producer::Producer;
use medtrace_log::sealed::read_header;
use medtrace_log::topics::{BLOCKS, CHECKPOINTS, SCAN_EVENTS};
use medtrace_service::Shutdown;
use tokio::time::sleep_until;

use crate::made::{genesis, signer};

/// Submissions that are on their way to Kafka at a time.
const AT_ONCE: u64 = 64;
/// Partitions that are written.
const PARTITIONS: u64 = 4;
/// How long the latency is measured.
const PACED: Duration = Duration::from_secs(15);
/// Longest wait for the last checkpoint.
const WAIT: Duration = Duration::from_secs(60);

/// Puts a backlog into Kafka, reads it once, lets a chainer seal it, and then sends at half of the rate that it had.
pub async fn measure(events: u64, values: Vec<Vec<u8>>, backlog: u64) {
    let kafka = Scratch::start().await;
    let cluster = kafka.cluster();
    let submissions = backlog / events;
    let load = Arc::new(Load { producer: Producer::open(&cluster).unwrap(), values, unproven: Mutex::default() });
    join_all((0..AT_ONCE).map(|lane| load.send((lane..submissions).step_by(AT_ONCE as usize)))).await;
    load.unproven.lock().unwrap().clear();

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
        kafka: cluster.clone(),
        genesis: genesis(),
        data,
        signer: signer("county.example/log"),
        witnesses: Vec::new(),
        archive: None,
        heartbeat: Duration::from_secs(60),
        clock: Clock::default(),
    };
    let (metrics, status, shutdown) = (Metrics::register(&mut Default::default()), Status::default(), Shutdown::new());
    let (counted, begun) = (metrics.clone(), Instant::now());
    let work = async {
        while counted.records.get() < submissions {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let (took, blocks) = (begun.elapsed(), counted.blocks.get());
        let rate = backlog as f64 / took.as_secs_f64();
        println!("a backlog of {backlog} events in submissions of {events}, from start to the last checkpoint:");
        println!("  {rate:.0} events/s in {blocks} blocks (read alone {read:.0}/s, ratio {:.2})", rate / read);
        println!("  memory at most {} MiB, this program's own submissions included", peak_kib() >> 10);
        paced(&cluster, &load, rate / events as f64 / 2.0, events).await;
        shutdown.cancel();
    };
    let (ran, ()) = join(run(&config, &metrics, &status, shutdown.clone()), work).await;
    ran.unwrap();
    assert_eq!(counted.bad.get(), 0);
}

/// Sends so many submissions a second, evenly, and prints how long after its acknowledgement each could be proven.
async fn paced(cluster: &Cluster, load: &Arc<Load>, rate: f64, events: u64) {
    let proving = tokio::spawn(prove(cluster.clone(), load.clone(), (rate * PACED.as_secs_f64()) as usize));
    let (begun, count) = (tokio::time::Instant::now(), (rate * PACED.as_secs_f64()) as u64);
    let mut sends = tokio::task::JoinSet::new();
    for number in 0..count {
        sleep_until(begun + Duration::from_secs_f64(number as f64 / rate)).await;
        let load = load.clone();
        sends.spawn(async move { load.send(number..=number).await });
    }
    sends.join_all().await;
    let mut took = tokio::time::timeout(WAIT, proving).await.unwrap().unwrap();
    took.sort();
    let quantile = |share: f64| took[(share * (took.len() - 1) as f64) as usize].as_secs_f64() * 1e3;
    println!(
        "at {:.0} events/s, from Kafka's acknowledgement to a published checkpoint over it:",
        rate * events as f64
    );
    println!("  p50 {:.0} ms, p99 {:.0} ms, of {} submissions", quantile(0.5), quantile(0.99), took.len());
}

/// Follows blocks and checkpoints as any reader does, until so many submissions are covered.
async fn prove(cluster: Cluster, load: Arc<Load>, count: usize) -> Vec<Duration> {
    let committed = Isolation::Committed;
    let blocks = Follower::open(&cluster, BLOCKS, committed, &[(0, 0)]).await.unwrap();
    let checkpoints = Follower::open(&cluster, CHECKPOINTS, committed, &[(0, 0)]).await.unwrap();
    let (mut took, mut height) = (Vec::with_capacity(count), 0);
    // The end of each partition's last cut, and when its checkpoint was seen.
    let mut sealed: BTreeMap<i32, (u64, Instant)> = BTreeMap::new();
    while took.len() < count {
        // A submission may be sealed before its acknowledgement is noticed here, so what is covered is looked for again.
        if let Ok(note) = tokio::time::timeout(Duration::from_millis(100), checkpoints.next()).await {
            let seen = Instant::now();
            let size: u64 = String::from_utf8(note.unwrap().key).unwrap().parse().unwrap();
            while height < size {
                let (header, _) = read_header(&blocks.next().await.unwrap()).unwrap();
                height = header.height + 1;
                sealed.extend(header.cuts.iter().map(|cut| (cut.partition.cast_signed(), (cut.to, seen))));
            }
        }
        for (partition, waiting) in load.unproven.lock().unwrap().iter_mut() {
            let Some((to, seen)) = sealed.get(partition) else { continue };
            waiting.retain(|(offset, acknowledged)| {
                if offset < to {
                    took.push(seen.saturating_duration_since(*acknowledged));
                }
                offset >= to
            });
        }
    }
    took
}

struct Load {
    producer: Producer,
    values: Vec<Vec<u8>>,
    /// Offset and time of acknowledgement, by partition.
    unproven: Mutex<BTreeMap<i32, Vec<(u64, Instant)>>>,
}

impl Load {
    /// Sends these submissions one after the other.
    async fn send(&self, numbers: impl IntoIterator<Item = u64>) {
        for number in numbers {
            let partition = i32::try_from(number % PARTITIONS).unwrap();
            let value = &self.values[number as usize % self.values.len()];
            let placed = self.producer.send(SCAN_EVENTS, Some(partition), b"", value).await.unwrap();
            let mut unproven = self.unproven.lock().unwrap();
            unproven.entry(partition).or_default().push((placed.offset, Instant::now()));
        }
    }
}

fn peak_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
