//! The one place where the registry changes: a judged notice takes effect. Nothing here can fail or refuse.

use medtrace_ledger::PartyId;

use super::product::classes_of;
use super::recall::state_after;
use crate::coverage::Target;
use crate::keys::{KeyLife, Revocation};
use crate::notice::{Key, KeyAction, Notice, Party, Product, Recall};
use crate::{Effect, Erased, Position, Registry};

pub(crate) fn commit(registry: &mut Registry, position: Position, notice: &Notice, effect: &Effect) {
    match notice {
        Notice::Party(new) => party(registry, position, new),
        Notice::Key(new) => key(registry, position, new),
        Notice::Product(new) => product(registry, position, new),
        Notice::Place(new) => {
            registry.places.entry(new.place.clone()).or_default().push(position, new.clone());
        }
        Notice::Delegation(new) => {
            let pair = (new.to.clone(), new.from.clone());
            registry.delegations.entry(pair).or_default().push(position, new.clone());
        }
        Notice::Recall(new) => recall(registry, position, new, &effect.by),
        Notice::Acknowledgement(new) => {
            let holder = (new.recall.clone(), new.party.clone());
            registry.acknowledgements.entry(holder).or_default().push(position, new.clone());
        }
        Notice::Erasure(new) => {
            let erased = Erased { revision: new.revision, items: new.items().collect() };
            registry.erasures.entry(new.event).or_default().push(position, erased);
        }
        Notice::Gap(new) => {
            registry.topics.entry(new.topic.clone()).or_default().push(position, new.new);
        }
    }
    registry.last = Some(position);
}

fn party(registry: &mut Registry, position: Position, new: &Party) {
    let id = &new.party;
    let before = registry.now().party(id).map(|recorded| recorded.value.clone());
    if before.as_ref().is_none_or(|before| before.root_key != new.root_key) {
        if let Some(before) = &before {
            revoke(registry, &before.root_key, Revocation { position, since: None });
        }
        let life = KeyLife::enrolled(id.clone(), medtrace_ledger::Custody::Own, Vec::new(), position);
        registry.keys.insert(new.root_key, life);
    }
    let (old_glns, old_prefixes) = before.map(|before| (before.glns, before.prefixes)).unwrap_or_default();
    for gln in old_glns.iter().filter(|gln| !new.glns.contains(gln)) {
        registry.glns.entry(*gln).or_default().push(position, None);
    }
    for gln in new.glns.iter().filter(|gln| !old_glns.contains(gln)) {
        registry.glns.entry(*gln).or_default().push(position, Some(id.clone()));
    }
    for prefix in old_prefixes.iter().filter(|prefix| !new.prefixes.contains(prefix)) {
        registry.prefixes.entry(prefix.clone()).or_default().push(position, None);
    }
    for prefix in new.prefixes.iter().filter(|prefix| !old_prefixes.contains(prefix)) {
        registry.prefixes.entry(prefix.clone()).or_default().push(position, Some(id.clone()));
    }
    registry.parties.entry(id.clone()).or_default().push(position, new.clone());
}

fn key(registry: &mut Registry, position: Position, new: &Key) {
    match &new.action {
        KeyAction::Enrol { custody, roles } => {
            let life = KeyLife::enrolled(new.party.clone(), custody.clone(), roles.clone(), position);
            registry.keys.insert(new.public_key, life);
        }
        KeyAction::Revoke { since } => {
            revoke(registry, &new.public_key, Revocation { position, since: since.map(u64::from) });
        }
    }
}

fn revoke(registry: &mut Registry, key: &medtrace_ledger::PublicKey, end: Revocation) {
    if let Some(life) = registry.keys.get_mut(key).filter(|life| life.revoked.is_none()) {
        life.revoked = Some(end);
    }
}

fn product(registry: &mut Registry, position: Position, new: &Product) {
    let had = registry.now().product(&new.product).map(|before| classes_of(before)).unwrap_or_default();
    let has = classes_of(new);
    for class in had.iter().filter(|class| !has.contains(class)) {
        registry.classes.entry(*class).or_default().push(position, None);
    }
    for class in has.iter().filter(|class| !had.contains(class)) {
        registry.classes.entry(*class).or_default().push(position, Some(new.product.clone()));
    }
    registry.products.entry(new.product.clone()).or_default().push(position, new.clone());
}

fn recall(registry: &mut Registry, position: Position, new: &Recall, by: &PartyId) {
    let Some(state) = state_after(registry.now(), new, by) else {
        return;
    };
    for target in Target::all(&state.order) {
        registry.recalls_of.entry(target).or_default().insert(state.recall.clone());
    }
    registry.recalls.entry(state.recall.clone()).or_default().push(position, state);
}
