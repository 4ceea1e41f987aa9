//! Turns at a database that has one writer at a time.
//!
//! SQLite's own way is to try again after a pause, which lets some wait for ever while others write. Within a
//! process writers come in order of arrival here instead; between processes SQLite's way remains.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use crate::error::{Class, Error, Result, Side, Status};

#[derive(Debug, Default)]
struct Inner {
    taken: bool,
    next: u64,
    waiting: VecDeque<u64>,
}

/// Lock order: nothing else is locked while its mutex is held; a turn is taken before BEGIN.
#[derive(Debug, Default)]
pub struct Gate {
    inner: Mutex<Inner>,
    freed: Condvar,
}

/// A turn; dropping it lets the next one in.
#[derive(Debug)]
pub struct Turn(Arc<Gate>);

/// Who waits for a turn, to those who may end the wait from another thread.
#[derive(Debug, Default)]
pub struct Waiter {
    /// The gate where he waits now. Taken under a gate's mutex, never the other way round.
    at: Mutex<Option<Arc<Gate>>>,
    cancelled: AtomicBool,
}

impl Waiter {
    /// Ends the wait with an error; does nothing when he does not wait.
    pub fn cancel(&self) {
        let Some(gate) = self.at.lock().clone() else { return };
        let _inner = gate.inner.lock();
        self.cancelled.store(true, Ordering::SeqCst);
        gate.freed.notify_all();
    }
}

impl Gate {
    pub fn enter(self: &Arc<Gate>, limit: Duration, waiter: &Waiter) -> Result<Turn> {
        let deadline = Instant::now() + limit;
        let mut inner = self.inner.lock();
        if inner.taken || !inner.waiting.is_empty() {
            let me = inner.next;
            inner.next += 1;
            inner.waiting.push_back(me);
            waiter.cancelled.store(false, Ordering::SeqCst);
            *waiter.at.lock() = Some(Arc::clone(self));
            let mut failed = None;
            while failed.is_none() && (inner.taken || inner.waiting.front() != Some(&me)) {
                let timed_out = self.freed.wait_until(&mut inner, deadline).timed_out();
                if waiter.cancelled.load(Ordering::SeqCst) {
                    let text = "cancelled while the master was locked by another writer";
                    let error = Error::database(Side::Master, Class::TimedOut, text, Vec::new());
                    failed = Some(error.with_status(Status::Cancelled));
                } else if timed_out {
                    let text =
                        format!("the master was locked by another writer for {} ms", limit.as_millis());
                    failed = Some(Error::database(Side::Master, Class::Retryable, text, Vec::new()));
                }
            }
            *waiter.at.lock() = None;
            if let Some(error) = failed {
                inner.waiting.retain(|w| *w != me);
                self.freed.notify_all();
                return Err(error);
            }
            inner.waiting.pop_front();
        }
        inner.taken = true;
        Ok(Turn(Arc::clone(self)))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.inner.lock().taken = false;
        self.0.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_come_in_order_of_arrival_and_waiting_has_an_end() {
        let gate = Arc::new(Gate::default());
        let nobody = Waiter::default();
        let first = gate.enter(Duration::ZERO, &nobody).unwrap();
        assert!(gate.enter(Duration::from_millis(10), &nobody).unwrap_err().retryable());
        let order = Arc::new(Mutex::new(Vec::new()));
        let threads: Vec<_> = (0..4)
            .map(|n| {
                let (gate, order) = (Arc::clone(&gate), Arc::clone(&order));
                let waits = Arc::clone(&gate);
                let t = std::thread::spawn(move || {
                    let _turn = waits.enter(Duration::from_secs(30), &Waiter::default()).unwrap();
                    order.lock().push(n);
                });
                while gate.inner.lock().waiting.len() <= n {
                    std::thread::yield_now();
                }
                t
            })
            .collect();
        drop(first);
        for t in threads {
            t.join().unwrap();
        }
        assert_eq!(*order.lock(), [0, 1, 2, 3]);
    }

    #[test]
    fn a_wait_can_be_cancelled_and_holds_up_nobody_behind_it() {
        let gate = Arc::new(Gate::default());
        let (one, two) = (&Waiter::default(), &Waiter::default());
        let turn = gate.enter(Duration::ZERO, one).unwrap();
        // He does not wait: nothing is ended, later neither.
        one.cancel();
        std::thread::scope(|scope| {
            let enter = |waiter| gate.enter(Duration::from_secs(30), waiter).map(drop);
            let waiting = |n| {
                while gate.inner.lock().waiting.len() < n {
                    std::thread::yield_now();
                }
            };
            let first = scope.spawn(move || enter(one));
            waiting(1);
            let second = scope.spawn(move || enter(two));
            waiting(2);
            one.cancel();
            assert_eq!(first.join().unwrap().unwrap_err().status(), Status::Cancelled);
            assert!(!second.is_finished());
            drop(turn);
            second.join().unwrap().unwrap();
        });
        assert!(gate.enter(Duration::ZERO, one).is_ok());
    }
}
