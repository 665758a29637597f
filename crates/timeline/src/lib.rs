//! Facts, timelines and the fold: where a thing was, in which state and with whom, at true time T as known at
//! height K.
//!
//! In scope: deriving facts from an event ([`facts_of`]), the intervals a thing spent in its containers
//! ([`Stay`]), the fold of one thing's facts ([`State`], [`Balance`]), the fold over a thing *and* its containers
//! ([`Walk`]), the same kept up to date fact by fact ([`Settled`]), what follows for the contents of a container without touching them ([`present`]), and the verdict
//! at receipt or use ([`judge`]).
//!
//! Out of scope: storing facts, reading them, clocks, HTTP. A reader feeds [`Walk`] in rounds; any store can be one.
//!
//! Every answer is `fold(facts with t ≤ T and block ≤ K, less those voided by a declaration with block ≤ K)`, in
//! an order made of signed content only ([`Order`]), so any order of arrival gives the same state.

mod balance;
mod derive;
mod fact;
mod inside;
mod irregular;
mod order;
mod present;
mod reasons;
mod same;
mod settled;
mod state;
mod verdict;
mod walk;
mod way;
mod words;

pub use balance::{Balance, Bin, Whereabouts};
pub use derive::{Sealed, facts_of, head_of};
pub use fact::{EventHead, Fact, Flags, Role};
pub use inside::Stay;
use inside::{Inside, intervals};
pub use irregular::Irregular;
pub use order::{Cut, Order};
pub use present::{Present, present};
pub use reasons::{Level, ReasonCode};
pub use same::{is_bound, same_facts};
pub use settled::Settled;
pub use state::{Mark, State};
pub use verdict::{Caller, Judgement, Purpose, Reason, Recall, Scan, Verdict, judge};
pub use walk::{Entry, Story, Walk};
pub use way::Way;
pub use words::{End, Lasting, Warning, Warnings};

/// Containers within containers that a walk follows; deeper nesting is reported, not followed.
pub const DEPTH_MAX: usize = 16;
