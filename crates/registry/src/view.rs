//! The registry as of a height: every question has a K.

use medtrace_gs1::{Class, Gtin, Scheme, Thing};
use medtrace_ledger::{EventRef, PartyId, TopicName, TopicUuid};

use crate::history::{History, Recorded};
use crate::limits::URI_BYTES_MAX;
use crate::notice::{Acknowledgement, Delegation, Name, Party, Place, Prefix, Product};
use crate::{RecallState, Registry};

/// What held after the block at one height. Cheap to make and to copy.
#[derive(Debug, Clone, Copy)]
pub struct At<'a> {
    pub(crate) registry: &'a Registry,
    pub(crate) height: u64,
}

impl<'a> At<'a> {
    /// The height.
    pub fn height(&self) -> u64 {
        self.height
    }

    /// A party.
    pub fn party(&self, party: &PartyId) -> Option<&'a Recorded<Party>> {
        self.registry.parties.get(party)?.at(self.height)
    }

    /// All parties, by id.
    pub fn parties(&self) -> impl Iterator<Item = &'a Recorded<Party>> + use<'a> {
        self.all(self.registry.parties.values())
    }

    /// A product by its id.
    pub fn product(&self, product: &Name) -> Option<&'a Recorded<Product>> {
        self.registry.products.get(product)?.at(self.height)
    }

    /// The product that carries this thing's code; any class with a GTIN will do. Where the class is a hash, the code
    /// itself is compared too.
    pub fn product_of(&self, thing: &Thing) -> Option<&'a Recorded<Product>> {
        let product = self.product_by_class(thing.product()?)?;
        let exact = thing.gtin().is_some() || product.codes.iter().any(|code| code.covers(thing));
        exact.then_some(product)
    }

    /// The product with this GTIN.
    pub fn product_by_gtin(&self, gtin: Gtin) -> Option<&'a Recorded<Product>> {
        self.product_of(&gtin.product())
    }

    /// By the class as [`Thing::product`] gives it.
    pub(crate) fn product_by_class(&self, class: Class) -> Option<&'a Recorded<Product>> {
        let name = self.registry.classes.get(&class)?.at(self.height)?.value.as_ref()?;
        self.product(name)
    }

    /// All products, by id.
    pub fn products(&self) -> impl Iterator<Item = &'a Recorded<Product>> + use<'a> {
        self.all(self.registry.products.values())
    }

    /// Master data of a place.
    pub fn place(&self, place: &Thing) -> Option<&'a Recorded<Place>> {
        self.registry.places.get(place)?.at(self.height)
    }

    /// All places with master data.
    pub fn places(&self) -> impl Iterator<Item = &'a Recorded<Place>> + use<'a> {
        self.all(self.registry.places.values())
    }

    /// Whose place (or party GLN) this is: who lists the GLN, else who holds the prefix.
    pub fn owner_of_place(&self, place: &Thing) -> Option<&'a PartyId> {
        self.lister(place).or_else(|| self.holder(place))
    }

    /// Whose identifier this is: the product's owner, else who holds the prefix.
    pub fn issuer(&self, thing: &Thing) -> Option<&'a PartyId> {
        match self.product_of(thing) {
            Some(product) => Some(&product.value.owner),
            None => self.holder(thing),
        }
    }

    /// Digits of the company prefix under which this identifier was issued, if anybody holds it.
    pub fn company_prefix(&self, thing: &Thing) -> Option<usize> {
        let held = |prefix: &Prefix| self.registry.prefixes.get(prefix)?.at(self.height)?.value.as_ref().map(|_| ());
        let company = prefixes_of(thing).filter(|prefix| matches!(prefix, Prefix::Company(_)));
        company.filter(|prefix| held(prefix).is_some()).map(|prefix| prefix.as_str().len()).max()
    }

    /// Who lists this GLN.
    fn lister(&self, place: &Thing) -> Option<&'a PartyId> {
        self.registry.glns.get(&place.gln()?)?.at(self.height)?.value.as_ref()
    }

    /// Who holds a prefix of it.
    pub(crate) fn holder(&self, thing: &Thing) -> Option<&'a PartyId> {
        prefixes_of(thing).find_map(|prefix| self.registry.prefixes.get(&prefix)?.at(self.height)?.value.as_ref())
    }

    /// Who holds a prefix that is this one, lies in it or holds it.
    pub(crate) fn holder_of_overlap(&self, wanted: &Prefix, but: &PartyId) -> Option<(&'a Prefix, &'a PartyId)> {
        let overlapping = self.registry.prefixes.iter().filter(|(prefix, _)| prefix.overlaps(wanted));
        let mut held = overlapping.filter_map(|(p, holders)| Some((p, holders.at(self.height)?.value.as_ref()?)));
        held.find(|(_, holder)| *holder != but)
    }

    /// Whether the party may act at this place in its own right: it lists the GLN, or holds its prefix and nobody else
    /// lists the GLN. Looks only at the party's own prefixes, so it costs little.
    pub fn owns_place(&self, party: &Party, place: &Thing) -> bool {
        match self.lister(place) {
            Some(lister) => *lister == party.party,
            None => party.prefixes.iter().any(|prefix| prefix.covers(place)),
        }
    }

    /// Whether the party may bring this identifier into being in its own right: under one of its prefixes, or of a
    /// product that it owns.
    pub fn owns_code(&self, party: &Party, thing: &Thing) -> bool {
        party.prefixes.iter().any(|prefix| prefix.covers(thing))
            || self.product_of(thing).is_some_and(|product| product.owner == party.party)
    }

    /// What others lend this party.
    pub fn delegations_to(&self, party: &PartyId) -> impl Iterator<Item = &'a Recorded<Delegation>> + use<'a> {
        let first = "0".parse().ok().map(|least: PartyId| (party.clone(), least));
        let party = party.clone();
        let from = first.into_iter().flat_map(|first| self.registry.delegations.range(first..));
        self.all(from.take_while(move |((to, _), _)| *to == party).map(|(_, history)| history))
    }

    /// A recall.
    pub fn recall(&self, recall: &Name) -> Option<&'a Recorded<RecallState>> {
        self.registry.recalls.get(recall)?.at(self.height)
    }

    /// Every revision of a recall so far, oldest first.
    pub fn recall_history(&self, recall: &Name) -> &'a [Recorded<RecallState>] {
        self.registry.recalls.get(recall).map(|history| history.until(self.height)).unwrap_or_default()
    }

    /// All recalls, lifted and closed ones too, by id.
    pub fn recalls(&self) -> impl Iterator<Item = &'a Recorded<RecallState>> + use<'a> {
        self.all(self.registry.recalls.values())
    }

    /// The latest answer of every holder that answered, by party.
    pub fn acknowledgements(&self, recall: &Name) -> impl Iterator<Item = &'a Recorded<Acknowledgement>> + use<'a> {
        let recall = recall.clone();
        let least = "0".parse().ok().map(|least: PartyId| (recall.clone(), least));
        let from = least.into_iter().flat_map(|least| self.registry.acknowledgements.range(least..));
        self.all(from.take_while(move |((name, _), _)| *name == recall).map(|(_, history)| history))
    }

    /// Whether the notice at `by` was accepted and names the item for erasure, as the event `of` or a copy of it.
    pub fn is_erased(&self, item: EventRef, of: EventRef, by: EventRef) -> bool {
        let notices = self.registry.erasures.get(&of).map(|history| history.until(self.height)).unwrap_or_default();
        notices.iter().any(|notice| {
            (notice.position.height, notice.position.idx) == (by.height, by.idx) && notice.items.contains(&item)
        })
    }

    /// The id under which a topic is sealed: the one it had when it was first cut, until a gap names another.
    pub fn topic(&self, topic: &TopicName) -> Option<&'a Recorded<TopicUuid>> {
        self.topic_ids(topic).last()
    }

    /// Every id under which a topic has been sealed so far, the first one first.
    pub fn topic_ids(&self, topic: &TopicName) -> &'a [Recorded<TopicUuid>] {
        self.registry.topics.get(topic).map(|ids| ids.until(self.height)).unwrap_or_default()
    }

    /// Whether an accepted notice names this event for erasure; whether the notice took effect is seen where the bytes are.
    pub fn may_be_erased(&self, event: EventRef) -> bool {
        self.registry.erasures.get(&event).is_some_and(|history| history.at(self.height).is_some())
    }

    fn all<T: 'a, H: Iterator<Item = &'a History<T>>>(
        &self,
        histories: H,
    ) -> impl Iterator<Item = &'a Recorded<T>> + use<'a, T, H> {
        let height = self.height;
        histories.filter_map(move |history| history.at(height))
    }
}

