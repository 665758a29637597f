//! A named query (EPCIS 2.0 § 12.7.4): the parameters of `GET /events` as JSON, under a name.
//!
//! ```text
//! {"name": "to-us", "query": {"eventType": ["ObjectEvent"], "EQ_bizStep": ["shipping"], "GE_eventTime": "2026-01-01T00:00:00Z",
//!  "GE_quantity": 5, "EXISTS_errorDeclaration": null, "@context": {"ex": "https://ns.example/"}}}
//! ```
//!
//! A list is a list of values, a number or a word one value; what asks by being there is `null`, `true` or 1.
//!
//! Two names are the standard's own (§ 8.2.7) and nobody's to take. `SimpleEventQuery` is `GET /events`. `SimpleMasterDataQuery`
//! is not here: the REST binding (§ 12) has neither a resource nor, in its `query-schema.json`, a parameter for vocabularies,
//! only SOAP's has them. What documents say of a place, product or party is `GET /v1/masterdata`.

use medtrace_event::json::{Object, pointer};
use medtrace_event::{Context, Json};
use medtrace_service::{Kind, Problem, Shutdown};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::epcis::ask::Ask;
use crate::params::Params;

/// Longest name, bytes.
const NAME_BYTES_MAX: usize = 64;
/// Longest query, bytes of its JSON.
pub const QUERY_BYTES_MAX: usize = 16 << 10;
/// Names that the standard gives to queries of its own, and what stands for them here.
const STANDARD_NAMES: [(&str, &str); 2] = [
    ("SimpleEventQuery", "ask GET /events"),
    ("SimpleMasterDataQuery", "the REST binding has no query for master data; ask GET /v1/masterdata?id="),
];
/// Parameters of asking, not of a query.
const PAGING: [&str; 2] = ["perPage", "nextPageToken"];
const CONTEXT: &str = "@context";

/// What is posted.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proposed {
    name: String,
    query: Map<String, Value>,
}

/// As it is kept; it never changes.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamedQuery {
    pub name: String,
    /// Whose it is: who may delete it.
    pub party: String,
    /// Unix milliseconds.
    pub created_ms: u64,
    query: Map<String, Value>,
    /// Cancelled when it is deleted.
    #[serde(skip)]
    pub gone: Shutdown,
}

impl NamedQuery {
    /// Checks what was proposed as `GET /events` checks its parameters. `extensions` are the terms of `GS1-Extensions`.
    ///
    /// # Errors
    /// `QueryValidationException` for the name, `QueryParameterException` for a parameter, by the path in the body.
    pub fn propose(
        proposed: Proposed,
        extensions: &Object,
        party: &str,
        created_ms: u64,
    ) -> Result<NamedQuery, Problem> {
        let Proposed { name, mut query } = proposed;
        if !is_name(&name) {
            let detail =
                format!("a query's name has 1 to {NAME_BYTES_MAX} of A-Z a-z 0-9 . _ ~ -, the first a letter or digit");
            return Err(Kind::QueryValidation.because(detail.clone()).at("/name", "name", detail));
        }
        if let Some(instead) = of_standard(&name) {
            return Err(Kind::AlreadyExists.because(format!("{name} is the standard's own name: {instead}")));
        }
        if !extensions.is_empty() {
            let terms = Value::from(&Json::from(extensions.clone()));
            let context = match query.remove(CONTEXT) {
                None => terms,
                Some(Value::Array(entries)) => entries.into_iter().chain([terms]).collect(),
                Some(entry) => json!([entry, terms]),
            };
            query.insert(CONTEXT.to_owned(), context);
        }
        let length = serde_json::to_vec(&query).map_or(usize::MAX, |bytes| bytes.len());
        if length > QUERY_BYTES_MAX {
            let detail = format!("the query has {length} bytes; at most {QUERY_BYTES_MAX} are taken");
            return Err(Kind::QueryTooComplex.because(detail));
        }
        let named = NamedQuery { name, party: party.to_owned(), created_ms, query, gone: Shutdown::new() };
        named.ask().map_err(within)?;
        Ok(named)
    }

    /// What it asks.
    ///
    /// # Errors
    /// As [`NamedQuery::propose`].
    pub fn ask(&self) -> Result<Ask, Problem> {
        Ask::read(self.params()?, &self.context()?)
    }

    /// Its parameters as they stand in a query string.
    pub fn params(&self) -> Result<Params, Problem> {
        let mut params = Params::default();
        for (name, value) in self.query.iter().filter(|(name, _)| *name != CONTEXT) {
            if PAGING.contains(&name.as_str()) {
                return Err(wrong(name, format!("{name} is given where the events are asked for, not in the query")));
            }
            params.push(name, text(name, value)?);
        }
        Ok(params)
    }

    /// What prefixes in its parameters' names stand for.
    pub fn context(&self) -> Result<Context, Problem> {
        let Some(value) = self.query.get(CONTEXT) else { return Ok(Context::standard()) };
        let json = Json::try_from(value).map_err(|_| wrong(CONTEXT, "@context is no I-JSON".to_owned()))?;
        Context::read(&json).map_err(|fault| wrong(CONTEXT, fault.detail))
    }

    /// As it is shown.
    pub fn show(&self) -> Value {
        json!({ "name": self.name, "query": self.query })
    }
}

fn of_standard(name: &str) -> Option<&'static str> {
    STANDARD_NAMES.iter().find(|(known, _)| *known == name).map(|(_, instead)| *instead)
}

