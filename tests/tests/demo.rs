//! The demo: whatever it prints is so, and its commands do what they are said to do, for a person who types them.
//!
//! 1. At the first start the story is played and told; each of its commands is run as printed.
//! 2. Whoever then does something (the factory lifts its recall) finds the stack again at the next start, with the line
//!    that is no longer as it was played told as it is now.

use std::{path::Path, process::Command};

use anyhow::{Context, ensure};
use medtrace_tests::{
    Options, Stack,
    tool::{self, FINDING},
    wait::{START_MS, until},
};

/// With what the story ends.
const LAST: &str = "    medtrace audit\n";
const CHANGED: &str = "no longer as it was played";
const RECALL: &str = "huaxin-2026-10";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_story_is_true_and_found_again() -> anyhow::Result<()> {
    // 1.
    let stack = Stack::start(Options { demo: true, ..Options::default() }).await?;
    let story = story(&stack).await?;
    ensure!(!story.contains(CHANGED), "{story}");
    let lines: Vec<&str> = story.lines().collect();
    let commands: Vec<_> = lines.windows(2).filter(|pair| pair[1].starts_with("    ")).collect();
    ensure!(commands.len() >= 10, "{story}");
    for pair in commands {
        let expected = if pair[0].contains(": reject (") { FINDING } else { 0 };
        run(pair[1].trim(), stack.data(), expected)?;
    }

    // 2.
    let lifted = tool::medtrace(
        Some(stack.data()),
        &["recall", "lift", RECALL, "--reason", "cause found and remedied", "--as", "huaxin"],
    )?;
    ensure!(lifted.code == Some(0), "{lifted:?}");
    let data = stack.stop()?;
    let stack = Stack::start(Options { demo: true, data: Some(data), ..Options::default() }).await?;
    let story = self::story(&stack).await?;
    let changed: Vec<&str> = story.lines().filter(|line| line.contains(CHANGED)).collect();
    ensure!(matches!(changed[..], [line] if line.contains("reject (recalled) was expected")), "{story}");
    stack.finish()
}

async fn story(stack: &Stack) -> anyhow::Result<String> {
    until("the story", START_MS, async || Ok(Some(stack.printed()).filter(|printed| printed.contains(LAST)))).await
}

/// Runs a line as a person would who has the tool in the path.
fn run(line: &str, data: &Path, expected: i32) -> anyhow::Result<()> {
    let folder = tool::folder()?;
    let path = format!("{}:{}", folder.display(), std::env::var("PATH")?);
    let mut shell = Command::new("sh");
    shell.args(["-ec", line]).current_dir(data).env("PATH", path).env("MEDTRACE_DATA", data);
    let ran = shell.env_remove("MEDTRACE_URL").env_remove("MEDTRACE_TOKEN").output().context("failed to run sh")?;
    ensure!(ran.status.code() == Some(expected), "{line}: expected exit {expected}, {ran:?}");
    Ok(())
}
