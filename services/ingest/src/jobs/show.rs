//! Jobs as clients see them, read from their files.

use std::io;

use medtrace_ledger::PartyId;
use medtrace_service::{Kind, Problem};
use serde_json::Value;

use super::{Jobs, blocking, placed};

/// Receipts that one answer about a job gives.
pub const RECEIPTS_PER_PAGE: usize = 100;
/// Receipts of each job in a list of jobs.
pub const RECEIPTS_LISTED_MAX: usize = 10;

/// A job as clients see it.
pub struct Shown {
    pub job: Value,
    /// Index of the first receipt that it does not show.
    pub next_receipt: Option<usize>,
}

impl Jobs {
    /// A party's own job with receipts from this one on.
    pub async fn show(&self, party: &PartyId, id: &str, receipt: usize) -> Result<Option<Shown>, Problem> {
        if self.lock().get(id).is_none_or(|known| known.party != *party) {
            return Ok(None);
        }
        self.read(vec![id.to_owned()], receipt, RECEIPTS_PER_PAGE).await.map(|mut shown| shown.pop())
    }

    /// A party's own jobs, newest first, after the one that `after` names as (created, id); each with its first receipts.
    /// With the (created, id) of the last one.
    pub async fn list(
        &self,
        party: &PartyId,
        after: Option<(u64, &str)>,
        count: usize,
    ) -> Result<(Vec<Value>, Option<(u64, String)>), Problem> {
        let mut own: Vec<(u64, String)> = {
            let known = self.lock();
            let own = known.iter().filter(|(_, job)| job.party == *party);
            let rest = own.map(|(id, job)| (job.created_ms, id.clone()));
            rest.filter(|(ms, id)| after.is_none_or(|after| (*ms, id.as_str()) < after)).collect()
        };
        own.sort_by(|one, other| other.cmp(one));
        let more = own.len() > count;
        own.truncate(count);
        let last = own.last().cloned().filter(|_| more);
        let ids = own.into_iter().map(|(_, id)| id).collect();
        let shown = self.read(ids, 0, RECEIPTS_LISTED_MAX).await?;
        Ok((shown.into_iter().map(|shown| shown.job).collect(), last))
    }

    /// Reads what the files of jobs say; one that was just forgotten is left out.
    async fn read(&self, ids: Vec<String>, receipt: usize, count: usize) -> Result<Vec<Shown>, Problem> {
        let work = self.work.clone();
        let read = move || {
            let mut shown = Vec::with_capacity(ids.len());
            for id in ids {
                match work.spool.load(&id) {
                    Ok(job) => {
                        let (receipts, more) = placed::receipts(&work.spool.placed(&id), receipt, count)?;
                        let next_receipt = more.then_some(receipt.saturating_add(count));
                        shown.push(Shown { job: job.show(&receipts), next_receipt });
                    }
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(shown)
        };
        blocking(read).await.map_err(|error| {
            tracing::error!(%error, "a capture job cannot be read");
            Kind::Unavailable.because("the job cannot be read from disk; ask again")
        })
    }
}
