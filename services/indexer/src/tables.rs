//! The tables of derived rows: their names, what tells their rows apart, and which block made a row what it is.

use clickhouse::{RowOwned, RowWrite};
use medtrace_store::rows::*;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::derive::Rows;

/// A table, by the type of its rows.
pub trait Table:
    RowOwned + RowWrite + Serialize + DeserializeOwned + Clone + PartialEq + Send + Sync + 'static
{
    /// As in `schemas/clickhouse/`.
    const TABLE: &'static str;
    /// Stands for the name where bytes are short.
    const NUMBER: u8;
    /// The columns that tell its rows apart.
    const KEY: &'static [&'static str];
    /// Some of its rows stand for none, and hide what was under their key.
    const HIDES: bool = false;

    /// The values of [`Table::KEY`], one text for each row.
    fn key(&self) -> Vec<u8>;
    /// The block that made the row what it is.
    fn height(&self) -> u64;
    /// See [`Table::HIDES`].
    fn hides(&self) -> bool {
        false
    }
}

/// Takes the rows of each table.
pub trait TakeRows {
    type Error;
    fn take<T: Table>(&mut self, rows: &[T]) -> Result<(), Self::Error>;
}

/// Does something with each table.
pub trait EachTable {
    type Error;
    fn table<T: Table>(&mut self) -> impl Future<Output = Result<(), Self::Error>>;
}

macro_rules! tables {
    ($($number:literal $rows:ident: $row:ident $name:literal ($($key:ident)*) by $made:ident $(hides by $hides:ident)?;)*) => {
        $(impl Table for $row {
            const TABLE: &'static str = $name;
            const NUMBER: u8 = $number;
            const KEY: &'static [&'static str] = &[$(stringify!($key)),*];
            $(const HIDES: bool = [stringify!($hides)].len() == 1;)?

            fn key(&self) -> Vec<u8> {
                // Numbers, texts and arrays always have a form.
                postcard::to_stdvec(&($(&self.$key,)*)).unwrap_or_default()
            }

            fn height(&self) -> u64 {
                tables!(@height self $made)
            }

            $(fn hides(&self) -> bool {
                self.$hides != 0
            })?
        })*

        impl Rows {
            /// Shows the rows of every table, the markers last.
            pub fn show<T: TakeRows>(&self, to: &mut T) -> Result<(), T::Error> {
                $(to.take(&self.$rows)?;)*
                Ok(())
            }
        }

        /// Goes through all tables, the markers last.
        pub async fn each<E: EachTable>(to: &mut E) -> Result<(), E::Error> {
            $(to.table::<$row>().await?;)*
            Ok(())
        }
    };
    (@height $row:ident ver) => { $row.ver >> 32 };
    (@height $row:ident $block:ident) => { $row.$block };
}

tables! {
    1 submissions: SubmissionRow "submission" (block ordinal) by block;
    2 event_refs: EventRefRow "event_ref" (prefix kind digest block idx) by block;
    3 events: EventRow "event" (block idx) by ver;
    4 replays: ReplayRow "replay" (of_block of_idx block idx) by block;
    18 erasures: ErasureRow "erasure" (block idx) by by_block;
    5 facts: FactRow "fact" (class id t block idx role counterpart_class counterpart_id) by ver;
    6 lot_items: LotItemRow "lot_item" (class lot id) by ver hides by is_deleted;
    7 unit_states: UnitStateRow "unit_state" (class id) by ver;
    8 lot_balances: LotBalanceRow "lot_balance" (class lot) by ver;
    9 containments: ContainmentRow "containment"
        (parent_class parent_id child_class child_id from_t until_t block idx sign) by block;
    10 deliveries: DeliveryRow "delivery" (block idx) by ver;
    11 notices: NoticeRow "notice" (block idx) by block;
    12 alerts: AlertRow "alert" (block idx code class id) by block;
    13 refused: RefusedRow "refused" (block target content) by block;
    17 master_data: MasterDataRow "master_data" (id kind party block idx) by block;
    15 event_hashes: EventHashRow "event_hash" (prefix digest edition block idx) by block;
    16 duplicates: DuplicateRow "duplicate" (block idx) by block;
    14 blocks: BlockRow "block" (height) by height;
}
