//! Three nodes for tests: a cluster that survives the loss of any one of them.

use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};

use super::scratch::{Folder, free_ports};
use super::{Member, Node, NodeError, NodeSettings, START_MS, libs};
use crate::quiet::Quiet;
use crate::{Cluster, topics};

const NODES: usize = 3;
/// Any base64 of 16 bytes.
const CLUSTER_ID: &str = "bWVkdHJhY2UtdGVzdC0wMQ";
/// Pause before the brokers are counted again, milliseconds.
const COUNT_PAUSE_MS: u64 = 100;

/// Three nodes on free ports, with all topics on each, in a temporary folder that goes with them. For tests; needs the
/// jars and java.
pub struct Three {
    // Dropped in this order: the nodes end before their folder goes.
    nodes: [Option<Node>; NODES],
    settings: [NodeSettings; NODES],
    folder: Folder,
}

impl Three {
    /// Panics with the reason if it cannot: a test has no use for less.
    pub async fn start() -> Three {
        let folder = Folder::new();
        let ports: [u16; 2 * NODES] = free_ports();
        let voters: Vec<_> = (1..).zip(&ports[NODES..]).map(|(id, port)| format!("{id}@127.0.0.1:{port}")).collect();
        let settings = [0, 1, 2].map(|index| NodeSettings {
            java: "java".into(),
            libs: libs().unwrap_or_else(|error| panic!("{error}")),
            data: folder.path().join(format!("kafka-{index}")),
            port: ports[index],
            controller_port: ports[NODES + index],
            log: folder.path().join(format!("kafka-{index}.log")),
            member: Some(Member { node_id: index + 1, cluster_id: CLUSTER_ID.into(), voters: voters.join(",") }),
            more: String::new(),
        });
        let [first, second, third] = &settings;
        let started = tokio::join!(Node::start(first), Node::start(second), Node::start(third));
        let nodes = [started.0, started.1, started.2].map(|node| Some(node.unwrap_or_else(|error| panic!("{error}"))));
        let three = Three { nodes, settings, folder };
        three.until_all_are_there().await;
        topics::ensure(&three.cluster()).await.unwrap_or_else(|error| panic!("{error}"));
        three
    }

    /// All of them as bootstrap servers.
    pub fn cluster(&self) -> Cluster {
        let servers: Vec<_> = self.settings.iter().map(|node| format!("127.0.0.1:{}", node.port)).collect();
        Cluster::new(servers.join(","))
    }

    /// The folder that goes with them, for other files of the test.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// SIGKILL of one; its data stays.
    pub async fn kill(&mut self, index: usize) {
        if let Some(node) = self.nodes[index].take() {
            node.kill().await;
        }
    }

    /// Starts a killed one again, with the same ports and data; returns when the cluster counts it as its own.
    pub async fn restart(&mut self, index: usize) -> Result<(), NodeError> {
        self.nodes[index] = Some(Node::start(&self.settings[index]).await?);
        self.until_all_are_there().await;
        Ok(())
    }

    /// Resolves when every partition is on all nodes again.
    pub async fn until_in_sync(&self) {
        self.until("every partition to be on all nodes", |consumer| {
            let metadata = consumer.fetch_metadata(None, Duration::from_secs(1)).ok()?;
            let mut partitions = metadata.topics().iter().flat_map(|topic| topic.partitions());
            partitions.all(|partition| partition.isr().len() == NODES).then_some(())
        })
        .await;
    }

    async fn until_all_are_there(&self) {
        self.until("all nodes to be there", |consumer| {
            let metadata = consumer.fetch_metadata(None, Duration::from_secs(1)).ok()?;
            (metadata.brokers().len() == NODES).then_some(())
        })
        .await;
    }

    async fn until(&self, what: &str, is_so: fn(&BaseConsumer<Quiet>) -> Option<()>) {
        let consumer: BaseConsumer<Quiet> =
            self.cluster().reader().create_with_context(Quiet).unwrap_or_else(|error| panic!("{error}"));
        let deadline = Instant::now() + Duration::from_millis(START_MS);
        let waited = crate::blocking(move || {
            while Instant::now() < deadline {
                if is_so(&consumer).is_some() {
                    return true;
                }
                std::thread::sleep(Duration::from_millis(COUNT_PAUSE_MS));
            }
            false
        });
        assert!(waited.await, "waited in vain for {what}");
    }
}
