//! The scan step table, as a snapshot, and what must hold of it.

use medtrace_event::steps::{self, Need, STEPS, Where};
use medtrace_event::vocab::{BIZ_STEPS, DISPOSITIONS};

#[test]
fn table() {
    let mut lines = String::new();
    for step in STEPS {
        let needs: Vec<String> = [
            ("parent", step.parent),
            ("from", step.from),
            ("to", step.to),
            ("temperature", if step.temperature == Need::Required { Need::Required } else { Need::No }),
            ("result", if step.failed.is_some() { Need::Required } else { Need::No }),
        ]
        .into_iter()
        .filter(|(_, need)| *need != Need::No)
        .map(|(name, need)| if need == Need::Required { name.to_owned() } else { format!("{name}?") })
        .collect();
        let dispositions: Vec<&str> = step.disposition.into_iter().chain(step.failed).collect();
        let place = match step.location {
            Where::Here => "here",
            Where::Leaves => "leaves",
            Where::To => "to",
        };
        lines += &format!(
            "{:14} {:16} {:8} {:17} {:24} {:7} {}{}\n",
            step.name,
            step.kind.name(),
            step.action.name(),
            step.biz_step,
            dispositions.join("|"),
            place,
            needs.join(" "),
            if step.empty { " (no items needed)" } else { "" },
        );
    }
    let trimmed: Vec<&str> = lines.lines().map(str::trim_end).collect();
    insta::assert_snapshot!(trimmed.join("\n"));
}

#[test]
fn every_row_speaks_cbv_and_is_found_again() {
    for step in STEPS {
        assert!(BIZ_STEPS.contains(&step.biz_step), "{}", step.name);
        for disposition in step.disposition.iter().chain(&step.failed) {
            assert!(DISPOSITIONS.contains(disposition), "{}", step.name);
        }
        assert_eq!(steps::step(step.name), Some(step));
        for disposition in [step.disposition, step.failed.or(step.disposition)] {
            let found = steps::of(step.kind, Some(step.action), Some(step.biz_step), disposition);
            assert_eq!(found, Some(step), "two rows make the same event");
        }
    }
    assert_eq!(steps::step("UNPACK"), None);
}
