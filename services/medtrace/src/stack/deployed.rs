//! Where the engines' files are: fetched into `deploy/` of the checkout that this build belongs to.

use std::path::PathBuf;

use medtrace_log::embedded;
use medtrace_service::{ConfigError, Env};

const KAFKA_LIBS: &str = "deploy/kafka/libs";
const CLICKHOUSE_LIBRARY: &str = "deploy/clickhouse/node_modules/@chdb/lib-linux-x64-gnu/libchdb.so";

/// Folder of Kafka's jars: `MEDTRACE_KAFKA_LIBS`, else found in the checkout.
pub fn kafka_libs() -> anyhow::Result<PathBuf> {
    match embedded::libs() {
        Ok(libs) => Ok(libs),
        Err(missing) => found(KAFKA_LIBS).ok_or_else(|| missing.into()),
    }
}

/// The engine's library: `MEDTRACE_CLICKHOUSE_LIBRARY`, else found in the checkout.
pub fn clickhouse_library(env: &Env) -> Result<PathBuf, ConfigError> {
    const VARIABLE: &str = "MEDTRACE_CLICKHOUSE_LIBRARY";
    if let Some(path) = env.optional::<PathBuf>(VARIABLE)? {
        return Ok(path);
    }
    found(CLICKHOUSE_LIBRARY).ok_or_else(|| {
        ConfigError::new(VARIABLE, "is not set and the library is not fetched; `make engines` fetches it")
    })
}

/// Looks in the current folder, in the executable's, and in all above them.
fn found(relative: &str) -> Option<PathBuf> {
    let starts = [std::env::current_dir().ok(), std::env::current_exe().ok()];
    let folders = starts.iter().flatten().flat_map(|start| start.ancestors());
    folders.map(|folder| folder.join(relative)).find(|path| path.exists())
}
