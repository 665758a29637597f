//! Where everything of one machine's stack lies.
//!
//! ```text
//! DIR/medtrace.lock                 held while a stack runs here; marks the folder as medtrace's
//!     genesis.note                  the consortium's beginning, for everybody
//!     keys/authority/*.key          admits parties; the operator's most precious file
//!     keys/chainer/*.key            signs checkpoints
//!     keys/<ingest service>/*.key   signs receipts; and the hosted keys of parties
//!     keys/parties/*.key            root keys of the parties that were enrolled here
//!     tokens.json                   hashes of bearer tokens, for the services
//!     tokens/<party>.token          tokens that were made here, for `--as PARTY`      0600
//!     clickhouse.password           random, made once                                 0600
//!     kafka/ clickhouse/ chainer/ archiver/ indexer/ query/ manufacturer/ distributor/ hospital/ witness/
//!                                       each process's own data
//!     archive/                          every sealed block, and the header log as it is served
//!     logs/<process>.log            what it wrote, appended
//!     endpoints.json                where everything listens and under which process ids; there while the stack runs
//! ```

use std::path::{Path, PathBuf};

/// The folder of one stack.
#[derive(Debug, Clone)]
pub struct Layout {
    root: PathBuf,
}

impl Layout {
    pub fn new(root: &Path) -> Layout {
        Layout { root: root.to_owned() }
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn lock(&self) -> PathBuf {
        self.root.join("medtrace.lock")
    }

    pub fn genesis(&self) -> PathBuf {
        self.root.join("genesis.note")
    }

    /// The private keys that one process (or `authority`, `parties`) may use.
    pub fn keys(&self, process: &str) -> PathBuf {
        self.root.join("keys").join(process)
    }

    pub fn tokens(&self) -> PathBuf {
        self.root.join("tokens.json")
    }

    pub fn token_folder(&self) -> PathBuf {
        self.root.join("tokens")
    }

    /// The token that was made for this party on this machine.
    pub fn token(&self, party: &str) -> PathBuf {
        self.token_folder().join(format!("{party}.token"))
    }

    pub fn password(&self) -> PathBuf {
        self.root.join("clickhouse.password")
    }

    /// A process's own data.
    pub fn own(&self, process: &str) -> PathBuf {
        self.root.join(process)
    }

    /// What the archiver keeps.
    pub fn archive(&self) -> PathBuf {
        self.root.join("archive")
    }

    pub fn logs(&self) -> PathBuf {
        self.root.join("logs")
    }

    pub fn log(&self, process: &str) -> PathBuf {
        self.logs().join(format!("{process}.log"))
    }

    pub fn endpoints(&self) -> PathBuf {
        self.root.join("endpoints.json")
    }
}
