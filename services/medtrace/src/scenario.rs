//! The demo scenario: a county consortium buys cardiac stents, over six hands.
//!
//! ```text
//! factory ─▶ national agent ─▶ provincial distributor ─▶ county warehouse ─▶ hospital store ─▶ cath lab
//! ```
//!
//! Everything follows from the number of packs and the seed: the same codes, the same event ids, so that a scenario
//! that was broken off is taken up by playing it again. Ten packs a case, twenty cases a pallet, three lots. On the
//! way: a counterfeit, a pack used twice, a lot recalled on the road, a packing event that comes late, a wrong event
//! corrected. What the story says in the end is asked for and compared before it is printed.

mod cast;
mod goods;
mod play;
mod post;
mod tell;

pub use cast::enrol;
pub use play::{play, requests};
pub use post::Poster;
pub use tell::{Line, tell};

use crate::scenario::goods::Goods;

/// What the scenario is made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Script {
    pub items: u32,
    pub seed: u64,
}

impl Script {
    pub(crate) fn goods(self) -> Goods {
        Goods::new(self)
    }
}
