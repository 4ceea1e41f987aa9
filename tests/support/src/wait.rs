//! Waiting for a condition with a limit, instead of sleeping and hoping.

use std::thread::sleep;
use std::time::{Duration, Instant};

/// Asks every few milliseconds until `condition` holds; false when `limit` has passed.
pub fn within(limit: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + limit;
    let mut pause = Duration::from_millis(1);
    loop {
        if condition() {
            return true;
        }
        if Instant::now() >= end {
            return false;
        }
        sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}

/// [`within`] that fails the test: `eventually(secs(5), "the queue is empty", || …)`.
#[track_caller]
pub fn eventually(limit: Duration, what: &str, condition: impl FnMut() -> bool) {
    assert!(within(limit, condition), "not within {limit:?}: {what}");
}
