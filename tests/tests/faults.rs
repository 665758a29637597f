//! Nothing acknowledged is lost and nothing counts twice, whichever process is killed at whichever moment.
//!
//! 1. Five parties say events at a steady pace, in every way there is (scans at each of the three services, documents,
//!    submissions signed at home; packs, containers and quantities), some of it through the query service. What gets no answer or a 503 is sent again, the
//!    same bytes; one party gives up at times. Meanwhile others ask.
//! 2. Every process is killed by SIGKILL, again and again, each time with work in flight (see `strike.rs` for what proves
//!    it). In every other round the next one is killed before the last one is ready again.
//! 3. Nobody is ever told anything but the right answer or "send it again", and no answer reflects an older block than
//!    the one before it.
//! 4. In the end the store holds every acknowledged event once, of every abandoned request all or nothing, and nothing
//!    else. Each event whose request was under way at a kill is asked for by its eventID, each lot by its fold.
//! 5. The audit finds nothing, and answers about the past are what they were when they were first given.
//! 6. After a rebuild, QUESTIONS answers (what was so then, as known then) are the same.
//!
//! `MEDTRACE_FAULTS=long` is the whole: ROUNDS_LONG kills of each process at RATE_LONG events a second; a number is so
//! many rounds at the rate of the short form.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Instant,
};

use anyhow::{Context, bail, ensure};
use medtrace_ledger::Genesis;
use medtrace_log::{
    Cluster,
    consumer::{Isolation, bounds},
    topics::SCAN_EVENTS,
};
use medtrace_registry::notice::Role;
use medtrace_tests::{
    Client, Options, Stack, codes,
    county::{AGENT, County, FACTORY, Member, PROVINCE, STENT, STORE, WAREHOUSE, WIRES, enrol},
    faults::{
        Asked, Askers, BOX_EVENTS, Dice, EventId, Flight, Killer, Lane, Lanes, Strike, TARGETS, WIRE_LOT,
        WIRES_PER_BOX, Way,
        count::{self, Store},
        lot,
    },
    home::Home,
    tool,
    wait::{START_MS, until},
};
use medtrace_tool::stack::{make_token, signer};

