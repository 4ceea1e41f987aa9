//! Rule S: transactions of this pool between their master COMMIT and the answer to their mirror COMMIT.
//!
//! A transaction that saw another's rows on the master may not overtake it on the mirror. So before its
//! journal it waits for those that are between at this moment; not for later ones, which cannot have
//! written anything it has seen.

use std::collections::BTreeSet;
use std::time::Instant;

use parking_lot::{Condvar, Mutex};

#[derive(Debug, Default)]
struct Inner {
    next: u64,
    open: BTreeSet<u64>,
}

/// The set of transactions that are between. Lock order: nothing else is locked while it is held.
#[derive(Debug, Default)]
pub struct Between {
    inner: Mutex<Inner>,
    left: Condvar,
}

/// A place in the set. It must be given back by [`Between::leave`], after the pool was marked if the mirror
/// COMMIT failed.
#[derive(Debug)]
#[must_use]
pub struct Ticket(u64);

impl Between {
    /// Before the master's COMMIT is sent.
    pub fn enter(&self) -> Ticket {
        let mut inner = self.inner.lock();
        let number = inner.next;
        inner.next += 1;
        inner.open.insert(number);
        Ticket(number)
    }

    pub fn leave(&self, ticket: Ticket) {
        self.inner.lock().open.remove(&ticket.0);
        self.left.notify_all();
    }

    /// Waits until all that are between now have left; false when the deadline came first.
    pub fn wait(&self, deadline: Instant) -> bool {
        let mut inner = self.inner.lock();
        let end = inner.next;
        while inner.open.first().is_some_and(|first| *first < end) {
            if self.left.wait_until(&mut inner, deadline).timed_out() {
                return inner.open.first().is_none_or(|first| *first >= end);
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::time::Duration;

    #[test]
    fn one_waits_for_those_between_now_and_not_for_later_ones() {
        let between = Arc::new(Between::default());
        let first = between.enter();
        let waiter = {
            let between = Arc::clone(&between);
            std::thread::spawn(move || between.wait(Instant::now() + Duration::from_secs(30)))
        };
        while !waiter.is_finished() && Arc::strong_count(&between) < 2 {
            std::thread::yield_now();
        }
        std::thread::sleep(Duration::from_millis(50));
        assert!(!waiter.is_finished());
        let later = between.enter();
        between.leave(first);
        assert!(waiter.join().unwrap());
        between.leave(later);
    }

    #[test]
    fn waiting_has_an_end() {
        let between = Between::default();
        let _stays = between.enter();
        assert!(!between.wait(Instant::now() + Duration::from_millis(20)));
    }
}
