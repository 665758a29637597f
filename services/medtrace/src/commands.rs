//! The commands, one file each: the arguments, and what is done with them.

pub mod audit;
pub mod bench;
pub mod check;
pub mod convert;
pub mod delegate;
pub mod demo;
pub mod document;
pub mod engine;
pub mod erase;
pub mod hash;
pub mod health;
pub mod keys;
pub mod notice;
pub mod parse;
pub mod post;
pub mod proof;
pub mod rebuild;
pub mod recall;
pub mod show;
pub mod trace;
pub mod up;
pub mod verify;
