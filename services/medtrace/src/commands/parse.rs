//! `medtrace parse`: everything known about a code, from its text alone.

use std::io::{self, BufRead, Read, Write};

use jiff::civil::Date;
use medtrace_gs1::{Candidate, Code, CodeError, Level, Wanted, identify, parse};
use serde_json::{Value, json};

use crate::{
    commands::show::words,
    context::{Context, Done, Outcome},
    output::{Output, Tone},
};

/// Longest line of standard input that is read as one code, in bytes; longer than any code may be.
const LINE_BYTES_MAX: u64 = 64 * 1024;
/// What is shown of a longer one, in bytes.
const QUOTED_BYTES: usize = 40;

#[derive(Debug, clap::Args)]
pub struct Parse {
    /// Codes as scanned or printed, of any scheme; without any, one a line from standard input. With --json one object a
    /// line
    #[arg(value_name = "CODE")]
    pub codes: Vec<String>,
    /// Digits of the GS1 company prefix, for the EPC URN
    #[arg(long, value_name = "DIGITS")]
    pub prefix_digits: Option<usize>,
    /// Only goods are meant: say so if it is a place, a party or an asset
    #[arg(long)]
    pub goods: bool,
    /// Say so if the lot is missing
    #[arg(long)]
    pub lot: bool,
    /// Say so if the serial number is missing
    #[arg(long)]
    pub serial: bool,
}

impl Parse {
    /// A finding if any text is no code as it stands.
    pub fn run(self, context: &Context) -> Done {
        let mut all_read = true;
        let mut one = |line: Line<'_>| -> anyhow::Result<bool> {
            let known = match line {
                Line::Code(text) => self.known(text),
                Line::TooLong(start) => too_long(start),
            };
            all_read &= known["error"].is_null();
            show(&context.out, &known)
        };
        if self.codes.is_empty() {
            each_line(io::stdin().lock(), &mut one)?;
        } else {
            for code in &self.codes {
                one(Line::Code(code))?;
            }
        }
        Ok(if all_read { Outcome::Fine } else { Outcome::Finding })
    }

    /// Everything known about a text.
    fn known(&self, text: &str) -> Value {
        let wanted = Wanted { goods: self.goods, lot: self.lot, serial: self.serial };
        let candidates = identify(text, wanted);
        let mut known = match parse(text) {
            Ok(code) => said(&code, self.prefix_digits),
            Err(error) => json!({"error": fault(&error)}),
        };
        known["code"] = text.into();
        let own = candidates.iter().find(|candidate| candidate.spelling.is_none());
        known["confidence"] = json!(own.map(|own| own.confidence.word()));
        known["remarks"] = json!(own.map(|own| &own.reasons).into_iter().flatten().collect::<Vec<_>>());
        let others = candidates.iter().filter(|candidate| candidate.spelling.is_some());
        known["candidates"] = others.map(candidate).collect();
        known
    }
}

