//! A session in someone's hands.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Instant;

use super::bag::{Entry, From};
use super::inner::Inner;
use super::manager::{Manager, guarded};
use crate::error::Result;

/// A session out of the pool. Dropping it releases it.
pub struct Lease<M: Manager> {
    /// There until the lease ends.
    entry: Option<Entry<M::Item>>,
    inner: Arc<Inner<M>>,
    /// Its record while leaks are looked for.
    record: Option<u64>,
    since: Instant,
}

impl<M: Manager> Lease<M> {
    pub(super) fn new(
        entry: Entry<M::Item>,
        inner: Arc<Inner<M>>,
        record: Option<u64>,
        since: Instant,
    ) -> Lease<M> {
        Lease { entry: Some(entry), inner, record, since }
    }

    /// Back to the pool. The error is that of resetting the session; it has then been closed, and nothing is
    /// left to do.
    pub fn release(mut self) -> Result<()> {
        self.give_back()
    }

    /// Throws the session away; the pool makes another when it needs one.
    pub fn evict(mut self) {
        if let Some(entry) = self.entry.take() {
            self.end_record();
            self.note_usage();
            self.inner.discard(entry, From::Caller);
        }
    }

    /// Who or what it is for: told when the lease is suspected to have leaked. Kept only while
    /// `leak_threshold` is on.
    pub fn set_label(&self, label: &str) {
        if let Some(id) = self.record
            && let Some(record) = self.inner.state.lock().leases.get_mut(&id)
        {
            label.clone_into(&mut record.label);
        }
    }

    fn give_back(&mut self) -> Result<()> {
        let Some(mut entry) = self.entry.take() else { return Ok(()) };
        self.end_record();
        if self.inner.has_broken(&entry.item) {
            self.note_usage();
            self.inner.found_dead(entry, From::Caller);
            return Ok(());
        }
        let reset = guarded("reset", || self.inner.manager.reset(&mut entry.item)).and_then(|done| done);
        let ended = self.inner.clock.at(self.note_usage());
        match &reset {
            // Resetting may have found it dead.
            Ok(()) if !self.inner.has_broken(&entry.item) => self.inner.put(entry, From::Caller, ended),
            Ok(()) => self.inner.found_dead(entry, From::Caller),
            Err(e) if e.is_lost() => self.inner.found_dead(entry, From::Caller),
            Err(_) => self.inner.discard(entry, From::Caller),
        }
        reset
    }

    /// Counts how long it was out, and gives the moment at which that ended.
    fn note_usage(&self) -> Instant {
        let now = Instant::now();
        self.inner.metrics.usage.record(now.saturating_duration_since(self.since));
        now
    }

    fn end_record(&mut self) {
        if let Some(id) = self.record.take() {
            let record = self.inner.state.lock().leases.remove(&id);
            if let Some(r) = record.filter(|r| r.reported) {
                log::info!(
                    "a session reported as a suspected leak (thread {}) has been released",
                    r.thread()
                );
            }
        }
    }
}

impl<M: Manager> Drop for Lease<M> {
    fn drop(&mut self) {
        if let Err(e) = self.give_back() {
            log::warn!("release: {e}; the session is closed");
        }
    }
}

impl<M: Manager> Deref for Lease<M> {
    type Target = M::Item;
    fn deref(&self) -> &M::Item {
        match &self.entry {
            Some(entry) => &entry.item,
            None => unreachable!("the entry leaves only with the lease"),
        }
    }
}

impl<M: Manager> DerefMut for Lease<M> {
    fn deref_mut(&mut self) -> &mut M::Item {
        match &mut self.entry {
            Some(entry) => &mut entry.item,
            None => unreachable!("the entry leaves only with the lease"),
        }
    }
}

impl<M: Manager> fmt::Debug for Lease<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lease")
    }
}
