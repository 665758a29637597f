//! What the endpoint must know of a statement before the engine sees it: where an insert's data starts, in which format
//! an answer comes, whether it only reads. The rest of SQL is the engine's.

mod joining;
mod scan;

pub use self::joining::{Joiner, Joining};
use self::scan::{Kind, Scan, Token};
use crate::engine::Delivery;
use crate::exception::{Code, Exception};

/// How to run a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plan {
    /// An insert with data: the statement is `text[..statement_end]`, its rows start at `text[data_start]`.
    Insert { statement_end: usize, data_start: usize, format: String },
    /// Everything else. `reads` if it changes nothing; `format` as the statement names it.
    Query { delivery: Delivery, reads: bool, format: Option<String> },
}

/// Plans `text`, or `None` if it may be the head of an insert that goes on (`more`).
pub fn plan(text: &[u8], default_format: &str, more: bool) -> Result<Option<Plan>, Exception> {
    if let Some(insert) = insert(text) {
        // A format's name that ends where the head does may go on, and so may the blanks before the data.
        let at_the_edge = matches!(&insert, Plan::Insert { data_start, .. } if *data_start == text.len());
        return Ok((!(more && at_the_edge)).then_some(insert));
    }
    if more {
        return Ok(None);
    }
    let tokens: Vec<Token<'_>> = Scan::new(text).collect();
    let end = tokens.iter().position(|token| token.kind == Kind::Byte(b';')).unwrap_or(tokens.len());
    if let Some(next) = tokens[end..].iter().find(|token| token.kind != Kind::Byte(b';')) {
        let at = next.start + 1;
        return Err(Exception::new(
            Code::SyntaxError,
            format_args!("Syntax error (Multi-statements are not allowed): failed at position {at}"),
        ));
    }
    let tokens = &tokens[..end];
    if tokens.windows(2).any(|pair| pair[0].depth == 0 && pair[0].is("INTO") && pair[1].is("OUTFILE")) {
        return Err(Exception::new(Code::SupportIsDisabled, "INTO OUTFILE is not allowed"));
    }
    let first =
        |keywords: &[&str]| keywords.iter().any(|keyword| tokens.first().is_some_and(|token| token.is(keyword)));
    let select = (first(&["SELECT", "WITH", "FROM"]) || tokens.first().is_some_and(|t| t.kind == Kind::Byte(b'(')))
        && !tokens.iter().any(|token| token.depth == 0 && token.is("INSERT"));
    let format = output_format(tokens);
    // In the block of totals or extremes the header is not where it is in the others.
    let apart = tokens.iter().any(|token| token.is("TOTALS") || token.is("extremes"));
    let delivery = match Joining::of(format.as_deref().unwrap_or(default_format)) {
        Some(joining) if select && !(apart && joining.has_header()) => Delivery::Streamed(joining),
        _ => Delivery::Whole,
    };
    let reads = select || first(&["SHOW", "DESCRIBE", "DESC", "EXPLAIN", "EXISTS"]);
    Ok(Some(Plan::Query { delivery, reads, format }))
}

