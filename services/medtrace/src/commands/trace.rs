//! `medtrace trace`: the whole way of an item, containers included, as true at one time and as known at another.

use serde_json::Value;

use crate::{
    commands::show::{rows, text, words},
    context::{Context, Done, Outcome},
    output::Tone,
};

#[derive(Debug, clap::Args)]
pub struct Trace {
    /// The item's code
    pub code: String,
    /// As it was at this time (RFC 3339)
    #[arg(long, value_name = "TIME")]
    pub at: Option<String>,
    /// As it was known then: a block height, or a time (RFC 3339)
    #[arg(long, value_name = "HEIGHT|TIME")]
    pub known: Option<String>,
}

impl Trace {
    pub async fn run(self, context: &Context) -> Done {
        let mut query = vec![("code", self.code.as_str())];
        query.extend(self.at.iter().map(|at| ("at", at.as_str())));
        query.extend(self.known.iter().map(|known| ("known", known.as_str())));
        let answer = context.client()?.get("/v1/provenance", &query).await?;
        context.out.show(&answer, |out| {
            let item = &answer["item"];
            let state = format!("{}  {}  {}", words(&item["key"]), words(&item["state"]), words(&item["place"]));
            out.line(out.tone(Tone::Strong, state.trim_end()))?;
            let place = |step: &Value| match text(&step["placeName"]) {
                name if name.is_empty() => words(&step["place"]),
                name => name,
            };
            let remark = |step: &Value| {
                let voided = words(&step["voidedBy"]);
                let mut remarks: Vec<String> = step["flags"].as_array().into_iter().flatten().map(words).collect();
                if step["inferred"] == true {
                    remarks.insert(0, "inferred".to_owned());
                }
                if !voided.is_empty() {
                    remarks.push(format!("withdrawn by {voided}"));
                } else if step["inForce"] == false {
                    remarks.push("not in force".to_owned());
                }
                let suspect = words(&step["suspectBy"]);
                if !suspect.is_empty() {
                    remarks.push(format!("by a key that is suspect, see {suspect}"));
                }
                let erased = words(&step["erasedBy"]);
                if !erased.is_empty() {
                    remarks.push(format!("erased by {erased}"));
                }
                remarks.join(", ")
            };
            let said = |step: &Value| match words(&step["step"]) {
                step_word if step_word.is_empty() => words(&step["type"]),
                step_word => step_word,
            };
            out.table(
                &["event", "time", "step", "place", "by", "inside", "remarks"],
                rows(
                    &answer["history"],
                    &[
                        &|step| words(&step["event"]),
                        &|step| words(&step["time"]),
                        &said,
                        &place,
                        &|step| words(&step["party"]),
                        &|step| words(&step["via"]),
                        &remark,
                    ],
                ),
            )?;
            let irregular = words(&answer["irregular"]);
            if !irregular.is_empty() {
                out.line(out.tone(Tone::Doubtful, format!("irregular: {irregular}")))?;
            }
            out.line(out.tone(Tone::Quiet, format!("as of block {}", answer["height"])))
        })?;
        Ok(Outcome::Fine)
    }
}
