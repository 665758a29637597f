//! Attacks on keys and parties, on the real chain: each over HTTP, refused with a reason; and written straight into Kafka, as
//! who has the broker could: sealed all the same, and named.
//!
//! ```text
//! a revoked enrolment replayed         refused; in Kafka: sealed, without effect, the notice's row says why
//! a revoked key                        refused; in Kafka: bad, unknown-key
//! another key of one name and key ID   refused; in Kafka: bad, bad-signature or unknown-key; both at once: undecodable
//! the authority enrols a party's key   refused; in Kafka: bad, unknown-key; in its own name: sealed, without effect
//! a note in the other topic            refused; in Kafka: bad, wrong-kind
//! a note of another consortium         refused; in Kafka: bad, wrong-origin or wrong-genesis
//! a proof of what is sealed as bad     not given (409); made by hand: both checkers name `bad`
//! a proof with a key that was not      made by hand: both checkers name `key-path`
//! valid in that block
//! ```
//!
//! Afterwards the keys in the newest header are those of before, and an audit finds nothing.

mod proofs;
mod world;

use anyhow::{Context, ensure};
use medtrace_ledger::{Hash, SigningKey};
use medtrace_tests::{Client, home::Home, tool::medtrace};
use serde_json::{Value, json};
use world::{Fate, PARTY, World, key_notice};

const EVENTS: &str = "/v1/submissions";
const NOTICES: &str = "/v1/notices";
const EVENTS_TOPIC: &str = "scan-events";
const NOTICES_TOPIC: &str = "notices";

/// What somebody sends.
struct Attack {
    what: &'static str,
    body: Value,
    /// By whose token it comes over HTTP, where to, and with which status and code it is refused.
    http: (Who, &'static str, u16, &'static str),
    /// Into which topic it is written, and what becomes of it.
    kafka: (&'static str, Fate),
}

#[derive(Clone, Copy)]
enum Who {
    Party,
    Authority,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_attack_is_refused_and_what_gets_into_the_log_is_named() -> anyhow::Result<()> {
    let world = World::start().await?;
    let before = world.newest().await?;
    for attack in attacks(&world)? {
        attempt(&world, &attack).await.with_context(|| attack.what)?;
    }
    proofs::forged(&world).await?;
    assert_eq!(world.newest().await?.keys, before.keys, "no attack has changed who may speak");
    let audit = medtrace(Some(world.stack.data()), &["audit"])?;
    ensure!(audit.code == Some(0), "what is named bad is not tampering: {audit:?}");
    world.finish()
}

async fn attempt(world: &World, attack: &Attack) -> anyhow::Result<()> {
    let (who, path, status, code) = attack.http;
    let client: &Client = match who {
        Who::Party => &world.party,
        Who::Authority => &world.authority,
    };
    let answer = client.post(path, &attack.body).await?;
    let problem = answer.json()?;
    let first = &problem["errors"][0];
    assert_eq!((answer.status, first["code"].as_str()), (status, Some(code)), "{}: {problem}", attack.what);
    assert!(!first["detail"].as_str().unwrap_or_default().is_empty(), "{}: in words: {problem}", attack.what);
    let (topic, fate) = &attack.kafka;
    let sealed = world.inject(topic, &world::record(&attack.body)?).await?;
    assert_eq!(world.fate(&sealed).await?, *fate, "{}", attack.what);
    Ok(())
}

fn attacks(world: &World) -> anyhow::Result<Vec<Attack>> {
    let bad = |reason: &str| Fate::Bad(reason.to_owned());
    let idle = |code: &str| Fate::WithoutEffect(code.to_owned());
    let (events, notices) = ((Who::Party, EVENTS), (Who::Party, NOTICES));
    let mut attacks = Vec::new();
    let mut add = |what, body, (who, path): (Who, &'static str), status, code, topic, fate| {
        attacks.push(Attack { what, body, http: (who, path, status, code), kafka: (topic, fate) });
    };
    let World { home, revoked, twins: [twin, other], .. } = world;
    let event = world::event();
    let fresh = SigningKey::from_seed(&[77; 32]);

    add(
        "a revoked enrolment replayed",
        world.enrolment.clone(),
        notices,
        403,
        "key-not-valid",
        NOTICES_TOPIC,
        idle("key-not-valid"),
    );
    add(
        "an event under a revoked key",
        revoked.events(std::slice::from_ref(&event))?,
        events,
        403,
        "unknown-key",
        EVENTS_TOPIC,
        bad("unknown-key"),
    );

    // Two keys of one name and one key ID: the note names the whole public key, so nothing is taken for the other.
    let lent = world::signature_of(&twin.events(std::slice::from_ref(&event))?, &other.keys[0], PARTY)?;
    add(
        "a twin key signs for the enrolled one",
        lent,
        events,
        400,
        "bad-signature",
        EVENTS_TOPIC,
        bad("bad-signature"),
    );
    add(
        "a twin key that nobody enrolled",
        other.events(std::slice::from_ref(&event))?,
        events,
        403,
        "unknown-key",
        EVENTS_TOPIC,
        bad("unknown-key"),
    );
    let both = world::both(&twin.notices(&[world::place()])?, &other.keys[0])?;
    add("both twins sign one note", both, notices, 400, "undecodable", NOTICES_TOPIC, bad("undecodable"));

    let authority = |party: &str| -> anyhow::Result<Value> {
        let keys = vec![world.authority_key.clone(), fresh.clone()];
        let home = Home { party: party.parse()?, keys, ..home.clone() };
        home.notices(&[key_notice(&fresh, json!({"action": "enrol", "custody": "own"}), 1)])
    };
    add(
        "the authority enrols a key in the party's name",
        authority(PARTY)?,
        notices,
        403,
        "key-not-valid",
        NOTICES_TOPIC,
        bad("unknown-key"),
    );
    add(
        "the authority enrols it in its own name",
        authority("authority")?,
        (Who::Authority, NOTICES),
        403,
        "key-not-valid",
        NOTICES_TOPIC,
        idle("key-not-valid"),
    );

    add(
        "notices among events",
        home.notices(&[world::place()])?,
        events,
        400,
        "wrong-kind",
        EVENTS_TOPIC,
        bad("wrong-kind"),
    );
    add(
        "events among notices",
        home.events(std::slice::from_ref(&event))?,
        notices,
        400,
        "wrong-kind",
        NOTICES_TOPIC,
        bad("wrong-kind"),
    );

    let elsewhere = Home { origin: "elsewhere.example".parse()?, ..home.clone() };
    add(
        "a note of another consortium",
        elsewhere.events(std::slice::from_ref(&event))?,
        events,
        400,
        "wrong-origin",
        EVENTS_TOPIC,
        bad("wrong-origin"),
    );
    let namesake = Home { genesis: Hash([7; 32]), ..home.clone() };
    add(
        "a note of another consortium of the same name",
        namesake.events(&[event])?,
        events,
        400,
        "wrong-genesis",
        EVENTS_TOPIC,
        bad("wrong-genesis"),
    );
    Ok(attacks)
}