/// A line of standard input.
#[derive(Debug, PartialEq)]
enum Line<'a> {
    Code(&'a str),
    /// Of more than [`LINE_BYTES_MAX`]; its beginning.
    TooLong(&'a str),
}

/// Calls `one` for each line that is not blank, until it says that nobody listens.
fn each_line(mut input: impl BufRead, one: &mut impl FnMut(Line<'_>) -> anyhow::Result<bool>) -> anyhow::Result<()> {
    let mut line = Vec::new();
    while (&mut input).take(LINE_BYTES_MAX + 1).read_until(b'\n', &mut line)? > 0 {
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end_matches(['\n', '\r']);
        let goes_on = if line.len() as u64 > LINE_BYTES_MAX && !line.ends_with(b"\n") {
            input.skip_until(b'\n')?;
            one(Line::TooLong(text.split_at_checked(QUOTED_BYTES).map_or(text, |(start, _)| start)))?
        } else {
            text.trim().is_empty() || one(Line::Code(text))?
        };
        if !goes_on {
            break;
        }
        line.clear();
    }
    Ok(())
}

fn too_long(start: &str) -> Value {
    let detail = format!("the line has more than {LINE_BYTES_MAX} bytes; it should hold one code");
    json!({"code": format!("{start}…"), "error": {"code": "too-long", "detail": detail}, "candidates": []})
}

fn said(code: &Code, prefix_digits: Option<usize>) -> Value {
    let thing = &code.thing;
    let day = |day: Option<Date>| day.map(|day| day.to_string());
    let attributes = code.attributes.iter();
    json!({
        "key": thing.uri(),
        "scheme": thing.scheme().name(),
        "issuer": thing.scheme().issuer(),
        "level": match thing.level() {
            Level::Instance => "instance",
            Level::Lot => "lot",
            Level::Class => "class",
        },
        "deviceIdentifier": thing.device_identifier().as_deref(),
        "serial": thing.serial(),
        "donation": thing.donation(),
        "lot": code.lot.as_deref(),
        "expiry": day(code.expiry),
        "made": day(code.made),
        "quantity": code.quantity(),
        "attributes": attributes
            .map(|(ai, value)| json!({"ai": ai.to_string(), "title": ai.title(), "value": value.as_str()}))
            .collect::<Vec<_>>(),
        "others": code.others.iter().map(|(name, value)| json!({"name": name.as_str(), "value": value.as_str()})).collect::<Vec<_>>(),
        "text": code.to_bracketed(),
        "elementString": code.to_element_string(),
        "link": code.to_link(),
        "urn": prefix_digits.and_then(|digits| thing.epc_urn(digits)),
    })
}

fn fault(error: &CodeError) -> Value {
    json!({"code": error.code, "detail": error.detail})
}

fn candidate(candidate: &Candidate) -> Value {
    json!({
        "confidence": candidate.confidence.word(),
        "key": candidate.code.thing.uri(),
        "spelling": candidate.spelling,
        "reasons": candidate.reasons,
    })
}

/// Prints one code; false if nobody listens any more.
fn show(out: &Output, known: &Value) -> anyhow::Result<bool> {
    let text = if out.json { known.to_string() } else { table(out, known) };
    match writeln!(io::stdout(), "{text}").and_then(|()| io::stdout().flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        done => Ok(done.map(|()| true)?),
    }
}

/// The code, a row for each thing that it says, then remarks and other readings.
fn table(out: &Output, known: &Value) -> String {
    const ROWS: [(&str, &str); 15] = [
        ("key", "key"),
        ("scheme", "scheme"),
        ("issuer", "issuer"),
        ("level", "level"),
        ("deviceIdentifier", "device identifier"),
        ("serial", "serial"),
        ("donation", "donation"),
        ("lot", "lot"),
        ("expiry", "expiry"),
        ("made", "made"),
        ("quantity", "quantity"),
        ("text", "text"),
        ("link", "link"),
        ("urn", "urn"),
        ("confidence", "confidence"),
    ];
    let each = |name: &str| known[name].as_array().cloned().unwrap_or_default();
    let mut rows: Vec<Vec<String>> = Vec::new();
    for (member, title) in ROWS.iter().filter(|(member, _)| !known[*member].is_null()) {
        rows.push(vec![out.tone(Tone::Quiet, title), words(&known[*member])]);
    }
    for said in each("attributes") {
        let name = format!("{} {}", words(&said["ai"]), words(&said["title"]));
        rows.push(vec![out.tone(Tone::Quiet, name), words(&said["value"])]);
    }
    for said in each("others") {
        rows.push(vec![out.tone(Tone::Quiet, words(&said["name"])), words(&said["value"])]);
    }
    rows.extend(each("remarks").iter().map(|remark| vec![out.tone(Tone::Doubtful, "mind"), words(remark)]));
    if !known["error"].is_null() {
        rows.push(vec![out.tone(Tone::Bad, "refused"), words(&known["error"]["detail"])]);
    }
    for other in each("candidates") {
        let said = format!("{}  {}", words(&other["spelling"]).replace('\u{1d}', "<GS>"), words(&other["reasons"]));
        rows.push(vec![out.tone(Tone::Doubtful, words(&other["confidence"])), said]);
    }
    let code = words(&known["code"]).replace('\u{1d}', "<GS>");
    format!("{}\n{}\n", out.tone(Tone::Strong, code), out.columns(&[], rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask() -> Parse {
        Parse { codes: Vec::new(), prefix_digits: Some(7), goods: true, lot: true, serial: false }
    }

    #[test]
    fn everything_about_a_code_is_told() {
        let known = ask().known("]d201095211410123451728123121ABC");
        assert_eq!(known["key"], "https://id.gs1.org/01/09521141012345/21/ABC");
        assert_eq!((&known["scheme"], &known["issuer"]), (&json!("SGTIN"), &json!("GS1")));
        assert_eq!((&known["serial"], &known["expiry"]), (&json!("ABC"), &json!("2028-12-31")));
        assert_eq!(known["urn"], "urn:epc:id:sgtin:9521141.001234.ABC");
        assert_eq!(known["remarks"], json!(["lot is missing; this product needs it"]));
        assert_eq!((&known["confidence"], &known["error"]), (&json!("high"), &Value::Null));
    }

    #[test]
    fn what_does_not_read_comes_with_what_would() {
        let known = ask().known("09521141012346");
        assert_eq!(known["error"]["code"], "check-digit");
        assert_eq!(known["candidates"][0]["spelling"], "09521141012345");
        let text = table(&Output::new(false), &known);
        assert!(
            text.starts_with("09521141012346\nrefused\tGTIN 09521141012346: check digit should be 5, not 6\n"),
            "{text}"
        );
        assert!(text.contains("\nlikely\t09521141012345"), "{text}");
    }

    #[test]
    fn lines_are_read_one_by_one_until_nobody_listens() {
        let mut seen = Vec::new();
        let mut one = |line: Line<'_>| {
            seen.push(format!("{line:?}"));
            Ok(seen.len() < 3)
        };
        each_line(&b"a\r\n\n \nb \xff\nc\nd\n"[..], &mut one).expect("lines");
        assert_eq!(seen, [r#"Code("a")"#, "Code(\"b \u{fffd}\")", r#"Code("c")"#]);
    }

    #[test]
    fn a_line_that_is_too_long_is_said_once_and_the_next_is_read() {
        let max = LINE_BYTES_MAX as usize;
        let mut seen = Vec::new();
        let mut one = |line: Line<'_>| {
            seen.push(match line {
                Line::Code(text) => (true, text.len()),
                Line::TooLong(start) => (false, start.len()),
            });
            Ok(true)
        };
        let input = format!("{}\n{}\nb\n{}", "1".repeat(max), "1".repeat(3 * max), "1".repeat(max + 1));
        each_line(input.as_bytes(), &mut one).expect("lines");
        assert_eq!(seen, [(true, max), (false, QUOTED_BYTES), (true, 1), (false, QUOTED_BYTES)]);
        let known = too_long("1");
        assert_eq!((&known["code"], &known["error"]["code"]), (&json!("1…"), &json!("too-long")));
    }
}
