//! The parameters of `GET /events`, read and checked; values of a list are parted by `|`.

use medtrace_event::vocab::Vocabulary;
use medtrace_event::{Action, Context, Kind, time};
use medtrace_gs1::Thing;
use medtrace_ledger::hash::sha256;
use medtrace_service::{Kind as Refusal, Problem};

use super::attribute::Attribute;
use super::condition::{Condition, Unread};
use super::matches::{Match, Which};
use crate::params::{Params, wrong};

/// Events of one page, unless asked otherwise, and at most.
pub const PER_PAGE: u64 = 30;
pub const PER_PAGE_MAX: u64 = 500;
/// Values of one list.
pub const VALUES_MAX: usize = 100;
/// Conditions of one query that are decided on each event.
pub const CONDITIONS_MAX: usize = 32;
/// Conditions of one query on what master data says.
pub const ATTRIBUTES_MAX: usize = 8;
/// Most of `eventCountLimit` and `maxEventCount`.
pub const COUNT_MAX: u64 = 1_000_000;

/// Everything that may be asked for, in the words of a refusal.
const KNOWN: &str = "eventType, GE_eventTime, LT_eventTime, GE_recordTime, LT_recordTime, EQ_action, EQ_bizStep, \
    EQ_disposition, EQ_persistentDisposition_set and _unset, EQ_readPoint, WD_readPoint, EQ_bizLocation, WD_bizLocation, \
    HASATTR_ and EQATTR_ with readPoint_ or bizLocation_ and an attribute, EQ_transformationID, \
    EQ_bizTransaction_*, EQ_source_*, EQ_destination_*, MATCH_epc, MATCH_parentID, MATCH_inputEPC, \
    MATCH_outputEPC, MATCH_anyEPC, MATCH_epcClass, MATCH_inputEPCClass, MATCH_outputEPCClass, MATCH_anyEPCClass, \
    EQ_, GT_, GE_, LT_ and LE_quantity, EQ_eventID, EXISTS_errorDeclaration, GE_errorDeclarationTime, \
    LT_errorDeclarationTime, EQ_errorReason, EQ_correctiveEventID, those of sensors (GE_startTime, EQ_type, EQ_deviceID, \
    GE_value_CEL …), those of fields (EQ_, GT_, GE_, LT_, LE_ and EXISTS_, with ILMD_, readPoint_, SENSORREPORT_ …, \
    INNER_, and a name with its namespace), eventCountLimit, maxEventCount, orderBy, orderDirection, perPage and \
    nextPageToken";

/// By which time, and which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Order {
    /// `eventTime`; else `recordTime`, which is the order of the chain.
    pub by_event_time: bool,
    pub descending: bool,
}

/// A query. Empty lists ask for nothing in particular.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Ask {
    pub kinds: Vec<String>,
    pub actions: Vec<String>,
    /// Bare CBV words or URIs.
    pub steps: Vec<String>,
    pub dispositions: Vec<String>,
    /// Canonical URIs.
    pub read_points: Vec<String>,
    pub biz_locations: Vec<String>,
    /// Canonical URIs of places: these, and what is within them.
    pub within_read_points: Vec<String>,
    pub within_biz_locations: Vec<String>,
    /// What must be said of its places in master data.
    pub attributes: Vec<Attribute>,
    /// `eventTime`, µs: from, and before.
    pub event_time: (Option<i64>, Option<i64>),
    /// `recordTime`, µs: from, and before.
    pub record_time: (Option<i64>, Option<i64>),
    pub matches: Vec<Match>,
    pub conditions: Vec<Condition>,
    pub event_ids: Vec<String>,
    /// Only error declarations.
    pub declarations: bool,
    pub order: Order,
    /// `eventCountLimit`: events of all pages together.
    pub limit: Option<u64>,
    /// `maxEventCount`: a query with more events is refused.
    pub refuse_beyond: Option<u64>,
    pub per_page: usize,
    /// Of the page before; whether it is this query's is the cursor's to say.
    pub token: Option<String>,
    /// H over all parameters but those that only page: what a token is bound to.
    pub fingerprint: [u8; 32],
}

