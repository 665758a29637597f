//! The log on a real Kafka node. One node for each test, on free ports (2 s each).

use std::collections::HashMap;
use std::time::Duration;

use medtrace_ledger::{Item, ItemKind, Salt};
use medtrace_log::consumer::{Bounds, Follower, Isolation, Message, RangeReader, bounds, last};
use medtrace_log::embedded::Scratch;
use medtrace_log::lease::{Lease, SESSION_MS};
use medtrace_log::producer::{Producer, SendError};
use medtrace_log::record::Record;
use medtrace_log::topics::{self, BLOCKS, CHAINER_LEASE, NOTICES, SCAN_EVENTS};
use medtrace_log::transactions::{TransactionError, Transactions, Write};
use medtrace_log::{Cluster, LogError};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};

#[tokio::test]
async fn topics_are_made_once_with_kafkas_own_ids() {
    let kafka = Scratch::start().await;
    let cluster = kafka.cluster();
    let made = topics::ensure(&cluster).await.unwrap();
    assert_eq!(
        made.iter().map(|t| (&*t.name, t.partitions)).collect::<Vec<_>>()[..2],
        [(SCAN_EVENTS, 4), (NOTICES, 1)]
    );
    for topic in &made {
        // What the broker itself wrote down.
        let file = kafka.folder().join(format!("kafka/log/{}-0/partition.metadata", topic.name));
        let metadata = std::fs::read_to_string(file).unwrap();
        assert!(metadata.contains(&format!("topic_id: {}", topic.uuid)), "{metadata} {topic:?}");
    }
    assert_eq!(topics::describe(&cluster, &[NOTICES]).await.unwrap(), [made[1].clone()]);
    let missing = topics::describe(&cluster, &["nothing-here"]).await;
    assert!(matches!(missing, Err(LogError::Topic { .. })), "{missing:?}");
}

#[tokio::test]
async fn a_record_comes_back_and_ranges_are_exact() {
    let kafka = Scratch::start().await;
    let cluster = kafka.cluster();
    let producer = Producer::open(&cluster).unwrap();
    let mut values = Vec::new();
    for i in 0..50u8 {
        let item = Item { kind: ItemKind::Event, salt: Salt([i; 16]), bytes: b"{}" };
        let value = Record::pack(format!("{i}\n\n— a AAAA\n"), [item]).unwrap().encode().unwrap();
        let placed = producer.send(SCAN_EVENTS, Some(2), b"acme", &value).await.unwrap();
        assert_eq!((placed.partition, placed.offset), (2, u64::from(i)));
        values.push(value);
    }
    // The partition of a key is that of every other Kafka client: org.apache.kafka.common.utils.Utils.murmur2, mod 4.
    for (key, partition) in [("acme", 0), ("factory", 3)] {
        let placed = producer.send(SCAN_EVENTS, None, key.as_bytes(), b"").await.unwrap();
        assert_eq!(placed.partition, partition, "{key}");
    }

    let mut reader = RangeReader::open(&cluster, SCAN_EVENTS, 2, Isolation::Everything).unwrap();
    for (from, to) in [(0, 10), (10, 50), (20, 21), (21, 22), (49, 50), (7, 7), (0, 50)] {
        let read = whole(&mut reader, from, to, 3 * values[0].len()).await;
        let wanted = &values[usize::try_from(from).unwrap()..usize::try_from(to).unwrap()];
        assert!(read.iter().map(|m| &m.value).eq(wanted), "{from}..{to}");
        assert!(read.iter().map(|m| m.offset).eq(from..to));
        assert!(read.iter().all(|m| m.key == b"acme" && m.timestamp_ms > 1_700_000_000_000));
    }
    let beyond = reader.read(0, 51, usize::MAX).await;
    assert!(matches!(beyond, Err(LogError::OutOfRange { offset: 51, low: 0, high: 50, .. })), "{beyond:?}");

    let starts = [(1, 0), (2, 48)];
    let follower = Follower::open(&cluster, SCAN_EVENTS, Isolation::Everything, &starts).await.unwrap();
    let seen = [follower.next().await.unwrap().offset, follower.next().await.unwrap().offset];
    assert_eq!(seen, [48, 49]);
    producer.send(SCAN_EVENTS, Some(1), b"later", b"x").await.unwrap();
    assert_eq!(follower.next().await.unwrap().key, b"later");
    let beyond = Follower::open(&cluster, SCAN_EVENTS, Isolation::Everything, &[(2, 51)]).await;
    assert!(matches!(beyond.map(drop), Err(LogError::OutOfRange { .. })));

    let too_large = producer.send(SCAN_EVENTS, None, b"", &vec![0; topics::MESSAGE_BYTES_MAX + 1]).await;
    assert!(matches!(too_large, Err(SendError::NotDone { .. })), "{too_large:?}");
}

