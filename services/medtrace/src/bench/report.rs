//! One whole measurement: its plan, its order, and what it found.

use std::{collections::BTreeMap, sync::Arc};

use anyhow::Context;
use jiff::Timestamp;
use serde::Serialize;

use super::{
    goods::Goods,
    kafka::{self, Producer},
    load::{BATCH_EVENTS, Form, Throughput, throughput},
    machine::Machine,
    paced::{Latency, latency},
    usage::{self, Usages},
    verify::{LOTS, Preload, Verified, preload, verify},
    watch::Watch,
};
use crate::{output::Output, stack::Stack};

/// What is measured, and for how long.
#[derive(Debug, Clone, Serialize)]
pub struct Plan {
    /// Packs that are stored before packs are verified.
    pub items: u64,
    /// Events of one run in submissions and in lists.
    pub events: u64,
    /// Events of one run in single requests.
    pub singles: u64,
    /// Of each measurement of latency, seconds.
    pub seconds: f64,
    /// Runs of each measurement of throughput.
    pub repeats: usize,
}

/// What was found.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    pub version: &'static str,
    /// RFC 3339.
    pub time: String,
    /// The figures of a build for debugging say nothing.
    pub optimised: bool,
    pub machine: Machine,
    pub plan: Plan,
    /// Mean bytes of a sealed event, and of the log's record that carries 500.
    pub event_bytes: usize,
    pub record_bytes: usize,
    pub throughput: Vec<Throughput>,
    pub latency: Vec<Latency>,
    pub preload: Preload,
    pub verify: Vec<Verified>,
    pub producer: Vec<Producer>,
    pub ratios: Vec<Ratio>,
    pub processes: Usages,
}

/// One of ours to one of Kafka's.
#[derive(Debug, Clone, Serialize)]
pub struct Ratio {
    pub what: String,
    pub ours_per_s: f64,
    pub kafkas_per_s: f64,
    pub ratio: f64,
}

/// Measures on a stack of its own.
pub async fn measure(plan: Plan, stack: &Stack, out: &Output) -> anyhow::Result<Report> {
    let machine = Machine::here();
    let endpoints = stack.endpoints();
    let goods = Arc::new(Goods::enrol(&stack.layout, &endpoints).await?);
    let watch = Watch::start(&endpoints.kafka, &endpoints.query).await?;
    let (event_bytes, record_bytes) = goods.sizes(BATCH_EVENTS)?;
    let told = |what: &str| tell(out, what);

    let (mut through, mut latencies) = (Vec::new(), Vec::new());
    for form in Form::ALL {
        let events = if form == Form::Singles { plan.singles } else { plan.events };
        told(&format!("{}, as fast as they go: {} × {events} events", form.told(), plan.repeats));
        through.push(throughput(form, events, plan.repeats, &goods, &watch, &endpoints).await?);
    }
    for Throughput { form, median, .. } in &through {
        let offered = median.queryable / 2.0;
        told(&format!("{}, at half of that: {offered:.0} events/s for {} s", form.told(), plan.seconds));
        latencies.push(latency(*form, offered, plan.seconds, &goods, &watch).await?);
    }
    told(&format!("storing {} packs", plan.items));
    let bar = out.progress(Some(plan.items), "packs");
    let preloaded = preload(plan.items, LOTS, &goods, &watch, &bar).await.context("failed to store packs")?;
    bar.finish_and_clear();
    told("verifying packs");
    let verified = verify(&preloaded, plan.seconds, &goods, &endpoints.query).await?;
    let processes = usage::now(&stack.endpoints().pids);

    let mut producers = Vec::new();
    for (what, bytes) in [("an event", event_bytes), ("a submission of 500 as the log keeps it", record_bytes)] {
        told(&format!("Kafka's own producer, records of {bytes} bytes"));
        producers.extend(kafka::producer(what, bytes, plan.repeats, &endpoints.kafka).await?);
    }
    Ok(Report {
        version: env!("CARGO_PKG_VERSION"),
        time: Timestamp::now().to_string(),
        optimised: !cfg!(debug_assertions),
        ratios: ratios(&through, &producers),
        machine,
        plan,
        event_bytes,
        record_bytes,
        throughput: through,
        latency: latencies,
        preload: preloaded,
        verify: verified,
        producer: producers,
        processes,
    })
}

/// Queryable events of ours to Kafka's records of the same size.
fn ratios(throughput: &[Throughput], producers: &[Producer]) -> Vec<Ratio> {
    let kafkas: BTreeMap<&str, f64> = producers.iter().map(|one| (one.what, one.median_per_s)).collect();
    let ratio = |form: &Throughput, what: &str, per: f64| {
        let kafkas_per_s = *kafkas.get(what)?;
        let ours_per_s = form.median.queryable / per;
        let what = format!("{}, counted in {what}", form.form.told());
        Some(Ratio { what, ours_per_s, kafkas_per_s, ratio: ours_per_s / kafkas_per_s })
    };
    let events = throughput.iter().filter_map(|form| ratio(form, "an event", 1.0));
    let batched = throughput.iter().filter(|form| form.form.batch() > 1);
    let records =
        batched.filter_map(|form| ratio(form, "a submission of 500 as the log keeps it", form.form.batch() as f64));
    events.chain(records).collect()
}

/// Says what is measured now.
pub(super) fn tell(out: &Output, what: &str) {
    if !out.json {
        eprintln!("{what}");
    }
}
