//! The stack as a person would start it, and what tests need to speak to it.
//!
//! In scope: starting and stopping whole stacks side by side ([`Stack`]), a client that knows the paths ([`Client`],
//! [`Speaker`]), the county consortium ([`county`]), scan requests and codes ([`Scan`], [`codes`]), submissions signed at
//! home ([`home`]), load and kills ([`faults`]), and the two offline checkers ([`tool`]).
//!
//! Out of scope: what the right answers are. Those stand in the tests, at the top of each.
//!
//! Nothing here sleeps to let something happen: whoever waits asks until it has happened, and fails at a deadline.

mod chain;
mod client;
pub mod codes;
pub mod county;
pub mod faults;
pub mod home;
mod live;
mod questions;
mod scan;
mod speaker;
mod stack;
pub mod tool;
pub mod wait;

pub use chain::Chain;
pub use client::{Answer, Client};
pub use live::{Live, Said};
pub use scan::Scan;
pub use speaker::{Placed, Speaker, placed};
pub use stack::{Options, Stack};