/// A name that nobody has given.
pub fn unknown(name: &str) -> Problem {
    let detail = match of_standard(name) {
        Some(instead) => format!("{name} is not a resource of its own: {instead}"),
        None => format!("there is no query {name:?}"),
    };
    Kind::NoSuchName.because(detail)
}

/// A body that is no query, as the standard names it.
pub fn malformed(problem: Problem) -> Problem {
    match problem.status {
        400 => Problem { errors: problem.errors, ..Kind::QueryValidation.because(problem.detail) },
        _ => problem,
    }
}

/// A name that somebody else has.
pub fn taken(name: &str) -> Problem {
    Kind::AlreadyExists.because(format!("there is a query {name} already; take another name"))
}

fn is_name(name: &str) -> bool {
    let first = name.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
    first && name.len() <= NAME_BYTES_MAX && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._~-".contains(&b))
}

fn text(name: &str, value: &Value) -> Result<String, Problem> {
    let asks_by_being_there = name.starts_with("EXISTS_");
    match value {
        Value::Null if asks_by_being_there => Ok(String::new()),
        Value::Bool(true) if asks_by_being_there => Ok(String::new()),
        Value::Number(one) if asks_by_being_there && one.as_i64() == Some(1) => Ok(String::new()),
        Value::Array(values) if values.is_empty() => Err(wrong(name, format!("{name} has no value"))),
        Value::Array(values) => {
            Ok(values.iter().map(|value| one(name, value)).collect::<Result<Vec<_>, _>>()?.join("|"))
        }
        value => one(name, value),
    }
}

fn one(name: &str, value: &Value) -> Result<String, Problem> {
    match value {
        Value::String(text) if !text.contains('|') => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(word) => Ok(word.to_string()),
        other => Err(wrong(name, format!("{name} takes words and numbers, or a list of them, not {other}"))),
    }
}

fn wrong(name: &str, detail: String) -> Problem {
    crate::params::wrong(name, "value", detail)
}

/// Where a parameter stands in the body.
fn within(mut problem: Problem) -> Problem {
    for violation in &mut problem.errors {
        violation.path.insert_str(0, &pointer("query"));
    }
    problem
}

#[cfg(test)]
mod tests {
    use super::*;

    fn propose(body: Value) -> Result<NamedQuery, Problem> {
        NamedQuery::propose(serde_json::from_value(body).unwrap(), &Object::new(), "factory", 0)
    }

    #[test]
    fn it_asks_what_the_same_query_string_asks() {
        let named = propose(json!({"name": "q-1", "query": {
            "eventType": ["ObjectEvent", "AggregationEvent"], "GE_eventTime": "2026-01-01T08:00:00+08:00",
            "EQ_quantity": [5, 5.25], "GE_value_CEL": 8, "EQ_booleanValue": true, "EXISTS_errorDeclaration": null,
            "orderBy": "eventTime", "maxEventCount": 10,
            "EQ_ex:room": ["心内科 2"], "@context": [{"ex": "https://ns.example/"}],
        }}));
        let text = "eventType=ObjectEvent%7CAggregationEvent&GE_eventTime=2026-01-01T08:00:00%2B08:00&EQ_quantity=5%7C5.25\
                    &GE_value_CEL=8&EQ_booleanValue=true&EXISTS_errorDeclaration&orderBy=eventTime&maxEventCount=10\
                    &EQ_ex:room=%E5%BF%83%E5%86%85%E7%A7%91%202";
        let terms: Object = [("ex", "https://ns.example/")].into_iter().collect();
        let mut said = Ask::read(Params::read(Some(text)).unwrap(), &Context::read(&terms.into()).unwrap()).unwrap();
        let mut asked = named.unwrap().ask().unwrap();
        assert_eq!(asked.fingerprint, said.fingerprint);
        // The order of conditions is that in which they are given.
        for ask in [&mut said, &mut asked] {
            ask.conditions.sort_by_key(|condition| format!("{condition:?}"));
        }
        assert_eq!(asked, said);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let query = |query: Value| json!({"name": "q", "query": query});
        for (body, path) in [
            (json!({"name": "", "query": {}}), "/name"),
            (json!({"name": "../tokens", "query": {}}), "/name"),
            (json!({"name": ".q", "query": {}}), "/name"),
            (json!({"name": "q".repeat(65), "query": {}}), "/name"),
            (query(json!({"EQ_bizStep": ["shiping"]})), "/query/EQ_bizStep"),
            (query(json!({"EQ_bizstep": ["shipping"]})), "/query/EQ_bizstep"),
            (query(json!({"EQ_action": ["ADD|OBSERVE"]})), "/query/EQ_action"),
            (query(json!({"EQ_action": []})), "/query/EQ_action"),
            (query(json!({"EQ_action": null})), "/query/EQ_action"),
            (query(json!({"EQ_action": {"a": 1}})), "/query/EQ_action"),
            (query(json!({"EXISTS_errorDeclaration": 0})), "/query/EXISTS_errorDeclaration"),
            (query(json!({"perPage": 5})), "/query/perPage"),
            (query(json!({"nextPageToken": "x"})), "/query/nextPageToken"),
            (query(json!({"@context": 7})), "/query/@context"),
        ] {
            let problem = propose(body.clone()).unwrap_err();
            assert_eq!((problem.status, problem.errors[0].path.as_str()), (400, path), "{body}");
        }
        let long = propose(query(json!({"EQ_eventID": ["x".repeat(QUERY_BYTES_MAX)]}))).unwrap_err();
        assert_eq!(long.status, 413);
        assert_eq!(propose(json!({"name": "SimpleEventQuery", "query": {}})).unwrap_err().status, 409);
    }
}
