//! One file per resource; each handler takes one snapshot and answers at its height.

pub mod blocks;
pub mod check;
pub mod deliveries;
pub mod duplicates;
pub mod epcis;
pub mod events;
pub mod live;
pub mod log;
pub mod masterdata;
pub mod positions;
pub mod provenance;
pub mod queries;
pub mod reach;
pub mod recalls;
pub mod resources;
pub mod socket;
pub mod subscriptions;
pub mod verify;
