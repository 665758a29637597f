//! Writing atomically as the only writer of a name.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaError};
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer as _, ProducerContext};
use rdkafka::types::RDKafkaErrorCode as Code;
use rdkafka::{Message as _, Timestamp};

use crate::cluster::TRANSACTION_MS;
use crate::{Cluster, LogError, quiet};

/// What became of a transaction that did not commit.
#[derive(Debug, thiserror::Error)]
pub enum TransactionError {
    /// Aborted: nothing of it can be read by `read_committed`. May be tried again with the same producer.
    #[error("commit: not done, nothing was written")]
    NotDone { source: KafkaError },
    /// Another producer has opened the same transactional id. This process must end.
    #[error("commit: another writer has taken over")]
    Fenced { source: KafkaError },
    /// It may or may not have been committed. This process must end; whoever starts next reads what is there.
    #[error("commit: outcome unknown")]
    Unknown { source: KafkaError },
    /// The thread that ran it has ended by itself; it may or may not have been committed. This process must end.
    #[error("commit: the writer has ended by itself")]
    Ended,
}

/// One record of a transaction.
#[derive(Clone, Copy, Debug)]
pub struct Write<'a> {
    pub topic: &'a str,
    pub partition: i32,
    pub key: &'a [u8],
    pub value: &'a [u8],
}

/// A transactional producer. Its calls block: run them on a thread that may (`spawn_blocking`).
pub struct Transactions {
    producer: BaseProducer<Deliveries>,
}

/// What became of the deliveries of the current transaction.
#[derive(Default)]
struct Deliveries(Mutex<Outcome>);

#[derive(Default)]
struct Outcome {
    /// The first that failed.
    failed: Option<KafkaError>,
    /// When the broker took the last.
    taken_ms: Option<i64>,
}

impl Deliveries {
    fn with<T>(&self, look: impl FnOnce(&mut Outcome) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()))
    }
}

impl ClientContext for Deliveries {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        quiet::log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        quiet::tell(&error, reason);
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        self.with(|outcome| match result {
            Ok(message) => {
                if let Timestamp::LogAppendTime(ms) = message.timestamp() {
                    outcome.taken_ms = Some(ms);
                }
            }
            Err((error, _)) => drop(outcome.failed.get_or_insert_with(|| error.clone())),
        });
    }
}

impl Transactions {
    /// Opens the id: shuts out whoever held it and waits until its open transaction is ended.
    pub fn open(cluster: &Cluster, id: &str) -> Result<Transactions, LogError> {
        let producer: BaseProducer<Deliveries> = cluster
            .transactional(id)
            .create_with_context(Deliveries::default())
            .map_err(|error| LogError::Settings(error.to_string()))?;
        let wait = Duration::from_millis(TRANSACTION_MS);
        producer.init_transactions(wait).map_err(LogError::kafka(format!("open the transactional id {id}")))?;
        Ok(Transactions { producer })
    }

    /// Writes all in one transaction. When it returns `Ok` the decision is durable; readers of what is committed see the
    /// records moments later, when Kafka has written its markers. (So read back by following, not by asking for the end.
    /// [`Transactions::open`] does wait for the markers of whoever held the id before.)
    ///
    /// Returns when the broker took the last record by its own clock, Unix ms, if the topic's records carry that.
    pub fn commit(&mut self, writes: &[Write<'_>]) -> Result<Option<i64>, TransactionError> {
        let deadline = Instant::now() + Duration::from_millis(TRANSACTION_MS);
        self.producer.context().with(std::mem::take);
        self.producer.begin_transaction().map_err(|error| self.outcome(error))?;
        if let Err(error) = self.write(writes, deadline) {
            return Err(self.abort(error));
        }
        loop {
            match self.producer.commit_transaction(deadline.saturating_duration_since(Instant::now())) {
                Ok(()) => return Ok(self.producer.context().with(|outcome| outcome.taken_ms)),
                // The request is still under way; asking again waits for the same one.
                Err(error) if retriable(&error) && Instant::now() < deadline => {}
                Err(error) if requires_abort(&error) => return Err(self.abort(error)),
                Err(error) => return Err(self.outcome(error)),
            }
        }
    }

    /// Sends and waits for every delivery report, so that `commit_transaction` has nothing to flush: its flush polls
    /// in whole 100 ms slices, which would be the price of every commit.
    /// A refused record does not keep those before it from being delivered: aborted in the midst of that, the broker may
    /// not know of the transaction yet and deny its end.
    fn write(&self, writes: &[Write<'_>], deadline: Instant) -> Result<(), KafkaError> {
        let send = |write: &Write<'_>| {
            let record = BaseRecord::to(write.topic).partition(write.partition).key(write.key).payload(write.value);
            self.producer.send(record).map_err(|(error, _)| error)
        };
        let sent = writes.iter().try_for_each(send);
        while self.producer.in_flight_count() > 0 {
            if Instant::now() >= deadline {
                return Err(KafkaError::MessageProduction(Code::MessageTimedOut));
            }
            self.producer.poll(Duration::from_millis(1));
        }
        match self.producer.context().with(|outcome| outcome.failed.take()) {
            Some(error) => Err(error),
            None => sent,
        }
    }

    /// Aborts because of `cause`. `abort_transaction` waits for delivery reports but does not poll for them, so they
    /// are polled beside it.
    fn abort(&self, cause: KafkaError) -> TransactionError {
        let wait = Duration::from_millis(TRANSACTION_MS);
        let aborted = std::thread::scope(|scope| {
            let abort = scope.spawn(|| self.producer.abort_transaction(wait));
            while !abort.is_finished() {
                self.producer.poll(Duration::from_millis(10));
            }
            abort.join()
        });
        match aborted {
            Ok(Ok(())) => TransactionError::NotDone { source: cause },
            Ok(Err(error)) => self.outcome(error),
            Err(_) => TransactionError::Unknown { source: cause },
        }
    }

    fn outcome(&self, source: KafkaError) -> TransactionError {
        let fatal = self.producer.client().fatal_error().map(|(code, _)| code);
        let codes = [source.rdkafka_error_code(), transaction_error(&source).map(RDKafkaError::code), fatal];
        let fenced = |code: &Code| {
            matches!(
                code,
                Code::Fenced | Code::ProducerFenced | Code::InvalidProducerEpoch | Code::InvalidProducerIdMapping
            )
        };
        match codes.iter().flatten().any(fenced) {
            true => TransactionError::Fenced { source },
            false => TransactionError::Unknown { source },
        }
    }
}

fn transaction_error(error: &KafkaError) -> Option<&RDKafkaError> {
    match error {
        KafkaError::Transaction(error) => Some(error),
        _ => None,
    }
}

fn retriable(error: &KafkaError) -> bool {
    transaction_error(error).is_some_and(RDKafkaError::is_retriable)
}

fn requires_abort(error: &KafkaError) -> bool {
    transaction_error(error).is_some_and(RDKafkaError::txn_requires_abort)
}
