//! Bad input: one table of requests over all that a stranger can reach, each with the exact answer – status, problem
//! type, and of every violation its code and path – and afterwards nothing is stored that should not be.
//!
//! The rows stand by subject in the files beside this one. What is refused only after a 202 (documents), what is taken but
//! must not count twice (replays, conflicts), and the good requests from which the bad ones were made follow the table.

mod after;
mod events;
mod json;
mod notices;
mod questions;
mod row;
mod scans;
mod signed;
mod who;
mod world;

use row::Row;
use world::World;

/// Rows that the table must have.
const ROWS_MIN: usize = 100;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_bad_request_has_its_exact_answer_and_leaves_nothing() -> anyhow::Result<()> {
    let world = World::start().await?;
    let rows: Vec<Row> = [
        who::rows(&world)?,
        json::rows(),
        scans::rows(),
        events::rows(),
        signed::rows(&world)?,
        notices::rows(&world)?,
        questions::rows(),
    ]
    .concat();
    assert!(rows.len() >= ROWS_MIN, "{} rows", rows.len());

    let before = world.stored().await?;
    let mut wrong = Vec::new();
    for row in &rows {
        wrong.extend(row.judge(&world).await?);
    }
    assert!(wrong.is_empty(), "{} of {} rows:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
    after::documents(&world).await?;
    // One good event more is all that the log has taken.
    let last = world.good_event().await?;
    let after = world.stored().await?;
    assert_eq!(after, before.plus(1, 1), "{last:?}");
    after::taken_once(&world).await?;
    after::good_ones(&world).await?;
    world.finish().await
}
