//! The rights there are. Their words are those of the scan steps, so that delegations and refusals speak the same way.

use serde::{Deserialize, Serialize};

macro_rules! rights {
    ($($(#[$doc:meta])* $name:ident = $word:literal),* $(,)?) => {
        /// One thing that a party may or may not say of goods.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum Right {
            $($(#[$doc])* $name),*
        }

        impl Right {
            /// Every right, in the order of their words.
            pub const ALL: &[Right] = &[$(Right::$name),*];

            /// As written in delegations and refusals.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Right::$name => $word),*
                }
            }
        }
    };
}

rights! {
    /// Goods arrive with a carrier.
    Arrive = "arrive",
    /// Identifiers come into being; only under own prefixes.
    Commission = "commission",
    /// Found damaged.
    Damage = "damage",
    /// Goods leave with a carrier.
    Depart = "depart",
    /// The end of an item.
    Destroy = "destroy",
    /// From one carrier to the next.
    HandOver = "hand-over",
    /// Set aside, not to be sold.
    Hold = "hold",
    /// Looked at, with a result.
    Inspect = "inspect",
    /// Into a vehicle or container.
    Load = "load",
    /// Seen; changes nothing.
    Observe = "observe",
    /// Into a case or onto a pallet.
    Pack = "pack",
    /// Taken in; for a manufacturer: taken back.
    Receive = "receive",
    /// Not taken in.
    Refuse = "refuse",
    /// Free to move again after hold or seizure.
    Release = "release",
    /// Sent back.
    Return = "return",
    /// Taken by the regulator.
    Seize = "seize",
    /// Sent to another party.
    Ship = "ship",
    /// Put away.
    Store = "store",
    /// Sensor readings.
    Temperature = "temperature",
    /// Moved inside one organisation.
    Transfer = "transfer",
    /// Some things become others; the outputs only under own prefixes.
    Transform = "transform",
    /// Withdraws what the same party said before.
    Undo = "undo",
    /// Out of a vehicle or container.
    Unload = "unload",
    /// Out of a case or off a pallet.
    Unpack = "unpack",
    /// Dispensed, implanted, sold to a patient; whole or in part.
    Use = "use",
    /// A shipment that does not take place.
    VoidShipment = "void-shipment",
}