/// Kills of each process, and events a second that are said meanwhile.
const ROUNDS_SHORT: u32 = 2;
const RATE_SHORT: f64 = 400.0;
const ROUNDS_LONG: u32 = 20;
const RATE_LONG: f64 = 2_600.0;
/// What the long form must have had acknowledged, events a second from the first kill to the last.
const ACKNOWLEDGED_LONG: f64 = 2_000.0;
/// How often a kill is repeated that met no work in flight.
const TRIES: usize = 5;
/// Questions that are asked before the rebuild and after it.
const QUESTIONS: usize = 1_000;
/// Events whose request a kill interrupted that are asked for by their eventID.
const ASKED_BY_ID: usize = 2_000;
/// Longest wait until everything in the log is in the store, in milliseconds.
const INDEXED_MS: u64 = 1_200_000;
/// A party that signs at home, and its place.
const COURIER: &str = "courier";

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_and_nothing_counts_twice() -> anyhow::Result<()> {
    let form = std::env::var("MEDTRACE_FAULTS").unwrap_or_default();
    let (long, rounds) = (form == "long", form.parse().unwrap_or(ROUNDS_SHORT));
    let (rounds, rate) = if long { (ROUNDS_LONG, RATE_LONG) } else { (rounds, RATE_SHORT) };
    let clock = Instant::now();
    let tell = |what: &str| println!("{:6.1} s  {what}", clock.elapsed().as_secs_f64());
    let county = County::start(Options::default()).await?;
    let courier = courier(&county.stack).await?;
    let stack = &county.stack;

    tell("the stack is up");

    // 1. Everybody speaks, some ask.
    let names = ["manufacturer", "distributor", "hospital", "query"];
    let flights: BTreeMap<&'static str, Flight> = names.map(|name| (name, Flight::default())).into();
    let mut lanes = Lanes::start(lanes(&county, courier, &flights, rate)?);
    let made = lanes.lanes[0].clone();
    let mut askers = Askers::start(&county.query, &flights["query"], &made);
    let killer = Killer::new(stack, flights, lanes.reached.clone()).await?;

    // 2. and 3. Everything is killed.
    let (begun, before) = (Instant::now(), lanes.acknowledged());
    let mut dice = Dice::new(1);
    let mut strikes = Vec::new();
    for round in 0..rounds {
        let mut targets = TARGETS;
        dice.shuffle(&mut targets);
        for target in targets {
            for tries in 1.. {
                let strike = killer.kill(target).await?;
                lanes.check()?;
                askers.check()?;
                if round % 2 == 0 {
                    stack.until_back(target.process).await?;
                    goes_on(&mut lanes, &mut askers).await?;
                }
                let proven = strike.is_proven();
                strikes.push(strike);
                if proven {
                    break;
                }
                ensure!(tries < TRIES, "{} was never killed at work in {TRIES} kills", target.process);
            }
        }
    }
    let (seconds, acknowledged) = (begun.elapsed().as_secs_f64(), lanes.acknowledged() - before);
    tell(&format!("{acknowledged} events acknowledged in {seconds:.0} s, {:.0}/s", acknowledged as f64 / seconds));
    report(&strikes);
    ensure!(!long || acknowledged as f64 >= ACKNOWLEDGED_LONG * seconds, "too little was said for the long form");
    for target in TARGETS {
        let proven = strikes.iter().filter(|strike| strike.target == target && strike.is_proven()).count();
        ensure!(proven >= rounds as usize, "{} was killed at work {proven} times", target.process);
    }

    // 4. Everything is counted.
    for process in stack.endpoints()?.admin.keys() {
        stack.until_ready(process).await?;
    }
    let lanes = lanes.finish().await?;
    let remembered = askers.finish().await?;
    tell("nobody speaks any more");
    let height = all_indexed(stack, &county.query).await?;
    let store = Store::new(stack.endpoints()?)?;
    let tally = count::events(&store, &lanes).await?;
    let replays = store.number("SELECT count() FROM replay FINAL").await?;
    let unknown: u64 = lanes.iter().map(|lane| lane.unknown()).sum();
    tell(&format!("{tally:?}; {unknown} answers lost or 503, {replays} events sealed again"));
    let acknowledged: u64 = lanes.iter().map(|lane| lane.acknowledged()).sum();
    ensure!(tally.events == acknowledged + tally.unacknowledged, "{tally:?} of {acknowledged} acknowledged events");
    ensure!(store.number("SELECT count() FROM refused FINAL").await? == 0, "the store refused rows");
    by_event_id(&county.query, &lanes, &strikes).await?;
    by_fold(&county.query, &store, &lanes).await?;

    tell("every event is there once");

    // 5. The chain and every row hold, and the past is what it was.
    audit(stack)?;
    let told = remembered.iter().filter(|asked| asked.tells()).count();
    tell(&format!("audited; {} answers remembered, {told} of them tell of something", remembered.len()));
    for asked in &remembered {
        asked.again(&county.query).await?;
    }

    // 6. The store can be made anew.
    let mut questions = Vec::with_capacity(QUESTIONS);
    while questions.len() < QUESTIONS {
        questions.push(Asked::some(&county.query, &mut dice, made.next(), height).await?);
    }
    let told = questions.iter().filter(|asked| asked.tells()).count();
    ensure!(told > QUESTIONS / 4, "only {told} of {QUESTIONS} questions are about anything");
    tell(&format!("{QUESTIONS} questions asked, {told} of them about something"));
    let rebuilt = tool::medtrace(Some(stack.data()), &["rebuild"])?;
    ensure!(rebuilt.code == Some(0), "the rebuild failed: {rebuilt:?}");
    ensure!(all_indexed(stack, &county.query).await? == height, "the rebuild changed the chain");
    tell("rebuilt");
    for asked in &questions {
        asked.again(&county.query).await?;
    }
    ensure!(count::events(&store, &lanes).await? == tally, "the rebuild changed what is counted");
    audit(stack)?;
    county.finish().await
}

