//! Questions under load, and the answers that must never change: what was true then as known then.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{bail, ensure};
use serde_json::Value;
use tokio::{task::JoinSet, time::sleep};

use super::{Dice, EventId, Flight, Lane, item};
use crate::{Answer, Client};

/// Questions under way at a time.
const ASKERS: u64 = 3;
/// Of the questions about the past, one in so many is remembered with its answer.
const KEPT_ONE_IN: u64 = 20;
/// Of the questions that are recorded, one in so many is about the present.
const NOW_ONE_IN: u64 = 5;
/// Times that are asked about: those of the lanes, and one before all of them.
const LANES_AND_ONE: u64 = 7;
/// Pause after a question that was not answered, in milliseconds.
const AGAIN_MS: u64 = 20;

/// A question with its answer.
#[derive(Debug, Clone)]
pub struct Asked {
    path: &'static str,
    query: Vec<(&'static str, String)>,
    /// Without the height at which it was asked.
    answer: Value,
}

impl Asked {
    /// What is so of an item of the first lane now: its verdict.
    fn now(number: u32) -> Asked {
        Asked { path: "/v1/verify", query: vec![("code", item(number))], answer: Value::Null }
    }

    /// What was so of it at some time, as known at some block up to this one.
    fn then(number: u32, height: u64, dice: &mut Dice) -> anyhow::Result<Asked> {
        let at = EventId { lane: u16::try_from(dice.below(LANES_AND_ONE))?, number }.time()?.to_string();
        let known = dice.below(height + 1).to_string();
        let query = vec![("code", item(number)), ("at", at), ("known", known)];
        Ok(Asked { path: "/v1/provenance", query, answer: Value::Null })
    }

    /// A question about one of so many items, mostly about the past, with its answer.
    pub async fn some(query: &Client, dice: &mut Dice, items: u32, height: u64) -> anyhow::Result<Asked> {
        let number = u32::try_from(dice.below(u64::from(items)))?;
        let asked = match dice.once_in(NOW_ONE_IN) {
            true => Asked::now(number),
            false => Asked::then(number, height, dice)?,
        };
        let answer = history(&asked.ask(query).await?)?;
        Ok(Asked { answer, ..asked })
    }

    async fn ask(&self, query: &Client) -> anyhow::Result<Answer> {
        let parameters: Vec<(&str, &str)> = self.query.iter().map(|(name, value)| (*name, value.as_str())).collect();
        query.get(self.path, &parameters).await
    }

    /// Asks again: the answer must be the same.
    pub async fn again(&self, query: &Client) -> anyhow::Result<()> {
        let answer = history(&self.ask(query).await?)?;
        ensure!(answer == self.answer, "{self:?} is now answered with {answer}");
        Ok(())
    }

    /// Whether anything was known.
    pub fn tells(&self) -> bool {
        let holds = |member: &str| self.answer[member].as_array().is_some_and(|list| !list.is_empty());
        holds("history") || holds("reasons")
    }
}

fn history(answer: &Answer) -> anyhow::Result<Value> {
    let mut answer = answer.good()?;
    if let Some(members) = answer.as_object_mut() {
        members.remove("height");
    }
    Ok(answer)
}

/// Asks without end.
pub struct Askers {
    /// Questions that got an answer.
    pub answered: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    tasks: JoinSet<anyhow::Result<Vec<Asked>>>,
}

impl Askers {
    /// About the items that a lane makes.
    pub fn start(query: &Client, flight: &Flight, lane: &Arc<Lane>) -> Askers {
        let (answered, stop) = (Arc::<AtomicU64>::default(), Arc::<AtomicBool>::default());
        let mut tasks = JoinSet::new();
        for seed in 0..ASKERS {
            let asker = Asker { query: query.clone(), flight: flight.clone(), lane: lane.clone(), height: 0 };
            tasks.spawn(asker.ask(Dice::new(seed), answered.clone(), stop.clone()));
        }
        Askers { answered, stop, tasks }
    }

    /// An error if a question was answered as it should not have been.
    pub fn check(&mut self) -> anyhow::Result<()> {
        match self.tasks.try_join_next() {
            Some(ended) => ended?.and(Err(anyhow::anyhow!("an asker ended by itself"))),
            None => Ok(()),
        }
    }

    /// Ends; what was remembered.
    pub async fn finish(mut self) -> anyhow::Result<Vec<Asked>> {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Vec::new();
        while let Some(kept) = self.tasks.join_next().await {
            all.extend(kept??);
        }
        Ok(all)
    }
}

struct Asker {
    query: Client,
    flight: Flight,
    lane: Arc<Lane>,
    /// The highest block that any answer reflected.
    height: u64,
}

impl Asker {
    async fn ask(
        mut self,
        mut dice: Dice,
        answered: Arc<AtomicU64>,
        stop: Arc<AtomicBool>,
    ) -> anyhow::Result<Vec<Asked>> {
        let mut kept = Vec::new();
        while !stop.load(Ordering::Relaxed) {
            let number = u32::try_from(dice.below(u64::from(self.lane.next())))?;
            let ticket = self.flight.depart(EventId { lane: 0, number }.packed());
            let past = dice.once_in(2);
            let asked = if past { Asked::then(number, self.height, &mut dice)? } else { Asked::now(number) };
            let Some(answer) = self.heard(asked.ask(&self.query).await)? else {
                drop(ticket);
                sleep(Duration::from_millis(AGAIN_MS)).await;
                continue;
            };
            ticket.answered();
            answered.fetch_add(1, Ordering::Relaxed);
            if past && dice.once_in(KEPT_ONE_IN) {
                kept.push(Asked { answer: history(&answer)?, ..asked });
            }
        }
        Ok(kept)
    }

    /// A good answer, whose height never goes back; `None` if there is none. Anything else is wrong.
    fn heard(&mut self, answer: anyhow::Result<Answer>) -> anyhow::Result<Option<Answer>> {
        let Ok(answer) = answer else { return Ok(None) };
        match answer.status {
            200 => {
                let height = answer.json()?["height"].as_u64().unwrap_or(0);
                ensure!(height >= self.height, "after block {} an answer reflects block {height}", self.height);
                self.height = height;
                Ok(Some(answer))
            }
            503 => Ok(None),
            status => bail!("{} answered {status}: {}", answer.asked, answer.text()),
        }
    }
}
