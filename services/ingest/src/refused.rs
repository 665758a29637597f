//! Collects everything that stands against a request, and turns it into one problem.

use medtrace_event::{Fault, fault::CAPTURE_LIMIT};
use medtrace_registry::Refusal;
use medtrace_service::{Kind, Problem, problem::Violation};

/// Violations that one answer lists; the detail says how many more there are.
pub const VIOLATIONS_MAX: usize = 100;

/// Refusal codes of notices that say: this does not follow from what holds now.
const CONFLICTS: [&str; 2] = ["revision", "code-taken"];

/// What stands against a request, with JSON pointers into it.
#[derive(Debug, Default, Clone)]
pub struct Refused {
    violations: Vec<Violation>,
    /// More than [`VIOLATIONS_MAX`] are only counted.
    count: usize,
    limit: bool,
    invalid: bool,
    conflict: bool,
}

impl Refused {
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// It breaks the standard, a code's own rules, or a limit.
    pub fn fault(&mut self, prefix: &str, fault: &Fault) {
        match fault.exception == CAPTURE_LIMIT {
            true => self.limit = true,
            false => self.invalid = true,
        }
        self.add(format!("{prefix}{}", fault.path), fault.code, &fault.detail);
    }

    pub fn faults<'a>(&mut self, prefix: &str, faults: impl IntoIterator<Item = &'a Fault>) {
        faults.into_iter().for_each(|fault| self.fault(prefix, fault));
    }

    /// The party may not say it, or a notice does not follow.
    pub fn right(&mut self, prefix: &str, refusal: &Refusal) {
        self.conflict |= CONFLICTS.contains(&refusal.code);
        self.add(format!("{prefix}{}", refusal.path), refusal.code, &refusal.detail);
    }

    pub fn rights<'a>(&mut self, prefix: &str, refusals: impl IntoIterator<Item = &'a Refusal>) {
        refusals.into_iter().for_each(|refusal| self.right(prefix, refusal));
    }

    /// A notice whose shape is wrong.
    pub fn shapes<'a>(&mut self, prefix: &str, refusals: impl IntoIterator<Item = &'a Refusal>) {
        self.invalid = true;
        self.rights(prefix, refusals);
    }

    /// Takes over what stands against a part, whose paths `place` translates.
    pub fn take(&mut self, part: Refused, place: impl Fn(&str) -> String) {
        self.limit |= part.limit;
        self.invalid |= part.invalid;
        self.conflict |= part.conflict;
        self.count += part.count - part.violations.len();
        for Violation { path, code, detail } in part.violations {
            self.add(place(&path), &code, &detail);
        }
    }

    fn add(&mut self, path: String, code: &str, detail: &str) {
        let violation = Violation { path, code: code.to_owned(), detail: detail.to_owned() };
        // One member of a scan may stand for several of its event: said once is enough.
        if self.violations.contains(&violation) {
            return;
        }
        self.count += 1;
        if self.violations.len() < VIOLATIONS_MAX {
            self.violations.push(violation);
        }
    }

    /// The answer to a request of which nothing was stored.
    pub fn into_problem(self) -> Problem {
        self.problem("; nothing was stored")
    }

    /// What is said of one event of a document, which may be stored without it.
    pub fn into_event_problem(self) -> Problem {
        self.problem("")
    }

    /// 413 where a limit is passed, else 400 where something is invalid, else 409 or 403.
    fn problem(self, outcome: &str) -> Problem {
        let kind = match (self.limit, self.invalid, self.conflict) {
            (true, _, _) => Kind::CaptureLimitExceeded,
            (_, true, _) => Kind::Validation,
            (_, _, true) => Kind::Conflict,
            _ => Kind::Forbidden,
        };
        let wrong = match (self.count, self.violations.first()) {
            (1, Some(only)) => only.detail.clone(),
            (count, _) if count > VIOLATIONS_MAX => {
                format!("{count} things are wrong, the first {VIOLATIONS_MAX} are listed")
            }
            (count, _) => format!("{count} things are wrong"),
        };
        kind.because(format!("{wrong}{outcome}")).with(self.violations)
    }

    /// The problem, if anything was refused.
    pub fn check(self) -> Result<(), Problem> {
        if self.is_empty() { Ok(()) } else { Err(self.into_problem()) }
    }
}
