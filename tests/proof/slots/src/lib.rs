//! The pool's slots and gate, unchanged, on atomics of a model that knows what a processor may show to whom and when.
//! The tests beside it run a few changes against each other in every order and with every view there can be.

// Not as a test of its own: the tests inside the source are for real atomics.
#![cfg(not(test))]
// The rest of the pool is not here.
#![allow(dead_code)]

#[path = "../../../../src/pool/gate.rs"]
pub mod gate;
#[path = "../../../../src/pool/slot.rs"]
pub mod slot;

pub mod bag {
    /// A session; what is noted beside it is not needed here.
    pub struct Entry<T> {
        pub item: T,
    }
}

pub mod manager {
    pub trait Manager: Sized + 'static {
        type Item: Send + 'static;
    }
}

pub mod sync {
    pub use loom::sync::atomic::{AtomicU32, AtomicU64, Ordering};

    /// With the face of the lock that the library uses.
    pub struct Mutex<T>(loom::sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub fn new(value: T) -> Mutex<T> {
            Mutex(loom::sync::Mutex::new(value))
        }

        pub fn lock(&self) -> loom::sync::MutexGuard<'_, T> {
            self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
        }
    }
}

pub mod thread {
    use std::cell::Cell;

    pub struct Local {
        pub hint: Cell<usize>,
        pub number: Cell<u32>,
    }

    impl Local {
        pub fn thread(&self) -> u32 {
            1
        }
    }

    /// Hints are not used here.
    pub fn local<'a>() -> &'a Local {
        Box::leak(Box::new(Local { hint: Cell::new(0), number: Cell::new(1) }))
    }
}
