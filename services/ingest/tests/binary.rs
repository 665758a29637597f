//! The processes themselves, as far as they get without a log.
#![allow(clippy::unwrap_used)]

use std::process::Command;

#[test]
fn bad_configuration_is_one_line_and_exit_78() {
    let table = [
        (env!("CARGO_BIN_EXE_manufacturer"), "", "manufacturer: bad configuration: MEDTRACE_GENESIS: is not set\n"),
        (
            env!("CARGO_BIN_EXE_distributor"),
            "/nowhere/genesis.note",
            "distributor: bad configuration: MEDTRACE_GENESIS: /nowhere/genesis.note: No such file or directory (os error 2)\n",
        ),
        (
            env!("CARGO_BIN_EXE_hospital"),
            concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"),
            concat!(
                "hospital: bad configuration: MEDTRACE_GENESIS: ",
                env!("CARGO_MANIFEST_DIR"),
                "/Cargo.toml: not a signed note: a signature line is — name base64\n"
            ),
        ),
    ];
    for (binary, genesis, line) in table {
        let ended = Command::new(binary).env_clear().env("MEDTRACE_GENESIS", genesis).output().unwrap();
        assert_eq!(String::from_utf8(ended.stderr).unwrap(), line);
        assert_eq!(ended.status.code(), Some(78));
    }
}
