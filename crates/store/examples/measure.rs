//! What the endpoint costs: inserts and point queries by the `clickhouse` crate through HTTP, against the same given to
//! the engine directly, in one process and one run.
//!
//! `MEDTRACE_CHDB=…/libchdb.so cargo run --release -p medtrace-store --example measure [ROWS]`

use std::path::PathBuf;
use std::time::{Duration, Instant};
use std::{env, fs};

use anyhow::{Context, Result};
use bytes::{BufMut, Bytes, BytesMut};
use clickhouse::{Client, Compression, Row};
use medtrace_store::client::StoreConfig;
use medtrace_store::engine::{Delivery, Engine, EngineConfig, INPUT_PIECES_MAX, Input, Joining, Statement};
use medtrace_store::http::{Credentials, serve};
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};

/// Rows of one insert: about what a second of full load makes of one table.
const BATCH_ROWS: u64 = 100_000;
const ROWS_DEFAULT: u64 = 2_000_000;
const QUERIES: u64 = 2_000;
/// The crate sends pieces of this size.
const PIECE_BYTES: usize = 256 << 10;

/// The shape of a fact: a thing, when, where, by whom.
#[derive(Row, Serialize, Deserialize)]
struct Fact {
    class: u64,
    id: String,
    t: i64,
    block: u64,
    idx: u32,
    place: u64,
    party: String,
}

const COLUMNS: &str = "class, id, t, block, idx, place, party";
const POINT: &str = "WHERE class = {class:UInt64} AND id = {id:String} ORDER BY t LIMIT 10";

impl Fact {
    fn new(n: u64) -> Self {
        Self {
            class: 1 << 56 | (n % 1000),
            id: format!("SN{:016}", n.wrapping_mul(0x9e37_79b9_7f4a_7c15) % 10_000_000),
            t: 1_760_000_000_000_000 + n as i64,
            block: n / 60_000,
            idx: (n % 60_000) as u32,
            place: 5 << 56 | (n % 5000),
            party: "maker.example".to_owned(),
        }
    }

