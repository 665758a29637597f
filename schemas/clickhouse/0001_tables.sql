-- Every table can be inserted into again from the log with the same rows and be the same: the key ends in what makes
-- a row unique, or `ver` says which absolute value is newest. Times are microseconds since 1970-01-01 UTC unless a
-- name ends in _ms. (block, idx) is where an event is sealed; void_block 0 means not withdrawn. fsync_after_insert: what
-- the indexer was told is written, is on disk.

-- The marker: inserted last, so a block that is here is here with all its rows.
CREATE TABLE IF NOT EXISTS block (
    height UInt64,
    time_ms UInt64,
    header String CODEC(ZSTD),
    leaf FixedString(32),
    submissions UInt32,
    events UInt32,
    notices UInt32,
    -- The next offset of each partition after this block: ('scan-events', 0, 17).
    positions Array(Tuple(String, Int32, Int64))
) ENGINE = ReplacingMergeTree ORDER BY height
SETTINGS fsync_after_insert = 1;

-- Evidence: what was signed, with the bodies as the record carried them.
CREATE TABLE IF NOT EXISTS submission (
    block UInt64,
    ordinal UInt32,
    topic LowCardinality(String),
    partition Int32,
    offset Int64,
    party LowCardinality(String),
    id FixedString(32),
    leaf FixedString(32),
    -- Reason from the block header's `bad` line; empty if it verifies.
    bad LowCardinality(String),
    note String CODEC(ZSTD),
    salts String CODEC(NONE),
    frame String CODEC(NONE)
) ENGINE = ReplacingMergeTree ORDER BY (block, ordinal)
SETTINGS fsync_after_insert = 1, index_granularity = 64;

-- Look-ups by 32-byte digest: prefix first, then the whole is compared. kind: 1 event key, 2 H(eventID), 3 submission id.
CREATE TABLE IF NOT EXISTS event_ref (
    prefix UInt64,
    kind UInt8,
    digest FixedString(32),
    block UInt64,
    idx UInt32
) ENGINE = ReplacingMergeTree ORDER BY (prefix, kind, digest, block, idx)
SETTINGS fsync_after_insert = 1, index_granularity = 512;

CREATE TABLE IF NOT EXISTS event (
    block UInt64,
    idx UInt32,
    t Int64 CODEC(Delta, ZSTD),
    record_ms UInt64 CODEC(Delta, ZSTD),
    kind LowCardinality(String),
    action LowCardinality(String),
    step LowCardinality(String),
    disposition LowCardinality(String),
    read_point LowCardinality(String),
    biz_location LowCardinality(String),
    party LowCardinality(String),
    event_id String CODEC(ZSTD),
    things UInt32,
    flags UInt32,
    void_block UInt64,
    void_idx UInt32,
    ver UInt64,
    INDEX t_range t TYPE minmax GRANULARITY 1
) ENGINE = ReplacingMergeTree(ver) ORDER BY (block, idx)
SETTINGS fsync_after_insert = 1, index_granularity = 1024;

-- The same event sealed again: shown, counted once.
CREATE TABLE IF NOT EXISTS replay (
    of_block UInt64,
    of_idx UInt32,
    block UInt64,
    idx UInt32
) ENGINE = ReplacingMergeTree ORDER BY (of_block, of_idx, block, idx)
SETTINGS fsync_after_insert = 1;

-- What one event says of one thing; see the fold.
CREATE TABLE IF NOT EXISTS fact (
    class UInt64,
    id String,
    t Int64 CODEC(Delta, ZSTD),
    block UInt64 CODEC(Delta, ZSTD),
    idx UInt32,
    role UInt8,
    rank UInt8,
    note_ms UInt64 CODEC(Delta, ZSTD),
    submission UInt64,
    kind UInt8,
    action UInt8,
    step LowCardinality(String),
    disposition LowCardinality(String),
    persistent_set LowCardinality(String),
    persistent_unset LowCardinality(String),
    place LowCardinality(String),
    destination LowCardinality(String),
    party LowCardinality(String),
    counterpart_class UInt64,
    counterpart_id String CODEC(ZSTD),
    -- Exact decimal; empty if the event gives none.
    quantity LowCardinality(String),
    lot LowCardinality(String),
    -- Days since 1970-01-01; -2147483648 if not said.
    expiry Int32,
    flags UInt32,
    void_block UInt64,
    void_idx UInt32,
    ver UInt64
) ENGINE = ReplacingMergeTree(ver) ORDER BY (class, id, t, block, idx, role, counterpart_class, counterpart_id)
SETTINGS fsync_after_insert = 1, index_granularity = 512, min_compress_block_size = 8192, max_compress_block_size = 32768;

