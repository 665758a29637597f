-- The CBV event hash of every event, for look-ups and to suspect duplicates. It is written after the block markers, when
-- the indexer has time: `hashed` says how far it is complete.

-- edition: 20 of every event, 21 only where the editions of the rules can differ (readings, extensions at a place).
CREATE TABLE IF NOT EXISTS event_hash (
    prefix UInt64,
    digest FixedString(32),
    edition UInt8,
    block UInt64,
    idx UInt32,
    -- It withdraws another, which has the same hash.
    declaration Bool
) ENGINE = ReplacingMergeTree ORDER BY (prefix, digest, edition, block, idx)
SETTINGS fsync_after_insert = 1, index_granularity = 512;

-- An event that says what an earlier one said, under another eventID or from another party: suspected, nothing more.
CREATE TABLE IF NOT EXISTS duplicate (
    block UInt64,
    idx UInt32,
    -- The first that said it.
    of_block UInt64,
    of_idx UInt32
) ENGINE = ReplacingMergeTree ORDER BY (block, idx)
SETTINGS fsync_after_insert = 1;

-- One row: all blocks below `next` are hashed.
CREATE TABLE IF NOT EXISTS hashed (
    one UInt8,
    next UInt64
) ENGINE = ReplacingMergeTree(next) ORDER BY one
SETTINGS fsync_after_insert = 1;
