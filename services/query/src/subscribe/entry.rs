//! A subscription in memory and in its file. Whoever changes it does so under its lock, file first: so a change is either
//! both or neither, also where the one who asked for it has gone away meanwhile.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use medtrace_service::Shutdown;
use tokio::sync::watch;

use super::record::{Progress, Subscription};
use crate::kept::Kept;

/// A change that was not made.
#[derive(Debug)]
pub enum Lost {
    /// The subscription was deleted.
    Gone,
    Io(io::Error),
}

pub struct Entry {
    folder: Arc<Kept<Subscription>>,
    state: Mutex<State>,
    /// Something of it has changed.
    changes: watch::Sender<()>,
    /// Cancelled when it is deleted.
    pub gone: Shutdown,
}

struct State {
    /// `None`: deleted.
    now: Option<Subscription>,
    /// Where the file stands.
    kept: Progress,
}

impl Entry {
    /// One that is in its file.
    pub fn kept(folder: Arc<Kept<Subscription>>, subscription: Subscription) -> Entry {
        let state = State { kept: subscription.progress.clone(), now: Some(subscription) };
        Entry { folder, state: Mutex::new(state), changes: watch::Sender::new(()), gone: Shutdown::new() }
    }

    /// `None` once it is deleted.
    pub fn now(&self) -> Option<Subscription> {
        self.lock().now.clone()
    }

    /// For those who wait for every change from now on.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    /// Where its file stands.
    pub fn kept_progress(&self) -> Progress {
        self.lock().kept.clone()
    }

    /// Changes it, durably. Blocks.
    pub fn write(&self, change: impl FnOnce(&mut Subscription)) -> Result<(), Lost> {
        let mut state = self.lock();
        let mut next = state.now.clone().ok_or(Lost::Gone)?;
        change(&mut next);
        self.folder.write(&next.id, &next).map_err(Lost::Io)?;
        *state = State { kept: next.progress.clone(), now: Some(next) };
        self.changes.send_replace(());
        Ok(())
    }

    /// As [`Entry::write`], on a thread where it may block.
    pub async fn keep(self: &Arc<Entry>, change: impl FnOnce(&mut Subscription) + Send + 'static) -> Result<(), Lost> {
        let entry = Arc::clone(self);
        let written = tokio::task::spawn_blocking(move || entry.write(change)).await;
        written.unwrap_or_else(|error| Err(Lost::Io(io::Error::other(error))))
    }

    /// Changes it in memory only: what a restart finds out again.
    pub fn note(&self, change: impl FnOnce(&mut Subscription)) -> Result<(), Lost> {
        self.lock().now.as_mut().map(change).ok_or(Lost::Gone)?;
        self.changes.send_replace(());
        Ok(())
    }

    /// Deletes it. Blocks.
    pub fn remove(&self) -> io::Result<()> {
        let mut state = self.lock();
        if let Some(now) = &state.now {
            self.folder.remove(&now.id)?;
            state.now = None;
            self.gone.cancel();
        }
        Ok(())
    }

    /// A panic while it was held has changed nothing: what is changed is a copy.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}
