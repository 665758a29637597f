//! Every limit of this crate, with its unit. Sizes are checked before anything is decoded.

/// One notice, in bytes of its JCS form.
pub const NOTICE_BYTES_MAX: usize = 64 * 1024;
/// An erasure, in bytes of its JCS form: it carries an event.
pub const ERASURE_BYTES_MAX: usize = 256 * 1024;
/// Copies of an event that one erasure names.
pub const ERASURE_COPIES_MAX: usize = 64;
/// GLNs a party may list.
pub const PARTY_GLNS_MAX: usize = 1000;
/// Company and URI prefixes a party may list.
pub const PARTY_PREFIXES_MAX: usize = 100;
/// Regions a party may list.
pub const PARTY_REGIONS_MAX: usize = 100;
/// Keys a party may have at one time, its root key included.
pub const PARTY_KEYS_MAX: usize = 64;
/// Codes of other schemes a product may carry beside its GTIN.
pub const PRODUCT_CODES_MAX: usize = 16;
/// GLNs a delegation may lend.
pub const DELEGATION_GLNS_MAX: usize = 1000;
/// Scope lines of one recall.
pub const RECALL_SCOPES_MAX: usize = 64;
/// Lots of one scope line.
pub const SCOPE_LOTS_MAX: usize = 1000;
/// Serial ranges of one scope line.
pub const SCOPE_RANGES_MAX: usize = 1000;

/// A subject's own name (product, recall): characters, all ASCII.
pub const NAME_CHARS_MAX: usize = 63;
/// A display name: Unicode characters.
pub const TITLE_CHARS_MAX: usize = 200;
/// An address, a reason, instructions, a note: Unicode characters.
pub const PROSE_CHARS_MAX: usize = 4000;
/// A URI or URI prefix: bytes.
pub const URI_BYTES_MAX: usize = 512;
/// A lot or serial: bytes (GS1 allows 20 or 28; other schemes more).
pub const LOT_BYTES_MAX: usize = 90;
/// A telephone number or mail address: characters.
pub const CONTACT_CHARS_MAX: usize = 200;
/// Distinct signers of one notice.
pub const SIGNERS_MAX: usize = 8;
