//! Keeping sessions: a generic pool of things that are dear to make.
//!
//! What is kept and how it is made, checked and closed is the [`Manager`]'s business; the pool decides when.
//! Files, in the order of a session's life: `opener` makes it, in a `slot` of a `rack` it lies while it is idle and is
//! taken without a lock while the `gate` is open, `bag` knows all of them and who waits, `pool` hands it out, `lease`
//! brings it back, `keeper` checks and replaces it, `closer` ends it.
//!
//! - Who finds a session idle takes it. Who waits is served in the order of arrival: what is released goes straight to
//!   the first of them, and who comes later stands behind. While sessions are held for moments only, those who run
//!   may go ahead, for a hundredth of a second at most (`Bag::may_go_ahead`): no wait is longer for it than that.
//! - Nothing that can block (connect, validate, reset, close) is called with the pool's lock held. Opening and
//!   closing run on threads of their own, so neither keeps waiting whoever could be served.
//! - A panic in the manager is an error of that one call.
//!
//! There is one lock, on `inner::State`. A waiter's own lock is taken under it, and nothing under that. What is changed
//! without it, the words of slots and the gate, is tested in all orders (tests/proof/pool, tests/proof/slots).

mod bag;
mod clock;
mod closer;
mod gate;
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
