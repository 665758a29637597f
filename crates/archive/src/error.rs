//! What may be wrong with an archive. Texts complete "failed to …"; the cause is in `source()`.

/// Why an archive cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The place named is none. Bad configuration.
    #[error("use the archive {place}: {reason}")]
    Place { place: String, reason: String },
    /// The store did not answer, or answered with an error. May be tried again.
    #[error("{doing} {path} of the archive")]
    Store { doing: &'static str, path: String, source: object_store::Error },
    /// What stands there is torn, foreign, or does not follow from what stands before it. Needs an operator.
    #[error("read {path} of the archive: {detail}")]
    Damaged { path: String, detail: String },
    /// Something else has been written under this name, or another process writes. Needs an operator.
    #[error("write {path} of the archive: other bytes stand there")]
    Differs { path: String },
    /// Another process writes to this archive.
    #[error("write to the archive: another process does")]
    Locked,
    /// What is served by others is theirs to write. Bad configuration.
    #[error("write {path} of the archive: over HTTP it can only be read")]
    ReadOnly { path: String },
    /// The log, where blocks are read from both.
    #[error(transparent)]
    Log(#[from] medtrace_log::LogError),
}

impl ArchiveError {
    pub(crate) fn damaged(path: &str, detail: impl Into<String>) -> ArchiveError {
        ArchiveError::Damaged { path: path.to_owned(), detail: detail.into() }
    }

    /// Whether nothing is wrong but the connection: the same may be tried again.
    pub fn passes(&self) -> bool {
        match self {
            ArchiveError::Log(error) => error.passes(),
            error => matches!(error, ArchiveError::Store { .. }),
        }
    }

    /// Whether what was read contradicts itself, and not only cannot be reached.
    pub fn contradicts(&self) -> bool {
        match self {
            ArchiveError::Log(error) => error.contradicts(),
            error => matches!(error, ArchiveError::Damaged { .. }),
        }
    }
}