-- Items by lot with the fold of their own facts: recall and stock. Containers' movements are not copied into it.
CREATE TABLE IF NOT EXISTS lot_item (
    class UInt64,
    lot String,
    id String,
    container_class UInt64,
    container_id String,
    since Int64,
    condition LowCardinality(String),
    place LowCardinality(String),
    holder LowCardinality(String),
    heading LowCardinality(String),
    -- When place and heading, holder and condition were last said: instant in microseconds x 128 + rank of the step.
    placed Int64,
    held Int64,
    disposed Int64,
    irregular UInt32,
    -- A commissioning of it is in force: what never was commissioned is no pack of the lot, whatever was said of it.
    commissioned Bool,
    -- Another code of the same pack, the smallest by class and id, stands for it: counted once, a pack is counted there.
    alias Bool,
    last_t Int64,
    last_block UInt64,
    last_idx UInt32,
    ver UInt64,
    is_deleted UInt8
) ENGINE = ReplacingMergeTree(ver, is_deleted) ORDER BY (class, lot, id)
SETTINGS fsync_after_insert = 1, index_granularity = 1024;

-- Containers and assets: the fold of their own facts, whole, as JSON.
CREATE TABLE IF NOT EXISTS unit_state (
    class UInt64,
    id String,
    state String CODEC(ZSTD),
    ver UInt64
) ENGINE = ReplacingMergeTree(ver) ORDER BY (class, id)
SETTINGS fsync_after_insert = 1, index_granularity = 512;

-- Lots without serials: balances, as JSON.
CREATE TABLE IF NOT EXISTS lot_balance (
    class UInt64,
    lot String,
    balance String CODEC(ZSTD),
    ver UInt64
) ENGINE = ReplacingMergeTree(ver) ORDER BY (class, lot)
SETTINGS fsync_after_insert = 1;

-- Stays in containers as assertions: a new fold withdraws (-1) what it no longer says and asserts (+1) what it now says.
-- Contents known at K: sum(sign) over block <= K > 0. until_t is 9223372036854775807 while the stay is open.
CREATE TABLE IF NOT EXISTS containment (
    parent_class UInt64,
    parent_id String,
    child_class UInt64,
    child_id String,
    from_t Int64,
    until_t Int64,
    block UInt64,
    idx UInt32,
    sign Int8
) ENGINE = ReplacingMergeTree ORDER BY (parent_class, parent_id, child_class, child_id, from_t, until_t, block, idx, sign)
SETTINGS fsync_after_insert = 1, index_granularity = 512;

-- Shipments with a destination.
CREATE TABLE IF NOT EXISTS delivery (
    block UInt64,
    idx UInt32,
    t Int64,
    party LowCardinality(String),
    source LowCardinality(String),
    destinations Array(String),
    -- Despatch advice or other transaction ids, canonical.
    documents Array(String),
    things UInt32,
    void_block UInt64,
    void_idx UInt32,
    ver UInt64
) ENGINE = ReplacingMergeTree(ver) ORDER BY (block, idx)
SETTINGS fsync_after_insert = 1;

CREATE TABLE IF NOT EXISTS notice (
    block UInt64,
    idx UInt32,
    time_ms UInt64,
    kind LowCardinality(String),
    subject String,
    revision UInt64,
    party LowCardinality(String),
    -- Public keys of the submission, base64.
    signers Array(String),
    body String CODEC(ZSTD),
    -- Empty if it took effect, else why not.
    refusal String
) ENGINE = ReplacingMergeTree ORDER BY (block, idx)
SETTINGS fsync_after_insert = 1;

CREATE TABLE IF NOT EXISTS alert (
    block UInt64,
    idx UInt32,
    code LowCardinality(String),
    class UInt64,
    id String,
    party LowCardinality(String),
    place LowCardinality(String),
    detail String
) ENGINE = ReplacingMergeTree ORDER BY (block, idx, code, class, id)
SETTINGS fsync_after_insert = 1;

-- Rows that the store would not take, with its reason: nothing is dropped without a record.
CREATE TABLE IF NOT EXISTS refused (
    block UInt64,
    target LowCardinality(String),
    reason String,
    content String CODEC(ZSTD)
) ENGINE = ReplacingMergeTree ORDER BY (block, target, content)
SETTINGS fsync_after_insert = 1;
