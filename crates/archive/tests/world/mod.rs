//! Blocks to archive, and a store that fails.
#![allow(dead_code, clippy::unwrap_used)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::stream::BoxStream;
use medtrace_archive::{Archive, ArchiveError};
use medtrace_ledger::block::{Bad, Cut};
use medtrace_ledger::{Hash, Header, TopicUuid};
use medtrace_log::sealed::{SealedBlock, SealedRecord};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::*;

/// A block of two cuts with these values in the second, the last of which is named bad. Offsets have gaps.
pub fn block(height: u64, values: &[Vec<u8>]) -> SealedBlock {
    let cut = |topic: &str, partition, from, to, records| Cut {
        topic: topic.parse().unwrap(),
        uuid: TopicUuid([7; 16]),
        partition,
        from,
        to,
        records,
        root: Hash::of("root"),
    };
    let count = values.len() as u32;
    let from = height * 1_000_000;
    let mut header = Header {
        origin: "log.example/test".parse().unwrap(),
        height,
        log_root: Hash::of(height.to_string()),
        time_ms: 1_772_400_000_000 + height,
        keys: (1, Hash::of("keys")),
        cuts: vec![cut("notices", 0, height, height + 1, 0), cut("scan-events", 3, from, from + 999_999, count)],
        bad: Vec::new(),
    };
    if count > 0 {
        let (topic, reason) = ("scan-events".parse().unwrap(), "time".parse().unwrap());
        header.bad.push(Bad { topic, partition: 3, ordinal: count - 1, reason });
    }
    let records = (0u32..)
        .zip(values)
        .map(|(ordinal, value)| SealedRecord {
            ordinal,
            topic: "scan-events".into(),
            partition: 3,
            offset: from + u64::from(ordinal) * 2,
            timestamp_ms: i64::from(ordinal) - 1,
            value: value.clone(),
            bad: (ordinal + 1 == count).then(|| "time".into()),
        })
        .collect();
    SealedBlock { text: header.text(), header, records, erased: Default::default() }
}

/// The blocks from a height on.
pub async fn read(archive: &Archive, from: u64) -> Result<Vec<SealedBlock>, ArchiveError> {
    let mut blocks = archive.blocks(from).await?;
    let mut all = Vec::new();
    while let Some(block) = blocks.next().await? {
        all.push(block);
    }
    Ok(all)
}

/// Everything of a block, to compare.
pub fn all(block: &SealedBlock) -> String {
    format!("{block:?}")
}

/// A store in memory whose n-th write fails, done or not.
#[derive(Debug)]
pub struct Faulty {
    pub inner: Arc<InMemory>,
    pub fails_at: usize,
    pub done: bool,
    pub writes: AtomicUsize,
}

impl std::fmt::Display for Faulty {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a store that fails")
    }
}

#[async_trait::async_trait]
impl ObjectStore for Faulty {
    async fn put_opts(&self, path: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        let fails = self.writes.fetch_add(1, Ordering::Relaxed) == self.fails_at;
        if fails && !self.done {
            return Err(failed());
        }
        let result = self.inner.put_opts(path, payload, options).await;
        if fails { Err(failed()) } else { result }
    }

    async fn put_multipart_opts(&self, path: &Path, options: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(path, options).await
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(path, options).await
    }

    fn delete_stream(&self, paths: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(paths)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

fn failed() -> Error {
    Error::Generic { store: "test", source: "no answer".into() }
}
