//! Master data from the headers of documents.

use std::collections::HashSet;

use medtrace_event::Json;
use medtrace_event::master::{Element, elements};
use medtrace_ledger::{EventRef, PartyId};
use medtrace_store::rows::MasterDataRow;

use super::{Deriver, Work};
use crate::keyed::Keyed;

/// Stands in a document item that may hold master data; most hold none, and are not read.
const MEMBER: &[u8] = b"\"epcisMasterData\"";

impl<K: Keyed> Deriver<K> {
    /// What the header says twice counts as it says it first. What is no document is passed over: it is sealed all the same.
    pub(super) fn take_master_data(&self, party: &PartyId, position: EventRef, bytes: &[u8], work: &mut Work<'_>) {
        if !bytes.windows(MEMBER.len()).any(|window| window == MEMBER) {
            return;
        }
        let Ok(document) = Json::parse(bytes) else { return };
        let mut seen = HashSet::new();
        for element in document.get("header").map(elements).unwrap_or_default() {
            if seen.insert((element.kind.clone(), element.id.clone())) {
                let entitled = self.is_own(party, &element, work.height);
                let (names, texts) = element.attributes.into_iter().unzip();
                work.rows.master_data.push(MasterDataRow {
                    id: element.id,
                    kind: element.kind,
                    party: party.to_string(),
                    block: position.height,
                    idx: position.idx,
                    entitled,
                    names,
                    texts,
                    children: element.children,
                });
            }
        }
    }

    fn is_own(&self, party: &PartyId, element: &Element, height: u64) -> bool {
        let at = self.registry.at(height);
        let known = at.party(party).zip(element.thing.as_ref());
        known.is_some_and(|(party, thing)| match thing.gln() {
            Some(_) => at.owns_place(&party.value, thing),
            None => at.owns_code(&party.value, thing),
        })
    }
}
