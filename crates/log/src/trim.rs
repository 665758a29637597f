//! Removing the oldest records of a topic, on word of whoever has them elsewhere.

use std::collections::BTreeMap;

use rdkafka::{Offset, TopicPartitionList};

use crate::topics::{admin, options};
use crate::{Cluster, LogError};

/// Removes the records of each partition before its offset, for ever; those that have gone already are no failure. The
/// topic's settings stay as they are: nothing is removed but on this word.
///
/// # Errors
/// Those of the log. Records may have been removed; the same may be asked again.
pub async fn remove_before(cluster: &Cluster, topic: &str, offsets: &BTreeMap<i32, u64>) -> Result<(), LogError> {
    if offsets.is_empty() {
        return Ok(());
    }
    let failed = || LogError::kafka(format!("remove the oldest records of {topic}"));
    let mut list = TopicPartitionList::new();
    for (partition, offset) in offsets {
        let offset = Offset::Offset(i64::try_from(*offset).unwrap_or(i64::MAX));
        list.add_partition_offset(topic, *partition, offset).map_err(failed())?;
    }
    let removed = admin(cluster)?.delete_records(&list, &options()).await.map_err(failed())?;
    removed.elements().into_iter().try_for_each(|partition| partition.error()).map_err(failed())
}
