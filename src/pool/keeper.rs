//! The keeper: closes what is old or idle for too long, asks what has been silent, makes what is missing,
//! and reports leases that do not end.

use std::sync::Arc;
use std::time::Duration;

use super::bag::From;
use super::inner::{Inner, Phase, State};
use super::manager::{Manager, guarded};
use super::slot::{Grip, Out};
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
fn period<M: Manager>(state: &State<M>) -> Duration {
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
    let rules = state.rules(&inner.clock);
    state.close_idle(usize::MAX, &inner.clock, |e| rules.is_over(e));
    // Those below the minimum stay, however idle: closing them would only mean making them again.
    let spare = state.bag.total().saturating_sub(state.settings.min.max(state.initial));
    state.close_idle(spare, &inner.clock, |e| rules.is_idle_too_long(e));
    inner.finish(state);
    keep_alive(inner);
    report_leaks(inner);
}

/// Asks idle sessions that have been silent for too long whether they live, one at a time.
fn keep_alive<M: Manager>(inner: &Arc<Inner<M>>) {
    // Each is asked once: what has been asked counts as alive from this moment on.
    loop {
        let mut state = inner.state.lock();
        let rules = state.rules(&inner.clock);
        if state.phase == Phase::Closed {
            return;
        }
        let found = state.bag.take_to_check(rules.now, |e| rules.needs_keepalive(e), |e| rules.good_until(e));
        // Who came while all were being looked at has found none.
        inner.finish(state);
        let Some(slot) = found else { return };
        let mut session = Grip(slot);
        if !inner.has_broken(&session.item) && inner.is_valid(&mut session.item, rules.validation_timeout) {
            // As of when it was asked: the answer may be older than it looks.
            inner.put(slot, From::Keeper, rules.now);
        } else {
            inner.found_dead(slot, From::Keeper);
        }
    }
}

fn report_leaks<M: Manager>(inner: &Arc<Inner<M>>) {
    let mut state = inner.state.lock();
    let Some(limit) = state.settings.leak_threshold else { return };
    let now = inner.clock.coarse();
    let before = now.saturating_sub(u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX));
    let name = state.settings.name.clone();
    let leaks: Vec<Out> = state.bag.slots().filter_map(|slot| slot.report(before)).collect();
    state.counters.leaks += leaks.len() as u64;
    drop(state);
    for out in leaks {
        let told = guarded("leak_suspected", || {
            let mut report = format!(
                "pool '{name}': a session acquired {} ms ago by thread {}",
                (now - out.since) / 1_000_000,
                thread_name(out.thread)
            );
            if !out.label.is_empty() {
                report.push_str(&format!(" for {}", out.label));
            }
            report.push_str(" has not been released");
            if !out.statement.is_empty() {
                report.push_str(&format!("; last statement: {}", inner.manager.outline(&out.statement)));
            }
            inner.manager.leak_suspected(&report);
        });
        if let Err(e) = told {
            log::error!("{e}");
        }
    }
}

/// A thread's number, as debuggers and `top -H` show it, and its name while it lives.
pub fn thread_name(id: u32) -> String {
    match std::fs::read_to_string(format!("/proc/self/task/{id}/comm")) {
        Ok(name) => format!("{id} '{}'", name.trim_end()),
        Err(_) => format!("{id} (ended)"),
    }
}
