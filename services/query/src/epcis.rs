//! EPCIS 2.0 queries over the sealed events: the REST binding's `/events` (EPCIS 2.0 § 8.2.7.1 and § 12.7).
//!
//! A query is answered at one height, all its pages too: what is sealed after the first page belongs to another query.
//! So every page is the same whenever it is asked for, in either order and by either time.
//!
//! ```text
//! ask.rs      parameters → query           matches.rs     EPC parameters, exactly, on the typed event
//! select.rs   query → rows of the store    condition.rs   parameters that no column holds, on the typed event
//! page.rs     rows → events → document     field.rs       where those that name a field look
//! cursor.rs   where a page ends, bound to   attribute.rs   what master data says of places
//!             its query                     form.rs        syntax and spelling of an answer
//! ```

pub mod ask;
pub mod attribute;
pub mod condition;
pub mod cursor;
pub mod field;
pub mod form;
pub mod matches;
pub mod page;
pub mod select;
