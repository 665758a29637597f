//! Before a leader signs anything: what have the witnesses cosigned of this log? A process whose own memory is older than
//! what was published could otherwise be led to sign a second history.

use medtrace_ledger::add_checkpoint::AddCheckpoint;
use medtrace_ledger::merkle::empty_root;
use medtrace_ledger::note::sign_note;
use medtrace_ledger::policy::Witness;
use medtrace_ledger::{KeyName, Origin, Signer};
use medtrace_log::Cluster;
use medtrace_service::client::Client;

use super::attend::cosign;
use super::headers::Headers;
use super::question::{Answer, Unanswered, ask as question};
use crate::recover::Published;
use crate::stop::Stop;

/// Longest wait for an answer, milliseconds: a takeover waits for it.
const ASK_MS: u64 = 1_000;

/// Asks every witness; the names of those whose word agrees with what was published. Who does not
/// answer is named in the log of this process and is not among them.
///
/// # Errors
/// [`Stop::Ahead`] where a witness has cosigned more than was published, [`Stop::Witness`] where what it has cosigned is
/// no beginning of it.
pub(crate) async fn ask(
    cluster: &Cluster,
    origin: &Origin,
    witnesses: &[Witness],
    signer: &Signer,
    published: Option<&Published>,
) -> Result<Vec<KeyName>, Stop> {
    let client = Client::new(ASK_MS).map_err(|error| Stop::Client(error.to_string()))?;
    // An empty log has one checkpoint: signing it says nothing of any other.
    let nothing = sign_note(format!("{}\n0\n{}\n", origin, empty_root()), std::slice::from_ref(signer))?;
    let asked = witnesses.iter().map(|witness| {
        let (client, nothing) = (&client, nothing.to_string());
        async move { (witness, ask_one(client, cluster, witness, nothing, published).await) }
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

async fn ask_one(
    client: &Client,
    cluster: &Cluster,
    witness: &Witness,
    nothing: String,
    published: Option<&Published>,
) -> Result<(), Unanswered> {
    let Some(url) = &witness.url else { return Err(Unanswered::Form("it has no address")) };
    let size = published.map_or(0, |published| published.checkpoint.size);
    match question(client, url, &AddCheckpoint { old_size: 0, proof: Vec::new(), note: nothing }).await? {
        // It has nothing yet.
        Answer::Cosigned(_) => Ok(()),
        Answer::Inconsistent => Err(Unanswered::Inconsistent),
        Answer::Has(has) if has > size => Err(Unanswered::Ahead { has, published: size }),
        Answer::Has(has) => {
            let Some(Published { checkpoint, note }) = published else { return Ok(()) };
            let mut headers = Headers::new(cluster);
            headers.set(has).await?;
            cosign(client, witness, &mut headers, checkpoint.size, note).await.map(drop)
        }
    }
}
