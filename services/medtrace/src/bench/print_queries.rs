//! The report of queries for people.

use super::{
    print::{machine, table, title},
    queries::{Asked, QueriesReport},
};
use crate::output::Output;

/// Prints everything.
pub fn print_queries(report: &QueriesReport, out: &Output) -> anyhow::Result<()> {
    title(out, &format!("medtrace {}: queries measured at {}", report.version, report.time))?;
    machine(&report.machine, report.optimised, out)?;
    let (events, rate, hashed) = (report.plan.events, report.events_per_s, report.hashed_s);
    out.line(format!("{events} events stored at {rate:.0}/s; all hashed {hashed:.1} s later"))?;
    title(out, "EPCIS queries, one after the other: milliseconds from question to answer")?;
    let row = |asked: &Asked| {
        let ms = [asked.ms.p50, asked.ms.p99, asked.ms.max].map(|ms| format!("{ms:.1}"));
        let ratio = format!("{:.1}", asked.ms.p50 / report.baseline.p50);
        let counts = [asked.events.to_string(), asked.ms.count.to_string()];
        [asked.what.to_owned()].into_iter().chain(counts).chain(ms).chain([ratio]).collect()
    };
    let header = ["question", "events", "times", "p50 ms", "p99 ms", "max ms", "p50 / SELECT 1"];
    table(out, &header, report.asked.iter().map(row).collect())?;
    let base = report.baseline;
    out.line(format!("the store's SELECT 1: p50 {:.2} ms, p99 {:.2} ms", base.p50, base.p99))
}
