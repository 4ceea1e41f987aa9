//! What a pool's lock protects, and the small steps everyone takes under it.

use std::collections::VecDeque;
use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use crate::sync::{Condvar, Mutex, MutexGuard};

use super::bag::{Bag, Entry, From};
use super::clock::Clock;
use super::gate;
use super::manager::{Manager, guarded};
use super::rack::Rack;
use super::rules::Rules;
use super::slot::Slot;
use super::{closer, opener};
use crate::config::PoolSettings;
use crate::error::{Error, Result, Status};
use crate::metrics::Metrics;

/// What the handles, leases and threads of one pool share.
pub struct Inner<M: Manager> {
    pub manager: M,
    pub clock: Clock,
    /// The pool's first rack: where sessions are found without the lock.
    pub head: &'static Rack<M>,
    pub state: Mutex<State<M>>,
    /// Something came to an end: an opening, a lease, a closing, a thread.
    pub changed: Condvar,
    /// Wakes openers that wait to try again.
    pub retry: Condvar,
    /// Wakes the keeper.
    pub wake: Condvar,
    pub metrics: Arc<Metrics>,
    /// Whether leaks are looked for: only then is it noted what runs on a session.
    pub notes: AtomicBool,
    /// When and why a session last failed its validation. No other lock is taken while it is held.
    pub invalid: Mutex<Option<(Instant, Error)>>,
}

/// A pool is open until it is closed, and never again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    Open,
    Closed,
}

pub struct State<M: Manager> {
    pub bag: Bag<M>,
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
    pub dying: VecDeque<M::Item>,
    pub closer_runs: bool,
    pub keeper_runs: bool,
    /// How many wait to see the last session come back.
    pub watchers: usize,
    /// The host wants to look at each acquire itself.
    pub closed_by_host: bool,
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

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Handed out and found dead before anyone had it.
    pub undone: u64,
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

impl<M: Manager> State<M> {
    fn new(bag: Bag<M>, settings: PoolSettings, now: Instant) -> State<M> {
        let initial = settings.initial.min(settings.max);
        State {
            bag,
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
            watchers: 0,
            closed_by_host: false,
            counters: Counters::default(),
            random: std::collections::hash_map::RandomState::new().build_hasher().finish() | 1,
        }
    }

    pub fn rules(&self, clock: &Clock) -> Rules {
        self.rules_at(clock.now(), clock)
    }

    pub fn rules_at(&self, now: Instant, clock: &Clock) -> Rules {
        Rules::new(&self.settings, self.generation, self.trusted_since, now, clock.coarse())
    }

    /// A new session: handed to someone who waits or laid down, or closed if it is not wanted any more.
    pub fn add(&mut self, item: M::Item, clock: &Clock) {
        // xorshift64: nothing here has to be hard to guess.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        let spread = (self.random >> 11) as f64 / (1u64 << 53) as f64;
        let rules = self.rules(clock);
        let now = rules.now;
        let entry = Entry {
            item,
            born: now,
            alive: now,
            idle_since: now,
            generation: self.generation,
            spread,
            handed: None,
        };
        let good_until = rules.good_until(&entry);
        if self.phase == Phase::Closed || self.bag.total() >= self.settings.max {
            self.bag.forget(From::Opener);
            self.dying.push_back(entry.item);
        } else {
            match self.bag.add(entry) {
                Ok(slot) => self.bag.put(slot, From::Opener, good_until),
                // Keys have run out.
                Err(entry) => {
                    self.bag.forget(From::Opener);
                    self.dying.push_back(entry.item);
                }
            }
        }
        if self.bag.total() >= self.initial {
            self.initial = 0;
        }
    }

