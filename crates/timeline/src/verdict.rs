//! The verdict at receipt or use: one scan against a thing's story.

use serde::{Deserialize, Serialize};

use crate::words::{alarm, ending};
use crate::{End, Flags, Irregular, Level, Mark, ReasonCode, Role, Story};
use medtrace_ledger::EventRef;

/// What the pack itself says, as scanned.
#[derive(Clone, Debug, Default)]
pub struct Scan {
    pub lot: Option<String>,
    /// Days since 1970-01-01.
    pub expiry: Option<i32>,
}

/// What the asker means to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Purpose {
    #[default]
    Ask,
    Receive,
    Use,
}

/// Who asks, and what the registry says of the thing's product.
#[derive(Clone, Debug, Default)]
pub struct Caller {
    pub purpose: Purpose,
    /// Canonical URI of where the asker stands.
    pub place: Option<String>,
    /// The party that the place belongs to.
    pub party: Option<String>,
    /// Everything that means the asker as a destination: its places and party GLNs, canonical URIs.
    pub addresses: Vec<String>,
    /// A product notice names the thing's class.
    pub product_known: bool,
    /// Recalls in force that cover the thing, or may.
    pub recalls: Vec<Recall>,
    /// Today, days since 1970-01-01.
    pub today: i32,
}

/// A recall in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recall {
    pub id: String,
    /// Its notice.
    pub notice: EventRef,
    /// False: it names lots or serials, and the thing's own is not known.
    pub certain: bool,
}

/// What to do with the pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    Accept,
    Check,
    Reject,
}

/// One reason, with what is particular to the case and the events that show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    pub code: ReasonCode,
    pub particular: String,
    pub events: Vec<EventRef>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    pub verdict: Verdict,
    /// Worst first; never empty.
    pub reasons: Vec<Reason>,
}

/// The verdict on a serialised thing, a lot or a container. `story` is the walk's, at the cut asked.
pub fn judge(story: &Story, scan: &Scan, caller: &Caller) -> Judgement {
    let mut case = Case { story, reasons: Vec::new() };
    case.origin(caller);
    case.label(scan, caller.today);
    case.life();
    case.whereabouts(caller);
    case.history();
    for recall in &caller.recalls {
        let code = if recall.certain { ReasonCode::Recalled } else { ReasonCode::MaybeRecalled };
        case.add(code, &recall.id, [recall.notice]);
    }
    let mut reasons = case.reasons;
    reasons.sort_by_key(|r| std::cmp::Reverse(r.code.level()));
    let verdict = match reasons.first().map(|r| r.code.level()) {
        Some(Level::Reject) => Verdict::Reject,
        Some(Level::Check) => Verdict::Check,
        _ => Verdict::Accept,
    };
    if verdict == Verdict::Accept {
        let origin = story.state.commissioned.as_ref().map(|mark| mark.position);
        let is_product = story.things.iter().any(|thing| thing.product().is_some());
        let code = if is_product { ReasonCode::Genuine } else { ReasonCode::KnownContainer };
        reasons.insert(0, Reason { code, particular: String::new(), events: origin.into_iter().collect() });
    }
    Judgement { verdict, reasons }
}

struct Case<'a> {
    story: &'a Story,
    reasons: Vec<Reason>,
}

