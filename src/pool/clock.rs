//! The clock by which sessions age. Tests can put it forward.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::thread::coarse;

/// Ages and lifetimes are read from here; waits end by the real time.
#[derive(Clone, Default)]
pub struct Clock {
    ahead_ms: Arc<AtomicU64>,
}

impl Clock {
    pub fn now(&self) -> Instant {
        self.at(Instant::now())
    }

    /// Nanoseconds by the kernel's coarse clock, which stands still for some milliseconds and costs a quarter of the
    /// exact one.
    pub fn coarse(&self) -> u64 {
        coarse() + self.ahead_ms.load(Ordering::Relaxed) * 1_000_000
    }

    /// What this clock showed at a moment of real time.
    pub fn at(&self, real: Instant) -> Instant {
        match self.ahead_ms.load(Ordering::Relaxed) {
            0 => real,
            ms => real + Duration::from_millis(ms),
        }
    }

    #[cfg(test)]
    pub fn advance(&self, by: Duration) {
        self.ahead_ms.fetch_add(by.as_millis() as u64, Ordering::Relaxed);
    }
}
