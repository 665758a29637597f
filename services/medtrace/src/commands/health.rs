//! `medtrace health`: every process's `/readyz` as one table.

use std::{collections::BTreeMap, time::Duration};

use anyhow::bail;
use futures::future::join_all;
use serde_json::{Map, Value, json};

use crate::{
    commands::show::words,
    context::{Context, Done, Outcome},
    output::Tone,
    stack::{DEFAULT_BASE, PROCESSES, admin_urls},
};

/// Longest wait for one answer, in milliseconds.
const ANSWER_MS_MAX: u64 = 3_000;

#[derive(Debug, clap::Args)]
pub struct Health {
    /// Base of the stack's ports, if none runs in --data
    #[arg(long, value_name = "BASE", default_value_t = DEFAULT_BASE)]
    pub ports: u16,
}

impl Health {
    pub async fn run(self, context: &Context) -> Done {
        let admin: BTreeMap<String, String> = match context.endpoints() {
            Some(endpoints) => endpoints.admin,
            None => admin_urls(self.ports),
        };
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_millis(ANSWER_MS_MAX)).build()?;
        let known = PROCESSES.iter().filter_map(|process| Some((*process, admin.get(*process)?)));
        let answers = join_all(known.map(|(process, url)| ask(&http, process, url))).await;
        let all: Map<String, Value> = answers.iter().cloned().collect();
        context.out.show(&all, |out| {
            let row = |(process, answer): &(String, Value)| {
                let (tone, word) = match answer["ready"] == true {
                    true => (Tone::Good, "ready"),
                    false => (Tone::Bad, "not ready"),
                };
                vec![out.tone(Tone::Strong, process), out.tone(tone, word), details(answer)]
            };
            out.table(&["process", "state", "details"], answers.iter().map(row).collect())
        })?;
        let failing: Vec<&str> =
            answers.iter().filter(|(_, answer)| answer["ready"] != true).map(|(process, _)| process.as_str()).collect();
        match failing.is_empty() {
            true => Ok(Outcome::Fine),
            false => bail!("not ready: {}", failing.join(", ")),
        }
    }
}

/// What a process says of itself; if it says nothing, why not.
async fn ask(http: &reqwest::Client, process: &str, admin: &str) -> (String, Value) {
    let asked = async { http.get(format!("{admin}/readyz")).send().await?.json::<Value>().await };
    let answer = match asked.await {
        Ok(answer) => answer,
        Err(error) => json!({"ready": false, "error": format!("{:#}", anyhow::Error::from(error.without_url()))}),
    };
    (process.to_owned(), answer)
}

fn details(answer: &Value) -> String {
    let fields = answer.as_object().into_iter().flatten();
    let fields = fields.filter(|(name, value)| *name != "ready" && !value.is_null());
    fields.map(|(name, value)| format!("{name}={}", words(value))).collect::<Vec<_>>().join(" ")
}
