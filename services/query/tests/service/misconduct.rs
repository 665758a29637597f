//! Evidence about the log itself: that it only grows, that it was forked, that it left something out.

use medtrace_ledger::{Checkpoint, Evidence, Hash, Header, Receipt, Shown};
use serde_json::json;

use crate::story::{service, using};
use crate::support::chain::{ORIGIN, admission, signer};
use crate::support::service::{Service, answered};

impl Service {
    async fn tell(&self, path: &str, text: &str) -> reqwest::Response {
        self.http.post(format!("{}{path}", self.url)).body(text.to_owned()).send().await.unwrap()
    }

    /// What the evidence in an answer shows.
    fn proven(&self, text: &str) -> Shown {
        Evidence::from_bytes(text.as_bytes()).unwrap().check(&self.chain.genesis).unwrap()
    }

    /// Seals one more event of the factory; its block's height.
    async fn one_more(&mut self) -> u64 {
        let pending = self.chain.events("factory", 0, &[using()]);
        let height = self.chain.seal(vec![pending]).await;
        self.reflects(height).await;
        height
    }
}

#[tokio::test]
async fn the_log_is_shown_to_have_grown() {
    let mut service = service().await;
    let old = service.chain.checkpoint();
    service.one_more().await;
    let growth = |shown| match shown {
        Shown::Consistency(grown) => (grown.from.size, grown.to.size),
        other => panic!("{other:?}"),
    };
    for path in ["/v1/log/consistency?from=5&to=6", "/v1/log/consistency?from=5"] {
        assert_eq!(growth(service.proven(&service.text(200, path).await)), (5, 6));
    }
    assert_eq!(growth(service.proven(&service.text(200, "/v1/log/consistency?from=5&to=5").await)), (5, 5));
    let none = service.json(404, "/v1/log/consistency?from=2").await;
    assert_eq!(none["detail"], "no checkpoint of 2 blocks is kept here; send one that you hold instead");
    for bad in ["", "?from=0", "?from=7", "?from=6&to=5", "?from=x", "?from=5&size=6"] {
        service.json(400, &format!("/v1/log/consistency{bad}")).await;
    }
    // One that is not kept here any more is as good.
    let answer = service.tell("/v1/log/consistency", &old).await.text().await.unwrap();
    assert_eq!(growth(service.proven(&answer)), (5, 6));
}

#[tokio::test]
async fn a_checkpoint_of_another_history_is_answered_with_a_fork() {
    let mut service = service().await;
    service.one_more().await;
    let signed = |size, by| {
        let other = Checkpoint { origin: ORIGIN.parse().unwrap(), size, root: Hash::of("another history") };
        other.sign(&signer(by)).unwrap().to_string()
    };
    for size in 1..=6 {
        let answer = service.tell("/v1/log/consistency", &signed(size, ORIGIN)).await;
        assert_eq!(answer.status(), 200);
        let text = answer.text().await.unwrap();
        let Shown::Fork(fork) = service.proven(&text) else { panic!("{text}") };
        assert_eq!((fork.smaller.size, fork.larger.size), (size, 6));
        assert_eq!(fork.smaller.root, Hash::of("another history"));
    }
    let ahead = service.tell("/v1/log/consistency", &signed(7, ORIGIN)).await;
    assert_eq!(answered(503, ahead).await["detail"], "no checkpoint of 7 blocks or more is here yet; ask again");
    for bad in [signed(2, "factory"), String::new(), "no note".to_owned()] {
        answered(400, service.tell("/v1/log/consistency", &bad).await).await;
    }
    assert_eq!(service.app.metrics.proofs_broken.get(), 0);
}

#[tokio::test]
async fn what_was_acknowledged_and_not_sealed_is_proven_missing() {
    let mut service = service().await;
    let notice = service.chain.notices("authority", &[admission("receipts", json!(["service"]), json!([]), json!([]))]);
    service.chain.seal(vec![notice]).await;
    let height = service.one_more().await;
    let block = service.json(200, &format!("/v1/blocks/{height}")).await;
    let cut = Header::parse(block["header"].as_str().unwrap()).unwrap().cuts.remove(0);
    let sealed = &block["submissionsList"][0];
    let hash = |name: &str| sealed[name].as_str().unwrap().parse::<Hash>().unwrap();
    let receipt = Receipt {
        origin: ORIGIN.parse().unwrap(),
        submission: hash("id"),
        leaf: hash("leaf"),
        topic: cut.topic,
        uuid: cut.uuid,
        partition: cut.partition,
        offset: cut.from,
        time_ms: 1,
    };
    let ask =
        async |receipt: Receipt, by: &str| service.tell("/v1/log/missing", &receipt.sign(&signer(by)).unwrap()).await;
    // Honest: it is where the receipt says.
    let found = answered(409, ask(receipt.clone(), "receipts").await).await;
    let says = format!("nothing is missing: the submission is sealed from {height}-0 on");
    assert_eq!(found["detail"], says);

    let lost = Receipt { submission: Hash::of("lost"), leaf: Hash::of("lost note"), ..receipt };
    let answer = ask(lost.clone(), "receipts").await;
    assert_eq!(answer.status(), 200);
    let text = answer.text().await.unwrap();
    let Shown::Missing(absent) = service.proven(&text) else { panic!("{text}") };
    assert_eq!((absent.service.as_str(), absent.height), ("receipts", height));
    assert_eq!(absent.receipt, lost);

    // A party's word is no service's; a stranger's is nobody's.
    for by in ["factory", "stranger"] {
        answered(400, ask(lost.clone(), by).await).await;
    }
    answered(400, service.tell("/v1/log/missing", "no note").await).await;
    answered(503, ask(Receipt { offset: cut.to, ..lost.clone() }, "receipts").await).await;
    let again = Receipt { uuid: medtrace_ledger::TopicUuid([9; 16]), ..lost };
    answered(409, ask(again, "receipts").await).await;
    assert_eq!(service.app.metrics.proofs_broken.get(), 0);
}
