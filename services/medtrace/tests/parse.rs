//! `medtrace parse` as a script uses it: no stack, codes as arguments or one a line.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use serde_json::Value;

/// Exit code of a finding.
const FINDING: i32 = 3;

fn run(arguments: &[&str], input: &[u8]) -> (Option<i32>, Vec<Value>) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_medtrace"))
        .args(["--json", "parse"])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the tool");
    child.stdin.take().expect("its input").write_all(input).expect("to write");
    let output = child.wait_with_output().expect("its output");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    (output.status.code(), text.lines().map(|line| serde_json::from_str(line).expect(line)).collect())
}

#[test]
fn codes_are_told_in_order_and_a_bad_one_is_a_finding() {
    let (exit, told) = run(&["(01)09521141012345(21)ABC", "+A99912345/$$52001510X33"], b"");
    assert_eq!(exit, Some(0));
    assert_eq!(told[0]["key"], "https://id.gs1.org/01/09521141012345/21/ABC");
    assert_eq!(told[1]["key"], "urn:medtrace:hibcc:A99912345/10/10X3");

    let (exit, told) = run(&[], b"]C100106141412345678908\r\n\n09521141012346\n\xff\n");
    assert_eq!((exit, told.len()), (Some(FINDING), 3));
    assert_eq!(told[0]["scheme"], "SSCC");
    assert_eq!(told[1]["candidates"][0]["spelling"], "09521141012345");
    assert_eq!(told[2]["error"]["code"], "not-a-code");
}
