//! Before a leader signs anything: what have the witnesses cosigned of this log? A process whose own memory is older than
//! what was published could otherwise be led to sign a second history.

use medtrace_ledger::add_checkpoint::AddCheckpoint;
use medtrace_ledger::merkle::empty_root;
use medtrace_ledger::note::sign_note;
use medtrace_ledger::policy::Witness;
use medtrace_ledger::{KeyName, Note};
use medtrace_log::Cluster;
use medtrace_service::client::Client;

use super::attend::{cosign, verified};
use super::headers::Headers;
use super::question::{Answer, Unanswered, ask as question};
use crate::Config;
use crate::clock::APART_MS_MAX;
use crate::recover::Published;
use crate::stop::Stop;

/// Longest wait for an answer, milliseconds: a takeover waits for it.
const ASK_MS: u64 = 1_000;

/// A cosignature shows what a witness has now if it is from within so many seconds of this clock: older ones are public.
const FRESH_S: u64 = APART_MS_MAX / 1_000;

/// Asks every witness; the names of those whose fresh cosignature says that they have what was published, and no more. Who does
/// not answer so is named in the log of this process and is not among them.
///
/// # Errors
/// [`Stop::WitnessAhead`] where a witness has cosigned more than was published, [`Stop::WitnessDiffers`] where what it has
/// cosigned is no beginning of it.
pub(crate) async fn ask(config: &Config, published: Option<&Published>) -> Result<Vec<KeyName>, Stop> {
    let client = Client::new(ASK_MS).map_err(|error| Stop::Client(error.to_string()))?;
    // An empty log has one checkpoint: signing it says nothing of any other.
    let nothing = format!("{}\n0\n{}\n", config.genesis.origin, empty_root());
    let nothing = sign_note(nothing, std::slice::from_ref(&config.signer))?;
    let (note, size) = published.map_or((&nothing, 0), |published| (&published.note, published.checkpoint.size));
    let asked = config.witnesses.iter().map(|witness| {
        let client = &client;
        async move {
            let answer = ask_one(client, &config.kafka, witness, note, size).await;
            (witness, answer.and_then(|time_s| fresh(time_s, config.clock.now_ms() / 1_000)))
        }
    });
    let mut agreed = Vec::new();
    for (witness, answer) in futures::future::join_all(asked).await {
        match answer {
            Ok(()) => agreed.push(witness.name.clone()),
            Err(Unanswered::Ahead { has, published }) => {
                return Err(Stop::WitnessAhead { witness: witness.name.clone(), has, published });
            }
            Err(Unanswered::Inconsistent) => return Err(Stop::WitnessDiffers { witness: witness.name.clone() }),
            Err(error) => tracing::warn!(witness = %witness.name, error = %error, "a witness does not answer"),
        }
    }
    Ok(agreed)
}

/// When the witness says that it has these `size` headers, Unix seconds. Most have them already, so that is what is asked
/// first: nothing has to be read for it.
async fn ask_one(
    client: &Client,
    cluster: &Cluster,
    witness: &Witness,
    note: &Note,
    size: u64,
) -> Result<u64, Unanswered> {
    let Some(url) = &witness.url else { return Err(Unanswered::Form("it has no address")) };
    let first = AddCheckpoint { old_size: size, proof: Vec::new(), note: note.to_string() };
    match question(client, url, &first).await? {
        Answer::Cosigned(lines) => verified(witness, note, lines).map(|(_, time_s)| time_s),
        Answer::Inconsistent => Err(Unanswered::Inconsistent),
        Answer::Has(has) if has > size => Err(Unanswered::Ahead { has, published: size }),
        Answer::Has(_) if size == 0 => Err(Unanswered::Form("it has nothing, and does not sign that")),
        Answer::Has(has) => {
            let mut headers = Headers::new(cluster);
            headers.set(has).await?;
            cosign(client, witness, &mut headers, size, note).await.map(|(_, time_s)| time_s)
        }
    }
}

fn fresh(time_s: u64, now_s: u64) -> Result<(), Unanswered> {
    match time_s.abs_diff(now_s) > FRESH_S {
        true => Err(Unanswered::Stale { time_s, now_s }),
        false => Ok(()),
    }
}
