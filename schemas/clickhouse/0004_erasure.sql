-- Erased items: what stands in their place, and who said so. Their bytes are in no table any more.
CREATE TABLE IF NOT EXISTS erasure (
    block UInt64,
    idx UInt32,
    -- The event whose bytes these were: this one, or the first of which this was a copy.
    of_block UInt64,
    of_idx UInt32,
    -- The notice.
    by_block UInt64,
    by_idx UInt32,
    -- An event, as its bytes are sealed.
    replacement String CODEC(ZSTD)
) ENGINE = ReplacingMergeTree ORDER BY (block, idx)
SETTINGS fsync_after_insert = 1;

-- The notice by which an event was erased; 0 where it was not.
ALTER TABLE event ADD COLUMN IF NOT EXISTS erased_block UInt64 AFTER void_idx;
ALTER TABLE event ADD COLUMN IF NOT EXISTS erased_idx UInt32 AFTER erased_block;

-- How many items of the submission are erased: their leaves alone are in the frame.
ALTER TABLE submission ADD COLUMN IF NOT EXISTS erased UInt16;