impl Ask {
    /// `prefixes`: what prefixes in names of parameters stand for.
    ///
    /// # Errors
    /// `QueryParameterException`, naming the parameter: unknown, twice, not of its kind, too many values.
    /// `QueryTooComplexException` for too many conditions.
    pub fn read(params: Params, prefixes: &Context) -> Result<Ask, Problem> {
        let mut params = params;
        let fingerprint = fingerprint(&params);
        let mut ask = Ask {
            fingerprint,
            per_page: params.number("perPage", PER_PAGE, 1, PER_PAGE_MAX)? as usize,
            ..Ask::default()
        };
        ask.token = params.take("nextPageToken");
        ask.kinds = list(&mut params, "eventType", |text| Kind::of(text).map(|kind| kind.name().to_owned()))?;
        ask.actions = list(&mut params, "EQ_action", |text| Action::of(text).map(|action| action.name().to_owned()))?;
        ask.steps = words(&mut params, "EQ_bizStep", Vocabulary::BizStep)?;
        ask.dispositions = words(&mut params, "EQ_disposition", Vocabulary::Disposition)?;
        ask.read_points = list(&mut params, "EQ_readPoint", canonical)?;
        ask.biz_locations = list(&mut params, "EQ_bizLocation", canonical)?;
        ask.within_read_points = list(&mut params, "WD_readPoint", canonical)?;
        ask.within_biz_locations = list(&mut params, "WD_bizLocation", canonical)?;
        ask.event_time = (instant(&mut params, "GE_eventTime")?, instant(&mut params, "LT_eventTime")?);
        ask.record_time = (instant(&mut params, "GE_recordTime")?, instant(&mut params, "LT_recordTime")?);
        for which in Which::ALL {
            let patterns = list(&mut params, which.name(), |text| which.pattern(text))?;
            if !patterns.is_empty() {
                ask.matches.push(Match { which, patterns });
            }
        }
        ask.event_ids = list(&mut params, "EQ_eventID", |text| Some(text.to_owned()))?;
        ask.declarations = exists(&mut params, "EXISTS_errorDeclaration")?;
        (ask.limit, ask.refuse_beyond) = (count(&mut params, "eventCountLimit")?, count(&mut params, "maxEventCount")?);
        if ask.limit.is_some() && ask.refuse_beyond.is_some() {
            let detail = "eventCountLimit and maxEventCount exclude each other".to_owned();
            return Err(wrong("maxEventCount", "excluded", detail));
        }
        if ask.limit.is_some() && !params.pairs().iter().any(|(name, _)| name == "orderBy") {
            let detail = "eventCountLimit needs orderBy, which says which events are the first".to_owned();
            return Err(wrong("eventCountLimit", "order", detail));
        }
        ask.order = order(&mut params)?;
        ask.attributes = attributes(&mut params, prefixes)?;
        ask.conditions = conditions(params, prefixes)?;
        Ok(ask)
    }

    /// Whether the events themselves must be looked at, because no column tells all that is asked.
    pub fn is_exact(&self) -> bool {
        !self.matches.is_empty() || !self.conditions.is_empty()
    }
}

/// `HASATTR_` and `EQATTR_` with the name of a place's field and of an attribute.
fn attributes(params: &mut Params, prefixes: &Context) -> Result<Vec<Attribute>, Problem> {
    let named = |(name, _): &(String, String)| Attribute::read(name, prefixes).map(|found| (name.clone(), found));
    let found: Vec<(String, Attribute)> = params.pairs().iter().filter_map(named).collect();
    if found.len() > ATTRIBUTES_MAX {
        let detail = format!("{} conditions on attributes; one query takes {ATTRIBUTES_MAX}", found.len());
        return Err(Refusal::QueryTooComplex.because(detail));
    }
    let complete = |(name, attribute): (String, Attribute)| match attribute.values {
        Some(_) => list(params, &name, |text| Some(text.to_owned()))
            .map(|values| Attribute { values: Some(values), ..attribute }),
        None => exists(params, &name).map(|_| attribute),
    };
    found.into_iter().map(complete).collect()
}

/// All that is left: each is decided on the event, or unknown.
fn conditions(params: Params, prefixes: &Context) -> Result<Vec<Condition>, Problem> {
    let left = params.pairs();
    if left.len() > CONDITIONS_MAX {
        let detail = format!("{} conditions; one query takes {CONDITIONS_MAX}", left.len());
        return Err(Refusal::QueryTooComplex.because(detail));
    }
    let read = |(name, text): &(String, String)| {
        let values: Vec<&str> = text.split('|').collect();
        if values.len() > VALUES_MAX {
            return Err(too_many(name, values.len()));
        }
        Condition::read(name, &values, prefixes).map_err(|unread| match unread {
            Unread::Unknown => {
                let detail = format!("{name} is not a parameter here; there are {KNOWN}");
                wrong(name, "unknown-parameter", detail)
            }
            Unread::Value(should_be) => wrong(name, "value", format!("{name} takes {should_be}, not {text:?}")),
        })
    };
    left.iter().map(read).collect()
}

