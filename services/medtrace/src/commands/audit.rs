//! `medtrace audit`: recomputes the whole chain from the log, derives every row again, and compares.
//!
//! Nothing is taken from the services but the log and the rows themselves. Two parts: the chain (every leaf, signature,
//! root, key, bad line, header and checkpoint), and the rows (every row of every table). Whatever does not recompute is
//! named; then the exit code is 3.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use medtrace_archive::Archive;
use medtrace_archiver::verify_archive;
use medtrace_chainer::verify_chain_from;
use medtrace_indexer::audit::{Auditor, Chain, Difference, LogChain, What, compare};
use medtrace_ledger::Genesis;
use medtrace_log::Cluster;
use medtrace_service::{ConfigError, Env};
use medtrace_store::client::StoreConfig;
use serde_json::{Value, json};

use crate::{
    context::{Context, Done, Outcome},
    output::{Output, Tone},
};

#[derive(Debug, clap::Args)]
pub struct Audit {
    /// The consortium's genesis note, from a source you trust [default: the stack's]
    #[arg(long, value_name = "FILE")]
    pub genesis: Option<PathBuf>,
    /// Where to keep working files, about as large as the store; removed at the end [default: --data]
    #[arg(long, value_name = "DIR")]
    pub scratch: Option<PathBuf>,
    /// Audit this archive by itself instead: its blocks, checkpoint and tiles; needs no stack, but the genesis
    #[arg(long, value_name = "DIR")]
    pub archive: Option<String>,
    /// Read blocks from this archive as far as it goes, and the others from Kafka: for a Kafka from which what is archived
    /// was removed [default: MEDTRACE_ARCHIVE]
    #[arg(long, value_name = "DIR", conflicts_with = "archive")]
    pub blocks: Option<String>,
}

impl Audit {
    pub async fn run(self, context: &Context) -> Done {
        if let Some(place) = &self.archive {
            return audit_archive(place, self.genesis.as_deref(), context).await;
        }
        let sources = Sources::find(context, self.genesis.as_deref(), self.blocks.as_deref())?;
        let near = [self.scratch.as_deref(), Some(&*context.data).filter(|data| data.is_dir())];
        let scratch = Scratch::new(near.into_iter().flatten().next().unwrap_or(&std::env::temp_dir()))?;
        let audited = tokio::select! {
            audited = sources.audit(context.out, &scratch.0) => audited?,
            _ = tokio::signal::ctrl_c() => bail!("stopped"),
        };
        audited.show(context.out)
    }
}

/// The archive alone. Rows are not part of it.
async fn audit_archive(place: &str, genesis: Option<&Path>, context: &Context) -> Done {
    let archive = Archive::open(place).map_err(|error| ConfigError::new("--archive", error))?;
    let genesis = match (genesis, context.endpoints()) {
        (Some(path), _) => path.to_owned(),
        (None, Some(endpoints)) => endpoints.genesis,
        (None, None) => Env::real().required("MEDTRACE_GENESIS")?,
    };
    let genesis = read_genesis(&genesis)?;
    let bar = context.out.progress(None, "recomputing blocks");
    let chain = tokio::select! {
        chain = verify_archive(&archive, &genesis, |_| bar.inc(1)) => chain.context("failed to read the archive")?,
        _ = tokio::signal::ctrl_c() => bail!("stopped"),
    };
    bar.finish_and_clear();
    Audited { chain, underived: None, rows: None, only_chain: true }.show(context.out)
}

fn read_genesis(path: &Path) -> anyhow::Result<Genesis> {
    let note = fs::read_to_string(path).with_context(|| format!("failed to read {}", path.display()))?;
    let wrong = |error| ConfigError::new("--genesis", format!("{}: {error}", path.display()));
    Ok(Genesis::parse(&note).map_err(wrong)?)
}

/// What is audited, and by which genesis.
struct Sources {
    cluster: Cluster,
    archive: Option<Archive>,
    store: StoreConfig,
    genesis: Genesis,
}

impl Sources {
    /// Of the stack in the data folder, else from the environment that the indexer would be given.
    fn find(context: &Context, genesis: Option<&Path>, blocks: Option<&str>) -> anyhow::Result<Sources> {
        let env = Env::real();
        let archive = blocks.or_else(|| env.text("MEDTRACE_ARCHIVE")).map(Archive::open).transpose();
        let archive = archive.map_err(|error| ConfigError::new("--blocks", error))?;
        let Some(endpoints) = context.endpoints() else {
            let from_env = || env.required::<PathBuf>("MEDTRACE_GENESIS");
            return Ok(Sources {
                cluster: Cluster::new(env.required::<String>("MEDTRACE_KAFKA")?),
                archive,
                store: StoreConfig::read(&env)?,
                genesis: read_genesis(&genesis.map_or_else(from_env, |path| Ok(path.to_owned()))?)?,
            });
        };
        // Of a server outside the stack, only the environment knows the password.
        let password = match env.text("MEDTRACE_CLICKHOUSE_PASSWORD") {
            Some(password) => password.to_owned(),
            None => fs::read_to_string(&endpoints.clickhouse_password_file)
                .context("failed to read ClickHouse's password")?,
        };
        Ok(Sources {
            cluster: Cluster::new(endpoints.kafka),
            archive,
            store: StoreConfig {
                url: endpoints.clickhouse,
                user: endpoints.clickhouse_user,
                password,
                database: endpoints.clickhouse_database,
            },
            genesis: read_genesis(genesis.unwrap_or(&endpoints.genesis))?,
        })
    }

