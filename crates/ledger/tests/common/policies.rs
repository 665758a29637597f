//! Policies over seven witnesses `a`…`g`: which cosignatures are enough, and spellings that are refused.

use medtrace_ledger::*;

use super::signer;

/// A policy over the witnesses `a`…`g` with these groups and this quorum.
pub fn with(groups: &str, quorum: &str) -> String {
    let key = |name: &str, usage| signer(name).verifier().vkey(usage);
    let witness = |name| format!("witness {name} {}\n", key(name, KeyUse::Cosignature));
    let witnesses: String = ["a", "b", "c", "d", "e", "f", "g"].map(witness).concat();
    format!("log {}\n{witnesses}{groups}quorum {quorum}\n", key("log", KeyUse::Ed25519))
}

pub struct Case {
    pub name: &'static str,
    pub groups: &'static str,
    pub quorum: &'static str,
    /// Each a set of witnesses, one letter each.
    pub enough: &'static [&'static str],
    pub few: &'static [&'static str],
}

pub const CASES: [Case; 8] = [
    Case { name: "none", groups: "", quorum: "none", enough: &["", "a"], few: &[] },
    Case { name: "one", groups: "", quorum: "b", enough: &["b", "abc"], few: &["", "a", "acdefg"] },
    Case { name: "any", groups: "group x any a b\n", quorum: "x", enough: &["a", "b", "ab"], few: &["", "cdefg"] },
    Case {
        name: "all",
        groups: "group x all a b c\n",
        quorum: "x",
        enough: &["abc", "abcd"],
        few: &["", "ab", "bc", "abdefg"],
    },
    Case {
        name: "two-of-three",
        groups: "group x 2 a b c\n",
        quorum: "x",
        enough: &["ab", "ac", "bc", "abc"],
        few: &["", "a", "b", "cdefg"],
    },
    Case {
        name: "nested",
        groups: "group x 2 a b c\ngroup y any d e f\ngroup z all x y\n",
        quorum: "z",
        enough: &["abd", "bcf", "abcdef"],
        few: &["abc", "def", "ad", "abg"],
    },
    Case {
        name: "group-beside-witnesses",
        groups: "group x all a b\ngroup y 2 x c d\n",
        quorum: "y",
        enough: &["abc", "abd", "cd"],
        few: &["ab", "acefg", "bc", "d"],
    },
    // A group that the quorum does not name decides nothing.
    Case { name: "idle-group", groups: "group x all a b\ngroup y any c\n", quorum: "y", enough: &["c"], few: &["ab"] },
];

/// Spellings that are refused: each breaks one rule.
pub fn refused() -> Vec<(&'static str, String)> {
    let good = with("group x 2 a b\ngroup y any x c\n", "y");
    let lines: Vec<&str> = good.split_inclusive('\n').collect();
    let (log, witness_a) = (lines[0], lines[1]);
    let url = |url: &str| good.replacen(log, &format!("{} {url}\n", log.trim_end()), 1);
    vec![
        ("comment", format!("# ours\n{good}")),
        ("empty-line", format!("\n{good}")),
        ("more", format!("{good}\n")),
        ("no-newline", good.trim_end().to_owned()),
        ("two-spaces", good.replacen("group x", "group  x", 1)),
        ("tab", good.replacen("group x", "\tgroup x", 1)),
        ("space-at-end", good.replacen(" a b\n", " a b \n", 1)),
        ("carriage-return", good.replacen(" a b\n", " a b\r\n", 1)),
        ("no-log", good.replacen(log, "", 1)),
        ("two-logs", good.replacen(log, &log.repeat(2), 1)),
        ("key-id", good.replacen("log log+", "log lag+", 1)),
        // One witness twice, and its key under another name.
        ("witness-twice", good.replacen(lines[2], witness_a, 1)),
        ("key-twice", good.replacen(lines[2], &witness_a.replacen("witness a", "witness b", 1), 1)),
        ("named-none", good.replacen("witness a", "witness none", 1).replacen(" a b", " none b", 1)),
        ("name-with-plus", good.replacen("witness a ", "witness a+ ", 1).replacen(" a b", " a+ b", 1)),
        ("name-twice", good.replacen("witness a ", "witness b ", 1)),
        // A log's key that cosigns, a witness's that does not.
        (
            "log-cosigns",
            good.replacen(log, &format!("log {}\n", signer("log").verifier().vkey(KeyUse::Cosignature)), 1),
        ),
        (
            "witness-signs",
            good.replacen(witness_a, &format!("witness a {}\n", signer("a").verifier().vkey(KeyUse::Ed25519)), 1),
        ),
        ("threshold-0", good.replacen("group x 2", "group x 0", 1)),
        ("threshold-3-of-2", good.replacen("group x 2", "group x 3", 1)),
        ("threshold-02", good.replacen("group x 2", "group x 02", 1)),
        ("threshold-word", good.replacen("group x 2", "group x some", 1)),
        ("no-member", good.replacen("group x 2 a b", "group x 2", 1)),
        ("no-member-any", good.replacen("group x 2 a b", "group x any", 1)),
        ("member-twice", good.replacen("group x 2 a b", "group x 2 a a", 1)),
        ("member-nobody", good.replacen("group x 2 a b", "group x 2 a z", 1)),
        ("member-none", good.replacen("group x 2 a b", "group x 2 a none", 1)),
        ("member-itself", good.replacen("group x 2 a b", "group x 2 a x", 1)),
        ("member-below", good.replacen("group x 2 a b", "group x 2 a y", 1)),
        ("group-named-as-witness", good.replacen("group x 2 a b", "group a 2 a b", 1)),
        ("member-of-two", good.replacen("group y any x c", "group y any x a", 1)),
        ("quorum-nobody", good.replacen("quorum y", "quorum z", 1)),
        ("quorum-nameless", good.replacen("quorum y", "quorum", 1)),
        ("quorum-of-two", good.replacen("quorum y", "quorum y x", 1)),
        ("no-quorum", good.replacen("quorum y\n", "", 1)),
        ("quorum-twice", format!("{good}quorum y\n")),
        // Lines in another order.
        ("order", good.replacen(witness_a, "", 1).replacen("group y", &format!("{witness_a}group y"), 1)),
        ("url-scheme", url("ftp://log.example")),
        ("url-empty", url("https://")),
        ("url-letters", url("https://log.example/ä")),
        ("url-two", url("https://log.example x")),
        ("url-long", url(&format!("https://{}", "a".repeat(256)))),
    ]
}
