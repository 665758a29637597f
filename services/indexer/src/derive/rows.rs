//! The rows of one or more blocks, table by table.

use medtrace_store::rows::*;

/// What a block adds to each table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    pub submissions: Vec<SubmissionRow>,
    pub event_refs: Vec<EventRefRow>,
    pub events: Vec<EventRow>,
    pub replays: Vec<ReplayRow>,
    /// Beside these rows, what they name is taken out of all tables: see [`crate::erase`].
    pub erasures: Vec<ErasureRow>,
    pub facts: Vec<FactRow>,
    pub lot_items: Vec<LotItemRow>,
    pub unit_states: Vec<UnitStateRow>,
    pub lot_balances: Vec<LotBalanceRow>,
    pub containments: Vec<ContainmentRow>,
    pub deliveries: Vec<DeliveryRow>,
    pub notices: Vec<NoticeRow>,
    pub alerts: Vec<AlertRow>,
    pub master_data: Vec<MasterDataRow>,
    pub refused: Vec<RefusedRow>,
    /// These two are written by [`crate::hashes`], after the markers; here they are what the audit expects.
    pub event_hashes: Vec<EventHashRow>,
    pub duplicates: Vec<DuplicateRow>,
    /// The markers: inserted after everything else.
    pub blocks: Vec<BlockRow>,
}

impl Rows {
    /// Adds a later block's rows.
    pub fn append(&mut self, mut later: Rows) {
        macro_rules! append { ($($table:ident)*) => { $(self.$table.append(&mut later.$table);)* } }
        append! { submissions event_refs events replays erasures facts lot_items unit_states lot_balances containments
        deliveries notices alerts master_data refused event_hashes duplicates blocks }
    }
}
