//! The pool's own source, unchanged, on locks and threads of a scheduler that decides at each of them who goes on.
//! The tests beside it run the same few callers in thousands of orders.

// Not as a test of its own: the tests inside the pool's source are for real locks.
#![cfg(not(test))]

#[path = "../../../../src/pool/mod.rs"]
pub mod pool;

pub mod sync;

pub use twinpool::{config, error, metrics};

/// Threads of the scheduler.
pub mod thread {
    use std::io;

    pub use twinpool::thread::{Local, coarse, local};

    pub fn spawn<F>(name: &str, f: F) -> io::Result<shuttle::thread::JoinHandle<()>>
    where
        F: FnOnce() + Send + 'static,
    {
        shuttle::thread::Builder::new().name(name.to_owned()).spawn(f)
    }
}

/// The clock of the C border, which is not tested here.
pub mod tick {
    pub fn begin() {}
    pub fn keep_on() {}
}
