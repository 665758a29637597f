//! The pool: connections are opened as statements need them, up to a limit, and kept until the engine shuts down.

use std::collections::BTreeMap;
use std::ffi::CString;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use std::{fs, sync::mpsc};

use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use super::library::{Connection, Library};
use super::session::{Context, Session};
use super::{EngineConfig, EngineError, STACK_BYTES, WAITING_MAX};
use crate::exception::{Code, Exception};

/// How long running statements get to notice that the engine shuts down, and again after they are killed.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(5);

/// Server options that only a settings file can give. A part is on disk before its insert is acknowledged.
const SERVER_SETTINGS: &str = "<clickhouse>
    <merge_tree><fsync_after_insert>1</fsync_after_insert></merge_tree>
</clickhouse>
";

/// What every connection starts with. Inserts are not gathered (the default of this version) but written; the sampling
/// profilers have no table to write to here and cost a third of a short query's time.
const SESSION_SETTINGS: [&str; 3] =
    ["--async_insert=0", "--query_profiler_real_time_period_ns=0", "--query_profiler_cpu_time_period_ns=0"];

/// The engine; clones share it.
#[derive(Clone)]
pub struct Engine(Arc<Pool>);

struct Pool {
    context: Context,
    version: String,
    /// Keeps the engine up while other connections come and go.
    anchor: Mutex<Option<Connection>>,
    connections: usize,
    /// One permit for each connection that may run a statement.
    permits: Arc<Semaphore>,
    waiting: AtomicUsize,
    idle: Mutex<Vec<Worker>>,
}

/// A connection's thread; it ends, and closes the connection, when this is dropped.
struct Worker {
    jobs: mpsc::Sender<Job>,
    thread: JoinHandle<()>,
}

/// A statement for a worker, which goes back to the pool with its permit when it is done.
struct Job {
    work: Box<dyn FnOnce(&mut Session) + Send>,
    worker: Worker,
    permit: OwnedSemaphorePermit,
}

impl Engine {
    /// Boots the engine on its data folder. Blocks for up to half a second; needs a Tokio runtime.
    pub fn open(config: &EngineConfig) -> Result<Self, EngineError> {
        static OPENED: AtomicBool = AtomicBool::new(false);
        let library = Arc::new(Library::load(&config.library)?);
        let settings = config.data.join("server.xml");
        fs::create_dir_all(&config.data)
            .and_then(|()| fs::write(&settings, SERVER_SETTINGS))
            .map_err(|source| EngineError::Folder { path: config.data.clone(), source })?;
        let option = |name: &str, path: &Path| format!("--{name}={}", path.display());
        let mut arguments =
            vec!["clickhouse".to_owned(), option("path", &config.data), option("config-file", &settings)];
        arguments.extend(SESSION_SETTINGS.map(str::to_owned));
        let arguments = arguments.into_iter().map(CString::new).collect::<Result<_, _>>();
        if OPENED.swap(true, Ordering::SeqCst) {
            return Err(EngineError::Opened);
        }
        let context = Context {
            arguments: arguments.map_err(|_| EngineError::Connect)?,
            runtime: Handle::current(),
            closing: CancellationToken::new(),
            library,
        };
        let mut anchor = Connection::open(&context.library, &context.arguments)?;
        let version = anchor.query(b"SELECT version()", "TSVRaw", &BTreeMap::new()).unwrap_or_default().bytes;
        let connections = config.connections.clamp(1, Semaphore::MAX_PERMITS.min(u32::MAX as usize));
        Ok(Self(Arc::new(Pool {
            context,
            version: String::from_utf8_lossy(&version).trim().to_owned(),
            anchor: Mutex::new(Some(anchor)),
            connections,
            permits: Arc::new(Semaphore::new(connections)),
            waiting: AtomicUsize::new(0),
            idle: Mutex::new(Vec::new()),
        })))
    }

    /// ClickHouse's version, e.g. `26.7.2.1`.
    pub fn version(&self) -> &str {
        &self.0.version
    }

