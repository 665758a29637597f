use super::*;
pub(super) fn event(_json: Json) -> Result<Event, Vec<Fault>> { Err(vec![]) }
