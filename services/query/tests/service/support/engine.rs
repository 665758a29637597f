//! One endpoint of the embedded engine for all tests of this program, as a process of its own: this very program, started
//! again to run [`endpoint_process`]. Each test has a database of its own.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, fs, io};

use medtrace_store::client::StoreConfig;
use medtrace_store::http::{Credentials, EndpointConfig};
use medtrace_store::migrate::migrate;

const PASSWORD: &str = "correct horse";
/// Starts the line in which the endpoint tells its address.
const LISTENING: &str = "listening on ";
const CONNECTIONS: usize = 4;

/// An empty, migrated database.
pub async fn store() -> StoreConfig {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let store = StoreConfig {
        url: url().to_owned(),
        user: "default".into(),
        password: PASSWORD.into(),
        database: format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed)),
    };
    migrate(&store.client()).await.unwrap();
    store
}

/// A folder in this process's own under the system's for temporary files; the endpoint takes all of it away at its end.
pub fn folder(name: &str) -> PathBuf {
    let path = env::temp_dir().join(format!("medtrace-query-{}", std::process::id())).join(name);
    fs::create_dir_all(&path).unwrap();
    path
}

/// The endpoint's address. It ends with this process, whose end closes its standard input.
fn url() -> &'static str {
    static ENDPOINT: OnceLock<(Child, String)> = OnceLock::new();
    let (_, url) = ENDPOINT.get_or_init(|| {
        let mut process = Command::new(env::current_exe().unwrap())
            .args(["support::engine::endpoint_process", "--exact", "--ignored", "--nocapture"])
            .env("MEDTRACE_TEST_DATA", folder("engine"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let address = lines.find_map(|line| Some(line.ok()?.split_once(LISTENING)?.1.to_owned()));
        // Whatever else it prints must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        (process, format!("http://{}", address.expect("the endpoint listens")))
    });
    url
}

fn library() -> PathBuf {
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

/// Serves until its standard input is closed, and takes the whole folder with it.
#[test]
#[ignore = "the endpoint itself, which the other tests start"]
fn endpoint_process() {
    let data = PathBuf::from(env::var_os("MEDTRACE_TEST_DATA").expect("started by a test"));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("\n{LISTENING}{}", listener.local_addr().unwrap());
        let (closed, closing) = tokio::sync::oneshot::channel::<()>();
        std::thread::spawn(move || {
            let _ = io::copy(&mut io::stdin(), &mut io::sink());
            drop(closed);
        });
        let config = EndpointConfig {
            library: library(),
            data: data.clone(),
            listener,
            credentials: Credentials::new("default", PASSWORD),
            connections: CONNECTIONS,
        };
        medtrace_store::http::run(config, async { drop(closing.await) }).await.unwrap();
    });
    let _ = data.parent().map(fs::remove_dir_all);
    // Nobody reads a test's result from here.
    std::process::exit(0);
}
