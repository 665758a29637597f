//! A consortium of one party that signs at home, and somebody who writes into its Kafka.

use std::fs;

use anyhow::{Context, ensure};
use medtrace_event::Json;
use medtrace_ledger::{Genesis, Header, Item, ItemKind, Note, Proof, Salt, Signer, SigningKey, VerifierKey};
use medtrace_log::{Cluster, producer::Producer, record::Record};
use medtrace_registry::Role;
use medtrace_tests::{
    Client, Options, Placed, Stack,
    codes::uri,
    county::{Member, enrol},
    home::Home,
};
use medtrace_tool::stack::make_token;
use serde_json::{Value, json};

/// The party that signs at home, its company prefix and its GLN.
pub const PARTY: &str = "homeworks";
const PREFIX: &str = "95060007";
const GLN: &str = "9506000700014";
/// First eight bytes, big endian, of two seeds whose keys have one key ID under the party's name; the rest is zeros.
const TWINS: [u64; 2] = [93_645, 95_093];

pub struct World {
    pub stack: Stack,
    pub query: Client,
    /// With tokens of the party and of the authority.
    pub party: Client,
    pub authority: Client,
    pub authority_key: SigningKey,
    /// Signs with the root key.
    pub home: Home,
    /// Signs with a key that was enrolled, used and revoked.
    pub revoked: Home,
    /// The body that enrolled it.
    pub enrolment: Value,
    /// Two keys of one name and one key ID; the first is enrolled.
    pub twins: [Home; 2],
    /// Of an event under the root key, and of one under the revoked key while it was valid.
    pub good: Proof,
    pub then: Proof,
    producer: Producer,
}

/// Where a record was sealed.
pub struct Sealed {
    pub header: Header,
    pub ordinal: u32,
    /// The whole value.
    pub value: Vec<u8>,
}

/// What became of a record.
#[derive(Debug, PartialEq, Eq)]
pub enum Fate {
    /// Named bad, for this reason.
    Bad(String),
    /// Sealed, but the notice did nothing, for this code.
    WithoutEffect(String),
    /// Sealed, and nothing is said against it.
    Good,
}

impl World {
    pub async fn start() -> anyhow::Result<World> {
        let stack = Stack::start(Options::default()).await?;
        let query = stack.query()?;
        let genesis = Genesis::parse(&query.get("/log/genesis", &[]).await?.text())?;
        let [root, second] = [7, 8].map(|seed| SigningKey::from_seed(&[seed; 32]));
        let root_key = Some(root.public());
        let member = Member { party: PARTY, role: Role::Manufacturer, glns: &[GLN], prefixes: &[PREFIX], root_key };
        enrol(&stack, &[member]).await?;
        make_token(stack.layout(), PARTY, "operator", "home")?;
        let authority = medtrace_service::keys::read(
            &stack.layout().keys("authority").join("authority.key"),
            &medtrace_service::keys::Protection::default(),
        )?;

        let home = Home::new(&genesis, PARTY, root.clone())?;
        let with = |keys: &[&SigningKey]| Home { keys: keys.iter().copied().cloned().collect(), ..home.clone() };
        let twins = TWINS.map(|number| {
            let mut seed = [0; 32];
            seed[..8].copy_from_slice(&number.to_be_bytes());
            SigningKey::from_seed(&seed)
        });
        let id = |key: &SigningKey| VerifierKey::new(home.party.clone(), key.public()).key_id();
        ensure!(id(&twins[0]) == id(&twins[1]) && twins[0].public() != twins[1].public(), "the twins are none");

        let speaker = stack.speaker(PARTY)?;
        let enrol = json!({"action": "enrol", "custody": "own"});
        let enrolment = with(&[&root, &second]).notices(&[key_notice(&second, enrol.clone(), 1)])?;
        let twin = with(&[&root, &twins[0]]).notices(&[key_notice(&twins[0], enrol, 1)])?;
        speaker.taken("/v1/notices", &enrolment).await?;
        speaker.until_in_force(&speaker.taken("/v1/notices", &twin).await?).await?;
        let revoked = with(&[&second]);
        let then = proven(&query, &speaker.taken("/v1/submissions", &revoked.events(&[event()])?).await?).await?;
        let end = home.notices(&[key_notice(&second, json!({"action": "revoke"}), 2)])?;
        speaker.until_in_force(&speaker.taken("/v1/notices", &end).await?).await?;
        let good = proven(&query, &speaker.taken("/v1/submissions", &home.events(&[event()])?).await?).await?;

        Ok(World {
            party: speaker.client,
            authority: stack.speaker("authority")?.client,
            authority_key: authority.key,
            twins: twins.map(|key| with(&[&key])),
            producer: Producer::open(&Cluster::new(stack.endpoints()?.kafka))?,
            home,
            revoked,
            enrolment,
            good,
            then,
            query,
            stack,
        })
    }

