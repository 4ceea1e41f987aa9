//! The time for the price of one load: the coarse clock, looked at every hundredth of a second by a thread of its own.
//!
//! The thread runs only while sessions are acquired. When nobody has needed the time for a second it stops, and the
//! time is then later than any: whoever takes a session by the short way finds that each has to be asked, goes the long
//! way, and that starts the thread again.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use crate::thread;
use crate::thread::coarse;

/// Nanoseconds of the coarse clock; `STOPPED`: not now.
static NOW: AtomicU64 = AtomicU64::new(STOPPED);
const STOPPED: u64 = u64::MAX;

/// The process whose thread looks at the clock, or is about to. 0: none.
static OWNER: AtomicU32 = AtomicU32::new(0);
/// 1: somebody needs the time.
static WANTED: AtomicU32 = AtomicU32::new(0);

const PERIOD: Duration = Duration::from_millis(10);
/// How many periods it goes on for whoever has asked.
const PERIODS: u32 = 100;
/// How long the thread waits to be asked again before it ends, in seconds.
const PATIENCE: i64 = 30;

/// The time, at most some hundredths of a second old.
#[inline]
pub fn now() -> u64 {
    NOW.load(Ordering::Relaxed)
}

/// To be called by whoever has needed the time and gone a longer way.
#[inline]
pub fn keep_on() {
    if now() == STOPPED {
        start();
    }
}

/// To be called when a pool is opened: in a forked child the clock stands still at the moment of the fork.
pub fn begin() {
    if now() == STOPPED || OWNER.load(Ordering::Relaxed) != std::process::id() {
        start();
    }
}

#[cold]
fn start() {
    if WANTED.swap(1, Ordering::SeqCst) == 0 {
        wake();
    }
    let (me, owner) = (std::process::id(), OWNER.load(Ordering::SeqCst));
    // A thread does not survive a fork: the child has none, whatever is written there.
    if owner != me
        && OWNER.compare_exchange(owner, me, Ordering::SeqCst, Ordering::SeqCst).is_ok()
        && let Err(e) = thread::spawn("twinpool-tick", run)
    {
        log::debug!("the clock's thread cannot be started: {e}; sessions are acquired by the long way");
        NOW.store(STOPPED, Ordering::SeqCst);
        OWNER.store(0, Ordering::SeqCst);
    }
}

fn run() {
    loop {
        let mut left = PERIODS;
        while left > 0 {
            left = if WANTED.swap(0, Ordering::SeqCst) == 1 { PERIODS } else { left - 1 };
            NOW.store(coarse(), Ordering::Relaxed);
            std::thread::sleep(PERIOD);
        }
        NOW.store(STOPPED, Ordering::SeqCst);
        if wait() {
            continue;
        }
        OWNER.store(0, Ordering::SeqCst);
        // Who asks from now on starts another thread; who asked before that looks in vain.
        let me = std::process::id();
        if WANTED.load(Ordering::SeqCst) == 0
            || OWNER.compare_exchange(0, me, Ordering::SeqCst, Ordering::SeqCst).is_err()
        {
            return;
        }
    }
}

/// Waits until somebody needs the time. False: nobody did for long. (A lock could be held by a thread that a forked
/// child does not have; a number cannot.)
fn wait() -> bool {
    let limit = libc::timespec { tv_sec: PATIENCE, tv_nsec: 0 };
    // SAFETY: the number is a static, and the limit lives during the call.
    unsafe {
        let wait = libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG;
        libc::syscall(libc::SYS_futex, WANTED.as_ptr(), wait, 0, &raw const limit);
    }
    WANTED.load(Ordering::SeqCst) == 1
}

fn wake() {
    // SAFETY: as above.
    unsafe {
        libc::syscall(libc::SYS_futex, WANTED.as_ptr(), libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG, 1);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn the_clock_stops_when_nobody_needs_it_and_goes_on_when_somebody_does() {
        let until = |what: &str, is_so: &dyn Fn() -> bool| {
            let start = Instant::now();
            while !is_so() {
                assert!(start.elapsed() < Duration::from_secs(30), "{what}");
                std::thread::sleep(Duration::from_millis(2));
            }
        };
        for _ in 0..2 {
            keep_on();
            until("it goes", &|| now() != STOPPED);
            let seen = now();
            until("it goes on", &|| now() != STOPPED && now() > seen);
            assert!(coarse() >= seen);
            // Other tests open pools beside this one: that it stops may take as long as they.
            until("it stops", &|| now() == STOPPED);
        }
    }
}
