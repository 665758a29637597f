//! Vectors made by others: RFC 6962 proofs, Wycheproof's Ed25519, C2SP notes and key ids. The first two are read from the
//! folder named by MEDTRACE_CONFORMANCE, and skipped with a word where it is not set.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use medtrace_ledger::merkle::{verify_consistency, verify_inclusion};
use medtrace_ledger::*;
use serde_json::Value;

fn conformance(folder: &str) -> Option<PathBuf> {
    let root = std::env::var_os("MEDTRACE_CONFORMANCE");
    if root.is_none() {
        eprintln!("skipped: MEDTRACE_CONFORMANCE is not set");
    }
    Some(Path::new(&root?).join(folder))
}

fn json_files(folder: &Path, found: &mut Vec<(String, Value)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            json_files(&path, found);
        } else {
            let text = std::fs::read_to_string(&path).unwrap();
            found.push((path.display().to_string(), serde_json::from_str(&text).unwrap()));
        }
    }
}

/// The hash at `name`; `None` where the vector has bytes that are no hash.
fn hash(vector: &Value, name: &str) -> Option<Hash> {
    vector[name].as_str()?.parse().ok()
}

fn path(vector: &Value) -> Option<Vec<Hash>> {
    let hashes = vector["proof"].as_array().into_iter().flatten();
    hashes.map(|hash| hash.as_str()?.parse().ok()).collect()
}

#[test]
fn rfc_6962_inclusion() {
    let Some(folder) = conformance("merkle/inclusion") else {
        return;
    };
    let mut vectors = Vec::new();
    json_files(&folder, &mut vectors);
    let (mut good, mut bad) = (0, 0);
    for (file, vector) in &vectors {
        let (index, size) = (vector["leafIdx"].as_u64().unwrap(), vector["treeSize"].as_u64().unwrap());
        let holds = match (hash(vector, "root"), hash(vector, "leafHash"), path(vector)) {
            (Some(root), Some(leaf), Some(path)) => verify_inclusion(index, size, leaf, &path, root),
            _ => false,
        };
        assert_eq!(holds, !vector["wantErr"].as_bool().unwrap(), "{file}");
        if holds { good += 1 } else { bad += 1 }
    }
    assert!(good >= 6 && bad >= 90, "{good} good and {bad} bad vectors");
}

#[test]
fn rfc_6962_consistency() {
    let Some(folder) = conformance("merkle/consistency") else {
        return;
    };
    let mut vectors = Vec::new();
    json_files(&folder, &mut vectors);
    let (mut good, mut bad) = (0, 0);
    for (file, vector) in &vectors {
        let (old, new) = (vector["size1"].as_u64().unwrap(), vector["size2"].as_u64().unwrap());
        let holds = match (hash(vector, "root1"), hash(vector, "root2"), path(vector)) {
            (Some(root1), Some(root2), Some(path)) => verify_consistency(old, new, &path, root1, root2),
            _ => false,
        };
        // Two choices of ours: nothing follows from size 0, and a root has 32 bytes.
        let short = ["root1", "root2"].iter().any(|root| hash(vector, root).is_none());
        let expected = !vector["wantErr"].as_bool().unwrap() && old != 0 && !short;
        assert_eq!(holds, expected, "{file}");
        if holds { good += 1 } else { bad += 1 }
    }
    assert!(good >= 4 && bad >= 60, "{good} good and {bad} bad vectors");
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect()
}

#[test]
fn wycheproof_ed25519() {
    let Some(file) = conformance("ed25519/ed25519_test.json") else {
        return;
    };
    let vectors: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let (mut valid, mut invalid) = (0, 0);
    for group in vectors["testGroups"].as_array().unwrap() {
        let key: [u8; 32] = bytes(group["publicKey"]["pk"].as_str().unwrap()).try_into().unwrap();
        for test in group["tests"].as_array().unwrap() {
            let text = |name: &str| bytes(test[name].as_str().unwrap());
            let holds = PublicKey::from_bytes(&key).is_ok_and(|key| {
                <[u8; 64]>::try_from(text("sig")).is_ok_and(|signature| key.verifies(&text("msg"), &signature))
            });
            assert_eq!(holds, test["result"] == "valid", "test {}: {}", test["tcId"], test["comment"]);
            if holds { valid += 1 } else { invalid += 1 }
        }
    }
    assert_eq!((valid, invalid), (88, 63));
}

/// The example of Go's `golang.org/x/mod/sumdb/note`.
#[test]
fn a_note_signed_by_another_implementation() {
    let note = concat!(
        "If you think cryptography is the answer to your problem,\n",
        "then you don't know what your problem is.\n",
        "\n",
        "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n",
    );
    let key = verifier("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", KeyUse::Ed25519);
    assert_eq!(key.key_id(), [0xc7, 0x4f, 0x20, 0xa3]);
    let parsed = Note::parse(note).unwrap();
    assert_eq!(parsed.to_string(), note);
    assert_eq!(parsed.verify_exactly(std::slice::from_ref(&key)), Ok(()));
    let changed = Note::parse(&note.replace("don't", "do")).unwrap();
    assert_eq!(changed.verify_exactly(std::slice::from_ref(&key)), Err(NoteError::BadSignature(key.name.clone())));
}

