//! The story's steps, a file a chapter.

pub mod evidence;
pub mod hands;
pub mod late;
pub mod lots;
pub mod recall;
pub mod store;
