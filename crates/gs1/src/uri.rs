//! The canonical URI of a thing, and things from URIs.

use std::fmt;

use crate::{Class, CodeError, Scheme, Thing};

pub(crate) fn read(text: &str) -> Result<Thing, CodeError> {
    Ok(Thing::new(Class::new(Scheme::Uri, 0), text))
}

pub(crate) fn write(thing: &Thing, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str(thing.id())
}
