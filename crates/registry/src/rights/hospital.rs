//! What a hospital may say.

use super::Right;

/// Takes goods in and uses them up.
pub const RIGHTS: &[Right] = &[
    Right::Receive,
    Right::Refuse,
    Right::Unpack,
    Right::Pack,
    Right::Store,
    Right::Transfer,
    Right::Inspect,
    Right::Use,
    Right::Return,
    Right::Destroy,
    Right::Observe,
    Right::Temperature,
    Right::Undo,
];
