//! The endpoint as a process of its own: this very test program, started again to run [`endpoint_process`].

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, fs, io};

use clickhouse::{Client, Compression};
use medtrace_store::client::StoreConfig;
use medtrace_store::http::{Credentials, EndpointConfig};
use reqwest::RequestBuilder;

pub const PASSWORD: &str = "correct horse";
/// Few, so that tests can need more than there are.
pub const CONNECTIONS: usize = 4;
/// Starts the line in which the endpoint tells its address.
const LISTENING: &str = "listening on ";

/// Where the engine's library is. A test without it fails.
pub fn library() -> PathBuf {
    let installed = "../../deploy/clickhouse/node_modules/@chdb/lib-linux-x64-gnu/libchdb.so";
    let path = env::var_os("MEDTRACE_CHDB")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join(installed), PathBuf::from);
    assert!(
        path.is_file(),
        "the ClickHouse engine is not at {}: run `npm ci` in deploy/clickhouse, or set MEDTRACE_CHDB to libchdb.so",
        path.display()
    );
    path
}

/// A folder that goes when the test ends.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("medtrace-store-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A running endpoint.
pub struct Endpoint {
    process: Child,
    /// Closing it asks the endpoint to shut down.
    stdin: Option<ChildStdin>,
    /// Kept open, so that the process can still print.
    _stdout: BufReader<std::process::ChildStdout>,
    pub url: String,
}

impl Endpoint {
    /// Starts one on a data folder and waits until it listens.
    pub fn start(data: &Path) -> Self {
        Self::try_start(data).expect("the endpoint starts")
    }

    /// The exit status of one that ends before it listens.
    #[allow(clippy::zombie_processes, reason = "waited for when dropped")]
    pub fn try_start(data: &Path) -> Result<Self, ExitStatus> {
        let mut process = Command::new(env::current_exe().unwrap())
            .args(["support::endpoint_process", "--exact", "--ignored", "--nocapture"])
            .env("MEDTRACE_TEST_DATA", data)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdin = process.stdin.take();
        let mut stdout = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        loop {
            line.clear();
            if stdout.read_line(&mut line).unwrap() == 0 {
                return Err(process.wait().unwrap());
            }
            if let Some(address) = line.trim_end().split(LISTENING).nth(1) {
                let url = format!("http://{address}");
                return Ok(Self { process, stdin, _stdout: stdout, url });
            }
        }
    }

    /// SIGKILL.
    pub fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Waits for one that ends by itself.
    pub fn ended(mut self) -> ExitStatus {
        self.process.wait().unwrap()
    }

    /// An orderly end.
    pub fn stop(mut self) -> ExitStatus {
        drop(self.stdin.take());
        self.process.wait().unwrap()
    }

    /// The most memory it has had resident, bytes.
    pub fn peak_memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
        line.split_ascii_whitespace().nth(1).unwrap().parse::<u64>().unwrap() << 10
    }

    pub fn store(&self, database: &str) -> StoreConfig {
        StoreConfig {
            url: self.url.clone(),
            user: "default".into(),
            password: PASSWORD.into(),
            database: database.into(),
        }
    }

    pub fn client(&self) -> Client {
        self.store("default").client()
    }

    pub fn packed_client(&self) -> Client {
        self.client().with_compression(Compression::Lz4)
    }

    /// A plain request with the password.
    pub fn post(&self, query: &[(&str, &str)]) -> RequestBuilder {
        reqwest::Client::new().post(&self.url).header("X-ClickHouse-Key", PASSWORD).query(query)
    }

    /// The answer to a statement that must succeed.
    pub async fn ask(&self, sql: &str) -> String {
        let response = self.post(&[]).body(sql.to_owned()).send().await.unwrap();
        let status = response.status();
        let text = response.text().await.unwrap();
        assert!(status.is_success(), "{sql}: {status} {text}");
        text
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Serves until its standard input is closed.
#[test]
#[ignore = "the endpoint itself, which the other tests start"]
fn endpoint_process() {
    let data = PathBuf::from(env::var_os("MEDTRACE_TEST_DATA").expect("started by a test"));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (closed, closing) = tokio::sync::oneshot::channel::<()>();
        std::thread::spawn(move || {
            let _ = io::copy(&mut io::stdin(), &mut io::sink());
            drop(closed);
        });
        let config = EndpointConfig {
            library: library(),
            data,
            listener,
            credentials: Credentials::new("default", PASSWORD),
            connections: CONNECTIONS,
        };
        // The listener is bound: whoever connects before the engine is open waits in its queue.
        println!("\n{LISTENING}{address}");
        let shutdown = async {
            let _ = closing.await;
        };
        if let Err(error) = medtrace_store::http::run(config, shutdown).await {
            eprintln!("the endpoint has failed: {error}");
            std::process::exit(1);
        }
        // An engine that still merges or schedules while the process exits crashes it, now and then.
        let alive = threads().into_iter().find(|name| name == "MergeMutate" || name == "BgSchPool");
        assert_eq!(alive, None, "the engine has not shut down");
    });
}

/// Names of this process's threads.
fn threads() -> Vec<String> {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    tasks
        .filter_map(|task| fs::read_to_string(task.ok()?.path().join("comm")).ok())
        .map(|name| name.trim().into())
        .collect()
}
