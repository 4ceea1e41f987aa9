//! The locks of the pool, named in one place: the orders in which its threads may run are tested on locks of a
//! scheduler (tests/proof/pool).

pub use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};

pub use parking_lot::{Condvar, Mutex, MutexGuard};