    /// Lays a session down that was alive at `now`, hands it on, or closes it if it is not wanted any more.
    pub fn put(&mut self, slot: &'static Slot<M>, from: From, now: Instant, clock: &Clock) {
        let rules = self.rules_at(now, clock);
        // SAFETY: the caller holds the slot, and hands it to us.
        let Some(entry) = (unsafe { slot.entry() }) else { return };
        entry.alive = now;
        if from == From::Caller {
            entry.idle_since = now;
        }
        self.return_slot(slot, from, &rules);
    }

    /// As `put`, for a session that nothing was done with: it is no surer to be alive than before.
    fn put_untouched(&mut self, slot: &'static Slot<M>, clock: &Clock) {
        let rules = self.rules(clock);
        // SAFETY: as above.
        let Some(entry) = (unsafe { slot.entry() }) else { return };
        entry.idle_since = rules.now;
        self.return_slot(slot, From::Caller, &rules);
    }

    fn return_slot(&mut self, slot: &'static Slot<M>, from: From, rules: &Rules) {
        // SAFETY: as above; the reference of the caller's is over.
        let Some(entry) = (unsafe { slot.entry() }) else { return };
        let unwanted = self.phase == Phase::Closed || self.bag.total() > self.settings.max;
        if unwanted || rules.is_over(entry) {
            self.drop_slot(slot, from);
        } else {
            let good_until = rules.good_until(entry);
            self.bag.put(slot, from, good_until);
        }
    }

    /// Closes a session that the caller holds.
    pub fn drop_slot(&mut self, slot: &'static Slot<M>, from: From) {
        self.dying.extend(self.bag.remove(slot, from));
    }

    /// One session was found dead: the others are not trusted until each has been asked.
    pub fn drop_dead(&mut self, slot: &'static Slot<M>, from: From, now: Instant) {
        self.counters.found_dead += 1;
        self.trusted_since = now;
        self.ask_all();
        self.drop_slot(slot, from);
    }

    /// From now on each session is looked at before it is handed out once more.
    pub fn ask_all(&self) {
        self.bag.slots().for_each(|slot| slot.set_good_until(0));
    }

    /// Closes idle sessions of which `which` is true, at most `limit`.
    pub fn close_idle(&mut self, limit: usize, clock: &Clock, which: impl FnMut(&Entry<M::Item>) -> bool) {
        let rules = self.rules(clock);
        let gone = self.bag.remove_idle(limit, rules.now, which, |e| rules.good_until(e));
        self.dying.extend(gone);
    }

    /// Serves those who wait, closes what is too much, and opens or closes the short way to sessions.
    fn settle(&mut self, clock: &Clock) {
        // First, so that from here on whoever lays a session down comes to look who waits.
        self.show_mode();
        let surplus = match self.phase {
            Phase::Closed => usize::MAX,
            Phase::Open => self.bag.total().saturating_sub(self.settings.max),
        };
        if surplus > 0 {
            self.close_idle(surplus, clock, |_| true);
        }
        self.bag.serve(clock.coarse());
        self.show_mode();
    }

