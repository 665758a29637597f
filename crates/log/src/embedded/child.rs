//! A child process that cannot outlive this one.

#![allow(unsafe_code)]

use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::sync::watch;

/// A running or ended child, in a process group of its own: Ctrl-C on the terminal reaches only this process, which then
/// ends its children in good order. Dropped while it runs, it is killed.
pub struct Child {
    pid: u32,
    status: watch::Receiver<Option<Ended>>,
}

/// What a child ended with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    /// Its exit code; `None` if a signal ended it.
    pub code: Option<i32>,
    /// The same in words: `exit status: 1`, `signal: 9 (SIGKILL)`.
    pub text: String,
}

impl Child {
    /// Starts the command on a thread of its own that then waits for its end: the kernel sends the death signal when
    /// the *thread* that started the child ends, and this one ends no earlier than the child or the process.
    pub fn spawn(mut command: Command) -> io::Result<Child> {
        command.process_group(0);
        // SAFETY: between fork and exec only one system call is made, prctl, which is async-signal-safe.
        unsafe {
            command.pre_exec(|| nix::sys::prctl::set_pdeathsig(Signal::SIGTERM).map_err(io::Error::from));
        }
        let (told, status) = watch::channel(None);
        let (started, start) = std::sync::mpsc::channel();
        std::thread::Builder::new().name("child".into()).spawn(move || {
            let mut child = match command.spawn() {
                Ok(child) => child,
                Err(error) => return drop(started.send(Err(error))),
            };
            drop(started.send(Ok(child.id())));
            let ended = match child.wait() {
                Ok(status) => Ended { code: status.code(), text: status.to_string() },
                Err(error) => Ended { code: None, text: error.to_string() },
            };
            told.send_replace(Some(ended));
        })?;
        let pid = start.recv().map_err(io::Error::other)??;
        Ok(Child { pid, status })
    }

    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Sends a signal, unless the child has ended.
    pub fn signal(&self, signal: Signal) {
        if self.status.borrow().is_none() {
            // It may end at this moment; then there is nothing to signal.
            let _ = kill(Pid::from_raw(self.pid.cast_signed()), signal);
        }
    }

    pub fn has_ended(&self) -> bool {
        self.status.borrow().is_some()
    }

    /// Resolves when it has ended. Cancelling loses nothing.
    pub async fn ended(&mut self) -> Ended {
        match self.status.wait_for(Option::is_some).await {
            Ok(status) => status.clone().unwrap_or_default(),
            Err(_) => Ended { code: None, text: "unknown".to_owned() },
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.signal(Signal::SIGKILL);
    }
}
