//! What a manufacturer may say.

use super::Right;

/// Makes goods and sends them out; takes back what comes back.
pub const RIGHTS: &[Right] = &[
    Right::Commission,
    Right::Transform,
    Right::Pack,
    Right::Unpack,
    Right::Inspect,
    Right::Ship,
    Right::VoidShipment,
    Right::Receive,
    Right::Destroy,
    Right::Undo,
];
