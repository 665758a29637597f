//! `medtrace erase`: the authority takes away what should never have been posted.

use anyhow::{Context as _, bail, ensure};
use medtrace_event::{Json, erasure::replaces};
use medtrace_ledger::{EventRef, PartyId};
use medtrace_registry::Notice;
use medtrace_registry::notice::{Erasure, Replacement, Texts};
use serde_json::{Value, json};

use super::keys::consortium;
use crate::{
    client::Client,
    consortium::{Consortium, Taken, refused_for},
    context::{Context, Done, Outcome},
    output::Tone,
    stack::AUTHORITY,
};

/// Notices of one event that did nothing before this one.
const REVISIONS_MAX: u32 = 100;

#[derive(Debug, clap::Args)]
pub struct Erase {
    /// HEIGHT-INDEX, as every answer names events
    pub event: EventRef,
    /// A member to take away, as a JSON pointer: /medtrace:operator, /x:note/name; may be repeated
    #[arg(long = "drop", value_name = "POINTER", required = true)]
    pub members: Vec<String>,
    /// Why; public for ever, so it must not say what is taken away
    #[arg(long)]
    pub reason: String,
    /// Only print what would stand in the event's place
    #[arg(long)]
    pub dry_run: bool,
}

impl Erase {
    pub async fn run(self, context: &Context) -> Done {
        let client = context.client()?;
        let answer = client.get(&format!("/v1/events/{}", self.event), &[]).await?;
        let (replacement, copies) = self.replacement(&answer)?;
        if self.dry_run {
            context.out.show(&replacement, |out| out.line(format!("{replacement:#}")))?;
            return Ok(Outcome::Fine);
        }
        let consortium = consortium(context)?;
        let mut erasure = Erasure {
            event: self.event,
            copies,
            revision: 1,
            reason: Texts::both(&self.reason),
            replacement: Replacement::from_bytes(replacement.to_string().as_bytes())?,
        };
        let taken = say(&consortium, &mut erasure).await?;
        consortium.in_force(&taken).await?;
        let by = erased(&client, self.event).await?;
        let value = json!({"event": self.event, "copies": erasure.copies, "by": by});
        context.out.show(&value, |out| {
            out.line(format!("{}  {} by the notice {by}", out.tone(Tone::Good, "erased"), self.event))
        })?;
        Ok(Outcome::Fine)
    }

    /// What would stand in the place of the event, and where it is sealed again.
    fn replacement(&self, answer: &Value) -> anyhow::Result<(Value, Vec<EventRef>)> {
        ensure!(answer["kind"] == "event", "{} is no event", self.event);
        if let Some(by) = answer["erased"]["by"].as_str() {
            bail!("{} is erased already, by the notice {by}", self.event);
        }
        if let Some(first) = answer["replayOf"].as_str() {
            bail!("{} repeats {first}: erase that one, and this goes with it", self.event);
        }
        let mut event = answer["json"].clone();
        event.as_object_mut().context("the event is no JSON object")?.remove("recordTime");
        let party = answer["party"].as_str().context("the answer names no party")?;
        let original = jcs(&event)?;
        self.members.iter().try_for_each(|member| take(&mut event, member))?;
        replaces(&original, &jcs(&event)?, party).map_err(|faults| {
            let reasons: Vec<String> = faults.iter().map(ToString::to_string).collect();
            anyhow::anyhow!("{}", reasons.join("\n")).context("failed to accept the replacement")
        })?;
        let copies = answer["replays"].as_array().into_iter().flatten();
        let copies = copies.map(|name| name.as_str().unwrap_or_default().parse()).collect::<Result<_, _>>()?;
        Ok((event, copies))
    }
}