    pub fn show_mode(&self) {
        let bit = |is_so: bool, bit: u32| if is_so { bit } else { 0 };
        let watched = self.watchers > 0 || self.bag.total() > self.settings.max;
        self.bag.head.gate.set_mode(
            bit(self.bag.is_waited_for(), gate::WAITED)
                | bit(self.bag.held, gate::HELD)
                | bit(self.phase == Phase::Closed, gate::FOR_GOOD)
                | bit(watched, gate::WATCHED)
                | bit(self.closed_by_host, gate::BY_HOST),
        );
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
    pub fn new(manager: M, settings: PoolSettings, clock: Clock) -> Result<Inner<M>> {
        let bag = Bag::new(manager.directory())
            .ok_or_else(|| Error::new(Status::Exhausted, "open: too many pools are open in this process"))?;
        let head = bag.head;
        let notes = AtomicBool::new(settings.leak_threshold.is_some());
        let state = Mutex::new(State::new(bag, settings, clock.now()));
        let metrics = manager.metrics();
        let (changed, retry, wake) = (Condvar::new(), Condvar::new(), Condvar::new());
        Ok(Inner {
            manager,
            clock,
            head,
            state,
            changed,
            retry,
            wake,
            metrics,
            notes,
            invalid: Mutex::new(None),
        })
    }

    /// Settles and plans under the lock, lets it go, and starts what was planned.
    pub fn finish(self: &Arc<Self>, mut state: MutexGuard<'_, State<M>>) {
        state.settle(&self.clock);
        let todo = state.plan();
        drop(state);
        for _ in 0..todo.openers {
            opener::start(self);
        }
        if todo.closer {
            closer::start(self);
        }
    }

    /// Something has come back by the short way while somebody waits for such a thing.
    pub fn settle(self: &Arc<Self>) {
        let state = self.state.lock();
        self.changed.notify_all();
        self.finish(state);
    }

    /// Puts a session back into the pool that was alive at `now`.
    pub fn put(self: &Arc<Self>, slot: &'static Slot<M>, from: From, now: Instant) {
        let mut state = self.state.lock();
        state.put(slot, from, now, &self.clock);
        self.changed.notify_all();
        self.finish(state);
    }

    /// Puts a session back that nothing was done with.
    pub fn put_untouched(self: &Arc<Self>, slot: &'static Slot<M>) {
        let mut state = self.state.lock();
        state.put_untouched(slot, &self.clock);
        self.changed.notify_all();
        self.finish(state);
    }

    /// Ends a session that was out.
    pub fn discard(self: &Arc<Self>, slot: &'static Slot<M>, from: From) {
        let mut state = self.state.lock();
        state.drop_slot(slot, from);
        self.changed.notify_all();
        self.finish(state);
    }

    /// Ends a session that was found dead.
    pub fn found_dead(self: &Arc<Self>, slot: &'static Slot<M>, from: From) {
        let mut state = self.state.lock();
        state.drop_dead(slot, from, self.clock.now());
        self.changed.notify_all();
        self.finish(state);
    }

    pub fn has_broken(&self, item: &M::Item) -> bool {
        guarded("has_broken", || self.manager.has_broken(item)).unwrap_or_else(told_as(true))
    }

    pub fn is_valid(&self, item: &mut M::Item, limit: Duration) -> bool {
        let answer = guarded("is_valid", || self.manager.is_valid(item, limit));
        let Err(e) = answer.inspect_err(|e| log::error!("{e}")).and_then(|valid| valid) else { return true };
        *self.invalid.lock() = Some((Instant::now(), e));
        false
    }

    /// Refuses everything from now on and ends what is idle. What is out ends as it comes back.
    pub fn shut(self: &Arc<Self>, error: impl Fn() -> Error) {
        let mut state = self.state.lock();
        state.phase = Phase::Closed;
        state.bag.refuse_all(error);
        self.changed.notify_all();
        self.retry.notify_all();
        self.wake.notify_all();
        self.finish(state);
    }
}

impl<M: Manager> Drop for Inner<M> {
    /// Closes what came back after the last handle was gone, and gives the slots back for other pools.
    fn drop(&mut self) {
        // Whoever has just taken a session by the short way sees that it is closed, and lays it down again.
        let given_up = Instant::now() + Duration::from_secs(1);
        for slot in self.head.slots() {
            while !slot.hold() {
                if !slot.is_out() {
                    break;
                }
                if Instant::now() > given_up {
                    log::error!("a session of a closed pool was not given back");
                    return;
                }
                std::thread::yield_now();
            }
            if let Some(entry) = slot.clear_held() {
                let _ = guarded("close", || self.manager.close(entry.item)).map_err(|e| log::error!("{e}"));
            }
        }
        self.state.lock().bag.end();
    }
}

/// A panic of the manager's goes to the log and counts as `answer`.
fn told_as(answer: bool) -> impl FnOnce(Error) -> bool {
    move |e| {
        log::error!("{e}");
        answer
    }
}