/// Every prefix that would cover this thing: looked up one by one, because there may be many parties.
fn prefixes_of(thing: &Thing) -> impl Iterator<Item = Prefix> {
    let (text, ends): (String, Vec<usize>) = match thing.scheme() {
        Scheme::CnDrug | Scheme::Ma | Scheme::Hibcc | Scheme::Isbt128 | Scheme::CnInsurance => {
            (String::new(), Vec::new())
        }
        Scheme::Uri => (thing.id().to_owned(), (1..=thing.id().len().min(URI_BYTES_MAX)).collect()),
        Scheme::Unit => (thing.id().chars().skip(1).collect(), (4..=12).collect()),
        _ => (company_digits(thing), (4..=12).collect()),
    };
    let uri = thing.scheme() == Scheme::Uri;
    let candidates = ends.into_iter().filter_map(move |end| {
        let part = text.get(..end)?.to_owned();
        Some(if uri { Prefix::Uri(part) } else { Prefix::Company(part) })
    });
    candidates.filter(|prefix| prefix.covers(thing))
}

/// The text of a GS1 key from where its company prefix begins.
fn company_digits(thing: &Thing) -> String {
    match (thing.gtin(), thing.class().value()) {
        (Some(gtin), _) => gtin.to_string().split_off(1),
        (None, 0) => thing.id().to_owned(),
        (None, digits) => format!("{digits:013}"),
    }
}

