//! Drafts that go from machine to machine, and what somebody on the way may do to them.

use medtrace_ledger::{
    Policy, SubmissionKind, VerifierKey, genesis::Quorum, hash::base64, submission::Expected,
    submission::open_submission,
};
use serde_json::json;

use super::*;

const TIME_MS: u64 = 1_772_352_000_000;

fn key(name: &str) -> SigningKey {
    SigningKey::from_seed(&Hash::of(name).0)
}

/// Two of three members; `c` has two keys.
fn genesis() -> Genesis {
    let member = |name: &str, by: &str| VerifierKey::new(name.parse::<PartyId>().unwrap(), key(by).public());
    let log = VerifierKey::new("county.example".parse::<PartyId>().unwrap(), key("log").public());
    Genesis {
        origin: "county.example".parse().unwrap(),
        time_ms: TIME_MS,
        authority: Quorum {
            threshold: 2,
            keys: vec![member("a", "a"), member("b", "b"), member("c", "c"), member("c", "c-2")],
        },
        policy: Policy::alone(log),
    }
}

fn admission(revision: u32) -> Notice {
    let notice = json!({
        "type": "party", "party": "clinic", "revision": revision, "name": {"en": "Clinic"},
        "rootKey": key("clinic").public(), "roles": ["hospital"], "glns": ["9506000140445"], "regions": ["CN"],
    });
    Notice::read(notice.to_string().as_bytes()).unwrap()
}

fn gap() -> Value {
    json!({"type": "gap", "topic": "scan-events", "revision": 1, "lost": "AQEBAQEBAQEBAQEBAQEBAQ",
           "new": "AgICAgICAgICAgICAgICAg", "reason": {"en": "both disks"}})
}

fn draft(signers: &[&str]) -> anyhow::Result<Draft> {
    let keys: Vec<PublicKey> = signers.iter().map(|name| key(name).public()).collect();
    Draft::new(&genesis(), &"a".parse().unwrap(), &keys, TIME_MS, vec![(Salt([7; 16]), admission(1))])
}

/// To another machine and back.
fn sent(draft: &Draft) -> Draft {
    Draft::read(&draft.write().unwrap(), &genesis()).unwrap()
}

fn refused<T: std::fmt::Debug>(result: anyhow::Result<T>) -> String {
    format!("{:#}", result.unwrap_err())
}

/// The draft as a file in which somebody has changed something.
fn changed(draft: &Draft, change: impl Fn(&mut Value)) -> String {
    let mut file: Value = serde_json::from_slice(&draft.write().unwrap()).unwrap();
    change(&mut file);
    refused(Draft::read(file.to_string().as_bytes(), &genesis()))
}

#[test]
fn signed_on_two_machines_it_is_a_submission_that_the_chainer_takes() {
    let new = draft(&["b", "a"]).unwrap();
    new.check_authority(&genesis(), &[]).unwrap();
    let (mut on_a, mut on_b) = (sent(&new), sent(&new));
    on_a.sign(&key("a")).unwrap();
    let missing = format!("signatures are missing: {}", key("b").public());
    assert_eq!(refused(on_a.body()), missing);
    on_b.sign(&key("b")).unwrap();
    let mut merged = sent(&on_a);
    merged.merge(sent(&on_b)).unwrap();
    // The same copy twice does no harm.
    merged.merge(sent(&on_a)).unwrap();

    let body = merged.body().unwrap();
    let bytes = admission(1).to_jcs();
    assert_eq!(body["items"][0]["body"], serde_json::from_slice::<Value>(&bytes).unwrap());
    let leaf = Item { kind: ItemKind::Notice, salt: Salt([7; 16]), bytes: &bytes }.leaf();
    let (origin, genesis) = (genesis().origin, genesis().hash());
    let expected = Expected { kind: SubmissionKind::Notices, origin: &origin, genesis };
    let opened = open_submission(body["note"].as_str().unwrap(), &[leaf], &expected).unwrap();
    assert_eq!(opened.id(), new.id());
}

