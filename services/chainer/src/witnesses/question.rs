//! One question to one witness, by C2SP tlog-witness.

use medtrace_ledger::add_checkpoint::AddCheckpoint;
use medtrace_ledger::foreign::ForeignCheckpoint;
use medtrace_ledger::note::SignatureLine;
use medtrace_log::LogError;
use medtrace_service::client::{AskError, Client};

/// Media type of an answer that names the latest size.
const SIZE_MEDIA_TYPE: &str = "text/x.tlog.size";
/// Longest answer that is read, bytes.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// What a witness answers.
#[derive(Debug)]
pub(super) enum Answer {
    /// Its signature lines.
    Cosigned(Vec<SignatureLine>),
    /// The size it has cosigned last, where another was named.
    Has(u64),
    /// What it has cosigned is no beginning of this log.
    Inconsistent,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unanswered {
    #[error("it cannot be asked: {0}")]
    Http(#[from] AskError),
    #[error("it answers {status}: {text}")]
    Status { status: u16, text: String },
    #[error("it answers what is none: {0}")]
    Form(&'static str),
    #[error("its signature does not verify")]
    Signature,
    #[error("its cosignature is of {time_s} s, this clock reads {now_s} s")]
    Stale { time_s: u64, now_s: u64 },
    #[error("it has cosigned {has} headers, of which {published} have been published")]
    Ahead { has: u64, published: u64 },
    #[error("it has cosigned another log by this key")]
    Inconsistent,
    #[error("the log cannot be read for it")]
    Log(#[from] LogError),
}

/// Asks for a cosignature; `url` is the witness's submission prefix.
pub(super) async fn ask(client: &Client, url: &str, question: &AddCheckpoint) -> Result<Answer, Unanswered> {
    let url = format!("{}/add-checkpoint", url.trim_end_matches('/'));
    let answer = client.post(&url, question.to_string(), ANSWER_BYTES_MAX).await?;
    let names_size = answer.headers.get("content-type").is_some_and(|kind| kind == SIZE_MEDIA_TYPE);
    let text = String::from_utf8(answer.body.into()).map_err(|_| Unanswered::Form("no UTF-8"))?;
    match answer.status.as_u16() {
        200 => lines(&question.note, &text).map(Answer::Cosigned).ok_or(Unanswered::Form("no signature lines")),
        // Without a size: that which was named is the latest, and has another root.
        409 if !names_size => Ok(Answer::Inconsistent),
        409 => text.trim_end().parse().map(Answer::Has).map_err(|_| Unanswered::Form("no size")),
        422 => Ok(Answer::Inconsistent),
        status => Err(Unanswered::Status { status, text: text.chars().take(200).collect() }),
    }
}

/// The lines of an answer, as lines under the checkpoint that was asked about.
fn lines(note: &str, answer: &str) -> Option<Vec<SignatureLine>> {
    let text = &note[..note.rfind("\n\n")? + 1];
    Some(ForeignCheckpoint::parse(&format!("{text}\n{answer}")).ok()?.signatures().to_vec())
}