fn count(params: &mut Params, name: &str) -> Result<Option<u64>, Problem> {
    let given = params.pairs().iter().any(|(other, _)| other == name);
    given.then(|| params.number(name, 0, 1, COUNT_MAX)).transpose()
}

fn too_many(name: &str, count: usize) -> Problem {
    wrong(name, "too-many-values", format!("{name} has {count} values; at most {VALUES_MAX} are taken"))
}

/// The values of a list; none is allowed to be unreadable.
fn list<T>(params: &mut Params, name: &str, read: impl Fn(&str) -> Option<T>) -> Result<Vec<T>, Problem> {
    let Some(text) = params.take(name) else { return Ok(Vec::new()) };
    let values: Vec<&str> = text.split('|').collect();
    if values.len() > VALUES_MAX {
        return Err(too_many(name, values.len()));
    }
    let value = |value: &&str| read(value).ok_or_else(|| wrong(name, "value", format!("{name} cannot be {value:?}")));
    values.iter().map(value).collect()
}

/// Words of the CBV in any spelling, or URIs of others.
fn words(params: &mut Params, name: &str, vocabulary: Vocabulary) -> Result<Vec<String>, Problem> {
    let standard = Context::standard();
    list(params, name, |text| vocabulary.canonical(text, &standard).map(|word| word.into_owned()))
}

fn canonical(text: &str) -> Option<String> {
    Thing::from_uri(text).ok().map(|thing| thing.uri())
}

fn instant(params: &mut Params, name: &str) -> Result<Option<i64>, Problem> {
    let Some(text) = params.take(name) else { return Ok(None) };
    let unreadable =
        || wrong(name, "time", format!("{name} is a time with its zone, 2026-03-01T08:00:00.000+08:00, not {text:?}"));
    time::instant(&text).map(Some).ok_or_else(unreadable)
}

/// A parameter that asks by being there.
fn exists(params: &mut Params, name: &str) -> Result<bool, Problem> {
    match params.take(name).as_deref() {
        None => Ok(false),
        Some("" | "true") => Ok(true),
        Some(other) => Err(wrong(name, "value", format!("{name} asks by being there; it takes no value {other:?}"))),
    }
}

/// The standard's default is descending once `orderBy` is given; without it, events come in the order of the chain.
fn order(params: &mut Params) -> Result<Order, Problem> {
    let by = params.take("orderBy");
    let direction = params.take("orderDirection");
    let by_event_time = match by.as_deref() {
        None | Some("recordTime") => false,
        Some("eventTime") => true,
        Some(other) => {
            return Err(wrong("orderBy", "value", format!("orderBy is eventTime or recordTime, not {other:?}")));
        }
    };
    let descending = match (direction.as_deref(), &by) {
        (_, None) if direction.is_some() => {
            return Err(wrong("orderDirection", "order", "orderDirection needs orderBy".to_owned()));
        }
        (None, None) | (Some("ASC"), _) => false,
        (None, Some(_)) | (Some("DESC"), _) => true,
        (Some(other), _) => {
            return Err(wrong("orderDirection", "value", format!("orderDirection is ASC or DESC, not {other:?}")));
        }
    };
    Ok(Order { by_event_time, descending })
}