    /// Runs `work` on a connection's thread, as soon as one is free.
    pub(super) async fn spawn(&self, work: impl FnOnce(&mut Session) + Send + 'static) -> Result<(), Exception> {
        let permit = self.0.permit().await?;
        let worker = match lock(&self.0.idle).pop() {
            Some(worker) => worker,
            None => Worker::start(self.0.clone())?,
        };
        let jobs = worker.jobs.clone();
        jobs.send(Job { work: Box::new(work), worker, permit }).map_err(|_| shutting_down())
    }

    /// Cancels what runs, closes all connections and stops the engine. Must be called, and awaited, before the process
    /// ends. Requests are refused from its start on.
    pub async fn shutdown(&self) -> Result<(), EngineError> {
        let pool = self.0.clone();
        pool.context.closing.cancel();
        let connections = u32::try_from(pool.connections).unwrap_or(u32::MAX);
        let idle = || tokio::time::timeout(SHUTDOWN_GRACE, pool.permits.acquire_many(connections));
        if idle().await.is_err() {
            let killer = self.0.clone();
            let kill = tokio::task::spawn_blocking(move || killer.kill());
            if idle().await.is_err() {
                return Err(EngineError::Busy(pool.connections - pool.permits.available_permits()));
            }
            let _ = kill.await;
        }
        pool.permits.close();
        let stopped = tokio::task::spawn_blocking(move || pool.stop()).await.unwrap_or(false);
        tracing::debug!(stopped, "the engine has shut down");
        Ok(())
    }
}

impl Pool {
    async fn permit(&self) -> Result<OwnedSemaphorePermit, Exception> {
        if let Ok(permit) = self.permits.clone().try_acquire_owned() {
            return if self.context.closing.is_cancelled() { Err(shutting_down()) } else { Ok(permit) };
        }
        let _waiting = Waiting::enter(&self.waiting)?;
        tokio::select! {
            permit = self.permits.clone().acquire_owned() => permit.map_err(|_| shutting_down()),
            () = self.context.closing.cancelled() => Err(shutting_down()),
        }
    }

    fn kill(&self) {
        if let Some(anchor) = lock(&self.anchor).as_mut()
            && let Err(exception) = anchor.query(b"KILL QUERY WHERE 1 ASYNC", "Null", &BTreeMap::new())
        {
            tracing::warn!(error = %exception, "running statements could not be killed");
        }
    }

    /// Ends all threads, closes the anchor last. No statement is running any more.
    fn stop(&self) -> bool {
        for worker in std::mem::take(&mut *lock(&self.idle)) {
            drop(worker.jobs);
            let _ = worker.thread.join();
        }
        drop(lock(&self.anchor).take());
        self.context.library.shutdown()
    }
}

impl Worker {
    fn start(pool: Arc<Pool>) -> Result<Self, Exception> {
        let failed = |error: EngineError| Exception::new(Code::UnknownException, error);
        let mut session = Session::open(pool.context.clone()).map_err(failed)?;
        let (jobs, queue) = mpsc::channel::<Job>();
        let thread = thread::Builder::new()
            .name("clickhouse".to_owned())
            .stack_size(STACK_BYTES)
            .spawn(move || {
                for Job { work, worker, permit } in queue {
                    work(&mut session);
                    lock(&pool.idle).push(worker);
                    drop(permit);
                }
            })
            .map_err(|error| failed(EngineError::Thread(error)))?;
        Ok(Self { jobs, thread })
    }
}

/// Counts a statement that waits, while it does.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn enter(waiting: &'a AtomicUsize) -> Result<Self, Exception> {
        let this = Self(waiting);
        if waiting.fetch_add(1, Ordering::Relaxed) >= WAITING_MAX {
            let message = format_args!("Too many simultaneous queries: {WAITING_MAX} are waiting");
            return Err(Exception::new(Code::TooManySimultaneousQueries, message));
        }
        Ok(this)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn shutting_down() -> Exception {
    Exception::new(Code::Aborted, "The engine is shutting down")
}

/// What these locks guard is whole between statements, so a panic elsewhere does not spoil it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
