//! Queries: arguments, formats, compression, exceptions, access.

use clickhouse::Row;
use futures::StreamExt;
use serde::Deserialize;

use crate::support::{CONNECTIONS, Endpoint, Folder, PASSWORD};

#[derive(Debug, PartialEq, Row, Deserialize)]
struct Number {
    number: u64,
    text: String,
}

#[tokio::test]
async fn answers_the_clickhouse_crate() {
    let folder = Folder::new();
    let endpoint = Endpoint::start(folder.path());
    for client in [endpoint.client(), endpoint.packed_client()] {
        // Parameters go as a form, rows come as RowBinaryWithNamesAndTypes.
        let rows = client
            .query_raw("SELECT number, {text:String} AS text FROM numbers({n:UInt64})")
            .param("n", 3)
            .param("text", "a'\\\n\t\u{836f}")
            .fetch_all::<Number>()
            .await
            .unwrap();
        assert_eq!(rows.len(), 3);
        assert_eq!(rows[2], Number { number: 2, text: "a'\\\n\t\u{836f}".into() });
        // Binding in the client's own way; many blocks, each with a header of its own in the engine.
        let mut cursor = client
            .query("SELECT number, toString(number) AS text FROM numbers(?)")
            .bind(300_000)
            .with_setting("max_block_size", "1000")
            .fetch::<Number>()
            .unwrap();
        let mut expected = 0;
        while let Some(row) = cursor.next().await.unwrap() {
            assert_eq!(row, Number { number: expected, text: expected.to_string() });
            expected += 1;
        }
        assert_eq!(expected, 300_000);
        let none = client.query("SELECT 1 AS number, '' AS text WHERE 0").fetch_all::<Number>().await.unwrap();
        assert_eq!(none, []);
    }
    assert!(endpoint.stop().success());
}

