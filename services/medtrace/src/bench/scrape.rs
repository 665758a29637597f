//! Where the time goes, as the services themselves count it: the histograms behind `/metrics` (OpenMetrics text).

use std::collections::BTreeMap;

use serde::Serialize;

use crate::client::Client;

/// Steps that are told of: process, histogram, what it is.
const STEPS: [(&str, &str, &str); 8] = [
    ("manufacturer", "ingest_append_seconds", "append to the log until acknowledged, one record"),
    ("chainer", "chainer_verify_seconds", "verify the records of a block, all workers"),
    ("chainer", "chainer_cut_seconds", "derive a header, roots twice"),
    ("chainer", "chainer_commit_seconds", "commit a block and read it back"),
    ("chainer", "chainer_sign_seconds", "keep the standing, sign and publish the checkpoint"),
    ("indexer", "derive_seconds", "blocks to rows"),
    ("indexer", "insert_seconds", "rows into the store, all tables"),
    ("indexer", "commit_seconds", "commit the keyed state"),
];

/// Sum (seconds) and count of each step.
pub type Steps = BTreeMap<(&'static str, &'static str), (f64, f64)>;

/// One step over a phase.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Spent {
    pub process: &'static str,
    pub what: &'static str,
    pub times: f64,
    pub total_s: f64,
}

/// Asks every service for its histograms.
pub async fn now(admin: &BTreeMap<String, String>) -> anyhow::Result<Steps> {
    let mut steps = Steps::new();
    for process in ["manufacturer", "chainer", "indexer"] {
        let Some(url) = admin.get(process) else { continue };
        let (_, text) = Client::new(url, None)?.text("/metrics").await?;
        for (_, histogram, what) in STEPS.iter().filter(|(of, ..)| *of == process) {
            let value = |suffix: &str| value(&text, &format!("{histogram}_{suffix}"));
            steps.insert((process, *what), (value("sum"), value("count")));
        }
    }
    Ok(steps)
}

/// What was spent between two moments.
pub fn spent(before: &Steps, after: &Steps) -> Vec<Spent> {
    let between = |(process, _, what): &(&'static str, &'static str, &'static str)| {
        let (sum, count) = after.get(&(*process, *what))?;
        let (sum_before, count_before) = before.get(&(*process, *what)).copied().unwrap_or_default();
        Some(Spent { process, what, times: count - count_before, total_s: sum - sum_before })
    };
    STEPS.iter().filter_map(between).collect()
}

/// The sample whose name ends so, without labels; services put a prefix of their own before it.
fn value(text: &str, name: &str) -> f64 {
    let sample = |line: &str| {
        let (found, value) = line.split_once(' ')?;
        let own = found.strip_suffix(name)?;
        (own.is_empty() || own.ends_with('_')).then(|| value.parse().ok()).flatten()
    };
    text.lines().filter(|line| !line.starts_with('#')).find_map(sample).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_found_by_its_name() {
        let text = "# HELP indexer_commit_seconds x\nindexer_commit_seconds_sum 1.5\nindexer_commit_seconds_count 3\n\
                    indexer_commit_seconds_bucket{le=\"0.1\"} 2\n";
        assert_eq!(value(text, "commit_seconds_sum"), 1.5);
        assert_eq!(value(text, "mit_seconds_sum"), 0.0);
        assert_eq!(value(text, "absent"), 0.0);
    }
}
