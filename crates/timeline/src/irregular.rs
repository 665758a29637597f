//! What did not fit in a thing's history.

use serde::{Deserialize, Serialize};

/// What did not fit in a thing's history. The bits are stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Irregular(pub u32);

impl Irregular {
    pub const COMMISSIONED_TWICE: Irregular = Irregular(1);
    /// Something happened to it before it was commissioned.
    pub const BEFORE_COMMISSIONING: Irregular = Irregular(2);
    /// Something happened to it after it was used up or destroyed.
    pub const AFTER_END: Irregular = Irregular(4);
    pub const USED_TWICE: Irregular = Irregular(8);
    pub const TWO_CONTAINERS: Irregular = Irregular(16);
    /// Taken out of, or seen in, a container that it was not in.
    pub const NOT_IN_CONTAINER: Irregular = Irregular(32);
    /// Received by another party though nobody had shipped it.
    pub const RECEIVED_NOT_SHIPPED: Irregular = Irregular(64);
    /// Shipped by a party that had not got it.
    pub const SHIPPED_NOT_HELD: Irregular = Irregular(128);
    pub const NOT_ENTITLED: Irregular = Irregular(256);
    /// Received and shipped again within one second: the ranks may have put them the wrong way round.
    pub const SAME_SECOND: Irregular = Irregular(512);
    /// Packed, stored or used by a party that had not received it, at a place that it was not shipped to.
    pub const HELD_NOT_RECEIVED: Irregular = Irregular(1024);

    pub fn has(self, other: Irregular) -> bool {
        self.0 & other.0 == other.0
    }

    pub fn with(self, other: Irregular) -> Irregular {
        Irregular(self.0 | other.0)
    }
}
