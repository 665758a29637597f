//! Parameters that no column holds: they are decided on the event as it was sealed (EPCIS 2.0 § 8.2.7.1).

use medtrace_event::event::Endpoint;
use medtrace_event::json::decimal;
use medtrace_event::vocab::Vocabulary;
use medtrace_event::{Context, Event, Json, time};
use medtrace_gs1::Thing;
use rust_decimal::Decimal;

use super::field::{Area, Field, objects};

/// One parameter: what it looks at, and what must hold of at least one value there.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    what: What,
    test: Test,
}

#[derive(Debug, Clone, PartialEq)]
enum What {
    PersistentSet,
    PersistentUnset,
    TransformationId,
    ErrorReason,
    CorrectiveEventId,
    ErrorDeclarationTime,
    Quantity,
    /// Of this type.
    Transaction(String),
    Source(String),
    Destination(String),
    /// Member of a sensor's metadata or reports.
    Sensor(&'static str),
    /// A number of a sensor's reports in this unit.
    Measured(&'static str, String),
    Field(Field),
}

#[derive(Debug, Clone, PartialEq)]
enum Test {
    Exists,
    /// Equal to one of these, in the spelling that is compared.
    Equals(Vec<String>),
    Compares(Op, Operand),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Op {
    Gt,
    Ge,
    Lt,
    Le,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd)]
enum Operand {
    Number(Decimal),
    /// µs UTC.
    Time(i64),
}

/// Why a parameter is none of these.
#[derive(Debug, PartialEq, Eq)]
pub enum Unread {
    Unknown,
    /// What its value should be.
    Value(&'static str),
}

const NUMBER: Unread = Unread::Value("a number");
const TIME: Unread = Unread::Value("a time with its zone, 2026-03-01T08:00:00.000+08:00");

/// Members of sensor reports and metadata that are compared as text.
const SENSOR_TEXTS: [&str; 9] = [
    "type",
    "deviceID",
    "dataProcessingMethod",
    "microorganism",
    "chemicalSubstance",
    "bizRules",
    "stringValue",
    "hexBinaryValue",
    "uriValue",
];
const SENSOR_NUMBERS: [&str; 6] = ["value", "minValue", "maxValue", "meanValue", "sDev", "percValue"];

impl Condition {
    /// A parameter by its name; `values` are those of its list.
    pub fn read(name: &str, values: &[&str], prefixes: &Context) -> Result<Condition, Unread> {
        let (verb, rest) = name.split_once('_').ok_or(Unread::Unknown)?;
        let op = match verb {
            "EQ" => return Condition::equals(rest, values, prefixes),
            "EXISTS" => {
                let field = Field::read(rest, prefixes).ok_or(Unread::Unknown)?;
                let nothing = matches!(values, [] | ["" | "true"]);
                let condition = Condition { what: What::Field(field), test: Test::Exists };
                return if nothing { Ok(condition) } else { Err(Unread::Value("nothing: it asks by being there")) };
            }
            "GT" => Op::Gt,
            "GE" => Op::Ge,
            "LT" => Op::Lt,
            "LE" => Op::Le,
            _ => return Err(Unread::Unknown),
        };
        let [value] = values else { return Err(Unread::Value("one value")) };
        let (number, time) = (number(value), time::instant(value));
        let whole = matches!(op, Op::Ge | Op::Lt);
        let (what, operand) = match rest {
            "errorDeclarationTime" if whole => (What::ErrorDeclarationTime, time.map(Operand::Time).ok_or(TIME)?),
            "quantity" => (What::Quantity, number.map(Operand::Number).ok_or(NUMBER)?),
            "percRank" if whole => (What::Sensor("percRank"), number.map(Operand::Number).ok_or(NUMBER)?),
            "startTime" if whole => (What::Sensor("startTime"), time.map(Operand::Time).ok_or(TIME)?),
            "endTime" if whole => (What::Sensor("endTime"), time.map(Operand::Time).ok_or(TIME)?),
            _ => match measured(rest) {
                Some(what) => (what, number.map(Operand::Number).ok_or(NUMBER)?),
                None => {
                    let field = Field::read(rest, prefixes).ok_or(Unread::Unknown)?;
                    let operand = number.map(Operand::Number).or(time.map(Operand::Time));
                    (What::Field(field), operand.ok_or(Unread::Value("a number, or a time with its zone"))?)
                }
            },
        };
        Ok(Condition { what, test: Test::Compares(op, operand) })
    }

    fn equals(rest: &str, values: &[&str], prefixes: &Context) -> Result<Condition, Unread> {
        let of_type = |prefix: &str, vocabulary: Vocabulary| {
            let kind = rest.strip_prefix(prefix).filter(|kind| !kind.is_empty())?;
            vocabulary.canonical(kind, prefixes).map(|kind| kind.into_owned())
        };
        let words = |vocabulary: Vocabulary| {
            let word = |value: &&str| vocabulary.canonical(value, prefixes).map(|word| word.into_owned());
            values.iter().map(word).collect::<Option<Vec<_>>>().ok_or(Unread::Value("a word of the CBV, or a URI"))
        };
        let texts = || values.iter().map(|value| (*value).to_owned()).collect::<Vec<_>>();
        let things = || values.iter().map(|value| canonical(value)).collect::<Vec<_>>();
        let numbers = || {
            let numbers = values.iter().map(|value| number(value).map(|n| n.normalize().to_string()));
            numbers.collect::<Option<Vec<_>>>().ok_or(NUMBER)
        };
        let (what, values) = match rest {
            "persistentDisposition_set" => (What::PersistentSet, words(Vocabulary::Disposition)?),
            "persistentDisposition_unset" => (What::PersistentUnset, words(Vocabulary::Disposition)?),
            "transformationID" => (What::TransformationId, things()),
            "errorReason" => (What::ErrorReason, words(Vocabulary::ErrorReason)?),
            "correctiveEventID" => (What::CorrectiveEventId, texts()),
            "quantity" => (What::Quantity, numbers()?),
            "booleanValue" => {
                let known = values.iter().all(|value| ["true", "false"].contains(value));
                (What::Sensor("booleanValue"), if known { texts() } else { return Err(Unread::Value("true or false")) })
            }
            _ => {
                if let Some(member) = SENSOR_TEXTS.into_iter().find(|member| *member == rest) {
                    let words = values.iter().map(|value| sensor_word(member, value, prefixes)).collect();
                    (What::Sensor(member), words)
                } else if let Some(kind) = of_type("bizTransaction_", Vocabulary::TransactionType) {
                    (What::Transaction(kind), things())
                } else if let Some(kind) = of_type("source_", Vocabulary::EndpointType) {
                    (What::Source(kind), things())
                } else if let Some(kind) = of_type("destination_", Vocabulary::EndpointType) {
                    (What::Destination(kind), things())
                } else if let Some(what) = measured(rest) {
                    (what, numbers()?)
                } else {
                    (What::Field(Field::read(rest, prefixes).ok_or(Unread::Unknown)?), texts())
                }
            }
        };
        Ok(Condition { what, test: Test::Equals(values) })
    }

    /// Whether the event says so. `context`: the event's own.
    pub fn holds(&self, event: &Event, context: &Context) -> bool {
        self.values(event, context).iter().any(|value| self.test.holds(value))
    }

    fn values(&self, event: &Event, context: &Context) -> Vec<Value> {
        let words = |words: &[medtrace_event::event::Word]| words.iter().map(|word| Value::text(word)).collect();
        let endpoints = |endpoints: &[Endpoint], kind: &str| {
            let of_kind = endpoints.iter().filter(|endpoint| endpoint.kind == kind);
            of_kind.map(|endpoint| Value::text(&endpoint.thing.uri())).collect()
        };
        let error = event.error.as_ref();
        match &self.what {
            What::PersistentSet => words(&event.persistent.set),
            What::PersistentUnset => words(&event.persistent.unset),
            What::TransformationId => event.transformation_id.iter().map(|id| Value::text(&canonical(id))).collect(),
            What::ErrorReason => error.and_then(|error| error.reason.as_deref()).map(Value::text).into_iter().collect(),
            What::CorrectiveEventId => {
                error.iter().flat_map(|error| &error.corrective).map(|id| Value::text(id)).collect()
            }
            What::ErrorDeclarationTime => error.map(|error| Value::Time(error.time)).into_iter().collect(),
            What::Quantity => {
                let lists =
                    [&event.quantities, &event.child_quantities, &event.input_quantities, &event.output_quantities];
                lists.into_iter().flatten().filter_map(|quantity| quantity.amount).map(Value::Number).collect()
            }
            What::Transaction(kind) => {
                let of_kind = event.transactions.iter().filter(|one| one.kind.as_deref() == Some(kind));
                of_kind.map(|one| Value::text(&canonical(&one.id))).collect()
            }
            What::Source(kind) => endpoints(&event.sources, kind),
            What::Destination(kind) => endpoints(&event.destinations, kind),
            What::Sensor(member) => sensor(&event.json, member, context),
            What::Measured(member, uom) => measurements(&event.json, member, uom),
            What::Field(field) => field.values(&event.json, context).into_iter().flat_map(values_of).collect(),
        }
    }
}

impl Test {
    fn holds(&self, value: &Value) -> bool {
        match self {
            Test::Exists => true,
            Test::Equals(wanted) => {
                let number = value.number();
                wanted.iter().any(|wanted| match value {
                    Value::Text(text) => text == wanted,
                    Value::Bool(flag) => flag.to_string() == *wanted,
                    Value::Number(_) => number.is_some() && self::number(wanted) == number,
                    Value::Time(at) => time::instant(wanted) == Some(*at),
                    Value::Other => false,
                })
            }
            Test::Compares(op, operand) => {
                let found = match operand {
                    Operand::Number(_) => value.number().map(Operand::Number),
                    Operand::Time(_) => value.time().map(Operand::Time),
                };
                found.is_some_and(|found| match op {
                    Op::Gt => found > *operand,
                    Op::Ge => found >= *operand,
                    Op::Lt => found < *operand,
                    Op::Le => found <= *operand,
                })
            }
        }
    }
}

/// A value of an event.
#[derive(Debug)]
enum Value {
    Text(String),
    Number(Decimal),
    Bool(bool),
    Time(i64),
    /// An object, a null: there, and equal to nothing.
    Other,
}

impl Value {
    fn text(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    fn number(&self) -> Option<Decimal> {
        match self {
            Value::Number(number) => Some(*number),
            Value::Text(text) => number(text),
            _ => None,
        }
    }

    fn time(&self) -> Option<i64> {
        match self {
            Value::Time(at) => Some(*at),
            Value::Text(text) => time::instant(text),
            _ => None,
        }
    }
}

/// The values of a member: those of a list, and what `@value` holds.
fn values_of(json: &Json) -> Vec<Value> {
    match json {
        Json::String(text) => vec![Value::text(text)],
        Json::Number(number) => vec![decimal(*number).map_or(Value::Other, Value::Number)],
        Json::Bool(flag) => vec![Value::Bool(*flag)],
        Json::Array(items) => items.iter().flat_map(values_of).collect(),
        Json::Object(object) => object.get("@value").map_or_else(|| vec![Value::Other], values_of),
        Json::Null => vec![Value::Other],
    }
}

fn sensor(event: &Json, member: &str, context: &Context) -> Vec<Value> {
    let areas = [Area::SensorMetadata, Area::SensorReport];
    let objects = areas.into_iter().flat_map(|area| objects(event, area));
    let values = objects.filter_map(|object| object.get(member)).flat_map(values_of);
    let spelled = |value| match value {
        Value::Text(text) => Value::Text(sensor_word(member, &text, context)),
        other => other,
    };
    values.map(spelled).collect()
}

/// Types are words of the GS1 Web vocabulary, compared bare, and devices are things, in whatever spelling; the rest is compared
/// as it stands.
fn sensor_word(member: &str, text: &str, context: &Context) -> String {
    match member {
        "type" => {}
        "deviceID" => return canonical(text),
        _ => return text.to_owned(),
    }
    let full = context.expand(text).unwrap_or_else(|| text.to_owned());
    let bases = ["https://gs1.org/voc/", "https://www.gs1.org/voc/", "https://ref.gs1.org/voc/"];
    bases.iter().find_map(|base| full.strip_prefix(base)).unwrap_or(&full).to_owned()
}

fn measurements(event: &Json, member: &str, uom: &str) -> Vec<Value> {
    let reports = objects(event, Area::SensorReport).into_iter();
    let in_unit = reports.filter(|report| report.get("uom").and_then(Json::as_str) == Some(uom));
    in_unit.filter_map(|report| report.get(member)).flat_map(values_of).collect()
}

/// `value_CEL`, `maxValue_CEL` …
fn measured(text: &str) -> Option<What> {
    let (member, uom) = text.split_once('_')?;
    let member = SENSOR_NUMBERS.into_iter().find(|known| *known == member)?;
    (!uom.is_empty()).then(|| What::Measured(member, uom.to_owned()))
}

fn canonical(text: &str) -> String {
    Thing::from_uri(text).map_or_else(|_| text.to_owned(), |thing| thing.uri())
}

fn number(text: &str) -> Option<Decimal> {
    text.parse().or_else(|_| Decimal::from_scientific(text)).ok()
}
