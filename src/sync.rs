//! The locks of the pool, named in one place: the orders in which its threads may run are tested on locks of a
//! scheduler (tests/proof/pool).

pub use parking_lot::{Condvar, Mutex, MutexGuard};
