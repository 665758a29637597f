//! An archive that somebody serves over HTTP, as the query service does below `/log`: to read, and only that.
//!
//! ```text
//! <base>/block/            the names of the block files, a line each
//! <base>/<path>            an object (checkpoint, erased, block/…, tile/…); 404: it is not there
//! ```

use bytes::Bytes;
use medtrace_service::client::{AskError, Client};

use crate::ArchiveError;
use crate::format::{CONTENT_BYTES_MAX, FILE_BYTES};

/// Longest wait for a whole object, milliseconds.
const ANSWER_MS: u64 = 60_000;
/// Most bytes of an object: a file just below its end, and then one block that does not compress at all.
const OBJECT_BYTES_MAX: usize = FILE_BYTES + CONTENT_BYTES_MAX + (1 << 20);
/// Most bytes of a list of names, 64 MiB: six million files.
const NAMES_BYTES_MAX: usize = 64 << 20;

/// Where it is.
#[derive(Clone, Debug)]
pub(crate) struct Served {
    client: Client,
    base: String,
}

/// An answer that is no object.
#[derive(Debug, thiserror::Error)]
enum Unserved {
    #[error(transparent)]
    Ask(#[from] AskError),
    #[error("the server answers {0}")]
    Status(u16),
}

impl Served {
    pub fn at(base: &str) -> Result<Served, ArchiveError> {
        let client = Client::new(ANSWER_MS)
            .map_err(|error| ArchiveError::Place { place: base.to_owned(), reason: error.to_string() })?;
        Ok(Served { client, base: base.trim_end_matches('/').to_owned() })
    }

    pub async fn get(&self, path: &str) -> Result<Option<Bytes>, ArchiveError> {
        self.ask("read", path, path, OBJECT_BYTES_MAX).await
    }

    pub async fn list(&self, folder: &str) -> Result<Vec<String>, ArchiveError> {
        let names = self.ask("list", folder, &format!("{folder}/"), NAMES_BYTES_MAX).await?.unwrap_or_default();
        let names =
            String::from_utf8(names.into()).map_err(|_| ArchiveError::damaged(folder, "its list is no text"))?;
        let mut names: Vec<String> = names.lines().map(str::to_owned).collect();
        names.sort();
        Ok(names)
    }

    async fn ask(
        &self,
        doing: &'static str,
        what: &str,
        path: &str,
        bytes_max: usize,
    ) -> Result<Option<Bytes>, ArchiveError> {
        let answer = self.client.get(&format!("{}/{path}", self.base), bytes_max).await.map_err(Unserved::from);
        let answer = answer.and_then(|answer| match answer.status.as_u16() {
            200 => Ok(Some(answer.body)),
            404 => Ok(None),
            status => Err(Unserved::Status(status)),
        });
        let failed = |source: Unserved| ArchiveError::Store {
            doing,
            path: what.to_owned(),
            source: object_store::Error::Generic { store: "HTTP", source: Box::new(source) },
        };
        answer.map_err(failed)
    }
}
