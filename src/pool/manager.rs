//! What a pool has to know of the things it keeps, and the guard around everything that is called.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::rack::Directory;
use crate::error::{Error, Result, Status};
use crate::metrics::Metrics;

/// Makes, checks and ends what a pool keeps. Called from any thread, several at a time, never under a lock of
/// the pool. A panic counts as the failure of the call.
pub trait Manager: Send + Sync + Sized + 'static {
    type Item: Send + 'static;

    /// Makes one. Has to come back by `deadline`.
    fn connect(&self, deadline: Instant) -> Result<Self::Item>;

    /// Asks whether it lives; may take a round trip, at most `limit`. The error says why it is not fit.
    fn is_valid(&self, item: &mut Self::Item, limit: Duration) -> Result<()>;

    /// Whether it is known to be of no more use. Local knowledge, quick.
    fn has_broken(&self, item: &Self::Item) -> bool;

    /// Called at each release: afterwards the next caller finds it as new. What cannot be reset is closed.
    fn reset(&self, item: &mut Self::Item) -> Result<()>;

    /// Ends it. Called on a thread of its own.
    fn close(&self, item: Self::Item);

    /// A few words for error messages, such as the state of the mirror. Empty: none.
    fn note(&self) -> String;

    /// Where the pool's times are counted.
    fn metrics(&self) -> Arc<Metrics> {
        Arc::default()
    }

    /// Where keys of such pools' sessions lead; `None`: nobody uses keys.
    fn directory(&self) -> Option<&'static Directory<Self>> {
        None
    }

    /// A statement as a report may show it: no values in it. It may be cut off.
    fn outline(&self, _statement: &str) -> String {
        String::new()
    }

    /// A session has been out for longer than `leak_threshold`. Called from the keeper.
    fn leak_suspected(&self, report: &str) {
        log::warn!("{report}");
    }
}

/// Calls something of the manager's; a panic becomes an error.
pub fn guarded<T>(what: &str, call: impl FnOnce() -> T) -> Result<T> {
    catch_unwind(AssertUnwindSafe(call)).map_err(|panic| {
        let e = Error::new(Status::Panic, format!("{what} panicked: {}", words(&*panic)));
        // Some panics carry values whose own drop may panic.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(panic)));
        e
    })
}

fn words(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("?")
}
