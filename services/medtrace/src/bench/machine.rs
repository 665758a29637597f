//! What is measured on: processor, memory, system.

use std::{fs, path::Path};

use serde::Serialize;

/// The machine, as Linux describes it.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Machine {
    pub processor: String,
    pub cores: usize,
    pub memory_bytes: u64,
    /// The processor hashes SHA-256 by itself.
    pub sha_ni: bool,
    pub kernel: String,
    /// Processes that ran or waited to run, as a mean of the last minute, before the measurement began: 0 if the machine
    /// was left alone.
    pub load_before: f64,
}

impl Machine {
    pub fn here() -> Machine {
        let read = |path: &str| fs::read_to_string(Path::new("/proc").join(path)).unwrap_or_default();
        Machine::of(&read("cpuinfo"), &read("meminfo"), &read("sys/kernel/osrelease"), &read("loadavg"))
    }

    fn of(cpuinfo: &str, meminfo: &str, release: &str, load: &str) -> Machine {
        let value = |text: &str, name: &str| {
            let line = text.lines().find(|line| line.starts_with(name))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        };
        let kib = value(meminfo, "MemTotal").and_then(|kib| kib.split(' ').next()?.parse::<u64>().ok());
        Machine {
            processor: value(cpuinfo, "model name").unwrap_or_else(|| "unknown".to_owned()),
            cores: cpuinfo.lines().filter(|line| line.starts_with("processor")).count(),
            memory_bytes: kib.unwrap_or_default() * 1024,
            sha_ni: value(cpuinfo, "flags").is_some_and(|flags| flags.split(' ').any(|flag| flag == "sha_ni")),
            kernel: release.trim().to_owned(),
            load_before: load.split(' ').next().and_then(|load| load.parse().ok()).unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_is_read_from_proc() {
        let cpuinfo = "processor\t: 0\nmodel name\t: A CPU\nflags\t\t: fpu sha_ni avx\n\nprocessor\t: 1\n";
        let machine = Machine::of(cpuinfo, "MemTotal:       24683520 kB\n", "6.1.0\n", "1.25 0.5 0.1 1/2 3\n");
        assert_eq!((machine.cores, machine.sha_ni, &*machine.processor), (2, true, "A CPU"));
        assert_eq!((machine.memory_bytes, machine.load_before), (24_683_520 * 1024, 1.25));
        assert!(!Machine::of("flags: sha_nix", "", "", "").sha_ni);
    }
}
