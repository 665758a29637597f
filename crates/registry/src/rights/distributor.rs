//! What a distributor, a carrier and a third-party logistics firm may say: all three use the `distributor` service.

use super::Right;

/// Moves, stores and sells goods; never makes or uses them. For others' places it needs their delegation.
pub const RIGHTS: &[Right] = &[
    Right::Receive,
    Right::Unpack,
    Right::Pack,
    Right::Store,
    Right::Load,
    Right::Depart,
    Right::Arrive,
    Right::Unload,
    Right::HandOver,
    Right::Hold,
    Right::Ship,
    Right::VoidShipment,
    Right::Return,
    Right::Refuse,
    Right::Damage,
    Right::Observe,
    Right::Temperature,
    Right::Undo,
];
