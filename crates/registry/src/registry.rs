//! The registry: everything that notices have said, with its history.

use std::collections::{BTreeMap, BTreeSet};

use medtrace_gs1::{Class, Gln, Thing};
use medtrace_ledger::{Custody, EventRef, Genesis, Header, PartyId, PublicKey, TopicName, TopicUuid};

use crate::history::History;
use crate::judge::{Judge, commit};
use crate::keys::KeyLife;
use crate::notice::{Acknowledgement, Delegation, Name, Notice, Order, Party, Place, Prefix, Product, Role, Texts};
use crate::{At, Refusal};

/// Where a notice stands in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Position {
    /// Height of its block.
    pub height: u64,
    /// Ordinal of its submission in the block × 512 + its index there.
    pub idx: u32,
    /// The block's header time, Unix milliseconds.
    pub time_ms: u64,
}

/// What an accepted notice did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect {
    /// The party that spoke: for party notices a member of the authority.
    pub by: PartyId,
    /// What it changed.
    pub subject: Subject,
}

/// What a notice changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A party was admitted or changed.
    Party(PartyId),
    /// A key is valid from here.
    KeyEnrolled(PartyId, PublicKey),
    /// A key is not valid any more.
    KeyRevoked(PartyId, PublicKey),
    /// A product; with the classes of its codes.
    Product(Name, Vec<Class>),
    /// A place.
    Place(Thing),
    /// What `from` lends `to`.
    Delegation {
        /// Who lends.
        from: PartyId,
        /// Who may act.
        to: PartyId,
    },
    /// A recall, and how it stands now.
    Recall(Name, RecallStatus),
    /// A holder answered.
    Acknowledgement(Name, PartyId),
    /// An event is to be erased; whether its replacement will do is seen where the event's bytes are.
    Erasure(EventRef),
    /// A topic is sealed under this id from here on.
    Gap(TopicName, TopicUuid),
}

/// How a recall stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RecallStatus {
    /// In force.
    Issued,
    /// Lifted; may be issued again.
    Lifted,
    /// Done for good.
    Closed,
}

impl RecallStatus {
    /// `issued`, `lifted` or `closed`.
    pub const fn as_str(self) -> &'static str {
        match self {
            RecallStatus::Issued => "issued",
            RecallStatus::Lifted => "lifted",
            RecallStatus::Closed => "closed",
        }
    }
}

/// A recall as of one revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecallState {
    /// Its id.
    pub recall: Name,
    /// Revision of the last notice.
    pub revision: u32,
    /// How it stands.
    pub status: RecallStatus,
    /// Who spoke last.
    pub by: PartyId,
    /// Whether a regulator issued it: then its owner can neither change nor lift it.
    pub by_regulator: bool,
    /// Reason of the last notice.
    pub reason: Texts,
    /// The order last issued.
    pub order: Order,
}

/// What one erasure notice names. Its replacement stays in the notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erased {
    /// Its revision.
    pub revision: u32,
    /// The event, then its copies.
    pub items: Vec<EventRef>,
}

/// Everything that notices have said. Equal registries have seen the same accepted notices.
#[derive(Debug, Clone, PartialEq)]
pub struct Registry {
    /// How many members of the authority must sign what gives power.
    pub(crate) threshold: usize,
    /// Position of the last accepted notice.
    pub(crate) last: Option<Position>,
    pub(crate) parties: BTreeMap<PartyId, History<Party>>,
    /// One life per public key, whoever's it is: it never comes back.
    pub(crate) keys: BTreeMap<PublicKey, KeyLife>,
    /// Keys of the genesis that are no party's: the chainer's and the witnesses'.
    pub(crate) reserved: BTreeSet<PublicKey>,
    /// Parties by the GLNs they list.
    pub(crate) glns: BTreeMap<Gln, History<Option<PartyId>>>,
    /// Parties by their prefixes.
    pub(crate) prefixes: BTreeMap<Prefix, History<Option<PartyId>>>,
    pub(crate) products: BTreeMap<Name, History<Product>>,
    /// Products by the classes of their codes.
    pub(crate) classes: BTreeMap<Class, History<Option<Name>>>,
    pub(crate) places: BTreeMap<Thing, History<Place>>,
    /// By receiver, then lender.
    pub(crate) delegations: BTreeMap<(PartyId, PartyId), History<Delegation>>,
    pub(crate) recalls: BTreeMap<Name, History<RecallState>>,
    /// Recalls that ever named this product or GTIN.
    pub(crate) recalls_of: BTreeMap<crate::coverage::Target, BTreeSet<Name>>,
    /// By recall, then holder.
    pub(crate) acknowledgements: BTreeMap<(Name, PartyId), History<Acknowledgement>>,
    /// By event.
    pub(crate) erasures: BTreeMap<EventRef, History<Erased>>,
    /// The ids under which topics are sealed: the first from the block that first cut it, the others from gaps.
    pub(crate) topics: BTreeMap<TopicName, History<TopicUuid>>,
}