/// A carrier that signs its submissions itself.
async fn courier(stack: &Stack) -> anyhow::Result<(Client, Home, &'static str)> {
    let key = signer(&stack.layout().keys("parties"), COURIER)?.key;
    let gln: &'static str = codes::gln("95060007", 1).leak();
    let member =
        Member { party: COURIER, role: Role::Carrier, glns: &[gln], prefixes: &[], root_key: Some(key.public()) };
    enrol(stack, &[member]).await?;
    make_token(stack.layout(), COURIER, "system", "gateway")?;
    let genesis = Genesis::parse(&std::fs::read_to_string(stack.layout().genesis())?)?;
    Ok((stack.speaker(COURIER)?.at("distributor").client, Home::new(&genesis, COURIER, key)?, gln))
}

fn lanes(
    county: &County,
    (courier, home, gln): (Client, Home, &'static str),
    flights: &BTreeMap<&'static str, Flight>,
    rate: f64,
) -> anyhow::Result<Vec<Lane>> {
    let scans = |step, place| Way::Scans { step, place };
    let through_query = |client: &Client| {
        let mut client = client.clone();
        client.base.clone_from(&county.query.base);
        client
    };
    let lane = |number, service: &'static str, way, client: Client| {
        let forwarded = (through_query(&client), flights["query"].clone());
        Lane::new(number, service, way, [(client, flights[service].clone()), forwarded])
    };
    let at = |speaker: &medtrace_tests::Speaker, service| speaker.at(service).client;
    let factory = lane(1, "manufacturer", scans("commission", FACTORY), at(&county.factory, "manufacturer"));
    let agent = lane(2, "distributor", scans("store", AGENT), at(&county.agent, "distributor"));
    let province = Way::Capture { place: PROVINCE };
    let province = lane(3, "distributor", province, at(&county.province, "distributor"));
    let courier = lane(4, "distributor", Way::Home { home, place: gln }, courier);
    let warehouse = lane(5, "distributor", scans("observe", WAREHOUSE), at(&county.warehouse, "distributor"));
    let boxes = lane(7, "manufacturer", Way::Boxes { place: FACTORY }, at(&county.factory, "manufacturer"));
    let hospital = lane(6, "hospital", scans("store", STORE), at(&county.hospital, "hospital"));
    // Of the whole rate, each its share.
    Ok(vec![
        Lane { rate: 0.30 * rate, ..factory },
        Lane { rate: 0.15 * rate, ..agent },
        Lane { rate: 0.10 * rate, batch: 520, ..province },
        Lane { rate: 0.10 * rate, batch: 50, ..courier },
        Lane { rate: 0.10 * rate, impatient: true, ..warehouse },
        Lane { rate: 0.20 * rate, ..hospital },
        Lane { rate: 0.05 * rate, ..boxes },
    ])
}

/// Waits until events are acknowledged and questions answered again.
async fn goes_on(lanes: &mut Lanes, askers: &mut Askers) -> anyhow::Result<()> {
    let answered = |askers: &Askers| askers.answered.load(std::sync::atomic::Ordering::Relaxed);
    let (said, asked) = (lanes.acknowledged(), answered(askers));
    until("everything to go on", START_MS, async || {
        lanes.check()?;
        askers.check()?;
        Ok((lanes.acknowledged() > said && answered(askers) > asked).then_some(()))
    })
    .await
}

fn report(strikes: &[Strike]) {
    for target in TARGETS {
        let of: Vec<_> = strikes.iter().filter(|strike| strike.target == target).collect();
        let sum = |number: fn(&Strike) -> u64| of.iter().map(|strike| number(strike)).sum::<u64>();
        println!(
            "{}: {} kills, {} proven at work: {} requests unanswered, {} of them lost, {} records or blocks behind",
            target.process,
            of.len(),
            of.iter().filter(|strike| strike.is_proven()).count(),
            sum(|strike| strike.unanswered as u64),
            sum(|strike| strike.lost.len() as u64),
            sum(|strike| strike.behind),
        );
    }
}

