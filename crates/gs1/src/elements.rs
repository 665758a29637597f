//! The elements of one code, whatever the carrier: collected, checked against each other, turned into a key.

use std::borrow::Cow;

use smallvec::SmallVec;
use smol_str::{SmolStr, format_smolstr};

use crate::ai::{Ai, Ais, entry};
use crate::date::yymmdd;
use crate::digits::number;
use crate::{Class, Code, CodeError, Scheme, Thing, field};

/// Elements that a typical code has; more only cost an allocation.
const ELEMENTS_TYPICAL: usize = 6;

/// What AIs name a thing, and how, the first that is there: main AI, second AI (0 for none), scheme.
#[rustfmt::skip]
const KEYS: [(u16, u16, Scheme); 19] = [
    (0, 0, Scheme::Unit),
    (8006, 21, Scheme::Itip), (8006, 10, Scheme::Itip), (8006, 0, Scheme::Itip),
    (1, 21, Scheme::Item), (1, 235, Scheme::Upui), (1, 10, Scheme::Lot), (1, 0, Scheme::Product),
    (8003, 0, Scheme::Grai), (8004, 0, Scheme::Giai), (253, 0, Scheme::Gdti), (255, 0, Scheme::Gcn),
    (8010, 8011, Scheme::Cpi), (8010, 0, Scheme::Cpi),
    (8018, 0, Scheme::Gsrn), (8017, 0, Scheme::Gsrnp),
    (402, 0, Scheme::Gsin), (401, 0, Scheme::Ginc),
    (417, 0, Scheme::Party),
];
/// Beside another key a place only says where, so it comes last.
const PLACE: [(u16, u16, Scheme); 2] = [(414, 254, Scheme::Place), (414, 0, Scheme::Place)];

#[derive(Default)]
pub(crate) struct Elements<'a>(SmallVec<[(Ai, Cow<'a, str>); ELEMENTS_TYPICAL]>);

impl<'a> Elements<'a> {
    pub fn new() -> Self {
        Elements::default()
    }

    /// Checks the value by itself. The same element twice is one element; with another value it is refused.
    pub fn push(&mut self, ai: Ai, value: impl Into<Cow<'a, str>>) -> Result<(), CodeError> {
        let value = value.into();
        field::check(ai, &value)?;
        match self.0.iter().find(|(other, _)| *other == ai) {
            None => self.0.push((ai, value)),
            Some((_, same)) if *same == value => {}
            Some((_, other)) => {
                let detail = format!("AI {ai} stands twice, as {other} and as {value}, and should stand once");
                return Err(CodeError::new("repeated", detail));
            }
        }
        Ok(())
    }

    fn get(&self, ai: u16) -> Option<&str> {
        self.0.iter().find(|(other, _)| other.0 == ai).map(|(_, value)| &**value)
    }

    fn any(&self, ais: Ais) -> Option<Ai> {
        self.0.iter().map(|(ai, _)| *ai).find(|ai| ais.contains(*ai))
    }

    /// What each element needs beside it and what it excludes (General Specifications 4.13 and 4.14), in this one code.
    fn check_companions(&self) -> Result<(), CodeError> {
        for (ai, row) in self.0.iter().filter_map(|(ai, _)| Some((*ai, entry(*ai)?))) {
            let met = |group: &&[Ais]| group.iter().all(|ais| self.any(*ais).is_some());
            if !row.req.is_empty() && !row.req.iter().any(met) {
                let needed = row.req.iter().map(|group| group.iter().map(shown).collect::<Vec<_>>().join(" with "));
                let needed = needed.collect::<Vec<_>>().join(" or ");
                let detail = format!("AI {ai} ({}) should stand with {needed} in the same code", row.title);
                return Err(CodeError::new("companion", detail));
            }
            if let Some(other) = row.ex.iter().filter_map(|ais| self.any(*ais)).find(|other| *other != ai) {
                let detail = format!("AI {ai} ({}) should not stand with AI {other} ({})", row.title, other.title());
                return Err(CodeError::new("companion", detail));
            }
        }
        Ok(())
    }

    /// The thing that the elements name, and the AIs that its key is made of.
    fn key(&self) -> Result<(Thing, [u16; 2]), CodeError> {
        let keys = KEYS.iter().chain(&PLACE);
        for &(main, second, scheme) in keys {
            if let Some(value) = self.get(main)
                && let Some(other) = if second == 0 { Some("") } else { self.get(second) }
            {
                return Ok((thing(scheme, value, second, other), [main, if second == 0 { main } else { second }]));
            }
        }
        let detail = if self.get(3).is_some() {
            // The dictionary has it without `dlpkey`, and excludes AI 01 beside it.
            "AI 03 (MTO GTIN) names goods made to order; GS1 gives them no Digital Link, so they have no key here"
        } else {
            "the code names nothing: it should hold a GTIN (AI 01), an SSCC (AI 00) or another GS1 key"
        };
        Err(CodeError::new("no-key", detail))
    }

    pub fn thing(&self) -> Result<Thing, CodeError> {
        Ok(self.key()?.0)
    }

    /// The code that the elements make together; two-digit years are read against `year`.
    pub fn code(&self, year: i16) -> Result<Code, CodeError> {
        self.check_companions()?;
        let (thing, key) = self.key()?;
        let mut code = Code::of(thing);
        for (ai, value) in &self.0 {
            match ai.0 {
                10 => code.lot = Some(SmolStr::new(value)),
                11 => code.made = Some(day(*ai, value, year)?),
                17 => code.expiry = Some(day(*ai, value, year)?),
                used if key.contains(&used) => {}
                _ => code.attributes.push((*ai, SmolStr::new(value))),
            }
        }
        if let Some(until) = self.get(7003) {
            let day = day(Ai(7003), &until[..6], year)?;
            if code.expiry.replace(day).is_some_and(|other| other != day) {
                return Err(CodeError::new("value", "AI 17 and AI 7003 should give the same day of expiry"));
            }
        }
        Ok(code)
    }
}

fn shown(ais: &Ais) -> String {
    if ais.0 == ais.1 { format!("AI {}", Ai(ais.0)) } else { format!("AI {} to {}", Ai(ais.0), Ai(ais.1)) }
}

fn day(ai: Ai, value: &str, year: i16) -> Result<jiff::civil::Date, CodeError> {
    let none = || CodeError::new("date", format!("AI {ai} {value}: there is no such day as seen from {year}"));
    yymmdd(value, year, ai.0 != 7003).ok_or_else(none)
}

/// Values as the table has checked them: their lengths are right.
fn thing(scheme: Scheme, value: &str, second: u16, other: &str) -> Thing {
    use Scheme::{Cpi, Gcn, Gdti, Grai, Item, Itip, Lot, Party, Place, Product, Upui};
    let (number_of, id) = match scheme {
        Item | Lot | Product | Upui | Party => (value, SmolStr::new(other)),
        Place => (value, SmolStr::new(if other == "0" { "" } else { other })),
        Grai => (&value[1..14], SmolStr::new(&value[14..])),
        Gdti | Gcn => (&value[..13], SmolStr::new(&value[13..])),
        Itip if second == 0 => (&value[..14], SmolStr::new(&value[14..])),
        Itip => (&value[..14], format_smolstr!("{}/{second}/{other}", &value[14..])),
        Cpi if second != 0 => ("", format_smolstr!("{value}.{other}")),
        _ => ("", SmolStr::new(value)),
    };
    Thing::from_text(Class::new(scheme, number(number_of)), id)
}
