//! Turns at a database that has one writer at a time.
//!
//! SQLite's own way is to try again after a pause, which lets some wait for ever while others write. Within a
//! process writers come in order of arrival here instead; between processes SQLite's way remains.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use crate::error::{Class, Error, Result, Side};

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

impl Gate {
    pub fn enter(self: &Arc<Gate>, limit: Duration) -> Result<Turn> {
        let deadline = Instant::now() + limit;
        let mut inner = self.inner.lock();
        if inner.taken || !inner.waiting.is_empty() {
            let me = inner.next;
            inner.next += 1;
            inner.waiting.push_back(me);
            while inner.taken || inner.waiting.front() != Some(&me) {
                if self.freed.wait_until(&mut inner, deadline).timed_out() {
                    inner.waiting.retain(|w| *w != me);
                    self.freed.notify_all();
                    let text =
                        format!("the master was locked by another writer for {} ms", limit.as_millis());
                    return Err(Error::database(Side::Master, Class::Retryable, text, Vec::new()));
                }
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
        let first = gate.enter(Duration::ZERO).unwrap();
        assert!(gate.enter(Duration::from_millis(10)).unwrap_err().retryable());
        let order = Arc::new(Mutex::new(Vec::new()));
        let threads: Vec<_> = (0..4)
            .map(|n| {
                let (gate, order) = (Arc::clone(&gate), Arc::clone(&order));
                let waits = Arc::clone(&gate);
                let t = std::thread::spawn(move || {
                    let _turn = waits.enter(Duration::from_secs(30)).unwrap();
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
}