#[cfg(test)]
mod tests {
    use medtrace_gs1::{Class, Scheme, Thing};

    use super::prefixes_of;
    use crate::notice::Prefix;

    /// What is looked up is what covers: no prefix is missed, none is too much.
    #[test]
    fn the_prefixes_looked_up_are_those_that_cover() {
        let uris = [
            "https://id.gs1.org/01/09521321000117/21/S1",
            "https://id.gs1.org/01/09521321000117/10/L1",
            "https://id.gs1.org/01/09521321000117",
            "https://id.gs1.org/00/095213210000000018",
            "https://id.gs1.org/414/9521321000018/254/dock",
            "https://id.gs1.org/417/9521321000018",
            "https://id.gs1.org/8003/09521321000018",
            "https://id.gs1.org/8004/95213210001",
            "urn:medtrace:cn-drug:81234560000000000017",
            "urn:medtrace:hibcc:A99912345/21/S1",
            "https://maker.example/a/b?c=d#e.f",
            "urn:x:y",
        ];
        let mut prefixes: Vec<Prefix> = Vec::new();
        for key in ["952132100001", "952132100011", "952132100000", "952132100019", "095213210000", "812345600000"] {
            prefixes.extend((4..=12).map(|n| Prefix::Company(key[..n].to_owned())));
        }
        for uri in uris {
            prefixes.extend((1..=uri.len()).map(|n| Prefix::Uri(uri[..n].to_owned())));
        }
        prefixes.sort();
        prefixes.dedup();
        let mut found = 0;
        for thing in uris.map(|uri| Thing::from_uri(uri).unwrap()) {
            let mut looked_up: Vec<Prefix> = prefixes_of(&thing).collect();
            looked_up.sort();
            let covering: Vec<Prefix> = prefixes.iter().filter(|prefix| prefix.covers(&thing)).cloned().collect();
            assert_eq!(looked_up, covering, "{thing}");
            found += covering.len();
        }
        assert!(found > 60, "{found}");
        let empty = Thing::new(Class::new(Scheme::Uri, 0), "");
        assert_eq!(prefixes_of(&empty).count(), 0);
    }
}
