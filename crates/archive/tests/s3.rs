//! An archive in a bucket, on a server that others wrote (`moto_server` of the Python package `moto[server]`, found through
//! `MEDTRACE_MOTO` or on the path). Without it the test is skipped and says so.
#![allow(clippy::unwrap_used)]

mod world;

use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{Method, Request as Asked, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use http_body_util::Full;
use medtrace_archive::{Archive, ArchiveError};
use medtrace_ledger::tile::{Edge, Tiles};
use medtrace_log::sealed::SealedBlock;
use medtrace_service::client::Client;
use world::{all, block};

/// Longest answer, bytes.
const BYTES_MAX: usize = 64 << 20;
const START: Duration = Duration::from_secs(60);

/// A server with one bucket, `medtrace`. It ends with the test.
struct Moto {
    server: Child,
    port: u16,
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

async fn moto() -> Option<Moto> {
    let program = std::env::var("MEDTRACE_MOTO").unwrap_or_else(|_| "moto_server".to_owned());
    let port = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let mut command = Command::new(&program);
    command.args(["-H", "127.0.0.1", "-p", &port.to_string()]).stdout(Stdio::null()).stderr(Stdio::null());
    let Ok(server) = command.spawn() else {
        eprintln!("skipped: there is no S3 server: {program} cannot be started; see MEDTRACE_MOTO");
        return None;
    };
    let (moto, client) = (Moto { server, port }, Client::new(5_000).unwrap());
    let deadline = Instant::now() + START;
    loop {
        let asked = Asked::put(format!("http://127.0.0.1:{port}/medtrace")).body(Full::default()).unwrap();
        match client.ask(asked, BYTES_MAX).await {
            Ok(answer) if answer.status == 200 => return Some(moto),
            answer => assert!(Instant::now() < deadline, "it does not start: {answer:?}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn archive(port: u16, prefix: &str) -> Archive {
    let endpoint = format!("http://127.0.0.1:{port}");
    let settings = [
        ("AWS_ENDPOINT", &*endpoint),
        ("AWS_ALLOW_HTTP", "true"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "somebody"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("PATH", "is no setting of a bucket"),
    ];
    Archive::bucket(&format!("s3://medtrace/{prefix}"), &settings).unwrap()
}

/// How the answer to one write is lost.
#[derive(Clone, Copy, Debug)]
enum Loss {
    /// An error in its place: the client repeats by itself.
    Error,
    /// It breaks off: the client does not know.
    Broken,
}

/// Stands before the server and has one write fail, done or not.
struct Front {
    client: Client,
    behind: u16,
    writes: AtomicUsize,
    fails_at: usize,
    done: bool,
    loss: Loss,
}

async fn front(behind: u16, fails_at: usize, done: bool, loss: Loss) -> (u16, Arc<Front>) {
    let client = Client::new(20_000).unwrap();
    let front = Arc::new(Front { client, behind, writes: AtomicUsize::new(0), fails_at, done, loss });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let routes = Router::new().fallback(pass).with_state(front.clone());
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    (port, front)
}

async fn pass(State(front): State<Arc<Front>>, request: Request) -> Response {
    let (mut head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, BYTES_MAX).await.unwrap();
    let fails = head.method == Method::PUT && front.writes.fetch_add(1, Ordering::Relaxed) == front.fails_at;
    let answer = if fails && !front.done {
        None
    } else {
        let uri = format!("http://127.0.0.1:{}{}", front.behind, head.uri.path_and_query().unwrap());
        head.uri = uri.parse::<Uri>().unwrap();
        Some(front.client.ask(Asked::from_parts(head, Full::from(body)), BYTES_MAX).await.unwrap())
    };
    match (fails, front.loss, answer) {
        (false, _, Some(answer)) => (answer.status, answer.headers, answer.body).into_response(),
        (_, Loss::Error, _) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        (_, Loss::Broken, _) => {
            let broken = futures::stream::iter([Ok(Bytes::from_static(b"<")), Err(std::io::Error::other("cut off"))]);
            Body::from_stream(broken).into_response()
        }
    }
}

async fn write(archive: &Archive, blocks: &[SealedBlock]) -> Result<(), ArchiveError> {
    let mut writer = archive.write().await?;
    while writer.next_written().await?.is_some() {}
    for block in blocks.iter().skip(writer.height() as usize) {
        writer.append(block).await?;
    }
    writer.flush().await?;
    let (mut edge, mut full) = (Edge::default(), Tiles::new());
    (0..300u64).for_each(|number| edge.push(&number.to_be_bytes(), &mut full).unwrap());
    writer.tiles(full).await?;
    writer.tiles(edge.partial()).await?;
    writer.publish("300").await
}

/// Everything there is in the bucket below a prefix.
async fn everything(archive: &Archive) -> (Vec<String>, Vec<String>, Option<String>, Vec<Option<usize>>) {
    let (mut blocks, mut read) = (archive.blocks(0).await.unwrap(), Vec::new());
    while let Some(block) = blocks.next().await.unwrap() {
        read.push(all(&block));
    }
    let mut tiles = Vec::new();
    for tile in ["tile/0/000", "tile/0/001.p/44", "tile/1/000.p/1", "tile/entries/000", "tile/entries/001.p/44"] {
        tiles.push(archive.tile(tile.parse().unwrap(), 300).await.unwrap().map(|bytes| bytes.len()));
    }
    (archive.block_files().await.unwrap(), read, archive.checkpoint().await.unwrap(), tiles)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_is_an_archive_however_writes_end() {
    let Some(moto) = moto().await else { return };
    let blocks: Vec<_> = (0..260).map(|height| block(height, &[vec![height as u8; 9]])).collect();
    let run = async |archive: &Archive| -> Result<(), ArchiveError> {
        write(archive, &blocks[..1]).await?;
        write(archive, &blocks).await
    };
    let clean = archive(moto.port, "clean");
    assert_eq!(clean.checkpoint().await.unwrap(), None);
    run(&clean).await.unwrap();
    let expected = everything(&clean).await;
    assert_eq!((expected.0.len(), expected.1.len(), expected.2.as_deref()), (2, 260, Some("300")));
    assert!(expected.3.iter().all(Option::is_some), "{:?}", expected.3);
    let read = clean.blocks(257).await.unwrap().next().await.unwrap().unwrap();
    assert_eq!(all(&read), all(&blocks[257]));

    for fails_at in 0.. {
        let mut reached = false;
        for (done, loss) in [(false, Loss::Error), (true, Loss::Error), (false, Loss::Broken), (true, Loss::Broken)] {
            let (port, counted) = front(moto.port, fails_at, done, loss).await;
            let prefix = format!("{fails_at}-{done}-{loss:?}");
            let ended = run(&archive(port, &prefix)).await;
            reached |= counted.writes.load(Ordering::Relaxed) > fails_at;
            // An error was not hidden, and never says that another has written; then everything is done again.
            if let Err(error) = ended {
                assert!(matches!(error, ArchiveError::Store { .. }), "{prefix}: {error}");
                run(&archive(moto.port, &prefix)).await.unwrap();
            }
            assert!(everything(&archive(moto.port, &prefix)).await == expected, "{prefix}");
        }
        if !reached {
            assert!(fails_at > 8, "all writes were tried: {fails_at}");
            break;
        }
    }

    // Of two writers the one that does not know what stands there fails, and what stands there stays.
    let two = archive(moto.port, "two");
    let (mut one, mut other) = (two.write().await.unwrap(), two.write().await.unwrap());
    assert!(one.next_written().await.unwrap().is_none() && other.next_written().await.unwrap().is_none());
    one.append(&blocks[0]).await.unwrap();
    one.flush().await.unwrap();
    other.append(&block(0, &[b"another".to_vec()])).await.unwrap();
    assert!(matches!(other.flush().await, Err(ArchiveError::Differs { .. })));
    one.append(&blocks[1]).await.unwrap();
    one.flush().await.unwrap();
    one.publish("2").await.unwrap();
    assert!(matches!(other.publish("1").await, Err(ArchiveError::Differs { .. })));
    assert_eq!((everything(&two).await.1.len(), two.checkpoint().await.unwrap().as_deref()), (2, Some("2")));

    // A server that is away is an error that passes, and a place without a bucket is none.
    drop(moto);
    assert!(matches!(two.checkpoint().await, Err(ArchiveError::Store { .. })));
    assert!(matches!(Archive::bucket("s3://", &[]), Err(ArchiveError::Place { .. })));
}
