//! Racks: the slots of a pool, a few dozen in each, found again by the number in a key.
//!
//! What a thread with a key or an old address may still look at is never given back to the allocator: racks of a pool
//! that has ended go to the next one.

// Not those of the scheduler: a directory outlives what is tested there.
use std::sync::atomic::{AtomicPtr as Pointer, Ordering::Acquire, Ordering::Release};
use std::sync::{Mutex, PoisonError};

use super::gate::Gate;
use super::manager::Manager;
use super::slot::{INDEX, Slot};
use crate::sync::{AtomicPtr, AtomicU64, Ordering};
use crate::thread::local;

/// Slots in a rack.
pub const SLOTS: usize = 32;
/// As many as an index can tell apart.
const RACKS: usize = (INDEX as usize + 1) / SLOTS;

#[repr(C, align(128))]
pub struct Rack<M: Manager> {
    /// In the pool's first rack.
    pub gate: Gate,
    /// In the pool's first rack: what the host wrote there to know the pool by. 0: none.
    host: AtomicU64,
    /// The pool's first rack.
    head: AtomicPtr<Rack<M>>,
    next: AtomicPtr<Rack<M>>,
    slots: [Slot<M>; SLOTS],
}

impl<M: Manager> Rack<M> {
    fn new(number: usize) -> Box<Rack<M>> {
        Box::new(Rack {
            gate: Gate::new(),
            host: AtomicU64::new(0),
            head: AtomicPtr::new(std::ptr::null_mut()),
            next: AtomicPtr::new(std::ptr::null_mut()),
            slots: std::array::from_fn(|i| Slot::new((number * SLOTS + i) as u32)),
        })
    }

    #[inline]
    pub fn host(&self) -> u64 {
        self.host.load(Ordering::SeqCst)
    }

    pub fn set_host(&self, host: u64, mark: u32) {
        self.gate.set_mark(mark);
        self.host.store(host, Ordering::SeqCst);
    }

    #[inline]
    pub fn head(&self) -> &'static Rack<M> {
        // SAFETY: racks are never freed, and this is one, or was never in use; see `Directory::slot`.
        unsafe { &*self.head.load(Ordering::Acquire) }
    }

    fn next(&self) -> Option<&'static Rack<M>> {
        // SAFETY: null, or a rack, which is never freed.
        unsafe { self.next.load(Ordering::Acquire).as_ref() }
    }

    /// All slots of the pool whose first rack this is.
    pub fn slots(&'static self) -> impl Iterator<Item = &'static Slot<M>> {
        std::iter::successors(Some(self), |rack| rack.next()).flat_map(|rack| rack.slots.iter())
    }

    /// Takes the session that this thread used last, if it is idle and needs no question at `now` (coarse). Gives its key.
    /// The caller has seen that the way is open, and looks again afterwards.
    #[inline]
    pub fn take_last(&'static self, now: u64) -> Option<(&'static Slot<M>, u64)> {
        let local = local();
        // The address tells whether the slot is one of this rack's; it is not looked at otherwise.
        let at = local.hint.get().wrapping_sub(self.slots.as_ptr().addr()) / size_of::<Slot<M>>();
        let slot = self.slots.get(at)?;
        // With a hint there is a number.
        slot.take_good(now, local.number.get()).map(|key| (slot, key))
    }

    /// Takes any idle session, as `take_last` does.
    pub fn take_any(&'static self, now: u64) -> Option<(&'static Slot<M>, u64)> {
        let local = local();
        let thread = local.thread();
        let (slot, key) = self.slots().find_map(|slot| slot.take_good(now, thread).map(|key| (slot, key)))?;
        slot.remember(local);
        Some((slot, key))
    }

    pub fn take(&'static self, now: u64) -> Option<(&'static Slot<M>, u64)> {
        self.take_last(now).or_else(|| self.take_any(now))
    }

    /// Joins a rack to the end of this pool's.
    pub fn join(&'static self, rack: &'static Rack<M>) {
        rack.enter(self);
        let mut last = self;
        while let Some(next) = last.next() {
            last = next;
        }
        last.next.store(std::ptr::from_ref(rack).cast_mut(), Ordering::Release);
    }

    /// Begins to serve a pool.
    pub fn enter(&self, head: &'static Rack<M>) {
        self.slots.iter().for_each(Slot::begin);
        self.next.store(std::ptr::null_mut(), Ordering::Release);
        self.head.store(std::ptr::from_ref(head).cast_mut(), Ordering::Release);
    }
}

/// All racks of one kind of pool, by number, and those that serve none.
pub struct Directory<M: Manager> {
    racks: [Pointer<Rack<M>>; RACKS],
    spare: Mutex<Spare<M>>,
}

struct Spare<M: Manager> {
    made: usize,
    racks: Vec<&'static Rack<M>>,
}

#[allow(clippy::new_without_default)]
impl<M: Manager> Directory<M> {
    pub const fn new() -> Directory<M> {
        Directory {
            racks: [const { Pointer::new(std::ptr::null_mut()) }; RACKS],
            spare: Mutex::new(Spare { made: 0, racks: Vec::new() }),
        }
    }

    /// A rack that serves no pool. `None`: there are as many as keys can tell apart.
    pub fn rack(&self) -> Option<&'static Rack<M>> {
        let mut spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(rack) = spare.racks.pop() {
            return Some(rack);
        }
        let place = self.racks.get(spare.made)?;
        let rack: &'static Rack<M> = Box::leak(Rack::new(spare.made));
        // Nobody looks for its slots before it has a head.
        rack.enter(rack);
        place.store(std::ptr::from_ref(rack).cast_mut(), Release);
        spare.made += 1;
        Some(rack)
    }

    /// Takes back the racks of a pool that has ended.
    pub fn give_back(&self, head: &'static Rack<M>) {
        head.set_host(0, 0);
        let racks: Vec<_> = std::iter::successors(Some(head), |rack| rack.next()).collect();
        self.spare.lock().unwrap_or_else(PoisonError::into_inner).racks.extend(racks);
    }

    /// The slot that a key names, and the first rack of its pool.
    #[inline]
    pub fn slot(&self, key: u64) -> Option<(&'static Slot<M>, &'static Rack<M>)> {
        let index = (key & INDEX) as usize;
        let rack = self.racks.get(index / SLOTS)?.load(Acquire);
        // SAFETY: null, or a rack, which is never freed.
        let rack = unsafe { rack.as_ref() }?;
        Some((rack.slots.get(index % SLOTS)?, rack.head()))
    }

    /// How many sessions are out whose keys nobody has claimed yet, and those that were: keys that are alive.
    pub fn live(&self) -> usize {
        let racks = self.racks.iter().map_while(|r| {
            // SAFETY: as above.
            unsafe { r.load(Acquire).as_ref() }
        });
        racks.flat_map(|rack| rack.slots.iter()).filter(|slot| slot.is_out()).count()
    }
}

/// A rack of a pool that has no directory: nobody knows a key of it.
pub fn alone<M: Manager>() -> &'static Rack<M> {
    let rack: &'static Rack<M> = Box::leak(Rack::new(0));
    rack.enter(rack);
    rack
}