    fn encode(&self, out: &mut BytesMut) {
        let text = |out: &mut BytesMut, text: &str| {
            out.put_u8(text.len() as u8);
            out.extend_from_slice(text.as_bytes());
        };
        out.put_u64_le(self.class);
        text(out, &self.id);
        out.put_i64_le(self.t);
        out.put_u64_le(self.block);
        out.put_u32_le(self.idx);
        out.put_u64_le(self.place);
        text(out, &self.party);
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let rows = env::args().nth(1).map_or(Ok(ROWS_DEFAULT), |rows| rows.parse()).context("ROWS is a number")?;
    let library = env::var_os("MEDTRACE_CHDB").map(PathBuf::from).context("MEDTRACE_CHDB names libchdb.so")?;
    let data = env::temp_dir().join(format!("medtrace-measure-{}", std::process::id()));
    println!("{}", machine());
    let engine = Engine::open(&EngineConfig { library, data: data.clone(), connections: 4 })?;
    println!("ClickHouse {}, {rows} rows in batches of {BATCH_ROWS}, {QUERIES} point queries", engine.version());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let store = StoreConfig {
        url: format!("http://{}", listener.local_addr()?),
        user: "default".into(),
        password: "p".into(),
        database: "default".into(),
    };
    let (stop, stopped) = oneshot::channel::<()>();
    let server = tokio::spawn(serve(listener, engine.clone(), Credentials::new("default", "p"), async {
        let _ = stopped.await;
    }));
    let measured = measure(&engine, &store, rows).await;
    drop(stop);
    server.await??;
    engine.shutdown().await?;
    fs::remove_dir_all(data)?;
    measured
}

async fn measure(engine: &Engine, store: &StoreConfig, rows: u64) -> Result<()> {
    let client = store.client();
    let packed = client.clone().with_compression(Compression::Lz4);
    create(&client, "warm").await?;
    insert_by_crate(&client, "warm", BATCH_ROWS).await?;
    insert_directly(engine, "warm", BATCH_ROWS).await?;

    let mut rates = Vec::new();
    for table in ["direct", "plain", "lz4"] {
        create(&client, table).await?;
        let began = Instant::now();
        match table {
            "direct" => insert_directly(engine, table, rows).await?,
            "plain" => insert_by_crate(&client, table, rows).await?,
            _ => insert_by_crate(&packed, table, rows).await?,
        }
        rates.push(rows as f64 / began.elapsed().as_secs_f64());
        let count =
            client.query("SELECT count() FROM ?").bind(clickhouse::sql::Identifier(table)).fetch_one::<u64>().await?;
        anyhow::ensure!(count == rows, "{table}: {count} rows");
    }
    println!("\n{:32} {:>12}  {:>5}", "insert", "rows/s", "ratio");
    for (what, rate) in ["engine, chdb_stream_insert", "clickhouse crate over HTTP", "the same, LZ4"].iter().zip(&rates)
    {
        println!("{what:32} {rate:>12.0}  {:>5.2}", rate / rates[0]);
    }

    let direct = point_directly(engine).await?;
    let by_crate = point_by_crate(&client).await?;
    println!("\n{:32} {:>9} {:>9}  {:>5}", "point query", "p50", "p99", "ratio");
    for (what, times) in [("engine, chdb_stream_query", &direct), ("clickhouse crate over HTTP", &by_crate)] {
        let (p50, p99) = (percentile(times, 50), percentile(times, 99));
        let ratio = p50.as_secs_f64() / percentile(&direct, 50).as_secs_f64();
        println!("{what:32} {:>6.2} ms {:>6.2} ms  {ratio:>5.2}", ms(p50), ms(p99));
    }
    Ok(())
}

async fn create(client: &Client, table: &str) -> Result<()> {
    let sql = format!(
        "CREATE TABLE {table} (class UInt64, id String, t Int64, block UInt64, idx UInt32, place UInt64, party \
         LowCardinality(String)) ENGINE = ReplacingMergeTree ORDER BY (class, id, t, block, idx) SETTINGS \
         index_granularity = 512"
    );
    Ok(client.query_raw(&sql).execute().await?)
}

async fn insert_by_crate(client: &Client, table: &str, rows: u64) -> Result<()> {
    for first in (0..rows).step_by(BATCH_ROWS as usize) {
        let mut insert = client.insert::<Fact>(table).await?;
        for n in first..(first + BATCH_ROWS).min(rows) {
            insert.write(&Fact::new(n)).await?;
        }
        insert.end().await?;
    }
    Ok(())
}

async fn insert_directly(engine: &Engine, table: &str, rows: u64) -> Result<()> {
    for first in (0..rows).step_by(BATCH_ROWS as usize) {
        let (sender, input) = mpsc::channel(INPUT_PIECES_MAX);
        let statement = Statement {
            text: format!("INSERT INTO {table} ({COLUMNS})").into(),
            format: "RowBinary".into(),
            ..Statement::default()
        };
        let feed = async move {
            let mut piece = BytesMut::with_capacity(PIECE_BYTES);
            for n in first..(first + BATCH_ROWS).min(rows) {
                Fact::new(n).encode(&mut piece);
                if piece.len() >= PIECE_BYTES - 128 {
                    let full = std::mem::replace(&mut piece, BytesMut::with_capacity(PIECE_BYTES));
                    let _ = sender.send(Input::Rows(full.freeze())).await;
                }
            }
            let _ = sender.send(Input::Rows(Bytes::from(piece))).await;
            let _ = sender.send(Input::End).await;
        };
        let (written, ()) = tokio::join!(engine.insert(statement, input), feed);
        anyhow::ensure!(written?.written_rows > 0);
    }
    Ok(())
}

async fn point_directly(engine: &Engine) -> Result<Vec<Duration>> {
    let delivery = Delivery::Streamed(Joining::of("RowBinaryWithNamesAndTypes").context("joinable")?);
    let mut times = Vec::new();
    for n in 0..QUERIES {
        let fact = Fact::new(n * 733);
        let began = Instant::now();
        let statement = Statement {
            text: format!("SELECT {COLUMNS} FROM direct {POINT}").into(),
            format: "RowBinaryWithNamesAndTypes".into(),
            parameters: [("class".to_owned(), fact.class.to_string()), ("id".to_owned(), fact.id)].into(),
            ..Statement::default()
        };
        let mut answer = engine.query(statement, delivery).await?;
        let mut bytes = 0;
        while let Some(chunk) = answer.next().await? {
            bytes += chunk.bytes.len();
        }
        times.push(began.elapsed());
        anyhow::ensure!(bytes > 150, "found nothing");
    }
    times.sort();
    Ok(times)
}

async fn point_by_crate(client: &Client) -> Result<Vec<Duration>> {
    let mut times = Vec::new();
    for n in 0..QUERIES {
        let fact = Fact::new(n * 733);
        let began = Instant::now();
        let sql = format!("SELECT {COLUMNS} FROM direct {POINT}");
        let query = client.query_raw(&sql).param("class", fact.class).param("id", fact.id);
        let found = query.fetch_all::<Fact>().await?;
        times.push(began.elapsed());
        anyhow::ensure!(!found.is_empty(), "found nothing");
    }
    times.sort();
    Ok(times)
}

fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    sorted[sorted.len() * percent / 100]
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn machine() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .unwrap_or("unknown")
        .trim_start_matches(['\t', ':', ' ']);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!("{model}, {cores} cores")
}
