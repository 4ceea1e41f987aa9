//! What is possible: no check, no lifetime, no fairness, no timeout.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use parking_lot::{Condvar, Mutex};

/// A stack under a lock.
pub struct Stack {
    items: Mutex<Vec<u64>>,
    given: Condvar,
}

impl Stack {
    pub fn new(size: usize) -> Stack {
        Stack { items: Mutex::new((0..size as u64).collect()), given: Condvar::new() }
    }

    pub fn cycle(&self) {
        let mut items = self.items.lock();
        let item = loop {
            match items.pop() {
                Some(item) => break item,
                None => self.given.wait(&mut items),
            }
        };
        drop(items);
        let item = std::hint::black_box(item);
        self.items.lock().push(item);
        self.given.notify_one();
    }
}

#[repr(align(128))]
struct Slot(AtomicBool);

/// An array whose slots are taken by one CAS each, that of last time first.
pub struct Slots {
    slots: Vec<Slot>,
    waiting: AtomicUsize,
    lock: Mutex<()>,
    given: Condvar,
}

thread_local! {
    static HINT: Cell<usize> = const { Cell::new(0) };
}

impl Slots {
    pub fn new(size: usize) -> Slots {
        let slots = (0..size).map(|_| Slot(AtomicBool::new(false))).collect();
        Slots { slots, waiting: AtomicUsize::new(0), lock: Mutex::new(()), given: Condvar::new() }
    }

    fn take(&self) -> Option<usize> {
        let hint = HINT.get();
        (hint..self.slots.len()).chain(0..hint.min(self.slots.len())).find(|i| {
            let free = &self.slots[*i].0;
            free.compare_exchange(false, true, Ordering::SeqCst, Ordering::Relaxed).is_ok()
        })
    }

    pub fn cycle(&self) {
        let taken = self.take().unwrap_or_else(|| {
            let mut lock = self.lock.lock();
            self.waiting.fetch_add(1, Ordering::SeqCst);
            let taken = loop {
                match self.take() {
                    Some(taken) => break taken,
                    None => self.given.wait(&mut lock),
                }
            };
            self.waiting.fetch_sub(1, Ordering::SeqCst);
            taken
        });
        HINT.set(taken);
        let taken = std::hint::black_box(taken);
        self.slots[taken].0.store(false, Ordering::SeqCst);
        if self.waiting.load(Ordering::SeqCst) > 0 {
            // Through the lock, or one who has looked and does not sleep yet would miss it.
            drop(self.lock.lock());
            self.given.notify_one();
        }
    }
}
