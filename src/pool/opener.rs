//! Making sessions, on threads that run only while some are wanted.
//!
//! A connect takes as long as it takes; whoever waits for its session is served by the first one that becomes
//! free, and the new one lies in the bag when nobody wants it any more. After a failure one opener is left,
//! which tries again after a pause that doubles, as long as sessions are wanted.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::bag::From;
use super::inner::{Inner, Phase, State};
use super::manager::{Manager, guarded};
use crate::config::PoolSettings;
use crate::error::{Error, Result, Status};
use crate::thread;

/// Longest pause between attempts, unless the configured first one is longer.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Starts an opener; it has been counted in `opening`.
pub fn start<M: Manager>(inner: &Arc<Inner<M>>) {
    let own = inner.clone();
    if let Err(e) = thread::spawn("twinpool-opener", move || run(&own)) {
        // The next release, acquire or round of the keeper starts another.
        let mut state = inner.state.lock();
        state.bag.forget(From::Opener);
        let news = failed(
            &mut state,
            Error::new(Status::Exhausted, format!("a thread to connect cannot be started: {e}")),
        );
        inner.changed.notify_all();
        drop(state);
        news.tell();
    }
}

fn run<M: Manager>(inner: &Arc<Inner<M>>) {
    loop {
        let Some(deadline) = turn(inner) else { return };
        let made = connect(inner, deadline);
        let mut state = inner.state.lock();
        match made {
            Ok(item) => {
                let news = succeeded(&mut state);
                state.add(item, &inner.clock);
                inner.changed.notify_all();
                // Back in the race: this thread goes on if it is still needed.
                let go_on = state.openings_wanted() > state.bag.opening;
                state.bag.opening += usize::from(go_on);
                inner.finish(state);
                news.tell();
                if !go_on {
                    return;
                }
            }
            Err(e) => {
                let news = failed(&mut state, e);
                inner.changed.notify_all();
                drop(state);
                news.tell();
            }
        }
    }
}

/// A line for the log. It is told without the lock: the host's logger may ask for the pool's figures.
#[must_use]
pub enum News {
    None,
    Good(String),
    Bad(String),
}

impl News {
    pub fn tell(self) {
        // A logger that panics must not take an opener with it: its ticket would be lost.
        let _ = guarded("the logger", || match self {
            News::None => {}
            News::Good(line) => log::info!("{line}"),
            News::Bad(line) => log::warn!("{line}"),
        });
    }
}

/// Waits until the next attempt is due. `None`: no more sessions are wanted, and the opener's ticket is back.
fn turn<M: Manager>(inner: &Arc<Inner<M>>) -> Option<Instant> {
    let mut state = inner.state.lock();
    loop {
        if state.bag.opening > state.openings_wanted() {
            state.bag.forget(From::Opener);
            inner.changed.notify_all();
            inner.retry.notify_all();
            return None;
        }
        match state.connect.retry_at {
            Some(at) if Instant::now() < at => {
                inner.retry.wait_until(&mut state, at);
            }
            _ => {
                state.polled = false;
                return Some(deadline(&state.settings));
            }
        }
    }
}

fn deadline(settings: &PoolSettings) -> Instant {
    // No limit: so far away that it is none.
    Instant::now() + settings.connect_timeout.unwrap_or(Duration::from_secs(86_400))
}

/// One attempt.
pub fn connect<M: Manager>(inner: &Arc<Inner<M>>, deadline: Instant) -> Result<M::Item> {
    let start = Instant::now();
    let made = guarded("connect", || inner.manager.connect(deadline)).and_then(|made| made)?;
    inner.metrics.connect.since(start);
    Ok(made)
}

fn succeeded<M: Manager>(state: &mut State<M>) -> News {
    state.counters.opened += 1;
    let failures = std::mem::take(&mut state.connect).failures;
    match failures {
        0 => News::None,
        n => News::Good(format!("pool '{}': connected again after {n} failed attempts", state.settings.name)),
    }
}

/// Notes a failure. Where the attempts are limited and used up, those who wait are told.
fn failed<M: Manager>(state: &mut State<M>, e: Error) -> News {
    state.counters.connect_failures += 1;
    let settings = state.settings.clone();
    let record = &mut state.connect;
    record.failures = record.failures.saturating_add(1);
    record.failures_of_round = record.failures_of_round.saturating_add(1);
    record.retry_at = Instant::now().checked_add(pause(&settings, record.failures));
    record.last_error = Some(e.clone());
    // One line per outage: it may last for hours.
    let news = match record.failures {
        1 if state.phase == Phase::Open => {
            News::Bad(format!("pool '{}': cannot connect: {e}", settings.name))
        }
        _ => News::None,
    };
    if settings.acquire_retries.is_some_and(|limit| record.failures_of_round >= limit) {
        let attempts = std::mem::take(&mut record.failures_of_round);
        state.bag.refuse_all(|| {
            e.clone().context(format_args!(
                "pool '{}': no session after {attempts} attempts to connect",
                settings.name
            ))
        });
    }
    news
}

/// Pause after the `failures`th failure in a row.
fn pause(settings: &PoolSettings, failures: u32) -> Duration {
    let first = settings.acquire_retry_delay;
    first.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(LONGEST_PAUSE.max(first))
}

/// One attempt on the caller's own thread, for the first session.
pub fn first<M: Manager>(inner: &Arc<Inner<M>>) -> Result<()> {
    let deadline = deadline(&inner.state.lock().settings);
    let made = connect(inner, deadline);
    let mut state = inner.state.lock();
    match made {
        Ok(item) => {
            let _ = succeeded(&mut state);
            state.bag.opening += 1;
            state.add(item, &inner.clock);
            Ok(())
        }
        // The caller tells it.
        Err(e) => {
            let _ = failed(&mut state, e.clone());
            Err(e)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_limit() {
        let mut s =
            PoolSettings { acquire_retry_delay: Duration::from_millis(100), ..PoolSettings::default() };
        let pauses: Vec<u128> = [1, 2, 3, 5, 6, 99].map(|n| pause(&s, n).as_millis()).to_vec();
        assert_eq!(pauses, [100, 200, 400, 1600, 2000, 2000]);
        s.acquire_retry_delay = Duration::from_secs(7);
        assert_eq!(pause(&s, 3), Duration::from_secs(7));
    }
}