impl Case<'_> {
    fn add(&mut self, code: ReasonCode, particular: &str, events: impl IntoIterator<Item = EventRef>) {
        self.reasons.push(Reason { code, particular: particular.to_owned(), events: events.into_iter().collect() });
    }

    fn origin(&mut self, caller: &Caller) {
        let thing = &self.story.things[0];
        let state = &self.story.state;
        // A container is born by being packed, and needs no product.
        let is_product = thing.product().is_some();
        if is_product && !caller.product_known {
            self.add(ReasonCode::UnknownProduct, &thing.uri(), []);
        }
        let born = state.commissioned.is_some() || (!is_product && state.last.is_some());
        if !born {
            self.add(ReasonCode::NeverCommissioned, "", self.events(|_| true));
        }
        if state.irregular.has(Irregular::COMMISSIONED_TWICE) {
            self.add(ReasonCode::CommissionedTwice, "", self.events(|e| e.begins()));
        }
    }

    fn label(&mut self, scan: &Scan, today: i32) {
        let state = &self.story.state;
        let commissioned: Vec<EventRef> = state.commissioned.iter().map(|m| m.position).collect();
        if let Some(lot) = scan.lot.as_deref().filter(|lot| !state.lot.is_empty() && *lot != &*state.lot) {
            self.add(ReasonCode::WrongLot, &format!("{lot} ≠ {}", state.lot), commissioned.clone());
        }
        if let (Some(scanned), Some(made)) = (scan.expiry, state.expiry)
            && scanned != made
        {
            self.add(ReasonCode::WrongExpiry, &format!("{} ≠ {}", date(scanned), date(made)), commissioned.clone());
        }
        if let Some(expiry) = state.expiry.or(scan.expiry).filter(|expiry| *expiry < today) {
            self.add(ReasonCode::Expired, &date(expiry), commissioned);
        }
    }

    fn life(&mut self) {
        let state = &self.story.state;
        if let Some((end, mark)) = &state.ended {
            let code = match end {
                End::Used => ReasonCode::AlreadyUsed,
                End::Destroyed => ReasonCode::Destroyed,
                End::Transformed => ReasonCode::Transformed,
            };
            self.add(code, &place_and_time(mark), [mark.position]);
            if self.story.entries.iter().any(|e| e.via.is_some() && e.fact.head.position == mark.position) {
                self.add(ReasonCode::Inferred, "", [mark.position]);
            }
        } else {
            for warning in state.warnings() {
                self.warn(&warning.word, vec![warning.position]);
            }
            let disposed = self.pick(|e| e.in_force && Some(e.fact.order()) == state.disposed);
            self.warn(&state.disposition, disposed);
        }
        if state.partly_used && state.ended.is_none() {
            self.warn("partially_dispensed", self.events(|f| &*f.head.disposition == "partially_dispensed"));
        }
        if state.irregular.has(Irregular::USED_TWICE) {
            self.add(ReasonCode::UsedTwice, "", self.events(|f| f.role == Role::Subject && ending(&f.head).is_some()));
        }
        for word in &state.persistent {
            self.warn(word, self.events(|f| f.head.persistent_set.contains(word)));
        }
    }

    /// What a disposition warns of, once however often it was said; with the word, or else who said it.
    fn warn(&mut self, word: &str, events: Vec<EventRef>) {
        let Some(code) = alarm(word).filter(|code| self.reasons.iter().all(|reason| reason.code != *code)) else {
            return;
        };
        let sayer = self.story.entries.iter().find(|e| Some(&e.fact.head.position) == events.first());
        let particular = match code {
            ReasonCode::Unfit | ReasonCode::Mismatch => word,
            _ => sayer.map_or("", |entry| &entry.fact.head.party),
        };
        self.add(code, particular, events);
    }

    fn whereabouts(&mut self, caller: &Caller) {
        let state = &self.story.state;
        if state.ended.is_some() {
            return;
        }
        let last: Vec<EventRef> = state.last.iter().map(|m| m.position).collect();
        let mine = caller.party.as_deref().is_some_and(|party| party == &*state.holder);
        if let (Some(place), None) = (&caller.place, &state.heading)
            && !state.place.is_empty()
            && *place != *state.place
            && !mine
        {
            self.add(ReasonCode::Elsewhere, &state.place, last.clone());
        }
        let heading = state.heading.as_deref().filter(|heading| !heading.is_empty());
        match (&caller.place, state.heading.as_deref()) {
            (None, _) => {}
            (_, Some("")) => self.add(ReasonCode::InTransit, "", last.clone()),
            (_, Some(heading)) if !caller.addresses.iter().any(|address| address == heading) => {
                self.add(ReasonCode::NotShippedToYou, heading, last.clone());
            }
            (_, None) if state.place.is_empty() && !state.holder.is_empty() && !mine => {
                self.add(ReasonCode::HeldByAnother, &state.holder, last.clone());
            }
            _ => {}
        }
        if let Some((container, since)) = &state.inside {
            let here = mine || caller.place.as_deref() == Some(&*state.place);
            let arriving = heading.is_some_and(|heading| caller.addresses.iter().any(|address| address == heading));
            let unpacking = caller.purpose == Purpose::Receive && (here || arriving);
            if caller.purpose != Purpose::Ask && !unpacking {
                let packed = self.events(|f| f.role == Role::Child && f.order() == *since);
                self.add(ReasonCode::InContainer, &container.uri(), packed);
            }
        }
        if self.story.entries.iter().rev().find(|e| e.in_force).is_some_and(|e| e.via.is_some()) {
            self.add(ReasonCode::Inferred, "", last);
        }
    }

    fn history(&mut self) {
        let irregular = self.story.state.irregular;
        if irregular.has(Irregular::NOT_ENTITLED) {
            self.add(ReasonCode::NotEntitled, "", self.events(|f| f.head.flags.has(Flags::NOT_ENTITLED)));
        }
        for (what, code) in [
            (Irregular::RECEIVED_NOT_SHIPPED, ReasonCode::ReceivedNotShipped),
            (Irregular::SHIPPED_NOT_HELD, ReasonCode::ShippedNotHeld),
            (Irregular::HELD_NOT_RECEIVED, ReasonCode::HeldNotReceived),
        ] {
            if irregular.has(what) {
                self.add(code, "", []);
            }
        }
        if [Irregular::TWO_CONTAINERS, Irregular::AFTER_END, Irregular::BEFORE_COMMISSIONING]
            .iter()
            .any(|i| irregular.has(*i))
        {
            self.add(ReasonCode::Conflicting, "", []);
        }
        let corrected: Vec<EventRef> = self.all(|f| f.head.voided.is_some() || f.head.flags.has(Flags::DECLARATION));
        if !corrected.is_empty() {
            self.add(ReasonCode::Corrected, "", corrected);
        }
    }

    /// The events in force that say so.
    fn events(&self, says: impl Fn(&crate::Fact) -> bool) -> Vec<EventRef> {
        self.pick(|e| e.in_force && e.via.is_none() && says(&e.fact))
    }

    /// The events, withdrawn ones included, that say so.
    fn all(&self, says: impl Fn(&crate::Fact) -> bool) -> Vec<EventRef> {
        self.pick(|e| says(&e.fact))
    }

    fn pick(&self, says: impl Fn(&crate::Entry) -> bool) -> Vec<EventRef> {
        let mut events: Vec<_> = self.story.entries.iter().filter(|e| says(e)).map(|e| e.fact.head.position).collect();
        events.dedup();
        events
    }
}

fn place_and_time(mark: &Mark) -> String {
    match jiff::Timestamp::from_microsecond(mark.order.at) {
        Ok(time) => format!("{time:.0} {}", mark.place),
        Err(_) => mark.place.to_string(),
    }
}

/// `YYYY-MM-DD` of days since 1970-01-01.
fn date(days: i32) -> String {
    let epoch = jiff::civil::date(1970, 1, 1);
    match epoch.checked_add(jiff::Span::new().days(days)) {
        Ok(date) => date.to_string(),
        Err(_) => days.to_string(),
    }
}
