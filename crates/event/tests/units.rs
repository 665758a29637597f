//! `src/units.rs` is generated from a list of the codes of UN/CEFACT Recommendation 20.
//!
//! It reads the file that `MEDTRACE_UNITS` names, `package/dist/esm/20/3/index.js` of `npm pack un-ece-recommendation`, and
//! is skipped, saying so, where that is not set. With `MEDTRACE_UPDATE=1` it writes the table instead.

use std::path::Path;

/// Longest line, in characters.
const LINE_CHARS: usize = 116;

#[test]
fn the_table_is_the_list() {
    let Some(list) = std::env::var_os("MEDTRACE_UNITS") else {
        eprintln!("skipped: MEDTRACE_UNITS is not set, so there is no list to compare with");
        return;
    };
    let list = std::fs::read_to_string(list).expect("the list");
    let mut codes: Vec<&str> = list.split("code: \"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    codes.sort_unstable();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/units.rs");
    let checked_in = std::fs::read_to_string(&file).expect("the table");
    let (head, rest) = checked_in.split_once("&[\n").expect("a table");
    let (_, tail) = rest.split_once("];\n").expect("its end");
    let generated = format!("{head}&[\n{}];\n{tail}", lines(&codes));
    if std::env::var_os("MEDTRACE_UPDATE").is_some() {
        std::fs::write(&file, &generated).expect("the table can be written");
        return;
    }
    assert!(
        checked_in == generated,
        "src/units.rs is stale; refresh it: MEDTRACE_UPDATE=1 MEDTRACE_UNITS=… cargo test -p medtrace-event --test units"
    );
}

fn lines(codes: &[&str]) -> String {
    let mut out = String::new();
    let mut line = "   ".to_owned();
    for code in codes {
        let entry = format!(" \"{code}\",");
        if line.len() + entry.len() > LINE_CHARS {
            out += &(std::mem::replace(&mut line, "   ".to_owned()) + "\n");
        }
        line += &entry;
    }
    out + &line + "\n"
}