/// Whether a statement may leave something behind in its session, so that the session must not be used again.
pub fn changes_session(text: &[u8]) -> bool {
    let mut tokens = Scan::new(text);
    let first = tokens.next();
    let is = |keyword| first.is_some_and(|token: Token<'_>| token.is(keyword));
    ["SET", "USE", "BEGIN", "START", "COMMIT", "ROLLBACK"].into_iter().any(is)
        || is("CREATE") && tokens.take(3).any(|token| token.is("TEMPORARY"))
}

/// The statements of a file, without the `;` between them; those of comments alone are left out.
pub fn statements(sql: &str) -> impl Iterator<Item = &str> {
    let mut start = 0;
    let ends =
        Scan::new(sql.as_bytes()).filter(|token| token.kind == Kind::Byte(b';')).map(|token| (token.start, token.end));
    ends.chain([(sql.len(), sql.len())]).filter_map(move |(end, next)| {
        let statement = &sql[std::mem::replace(&mut start, next)..end];
        Scan::new(statement.as_bytes()).next().map(|_| statement.trim())
    })
}

/// Finds `INSERT INTO [TABLE|FUNCTION] name … {VALUES | FORMAT name}`; an `INSERT … SELECT` is not one with data.
fn insert(text: &[u8]) -> Option<Plan> {
    let mut tokens = Scan::new(text).peekable();
    if !(tokens.next()?.is("INSERT") && tokens.next()?.is("INTO")) {
        return None;
    }
    tokens.next_if(|token| token.is("TABLE") || token.is("FUNCTION"));
    // The table's name, so that one called `values` or `format` is not taken for the keyword.
    tokens.next();
    while let Some(token) = tokens.next() {
        if token.is("SELECT") || token.depth == 0 && (token.is("WITH") || token.is("FROM")) {
            return None;
        }
        if token.depth > 0 {
            continue;
        }
        if token.kind == Kind::Byte(b'.') {
            tokens.next();
        } else if token.is("VALUES") {
            let (statement_end, data_start) = (token.start, token.end);
            return Some(Plan::Insert { statement_end, data_start, format: "Values".to_owned() });
        } else if token.is("FORMAT") {
            let Some(Token { kind: Kind::Word(name), end, .. }) = tokens.next() else { return None };
            let format = String::from_utf8_lossy(name).into_owned();
            return Some(Plan::Insert { statement_end: token.start, data_start: data_start(text, end), format });
        }
    }
    None
}

/// Data starts after the first line break behind the format's name, or after the blanks if there is none (ClickHouse's
/// `ParserInsertQuery`).
fn data_start(text: &[u8], mut at: usize) -> usize {
    while text.get(at).is_some_and(|byte| matches!(byte, b' ' | b'\t' | 0x0c)) {
        at += 1;
    }
    at += usize::from(text.get(at) == Some(&b'\r'));
    at + usize::from(text.get(at) == Some(&b'\n'))
}

/// The name in a closing `FORMAT name [SETTINGS …]`.
fn output_format(tokens: &[Token<'_>]) -> Option<String> {
    let closing = |rest: &[Token<'_>]| rest.first().is_none_or(|next| next.is("SETTINGS"));
    let at = (1..tokens.len())
        .rev()
        .find(|&at| tokens[at - 1].depth == 0 && tokens[at - 1].is("FORMAT") && closing(&tokens[at + 1..]))?;
    match tokens[at].kind {
        Kind::Word(name) => Some(String::from_utf8_lossy(name).into_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planned(text: &str) -> Plan {
        plan(text.as_bytes(), "TabSeparated", false).unwrap().unwrap()
    }

    fn parts(text: &str) -> (&str, &str, String) {
        match planned(text) {
            Plan::Insert { statement_end, data_start, format } => (&text[..statement_end], &text[data_start..], format),
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn inserts_are_split_from_their_data() {
        assert_eq!(
            parts("INSERT INTO `d`.`t`(a, format) FORMAT RowBinary\n\n;x"),
            ("INSERT INTO `d`.`t`(a, format) ", "\n;x", "RowBinary".into())
        );
        assert_eq!(parts("insert into t values (1),(2)"), ("insert into t ", " (1),(2)", "Values".into()));
        assert_eq!(
            parts("INSERT INTO TABLE d.values SETTINGS async_insert=0 FORMAT CSV  \r\n1"),
            ("INSERT INTO TABLE d.values SETTINGS async_insert=0 ", "1", "CSV".into())
        );
        assert_eq!(parts("INSERT INTO FUNCTION null('x Int8') FORMAT TSV 1").1, "1");
    }

    #[test]
    fn inserts_that_select_carry_no_data() {
        for text in [
            "INSERT INTO t SELECT 1 FORMAT Null",
            "INSERT INTO t (a) WITH 1 AS x SELECT x",
            "INSERT INTO t (SELECT 1)",
            "INSERT INTO t FROM INFILE 'x' FORMAT CSV",
            "INSERT INTO t",
        ] {
            assert!(matches!(planned(text), Plan::Query { delivery: Delivery::Whole, reads: false, .. }), "{text}");
        }
    }

    #[test]
    fn a_head_is_undecided_until_its_data_shows() {
        for (text, decided) in [
            ("INSERT INTO t FORMAT Row", false),
            ("INSERT INTO t FORMAT RowBinary\n", false),
            ("INSERT INTO t FORMAT RowBinary\n\u{1}", true),
            ("INSERT INTO t (a", false),
            ("SELECT 1", false),
        ] {
            assert_eq!(plan(text.as_bytes(), "CSV", true).unwrap().is_some(), decided, "{text}");
        }
    }

    #[test]
    fn answers_stream_when_their_format_can() {
        let delivery = |text: &str| match planned(text) {
            Plan::Query { delivery, reads, format } => (delivery != Delivery::Whole, reads, format),
            other => panic!("{text}: {other:?}"),
        };
        assert_eq!(delivery("SELECT 1"), (true, true, None));
        assert_eq!(delivery("/* x */ WITH 1 AS x (SELECT x)"), (true, true, None));
        assert_eq!(delivery("SELECT format FROM t FORMAT JSON;"), (false, true, Some("JSON".into())));
        assert_eq!(
            delivery("SELECT 1 FORMAT rowbinary SETTINGS max_threads = 1"),
            (true, true, Some("rowbinary".into()))
        );
        assert_eq!(delivery("SELECT ' FORMAT JSON'"), (true, true, None));
        assert!(delivery("SELECT 1 GROUP BY 1 WITH TOTALS").0);
        assert!(!delivery("SELECT 1 GROUP BY 1 WITH TOTALS FORMAT CSVWithNames").0);
        assert_eq!(delivery("WITH 1 AS x INSERT INTO t SELECT x"), (false, false, None));
        assert_eq!(delivery("SHOW TABLES"), (false, true, None));
        assert_eq!(delivery("DROP TABLE t"), (false, false, None));
        assert_eq!(delivery(""), (false, false, None));
    }

    #[test]
    fn one_statement_and_no_files() {
        let code = |text: &str| plan(text.as_bytes(), "CSV", false).unwrap_err().code;
        assert_eq!(code("SELECT 1; SELECT 2"), 62);
        assert_eq!(code("SELECT 1 INTO OUTFILE '/x' FORMAT CSV"), 344);
    }

    #[test]
    fn files_are_split() {
        let sql = "-- first; really\nCREATE TABLE a (x String DEFAULT ';');\n\n/* ; */ ;\nCREATE TABLE b\n";
        let expected = ["-- first; really\nCREATE TABLE a (x String DEFAULT ';')", "CREATE TABLE b"];
        assert_eq!(statements(sql).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn sessions_that_change_are_known() {
        for text in ["SET a = 1", "use d", "CREATE TEMPORARY TABLE t (a Int8)", "CREATE OR REPLACE TEMPORARY TABLE t"] {
            assert!(changes_session(text.as_bytes()), "{text}");
        }
        assert!(!changes_session(b"CREATE TABLE t (a Int8)"));
        assert!(!changes_session(b"SELECT 1 SETTINGS max_threads = 1"));
    }
}