#[tokio::test]
async fn takes_arguments_as_a_server_does() {
    let folder = Folder::new();
    let endpoint = Endpoint::start(folder.path());
    let ask = async |query: &[(&str, &str)], body: &str| {
        let response = endpoint.post(query).body(body.to_owned()).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    };
    let fine = |text: &str| (200, text.to_owned());
    assert_eq!(ask(&[("query", "SELECT 1")], "").await, fine("1\n"));
    assert_eq!(ask(&[], "SELECT 1").await, fine("1\n"));
    assert_eq!(ask(&[("query", "SELECT 1 +")], "2").await, fine("3\n"));
    assert_eq!(ask(&[("default_format", "JSONEachRow")], "SELECT 1 AS a").await, fine("{\"a\":1}\n"));
    assert_eq!(ask(&[("default_format", "CSV")], "SELECT 'a' FORMAT TSV").await, fine("a\n"));
    assert_eq!(ask(&[("param_a", "x\\ty")], "SELECT {a:String} = 'x\ty'").await, fine("1\n"));
    assert_eq!(ask(&[("database", "system")], "SELECT * FROM one").await, fine("0\n"));
    assert_eq!(ask(&[("max_threads", "1")], "SELECT getSetting('max_threads')").await, fine("1\n"));
    // Neither settings nor databases stay, whichever connection the next request gets.
    let threads = ask(&[], "SELECT getSetting('max_threads'), currentDatabase() FORMAT CSV").await;
    for _ in 0..2 * CONNECTIONS {
        assert_eq!(ask(&[("max_threads", "7"), ("database", "system")], "SELECT 1").await.0, 200);
        assert_eq!(ask(&[], "SET max_threads = 9").await.0, 200);
        assert_eq!(ask(&[], "USE system").await.0, 200);
        assert_eq!(ask(&[], "SELECT getSetting('max_threads'), currentDatabase() FORMAT CSV").await, threads);
    }
    assert_eq!(endpoint.ask("EXISTS TABLE nowhere").await, "0\n");
    assert_eq!(endpoint.ask("SELECT 1 WHERE 0").await, "");
    let whole: serde_json::Value =
        serde_json::from_str(&endpoint.ask("SELECT number FROM numbers(200000) FORMAT JSONCompact").await).unwrap();
    assert_eq!(whole["rows"], 200_000);
    let gathered = endpoint.post(&[("wait_end_of_query", "1"), ("query", "SELECT * FROM numbers(100000)")]);
    let summary = gathered.send().await.unwrap().headers()["x-clickhouse-summary"].to_str().unwrap().to_owned();
    assert!(summary.contains(r#""read_rows":"100000""#), "{summary}");
}

/// Every row format is the same whether the engine made it of one block or of many.
#[tokio::test]
async fn streamed_formats_have_one_header() {
    let folder = Folder::new();
    let endpoint = Endpoint::start(folder.path());
    let base = [
        "RowBinary",
        "TabSeparated",
        "TSV",
        "TabSeparatedRaw",
        "CSV",
        "JSONCompactEachRow",
        "JSONCompactStringsEachRow",
    ];
    let named =
        base.iter().flat_map(|base| ["", "WithNames", "WithNamesAndTypes"].map(|suffix| format!("{base}{suffix}")));
    let plain = ["JSONEachRow", "JSONStringsEachRow", "TSKV", "Values"].map(str::to_owned);
    for format in named.chain(plain) {
        let sql = format!("SELECT number, 'x\n\"' AS `a \"\nb` FROM numbers(10) FORMAT {format}");
        let answer = async |block: &str| {
            let request = endpoint.post(&[("max_block_size", block)]).body(sql.clone());
            request.send().await.unwrap().error_for_status().unwrap().bytes().await.unwrap()
        };
        let (one, many) = (answer("1000").await, answer("3").await);
        assert!(!one.is_empty());
        assert_eq!(one, many, "{format}");
    }
    let totals = "SELECT number % 2 AS k, count() AS c FROM numbers(4) GROUP BY k WITH TOTALS ORDER BY k";
    assert_eq!(endpoint.ask(&format!("{totals} FORMAT TSV")).await, "0\t2\n1\t2\n\n0\t4\n");
    assert_eq!(endpoint.ask(&format!("{totals} FORMAT TSVWithNames")).await, "k\tc\n0\t2\n1\t2\n\n0\t4\n");
    let extremes = endpoint.post(&[("extremes", "1")]).body("SELECT 1 AS a FORMAT CSVWithNames");
    assert_eq!(extremes.send().await.unwrap().text().await.unwrap(), "\"a\"\n1\n\n1\n1\n");
}

#[tokio::test]
async fn packs_answers_as_asked() {
    let folder = Folder::new();
    let endpoint = Endpoint::start(folder.path());
    let sql = "SELECT toString(number % 1000) FROM numbers(100000) FORMAT RowBinary";
    let plain = endpoint.post(&[]).body(sql).send().await.unwrap().bytes().await.unwrap();
    let zstd = endpoint.post(&[]).header("Accept-Encoding", "zstd").body(sql).send().await.unwrap();
    assert_eq!(zstd.headers()["content-encoding"], "zstd");
    let packed = zstd.bytes().await.unwrap();
    assert!(packed.len() * 2 < plain.len());
    assert_eq!(zstd::stream::decode_all(&packed[..]).unwrap(), plain);
    // The engine itself unpacks ClickHouse's own blocks: it takes for an insert what it gave as an answer.
    let blocks = endpoint.post(&[("compress", "1")]).body(sql).send().await.unwrap().bytes().await.unwrap();
    assert!(blocks.len() * 2 < plain.len());
    endpoint.ask("CREATE TABLE t (s String) ENGINE = MergeTree ORDER BY s").await;
    let insert = endpoint.post(&[("decompress", "1"), ("query", "INSERT INTO t FORMAT RowBinary")]).body(blocks);
    insert.send().await.unwrap().error_for_status().unwrap();
    assert_eq!(endpoint.ask("SELECT count(), uniqExact(s) FROM t").await, "100000\t1000\n");
}

#[tokio::test]
async fn exceptions_are_clickhouses_own() {
    let folder = Folder::new();
    let endpoint = Endpoint::start(folder.path());
    let version = endpoint.ask("SELECT version()").await;
    for (query, sql, status, code, words) in [
        (&[][..], "SELECT * FROM nowhere", 404, 60, "(UNKNOWN_TABLE)"),
        (&[], "SELECT nothing", 404, 47, "(UNKNOWN_IDENTIFIER)"),
        (&[], "SELEC 1", 400, 62, "(SYNTAX_ERROR)"),
        (&[], "SELECT 1; SELECT 2", 400, 62, "Multi-statements are not allowed"),
        (&[], "SELECT throwIf(1)", 500, 395, "(FUNCTION_THROW_IF_VALUE_IS_NON_ZERO)"),
        (&[], "SELECT 1 FORMAT Nonsense", 404, 73, "(UNKNOWN_FORMAT)"),
        (&[], "INSERT INTO nowhere FORMAT CSV\n1", 404, 60, "(UNKNOWN_TABLE)"),
        (&[], "SELECT * FROM numbers(100000000) FORMAT JSON", 500, 396, "(TOO_MANY_ROWS_OR_BYTES)"),
        (&[], "SELECT 1 INTO OUTFILE '/nowhere'", 500, 344, "INTO OUTFILE is not allowed"),
        (&[("no_such_setting", "1")], "SELECT 1", 404, 115, "(UNKNOWN_SETTING)"),
        (&[("a'b", "1")], "SELECT 1", 404, 115, "(UNKNOWN_SETTING)"),
        (&[("max_threads", "x'")], "SELECT 1", 400, 27, "(CANNOT_PARSE_INPUT_ASSERTION_FAILED)"),
        (&[("database", "nowhere`")], "SELECT 1", 404, 81, "(UNKNOWN_DATABASE)"),
        (&[("session_id", "1")], "SELECT 1", 500, 344, "(SUPPORT_IS_DISABLED)"),
        (
            &[("max_execution_time", "0.2")],
            "SELECT sum(sipHash64(number)) FROM numbers(100000000000)",
            408,
            159,
            "(TIMEOUT_EXCEEDED)",
        ),
    ] {
        let response = endpoint.post(query).body(sql).send().await.unwrap();
        let header =
            response.headers().get("x-clickhouse-exception-code").map(|code| code.to_str().unwrap().to_owned());
        let (got, text) = (response.status().as_u16(), response.text().await.unwrap());
        assert_eq!((got, header.as_deref()), (status, Some(code.to_string().as_str())), "{sql}: {text}");
        assert!(text.starts_with(&format!("Code: {code}. DB::Exception: ")) && text.contains(words), "{text}");
        assert!(text.ends_with(&format!(" (version {})\n", version.trim())), "{text}");
    }
    // None of them leaves a connection behind that cannot be used.
    for _ in 0..2 * CONNECTIONS {
        assert_eq!(endpoint.ask("SELECT 1").await, "1\n");
    }
}

#[tokio::test]
async fn an_exception_after_rows_cannot_be_missed() {
    let folder = Folder::new();
    let endpoint = Endpoint::start(folder.path());
    let sql = "SELECT number, toString(throwIf(number = 150000)) AS text FROM numbers(200000)";
    for client in [endpoint.client(), endpoint.packed_client()] {
        let mut cursor = client.query(sql).with_setting("max_block_size", "1000").fetch::<Number>().unwrap();
        let mut rows = 0;
        let error = loop {
            match cursor.next().await {
                Ok(Some(_)) => rows += 1,
                Ok(None) => panic!("the answer ended as if it were whole"),
                Err(error) => break error.to_string(),
            }
        };
        assert!(rows > 1000, "{rows}");
        assert!(error.contains("Code: 395. DB::Exception"), "{error}");
    }
    let response = endpoint.post(&[("max_block_size", "1000")]).body(sql).send().await.unwrap();
    assert_eq!(response.status(), 200);
    let tag = response.headers()["x-clickhouse-exception-tag"].to_str().unwrap().to_owned();
    let mut body = response.bytes_stream();
    let (mut received, mut cut) = (Vec::new(), false);
    while let Some(piece) = body.next().await {
        match piece {
            Ok(piece) => received.extend_from_slice(&piece),
            Err(_) => cut = true,
        }
    }
    assert!(cut, "a reader that knows nothing of tags sees a broken answer");
    assert!(received.ends_with(format!(" {tag}\r\n__exception__\r\n").as_bytes()));
}

#[tokio::test]
async fn only_the_password_opens() {
    let folder = Folder::new();
    let endpoint = Endpoint::start(folder.path());
    let http = reqwest::Client::new();
    let ping = http.get(format!("{}/ping", endpoint.url)).send().await.unwrap();
    assert_eq!((ping.status().as_u16(), ping.text().await.unwrap().as_str()), (200, "Ok.\n"));
    let none = http.post(&endpoint.url).body("SELECT 1").send().await.unwrap();
    assert_eq!(none.status(), 401);
    assert!(none.headers().contains_key("www-authenticate"));
    assert!(none.text().await.unwrap().starts_with("Code: 194. "));
    let wrong = http.post(&endpoint.url).header("X-ClickHouse-Key", "wrong").body("SELECT 1").send().await.unwrap();
    assert_eq!(
        (wrong.status().as_u16(), wrong.headers()["x-clickhouse-exception-code"].to_str().unwrap()),
        (403, "516")
    );
    let basic = http.post(&endpoint.url).basic_auth("default", Some(PASSWORD)).body("SELECT 1").send().await.unwrap();
    assert_eq!(basic.text().await.unwrap(), "1\n");
    let refused = endpoint.client().with_password("wrong").query("SELECT 1").execute().await.unwrap_err();
    assert!(refused.to_string().contains("Code: 516. "), "{refused}");
    // A link can only read.
    let link = |sql: &str| http.get(&endpoint.url).query(&[("query", sql), ("password", PASSWORD)]).send();
    assert_eq!(link("SELECT 1").await.unwrap().text().await.unwrap(), "1\n");
    for sql in [
        "CREATE TABLE t (a Int8) ENGINE = Memory",
        "INSERT INTO t VALUES (1)",
        "SYSTEM FLUSH LOGS",
        "WITH 1 AS x INSERT INTO t SELECT x",
    ] {
        let response = link(sql).await.unwrap();
        assert_eq!(response.headers()["x-clickhouse-exception-code"], "164", "{sql}");
    }
    assert_eq!(
        http.get(&endpoint.url).query(&[("password", PASSWORD)]).send().await.unwrap().text().await.unwrap(),
        "Ok.\n"
    );
}

/// More readers than connections, some of which stop reading: the others still get their answers.
#[tokio::test]
async fn many_at_once() {
    let folder = Folder::new();
    let endpoint = Endpoint::start(folder.path());
    let mut stalled = Vec::new();
    for _ in 1..CONNECTIONS {
        let response =
            endpoint.post(&[]).body("SELECT repeat('x', 1000) FROM numbers(100000000)").send().await.unwrap();
        stalled.push(response);
    }
    let client = endpoint.client();
    let asked = (0..50_u64).map(|n| {
        let client = client.clone();
        tokio::spawn(async move { client.query("SELECT toUInt64(?)").bind(n).fetch_one::<u64>().await.unwrap() })
    });
    for (n, answer) in futures::future::join_all(asked).await.into_iter().enumerate() {
        assert_eq!(answer.unwrap(), n as u64);
    }
    // Who goes away frees a connection at once: more than there are, one after another, take no half minute each.
    drop(stalled);
    for _ in 0..3 * CONNECTIONS {
        let response =
            endpoint.post(&[]).body("SELECT repeat('x', 1000) FROM numbers(100000000)").send().await.unwrap();
        assert_eq!(response.status(), 200);
    }
    assert_eq!(endpoint.ask("SELECT 1").await, "1\n");
}
