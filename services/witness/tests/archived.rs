//! A full witness that has no Kafka: it reads the log's archive over HTTP, recomputes every block, and cosigns only that.
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::path::Path;

use axum::Router;
use axum::extract::{Path as Segment, State};
use axum::http::StatusCode;
use axum::routing::get;
use common::chain::*;
use common::*;
use medtrace_archive::{Archive, Source, Writer};
use medtrace_ledger::AddCheckpoint;
use medtrace_log::Cluster;
use medtrace_log::embedded::Scratch as Kafka;
use medtrace_log::topics::SCAN_EVENTS;
use medtrace_witness::folder::replace;
use medtrace_witness::{Config, Witness};
use serde_json::Value;

/// The archive's only block file, and how many of its bytes are changed in turn.
const FILE: &str = "block/0000000000";
const FLIPS: usize = 16;

/// Serves a folder as the query service serves its archive; its address.
async fn serve(folder: &Path) -> String {
    let read = |path: std::path::PathBuf| fs::read(path).map_err(|_| StatusCode::NOT_FOUND);
    let names = |State(folder): State<std::path::PathBuf>| async move {
        let files = fs::read_dir(folder.join("block")).into_iter().flatten();
        files.map(|file| file.unwrap().file_name().into_string().unwrap() + "\n").collect::<String>()
    };
    let routes = Router::new()
        .route("/log/block/", get(names))
        .route(
            "/log/{*path}",
            get(move |State(folder): State<std::path::PathBuf>, Segment(path): Segment<String>| async move {
                read(folder.join(path))
            }),
        )
        .with_state(folder.to_owned());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/log", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    url
}

/// Archives what Kafka holds, and publishes the newest checkpoint: its size.
async fn archive(writer: &mut Writer, cluster: &Cluster) -> u64 {
    let (size, _, note) = head(cluster).await.unwrap();
    let mut log = Source::open(None, Some(cluster), writer.height()).await.unwrap();
    while writer.height() < size {
        writer.append(&log.next().await.unwrap().unwrap()).await.unwrap();
    }
    writer.flush().await.unwrap();
    writer.publish(&note).await.unwrap();
    size
}

async fn start(data: &Path, url: &str) -> Served {
    let config = Config { archive: Some(Archive::open(url).unwrap()), ..config(data, None) };
    Served::of(Witness::open(config, replace()).unwrap(), "127.0.0.1:0").await
}

