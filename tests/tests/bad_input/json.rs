//! Bytes that mean nothing, or more than one thing.

use crate::{events::observed, row::Row};

/// Nested deeper than any value that is taken.
const DEEP: usize = 40;

pub fn rows() -> Vec<Row> {
    let scans = |what, body: &[u8]| Row::bytes(what, "/v1/scans", body);
    let deep = format!("{}1{}", "[".repeat(DEEP), "]".repeat(DEEP));
    // An event with one member more, spelled as it stands here.
    let event = |what, member: &str| {
        let sent = observed().to_string();
        Row::bytes(what, "/events", format!("{},{member}}}", &sent[..sent.len() - 1]))
    };
    vec![
        scans("nothing", b"").invalid(&["syntax "]),
        scans("half a value", b"{\"id\":").invalid(&["syntax /id"]),
        scans("two values", b"[] []").invalid(&["syntax "]),
        scans("no JSON", b"hello").invalid(&["syntax "]),
        scans("nothing behind a byte order mark", b"\xef\xbb\xbf").invalid(&["syntax "]),
        scans("an empty list", b"[]").invalid(&["empty "]),
        scans("a number", b"1").invalid(&["scan "]),
        scans("null", b"null").invalid(&["scan "]),
        scans("invalid UTF-8", b"[\"\xff\"]").invalid(&["utf8 "]),
        scans("an overlong encoding", b"[\"\xc0\xaf\"]").invalid(&["utf8 "]),
        scans("a lone surrogate", b"[\"\\ud800\"]").invalid(&["lone-surrogate /0"]),
        scans("a control character", b"[\"\x01\"]").invalid(&["syntax /0"]),
        scans("a trailing comma", b"[1,]").invalid(&["syntax /1"]),
        scans("a comment", b"[] // nothing").invalid(&["syntax "]),
        scans("deep nesting", deep.as_bytes())
            .invalid(&["depth /0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0"]),
        scans("a member twice", b"{\"id\":1,\"id\":2}").invalid(&["duplicate-member /id"]),
        scans("a member twice, once escaped", b"{\"id\":1,\"\\u0069d\":2}").invalid(&["duplicate-member /id"]),
        event("a member twice in an event", "\"action\":\"ADD\"").invalid(&["duplicate-member /action"]),
        event("a number that no double holds", "\"example:n\":0.12345678901234567891")
            .invalid(&["inexact-number /example:n"]),
        event("an integer that no double holds", "\"example:n\":9007199254740993")
            .invalid(&["inexact-number /example:n"]),
        event("a number beyond all doubles", "\"example:n\":1e400").invalid(&["inexact-number /example:n"]),
        event("a number with a leading zero", "\"example:n\":007").invalid(&["syntax "]),
        event("not a number", "\"example:n\":NaN").invalid(&["syntax /example:n"]),
        event("deep nesting in an event", &format!("\"example:n\":{deep}"))
            .invalid(&["depth /example:n/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0"]),
        scans("10 MB", &vec![b'x'; 10_000_000]).too_much(&[]),
        Row::bytes("10 MB, at the service itself", "/v1/scans", vec![b'x'; 10_000_000])
            .at("manufacturer")
            .too_much(&[]),
        Row::bytes("10 MB that are no document", "/capture", vec![b'x'; 10_000_000]).invalid(&["syntax "]),
        Row::bytes("an event of 1 MiB", "/events", vec![b'x'; 1 << 20]).too_much(&[]),
        Row::bytes("a submission of 5 MiB", "/v1/submissions", vec![b'x'; 5 << 20]).too_much(&[]),
        Row::bytes("notices of 5 MiB", "/v1/notices", vec![b'x'; 5 << 20]).too_much(&[]),
        Row::bytes("a question of 5 MiB", "/v1/verify", vec![b'x'; 5 << 20]).too_much(&[]),
    ]
}
