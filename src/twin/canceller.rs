//! Ending what a session has under way, from another thread.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::link;
use crate::pair::Waiter;

/// Ends the running statement of its session, any thread, any time; also after the session has replaced a
/// connection that it lost. Once the session is back in the pool it does nothing.
#[derive(Clone, Debug, Default)]
pub struct Canceller {
    link: Arc<Mutex<Option<link::Canceller>>>,
    /// For its turn at a master that has one writer at a time.
    waiter: Arc<Waiter>,
}

impl Canceller {
    pub(super) fn lead_to(&self, link: Option<link::Canceller>) {
        *self.link.lock() = link;
    }

    pub(super) fn waiter(&self) -> &Waiter {
        &self.waiter
    }

    /// Asks the master to stop the running statement; does nothing when none runs. Does not wait.
    pub fn cancel(&self) {
        self.waiter.cancel();
        if let Some(link) = &*self.link.lock() {
            link.cancel();
        }
    }

    /// Cuts the connection to the master: whatever call hangs on it comes back with `Unreachable`.
    pub fn cut(&self) {
        self.waiter.cancel();
        if let Some(link) = &*self.link.lock() {
            link.cut();
        }
    }
}