    /// Writes a record into Kafka, past every service, and waits until it is sealed and indexed.
    pub async fn inject(&self, topic: &str, value: &[u8]) -> anyhow::Result<Sealed> {
        let sent = self.producer.send(topic, Some(0), PARTY.as_bytes(), value).await?;
        let at = Placed { topic: topic.to_owned(), partition: 0, offset: sent.offset };
        let (header, ordinal) = sealed(&self.query, &at).await?;
        Ok(Sealed { header, ordinal, value: value.to_vec() })
    }

    pub async fn fate(&self, sealed: &Sealed) -> anyhow::Result<Fate> {
        if let Some(reason) = sealed.header.bad_reason(sealed.ordinal) {
            return Ok(Fate::Bad(reason.to_string()));
        }
        let (height, idx) = (sealed.header.height, sealed.ordinal * 512);
        let row = self.ask(&format!("SELECT refusal FROM notice FINAL WHERE block = {height} AND idx = {idx}")).await?;
        // `<path>: <words> (<code>)`
        let code = row.trim().strip_suffix(')').and_then(|said| said.rsplit_once('('));
        Ok(code.map_or(Fate::Good, |(_, code)| Fate::WithoutEffect(code.to_owned())))
    }

    /// The newest sealed header.
    pub async fn newest(&self) -> anyhow::Result<Header> {
        header(&self.query, self.query.height().await?).await
    }

    async fn ask(&self, sql: &str) -> anyhow::Result<String> {
        let endpoints = self.stack.endpoints()?;
        let password = fs::read_to_string(&endpoints.clickhouse_password_file)?;
        let client = Client::new(&endpoints.clickhouse, None)?;
        let path = format!("/?database={}", endpoints.clickhouse_database);
        let with = |request: reqwest::RequestBuilder| {
            request.basic_auth(&endpoints.clickhouse_user, Some(password.trim())).body(sql.to_owned())
        };
        let answer = client.send(reqwest::Method::POST, &path, with).await?;
        ensure!(answer.status == 200, "{sql}: {}", answer.text());
        Ok(answer.text())
    }

    pub fn finish(self) -> anyhow::Result<()> {
        self.stack.finish()
    }
}

pub async fn header(query: &Client, height: u64) -> anyhow::Result<Header> {
    let block = query.ask(&format!("/v1/blocks/{height}"), &[]).await?;
    Ok(Header::parse(block["header"].as_str().context("a block has its header")?)?)
}

/// The block that holds a record, and the record's ordinal there.
async fn sealed(query: &Client, at: &Placed) -> anyhow::Result<(Header, u32)> {
    let top = query.until_indexed(at).await?;
    for height in (0..=top).rev() {
        let header = header(query, height).await?;
        let place = header.cuts_with_ordinals().find_map(|(cut, ordinals)| {
            let here = cut.topic.as_str() == at.topic && cut.partition as usize == at.partition;
            let found = here && (cut.from..cut.to).contains(&at.offset);
            // Nothing here is transactional, so that offsets have no gaps.
            found.then(|| ordinals.start + (at.offset - cut.from) as u32)
        });
        if let Some(ordinal) = place {
            return Ok((header, ordinal));
        }
    }
    anyhow::bail!("no block holds {at:?}")
}

