//! A draft on the screen.

use std::collections::BTreeMap;

use medtrace_ledger::{Genesis, PublicKey};
use serde_json::{Value, json};

use crate::{
    context::{Context, Done, Outcome},
    draft::{Draft, words},
    output::{Output, Tone},
};

/// Shows what is signed, and by whom.
pub fn tell(context: &Context, draft: &Draft, genesis: &Genesis, mut value: Value) -> Done {
    let names: BTreeMap<PublicKey, &str> =
        genesis.authority.keys.iter().map(|key| (key.public, key.name.as_str())).collect();
    let said: Vec<Vec<String>> = draft.notices().map(words).collect();
    let name = |key: &PublicKey| names.get(key).copied().unwrap_or("not in the genesis");
    let ends = jiff::Timestamp::from_millisecond(draft.ends_ms().cast_signed()).unwrap_or_default();
    value["id"] = json!(draft.id());
    value["party"] = json!(draft.party());
    value["says"] = json!(said);
    value["ends"] = json!(ends.to_string());
    value["signers"] =
        draft.signers().map(|(key, signed)| json!({"key": key, "name": name(key), "signed": signed})).collect();
    context.out.show(&value, |out: &Output| {
        let (id, party, origin) = (draft.id(), draft.party(), &genesis.origin);
        out.line(format!("draft {id}, in the name of {party}, for {origin}, to be sealed by {ends}"))?;
        for lines in &said {
            for (index, line) in lines.iter().enumerate() {
                let bullet = if index == 0 { "•" } else { " " };
                out.line(format!("{bullet} {line}"))?;
            }
        }
        for (key, signed) in draft.signers() {
            let word = match signed {
                true => out.tone(Tone::Good, "signed "),
                false => out.tone(Tone::Doubtful, "missing"),
            };
            out.line(format!("{word}  {key}  {}", name(key)))?;
        }
        Ok(())
    })?;
    Ok(Outcome::Fine)
}
