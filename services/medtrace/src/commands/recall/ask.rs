//! What is asked of recalls.

use clap::ValueEnum;
use serde_json::{Value, json};

use crate::{
    commands::show::{rows, text, words},
    context::{Context, Done, Outcome},
    output::{Output, Tone},
};

#[derive(Debug, clap::Args)]
pub struct List {
    /// Which ones
    #[arg(long, default_value = "all")]
    pub state: State,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum State {
    Open,
    Lifted,
    Closed,
    All,
}

#[derive(Debug, clap::Args)]
pub struct Show {
    /// The recall's id
    pub recall: String,
}

#[derive(Debug, clap::Args)]
pub struct Reach {
    /// The recall's id
    pub recall: String,
}

impl List {
    pub async fn run(self, context: &Context) -> Done {
        let state = self.state.to_possible_value();
        let state = state.as_ref().map_or("all", |state| state.get_name());
        let answer = context.client()?.get("/v1/recalls", &[("state", state)]).await?;
        context.out.show(&answer, |out| {
            out.table(
                &["recall", "state", "class", "issued", "by", "reason", "answers"],
                rows(
                    &answer["recalls"],
                    &[
                        &|recall| words(&recall["id"]),
                        &|recall| tell_state(out, recall),
                        &|recall| words(&recall["class"]),
                        &|recall| words(&recall["issued"]),
                        &|recall| words(&recall["issuedBy"]),
                        &|recall| text(&recall["reason"]),
                        &|recall| words(&recall["acknowledgements"]),
                    ],
                ),
            )
        })?;
        Ok(Outcome::Fine)
    }
}

impl Show {
    pub async fn run(self, context: &Context) -> Done {
        let client = context.client()?;
        let path = format!("/v1/recalls/{}", self.recall);
        let recall = client.get(&path, &[]).await?;
        let answers = client.get(&format!("{path}/acknowledgements"), &[]).await?;
        let value = json!({"recall": recall, "acknowledgements": answers["acknowledgements"]});
        context.out.show(&value, |out| {
            let id = out.tone(Tone::Strong, words(&recall["id"]));
            out.line(format!("{id}  {}  class {}", tell_state(out, &recall), words(&recall["class"])))?;
            out.line(text(&recall["reason"]))?;
            out.line(format!("scope: {}", words(&recall["scope"])))?;
            out.table(
                &["event", "time", "what", "by", "reason"],
                rows(
                    &recall["history"],
                    &[
                        &|notice| words(&notice["event"]),
                        &|notice| words(&notice["time"]),
                        &|notice| words(&notice["state"]),
                        &|notice| words(&notice["by"]),
                        &|notice| text(&notice["reason"]),
                    ],
                ),
            )?;
            out.table(
                &["holder", "status", "quantity", "time", "note"],
                rows(
                    &value["acknowledgements"],
                    &[
                        &|answer| words(&answer["party"]),
                        &|answer| words(&answer["status"]),
                        &|answer| words(&answer["quantity"]),
                        &|answer| words(&answer["time"]),
                        &|answer| words(&answer["note"]),
                    ],
                ),
            )
        })?;
        Ok(Outcome::Fine)
    }
}

impl Reach {
    pub async fn run(self, context: &Context) -> Done {
        let path = format!("/v1/recalls/{}/reach", self.recall);
        let answer = context.client()?.get(&path, &[]).await?;
        context.out.show(&answer, |out| {
            out.table(
                &["state", "amount"],
                rows(&answer["states"], &[&|state| words(&state["state"]), &|state| words(&state["amount"])]),
            )?;
            let total = format!(
                "commissioned {}, unaccounted {}",
                words(&answer["commissioned"]),
                words(&answer["unaccounted"])
            );
            out.line(out.tone(Tone::Strong, total))?;
            let answered = |holder: &Value| match (holder["acknowledged"].is_null(), holder["late"] == true) {
                (false, _) => match words(&holder["acknowledged"]["status"]) {
                    status if status.is_empty() => out.tone(Tone::Good, "yes"),
                    status => out.tone(Tone::Good, status),
                },
                (true, true) => out.tone(Tone::Bad, "late"),
                (true, false) => out.tone(Tone::Doubtful, "not yet"),
            };
            let name = |value: &Value, named: &str, otherwise: &str| match text(&value[named]) {
                name if name.is_empty() => words(&value[otherwise]),
                name => name,
            };
            let sealed = |holder: &Value| {
                let units = holder["sealedIn"].as_array().into_iter().flatten();
                let units: Vec<String> =
                    units.map(|unit| format!("{} × {}", words(&unit["amount"]), words(&unit["unit"]))).collect();
                units.join("\n")
            };
            out.table(
                &["holder", "place", "amount", "sealed inside", "last event", "contact", "answered"],
                rows(
                    &answer["holders"],
                    &[
                        &|holder| name(holder, "name", "party"),
                        &|holder| match name(holder, "placeName", "place") {
                            place if place.is_empty() => format!("on its way to {}", words(&holder["heading"])),
                            place => place,
                        },
                        &|holder| words(&holder["amount"]),
                        &sealed,
                        &|holder| {
                            let last = &holder["lastEvent"];
                            format!("{} {}", words(&last["event"]), words(&last["time"])).trim().to_owned()
                        },
                        &|holder| contact(&holder["contact"]),
                        &answered,
                    ],
                ),
            )?;
            out.line(out.tone(Tone::Quiet, format!("as of block {}", answer["height"])))
        })?;
        Ok(Outcome::Fine)
    }
}

fn tell_state(out: &Output, recall: &Value) -> String {
    let state = words(&recall["state"]);
    let tone = if state == "open" { Tone::Bad } else { Tone::Quiet };
    out.tone(tone, state)
}

fn contact(contact: &Value) -> String {
    let ways = ["phone", "email"].map(|way| words(&contact[way]));
    ways.into_iter().filter(|way| !way.is_empty()).collect::<Vec<_>>().join(", ")
}
