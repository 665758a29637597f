//! Erased items.

use clickhouse::Row;
use serde::{Deserialize, Serialize};

/// What stands in the place of an erased item.
#[derive(Clone, Debug, PartialEq, Eq, Row, Serialize, Deserialize)]
pub struct ErasureRow {
    pub block: u64,
    pub idx: u32,
    pub of_block: u64,
    pub of_idx: u32,
    pub by_block: u64,
    pub by_idx: u32,
    pub replacement: String,
}