/// The proof of the first item of a submission.
async fn proven(query: &Client, at: &Placed) -> anyhow::Result<Proof> {
    let (header, ordinal) = sealed(query, at).await?;
    Ok(Proof::parse(&query.proof(&format!("{}-{}", header.height, ordinal * 512)).await?)?)
}

/// The Kafka value of a body as it is posted.
pub fn record(body: &Value) -> anyhow::Result<Vec<u8>> {
    let mut items = Vec::new();
    for item in body["items"].as_array().context("a body has items")? {
        let kind: ItemKind = item["kind"].as_str().unwrap_or_default().parse()?;
        let salt: Salt = item["salt"].as_str().unwrap_or_default().parse()?;
        let bytes = Json::try_from(&item["body"]).map_err(|fault| anyhow::anyhow!("{fault}"))?.to_jcs();
        items.push((kind, salt, bytes));
    }
    let items = items.iter().map(|(kind, salt, bytes)| Item { kind: *kind, salt: *salt, bytes });
    Ok(Record::pack(body["note"].as_str().unwrap_or_default().to_owned(), items)?.encode()?)
}

/// The body with its one signature line made by another key of that name.
pub fn signature_of(body: &Value, key: &SigningKey, name: &str) -> anyhow::Result<Value> {
    let note = Note::parse(body["note"].as_str().unwrap_or_default())?;
    let signer = Signer::new(name.parse::<medtrace_ledger::PartyId>()?, key.clone());
    let forged = Note::new(note.text().to_owned(), vec![signer.sign(note.text())?])?;
    Ok(json!({"note": forged.to_string(), "items": body["items"]}))
}

/// The body with a second key of the same name and key ID named and signing beside the first.
pub fn both(body: &Value, other: &SigningKey) -> anyhow::Result<Value> {
    let note = Note::parse(body["note"].as_str().unwrap_or_default())?;
    let mut submission = medtrace_ledger::Submission::parse(note.text())?;
    let first = submission.public_keys[0];
    submission.public_keys.push(other.public());
    submission.public_keys.sort_by_cached_key(ToString::to_string);
    // The first line stays as it is: lines are read before signatures are checked.
    let signer = Signer::new(submission.party.clone(), other.clone());
    let mut lines = [note.signatures()[0].clone(), signer.sign(&submission.text())?];
    if submission.public_keys[0] != first {
        lines.reverse();
    }
    let note = format!("{}\n{}\n{}\n", submission.text(), lines[0], lines[1]);
    Ok(json!({"note": note, "items": body["items"]}))
}

/// A key notice of the party.
pub fn key_notice(key: &SigningKey, action: Value, revision: u32) -> Value {
    let mut notice = json!({"type": "key", "party": PARTY, "revision": revision, "publicKey": key.public()});
    for (name, value) in action.as_object().into_iter().flatten() {
        notice[name] = value.clone();
    }
    notice
}

/// A place notice of the party.
pub fn place() -> Value {
    json!({
        "type": "place", "place": uri::place(GLN), "revision": 1, "party": PARTY, "name": {"en": "Home"}, "region": "CN",
    })
}

/// An event that the party may say; each call gives another.
pub fn event() -> Value {
    let serial = uuid::Uuid::new_v4().simple().to_string();
    json!({
        "type": "ObjectEvent", "action": "ADD", "bizStep": "commissioning", "disposition": "active",
        "eventID": format!("urn:uuid:{}", uuid::Uuid::new_v4()),
        "eventTime": "2026-03-01T08:00:00+08:00", "eventTimeZoneOffset": "+08:00",
        "epcList": [uri::item(GTIN, &serial[..12])], "readPoint": {"id": uri::place(GLN)},
    })
}

/// A GTIN under the party's prefix.
const GTIN: &str = "09506000700014";
