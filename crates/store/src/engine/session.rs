//! One connection and what its session is set to, on the thread that runs its statements.

use std::collections::BTreeMap;
use std::ffi::CString;
use std::fmt::Write as _;
use std::future::Future;
use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::library::{Connection, Library};
use super::{Delivery, EngineError, IDLE, Input, Output, Progress, Statement};
use crate::exception::{Code, Exception};
use crate::statement::{Joiner, changes_session};

/// What every session needs from the engine that it belongs to.
#[derive(Clone)]
pub struct Context {
    pub library: Arc<Library>,
    pub arguments: Arc<[CString]>,
    /// Where channels are waited on from a thread outside the runtime.
    pub runtime: Handle,
    /// Cancelled when the engine shuts down.
    pub closing: CancellationToken,
}

/// A connection's session. Settings and database stay as the last statement had them, since the next one mostly wants
/// the same.
pub struct Session {
    context: Context,
    connection: Connection,
    settings: BTreeMap<String, String>,
    database: String,
}

const DEFAULT_DATABASE: &str = "default";

impl Session {
    pub fn open(context: Context) -> Result<Self, EngineError> {
        let connection = Connection::open(&context.library, &context.arguments)?;
        Ok(Self { context, connection, settings: BTreeMap::new(), database: DEFAULT_DATABASE.to_owned() })
    }

    /// A fresh connection in place of one whose state is not known any more. The engine keeps another one open
    /// meanwhile, so that this never shuts it down.
    fn renew(&mut self) -> Result<(), Exception> {
        self.connection = Connection::open(&self.context.library, &self.context.arguments)
            .map_err(|error| Exception::new(Code::UnknownException, error))?;
        self.settings.clear();
        self.database = DEFAULT_DATABASE.to_owned();
        Ok(())
    }

    /// Gives the session the statement's settings and database, and takes away what the last one had besides.
    fn prepare(&mut self, statement: &Statement) -> Result<(), Exception> {
        let database = if statement.database.is_empty() { DEFAULT_DATABASE } else { &statement.database };
        if self.settings == statement.settings && self.database == database {
            return Ok(());
        }
        let prepared = self.set(&statement.settings).and_then(|()| self.enter(database));
        if prepared.is_err() {
            self.renew()?;
        }
        prepared
    }

    fn set(&mut self, settings: &BTreeMap<String, String>) -> Result<(), Exception> {
        let mut sql = String::new();
        let mut change = |name: &str, value: &str| {
            sql.push_str(if sql.is_empty() { "SET " } else { ", " });
            // Writing to a String cannot fail.
            let _ = write!(sql, "{name} = {value}");
        };
        for name in self.settings.keys().filter(|name| !settings.contains_key(*name)) {
            change(name, "DEFAULT");
        }
        for (name, value) in settings.iter().filter(|(name, value)| self.settings.get(*name) != Some(value)) {
            if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
                return Err(Exception::new(Code::UnknownSetting, format_args!("Unknown setting '{name}'")));
            }
            change(name, &quote(value, '\''));
        }
        if !sql.is_empty() {
            self.connection.query(sql.as_bytes(), "Null", &BTreeMap::new())?;
            self.settings.clone_from(settings);
        }
        Ok(())
    }

    fn enter(&mut self, database: &str) -> Result<(), Exception> {
        if self.database != database {
            let sql = format!("USE {}", quote(database, '`'));
            self.connection.query(sql.as_bytes(), "Null", &BTreeMap::new())?;
            database.clone_into(&mut self.database);
        }
        Ok(())
    }

    /// Runs a query and sends its answer, for as long as somebody takes it.
    pub(super) fn query(&mut self, statement: &Statement, delivery: Delivery, answer: &mpsc::Sender<Output>) {
        let last = match self.prepare(statement).and_then(|()| self.deliver(statement, delivery, answer)) {
            Ok(()) => Output::End,
            Err(exception) => Output::Failed(exception),
        };
        if changes_session(&statement.text) {
            // Before the last word, so that the next request cannot meet what this one set.
            if let Err(exception) = self.renew() {
                tracing::error!(error = %exception, "a connection to the engine could not be opened again");
            }
        }
        let _ = self.send(answer, last);
    }

    fn deliver(
        &mut self,
        statement: &Statement,
        delivery: Delivery,
        answer: &mpsc::Sender<Output>,
    ) -> Result<(), Exception> {
        let Statement { text, format, parameters, .. } = statement;
        let Delivery::Streamed(joining) = delivery else {
            let chunk = self.connection.query(text, format, parameters)?;
            return self.send(answer, Output::Block(chunk));
        };
        let (runtime, closing) = (self.context.runtime.clone(), self.context.closing.clone());
        let mut joiner = Joiner::new(joining);
        let mut rows = self.connection.rows(text, format, parameters)?;
        while let Some(mut chunk) = rows.next()? {
            chunk.bytes = joiner.join(chunk.bytes);
            send(&runtime, &closing, answer, Output::Block(chunk))?;
        }
        Ok(())
    }

    /// Runs an insert over the rows that `input` brings; without their end nothing more is written.
    pub(super) fn insert(
        &mut self,
        statement: &Statement,
        mut input: mpsc::Receiver<Input>,
    ) -> Result<Progress, Exception> {
        self.prepare(statement)?;
        let (runtime, closing) = (self.context.runtime.clone(), self.context.closing.clone());
        let mut insert = self.connection.insert(&statement.text, &statement.format, &statement.parameters)?;
        loop {
            match wait(&runtime, &closing, input.recv())? {
                Some(Input::Rows(bytes)) => insert.append(&bytes)?,
                Some(Input::End) => return insert.commit(),
                None => {
                    return Err(Exception::new(Code::NetworkError, "The insert's data ended early; it is cancelled"));
                }
            }
        }
    }

    fn send(&self, answer: &mpsc::Sender<Output>, output: Output) -> Result<(), Exception> {
        send(&self.context.runtime, &self.context.closing, answer, output)
    }
}

fn send(
    runtime: &Handle,
    closing: &CancellationToken,
    answer: &mpsc::Sender<Output>,
    output: Output,
) -> Result<(), Exception> {
    wait(runtime, closing, answer.send(output))?
        .map_err(|_| Exception::new(Code::NetworkError, "The reader of the answer is gone"))
}

/// Waits for the other side of a statement: not for ever, and not when the engine shuts down.
fn wait<T>(runtime: &Handle, closing: &CancellationToken, other: impl Future<Output = T>) -> Result<T, Exception> {
    runtime.block_on(async {
        tokio::select! {
            biased;
            value = other => Ok(value),
            () = closing.cancelled() => Err(Exception::new(Code::Aborted, "The engine is shutting down")),
            () = tokio::time::sleep(IDLE) => {
                Err(Exception::new(Code::SocketTimeout, format_args!("The client did nothing for {} s", IDLE.as_secs())))
            }
        }
    })
}

/// A string or name as an SQL literal.
fn quote(text: &str, mark: char) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push(mark);
    for character in text.chars() {
        if character == mark || character == '\\' {
            quoted.push('\\');
        }
        quoted.push(character);
    }
    quoted.push(mark);
    quoted
}

#[cfg(test)]
mod tests {
    use super::quote;

    #[test]
    fn quotes_cannot_be_left() {
        assert_eq!(quote("a'b\\", '\''), "'a\\'b\\\\'");
        assert_eq!(quote("a`b'", '`'), "`a\\`b'`");
    }
}