async fn recomputed(witness: &Served, size: u64) {
    until("the witness", || async {
        let answer = witness.readyz().await;
        let state: Value = serde_json::from_str(&answer.body).unwrap();
        (answer.status == 200 && state["recomputed"] == size).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_regulator_needs_no_kafka() {
    let (kafka, scratch) = (Kafka::start().await, Scratch::new());
    let (cluster, folder) = (kafka.cluster(), scratch.path().join("archive"));
    fs::create_dir_all(&folder).unwrap();
    let url = serve(&folder).await;
    let kept = Archive::open(folder.to_str().unwrap()).unwrap();
    // It may be there before anything is archived.
    let mut witness = start(&scratch.path().join("witness"), &url).await;
    let sealing = chainer(&kafka, None);
    let mut old = 0;
    for number in 0..3 {
        grow(&cluster, number).await;
        let mut writer = kept.write().await.unwrap();
        while writer.next_written().await.unwrap().is_some() {}
        let size = archive(&mut writer, &cluster).await;
        recomputed(&witness, size).await;
        let tree = headers(&cluster).await;
        let (_, _, note) = head(&cluster).await.unwrap();
        let answer = witness.post(AddCheckpoint { note, ..ask(&tree, old, size) }).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        old = size;
        if number == 1 {
            witness.stop().await;
            witness = start(&scratch.path().join("witness"), &url).await;
        }
    }
    // What is not archived yet is not cosigned yet.
    let beyond = grow(&cluster, 7).await;
    let tree = headers(&cluster).await;
    let answer = witness.post(ask(&tree, old, beyond)).await;
    assert_eq!((answer.status, answer.retry_after.as_deref()), (503, Some("1")), "{answer:?}");
    assert_eq!(witness.alarms().await, Vec::<Value>::new());
    witness.stop().await;
    sealing.stop().await;

    // Whoever serves it shows another record than the one that was sealed: nothing is cosigned after that.
    let mut source = Source::open(Some(&kept), None, 0).await.unwrap();
    let forged = scratch.path().join("forged");
    fs::create_dir_all(&forged).unwrap();
    let mut writer = Archive::open(forged.to_str().unwrap()).unwrap().write().await.unwrap();
    assert!(writer.next_written().await.unwrap().is_none());
    while let Some(mut block) = source.next().await.unwrap() {
        if block.header.height == 1 {
            *block.records[0].value.last_mut().unwrap() ^= 1;
        }
        writer.append(&block).await.unwrap();
    }
    writer.flush().await.unwrap();
    let witness = start(&scratch.path().join("other"), &serve(&forged).await).await;
    let alarm = until("the alarm", || async { witness.alarms().await.into_iter().next() }).await;
    assert_eq!((&alarm["kind"], &alarm["size"]), (&"block".into(), &2.into()), "{alarm}");
    assert_eq!(witness.post(ask(&tree, 0, old)).await.status, 403);
    witness.stop().await;

    // Or any other byte than the archive has.
    let whole = fs::read(folder.join(FILE)).unwrap();
    let mut deceived = Vec::new();
    for at in (0..FLIPS).map(|n| (2 * n + 1) * whole.len() / (2 * FLIPS)) {
        let place = scratch.path().join(format!("flipped-{at}"));
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        fs::create_dir_all(place.join("archive/block")).unwrap();
        fs::write(place.join("archive").join(FILE), bytes).unwrap();
        deceived.push((at, start(&place.join("witness"), &serve(&place.join("archive")).await).await));
    }
    for (at, witness) in deceived {
        until("the alarm", || async { witness.alarms().await.into_iter().next() }).await;
        assert_eq!(witness.post(ask(&tree, 0, old)).await.status, 403, "byte {at}");
        witness.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_lost_before_a_gap_is_recomputed_from_the_archive() {
    let (mut kafka, scratch) = (Kafka::start().await, Scratch::new());
    let (cluster, folder) = (kafka.cluster(), scratch.path().join("archive"));
    fs::create_dir_all(&folder).unwrap();
    let kept = Archive::open(folder.to_str().unwrap()).unwrap();
    let sealing = chainer(&kafka, None);
    grow(&cluster, 0).await;
    grow(&cluster, 1).await;
    let mut writer = kept.write().await.unwrap();
    assert!(writer.next_written().await.unwrap().is_none());
    let old = archive(&mut writer, &cluster).await;
    let (lost, new) = kafka.make_anew(SCAN_EVENTS).await;
    let told = notify(&cluster, &gap(lost, new)).await;
    let size = grow(&cluster, 2).await;
    assert!(old < told && told < size);

    // It says nothing of what it cannot read, and does not call it tampering.
    let reads = async |data: &str, archive: Option<Archive>| {
        let config = Config { archive, ..config(&scratch.path().join(data), Some(cluster.clone())) };
        Served::of(Witness::open(config, replace()).unwrap(), "127.0.0.1:0").await
    };
    let without = reads("without", None).await;
    let with = reads("with", Some(kept)).await;
    recomputed(&with, size).await;
    let tree = headers(&cluster).await;
    let (_, _, note) = head(&cluster).await.unwrap();
    let answer = with.post(AddCheckpoint { note: note.clone(), ..ask(&tree, 0, size) }).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(without.post(AddCheckpoint { note, ..ask(&tree, 0, size) }).await.status, 503);
    assert_eq!((with.alarms().await, without.alarms().await), (vec![], vec![]));
    with.stop().await;
    without.stop().await;
    sealing.stop().await;
}