/// Waits until every record of the log is in the store; the height then.
async fn all_indexed(stack: &Stack, query: &Client) -> anyhow::Result<u64> {
    let cluster = Cluster::new(stack.endpoints()?.kafka);
    let indexed = async || {
        let answer = query.get("/v1/positions", &[]).await?;
        if answer.status != 200 {
            return Ok(None);
        }
        let positions = answer.json()?;
        let next = positions["positions"][SCAN_EVENTS].as_array().cloned().unwrap_or_default();
        let ends = bounds(&cluster, SCAN_EVENTS, i32::try_from(next.len())?, Isolation::Everything).await?;
        let all = !next.is_empty() && ends.iter().zip(&next).all(|(end, next)| next.as_u64() == Some(end.high));
        Ok(positions["height"].as_u64().filter(|_| all))
    };
    until("everything to be indexed", INDEXED_MS, indexed).await
}

/// Each event whose request a kill interrupted is there once, or not at all if it was given up.
async fn by_event_id(query: &Client, lanes: &[Arc<Lane>], strikes: &[Strike]) -> anyhow::Result<()> {
    let lost: BTreeSet<EventId> = strikes.iter().flat_map(|strike| strike.lost.iter().copied()).collect();
    let mut asked = 0;
    for EventId { lane, number } in lost {
        let Some(lane) = lanes.iter().find(|other| other.number == lane) else { continue };
        let fates = lane.fates();
        for number in number..number + lane.batch.min(20) {
            let id = EventId { lane: lane.number, number };
            let found = query.events(&id.urn()).await?;
            let fate = fates[number as usize];
            let right = match fate {
                medtrace_tests::faults::Fate::Acknowledged => found.len() == 1,
                _ => found.len() <= 1,
            };
            ensure!(right, "{} was {fate:?} and is found {} times", id.urn(), found.len());
            asked += 1;
        }
        if asked >= ASKED_BY_ID {
            break;
        }
    }
    ensure!(asked > 0, "no request was interrupted");
    println!("{asked} events of interrupted requests asked for by their eventID");
    Ok(())
}

/// Each item was made once, and each lot counts what was made.
async fn by_fold(query: &Client, store: &Store, lanes: &[Arc<Lane>]) -> anyhow::Result<()> {
    let [made, others @ .., boxes] = lanes else { bail!("there are lanes") };
    let twice = "SELECT count() FROM (SELECT class, id FROM fact FINAL WHERE step = 'commissioning' \
                 AND match(id, '^B?[0-9]{1,9}$') GROUP BY class, id HAVING count() != 1)";
    ensure!(store.number(twice).await? == 0, "an item has more than one commissioning fact");
    // All lanes but that of the boxes speak of one item in each event; those of the boxes have no such serials.
    let facts = store.number("SELECT count() FROM fact FINAL WHERE match(id, '^[0-9]{1,9}$')").await?;
    let events = "SELECT count() FROM event FINAL WHERE NOT startsWith(event_id, 'urn:uuid:0007')";
    let events = store.number(events).await?;
    ensure!(facts == events, "{facts} facts of {events} events on one item each");
    ensure!(others.iter().all(|lane| lane.number < boxes.number), "the last lane is that of the boxes");
    let mut lots: BTreeMap<String, u64> = BTreeMap::new();
    for number in 0..made.next() {
        *lots.entry(lot(number)).or_default() += 1;
    }
    for (lot, items) in &lots {
        let reach = query.ask("/v1/reach", &[("gtin", STENT), ("lot", lot)]).await?;
        ensure!(
            reach["commissioned"].as_str() == Some(items.to_string().as_str()) && reach["unaccounted"] == "0",
            "lot {lot} has {items} items; its reach is {reach}"
        );
    }
    let wires = u64::from(boxes.next() / BOX_EVENTS * WIRES_PER_BOX).to_string();
    let reach = query.ask("/v1/reach", &[("gtin", WIRES), ("lot", WIRE_LOT)]).await?;
    ensure!(reach["commissioned"] == wires, "{wires} wires were made; their reach is {reach}");
    let some = lots.keys().next().context("nothing was made")?;
    println!("{facts} facts; {} lots of {} items and less, such as {some}", lots.len(), made.next());
    Ok(())
}

fn audit(stack: &Stack) -> anyhow::Result<()> {
    let audit = tool::medtrace(Some(stack.data()), &["audit"])?;
    ensure!(audit.code == Some(0), "the audit found something: {audit:?}");
    Ok(())
}
