//! Proofs made by hand, of true parts that do not belong together.

use anyhow::{Context, ensure};
use medtrace_ledger::{Checkpoint, EventRef, Header, Item, ItemKind, Note, Proof, Salt, merkle::Tree};
use medtrace_log::record::Record;
use medtrace_tests::{
    home::Home,
    tool::{FINDING, Proofs},
    wait::{SOON_MS, until},
};

use crate::{
    EVENTS_TOPIC,
    world::{self, Fate, Sealed, World},
};

const WEEK_MS: u64 = 7 * 24 * 60 * 60 * 1000;

pub async fn forged(world: &World) -> anyhow::Result<()> {
    let proofs = Proofs::new(&world.stack.data().join("proofs"), &world.stack.layout().genesis())?;
    for (name, proof) in [("good", &world.good), ("then", &world.then)] {
        proofs.hold(&proof.event.to_string(), &proof.text()).with_context(|| name)?;
    }

    // Signed by a valid key, and too old: everything about it can be shown, but that it was good.
    let home = &world.home;
    let old = Home { time_ms: home.time_ms - 2 * WEEK_MS, ..home.clone() };
    let sealed = inject(world, &old, Fate::Bad("time".into())).await?;
    let name = EventRef::new(sealed.header.height, sealed.ordinal, 0).context("an event has a name")?;
    let asked = world.query.get(&format!("/v1/events/{name}/proof"), &[]).await?;
    ensure!(asked.status == 409 && asked.text().contains("sealed as bad: time"), "{}: {}", asked.status, asked.text());
    ensure!(sealed.header.keys == world.good.header.keys, "the keys have not changed since");
    let proof = by_hand(world, &world.good, sealed).await?;
    refused(&proofs, "bad", "listed-bad", &proof)?;

    // Signed by a key that is not valid any more, with the key's entry as it was while it was valid.
    let sealed = inject(world, &world.revoked, Fate::Bad("unknown-key".into())).await?;
    let proof = by_hand(world, &world.then, sealed).await?;
    refused(&proofs, "key-path", "ended-key", &proof)?;

    // The same key in a true proof of another key's event.
    let lent = Proof { keys: world.then.keys.clone(), ..world.good.clone() };
    refused(&proofs, "key", "another-key", &lent)
}

async fn inject(world: &World, home: &Home, fate: Fate) -> anyhow::Result<Sealed> {
    let sealed = world.inject(EVENTS_TOPIC, &world::record(&home.events(&[world::event()])?)?).await?;
    ensure!(world.fate(&sealed).await? == fate, "it is not {fate:?}");
    Ok(sealed)
}

/// A proof of the one record of this block's one cut, under the key entries of another proof.
async fn by_hand(world: &World, keys: &Proof, sealed: Sealed) -> anyhow::Result<Proof> {
    let Sealed { header, ordinal, value } = sealed;
    let (cut, _) = header.locate(ordinal).context("the record is in a cut")?;
    ensure!(cut.records == 1, "the record is alone in its cut");
    let unpacked = Record::decode(&value)?;
    let Item { salt, bytes, .. } = unpacked.item(0).context("the record has an item")?;
    let (salt, bytes): (Salt, String) = (salt, String::from_utf8(bytes.to_vec())?);
    let (checkpoint, headers) = log(world, header.height).await?;
    let size = Checkpoint::parse(checkpoint.text())?.size;
    let tree: Tree = headers.iter().map(Header::leaf).collect();
    Ok(Proof {
        event: EventRef::new(header.height, ordinal, 0).context("an event has a name")?,
        kind: ItemKind::Event,
        salt,
        bytes,
        item_path: Vec::new(),
        submission: Note::parse(&unpacked.record.note)?,
        submission_path: Vec::new(),
        keys: keys.keys.clone(),
        header_path: tree.inclusion_path(header.height, size).context("the header is in the log")?,
        header,
        checkpoint,
    })
}

/// A checkpoint that covers this height, with the headers under it.
async fn log(world: &World, height: u64) -> anyhow::Result<(Note, Vec<Header>)> {
    let covering = async || {
        let note = Note::parse(&world.query.get("/log/checkpoint", &[]).await?.text())?;
        Ok((Checkpoint::parse(note.text())?.size > height).then_some(note))
    };
    let checkpoint = until("a checkpoint of the block", SOON_MS, covering).await?;
    let mut headers = Vec::new();
    for height in 0..Checkpoint::parse(checkpoint.text())?.size {
        headers.push(world::header(&world.query, height).await?);
    }
    Ok((checkpoint, headers))
}

/// Both checkers refuse it, and name this part.
fn refused(proofs: &Proofs, part: &str, name: &str, proof: &Proof) -> anyhow::Result<()> {
    let file = proofs.keep(name, proof.text())?;
    let (ours, theirs) = (proofs.by_tool(&file)?, proofs.by_python(&file)?);
    ensure!(ours.code == Some(FINDING) && ours.json()?["part"] == part, "{name}: {part} is not named: {ours:?}");
    // The part, and what it should have been where there is more to say.
    let said = theirs.stderr.trim_end().strip_prefix("not proven: ").map(|said| said.split(':').next() == Some(part));
    ensure!(theirs.code == Some(FINDING) && said == Some(true), "{name}: {part} is not named: {theirs:?}");
    Ok(())
}
