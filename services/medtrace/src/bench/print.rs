//! The report for people.

use super::{
    machine::Machine,
    report::{Plan, Report},
    usage::Usages,
};
use crate::output::{Output, Tone};

/// Prints everything, in the order in which it was measured.
pub fn print(report: &Report, out: &Output) -> anyhow::Result<()> {
    head(report, out)?;
    title(out, "Throughput: median events a second from the first post until the last is …")?;
    let rate = |rate: f64| format!("{rate:.0}");
    let rows = report.throughput.iter().map(|form| {
        let runs: Vec<String> = form.runs.iter().map(|run| rate(run.queryable)).collect();
        let median = form.median;
        let shown = [median.acknowledged, median.sealed, median.queryable].map(rate);
        [form.form.told().to_owned()].into_iter().chain(shown).chain([runs.join(" ")]).collect()
    });
    table(out, &["posted as", "acknowledged", "sealed", "queryable", "runs (queryable)"], rows.collect())?;

    title(out, "Latency at half of that: milliseconds from when a request was due until it is …")?;
    let pair = |of: super::Quantiles| format!("{:.0} / {:.0}", of.p50, of.p99);
    let rows = report.latency.iter().map(|one| {
        let shown = [one.acknowledged, one.sealed, one.queryable].map(pair);
        [one.form.told().to_owned(), rate(one.offered)].into_iter().chain(shown).collect()
    });
    let header = ["posted as", "events/s", "acknowledged p50 / p99", "sealed p50 / p99", "queryable p50 / p99"];
    table(out, &header, rows.collect())?;

    let preload = &report.preload;
    title(out, &format!("Verify with {} packs stored (at {:.0} packs/s)", preload.items, preload.items_per_s))?;
    let rows = report.verify.iter().map(|one| {
        let ms = [one.ms.p50, one.ms.p99, one.ms.max].map(|ms| format!("{ms:.2}"));
        [one.clients.to_string(), rate(one.per_s)].into_iter().chain(ms).collect()
    });
    table(out, &["clients", "answers/s", "p50 ms", "p99 ms", "max ms"], rows.collect())?;

    title(out, "Kafka's own producer on the same broker (acks=all, a topic kept like ours)")?;
    let rows = report.producer.iter().map(|one| {
        let mb = one.median_per_s * one.record_bytes as f64 / 1e6;
        vec![one.what.to_owned(), one.record_bytes.to_string(), rate(one.median_per_s), format!("{mb:.0}")]
    });
    table(out, &["a record is", "bytes", "records/s", "MB/s"], rows.collect())?;
    if report.producer.is_empty() {
        out.line("its jar is not there: `make bench` fetches it")?;
    }
    let rows = report.ratios.iter().map(|ratio| {
        let numbers = [rate(ratio.ours_per_s), rate(ratio.kafkas_per_s), format!("{:.3}", ratio.ratio)];
        [ratio.what.clone()].into_iter().chain(numbers).collect()
    });
    table(out, &["", "ours/s", "Kafka's/s", "ratio"], rows.collect())?;
    costs(report, out)
}

fn head(report: &Report, out: &Output) -> anyhow::Result<()> {
    title(out, &format!("medtrace {} measured at {}", report.version, report.time))?;
    machine(&report.machine, report.optimised, out)?;
    let Plan { events, singles, repeats, seconds, .. } = report.plan;
    out.line(format!(
        "{repeats} runs of {events} events in batches and of {singles} single ones, latencies over {seconds} s; an event \
         is one ObjectEvent on one pack, {} bytes sealed; a record of 500 has {} bytes",
        report.event_bytes, report.record_bytes
    ))
}

/// What was measured on, and whether the figures count.
pub(super) fn machine(machine: &Machine, optimised: bool, out: &Output) -> anyhow::Result<()> {
    let sha = if machine.sha_ni { "with SHA-NI" } else { "without SHA-NI" };
    let gib = machine.memory_bytes as f64 / f64::from(1 << 30);
    out.line(format!("{}, {} cores, {sha}, {gib:.1} GiB, Linux {}", machine.processor, machine.cores, machine.kernel))?;
    out.line("load generator, services, Kafka and ClickHouse together on this machine")?;
    if machine.load_before >= 0.5 {
        let busy = format!("the machine was not left alone: its load was {:.1} before", machine.load_before);
        out.line(out.tone(Tone::Doubtful, busy))?;
    }
    if !optimised {
        out.line(out.tone(Tone::Bad, "this is a build for debugging: these figures say nothing"))?;
    }
    Ok(())
}

/// Where the time went.
fn costs(report: &Report, out: &Output) -> anyhow::Result<()> {
    title(out, "Processor time: microseconds an event")?;
    let names: Vec<&String> = report.processes.keys().collect();
    let mut header = vec!["posted as"];
    header.extend(names.iter().map(|name| name.as_str()));
    header.push("all");
    let rows = report.throughput.iter().map(|form| {
        let of = |name: &&String| format!("{:.1}", form.cpu_us_per_event.get(*name).copied().unwrap_or_default());
        let all: f64 = form.cpu_us_per_event.values().sum();
        [form.form.told().to_owned()].into_iter().chain(names.iter().map(of)).chain([format!("{all:.1}")]).collect()
    });
    table(out, &header, rows.collect())?;

    title(out, "Where the time goes, by the services' own count")?;
    let rows = report.throughput.iter().flat_map(|form| {
        form.steps.iter().filter(|step| step.times > 0.0).map(|step| {
            let mean = format!("{:.1}", step.total_s / step.times * 1e3);
            let share = format!("{:.0} %", step.total_s / form.wall_s * 100.0);
            let form = form.form.told().split(',').next().unwrap_or_default().to_owned();
            vec![form, step.process.to_owned(), step.what.to_owned(), format!("{:.0}", step.times), mean, share]
        })
    });
    table(out, &["posted as", "process", "step", "times", "mean ms", "of the wall time"], rows.collect())?;

    title(out, "Processes, from their start to the end of the measurement")?;
    table(out, &["process", "processor s", "peak MiB"], processes(&report.processes))
}

fn processes(usages: &Usages) -> Vec<Vec<String>> {
    let mib = |bytes: u64| format!("{}", bytes >> 20);
    usages.iter().map(|(name, used)| vec![name.clone(), format!("{:.1}", used.cpu_s), mib(used.peak_bytes)]).collect()
}

/// With its header also where nobody looks: a figure without its name is none.
pub(super) fn table(out: &Output, header: &[&str], rows: Vec<Vec<String>>) -> anyhow::Result<()> {
    if !out.terminal {
        out.line(header.join("\t"))?;
    }
    out.table(header, rows)
}

pub(super) fn title(out: &Output, text: &str) -> anyhow::Result<()> {
    out.line(format!("\n{}", out.tone(Tone::Strong, text)))
}