impl Registry {
    /// The state before any notice: the authority's members, each with its key as root key, at revision 0.
    pub fn from_genesis(genesis: &Genesis) -> Registry {
        let start = Position { height: 0, idx: 0, time_ms: genesis.time_ms };
        let mut registry = Registry {
            threshold: genesis.authority.threshold,
            last: None,
            parties: BTreeMap::new(),
            keys: BTreeMap::new(),
            reserved: genesis.policy.keys().map(|key| key.public).collect(),
            glns: BTreeMap::new(),
            prefixes: BTreeMap::new(),
            products: BTreeMap::new(),
            classes: BTreeMap::new(),
            places: BTreeMap::new(),
            delegations: BTreeMap::new(),
            recalls: BTreeMap::new(),
            recalls_of: BTreeMap::new(),
            acknowledgements: BTreeMap::new(),
            erasures: BTreeMap::new(),
            topics: BTreeMap::new(),
        };
        for entry in genesis.authority_entries() {
            let member = Party {
                party: entry.party.clone(),
                revision: 0,
                name: Texts::both(entry.party.as_str()),
                root_key: entry.public_key,
                roles: vec![Role::Authority],
                glns: Vec::new(),
                prefixes: Vec::new(),
                regions: Vec::new(),
                contact: None,
            };
            registry.parties.entry(entry.party.clone()).or_default().push(start, member);
            let life = KeyLife::enrolled(entry.party, Custody::Own, Vec::new(), start);
            registry.keys.insert(entry.public_key, life);
        }
        registry
    }

    /// Takes up the ids of topics that this block, whose notices have been applied, is the first to cut. Gaps are judged by
    /// them, so whoever applies the notices of a log calls this after those of each block.
    pub fn seal(&mut self, header: &Header) {
        let position = Position { height: header.height, idx: u32::MAX, time_ms: header.time_ms };
        for cut in &header.cuts {
            if !self.topics.contains_key(&cut.topic) {
                self.topics.entry(cut.topic.clone()).or_default().push(position, cut.uuid);
            }
        }
    }

    /// What held after the block at this height.
    pub fn at(&self, height: u64) -> At<'_> {
        At { registry: self, height }
    }

    /// What holds after the last notice applied.
    pub fn now(&self) -> At<'_> {
        self.at(u64::MAX)
    }

    /// Whose keys signed a submission of this party: the `signers` of [`Registry::apply`]. A key that nobody has yet is
    /// taken as the party's own; only its enrolment will accept it.
    ///
    /// # Errors
    /// `key-not-valid` unless one of the keys is a valid one of the party that the submission names.
    pub fn signers(&self, party: &PartyId, keys: &[PublicKey]) -> Result<Vec<(PartyId, PublicKey)>, Refusal> {
        let now = self.now();
        if !keys.iter().any(|key| now.key_valid(party, key)) {
            let detail = format!("none of the signing keys is a valid key of {party}");
            return Err(Refusal::whole("key-not-valid", detail));
        }
        let owner = |key: &PublicKey| now.key(key).map_or_else(|| party.clone(), |life| life.party.clone());
        Ok(keys.iter().map(|key| (owner(key), *key)).collect())
    }

    /// Judges a notice without applying it, in the same words.
    ///
    /// `signers` are the keys whose signatures the caller has verified over it, each with the party it belongs to (or,
    /// for a key that is being enrolled, will belong to).
    ///
    /// # Errors
    /// Why it would be refused; the codes are listed in `judge`.
    pub fn check(
        &self,
        position: Position,
        signers: &[(PartyId, PublicKey)],
        notice: &Notice,
    ) -> Result<Effect, Refusal> {
        Judge::new(self, position, signers, notice)?.effect(notice)
    }

    /// Applies the next notice of the log. Deterministic: the same notices in the same order give the same registry.
    ///
    /// # Errors
    /// As [`Registry::check`]; then nothing has changed.
    pub fn apply(
        &mut self,
        position: Position,
        signers: &[(PartyId, PublicKey)],
        notice: &Notice,
    ) -> Result<Effect, Refusal> {
        let effect = self.check(position, signers, notice)?;
        // The one place where the registry changes.
        commit(self, position, notice, &effect);
        Ok(effect)
    }
}
