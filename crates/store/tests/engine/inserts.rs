//! Inserts: every way in, whole or not at all, and memory that does not grow with the data.

use std::io::{Read, Write};
use std::net::TcpStream;

use bytes::Bytes;
use clickhouse::Row;
use futures::stream;
use serde::{Deserialize, Serialize};

use crate::support::{CONNECTIONS, Endpoint, Folder, PASSWORD};

#[derive(Debug, Clone, PartialEq, Row, Serialize, Deserialize)]
struct Line {
    n: u64,
    text: String,
}

const TABLE: &str = "CREATE TABLE line (n UInt64, text String) ENGINE = MergeTree ORDER BY n";

async fn count(endpoint: &Endpoint) -> u64 {
    endpoint.ask("SELECT count() FROM line").await.trim().parse().unwrap()
}

#[tokio::test]
async fn takes_every_form() {
    let folder = Folder::new();
    let endpoint = Endpoint::start(folder.path());
    endpoint.ask(TABLE).await;
    let post = async |query: &str, body: &[u8]| {
        let arguments = if query.is_empty() { vec![] } else { vec![("query", query)] };
        let response = endpoint.post(&arguments).body(body.to_vec()).send().await.unwrap();
        assert_eq!(response.status(), 200, "{query}: {}", response.text().await.unwrap());
    };
    post("INSERT INTO line VALUES (1, 'a'), (2, 'b')", b"").await;
    post("", b"INSERT INTO line (n, text) VALUES (3, 'c')").await;
    post("INSERT INTO line FORMAT CSV", b"4,\"d\"\n").await;
    post("", b"INSERT INTO line FORMAT TSV\n5\te\n6\tf\n").await;
    // Binary rows may start with, and be full of, what looks like blanks and line breaks.
    post("INSERT INTO line FORMAT RowBinary", b"\n\n\n\n\n\n\n\n\x05\n\n;\n\n\x20\0\0\0\0\0\0\0\0").await;
    post("", b"INSERT INTO line FORMAT RowBinary\n\n\n\n\n\n\n\n\n\x01 ").await;
    post("INSERT INTO line SETTINGS input_format_null_as_default = 1 FORMAT JSONEachRow", b"{\"n\": 7}").await;
    post("INSERT INTO line", b"SELECT 8, 'h'").await;
    post("INSERT INTO line FORMAT CSV", b"").await;
    let rows = endpoint.ask("SELECT n, hex(text) FROM line ORDER BY n, text").await;
    let breaks = u64::from_le_bytes(*b"\n\n\n\n\n\n\n\n");
    let mut expected: Vec<_> =
        ["1\t61", "2\t62", "3\t63", "4\t64", "5\t65", "6\t66", "7\t", "8\t68", "32\t"].map(str::to_owned).into();
    expected.extend([format!("{breaks}\t0A0A3B0A0A"), format!("{breaks}\t20")]);
    assert_eq!(rows.lines().collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn takes_the_clickhouse_crates_rows() {
    const ROWS: u64 = 200_000;
    let folder = Folder::new();
    let endpoint = Endpoint::start(folder.path());
    endpoint.ask(TABLE).await;
    for (client, first) in [(endpoint.client(), 0), (endpoint.packed_client(), ROWS)] {
        let mut insert = client.insert::<Line>("line").await.unwrap();
        for n in first..first + ROWS {
            insert.write(&Line { n, text: format!("text of {n}") }).await.unwrap();
        }
        insert.end().await.unwrap();
    }
    let wrong = "SELECT count(), uniqExact(n), countIf(text != concat('text of ', toString(n))) FROM line";
    assert_eq!(endpoint.ask(wrong).await, format!("{0}\t{0}\t0\n", 2 * ROWS));
    // A summary tells what was written; an exception of the engine reaches a writer in the midst of its rows.
    let response = endpoint.post(&[("query", "INSERT INTO line FORMAT CSV")]).body("1,a\n2,b\n").send().await.unwrap();
    assert!(response.headers()["x-clickhouse-summary"].to_str().unwrap().contains(r#""written_rows":"2""#));
    let client = endpoint.client().with_validation(false);
    let mut insert = client.insert::<Line>("nowhere").await.unwrap();
    let mut error = None;
    for n in 0..10_000_000 {
        if let Err(refused) = insert.write(&Line { n, text: String::new() }).await {
            error = Some(refused);
            break;
        }
    }
    let error = error.expect("refused before all rows were sent").to_string();
    assert!(error.contains("Code: 60. ") || error.contains("channel"), "{error}");
}

/// The heads and bodies of requests that break off, as bytes on the wire.
fn broken_requests() -> Vec<(&'static str, Vec<u8>)> {
    let head = |arguments: &str, framing: &str| {
        format!(
            "POST /?query=INSERT%20INTO%20line%20FORMAT%20RowBinary{arguments} HTTP/1.1\r\nHost: x\r\n\
             X-ClickHouse-Key: {PASSWORD}\r\n{framing}\r\n\r\n"
        )
        .into_bytes()
    };
    let row = b"\x01\0\0\0\0\0\0\0\x01a";
    let rows = row.repeat(1000);
    // More than is gathered before the engine gets any of it.
    let many = row.repeat(300_000);
    let chunk = |data: &[u8]| [format!("{:x}\r\n", data.len()).as_bytes(), data, b"\r\n"].concat();
    let chunked = "Transfer-Encoding: chunked";
    let mut damaged = clickhouse::_priv::lz4_compress(&rows).unwrap().to_vec();
    damaged[40] ^= 1;
    let whole = clickhouse::_priv::lz4_compress(&rows).unwrap();
    vec![
        ("no last chunk", [head("", chunked), chunk(&rows)].concat()),
        ("no last chunk of many", [head("", chunked), chunk(&many), chunk(&rows)].concat()),
        ("half a chunk", [head("", chunked), chunk(&rows)[..5000].to_vec()].concat()),
        ("fewer bytes than announced", [head("", "Content-Length: 20000"), rows.clone()].concat()),
        ("half a row", [head("", "Content-Length: 10005"), rows.clone(), b"\x01\0\0\0\0".to_vec()].concat()),
        ("half a block", [head("&decompress=1", chunked), chunk(&whole), chunk(&whole[..50]), chunk(b"")].concat()),
        ("a damaged block", [head("&decompress=1", chunked), chunk(&whole), chunk(&damaged), chunk(b"")].concat()),
        ("a wrong chunk size", [head("", chunked), chunk(&rows), b"zz\r\n".to_vec()].concat()),
    ]
}

/// Nothing of a request that breaks off is kept, and its connection to the engine serves on.
#[tokio::test]
async fn a_cut_body_writes_nothing() {
    let folder = Folder::new();
    let endpoint = Endpoint::start(folder.path());
    endpoint.ask(TABLE).await;
    let address = endpoint.url.strip_prefix("http://").unwrap();
    for _ in 0..CONNECTIONS {
        for (what, bytes) in broken_requests() {
            let mut socket = TcpStream::connect(address).unwrap();
            socket.write_all(&bytes).unwrap();
            socket.shutdown(std::net::Shutdown::Write).unwrap();
            // Until the endpoint is done with it.
            let mut answer = Vec::new();
            let _ = socket.read_to_end(&mut answer);
            assert!(!answer.starts_with(b"HTTP/1.1 200"), "{what}: {}", String::from_utf8_lossy(&answer));
            assert_eq!(count(&endpoint).await, 0, "{what}");
        }
    }
    // The crate's own way to break off: an insert that is dropped.
    for client in [endpoint.client(), endpoint.packed_client()] {
        let mut insert = client.insert::<Line>("line").await.unwrap();
        for n in 0..100_000 {
            insert.write(&Line { n, text: "never ended".into() }).await.unwrap();
        }
        drop(insert);
    }
    endpoint.ask("INSERT INTO line VALUES (1, 'kept')").await;
    assert_eq!(count(&endpoint).await, 1);
    assert!(endpoint.stop().success());
    let endpoint = Endpoint::start(folder.path());
    assert_eq!(count(&endpoint).await, 1);
}

/// Writers that have begun and wait take no connection, so that one process may fill all its tables at once.
#[tokio::test]
async fn open_inserts_do_not_block_others() {
    let folder = Folder::new();
    let endpoint = Endpoint::start(folder.path());
    endpoint.ask(TABLE).await;
    let client = endpoint.client();
    let mut open = Vec::new();
    for n in 0..3 * CONNECTIONS as u64 {
        let mut insert = client.insert::<Line>("line").await.unwrap();
        // More than the crate keeps to itself, less than the endpoint gathers.
        for _ in 0..20_000 {
            insert.write(&Line { n, text: "a line of some length".into() }).await.unwrap();
        }
        open.push(insert);
    }
    assert_eq!(count(&endpoint).await, 0);
    for insert in open {
        insert.end().await.unwrap();
    }
    assert_eq!(count(&endpoint).await, 3 * CONNECTIONS as u64 * 20_000);
}

/// 800 MB in and out in row formats raise the process's memory by a fraction of that.
#[tokio::test]
async fn data_streams_through() {
    const PIECE_ROWS: usize = 10_000;
    const PIECES: usize = 400;
    const GROWTH_BYTES_MAX: u64 = 300 << 20;
    let folder = Folder::new();
    let endpoint = Endpoint::start(folder.path());
    endpoint.ask("CREATE TABLE line (n UInt64, text String) ENGINE = Null").await;
    let row = [&[7, 0, 0, 0, 0, 0, 0, 0, 0xc0, 0x01][..], &[b'x'; 192]].concat();
    let piece = Bytes::from(row.repeat(PIECE_ROWS));
    // The engine's own blocks small, so that what is seen is the way to it.
    let small = [("min_insert_block_size_rows", "65536"), ("min_insert_block_size_bytes", "16777216")];
    let insert = async |pieces: usize| {
        let body = stream::iter((0..pieces).map({
            let piece = piece.clone();
            move |_| Ok::<_, std::io::Error>(piece.clone())
        }));
        let arguments = [small[0], small[1], ("query", "INSERT INTO line FORMAT RowBinary")];
        let request = endpoint.post(&arguments).body(reqwest::Body::wrap_stream(body));
        request.send().await.unwrap().error_for_status().unwrap();
    };
    let read = async |rows: usize| {
        let sql = format!("SELECT number, repeat('x', 192) FROM numbers({rows}) FORMAT RowBinary");
        let mut response = endpoint.post(&[]).body(sql).send().await.unwrap();
        let mut total = 0;
        while let Some(piece) = response.chunk().await.unwrap() {
            total += piece.len();
        }
        assert_eq!(total, rows * row.len());
    };
    insert(10).await;
    read(PIECE_ROWS * 10).await;
    let before = endpoint.peak_memory();
    insert(PIECES).await;
    read(PIECE_ROWS * PIECES).await;
    let growth = endpoint.peak_memory() - before;
    assert!(growth < GROWTH_BYTES_MAX, "{} MiB more for {} MB", growth >> 20, PIECES * piece.len() / 1_000_000);
}
