//! What each process of the stack has used: processor time and peak memory, from `/proc`.

use std::{collections::BTreeMap, fs};

use serde::Serialize;

/// Ticks of processor time a second: USER_HZ, which Linux shows to programs as 100 on every architecture in use.
const TICKS_PER_SECOND: f64 = 100.0;
/// What the load generator is called among the processes.
pub const GENERATOR: &str = "bench";

/// One process at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Usage {
    /// Processor time since its start, seconds.
    pub cpu_s: f64,
    /// Most memory that it has ever held, bytes (`VmHWM`).
    pub peak_bytes: u64,
}

/// Every process by its name.
pub type Usages = BTreeMap<String, Usage>;

/// What these processes have used so far; this one, which keeps them and makes the load, is [`GENERATOR`].
pub fn now(pids: &BTreeMap<String, u32>) -> Usages {
    let own = std::process::id();
    let others = pids.iter().filter(|(_, pid)| **pid != own).map(|(name, pid)| (name.clone(), *pid));
    others.chain([(GENERATOR.to_owned(), own)]).map(|(name, pid)| (name, of(pid))).collect()
}

/// Processor seconds between two moments.
pub fn spent(before: &Usages, after: &Usages) -> BTreeMap<String, f64> {
    let since = |name: &String, now: &Usage| now.cpu_s - before.get(name).map_or(0.0, |before| before.cpu_s);
    after.iter().map(|(name, now)| (name.clone(), since(name, now).max(0.0))).collect()
}

/// Forgets the peak of a process; what it holds at this moment, in bytes.
pub fn begin_peak(pid: u32) -> std::io::Result<u64> {
    // proc_pid_clear_refs(5): 5 sets the peak to what is held now.
    fs::write(format!("/proc/{pid}/clear_refs"), "5")?;
    Ok(peak_of(pid))
}

/// Most memory that a process has held since then, in bytes.
pub fn peak_of(pid: u32) -> u64 {
    of(pid).peak_bytes
}

fn of(pid: u32) -> Usage {
    let read = |file: &str| fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default();
    Usage { cpu_s: cpu_s(&read("stat")).unwrap_or_default(), peak_bytes: peak(&read("status")).unwrap_or_default() }
}

/// Fields 14 and 15 of proc_pid_stat(5), counted behind the name, which may hold anything.
fn cpu_s(stat: &str) -> Option<f64> {
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |field: usize| fields.get(field - 3)?.parse::<f64>().ok();
    Some((ticks(14)? + ticks(15)?) / TICKS_PER_SECOND)
}

fn peak(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_and_spaces_hides_no_field() {
        let stat = "42 (a) b (c)) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0 20 0 9 0 100 0 0";
        assert_eq!(cpu_s(stat), Some(3.0));
        assert_eq!(peak("VmPeak:\t 9 kB\nVmHWM:\t    2048 kB\n"), Some(2 << 20));
    }
}
