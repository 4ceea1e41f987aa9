//! The pool as its users see it.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::sync::MutexGuard;

use super::bag::{Answer, Entry, From};
use super::clock::Clock;
use super::inner::{Inner, LeaseRecord, Phase, State};
use super::lease::Lease;
use super::manager::{Manager, guarded};
use super::rules::Rules;
use super::{keeper, opener};
use crate::config::{InitFail, PoolSettings};
use crate::error::{Class, Error, Result, Status};

/// The least time a validation gets when the caller's own time is running out: with less, healthy sessions
/// would be thrown away for the caller's haste.
const LEAST_VALIDATION: Duration = Duration::from_millis(250);

/// A pool of sessions. Clones share it; any thread may use it. When the last clone goes, idle sessions are
/// closed, and leases that are still out close theirs as they end.
pub struct Pool<M: Manager>(Arc<Handle<M>>);

struct Handle<M: Manager> {
    inner: Arc<Inner<M>>,
}

/// What a pool holds, and what it has done since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Open sessions: idle, active, and those the keeper is just validating.
    pub total: usize,
    pub idle: usize,
    /// In the hands of callers.
    pub active: usize,
    /// Callers waiting for a session.
    pub waiting: usize,
    pub max: usize,
    /// Sessions being opened; not in `total`.
    pub opening: usize,
    pub acquired: u64,
    /// Acquires that ended by their timeout.
    pub timeouts: u64,
    pub opened: u64,
    pub connect_failures: u64,
    /// Sessions that turned out to be dead when they were validated or released.
    pub found_dead: u64,
    pub closed: u64,
    /// Leases reported as suspected leaks.
    pub leaks: u64,
}

impl<M: Manager> Pool<M> {
    /// Opens a pool. What happens when the first session cannot be had is `settings.init_fail`'s to say.
    pub fn open(manager: M, settings: PoolSettings) -> Result<Pool<M>> {
        Pool::open_by(manager, settings, Clock::default())
    }

    pub(super) fn open_by(manager: M, settings: PoolSettings, clock: Clock) -> Result<Pool<M>> {
        let pool = Pool(Arc::new(Handle { inner: Arc::new(Inner::new(manager, settings, clock)) }));
        // An early return drops the pool, which closes what there is.
        pool.first_session()?;
        keeper::start(pool.inner())?;
        let inner = pool.inner();
        inner.finish(inner.state.lock());
        pool.wait_for_initial();
        Ok(pool)
    }

    fn first_session(&self) -> Result<()> {
        let (init_fail, delay) = {
            let s = &self.inner().state.lock().settings;
            (s.init_fail, s.acquire_retry_delay)
        };
        let started = Instant::now();
        loop {
            let e = match init_fail {
                InitFail::Background => return Ok(()),
                _ => match opener::first(self.inner()) {
                    Ok(()) => return Ok(()),
                    Err(e) => e,
                },
            };
            let limit = match init_fail {
                InitFail::After(limit) => limit,
                _ if matches!(e.class(), Class::Unreachable | Class::TimedOut | Class::Exhausted) => {
                    log::warn!("pool '{}': opened without a session: {e}", self.name());
                    return Ok(());
                }
                _ => Duration::ZERO,
            };
            let left = limit.saturating_sub(started.elapsed());
            if left.is_zero() {
                return Err(e.context(format_args!("pool '{}'", self.name())));
            }
            std::thread::sleep(delay.min(left));
        }
    }

    /// Waits until the initial sessions are there. A failure ends the wait: the pool works with fewer.
    fn wait_for_initial(&self) {
        let inner = self.inner();
        let mut state = inner.state.lock();
        if state.settings.init_fail == InitFail::Background {
            return;
        }
        let limit = state.settings.connect_timeout.unwrap_or(Duration::from_secs(30));
        let deadline = Instant::now() + limit;
        while state.initial > 0 && state.connect.failures == 0 {
            if inner.changed.wait_until(&mut state, deadline).timed_out() {
                break;
            }
        }
    }

