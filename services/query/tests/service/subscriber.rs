//! What tests of subscriptions do: subscribe, look, let something happen, let time pass.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::receiver::Receiver;
use crate::story::{service, using_in};
use crate::support::service::{Service, answered};

/// Longest wait for a change.
const PATIENCE: Duration = Duration::from_secs(30);

impl Service {
    pub async fn subscribe(&self, party: &str, controls: Value) -> reqwest::Response {
        self.ask(Method::POST, "/queries/all/subscriptions", party).json(&controls).send().await.unwrap()
    }

    /// The path of a new subscription to everything.
    pub async fn subscribed(&self, party: &str, controls: Value) -> String {
        let made = self.subscribe(party, controls).await;
        let path = made.headers().get("location").map(|path| path.to_str().unwrap().to_owned());
        answered(201, made).await;
        path.unwrap()
    }

    pub async fn shown(&self, path: &str, party: &str) -> Value {
        answered(200, self.ask(Method::GET, path, party).send().await.unwrap()).await
    }

    /// Once it is shown like this.
    pub async fn until(&self, path: &str, party: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let [_, _, query, _, id] = path.split('/').collect::<Vec<_>>()[..] else { panic!("{path}") };
        let entry = self.app.book.subscription(query, id, party).unwrap();
        let mut changes = entry.changes();
        loop {
            let shown = self.shown(path, party).await;
            if holds(&shown) {
                return shown;
            }
            let changed = tokio::time::timeout(PATIENCE, changes.changed()).await;
            changed.unwrap_or_else(|_| panic!("not in time: {shown}")).unwrap();
        }
    }

    /// Seals one event of this step.
    pub async fn happens(&mut self, step: &str) {
        let mut event = using_in(step);
        // Otherwise it would be a replay.
        event["eventTime"] = json!(format!("2026-02-01T00:00:{:02}Z", self.app.view.now().known() % 60));
        let pending = self.chain.events("hospital", 1, &[event]);
        let height = self.chain.seal(vec![pending]).await;
        self.reflects(height).await;
    }

    pub fn passes(&self, ms: u64) {
        self.time.send_modify(|now| *now += ms);
    }
}

/// A service with a query for everything.
pub async fn named() -> Service {
    let service = service().await;
    answered(201, service.name("factory", "all", json!({})).await).await;
    service
}

pub fn stream(receiver: &Receiver) -> Value {
    json!({"dest": receiver.url, "stream": true})
}
