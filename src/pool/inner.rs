//! What a pool's lock protects, and the small steps everyone takes under it.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;
use std::thread::Thread;
use std::time::{Duration, Instant};

use crate::sync::{Condvar, Mutex, MutexGuard};

use super::bag::{Bag, Entry, From};
use super::clock::Clock;
use super::manager::{Manager, guarded};
use super::rules::Rules;
use super::{closer, opener};
use crate::config::PoolSettings;
use crate::error::Error;
use crate::metrics::Metrics;

/// What the handles, leases and threads of one pool share.
pub struct Inner<M: Manager> {
    pub manager: M,
    pub clock: Clock,
    pub state: Mutex<State<M::Item>>,
    /// Something came to an end: an opening, a lease, a closing, a thread.
    pub changed: Condvar,
    /// Wakes openers that wait to try again.
    pub retry: Condvar,
    /// Wakes the keeper.
    pub wake: Condvar,
    pub metrics: Arc<Metrics>,
}

/// A pool is open until it is closed, and never again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    Open,
    Closed,
}

pub struct State<T> {
    pub bag: Bag<T>,
    pub settings: Arc<PoolSettings>,
    pub phase: Phase,
    /// Suspended, and whether acquires then fail at once.
    pub suspended: Option<bool>,
    /// Raised by a soft eviction: entries of an older one are not handed out again.
    pub generation: u64,
    /// What was last alive before this is validated, however recently it was used: another session was
    /// found dead.
    pub trusted_since: Instant,
    /// Sessions to open at the start; 0 once they were there.
    pub initial: usize,
    /// Someone who does not wait found nothing.
    pub polled: bool,
    pub connect: ConnectRecord,
    /// On their way to the closer.
    pub dying: VecDeque<T>,
    pub closer_runs: bool,
    pub keeper_runs: bool,
    /// Leases, kept only while leaks are looked for.
    pub leases: HashMap<u64, LeaseRecord>,
    pub lease_ids: u64,
    pub counters: Counters,
    random: u64,
}

/// How connecting has gone lately.
#[derive(Default)]
pub struct ConnectRecord {
    /// Failures since the last success.
    pub failures: u32,
    /// Failures since those who waited were last sent away.
    pub failures_of_round: u32,
    /// No further attempt before this (real time).
    pub retry_at: Option<Instant>,
    pub last_error: Option<Error>,
}

pub struct LeaseRecord {
    pub since: Instant,
    pub thread: Thread,
    pub label: String,
    pub reported: bool,
}