#[test]
fn whoever_may_not_sign_does_not() {
    let mut one = draft(&["a", "b"]).unwrap();
    let stranger = key("stranger").public();
    assert_eq!(refused(one.sign(&key("stranger"))), format!("{stranger} is none of its signers"));
    one.sign(&key("a")).unwrap();
    assert_eq!(refused(one.sign(&key("a"))), format!("{} has signed already", key("a").public()));
    let twice = format!("{} is named twice; each signer signs once", key("a").public());
    assert_eq!(refused(draft(&["a", "b", "a"])), twice);

    let authority = |signers: &[&str], later: &[PublicKey]| draft(signers).unwrap().check_authority(&genesis(), later);
    let text =
        format!("{stranger} is no key of the authority in the genesis; of a member that joined later, say --later");
    assert_eq!(refused(authority(&["a", "stranger"], &[])), text);
    authority(&["a", "stranger"], &[stranger]).unwrap();
    let few = "what gives power is signed by 2 members of the authority, here 1 will sign";
    assert_eq!(refused(authority(&["a"], &[])), few);
    assert_eq!(refused(authority(&["c", "c-2"], &[])), few, "two keys of one member are one vote");
    let gap = Notice::read(gap().to_string().as_bytes()).unwrap();
    let gap = Draft::new(&genesis(), &"a".parse().unwrap(), &[key("a").public()], TIME_MS, vec![(Salt([7; 16]), gap)]);
    assert_eq!(refused(gap.unwrap().check_authority(&genesis(), &[])), few, "nor does one tell of a gap");
}

#[test]
fn what_was_changed_on_the_way_is_refused() {
    let mut one = draft(&["a", "b"]).unwrap();
    one.sign(&key("a")).unwrap();
    let (a, b) = (key("a").public(), key("b").public());
    let moved = "its notices are not those of the text that is signed: one of the two was changed";
    let add = |draft: &mut Value, entry: Value| draft["signatures"].as_array_mut().unwrap().push(entry);

    assert_eq!(changed(&one, |file| file["items"][0]["body"]["roles"] = json!(["manufacturer"])), moved);
    assert_eq!(changed(&one, |file| file["items"][0]["salt"] = json!(Salt([8; 16]))), moved);
    assert_eq!(changed(&one, |file| file["items"] = json!([])), moved);
    let text = one.submission.text();
    // The time is changed, what is signed is another text.
    let later = text.replace(&TIME_MS.to_string(), &(TIME_MS + 1).to_string());
    assert_eq!(changed(&one, |file| file["text"] = json!(later)), format!("the signature of {a} does not verify"));
    let signed = |file: &Value| file["signatures"][0]["signature"].clone();
    let lent = changed(&one, |file| {
        let entry = json!({"key": b, "signature": signed(file)});
        add(file, entry)
    });
    assert_eq!(lent, format!("the signature of {b} does not verify"));
    let twice = changed(&one, |file| {
        let entry = file["signatures"][0].clone();
        add(file, entry)
    });
    assert_eq!(twice, format!("{a} has signed twice"));
    let foreign = key("stranger");
    let signature = base64(&foreign.sign(text.as_bytes()).unwrap());
    let added = changed(&one, |file| add(file, json!({"key": foreign.public(), "signature": signature})));
    assert_eq!(added, format!("{} is none of its signers", foreign.public()));
    assert_eq!(changed(&one, |file| file["draft"] = json!("v2")), "it is no draft of the form medtrace/draft/v1");
    assert!(
        changed(&one, |file| file["more"] = json!(1)).starts_with("it is no draft of notices: unknown field `more`")
    );
    let kind = text.replace("medtrace/notices/v1", "medtrace/events/v1");
    assert!(changed(&one, |file| file["text"] = json!(kind)).starts_with("its text is not that of a submission"));
    let double = String::from_utf8(one.write().unwrap()).unwrap().replacen('{', "{\"draft\": \"x\",", 1);
    assert!(refused(Draft::read(double.as_bytes(), &genesis())).contains("draft"), "a member twice");

    let other = Genesis { time_ms: TIME_MS + 1, ..genesis() };
    let elsewhere = refused(Draft::read(&one.write().unwrap(), &other));
    assert!(elsewhere.starts_with("it belongs to another consortium: county.example with the genesis"), "{elsewhere}");
    let mut two = draft(&["a", "c"]).unwrap();
    assert_eq!(refused(two.merge(one)), "they are two drafts: what they have signed differs");
}

