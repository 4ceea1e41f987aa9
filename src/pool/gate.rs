//! The gate of the short way to a pool's sessions: open, unless there is a reason.
//!
//! Whoever lays a session down by the short way looks at the gate afterwards; whoever closes it looks for sessions
//! afterwards. So one of the two sees the other, and what comes back finds those who wait for it.

use crate::sync::{AtomicU64, Ordering};

/// Somebody waits, and is to be served before anyone who comes.
pub const WAITED: u32 = 1;
/// Nothing is handed out: suspended.
pub const HELD: u32 = 2;
/// For good: the pool is closed.
pub const FOR_GOOD: u32 = 4;
/// Somebody wants to know when the last session is back, or there are too many sessions.
pub const WATCHED: u32 = 8;
/// The host wants to look at each acquire itself.
pub const BY_HOST: u32 = 16;

/// Above, why the way is closed; below, a mark of the host's. One number, so that one comparison tells that the way is
/// open and the mark is the right one.
pub struct Gate(AtomicU64);

impl Gate {
    /// Closed.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Gate {
        Gate(AtomicU64::new(u64::from(FOR_GOOD) << 32))
    }

    #[inline]
    pub fn is_open(&self) -> bool {
        self.0.load(Ordering::SeqCst) >> 32 == 0
    }

    /// Whether the way is open, and the mark is this one.
    #[inline]
    pub fn is_open_for(&self, mark: u32) -> bool {
        self.0.load(Ordering::SeqCst) == u64::from(mark)
    }

    pub fn mark(&self) -> u32 {
        self.0.load(Ordering::SeqCst) as u32
    }

    pub fn set_mode(&self, mode: u32) {
        self.change(|gate| u64::from(gate as u32) | u64::from(mode) << 32);
    }

    fn change(&self, next: impl Fn(u64) -> u64) {
        let mut gate = self.0.load(Ordering::SeqCst);
        while next(gate) != gate {
            match self.0.compare_exchange(gate, next(gate), Ordering::SeqCst, Ordering::SeqCst) {
                Ok(_) => return,
                Err(now) => gate = now,
            }
        }
    }

    pub fn set_mark(&self, mark: u32) {
        self.change(|gate| gate >> 32 << 32 | u64::from(mark));
    }
}