    /// A session, within `timeout` (`None`: `acquire_timeout`; zero: only if one is idle).
    ///
    /// Errors: `AcquireTimeout` with the pool's figures and the last failure to connect; the driver's own
    /// error where the attempts to connect are limited; `PoolClosed`; `PoolSuspended`.
    pub fn acquire(&self, timeout: Option<Duration>) -> Result<Lease<M>> {
        let inner = self.inner();
        let started = Instant::now();
        let mut arrival = None;
        let mut state = inner.state.lock();
        loop {
            let timeout = timeout.unwrap_or(state.settings.acquire_timeout);
            // An absurdly long timeout is none.
            let deadline = started.checked_add(timeout);
            if let Err(e) = self.check_open(&state) {
                inner.finish(state);
                return Err(e);
            }
            let mut entry = match state.bag.take(arrival) {
                Some(entry) => entry,
                None => {
                    let place = *arrival.get_or_insert_with(|| state.bag.arrive());
                    let entry = self.wait(state, place, timeout, deadline)?;
                    state = inner.state.lock();
                    entry
                }
            };
            // Without a wait no time has passed; the clock is read as rarely as can be.
            let now = if arrival.is_none() { inner.clock.at(started) } else { inner.clock.now() };
            let rules = state.rules(now);
            // Noted as if it were certain; taken back for those that are found dead.
            let record = Self::note_lease(&mut state, rules.now);
            if arrival.is_some() {
                inner.finish(state);
            } else {
                drop(state);
            }
            let over = rules.is_over(&entry);
            if !over && self.is_good(&mut entry, &rules, deadline) {
                let acquired = Instant::now();
                inner.metrics.acquire.record(acquired.saturating_duration_since(started));
                return Ok(Lease::new(entry, inner.clone(), record, acquired));
            }
            // From here to the next `take` under one lock: whoever meets a dead session keeps the place for
            // which it was given, so nobody may be served in between.
            state = inner.state.lock();
            state.counters.acquired -= 1;
            if let Some(id) = record {
                state.leases.remove(&id);
            }
            if over {
                state.drop_entry(entry, From::Caller);
            } else {
                state.drop_dead(entry, From::Caller, inner.clock.now());
            }
            inner.changed.notify_all();
            // Nobody waited when it was taken without waiting: whoever waits now came later.
            arrival.get_or_insert(0);
        }
    }

    /// Whether a session is fit to be handed out; asks it where that is due.
    fn is_good(&self, entry: &mut Entry<M::Item>, rules: &Rules, deadline: Option<Instant>) -> bool {
        let inner = self.inner();
        if inner.has_broken(&entry.item) {
            return false;
        }
        if !rules.needs_check(entry) {
            return true;
        }
        let left = deadline.map_or(Duration::MAX, |d| d.saturating_duration_since(Instant::now()));
        let valid = inner.is_valid(&mut entry.item, rules.validation_timeout.min(left.max(LEAST_VALIDATION)));
        entry.alive = inner.clock.now();
        valid
    }

    /// Waits in the queue.
    fn wait(
        &self,
        mut state: MutexGuard<'_, State<M::Item>>,
        place: u64,
        timeout: Duration,
        deadline: Option<Instant>,
    ) -> Result<Entry<M::Item>> {
        let inner = self.inner();
        if deadline.is_some_and(|d| d <= Instant::now()) {
            // Someone who only looks in is reason enough to open a session for the next time.
            state.polled = true;
            state.counters.timeouts += 1;
            let error = self.timeout(&state, timeout);
            inner.finish(state);
            return Err(error(self));
        }
        let waiter = state.bag.wait(place);
        inner.finish(state);
        let answer = waiter.wait(deadline).or_else(|| {
            let mut state = inner.state.lock();
            let error = self.timeout(&state, timeout);
            if state.bag.leave(&waiter) {
                state.counters.timeouts += 1;
                drop(state);
                return Some(Answer::Refused(error(self)));
            }
            drop(state);
            // Served in the last moment.
            waiter.wait(None)
        });
        match answer {
            Some(Answer::Entry(entry)) => Ok(entry),
            Some(Answer::Refused(e)) => Err(e),
            None => Err(Error::new(Status::Internal, "acquire: woken without an answer")),
        }
    }

