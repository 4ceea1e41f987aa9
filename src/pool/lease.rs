//! A session in someone's hands.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::bag::From;
use super::inner::Inner;
use super::keeper::thread_name;
use super::manager::{Manager, guarded};
use super::slot::{Grip, Slot};
use crate::error::Result;

/// A session out of the pool. Dropping it releases it.
pub struct Lease<M: Manager> {
    /// There until the lease ends.
    grip: Option<Grip<M>>,
    inner: Arc<Inner<M>>,
    since: Instant,
}

impl<M: Manager> Lease<M> {
    /// Of a slot that is the caller's.
    pub(super) fn new(slot: &'static Slot<M>, inner: Arc<Inner<M>>) -> Lease<M> {
        Lease { grip: Some(Grip(slot)), inner, since: Instant::now() }
    }

    /// Back to the pool. The error is that of resetting the session; it has then been closed, and nothing is
    /// left to do.
    pub fn release(mut self) -> Result<()> {
        self.give_back()
    }

    /// Throws the session away; the pool makes another when it needs one.
    pub fn evict(mut self) {
        if let Some(Grip(slot)) = self.grip.take() {
            tell_reported(slot);
            self.note_usage();
            self.inner.discard(slot, From::Caller);
        }
    }

    /// Where the session lies; for its key.
    pub fn slot(&self) -> Option<&'static Slot<M>> {
        self.grip.as_ref().map(|grip| grip.0)
    }

    /// Who or what it is for: told when the lease is suspected to have leaked.
    pub fn set_label(&self, label: &str) {
        if let Some(Grip(slot)) = &self.grip {
            slot.set_label(label);
        }
    }

    /// What is about to be run on it: told as well, if leaks were looked for by then.
    #[inline]
    pub fn note_statement(&self, text: &str) {
        if self.inner.notes.load(Ordering::Relaxed)
            && let Some(Grip(slot)) = &self.grip
        {
            slot.note_statement(text);
        }
    }

    fn give_back(&mut self) -> Result<()> {
        let Some(mut grip) = self.grip.take() else { return Ok(()) };
        let slot = grip.0;
        tell_reported(slot);
        if self.inner.has_broken(&grip.item) {
            self.note_usage();
            self.inner.found_dead(slot, From::Caller);
            return Ok(());
        }
        let reset = guarded("reset", || self.inner.manager.reset(&mut grip.item)).and_then(|done| done);
        let ended = self.inner.clock.at(self.note_usage());
        match &reset {
            // Resetting may have found it dead.
            Ok(()) if !self.inner.has_broken(&grip.item) => self.inner.put(slot, From::Caller, ended),
            Ok(()) => self.inner.found_dead(slot, From::Caller),
            Err(e) if e.is_lost() => self.inner.found_dead(slot, From::Caller),
            Err(_) => self.inner.discard(slot, From::Caller),
        }
        reset
    }

    /// Counts how long it was out, and gives the moment at which that ended.
    fn note_usage(&self) -> Instant {
        let now = Instant::now();
        self.inner.metrics.usage.record(now.saturating_duration_since(self.since));
        now
    }
}

/// A session that was reported as a leak comes back after all.
pub fn tell_reported<M: Manager>(slot: &Slot<M>) {
    if let Some(thread) = slot.was_reported() {
        let thread = thread_name(thread);
        log::info!("a session reported as a suspected leak (thread {thread}) has been released");
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
        match &self.grip {
            Some(grip) => &grip.item,
            None => unreachable!("the session leaves only with the lease"),
        }
    }
}

impl<M: Manager> DerefMut for Lease<M> {
    fn deref_mut(&mut self) -> &mut M::Item {
        match &mut self.grip {
            Some(grip) => &mut grip.item,
            None => unreachable!("the session leaves only with the lease"),
        }
    }
}

impl<M: Manager> fmt::Debug for Lease<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lease")
    }
}