fn fingerprint(params: &Params) -> [u8; 32] {
    let paging = |name: &str| name == "nextPageToken" || name == "perPage";
    let mut pairs: Vec<&(String, String)> = params.pairs().iter().filter(|(name, _)| !paging(name)).collect();
    pairs.sort();
    // Lengths, so that no value can look like the next parameter.
    let text: String = pairs.iter().map(|(n, v)| format!("{}:{n}={}:{v}\n", n.len(), v.len())).collect();
    sha256(&[b"medtrace/epcis-query/v1\n", text.as_bytes()]).0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Result<Ask, Problem> {
        Ask::read(Params::read(Some(query))?, &Context::standard())
    }

    #[test]
    fn lists_in_any_spelling_become_one() {
        let ask = read(
            "eventType=ObjectEvent%7CAggregationEvent&EQ_bizStep=shipping%7Curn:epcglobal:cbv:bizstep:receiving\
             &EQ_readPoint=urn:epc:id:sgln:0614141.00777.0&GE_eventTime=2026-01-01T08:00:00+08:00&EXISTS_errorDeclaration",
        )
        .unwrap();
        assert_eq!(ask.kinds, ["ObjectEvent", "AggregationEvent"]);
        assert_eq!(ask.steps, ["shipping", "receiving"]);
        assert_eq!(ask.read_points, ["https://id.gs1.org/414/0614141007776"]);
        assert_eq!(ask.event_time, (Some(1_767_225_600_000_000), None));
        assert!(ask.declarations);
        assert_eq!((ask.per_page, ask.order), (30, Order::default()));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let many = format!("EQ_eventID={}", "a|".repeat(VALUES_MAX));
        for (query, at, code) in [
            ("EQ_bizStep=shiping", "/EQ_bizStep", "value"),
            ("eventType=QuantityEvent", "/eventType", "value"),
            ("EQ_action=ADD|", "/EQ_action", "value"),
            ("GE_eventTime=2026-01-01", "/GE_eventTime", "time"),
            ("EQ_readPoint=here", "/EQ_readPoint", "value"),
            ("MATCH_epc=06141410734607", "/MATCH_epc", "value"),
            ("EQ_userExt=1", "/EQ_userExt", "unknown-parameter"),
            (
                "EQATTR_disposition_urn:epcglobal:cbv:mda%23site=1",
                "/EQATTR_disposition_urn:epcglobal:cbv:mda#site",
                "unknown-parameter",
            ),
            ("EQ_quantity=many", "/EQ_quantity", "value"),
            ("GE_quantity=1|2", "/GE_quantity", "value"),
            ("GE_startTime=today", "/GE_startTime", "value"),
            ("GT_startTime=2026-03-01T08:00:00Z", "/GT_startTime", "unknown-parameter"),
            ("EQ_booleanValue=1", "/EQ_booleanValue", "value"),
            ("EQ_bizTransaction_=a", "/EQ_bizTransaction_", "unknown-parameter"),
            ("EQ_errorReason=typo", "/EQ_errorReason", "value"),
            ("EXISTS_ILMD_cbvmda:lotNumber=L1", "/EXISTS_ILMD_cbvmda:lotNumber", "value"),
            ("eventCountLimit=0", "/eventCountLimit", "range"),
            ("eventCountLimit=5", "/eventCountLimit", "order"),
            ("eventCountLimit=5&orderDirection=ASC", "/eventCountLimit", "order"),
            ("eventCountLimit=5&maxEventCount=5", "/maxEventCount", "excluded"),
            ("orderBy=quantity", "/orderBy", "value"),
            ("orderDirection=ASC", "/orderDirection", "order"),
            ("orderBy=eventTime&orderDirection=up", "/orderDirection", "value"),
            ("perPage=0", "/perPage", "range"),
            ("perPage=501", "/perPage", "range"),
            ("EQ_action=ADD&EQ_action=OBSERVE", "/EQ_action", "twice"),
            ("EXISTS_errorDeclaration=false", "/EXISTS_errorDeclaration", "value"),
            (many.as_str(), "/EQ_eventID", "too-many-values"),
        ] {
            let problem = read(query).unwrap_err();
            let found = (problem.name.as_str(), problem.errors[0].path.as_str(), problem.errors[0].code.as_str());
            assert_eq!(found, ("epcisException:QueryParameterException", at, code), "{query}");
        }
    }

    #[test]
    fn the_order_is_the_chains_unless_asked() {
        let order = |query| read(query).unwrap().order;
        assert_eq!(order("orderBy=eventTime"), Order { by_event_time: true, descending: true });
        assert_eq!(order("orderBy=recordTime&orderDirection=ASC"), Order::default());
    }

    #[test]
    fn paging_is_not_part_of_the_query() {
        let of = |query| read(query).unwrap().fingerprint;
        assert_eq!(
            of("EQ_action=ADD&eventType=ObjectEvent"),
            of("perPage=2&eventType=ObjectEvent&EQ_action=ADD&nextPageToken=x")
        );
        assert_ne!(of("EQ_action=ADD"), of("EQ_action=OBSERVE"));
    }
}
