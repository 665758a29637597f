-- What the headers of captured documents say of places, products and parties: every statement, the newest of a party
-- counts.
CREATE TABLE IF NOT EXISTS master_data (
    -- Canonical URI.
    id String,
    -- The vocabulary: BusinessLocation, ReadPoint, EPCClass …
    kind LowCardinality(String),
    party LowCardinality(String),
    block UInt64,
    idx UInt32,
    -- The id was the party's own then: only such a statement is used in answers.
    entitled Bool,
    names Array(String),
    texts Array(String),
    children Array(String)
) ENGINE = ReplacingMergeTree ORDER BY (id, kind, party, block, idx)
SETTINGS fsync_after_insert = 1, index_granularity = 512;