    fn note_lease(state: &mut State<M::Item>, now: Instant) -> Option<u64> {
        state.counters.acquired += 1;
        state.settings.leak_threshold?;
        state.lease_ids += 1;
        let id = state.lease_ids;
        let thread = std::thread::current();
        state.leases.insert(id, LeaseRecord { since: now, thread, label: String::new(), reported: false });
        Some(id)
    }

    fn check_open(&self, state: &State<M::Item>) -> Result<()> {
        if state.phase == Phase::Closed {
            return Err(closed(&state.settings.name));
        }
        match state.suspended {
            Some(true) => Err(suspended(&state.settings.name)),
            _ => Ok(()),
        }
    }

    /// The error of an acquire whose time is over, from what is known now. It is made in two steps because
    /// the manager's note is asked for without the lock.
    fn timeout(&self, state: &State<M::Item>, timeout: Duration) -> impl FnOnce(&Self) -> Error + use<M> {
        let f = figures(state);
        let name = state.settings.name.clone();
        let suspended = state.suspended.is_some();
        let last = state.connect.last_error.clone();
        move |pool| {
            let note = guarded("note", || pool.inner().manager.note()).unwrap_or_default();
            let note = if note.is_empty() { note } else { format!("; {note}") };
            let why = if suspended { ", the pool is suspended" } else { "" };
            let line = format!(
                "pool '{name}': no session within {} ms{why} (total {}, idle {}, active {}, waiting {}, max {}{note})",
                timeout.as_millis(),
                f.total,
                f.idle,
                f.active,
                f.waiting,
                f.max
            );
            match last {
                // The driver's records stay with it.
                Some(e) => e
                    .context(format_args!("{line}; last connect error"))
                    .with_status(Status::AcquireTimeout)
                    .with_class(Class::TimedOut),
                None => Error::new(Status::AcquireTimeout, line),
            }
        }
    }

    /// Refuses new acquires, waits for the leases that are out, ends everything. Past `deadline` an error:
    /// the rest is closed as it comes back. May be called again to wait on.
    pub fn close(&self, deadline: Duration) -> Result<()> {
        let inner = self.inner();
        let name = self.name();
        inner.shut(|| closed(&name));
        let until = Instant::now().checked_add(deadline);
        let mut state = inner.state.lock();
        while !state.is_finished() {
            match until {
                None => inner.changed.wait(&mut state),
                Some(until) => {
                    if inner.changed.wait_until(&mut state, until).timed_out() && !state.is_finished() {
                        let f = figures(&state);
                        let closing = state.dying.len() + usize::from(state.closer_runs);
                        return Err(Error::new(
                            Status::Timeout,
                            format!(
                                "pool '{name}': not closed within {} ms ({} sessions in use, {} being opened, {} being \
                                 validated, {closing} being closed); the rest closes as it comes back",
                                deadline.as_millis(),
                                f.active,
                                f.opening,
                                state.bag.checking
                            ),
                        ));
                    }
                }
            }
        }
        Ok(())
    }

    /// Hands nothing out until `resume`: acquires wait for their timeout, or fail at once (`fail_fast`, or the
    /// option `suspend_fail_fast`). Leases that are out go on. Does not wait for them.
    pub fn suspend(&self, fail_fast: bool) -> Result<()> {
        let inner = self.inner();
        let mut state = inner.state.lock();
        if state.phase == Phase::Closed {
            return Err(closed(&state.settings.name));
        }
        if !state.settings.suspension {
            return Err(Error::new(Status::BadState, "suspend: option 'pool.suspension' is off"));
        }
        let fail_fast = fail_fast || state.settings.suspend_fail_fast;
        state.suspended = Some(fail_fast);
        state.bag.hold(true);
        if fail_fast {
            let name = state.settings.name.clone();
            state.bag.refuse_all(|| suspended(&name));
        }
        Ok(())
    }

