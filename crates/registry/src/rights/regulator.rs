//! What a regulator may say of goods. Recalls are notices, judged in `judge/recall.rs`.

use super::Right;

/// Inspects, and stops what must not move.
pub const RIGHTS: &[Right] = &[Right::Inspect, Right::Hold, Right::Seize, Right::Release];
