//! A stack under load while its processes are killed.
//!
//! ```text
//! lanes say ──▶ ingest ──▶ log ──▶ chain ──▶ index ──▶ query ◀── askers ask
//!                 ▲          ▲       ▲         ▲         ▲
//!                 └──────────┴───────┴─────────┴─────────┘ one after the other dies, with its hands full
//! ```
//!
//! In scope: the load ([`Lane`]), the questions ([`Askers`]), the kills and the proof that each met work in flight
//! ([`Killer`]), and counting afterwards ([`count`]).
//!
//! Out of scope: how often, how fast, and what must hold in the end: that stands in the test.

mod ask;
pub mod count;
mod dice;
mod flight;
mod lane;
mod strike;
mod word;

pub use ask::{Asked, Askers};
pub use dice::Dice;
pub use flight::Flight;
pub use lane::{Fate, Lane, Lanes};
pub use strike::{Killer, Strike, TARGETS, Target};
pub use word::{BOX_EVENTS, EventId, WIRE_LOT, WIRES_PER_BOX, Way, item, lot};
