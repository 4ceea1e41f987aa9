//! Places where a test may step in: kill a server, hold a thread, end the process. Only with the feature
//! `test-hooks`; otherwise every point is nothing at all.
//!
//! Points are set per pool name, so that tests in one process do not meet. In another process they come from
//! the environment: `TWINPOOL_FAILPOINT=after_journal:3` aborts the process at the third hit.

/// Marks a place: `failpoint!(pool_name, "after_journal")`.
#[macro_export]
#[doc(hidden)]
macro_rules! failpoint {
    ($pool:expr, $point:literal) => {
        #[cfg(feature = "test-hooks")]
        $crate::failpoint::hit($pool, $point);
    };
}

#[cfg(feature = "test-hooks")]
mod hooks {
    use std::collections::HashMap;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use once_cell::sync::Lazy;
    use parking_lot::Mutex;

    type Action = Arc<dyn Fn() + Send + Sync>;

    static POINTS: Lazy<Mutex<HashMap<(String, String), Action>>> = Lazy::new(Mutex::default);
    static ABORT_AT: Lazy<Option<(String, u64)>> = Lazy::new(|| {
        let text = std::env::var("TWINPOOL_FAILPOINT").ok()?;
        let (point, nth) = text.split_once(':').unwrap_or((&text, "1"));
        Some((point.to_owned(), nth.parse().unwrap_or(1)))
    });
    static HITS: AtomicU64 = AtomicU64::new(0);

    /// Runs `action` whenever the point is reached in the pool of this name.
    pub fn set(pool: &str, point: &str, action: impl Fn() + Send + Sync + 'static) {
        POINTS.lock().insert((pool.to_owned(), point.to_owned()), Arc::new(action));
    }

    pub fn clear(pool: &str) {
        POINTS.lock().retain(|(p, _), _| p != pool);
    }

    pub fn hit(pool: &str, point: &str) {
        if let Some((at, nth)) = &*ABORT_AT
            && at == point
            && HITS.fetch_add(1, Ordering::SeqCst) + 1 == *nth
        {
            // As kill -9 would: no destructor, no flush.
            // SAFETY: ends the process.
            unsafe { libc::_exit(137) };
        }
        let action = POINTS.lock().get(&(pool.to_owned(), point.to_owned())).cloned();
        if let Some(action) = action {
            action();
        }
    }
}

#[cfg(feature = "test-hooks")]
pub use hooks::{clear, hit, set};
