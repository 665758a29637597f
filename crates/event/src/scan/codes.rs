//! The codes of a request: each gets its own answer.

use super::{Amount, Answer, ScanItem, ScanRequest};
use crate::fault::Fault;
use crate::json::decimal;
use crate::steps::Step;
use crate::time;
use crate::units::is_unit;
use jiff::civil::Date;
use medtrace_gs1::{Class, Code, Level, Scheme, Thing};
use rust_decimal::Decimal;
use std::collections::HashMap;

/// What one item of a request says, checked.
pub(super) struct Item {
    pub thing: Thing,
    pub also: Vec<Thing>,
    pub lot: Option<String>,
    pub expiry: Option<Date>,
    /// A double that carries the decimal exactly; `None` for an object.
    pub amount: Option<f64>,
    pub uom: Option<String>,
}

/// The parent and the items that were accepted; the answers tell of all.
#[derive(Default)]
pub(super) struct Codes {
    pub parent: Option<Thing>,
    pub items: Vec<Item>,
    pub answers: Vec<Answer>,
    /// The expiry of each lot of this request.
    lots: HashMap<(Class, String), Option<Date>>,
    /// Objects read so far, with the lot and expiry that their codes carried.
    seen: HashMap<Thing, (Option<String>, Option<Date>)>,
}

pub(super) fn read(request: &ScanRequest, step: &Step) -> Codes {
    let mut codes = Codes::default();
    if let Some(text) = &request.parent {
        let read = parse(text, "/parent").and_then(|code| Ok((one(&code, "/parent")?, code)));
        codes.parent = read.as_ref().ok().map(|(thing, _)| thing.clone());
        codes.answer("/parent".into(), text, read.map(|(_, code)| code));
    }
    for (index, item) in request.items.iter().enumerate() {
        codes.item(request, step, item, &format!("/items/{index}"));
    }
    codes
}

impl Codes {
    fn item(&mut self, request: &ScanRequest, step: &Step, item: &ScanItem, path: &str) {
        let at = format!("{path}/code");
        let read = parse(&item.code, &at).and_then(|code| {
            let checked = check(request, item, path, &code)?;
            self.consistent(step, &checked).map_err(|(rule, detail)| Fault::new(at.as_str(), rule, detail))?;
            Ok((code, checked))
        });
        let (code, mut checked) = match read {
            Ok(read) => read,
            Err(fault) => return self.answer(at, &item.code, Err(fault)),
        };
        self.answer(at, &item.code, Ok(Code { thing: checked.thing.clone(), ..code }));
        let label = (checked.lot.clone(), checked.expiry);
        let again = checked.amount.is_none() && self.seen.insert(checked.thing.clone(), label).is_some();
        if let (true, Some(answer)) = (again, self.answers.last_mut()) {
            answer.doubt = Some("read more than once in this request; it counts once".into());
        }
        for (number, text) in item.also.iter().enumerate() {
            let at = format!("{path}/also/{number}");
            let also = parse(text, &at).and_then(|code| {
                let thing = one(&code, &at)?;
                if thing == checked.thing {
                    return Err(Fault::new(at.as_str(), "repeated", "this is the item's own code again"));
                }
                checked.also.push(thing);
                Ok(code)
            });
            self.answer(at, text, also);
        }
        if !again {
            self.items.push(checked);
        }
    }

    /// Whether an item contradicts what the request has said before it; if so, the rule and what is wrong.
    fn consistent(&mut self, step: &Step, item: &Item) -> Result<(), (&'static str, String)> {
        if self.parent.as_ref() == Some(&item.thing) {
            return Err(("self-parent", format!("{} cannot be inside itself", item.thing)));
        }
        if let Some(before) = self.seen.get(&item.thing)
            && *before != (item.lot.clone(), item.expiry)
        {
            let detail = format!("{} was read before in this request, with another lot or expiry", item.thing);
            return Err(("repeated", detail));
        }
        // At commissioning one lot of a product has one expiry.
        let (true, Some(product), Some(lot)) = (step.ilmd, item.thing.product(), &item.lot) else {
            return Ok(());
        };
        let first = *self.lots.entry((product, lot.clone())).or_insert(item.expiry);
        if first == item.expiry {
            return Ok(());
        }
        let text = |day: Option<Date>| day.map_or_else(|| "none".to_owned(), |day| day.to_string());
        let [first, here] = [first, item.expiry].map(text);
        Err(("expiry", format!("lot {lot} has expiry {first} in an earlier item, here {here}")))
    }

