//! The pool as its users see it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::sync::MutexGuard;

use super::bag::{Answer, From, LONGEST_AHEAD};
use super::clock::Clock;
use super::inner::{Inner, Phase, State};
use super::lease::{Lease, tell_reported};
use super::manager::{Manager, guarded};
use super::rack::Rack;
use super::rules::Rules;
use super::slot::{Claim, Grip, Slot};
use super::{keeper, opener};
use crate::config::{InitFail, PoolSettings};
use crate::error::{Class, Error, Result, Status};
use crate::tick;

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
        tick::begin();
        let pool = Pool(Arc::new(Handle { inner: Arc::new(Inner::new(manager, settings, clock)?) }));
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
        tick::keep_on();
        match self.take() {
            Some(slot) => Ok(Lease::new(slot, self.inner().clone())),
            None => self.acquire_by_lock(timeout),
        }
    }

    /// By the short way, if it is open and a session is there that needs no question.
    fn take(&self) -> Option<&'static Slot<M>> {
        let inner = self.inner();
        if !inner.head.gate.is_open() {
            return None;
        }
        let (slot, key) = inner.head.take(inner.clock.coarse())?;
        if inner.head.gate.is_open() {
            return Some(slot);
        }
        self.release_key(slot, key);
        None
    }

    fn acquire_by_lock(&self, timeout: Option<Duration>) -> Result<Lease<M>> {
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
            let slot = match state.bag.take(arrival, inner.clock.coarse()) {
                Some(slot) => slot,
                None => {
                    let place = *arrival.get_or_insert_with(|| state.bag.arrive());
                    let slot = self.wait(state, place, timeout, deadline)?;
                    state = inner.state.lock();
                    slot
                }
            };
            let rules = state.rules(&inner.clock);
            inner.finish(state);
            let mut session = Grip(slot);
            let over = rules.is_over(&session);
            if !over && self.is_good(&mut session, &rules, deadline) {
                // By rules that may have changed since; then it is asked once more than needed, or once too late.
                slot.set_good_until(rules.good_until(&session));
                inner.metrics.acquire.record(started.elapsed());
                return Ok(Lease::new(slot, inner.clone()));
            }
            // From here to the next `take` under one lock: whoever meets a dead session keeps the place for
            // which it was given, so nobody may be served in between.
            state = inner.state.lock();
            state.counters.undone += 1;
            if over {
                state.drop_slot(slot, From::Caller);
            } else {
                state.drop_dead(slot, From::Caller, inner.clock.now());
            }
            inner.changed.notify_all();
            // Nobody waited when it was taken without waiting: whoever waits now came later.
            arrival.get_or_insert(0);
        }
    }

    /// Whether a session is fit to be handed out; asks it where that is due.
    fn is_good(&self, session: &mut Grip<M>, rules: &Rules, deadline: Option<Instant>) -> bool {
        let inner = self.inner();
        if inner.has_broken(&session.item) {
            return false;
        }
        if !rules.needs_check(session) {
            return true;
        }
        let left = deadline.map_or(Duration::MAX, |d| d.saturating_duration_since(Instant::now()));
        session.alive = inner.clock.now();
        inner.is_valid(&mut session.item, rules.validation_timeout.min(left.max(LEAST_VALIDATION)))
    }

    /// Waits in the queue.
    fn wait(
        &self,
        mut state: MutexGuard<'_, State<M>>,
        place: u64,
        timeout: Duration,
        deadline: Option<Instant>,
    ) -> Result<&'static Slot<M>> {
        let inner = self.inner();
        if deadline.is_some_and(|d| d <= Instant::now()) {
            // Someone who only looks in is reason enough to open a session for the next time.
            state.polled = true;
            state.counters.timeouts += 1;
            let error = self.timeout(&state, timeout, deadline);
            inner.finish(state);
            return Err(error(self));
        }
        let waiter = state.bag.wait(place);
        inner.finish(state);
        // While others may go ahead: until when.
        let mut ahead_until = None;
        loop {
            match waiter.wait([deadline, ahead_until].into_iter().flatten().min()) {
                Some(Answer::Slot(slot)) => {
                    let mut session = Grip(slot);
                    session.handed = Some(Instant::now());
                    slot.note(inner.clock.coarse());
                    return Ok(slot);
                }
                Some(Answer::Refused(e)) => return Err(e),
                Some(Answer::Watch) => ahead_until = Some(Instant::now() + LONGEST_AHEAD),
                None if deadline.is_none_or(|d| Instant::now() < d) => {
                    ahead_until = None;
                    let mut state = inner.state.lock();
                    state.bag.end_ahead();
                    inner.finish(state);
                }
                None => {
                    let mut state = inner.state.lock();
                    let error = self.timeout(&state, timeout, deadline);
                    let left = state.bag.leave(&waiter);
                    state.counters.timeouts += u64::from(left);
                    inner.finish(state);
                    if left {
                        return Err(error(self));
                    }
                    // Served in the last moment: the next turn takes it.
                }
            }
        }
    }

    fn check_open(&self, state: &State<M>) -> Result<()> {
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
    fn timeout(
        &self,
        state: &State<M>,
        timeout: Duration,
        deadline: Option<Instant>,
    ) -> impl FnOnce(&Self) -> Error + use<M> {
        let f = figures(state);
        let name = state.settings.name.clone();
        let suspended = state.suspended.is_some();
        let connecting = state.connect.last_error.clone().map(|e| ("last connect error", e));
        let started = deadline.and_then(|d| d.checked_sub(timeout));
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
            // Of others' sessions too: who waits behind one that meets them meets none.
            let invalid = || {
                let (at, e) = pool.inner().invalid.lock().clone()?;
                (started.is_some_and(|started| at >= started)).then_some(("a session was not valid", e))
            };
            match connecting.or_else(invalid) {
                // The driver's records stay with it.
                Some((what, e)) => e
                    .context(format_args!("{line}; {what}"))
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
        state.bag.held = true;
        if fail_fast {
            let name = state.settings.name.clone();
            state.bag.refuse_all(|| suspended(&name));
        }
        inner.finish(state);
        Ok(())
    }

    /// Ends a suspension; those who wait are served in their order.
    pub fn resume(&self) {
        let inner = self.inner();
        let mut state = inner.state.lock();
        state.suspended = None;
        state.bag.held = false;
        inner.finish(state);
    }

    /// Waits until no session is in use, at most `timeout`. With `suspend` before it: the pool is quiet.
    pub fn wait_quiet(&self, timeout: Duration) -> bool {
        let inner = self.inner();
        let until = Instant::now().checked_add(timeout);
        let mut state = inner.state.lock();
        // Or what comes back by the short way would not be seen.
        state.watchers += 1;
        state.show_mode();
        let quiet = loop {
            if state.bag.active(state.bag.idle()) == 0 {
                break true;
            }
            match until {
                None => inner.changed.wait(&mut state),
                Some(until) if Instant::now() >= until => break false,
                Some(until) => {
                    inner.changed.wait_until(&mut state, until);
                }
            }
        };
        state.watchers -= 1;
        inner.finish(state);
        quiet
    }

    /// Soft eviction: closes idle sessions now, and those in use when they are released.
    pub fn evict_idle(&self) {
        let inner = self.inner();
        let mut state = inner.state.lock();
        state.generation += 1;
        // Nothing that lies down by the short way from here on is handed out, and what is out comes by the lock.
        state.ask_all();
        state.bag.slots().for_each(|slot| slot.look_when_back());
        state.close_idle(usize::MAX, &inner.clock, |_| true);
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
        inner.notes.store(settings.leak_threshold.is_some(), Ordering::Relaxed);
        state.settings = Arc::new(PoolSettings {
            name: old.name.clone(),
            initial: old.initial,
            init_fail: old.init_fail,
            suspension: old.suspension,
            ..settings
        });
        state.ask_all();
        inner.wake.notify_all();
        inner.finish(state);
    }

    /// Where sessions lie, for a host that goes the short way itself: [`Rack::take`], then [`Rack::gate`] and
    /// [`Rack::host`] once more, and [`Slot::put_back`].
    pub fn rack(&self) -> &'static Rack<M> {
        self.inner().head
    }

    /// To be called when the way is found closed after [`Slot::put_back`]: somebody waits for what came back.
    pub fn settle(&self) {
        self.inner().settle();
    }

    /// Gives back, by its key, a session that nothing was done with.
    pub fn release_key(&self, slot: &'static Slot<M>, key: u64) {
        if slot.put_back(key) {
            if !self.rack().gate.is_open() {
                self.settle();
            }
        } else if let Claim::Yours(_) = slot.end_key(key) {
            self.put_untouched(slot);
        }
    }

    /// Gives back a session that nothing was done with, and whose key has ended.
    pub fn put_untouched(&self, slot: &'static Slot<M>) {
        tell_reported(slot);
        self.inner().put_untouched(slot);
    }

    /// The lease of a session that is out, for the one to whom [`Slot::claim`] has given it.
    pub fn lease(&self, slot: &'static Slot<M>) -> Lease<M> {
        Lease::new(slot, self.inner().clone())
    }

    /// From now on each acquire goes the long way.
    pub fn close_short_way(&self) {
        let inner = self.inner();
        let mut state = inner.state.lock();
        state.closed_by_host = true;
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

fn figures<M: Manager>(state: &State<M>) -> Figures {
    let (bag, c) = (&state.bag, &state.counters);
    // Looked at once: sessions come and go by the short way meanwhile.
    let idle = bag.idle();
    Figures {
        total: bag.total(),
        idle,
        active: bag.active(idle),
        waiting: bag.waiting(),
        max: state.settings.max,
        opening: bag.opening,
        acquired: bag.slots().map(Slot::handed_out).sum::<u64>().saturating_sub(c.undone),
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
