//! One whole journey over HTTP, on a stack of its own.
//!
//! ```text
//!  1  the factory commissions 8 stents of lot A      S1: accept, genuine; an unknown serial: reject, never-commissioned
//!  2  S1-S4 into case 1, S5-S8 into case 2, both     S1: inside case 1 inside the pallet; the report's digest is told
//!     onto a pallet; inspected
//!  3  shipped to the agent                           on its way to the agent: 1 thing, 8 packs; at the agent: accept;
//!                                                    at the hospital: check, not-shipped-to-you
//!  4  the agent receives the pallet's label          the delivery is received; S1: accept, inferred, at the agent
//!  5  on to the province, the warehouse, the store   each hand sees its own delivery; six hands in S1's history
//!  6  the store checks case 1 against scans          duplicate, matched, missing, extra, wrong lot, unknown, unreadable,
//!                                                    in another delivery
//!  7  unpacked, to the cath lab, used                before: accept; after: reject, already-used
//!  8  the same code is used again                    reject, already-used and used-twice; an alert on the live stream
//!  9  a counterfeit                                  right check digit: reject, never-commissioned; S2 with another
//!                                                    lot: reject, wrong-lot
//! 10  a late pack                                    before: S5 at the province; after: on its way inside case 3;
//!                                                    as known before: at the province still; at the hour before: alone
//! 11  a late ship, after it was unpacked             before: check, received-not-shipped; after: accept, still at the
//!                                                    warehouse; as known before: irregular still
//! 12  a corrected lot                                before: lot B1 is wrong; after: accept, corrected; as known before: B0
//! 13  everything is taken out, then a late ADD       S8 in case 5 from ten to twelve; before: never
//! 14  a lot recalled while in transit                reject, recalled, within a second; reach: 4, sealed in case R;
//!                                                    the case itself: reject; answered, lifted: accept
//! 15  lots with quantities                           commissioned 1000 = the sum by state and holder
//! 16  a 20-digit code beside a GTIN, or alone        one pack, whichever code is asked
//! 17  a document is captured, twice                  one job, running until it is indexed; its events count once
//! 18  EPCIS queries, page by page                    every event once, though others come between two pages
//! 19  proofs                                         hold in the tool and in Python; eventID, notice and document
//! 20  the audit                                      clean
//! ```
//!
//! With every scan the chain is verified again, up to its newest checkpoint.

mod chapters;
mod say;
mod world;

use chapters::{evidence, hands, late, lots, recall, store};
use world::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_whole_journey() -> anyhow::Result<()> {
    let world = World::start().await?;
    hands::commissioned(&world).await?; // 1
    hands::packed(&world).await?; // 2
    hands::shipped(&world).await?; // 3
    hands::received(&world).await?; // 4
    hands::onward(&world).await?; // 5
    store::checked(&world).await?; // 6
    store::used(&world).await?; // 7
    store::used_again(&world).await?; // 8
    store::counterfeit(&world).await?; // 9
    late::pack(&world).await?; // 10
    late::ship(&world).await?; // 11
    late::lot(&world).await?; // 12
    late::add(&world).await?; // 13
    recall::in_transit(&world).await?; // 14
    lots::quantities(&world).await?; // 15
    lots::two_codes(&world).await?; // 16
    evidence::captured(&world).await?; // 17
    evidence::paged(&world).await?; // 18
    evidence::proven(&world).await?; // 19
    world.verify_chain().await?;
    evidence::audited(&world)?; // 20
    world.finish().await
}