impl LeaseRecord {
    /// The thread by its name, or by its number.
    pub fn thread(&self) -> String {
        match self.thread.name() {
            Some(name) => format!("'{name}'"),
            None => format!("{:?}", self.thread.id()),
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    pub acquired: u64,
    pub timeouts: u64,
    pub opened: u64,
    pub connect_failures: u64,
    pub found_dead: u64,
    pub closed: u64,
    pub leaks: u64,
}

/// What is to be done once the lock is free again.
#[must_use]
pub struct Todo {
    openers: usize,
    closer: bool,
}

impl<T> State<T> {
    pub fn new(settings: PoolSettings, now: Instant) -> State<T> {
        let initial = settings.initial.min(settings.max);
        State {
            bag: Bag::new(),
            settings: Arc::new(settings),
            phase: Phase::Open,
            suspended: None,
            generation: 0,
            trusted_since: now,
            initial,
            polled: false,
            connect: ConnectRecord::default(),
            dying: VecDeque::new(),
            closer_runs: false,
            keeper_runs: false,
            leases: HashMap::new(),
            lease_ids: 0,
            counters: Counters::default(),
            random: std::collections::hash_map::RandomState::new().build_hasher().finish() | 1,
        }
    }

    /// A new entry around a new session.
    pub fn entry(&mut self, item: T, now: Instant) -> Entry<T> {
        // xorshift64: nothing here has to be hard to guess.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        let spread = (self.random >> 11) as f64 / (1u64 << 53) as f64;
        Entry { item, born: now, alive: now, idle_since: now, generation: self.generation, spread }
    }

    pub fn rules(&self, now: Instant) -> Rules {
        Rules::new(&self.settings, self.generation, self.trusted_since, now)
    }

    /// Lays an entry down, hands it on, or lets it die if it is not wanted any more.
    pub fn put(&mut self, entry: Entry<T>, from: From, now: Instant) {
        let others = self.bag.total() - usize::from(from != From::Opener);
        if self.phase == Phase::Closed || others >= self.settings.max || self.rules(now).is_over(&entry) {
            self.drop_entry(entry, from);
        } else {
            self.bag.put(entry, from);
        }
        if self.bag.total() >= self.initial {
            self.initial = 0;
        }
    }

    /// An entry that is not laid down again.
    pub fn drop_entry(&mut self, entry: Entry<T>, from: From) {
        self.bag.forget(from);
        self.dying.push_back(entry.item);
    }

    /// One session was found dead: the others are not trusted until each has been asked.
    pub fn drop_dead(&mut self, entry: Entry<T>, from: From, now: Instant) {
        self.counters.found_dead += 1;
        self.trusted_since = now;
        self.drop_entry(entry, from);
    }

    /// Closes idle sessions of which `which` is true, at most `limit`.
    pub fn close_idle(&mut self, limit: usize, which: impl FnMut(&Entry<T>) -> bool) {
        let gone = self.bag.remove_idle(limit, which);
        self.dying.extend(gone.into_iter().map(|e| e.item));
    }

    /// How many sessions should be in the making now.
    ///
    /// Below the minimum they are made a few at a time. Above it, only while someone waits, and one after the
    /// other (`acquire_increment`): most waits end because a session is released, and each session opened for
    /// a burst that is over is one too many. Without any session nothing can be released, so then it is again
    /// a few at a time.
    pub fn openings_wanted(&self) -> usize {
        const SIDE_BY_SIDE: usize = 4;
        let s = &self.settings;
        let total = self.bag.total();
        if self.phase == Phase::Closed || total >= s.max {
            return 0;
        }
        let missing = s.min.max(self.initial).saturating_sub(total);
        let mut wanted = missing.min(SIDE_BY_SIDE);
        let waiting =
            if self.suspended.is_some() { 0 } else { self.bag.waiting() + usize::from(self.polled) };
        if waiting > 0 {
            wanted = wanted.max(s.acquire_increment);
            if total == 0 {
                wanted = wanted.max(waiting.min(SIDE_BY_SIDE));
            }
        }
        if self.connect.failures > 0 {
            wanted = wanted.min(1);
        }
        wanted.min(s.max - total)
    }

    /// Reserves what has to be started.
    pub fn plan(&mut self) -> Todo {
        let openers = self.openings_wanted().saturating_sub(self.bag.opening);
        self.bag.opening += openers;
        let closer = !self.closer_runs && !self.dying.is_empty();
        self.closer_runs |= closer;
        Todo { openers, closer }
    }

    /// Nothing of the pool is left: no session, no thread.
    pub fn is_finished(&self) -> bool {
        self.bag.total() == 0
            && self.bag.opening == 0
            && self.dying.is_empty()
            && !self.closer_runs
            && !self.keeper_runs
    }
}

impl<M: Manager> Inner<M> {
    pub fn new(manager: M, settings: PoolSettings, clock: Clock) -> Inner<M> {
        let state = Mutex::new(State::new(settings, clock.now()));
        let metrics = manager.metrics();
        let (changed, retry, wake) = (Condvar::new(), Condvar::new(), Condvar::new());
        Inner { manager, clock, state, changed, retry, wake, metrics }
    }

    /// Plans under the lock, lets it go, and starts what was planned.
    pub fn finish(self: &Arc<Self>, mut state: MutexGuard<'_, State<M::Item>>) {
        let todo = state.plan();
        drop(state);
        for _ in 0..todo.openers {
            opener::start(self);
        }
        if todo.closer {
            closer::start(self);
        }
    }

    /// Puts a session back into the pool that was alive at `now`.
    pub fn put(self: &Arc<Self>, mut entry: Entry<M::Item>, from: From, now: Instant) {
        entry.alive = now;
        if from == From::Caller {
            entry.idle_since = now;
        }
        let mut state = self.state.lock();
        state.put(entry, from, now);
        self.changed.notify_all();
        self.finish(state);
    }

    /// Ends a session that was out.
    pub fn discard(self: &Arc<Self>, entry: Entry<M::Item>, from: From) {
        let mut state = self.state.lock();
        state.drop_entry(entry, from);
        self.changed.notify_all();
        self.finish(state);
    }

    /// Ends a session that was found dead.
    pub fn found_dead(self: &Arc<Self>, entry: Entry<M::Item>, from: From) {
        let mut state = self.state.lock();
        state.drop_dead(entry, from, self.clock.now());
        self.changed.notify_all();
        self.finish(state);
    }

    pub fn has_broken(&self, item: &M::Item) -> bool {
        guarded("has_broken", || self.manager.has_broken(item)).unwrap_or_else(told_as(true))
    }

    pub fn is_valid(&self, item: &mut M::Item, limit: Duration) -> bool {
        guarded("is_valid", || self.manager.is_valid(item, limit)).unwrap_or_else(told_as(false))
    }

    /// Refuses everything from now on and ends what is idle. What is out ends as it comes back.
    pub fn shut(self: &Arc<Self>, error: impl Fn() -> Error) {
        let mut state = self.state.lock();
        state.phase = Phase::Closed;
        state.bag.refuse_all(error);
        state.close_idle(usize::MAX, |_| true);
        self.changed.notify_all();
        self.retry.notify_all();
        self.wake.notify_all();
        self.finish(state);
    }
}

/// A panic of the manager's goes to the log and counts as `answer`.
fn told_as(answer: bool) -> impl FnOnce(Error) -> bool {
    move |e| {
        log::error!("{e}");
        answer
    }
}
