//! `schemas/EPCIS.md` says which test shows each resource, parameter, header and exception of EPCIS. It is made from marker
//! comments in the tests of all crates, above a test or inside it:
//!
//! ```text
//! // epcis: GET /events EQ_bizStep GE_eventTime          a method, paths, names of parameters or headers; `*` for a family
//! // epcis: exception QueryTooLargeException             exceptions
//! ```
//!
//! This fails where the file is stale, where something that our OpenAPI documents describe, or an exception, has no test,
//! where a marker names a path that they do not describe, and where a test does not hold the words that its marker claims.
//! Refresh with
//! `MEDTRACE_UPDATE=1 cargo test -p medtrace-event --test coverage`.

mod covered;

use covered::{Coverage, described, exceptions, markers, root};

const FILE: &str = "schemas/EPCIS.md";

#[test]
fn each_part_of_epcis_has_its_test() {
    let mut coverage = Coverage::of(&described());
    let mut wrong: Vec<String> = Vec::new();
    for marker in markers() {
        wrong.extend(coverage.add(&marker).err());
    }
    wrong.extend(coverage.without_test(&exceptions()).into_iter().map(|item| format!("no test is marked for {item}")));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let made = coverage.table(&exceptions());
    let file = root().join(FILE);
    if std::env::var_os("MEDTRACE_UPDATE").is_some() {
        std::fs::write(&file, &made).expect("the table can be written");
    }
    let checked_in = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        checked_in == made,
        "{FILE} is stale; refresh it: MEDTRACE_UPDATE=1 cargo test -p medtrace-event --test coverage"
    );
}