#[test]
fn a_draft_ends_when_it_could_not_be_sealed_any_more() {
    let one = draft(&["a", "b"]).unwrap();
    one.check_time(TIME_MS).unwrap();
    one.check_time(one.ends_ms()).unwrap();
    let text = refused(one.check_time(one.ends_ms() + 1));
    assert!(text.starts_with("it is too old to be sealed, or this clock is wrong; draft it again: time:"), "{text}");
}

#[test]
fn what_is_signed_is_shown_in_words() {
    let words = |notice: Value| words(&Notice::read(notice.to_string().as_bytes()).unwrap()).join("\n");
    let (root, new) = (key("clinic").public(), key("new").public());
    let mut member = serde_json::from_slice::<Value>(&admission(3).to_jcs()).unwrap();
    member["roles"] = json!(["authority", "hospital"]);
    // A line feed may stand in a name, and so may marks that turn the order of what is read.
    member["name"] = json!({"en": "Clinic\nas nothing at all \u{202e}"});
    member["contact"] = json!({"phone": "+86 23 1"});
    assert_eq!(
        words(member),
        format!(
            "change the party clinic (revision 3); from then on it is only what stands here\n\
             as a MEMBER OF THE AUTHORITY: it will sign who takes part\n\
             named Clinic\\nas nothing at all \\u{{202e}}\n\
             as authority, hospital\n\
             root key {root}; another one so far ends for good\n\
             its places (GLN): 9506000140445\nits prefixes: none\nits regions: CN\ncontact: +86 23 1"
        )
    );
    let key = |more: Value| {
        let mut notice = json!({"type": "key", "party": "clinic", "publicKey": new});
        notice.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        words(notice)
    };
    assert_eq!(
        key(json!({"revision": 1, "action": "enrol", "custody": "hosted:hospital", "roles": ["hospital"]})),
        format!("let the key {new} speak for clinic (revision 1)\nin hospital; the private key is hosted:hospital")
    );
    assert_eq!(
        key(json!({"revision": 2, "action": "revoke", "since": 118})),
        format!("end the key {new} of clinic for good (revision 2)\nwhat it signed from block 118 on is suspect")
    );
    let lent = json!({"type": "delegation", "from": "clinic", "to": "carrier", "revision": 1,
                      "glns": ["9506000140445"], "steps": ["receive", "store"]});
    assert_eq!(
        words(lent),
        "clinic lets carrier act at its places (revision 1)\nat: 9506000140445\nsteps: receive, store"
    );
    assert_eq!(
        words(gap()),
        "go on with the topic scan-events after a LOSS (revision 1)\n\
         lost: what stood under the id AQEBAQEBAQEBAQEBAQEBAQ; what was sealed of it is in an archive or nowhere\n\
         from then on it is sealed under the id AgICAgICAgICAgICAgICAg, from its first record on\n\
         because: both disks"
    );
    let other = json!({"type": "acknowledgement", "recall": "r1", "party": "clinic", "revision": 1, "status": "none"});
    assert_eq!(
        words(other),
        "acknowledgement r1 clinic, revision 1:\n\
         {\"party\":\"clinic\",\"recall\":\"r1\",\"revision\":1,\"status\":\"none\",\"type\":\"acknowledgement\"}"
    );
}