#[tokio::test]
async fn only_committed_blocks_are_read_and_an_old_writer_is_shut_out() {
    let kafka = Scratch::start().await;
    let cluster = kafka.cluster();
    assert_eq!(last(&cluster, BLOCKS, 0, Isolation::Committed).await.unwrap(), None);

    let opened = cluster.clone();
    let commits = tokio::task::spawn_blocking(move || {
        fn block(value: &[u8]) -> Write<'_> {
            Write { topic: BLOCKS, partition: 0, key: b"", value }
        }
        let mut old = Transactions::open(&opened, "chainer").unwrap();
        for height in 0..20u8 {
            let header = [height];
            old.commit(&[block(&header)]).unwrap();
        }

        // Too large: nothing of the transaction is read, the writer goes on.
        let too_large = vec![0; topics::MESSAGE_BYTES_MAX + 1];
        let refused = old.commit(&[block(b"a"), block(&too_large)]);
        assert!(matches!(refused, Err(TransactionError::NotDone { .. })), "{refused:?}");
        old.commit(&[block(b"b"), block(b"c")]).unwrap();

        let mut new = Transactions::open(&opened, "chainer").unwrap();
        let fenced = old.commit(&[block(b"old")]);
        assert!(matches!(fenced, Err(TransactionError::Fenced { .. })), "{fenced:?}");
        new.commit(&[block(b"new")]).unwrap();
    });
    commits.await.unwrap();

    let texts = ["b", "c", "new"].map(|text| text.as_bytes().to_vec());
    let wanted: Vec<_> = (0..20).map(|height| vec![height]).chain(texts).collect();
    let follower = Follower::open(&cluster, BLOCKS, Isolation::Committed, &[(0, 0)]).await.unwrap();
    let mut followed = Vec::new();
    while followed.len() < wanted.len() {
        followed.push(follower.next().await.unwrap());
    }
    assert!(followed.iter().map(|message| &message.value).eq(&wanted));
    assert_eq!(followed[19].offset, 38, "a marker stands behind each block");
    let end = last(&cluster, BLOCKS, 0, Isolation::Committed).await.unwrap().unwrap();
    assert_eq!(Some(&end), followed.last());
    let mut reader = RangeReader::open(&cluster, BLOCKS, 0, Isolation::Committed).unwrap();
    assert_eq!(whole(&mut reader, 0, end.offset + 1, 1 << 20).await, followed);
}

#[tokio::test]
async fn a_killed_broker_loses_and_doubles_nothing() {
    const RECORDS: u32 = 20_000;
    let mut kafka = Scratch::start().await;
    let cluster = kafka.cluster();
    let producer = Producer::open(&cluster).unwrap();
    let (acknowledged, mut acknowledgements) = tokio::sync::mpsc::unbounded_channel();
    let sending = tokio::spawn(async move {
        let mut waiting = tokio::task::JoinSet::new();
        for number in 0..RECORDS {
            if waiting.len() >= 500 {
                waiting.join_next().await;
            }
            let (producer, acknowledged) = (producer.clone(), acknowledged.clone());
            waiting.spawn(async move {
                let placed = producer.send(SCAN_EVENTS, None, &number.to_le_bytes(), &number.to_le_bytes()).await;
                acknowledged.send((number, placed.unwrap())).unwrap();
            });
        }
        while waiting.join_next().await.is_some() {}
    });
    let mut placed = HashMap::new();
    while let Some((number, place)) = acknowledgements.recv().await {
        placed.insert(number, place);
        // In the midst of it, twice, with records in flight.
        if [RECORDS / 4, RECORDS / 2].contains(&u32::try_from(placed.len()).unwrap()) {
            kafka.kill().await;
            kafka.restart().await.unwrap();
        }
    }
    sending.await.unwrap();
    assert_eq!(placed.len(), RECORDS as usize);

    let mut counted = 0;
    for (partition, Bounds { low, high }) in
        (0..).zip(bounds(&cluster, SCAN_EVENTS, 4, Isolation::Everything).await.unwrap())
    {
        let mut reader = RangeReader::open(&cluster, SCAN_EVENTS, partition, Isolation::Everything).unwrap();
        for message in whole(&mut reader, low, high, 1 << 20).await {
            let number = u32::from_le_bytes(message.value.try_into().unwrap());
            let place = placed[&number];
            assert_eq!(
                (place.partition, place.offset),
                (partition, message.offset),
                "{number} stands where it was acknowledged"
            );
            counted += 1;
        }
    }
    assert_eq!(counted, RECORDS, "each number stands once");
}

