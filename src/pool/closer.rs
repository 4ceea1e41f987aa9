//! Ending sessions, on a thread that runs only while there are some to end: a close may hang on a dead peer.

use std::sync::Arc;

use super::inner::Inner;
use super::manager::{Manager, guarded};
use crate::thread;

/// Starts the closer; `closer_runs` has been set.
pub fn start<M: Manager>(inner: &Arc<Inner<M>>) {
    let own = inner.clone();
    if let Err(e) = thread::spawn("twinpool-closer", move || run(&own)) {
        log::warn!("twinpool-closer cannot be started: {e}; sessions are closed here");
        run(inner);
    }
}

fn run<M: Manager>(inner: &Arc<Inner<M>>) {
    let mut state = inner.state.lock();
    while let Some(item) = state.dying.pop_front() {
        drop(state);
        if let Err(e) = guarded("close", || inner.manager.close(item)) {
            log::error!("{e}");
        }
        state = inner.state.lock();
        state.counters.closed += 1;
        inner.changed.notify_all();
    }
    state.closer_runs = false;
    inner.changed.notify_all();
}
