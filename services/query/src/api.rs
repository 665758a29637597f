//! One file per resource; each handler takes one snapshot and answers at its height.

pub mod positions;
pub mod provenance;
pub mod reach;
pub mod recalls;
pub mod verify;
