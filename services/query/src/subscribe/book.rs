//! All named queries and subscriptions, within limits. What is changed is in its file when the change is answered.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use medtrace_service::{Kind, Problem, Shutdown};
use tokio::task::JoinSet;

use super::entry::Entry;
use super::feed::Feed;
use super::record::Subscription;
use super::worker::{Tools, work};
use crate::kept::Kept;
use crate::named::{NamedQuery, taken, unknown};
use crate::requests;

/// Named queries of one party, and of all.
pub const QUERIES_PER_PARTY_MAX: usize = 100;
const QUERIES_MAX: usize = 10_000;
/// Subscriptions of one party, to one query, and all together.
pub const SUBSCRIPTIONS_PER_PARTY_MAX: usize = 50;
pub const SUBSCRIPTIONS_PER_QUERY_MAX: usize = 50;
const SUBSCRIPTIONS_MAX: usize = 1_000;

/// Cheap to clone: every clone is the same book.
#[derive(Clone)]
pub struct Book(Arc<Inner>);

struct Inner {
    tools: Arc<Tools>,
    queries: Kept<NamedQuery>,
    subscriptions: Arc<Kept<Subscription>>,
    state: Mutex<State>,
    shutdown: Shutdown,
}

#[derive(Default)]
struct State {
    queries: BTreeMap<String, Arc<NamedQuery>>,
    /// In the order of their ids.
    subscriptions: BTreeMap<String, Arc<Entry>>,
    workers: JoinSet<()>,
    /// Held until the end; `None` after it.
    lock: Option<File>,
}

impl Book {
    /// Reads what is kept and goes on with every subscription.
    ///
    /// # Errors
    /// What cannot be read, by the name of its file; another process uses the folder.
    pub fn open(data: &Path, tools: Tools, shutdown: Shutdown) -> Result<Book, String> {
        let path = data.join("lock");
        let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        std::fs::create_dir_all(data).map_err(|error| failed(&error))?;
        let lock = File::options().create(true).truncate(false).write(true).open(&path);
        let lock = lock.map_err(|error| failed(&error))?;
        lock.try_lock().map_err(|_| format!("{} is used by another process", data.display()))?;
        let (queries, named) = Kept::<NamedQuery>::open(&data.join("queries")).map_err(|error| error.to_string())?;
        let (subscriptions, kept) =
            Kept::<Subscription>::open(&data.join("subscriptions")).map_err(|error| error.to_string())?;
        let subscriptions = Arc::new(subscriptions);
        let mut state = State { lock: Some(lock), ..State::default() };
        for (name, query) in named {
            let failed = |reason: &str| format!("failed to use queries/{name}.json: {reason}");
            query.ask().map_err(|problem| failed(&problem.detail))?;
            if name != query.name {
                return Err(failed("it is another query's"));
            }
            state.queries.insert(name, Arc::new(query));
        }
        let book =
            Inner { tools: Arc::new(tools), queries, subscriptions, state: Mutex::new(State::default()), shutdown };
        for (id, subscription) in kept {
            let query = state.queries.get(&subscription.query).filter(|_| subscription.id == id);
            let query = query.ok_or_else(|| format!("failed to use subscriptions/{id}.json: its query is missing"))?;
            let query = Arc::clone(query);
            book.start(&mut state, &query, subscription).map_err(|problem| problem.detail)?;
        }
        *book.lock() = state;
        Ok(Book(Arc::new(book)))
    }

    /// What is shared with those who read without a subscription.
    pub fn tools(&self) -> &Tools {
        &self.0.tools
    }

    /// # Errors
    /// `NoSuchNameException`
    pub fn query(&self, name: &str) -> Result<Arc<NamedQuery>, Problem> {
        let found = self.0.lock().queries.get(name).cloned();
        found.ok_or_else(|| unknown(name))
    }

    /// Queries after a name, in the order of their names.
    pub fn queries(&self, after: &str, limit: usize) -> Vec<Arc<NamedQuery>> {
        let state = self.0.lock();
        state
            .queries
            .iter()
            .filter(|(name, _)| name.as_str() > after)
            .map(|(_, query)| query.clone())
            .take(limit)
            .collect()
    }

    /// # Errors
    /// The name is taken; too many.
    pub async fn add_query(&self, query: NamedQuery) -> Result<(), Problem> {
        self.change(move |inner| {
            let mut state = inner.lock();
            if state.queries.contains_key(&query.name) {
                return Err(taken(&query.name));
            }
            let theirs = state.queries.values().filter(|other| other.party == query.party).count();
            within("named queries of your party", theirs, QUERIES_PER_PARTY_MAX)?;
            within("named queries", state.queries.len(), QUERIES_MAX)?;
            inner.queries.write(&query.name, &query).map_err(unwritten)?;
            state.queries.insert(query.name.clone(), Arc::new(query));
            Ok(())
        })
        .await
    }

    /// Ends its subscriptions, then takes it away.
    ///
    /// # Errors
    /// There is none; or it is another party's.
    pub async fn remove_query(&self, name: &str, party: &str) -> Result<(), Problem> {
        let (query, party) = (self.query(name)?, party.to_owned());
        if query.party != party {
            return Err(
                Kind::Forbidden.because(format!("the query {name} is another party's; only that can delete it"))
            );
        }
        self.change(move |inner| {
            let mut state = inner.lock();
            let of_it = |entry: &Entry| entry.now().is_some_and(|now| now.query == query.name);
            let ids: Vec<String> =
                state.subscriptions.iter().filter(|(_, entry)| of_it(entry)).map(|(id, _)| id.clone()).collect();
            for id in ids {
                state.subscriptions[&id].remove().map_err(unwritten)?;
                state.subscriptions.remove(&id);
            }
            inner.queries.remove(&query.name).map_err(unwritten)?;
            state.queries.remove(&query.name);
            query.gone.cancel();
            Ok(())
        })
        .await
    }

