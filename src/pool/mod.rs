//! Keeping sessions: a generic pool of things that are dear to make.
//!
//! What is kept and how it is made, checked and closed is the [`Manager`]'s business; the pool decides when.
//! Files, in the order of a session's life: `opener` makes it, `bag` holds it while it is idle and knows who
//! waits, `pool` hands it out, `lease` brings it back, `keeper` checks and replaces it, `closer` ends it.
//!
//! - Callers are served in the order in which they came. What is released goes straight to the first of them;
//!   nobody else wakes up.
//! - Nothing that can block (connect, validate, reset, close) is called with the pool's lock held. Opening and
//!   closing run on threads of their own, so neither keeps waiting whoever could be served.
//! - A panic in the manager is an error of that one call.
//!
//! There is one lock, on `inner::State`. A waiter's own lock is taken under it, and nothing under that.

mod bag;
mod clock;
mod closer;
mod inner;
mod keeper;
mod lease;
mod manager;
mod opener;
#[allow(clippy::module_inception)]
mod pool;
mod rack;
mod rules;
mod slot;
#[cfg(test)]
mod tests;

pub use crate::config::{InitFail, PoolSettings};
pub use lease::Lease;
pub use manager::Manager;
pub use pool::{Figures, Pool};
pub use rack::{Directory, Rack};
pub use slot::{Claim, Slot};
