//! The keeper: closes what is old or idle for too long, asks what has been silent, makes what is missing,
//! and reports leases that do not end.

use std::sync::Arc;
use std::time::Duration;

use super::bag::From;
use super::inner::{Inner, Phase, State};
use super::manager::{Manager, guarded};
use crate::error::{Error, Result, Status};
use crate::thread;

/// Starts the keeper of a pool. It ends when the pool is closed.
pub fn start<M: Manager>(inner: &Arc<Inner<M>>) -> Result<()> {
    inner.state.lock().keeper_runs = true;
    let own = inner.clone();
    match thread::spawn("twinpool-keeper", move || run(&own)) {
        Ok(_) => Ok(()),
        Err(e) => {
            inner.state.lock().keeper_runs = false;
            Err(Error::new(Status::Exhausted, format!("open: the keeper's thread cannot be started: {e}")))
        }
    }
}

fn run<M: Manager>(inner: &Arc<Inner<M>>) {
    loop {
        let mut state = inner.state.lock();
        if state.phase == Phase::Open {
            let period = period(&state);
            inner.wake.wait_for(&mut state, period);
        }
        if state.phase == Phase::Closed {
            state.keeper_runs = false;
            inner.changed.notify_all();
            return;
        }
        drop(state);
        round(inner);
    }
}

/// The configured period, or less where a limit is shorter.
fn period<T>(state: &State<T>) -> Duration {
    let s = &state.settings;
    [s.idle_timeout, s.max_lifetime, s.keepalive, s.leak_threshold]
        .into_iter()
        .flatten()
        .fold(s.keeper_period, Duration::min)
        .max(Duration::from_millis(10))
}

/// One round of the keeper.
pub fn round<M: Manager>(inner: &Arc<Inner<M>>) {
    let mut state = inner.state.lock();
    let rules = state.rules(inner.clock.now());
    state.close_idle(usize::MAX, |e| rules.is_over(e));
    // Those below the minimum stay, however idle: closing them would only mean making them again.
    let spare = state.bag.total().saturating_sub(state.settings.min.max(state.initial));
    state.close_idle(spare, |e| rules.is_idle_too_long(e));
    inner.finish(state);
    keep_alive(inner);
    report_leaks(inner);
}

/// Asks idle sessions that have been silent for too long whether they live, one at a time.
fn keep_alive<M: Manager>(inner: &Arc<Inner<M>>) {
    // Each is asked once: what has been asked counts as alive from this moment on.
    loop {
        let mut state = inner.state.lock();
        let rules = state.rules(inner.clock.now());
        if state.phase == Phase::Closed {
            return;
        }
        let Some(mut entry) = state.bag.take_to_check(|e| rules.needs_keepalive(e)) else { return };
        drop(state);
        if !inner.has_broken(&entry.item) && inner.is_valid(&mut entry.item, rules.validation_timeout) {
            inner.put(entry, From::Keeper, inner.clock.now());
        } else {
            inner.found_dead(entry, From::Keeper);
        }
    }
}

fn report_leaks<M: Manager>(inner: &Arc<Inner<M>>) {
    let mut state = inner.state.lock();
    let Some(limit) = state.settings.leak_threshold else {
        // Switched off while leases were out.
        state.leases.clear();
        return;
    };
    let now = inner.clock.now();
    let name = state.settings.name.clone();
    let mut reports = Vec::new();
    for record in state.leases.values_mut().filter(|r| !r.reported) {
        let age = now.saturating_duration_since(record.since);
        if age >= limit {
            record.reported = true;
            let label =
                if record.label.is_empty() { String::new() } else { format!(" for {}", record.label) };
            reports.push(format!(
                "pool '{name}': a session acquired {} ms ago by thread {}{label} has not been released",
                age.as_millis(),
                record.thread()
            ));
        }
    }
    state.counters.leaks += reports.len() as u64;
    drop(state);
    for report in reports {
        if let Err(e) = guarded("leak_suspected", || inner.manager.leak_suspected(&report)) {
            log::error!("{e}");
        }
    }
}