    /// A party's subscriptions to a query after an id, in the order of their ids.
    pub fn subscriptions(&self, query: &str, party: &str, after: &str, limit: usize) -> Vec<Subscription> {
        let state = self.0.lock();
        let later = state.subscriptions.iter().filter(|(id, _)| id.as_str() > after);
        let theirs = |now: &Subscription| now.query == query && now.party == party;
        later.filter_map(|(_, entry)| entry.now().filter(theirs)).take(limit).collect()
    }

    /// All of them.
    pub fn every_subscription(&self) -> Vec<Subscription> {
        self.0.lock().subscriptions.values().filter_map(|entry| entry.now()).collect()
    }

    /// # Errors
    /// `NoSuchResourceException`, also for another party's.
    pub fn subscription(&self, query: &str, id: &str, party: &str) -> Result<Arc<Entry>, Problem> {
        let found = self.0.lock().subscriptions.get(id).cloned();
        let theirs = |entry: &Arc<Entry>| entry.now().is_some_and(|now| now.query == query && now.party == party);
        found
            .filter(theirs)
            .ok_or_else(|| Kind::NoSuchResource.because(format!("your party has no subscription {id:?} to {query}")))
    }

    /// # Errors
    /// Too many; its query is gone.
    pub async fn add_subscription(&self, subscription: Subscription) -> Result<(), Problem> {
        self.change(move |inner| {
            let mut state = inner.lock();
            let query = state.queries.get(&subscription.query).cloned();
            let query = query.ok_or_else(|| unknown(&subscription.query))?;
            let all: Vec<Subscription> = state.subscriptions.values().filter_map(|entry| entry.now()).collect();
            let count = |same: &dyn Fn(&Subscription) -> bool| all.iter().filter(|other| same(other)).count();
            let theirs = count(&|other| other.party == subscription.party);
            let of_it = count(&|other| other.query == subscription.query);
            within("subscriptions of your party", theirs, SUBSCRIPTIONS_PER_PARTY_MAX)?;
            within("subscriptions to this query", of_it, SUBSCRIPTIONS_PER_QUERY_MAX)?;
            within("subscriptions", all.len(), SUBSCRIPTIONS_MAX)?;
            inner.subscriptions.write(&subscription.id, &subscription).map_err(unwritten)?;
            inner.start(&mut state, &query, subscription)
        })
        .await
    }

    /// Ends a subscription.
    pub async fn remove_subscription(&self, entry: Arc<Entry>) -> Result<(), Problem> {
        self.change(move |inner| {
            let mut state = inner.lock();
            let id = entry.now().map(|now| now.id);
            entry.remove().map_err(unwritten)?;
            id.map(|id| state.subscriptions.remove(&id));
            Ok(())
        })
        .await
    }

    /// Ends all work and lets another process use the folder. Call it after the shutdown.
    pub async fn end(&self) {
        let mut workers = std::mem::take(&mut self.0.lock().workers);
        while workers.join_next().await.is_some() {}
        self.0.lock().lock = None;
    }

    /// On a thread where files may be written, whether or not whoever asked for it still waits.
    async fn change(&self, change: impl FnOnce(&Inner) -> Result<(), Problem> + Send + 'static) -> Result<(), Problem> {
        let inner = Arc::clone(&self.0);
        let changed = tokio::task::spawn_blocking(move || change(&inner)).await;
        changed.unwrap_or_else(|error| Err(unwritten(io::Error::other(error))))
    }
}

impl Inner {
    /// Goes on with a subscription that is in its file.
    fn start(&self, state: &mut State, query: &NamedQuery, kept: Subscription) -> Result<(), Problem> {
        let feed = Feed::new(&query.name, &kept.id, query.ask()?, kept.controls.clone(), kept.spelling);
        let id = kept.id.clone();
        let entry = Arc::new(Entry::kept(Arc::clone(&self.subscriptions), kept));
        let (working, tools) = (Arc::clone(&entry), Arc::clone(&self.tools));
        let (gone, shutdown) = (entry.gone.clone(), self.shutdown.clone());
        // Those that have ended leave no trace.
        while state.workers.try_join_next().is_some() {}
        state.workers.spawn(async move {
            tokio::select! {
                () = gone.cancelled() => {}
                () = shutdown.cancelled() => {}
                () = work(tools, feed, working) => {}
            }
        });
        state.subscriptions.insert(id, entry);
        Ok(())
    }

    /// What is changed is whole between any two steps.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

fn within(what: &str, there_are: usize, most: usize) -> Result<(), Problem> {
    match there_are < most {
        true => Ok(()),
        false => Err(Kind::TooManyRequests.because(format!("there are {most} {what} already; delete one first"))),
    }
}

/// What could not be written.
pub fn unwritten(error: io::Error) -> Problem {
    requests::because(format!("failed to write: {error}"));
    Kind::Unavailable.because("the change could not be kept; look whether it is there, or try again")
}