    async fn audit(&self, out: Output, scratch: &Path) -> anyhow::Result<Audited> {
        let mut log = LogChain::new(self.archive.clone(), self.cluster.clone());
        let mut auditor = Auditor::new(scratch, &self.genesis)?;
        let bar = out.progress(Some(log.size().await?), "recomputing blocks");
        let mut underived = None;
        let chain = verify_chain_from(self.archive.as_ref(), &self.cluster, &self.genesis, |block| {
            if underived.is_none()
                && let Err(error) = auditor.take(block)
            {
                underived = Some((block.header.height, format!("{error:#}")));
            }
            bar.inc(1);
        });
        let chain = chain.await.context("failed to read the log")?;
        bar.finish_and_clear();
        let size = chain.end.map_or(0, |(size, _)| size);
        let rows = match underived {
            None if auditor.next_height() == size => {
                let bar = out.progress(None, "comparing rows");
                let told = |table: &'static str, rows| {
                    bar.set_message(format!("comparing rows of {table}"));
                    bar.set_position(rows);
                };
                let rows = compare(&self.store.client(), &mut log, &mut auditor, told).await;
                bar.finish_and_clear();
                Some(rows.context("failed to compare the rows")?)
            }
            _ => None,
        };
        Ok(Audited { chain, underived, rows, only_chain: false })
    }
}

/// What was found.
struct Audited {
    chain: medtrace_chainer::Report,
    /// The first block of which no rows could be derived, and why.
    underived: Option<(u64, String)>,
    /// `None` if they could not be compared: the log breaks.
    rows: Option<medtrace_indexer::audit::Report>,
    /// Nothing was said of rows: an archive holds none.
    only_chain: bool,
}

impl Audited {
    fn clean(&self) -> bool {
        let rows = self.rows.as_ref().is_none_or(|rows| rows.differing == 0 && rows.behind == 0);
        self.chain.findings.is_empty() && self.underived.is_none() && rows
    }

    fn show(&self, out: Output) -> Done {
        out.show(&self.json(), |out| self.tell(out))?;
        Ok(if self.clean() { Outcome::Fine } else { Outcome::Finding })
    }

    fn json(&self) -> Value {
        let chain = &self.chain;
        let findings: Vec<Value> = chain.findings.iter().map(|f| json!({"height": f.height, "what": f.what})).collect();
        json!({
            "clean": self.clean(),
            "chain": {
                "blocks": chain.blocks, "records": chain.records, "items": chain.items, "bad": chain.bad,
                "checkpoints": chain.checkpoints, "root": chain.end.map(|(_, root)| root.to_string()),
                "findings": findings,
            },
            "underived": self.underived.as_ref().map(|(height, why)| json!({"height": height, "why": why})),
            "rows": self.rows,
        })
    }

    fn tell(&self, out: &Output) -> anyhow::Result<()> {
        let chain = &self.chain;
        let word = |fine: bool| if fine { out.tone(Tone::Good, "recomputes") } else { out.tone(Tone::Bad, "TAMPERED") };
        out.line(format!(
            "chain  {}  {} blocks, {} records ({} bad ones named as such), {} items, {} checkpoints",
            word(chain.findings.is_empty()),
            chain.blocks,
            chain.records,
            chain.bad,
            chain.items,
            chain.checkpoints
        ))?;
        for finding in &chain.findings {
            out.line(format!("       block {}: {}", finding.height, finding.what))?;
        }
        if self.only_chain {
            return Ok(());
        }
        let Some(rows) = &self.rows else {
            let (height, why) = match &self.underived {
                Some((height, why)) => (*height, &**why),
                None => (chain.end.map_or(0, |(size, _)| size), "the chain breaks"),
            };
            return out.line(format!("rows   not compared: nothing can be derived from block {height} on: {why}"));
        };
        let fine = rows.differing == 0 && rows.behind == 0;
        out.line(format!("rows   {}  {} rows, as derived from {} blocks", word(fine), rows.rows, rows.blocks))?;
        if rows.behind > 0 {
            out.line(format!("       the store is {} blocks behind the log; is the indexer running?", rows.behind))?;
        }
        for difference in &rows.differences {
            out.line(format!("       {}", sentence(difference)))?;
        }
        let more = rows.differing.saturating_sub(rows.differences.len() as u64);
        if more > 0 {
            out.line(format!("       and {more} more"))?;
        }
        Ok(())
    }
}

fn sentence(difference: &Difference) -> String {
    let what = match &difference.what {
        What::Missing => "is missing".to_owned(),
        What::Unexpected => "is not in the log".to_owned(),
        What::Unsettled => "kept changing; ask again".to_owned(),
        What::Differs(columns) => {
            let told = columns.iter().map(|c| format!("{} is {:?}, the log gives {:?}", c.name, c.found, c.expected));
            told.collect::<Vec<_>>().join("; ")
        }
    };
    format!("{} {}: {what}", difference.table, difference.key)
}

/// A folder that is removed at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(near: &Path) -> anyhow::Result<Scratch> {
        let folder = near.join(format!("audit-{}", std::process::id()));
        fs::create_dir_all(&folder).with_context(|| format!("failed to make {}", folder.display()))?;
        Ok(Scratch(folder))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What stays is in the way of nobody: the next audit has another name.
        let _ = fs::remove_dir_all(&self.0);
    }
}