    /// Ends a suspension; those who wait are served in their order.
    pub fn resume(&self) {
        let inner = self.inner();
        let mut state = inner.state.lock();
        state.suspended = None;
        state.bag.hold(false);
        inner.finish(state);
    }

    /// Waits until no session is in use, at most `timeout`. With `suspend` before it: the pool is quiet.
    pub fn wait_quiet(&self, timeout: Duration) -> bool {
        let inner = self.inner();
        let until = Instant::now().checked_add(timeout);
        let mut state = inner.state.lock();
        while state.bag.active > 0 {
            match until {
                None => inner.changed.wait(&mut state),
                Some(until) if Instant::now() >= until => return false,
                Some(until) => {
                    inner.changed.wait_until(&mut state, until);
                }
            }
        }
        true
    }

    /// Soft eviction: closes idle sessions now, and those in use when they are released.
    pub fn evict_idle(&self) {
        let inner = self.inner();
        let mut state = inner.state.lock();
        state.generation += 1;
        state.close_idle(usize::MAX, |_| true);
        inner.finish(state);
    }

    pub fn figures(&self) -> Figures {
        figures(&self.inner().state.lock())
    }

    pub fn settings(&self) -> Arc<PoolSettings> {
        self.inner().state.lock().settings.clone()
    }

    /// Takes new settings over while the pool runs: it grows, shrinks and ages by them from now on. `name`,
    /// `initial`, `init_fail` and `suspension` stay as they were.
    pub fn set(&self, settings: PoolSettings) {
        let inner = self.inner();
        let mut state = inner.state.lock();
        let old = state.settings.clone();
        state.settings = Arc::new(PoolSettings {
            name: old.name.clone(),
            initial: old.initial,
            init_fail: old.init_fail,
            suspension: old.suspension,
            ..settings
        });
        let surplus = state.bag.total().saturating_sub(state.settings.max);
        state.close_idle(surplus, |_| true);
        inner.wake.notify_all();
        inner.finish(state);
    }

    pub fn manager(&self) -> &M {
        &self.inner().manager
    }

    /// One round of the keeper, now.
    #[cfg(test)]
    pub(super) fn keep(&self) {
        keeper::round(self.inner());
    }

    pub(super) fn inner(&self) -> &Arc<Inner<M>> {
        &self.0.inner
    }

    fn name(&self) -> String {
        self.inner().state.lock().settings.name.clone()
    }
}

fn figures<T>(state: &State<T>) -> Figures {
    let (bag, c) = (&state.bag, &state.counters);
    Figures {
        total: bag.total(),
        idle: bag.idle(),
        active: bag.active,
        waiting: bag.waiting(),
        max: state.settings.max,
        opening: bag.opening,
        acquired: c.acquired,
        timeouts: c.timeouts,
        opened: c.opened,
        connect_failures: c.connect_failures,
        found_dead: c.found_dead,
        closed: c.closed,
        leaks: c.leaks,
    }
}

fn closed(name: &str) -> Error {
    Error::new(Status::PoolClosed, format!("pool '{name}' is closed"))
}

fn suspended(name: &str) -> Error {
    Error::new(Status::PoolSuspended, format!("pool '{name}' is suspended"))
}

impl<M: Manager> Clone for Pool<M> {
    fn clone(&self) -> Self {
        Pool(self.0.clone())
    }
}

impl<M: Manager> Drop for Handle<M> {
    fn drop(&mut self) {
        self.inner.shut(|| closed(""));
    }
}

impl<M: Manager> fmt::Debug for Pool<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pool").field(&self.figures()).finish()
    }
}
