//! The report of captures for people.

use super::{
    capture::{CaptureReport, Captured},
    print::{machine, table, title},
};
use crate::output::Output;

/// Prints everything.
pub fn print_capture(report: &CaptureReport, out: &Output) -> anyhow::Result<()> {
    title(out, &format!("medtrace {}: capture measured at {}", report.version, report.time))?;
    machine(&report.machine, report.optimised, out)?;
    title(out, "Documents: from the first post until the last is taken (202) or done (queryable)")?;
    let mib = |bytes: u64| format!("{:.0}", bytes as f64 / f64::from(1 << 20));
    let row = |one: &Captured| {
        let rate = |count: u64, seconds: f64| format!("{:.0}", count as f64 / seconds);
        vec![
            one.syntax.told().to_owned(),
            one.documents.to_string(),
            one.events.to_string(),
            format!("{:.1}", one.bytes as f64 / 1e6),
            format!("{:.1}", one.taken_s),
            format!("{:.1}", one.done_s),
            rate(one.documents, one.done_s),
            rate(one.events, one.done_s),
            mib(one.idle_bytes),
            mib(one.peak_bytes),
        ]
    };
    let header = [
        "syntax",
        "documents",
        "events",
        "MB",
        "taken s",
        "done s",
        "documents/s",
        "events/s",
        "MiB before",
        "MiB at most",
    ];
    table(out, &header, report.small.iter().chain(&report.large).map(row).collect())?;

    title(out, "The large document's file, otherwise")?;
    let rows = report.baselines.iter().zip(&report.large).map(|(baseline, large)| {
        let parsed = baseline.parsed_s.map_or("-".to_owned(), |seconds| format!("{seconds:.2}"));
        let ratio = format!("{:.1}", large.done_s / baseline.copied_s);
        vec![baseline.syntax.told().to_owned(), format!("{:.2}", baseline.copied_s), parsed, ratio]
    });
    table(out, &["syntax", "copied to disk s", "read by serde_json s", "done / copied"], rows.collect())
}