#[tokio::test]
async fn whoever_leads_goes_on_leading_when_others_join() {
    let kafka = Scratch::start().await;
    let cluster = kafka.cluster();
    // Names in either order: whoever comes first in the alphabet gets nothing for it.
    let mut leader = Lease::join(&cluster, CHAINER_LEASE, "m").unwrap();
    leader.acquired().await.unwrap();
    let others = ["a", "z"].map(|name| Lease::join(&cluster, CHAINER_LEASE, name).unwrap());
    all_joined(&cluster, 3).await;
    tokio::select! {
        biased;
        () = leader.lost() => panic!("the lease was taken away"),
        // Long enough for every member to have heard of every other.
        () = tokio::time::sleep(Duration::from_millis(SESSION_MS)) => {}
    }
    assert!(leader.is_held() && !others.iter().any(Lease::is_held));
}

/// Waits until so many processes are members of the lease's group and know their places.
async fn all_joined(cluster: &Cluster, members: usize) {
    let cluster = cluster.clone();
    let waiting = tokio::task::spawn_blocking(move || {
        let mut config = ClientConfig::new();
        let client: BaseConsumer = config.set("bootstrap.servers", cluster.bootstrap()).create().expect("a client");
        loop {
            let groups = client.fetch_group_list(Some(CHAINER_LEASE), Duration::from_secs(10)).expect("the groups");
            let group = groups.groups().first();
            if group.is_some_and(|group| group.state() == "Stable" && group.members().len() == members) {
                return;
            }
        }
    });
    tokio::time::timeout(Duration::from_secs(60), waiting).await.expect("all have joined").expect("no panic");
}

#[tokio::test]
async fn one_leads_and_the_next_follows() {
    let kafka = Scratch::start().await;
    let cluster = kafka.cluster();
    let mut first = Lease::join(&cluster, CHAINER_LEASE, "one").unwrap();
    first.acquired().await.unwrap();
    let mut second = Lease::join(&cluster, CHAINER_LEASE, "two").unwrap();
    // The same name again, as a process started again after a kill: it leads at once, the old one never again.
    let mut again = Lease::join(&cluster, CHAINER_LEASE, "one").unwrap();
    tokio::time::timeout(Duration::from_millis(SESSION_MS), first.lost()).await.expect("the old one is shut out");
    assert!(matches!(first.acquired().await, Err(LogError::Replaced)));
    let leader = tokio::select! { led = again.acquired() => { led.unwrap(); &again }, led = second.acquired() => { led.unwrap(); &second } };
    assert!(leader.is_held());
    assert!(!(again.is_held() && second.is_held()));
    drop(again);
    tokio::time::timeout(Duration::from_millis(3 * SESSION_MS), second.acquired())
        .await
        .expect("the other follows")
        .unwrap();
}

async fn whole(reader: &mut RangeReader, from: u64, to: u64, bytes_max: usize) -> Vec<Message> {
    let (mut at, mut all) = (from, Vec::new());
    while at < to {
        let (messages, next) = reader.read(at, to, bytes_max).await.expect("the range is there");
        assert!(next > at && messages.iter().map(|m| m.value.len()).sum::<usize>() < bytes_max + (1 << 20));
        all.extend(messages);
        at = next;
    }
    all
}