/// A public witness's key, as listed by transparency-dev/formats.
#[test]
fn a_cosigner_id_of_another_implementation() {
    let key = verifier("remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2", KeyUse::Cosignature);
    assert_eq!(key.cosigner_id(), [0xda, 0x77, 0xad, 0xe7]);
    assert_ne!(key.key_id(), key.cosigner_id());
}

/// A key in C2SP's spelling: name+hex id+base64(algorithm ‖ key).
fn verifier(vkey: &str, usage: KeyUse) -> VerifierKey {
    let (key, found) = VerifierKey::parse_vkey(vkey).unwrap();
    assert_eq!((found, key.vkey(usage)), (usage, vkey.to_owned()));
    key
}

/// Keys made by others: Go's note package, transparency-dev/formats (with a `+` in its base64), public witnesses.
const VKEYS: [(&str, KeyUse); 4] = [
    ("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", KeyUse::Ed25519),
    ("TEST+7997405c+AQcC+FTVKf0jlTdHDY3rbevmnKxxPjigCXlVtGe6RIr6", KeyUse::Ed25519),
    ("remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2", KeyUse::Cosignature),
    ("witness.navigli.sunlight.geomys.org+a3e00fe2+BNy/co4C1Hn1p+INwJrfUlgz7W55dSZReusH/GhUhJ/G", KeyUse::Cosignature),
];

#[test]
fn verifier_keys_of_other_implementations() {
    for (vkey, usage) in VKEYS {
        verifier(vkey, usage);
    }
}

#[test]
fn a_verifier_key_has_one_spelling() {
    let good = VKEYS[0].0;
    for bad in [
        good.replacen("PeterNeumann", "PeterNeumanm", 1), // the key id is of the name too
        good.replacen("PeterNeumann", "", 1),
        good.replacen("PeterNeumann", "Peter Neumann", 1),
        good.replacen("c74f20a3", "c74f20a4", 1),
        good.replacen("c74f20a3", "C74F20A3", 1),
        good.replacen("c74f20a3", "0c74f20a3", 1),
        good.replacen("c74f20a3+", "", 1),
        good.replacen("+ARpc", "+BBpc", 1), // the id is that of the other algorithm
        good.replacen("+ARpc", "+Ahpc", 1), // no algorithm of ours
        good.replacen("0TW", "0TW=", 1),
        good.replacen("0TW", "0T", 1),
        format!("{good}\n"),
        format!(" {good}"),
        format!("{}{good}", "n".repeat(200)),
        // A point of order 4.
        "a+a5269a0a+AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".into(),
        String::new(),
        "++".into(),
    ] {
        assert!(VerifierKey::parse_vkey(&bad).is_err(), "{bad}");
    }
}

/// The example of a request in C2SP's tlog-witness.
#[test]
fn the_request_to_a_witness_is_read_and_printed() {
    let body = "old 20852014\n\
        PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\n\
        jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=\n\
        5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=\n\
        /6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=\n\
        \n\
        example.com/behind-the-sofa\n\
        20852163\n\
        CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\
        \n\
        — example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n\
        — example.com/behind-the-sofa opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49/V6267UEjw6QUXTS5Rovnzv++qbSzm9Q=\n";
    let asked = AddCheckpoint::parse(body).unwrap();
    assert_eq!((asked.old_size, asked.proof.len(), asked.to_string().as_str()), (20_852_014, 4, body));
    let checkpoint = ForeignCheckpoint::parse(&asked.note).unwrap();
    assert_eq!((checkpoint.origin(), checkpoint.size()), ("example.com/behind-the-sofa", 20_852_163));
    assert_eq!(checkpoint.root().to_string(), "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=");
    assert_eq!(checkpoint.signatures().len(), 2);
    assert_eq!(checkpoint.note_with(checkpoint.signatures()), asked.note);

    // Each in one place not as it must be.
    for (from, to) in [
        ("20852163\n", "020852163\n"),
        ("20852163\n", "9223372036854775808\n"),
        ("CsUY", "CsU"),
        ("example.com/behind-the-sofa\n2", "\n2"),
        ("q2I=\n\n", "q2I=\n"),
        ("q2I=\n", "q2I=\n\nextension\n"),
        ("q2I=\n", "q2I=\t\n"),
        ("— example.com/behind-the-sofa op", "- example.com/behind-the-sofa op"),
        ("— example.com/behind-the-sofa op", "— a+b op"),
        ("m9Q=\n", "m9Q=\n\n"),
        ("m9Q=\n", "m9Q="),
        ("m9Q=", "m9Q"),
    ] {
        let bad = asked.note.replacen(from, to, 1);
        assert!(bad != asked.note && ForeignCheckpoint::parse(&bad).is_err(), "{from:?} as {to:?}");
    }
    let many = |count: usize| asked.note.clone() + &"— somebody AAAAAAEC\n".repeat(count);
    assert!(ForeignCheckpoint::parse(&many(62)).is_ok() && ForeignCheckpoint::parse(&many(63)).is_err());
}