/// Posts the notice under the authority's key, at the next revision.
async fn say(consortium: &Consortium, erasure: &mut Erasure) -> anyhow::Result<Taken> {
    let by: PartyId = AUTHORITY.parse().context("failed to name the authority")?;
    let keys = [consortium.authority()?];
    loop {
        match consortium.post(&by, &keys, &Notice::Erasure(erasure.clone())).await {
            // Notices that did nothing count too.
            Err(error) if refused_for(&error, "revision") && erasure.revision < REVISIONS_MAX => erasure.revision += 1,
            taken => return taken,
        }
    }
}

/// The notice that erased the event.
async fn erased(client: &Client, event: EventRef) -> anyhow::Result<String> {
    let answer = client.get(&format!("/v1/events/{event}"), &[]).await?;
    let by = answer["erased"]["by"].as_str();
    by.map(str::to_owned).context("the notice is sealed and did nothing: was the same event posted again meanwhile?")
}

fn jcs(value: &Value) -> anyhow::Result<Vec<u8>> {
    let json = Json::try_from(value).map_err(|fault| anyhow::anyhow!("{}: {}", fault.path, fault.detail))?;
    Ok(json.to_jcs())
}

/// Removes what a JSON pointer names.
fn take(value: &mut Value, pointer: &str) -> anyhow::Result<()> {
    let missing = || format!("the event has no {pointer}");
    let (above, last) = pointer.rsplit_once('/').with_context(|| format!("{pointer:?} is no JSON pointer"))?;
    let last = last.replace("~1", "/").replace("~0", "~");
    match value.pointer_mut(above).with_context(missing)? {
        Value::Object(members) => drop(members.remove(&last).with_context(missing)?),
        Value::Array(list) => {
            let index = last.parse().ok().filter(|index| *index < list.len()).with_context(missing)?;
            list.remove(index);
        }
        _ => bail!(missing()),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(members: &[&str], answer: Value) -> anyhow::Result<(Value, Vec<EventRef>)> {
        let members = members.iter().map(|member| (*member).to_owned()).collect();
        Erase { event: EventRef { height: 7, idx: 1 }, members, reason: "a name".into(), dry_run: false }
            .replacement(&answer)
    }

    fn answer() -> Value {
        json!({"kind": "event", "party": "maker", "replays": ["8-0", "9-513"], "json": {
            "@context": ["https://ref.gs1.org/standards/epcis/epcis-context.jsonld", {"x": "https://x.example/"}],
            "type": "ObjectEvent", "eventID": "urn:uuid:00000000-0000-8000-8000-000000000001", "action": "OBSERVE",
            "eventTime": "2026-03-01T08:00:00Z", "eventTimeZoneOffset": "+08:00", "bizStep": "inspecting",
            "epcList": ["https://id.gs1.org/01/09521321000117/21/A1"], "x:note": {"name": "N. N.", "ward": "3"},
            "recordTime": "2026-03-01T08:00:01Z"}})
    }

    #[test]
    fn a_replacement_is_the_event_without_what_is_dropped() {
        let (replacement, copies) = asked(&["/x:note/name"], answer()).unwrap();
        let mut left = answer()["json"].clone();
        left["x:note"] = json!({"ward": "3"});
        left.as_object_mut().unwrap().remove("recordTime");
        assert_eq!(replacement, left);
        assert_eq!(copies, [EventRef { height: 8, idx: 0 }, EventRef { height: 9, idx: 513 }]);
    }

    #[test]
    fn what_cannot_be_dropped_is_said_before_anything_is_posted() {
        let refused = |members: &[&str], answer| format!("{:#}", asked(members, answer).unwrap_err());
        assert!(refused(&["/bizStep"], answer()).contains("other-facts"));
        assert!(refused(&["/x:other"], answer()).contains("has no /x:other"));
        assert!(refused(&["bizStep"], answer()).contains("no JSON pointer"));
        let mut repeated = answer();
        repeated["replayOf"] = json!("3-0");
        assert!(refused(&["/x:note"], repeated).contains("repeats 3-0"));
        let mut erased = answer();
        erased["erased"] = json!({"by": "12-0"});
        assert!(refused(&["/x:note"], erased).contains("erased already"));
    }
}
