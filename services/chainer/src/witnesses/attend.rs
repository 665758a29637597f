//! One witness: what it has, and its cosignature of each round's checkpoint.

use std::time::Duration;

use medtrace_ledger::Note;
use medtrace_ledger::add_checkpoint::AddCheckpoint;
use medtrace_ledger::checkpoint::verify_cosignature;
use medtrace_ledger::note::SignatureLine;
use medtrace_ledger::policy::Witness;
use medtrace_log::Cluster;
use medtrace_service::client::Client;
use tokio::sync::{mpsc, watch};
use tokio::time::sleep;

use super::headers::Headers;
use super::question::{Answer, Unanswered, ask};
use super::{Cosigned, Newest};
use crate::{Metrics, Status};

/// Longest wait for an answer, milliseconds.
const ANSWER_MS: u64 = 4_000;
/// How often a witness is asked anew because it has another size than was believed.
const TRIES: u32 = 3;
/// Pause after an answer that was none, doubled each time, milliseconds.
const PAUSE_MS_MIN: u64 = 250;
const PAUSE_MS_MAX: u64 = 30_000;

/// What is needed to ask a witness.
pub(super) struct Attending {
    witness: Witness,
    headers: Headers,
    metrics: Metrics,
    status: Status,
}

impl Attending {
    pub fn new(cluster: &Cluster, witness: &Witness, metrics: &Metrics, status: &Status) -> Attending {
        let (witness, metrics, status) = (witness.clone(), metrics.clone(), status.clone());
        Attending { witness, headers: Headers::new(cluster), metrics, status }
    }

    /// Cosigns each round's checkpoint, until the rounds end.
    pub async fn run(mut self, mut rounds: watch::Receiver<Option<Newest>>, answers: mpsc::Sender<Cosigned>) {
        let name = self.witness.name.clone();
        let client = match Client::new(ANSWER_MS) {
            Ok(client) => client,
            Err(error) => return tracing::error!(witness = %name, error = %error, "a witness cannot be asked"),
        };
        let mut failed: Option<String> = None;
        let mut pause_ms = PAUSE_MS_MIN;
        while rounds.changed().await.is_ok() {
            let Some(newest) = rounds.borrow_and_update().clone() else { continue };
            match self.cosign(&client, &newest).await {
                Ok(line) => {
                    if failed.take().is_some() {
                        tracing::info!(witness = %name, "a witness cosigns again");
                    }
                    pause_ms = PAUSE_MS_MIN;
                    self.metrics.cosigned.inc();
                    self.status.witnessed(&name, newest.size, None);
                    let answer = Cosigned { number: newest.number, witness: name.clone(), line };
                    if answers.send(answer).await.is_err() {
                        return;
                    }
                }
                Err(error) => {
                    let text = error.to_string();
                    if failed.as_ref() != Some(&text) {
                        tracing::warn!(witness = %name, error = %text, "a witness does not cosign");
                    }
                    self.metrics.uncosigned.inc();
                    self.status.witnessed(&name, self.headers.at.size(), Some(text.clone()));
                    failed = Some(text);
                    sleep(Duration::from_millis(pause_ms)).await;
                    pause_ms = (pause_ms * 2).min(PAUSE_MS_MAX);
                }
            }
        }
    }

    async fn cosign(&mut self, client: &Client, newest: &Newest) -> Result<SignatureLine, Unanswered> {
        cosign(client, &self.witness, &mut self.headers, newest.size, &newest.note).await.map(|(line, _)| line)
    }
}

/// Brings a witness to a published checkpoint, from whatever it has; its verified line and the time in it.
pub(super) async fn cosign(
    client: &Client,
    witness: &Witness,
    headers: &mut Headers,
    size: u64,
    note: &Note,
) -> Result<(SignatureLine, u64), Unanswered> {
    let Some(url) = &witness.url else { return Err(Unanswered::Form("it has no address")) };
    for _ in 0..TRIES {
        let (old_size, proof) = (headers.at.size(), headers.path(size).await?);
        let question = AddCheckpoint { old_size, proof, note: note.to_string() };
        match ask(client, url, &question).await? {
            Answer::Cosigned(lines) => {
                let verified = verified(witness, note, lines)?;
                headers.set(size).await?;
                return Ok(verified);
            }
            Answer::Has(other) if other > size => return Err(Unanswered::Ahead { has: other, published: size }),
            Answer::Has(other) => headers.set(other).await?,
            Answer::Inconsistent => return Err(Unanswered::Inconsistent),
        }
    }
    Err(Unanswered::Form("it names another size each time"))
}

/// The line among these that is the witness's own, and the time in it, Unix seconds.
pub(super) fn verified(
    witness: &Witness,
    note: &Note,
    lines: Vec<SignatureLine>,
) -> Result<(SignatureLine, u64), Unanswered> {
    let mut valid = lines.into_iter().filter_map(|line| {
        let time_s = verify_cosignature(&witness.key, note.text(), &line)?;
        Some((line, time_s))
    });
    valid.next().ok_or(Unanswered::Signature)
}
