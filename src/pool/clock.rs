//! The clock by which sessions age. Tests can put it forward.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

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

/// What [`Clock::coarse`] shows outside tests.
#[inline]
pub fn coarse() -> u64 {
    let mut t = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `t` is a place for the answer; the clock exists on every kernel since 2.6.32.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC_COARSE, &mut t) };
    t.tv_sec as u64 * 1_000_000_000 + t.tv_nsec as u64
}