    fn answer(&mut self, path: String, text: &str, read: Result<Code, Fault>) {
        let doubt = read
            .as_ref()
            .ok()
            .and_then(|code| code.doubt.as_ref().map(|doubt| doubt.detail.clone()).or_else(|| code.note()));
        self.answers.push(Answer { path, code: text.to_owned(), result: read.map(|code| code.thing), doubt });
    }
}

fn parse(text: &str, at: &str) -> Result<Code, Fault> {
    medtrace_gs1::parse(text).map_err(|error| Fault::new(at, error.code, error.detail))
}

/// The one object that a code names.
fn one(code: &Code, at: &str) -> Result<Thing, Fault> {
    let thing = &code.thing;
    if matches!(thing.scheme(), Scheme::Place | Scheme::Party) {
        return Err(Fault::new(at, "level", format!("{thing} is a place or party, not goods")));
    }
    match thing.level() {
        Level::Instance => Ok(thing.clone()),
        _ => Err(Fault::new(at, "level", format!("{thing} names no single object; its serial number is missing"))),
    }
}

fn check(request: &ScanRequest, item: &ScanItem, path: &str, code: &Code) -> Result<Item, Fault> {
    let at = format!("{path}/code");
    // A form that is left empty says nothing.
    let given = request.lot.clone().filter(|lot| !lot.is_empty());
    let lot = code.lot.as_ref().map(ToString::to_string).or(given);
    let expiry = code.expiry.or_else(|| request.expiry.as_deref().and_then(time::day));
    let thing = match (code.thing.level(), code.thing.gtin(), &lot) {
        (Level::Instance, ..) => one(code, &at)?,
        (Level::Lot, ..) => code.thing.clone(),
        (Level::Class, Some(gtin), Some(lot)) if code.thing.scheme() == Scheme::Product => {
            gtin.lot(lot).map_err(|error| Fault::new("/lot", error.code, error.detail))?
        }
        (Level::Class, ..) => {
            let detail = format!("{} names a kind of product; its serial number or lot is missing", code.thing);
            return Err(Fault::new(at, "level", detail));
        }
    };
    if let Some(uom) = item.uom.as_deref().filter(|uom| !is_unit(uom)) {
        let detail = format!("{uom:?} is no common code of UN/CEFACT Rec 20, such as KGM, LTR or C62");
        return Err(Fault::new(format!("{path}/uom"), "uom", detail));
    }
    let amount = amount(item, path, code, &thing)?;
    Ok(Item { thing, also: Vec::new(), lot, expiry, amount, uom: item.uom.clone().filter(|_| amount.is_some()) })
}

/// A lot needs an amount; one object is one.
fn amount(item: &ScanItem, path: &str, code: &Code, thing: &Thing) -> Result<Option<f64>, Fault> {
    let at = format!("{path}/quantity");
    let wrong = |detail: &str| Fault::new(at.as_str(), "quantity", detail);
    let said = match &item.quantity {
        Some(Amount::Number(number)) => Some(decimal(*number)),
        Some(Amount::Text(text)) => Some(text.parse::<Decimal>().ok().map(|decimal| decimal.normalize())),
        None => None,
    };
    if thing.level() == Level::Instance {
        return match said {
            None => Ok(None),
            Some(Some(one)) if one == Decimal::ONE && item.uom.is_none() => Ok(None),
            Some(_) => Err(wrong("the code names one object; it takes no quantity")),
        };
    }
    let amount = match said {
        Some(said) => said.ok_or_else(|| wrong("the quantity should be a decimal of at most 28 digits"))?,
        None => code
            .quantity()
            .map(Decimal::from)
            .ok_or_else(|| Fault::new(at.as_str(), "missing", "the code names a lot; say how many in quantity"))?,
    };
    if amount <= Decimal::ZERO {
        return Err(wrong("the quantity should be above zero"));
    }
    if item.uom.is_none() && !amount.is_integer() {
        return Err(wrong(
            "a quantity without a unit counts things and should be a whole number; a measure needs its uom",
        ));
    }
    let number = amount.to_string().parse().ok().filter(|number| decimal(*number) == Some(amount));
    number.map(Some).ok_or_else(|| wrong("the quantity has more digits than a JSON number carries"))
}
