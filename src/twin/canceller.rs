//! Ending what a session has under way, from another thread.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::link;

/// Ends the running statement of its session, any thread, any time; also after the session has replaced a
/// connection that it lost. Once the session is back in the pool it does nothing.
#[derive(Clone, Debug, Default)]
pub struct Canceller(Arc<Mutex<Option<link::Canceller>>>);

impl Canceller {
    pub(super) fn lead_to(&self, link: Option<link::Canceller>) {
        *self.0.lock() = link;
    }

    /// Asks the master to stop the running statement; does nothing when none runs. Does not wait.
    pub fn cancel(&self) {
        if let Some(link) = &*self.0.lock() {
            link.cancel();
        }
    }

    /// Cuts the connection to the master: whatever call hangs on it comes back with `Unreachable`.
    pub fn cut(&self) {
        if let Some(link) = &*self.0.lock() {
            link.cut();
        }
    }
}
