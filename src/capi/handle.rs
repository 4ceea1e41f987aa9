//! Handles: tokens of kind, generation and index that are looked up in a table and never dereferenced.
//!
//! ```text
//!   token   kind:8 | generation:36 |              index:20
//!   state   kind:8 | generation:36 | doomed:1 | exclusive:1 | users:18
//! ```
//!
//! A slot's upper 44 bits equal those of the one token that may use it. Freeing a handle in use sets
//! `doomed`, which no token matches; whoever leaves last drops the object. Slots are never given back to
//! the allocator, and a slot whose generations are used up is retired, so a token is never valid twice.
//! Nothing here takes a lock: a child forked at any moment can still make handles.

use std::cell::UnsafeCell;
use std::mem::MaybeUninit;
use std::ops::{Deref, DerefMut};
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};

use super::process;
use crate::error::{Error, Result, Status};

const INDEX: u64 = ONE_GENERATION - 1;
const ONE_GENERATION: u64 = 1 << 20;
const GENERATIONS: u64 = ((1 << 36) - 1) * ONE_GENERATION;
const DOOMED: u64 = 1 << 19;
const EXCLUSIVE: u64 = 1 << 18;
const USERS: u64 = EXCLUSIVE - 1;
/// What a live slot's state has in common with its token.
const IDENTITY: u64 = !(USERS | EXCLUSIVE);

/// Slots come in chunks that never move.
const CHUNK: usize = 1 << 8;
const CHUNKS: usize = 1 << 12;
/// The last index is missing: the stack of free slots holds index + 1.
const MAX_SLOTS: u32 = (CHUNK * CHUNKS) as u32 - 1;

/// Something that has a handle in C.
pub trait Object: Send + Sync + Sized + 'static {
    /// The opaque type in C.
    type C;
    /// Distinct for each kind, and above 0x80: no address of a user process begins so.
    const KIND: u8;
    /// For messages: `pool`.
    const NAME: &'static str;
    /// Whether a forked child may go on using it: only what holds no connection.
    const SURVIVES_FORK: bool = false;
    fn table() -> &'static Table<Self>;

    /// Enters the object as one of several users.
    #[inline]
    fn enter(handle: *const Self::C) -> Result<Shared<Self>> {
        Self::table().enter(handle)
    }

    /// Ends the handle; see [`Table::free`].
    fn end(handle: *const Self::C) -> Option<Self> {
        Self::table().free(handle)
    }
}

/// Own cache line each, so that threads with neighbouring handles do not slow each other down.
#[repr(align(64))]
struct Slot<T> {
    state: AtomicU64,
    /// The next free slot's index + 1, while this one is free.
    next: AtomicU32,
    /// The process that made the object.
    process: AtomicU32,
    /// See [`Table::set_side`].
    side: AtomicPtr<()>,
    /// Initialized from `insert` to `reclaim`.
    value: UnsafeCell<MaybeUninit<T>>,
}

pub struct Table<T> {
    chunks: [AtomicPtr<Slot<T>>; CHUNKS],
    /// Top of the stack of free slots: index + 1 below, a counter above that makes each value unique.
    free: AtomicU64,
    /// Slots handed out so far.
    fresh: AtomicU32,
}

// SAFETY: a slot's value is reached only under the rules of its state word: by any number of shared users
// (hence `Sync`), by one exclusive user, or by the one who reclaims it (hence `Send`).
unsafe impl<T: Send + Sync> Sync for Table<T> {}

impl<T: Object> Table<T> {
    pub const fn new() -> Table<T> {
        Table {
            chunks: [const { AtomicPtr::new(ptr::null_mut()) }; CHUNKS],
            free: AtomicU64::new(0),
            fresh: AtomicU32::new(0),
        }
    }

    #[inline]
    fn slot(&self, index: u32) -> Option<&Slot<T>> {
        let index = index as usize;
        let chunk = self.chunks.get(index / CHUNK)?.load(Ordering::Acquire);
        if chunk.is_null() {
            return None;
        }
        // SAFETY: a published chunk holds CHUNK slots and lives for ever.
        Some(unsafe { &*chunk.add(index % CHUNK) })
    }

    /// Puts an object into the table and gives its handle.
    pub fn insert(&self, value: T) -> Result<*mut T::C> {
        let Some((index, slot)) = self.take_slot() else {
            return Err(Error::new(Status::Internal, format!("too many {} handles are open", T::NAME)));
        };
        // SAFETY: the slot came off the free list (or is new) and is ours alone until the state below
        // publishes it.
        unsafe { (*slot.value.get()).write(value) };
        slot.process.store(process::current(), Ordering::Relaxed);
        let generation = slot.state.load(Ordering::Relaxed) & GENERATIONS;
        let identity = (T::KIND as u64) << 56 | generation;
        slot.state.store(identity, Ordering::Release);
        Ok(ptr::without_provenance_mut((identity | index as u64) as usize))
    }

    /// Notes something beside a live object that is read without entering it.
    pub fn set_side<S>(&self, handle: *const T::C, side: &'static S) {
        if let Some(slot) = self.slot((handle.addr() as u64 & INDEX) as u32) {
            slot.side.store(ptr::from_ref(side).cast_mut().cast(), Ordering::Release);
        }
    }

    /// What was noted beside the object of this handle, or of another that had its place before or has it since: whoever
    /// asks has to find out. Null: nothing was.
    #[inline]
    pub fn side(&self, handle: *const T::C) -> *const () {
        self.slot((handle.addr() as u64 & INDEX) as u32)
            .map_or(ptr::null(), |slot| slot.side.load(Ordering::Acquire))
    }

    fn take_slot(&self) -> Option<(u32, &Slot<T>)> {
        let mut head = self.free.load(Ordering::Acquire);
        while head & INDEX != 0 {
            let index = (head & INDEX) as u32 - 1;
            let slot = self.slot(index)?;
            let next = slot.next.load(Ordering::Relaxed) as u64;
            let new = (head | INDEX).wrapping_add(1) | next;
            match self.free.compare_exchange_weak(head, new, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return Some((index, slot)),
                Err(now) => head = now,
            }
        }
        let index = self
            .fresh
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| (n < MAX_SLOTS).then_some(n + 1))
            .ok()?;
        self.grow(index);
        self.slot(index).map(|s| (index, s))
    }

    /// Makes the chunk that `index` lies in, unless it is there.
    fn grow(&self, index: u32) {
        let Some(chunk) = self.chunks.get(index as usize / CHUNK) else { return };
        if !chunk.load(Ordering::Acquire).is_null() {
            return;
        }
        let new: Box<[Slot<T>]> = (0..CHUNK)
            .map(|_| Slot {
                state: AtomicU64::new(ONE_GENERATION),
                next: AtomicU32::new(0),
                process: AtomicU32::new(0),
                side: AtomicPtr::new(ptr::null_mut()),
                value: UnsafeCell::new(MaybeUninit::uninit()),
            })
            .collect();
        let raw = Box::into_raw(new);
        let first = raw.cast::<Slot<T>>();
        if chunk.compare_exchange(ptr::null_mut(), first, Ordering::AcqRel, Ordering::Acquire).is_err() {
            // SAFETY: another thread was faster, so this box, just made, was never published.
            drop(unsafe { Box::from_raw(raw) });
        }
    }

    /// Enters the object as one of several users.
    #[inline]
    pub fn enter(&'static self, handle: *const T::C) -> Result<Shared<T>> {
        let (index, slot) = self.enter_as(handle, EXCLUSIVE, 1)?;
        Ok(Shared { slot, index })
    }

    /// Enters the object alone: `TWIN_ERR_BUSY` when somebody is inside.
    #[inline]
    pub fn enter_alone(&'static self, handle: *const T::C) -> Result<Alone<T>> {
        let (index, slot) = self.enter_as(handle, EXCLUSIVE | USERS, EXCLUSIVE | 1)?;
        Ok(Alone { slot, index })
    }

    /// `refused`: bits that must not be set; `add`: what entering adds to the state.
    #[inline]
    fn enter_as(
        &'static self,
        handle: *const T::C,
        refused: u64,
        add: u64,
    ) -> Result<(u32, &'static Slot<T>)> {
        let token = handle.addr() as u64;
        let index = (token & INDEX) as u32;
        let Some(slot) = self.slot(index) else { return Err(bad_handle::<T>(token)) };
        let mut state = slot.state.load(Ordering::Acquire);
        loop {
            if state & IDENTITY != token & !INDEX {
                return Err(bad_handle::<T>(token));
            }
            if !T::SURVIVES_FORK && slot.process.load(Ordering::Relaxed) != process::current() {
                return Err(forked::<T>());
            }
            if state & refused != 0 || state & USERS == USERS {
                return Err(busy(T::NAME));
            }
            match slot.state.compare_exchange_weak(state, state + add, Ordering::Acquire, Ordering::Acquire) {
                Ok(_) => return Ok((index, slot)),
                Err(now) => state = now,
            }
        }
    }

    fn leave(&self, index: u32, slot: &Slot<T>, add: u64) {
        let before = slot.state.fetch_sub(add, Ordering::AcqRel);
        if before & DOOMED != 0 && before & USERS == 1 {
            // SAFETY: doomed and without users: nobody can enter, and the last to leave is us.
            drop(unsafe { self.reclaim(index, slot) });
        }
    }

    /// Ends the handle. The object, if nobody is inside; otherwise the last user drops it. `None` also for
    /// what is not a live handle of this kind, and for one inherited through a fork: that object is leaked,
    /// because dropping it would end sessions that belong to the parent.
    pub fn free(&self, handle: *const T::C) -> Option<T> {
        let token = handle.addr() as u64;
        let index = (token & INDEX) as u32;
        let slot = self.slot(index)?;
        let mut state = slot.state.load(Ordering::Acquire);
        loop {
            if state & IDENTITY != token & !INDEX {
                return None;
            }
            if !T::SURVIVES_FORK && slot.process.load(Ordering::Relaxed) != process::current() {
                return None;
            }
            match slot.state.compare_exchange_weak(state, state | DOOMED, Ordering::AcqRel, Ordering::Acquire)
            {
                // SAFETY: doomed by us while it had no users: nobody can enter, nobody else reclaims.
                Ok(_) if state & USERS == 0 => return Some(unsafe { self.reclaim(index, slot) }),
                Ok(_) => return None,
                Err(now) => state = now,
            }
        }
    }

    /// Takes the object out and makes the slot free for the next generation.
    ///
    /// # Safety
    /// The slot is doomed and has no users, and no one else reclaims it.
    unsafe fn reclaim(&self, index: u32, slot: &Slot<T>) -> T {
        // SAFETY: the caller is the only one who can reach the value, which is there until now and is not
        // read again before the next `insert` writes another.
        let value = unsafe { (*slot.value.get()).assume_init_read() };
        let generation = slot.state.load(Ordering::Relaxed) & GENERATIONS;
        if generation == GENERATIONS {
            slot.state.store(0, Ordering::Release);
            return value;
        }
        slot.state.store(generation + ONE_GENERATION, Ordering::Release);
        let mut head = self.free.load(Ordering::Acquire);
        loop {
            slot.next.store((head & INDEX) as u32, Ordering::Relaxed);
            let new = (head | INDEX).wrapping_add(1) | (index as u64 + 1);
            match self.free.compare_exchange_weak(head, new, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return value,
                Err(now) => head = now,
            }
        }
    }

    /// How many handles are live. For leak tests: walks the table.
    pub fn live(&self) -> usize {
        (0..self.fresh.load(Ordering::Acquire))
            .filter(|&i| self.slot(i).is_some_and(|s| s.state.load(Ordering::Relaxed) >> 56 != 0))
            .count()
    }
}

/// The object while one of several users is inside.
pub struct Shared<T: Object> {
    slot: &'static Slot<T>,
    index: u32,
}

/// The object while its only user is inside.
pub struct Alone<T: Object> {
    slot: &'static Slot<T>,
    index: u32,
}

impl<T: Object> Deref for Shared<T> {
    type Target = T;
    fn deref(&self) -> &T {
        // SAFETY: we are counted in the slot's state, so the value is there until we leave, and nobody is
        // inside alone.
        unsafe { (*self.slot.value.get()).assume_init_ref() }
    }
}

impl<T: Object> Deref for Alone<T> {
    type Target = T;
    fn deref(&self) -> &T {
        // SAFETY: we are in the slot's state as its only user, so the value is there until we leave.
        unsafe { (*self.slot.value.get()).assume_init_ref() }
    }
}

impl<T: Object> DerefMut for Alone<T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as above, and nobody else has a reference.
        unsafe { (*self.slot.value.get()).assume_init_mut() }
    }
}

impl<T: Object> Drop for Shared<T> {
    fn drop(&mut self) {
        T::table().leave(self.index, self.slot, 1);
    }
}

impl<T: Object> Drop for Alone<T> {
    fn drop(&mut self) {
        T::table().leave(self.index, self.slot, EXCLUSIVE | 1);
    }
}

#[cold]
pub fn bad_handle<T: Object>(token: u64) -> Error {
    let name = T::NAME;
    let what = if token == 0 {
        format!("the {name} handle is NULL")
    } else if (token >> 56) as u8 == T::KIND {
        format!("the {name} handle was freed")
    } else {
        format!("this is not a {name} handle")
    };
    Error::new(Status::BadHandle, what)
}

#[cold]
pub fn forked<T: Object>() -> Error {
    Error::new(
        Status::Forked,
        format!("the {} handle was made before fork; open a pool in the child", T::NAME),
    )
}

#[cold]
pub fn busy(name: &str) -> Error {
    Error::new(Status::Busy, format!("another thread is inside this {name}"))
}

/// Looks options up as every call begins, `rounds` times; how often they were found. With `enter` other than 0 also
/// what follows: entering and leaving. For the benchmark, in builds for tests only.
#[cfg(feature = "test-hooks")]
#[unsafe(no_mangle)]
pub extern "C" fn twin_test_lookup(
    options: *const super::options::twin_options,
    rounds: u64,
    enter: i32,
) -> u64 {
    let table = super::options::OptionsObject::table();
    let found = |handle: *const super::options::twin_options| {
        if enter != 0 {
            return table.enter(handle).is_ok();
        }
        let token = handle.addr() as u64;
        let Some(slot) = table.slot((token & INDEX) as u32) else { return false };
        slot.state.load(Ordering::Acquire) & IDENTITY == token & !INDEX
            && slot.process.load(Ordering::Relaxed) == process::current()
    };
    (0..rounds).map(|_| u64::from(found(std::hint::black_box(options)))).sum()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;
    use std::time::Instant;

    use super::*;

    struct Thing(Arc<AtomicUsize>, u64);
    enum CThing {}
    static THINGS: Table<Thing> = Table::new();

    impl Object for Thing {
        type C = CThing;
        const KIND: u8 = 0xF1;
        const NAME: &'static str = "thing";
        fn table() -> &'static Table<Thing> {
            &THINGS
        }
    }

    impl Drop for Thing {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn thing(n: u64) -> (Arc<AtomicUsize>, *mut CThing) {
        let drops = Arc::new(AtomicUsize::new(0));
        let handle = THINGS.insert(Thing(drops.clone(), n)).unwrap();
        (drops, handle)
    }

    fn status(r: Result<Shared<Thing>>) -> Status {
        r.err().map_or(Status::Ok, |e| e.status())
    }

    #[test]
    fn a_live_handle_leads_to_its_object_and_a_freed_one_to_an_error() {
        let (drops, h) = thing(7);
        assert_eq!(THINGS.enter(h).unwrap().1, 7);
        drop(THINGS.free(h));
        assert_eq!(drops.load(Ordering::SeqCst), 1);
        assert_eq!(status(THINGS.enter(h)), Status::BadHandle);
        assert!(THINGS.free(h).is_none(), "freed twice");
        assert_eq!(drops.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn a_stale_handle_stays_stale_when_its_slot_is_used_again() {
        let (_, old) = thing(1);
        drop(THINGS.free(old));
        let new: Vec<_> = (0..100).map(thing).collect();
        assert_eq!(status(THINGS.enter(old)), Status::BadHandle);
        for (_, h) in new {
            assert_ne!(h, old);
            THINGS.free(h);
        }
    }

    #[test]
    fn values_that_were_never_handles_are_refused() {
        let on_the_stack = 1u64;
        let (_, h) = thing(1);
        let t = h.addr();
        for addr in [
            0,
            1,
            0xFF,
            usize::MAX,
            usize::MAX >> 1,
            (&raw const on_the_stack).addr(),
            // Not `t + 1`: that may be the handle of a test beside this one.
            t ^ 1 << 18,
            t ^ 1 << 23,
            t ^ 1 << 22,
            t ^ 1 << 40,
            t ^ 1 << 60,
            t | 0xFF_FFFF,
        ] {
            let foreign = ptr::without_provenance_mut::<CThing>(addr);
            assert_eq!(status(THINGS.enter(foreign)), Status::BadHandle, "{addr:#x}");
            assert!(THINGS.free(foreign).is_none());
        }
        assert_eq!(THINGS.enter(h).unwrap().1, 1);
        THINGS.free(h);
    }

    #[test]
    fn a_second_user_of_an_exclusive_object_is_told_busy() {
        let (_, h) = thing(1);
        let inside = THINGS.enter_alone(h).unwrap();
        assert_eq!(THINGS.enter_alone(h).err().unwrap().status(), Status::Busy);
        assert_eq!(status(THINGS.enter(h)), Status::Busy);
        drop(inside);
        let (a, b) = (THINGS.enter(h).unwrap(), THINGS.enter(h).unwrap());
        assert_eq!(THINGS.enter_alone(h).err().unwrap().status(), Status::Busy);
        drop((a, b));
        THINGS.enter_alone(h).unwrap().1 = 9;
        assert_eq!(THINGS.enter(h).unwrap().1, 9);
        THINGS.free(h);
    }

    #[test]
    fn an_object_freed_during_a_call_lives_until_the_call_ends() {
        let (drops, h) = thing(5);
        let (one, two) = (THINGS.enter(h).unwrap(), THINGS.enter(h).unwrap());
        assert!(THINGS.free(h).is_none());
        assert_eq!(status(THINGS.enter(h)), Status::BadHandle);
        assert_eq!(one.1, 5);
        drop(one);
        assert_eq!(drops.load(Ordering::SeqCst), 0);
        drop(two);
        assert_eq!(drops.load(Ordering::SeqCst), 1);

        let (drops, h) = thing(6);
        let alone = THINGS.enter_alone(h).unwrap();
        assert!(THINGS.free(h).is_none());
        drop(alone);
        assert_eq!(drops.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn a_slot_whose_generations_are_used_up_is_retired() {
        static LAST: Table<Thing> = Table::new();
        let h = LAST.insert(Thing(Arc::default(), 1)).unwrap();
        let index = (h.addr() as u64 & INDEX) as u32;
        drop(LAST.free(h));
        let slot = LAST.slot(index).unwrap();
        slot.state.store(GENERATIONS, Ordering::SeqCst);
        let last = LAST.insert(Thing(Arc::default(), 2)).unwrap();
        assert_eq!(last.addr() as u64 & INDEX, index as u64);
        drop(LAST.free(last));
        assert!(LAST.enter(last).is_err());
        let next = LAST.insert(Thing(Arc::default(), 3)).unwrap();
        assert_ne!(next.addr() as u64 & INDEX, index as u64);
        drop(LAST.free(next));
    }

    #[test]
    fn threads_that_make_use_and_free_handles_lose_and_double_none() {
        let drops = Arc::new(AtomicUsize::new(0));
        let (threads, rounds) = if cfg!(miri) { (3, 30) } else { (8, 5_000) };
        std::thread::scope(|s| {
            for t in 0..threads {
                let drops = drops.clone();
                s.spawn(move || {
                    let mut kept = Vec::new();
                    for i in 0..rounds {
                        let n = t * 1_000_000 + i;
                        kept.push((n, THINGS.insert(Thing(drops.clone(), n)).unwrap()));
                        if kept.len() > (i % 7) as usize {
                            let (n, h) = kept.swap_remove((i % 3) as usize % kept.len());
                            assert_eq!(THINGS.enter_alone(h).unwrap().1, n);
                            drop(THINGS.free(h).unwrap());
                        }
                    }
                    for (n, h) in kept {
                        assert_eq!(THINGS.enter(h).unwrap().1, n);
                        drop(THINGS.free(h).unwrap());
                    }
                });
            }
        });
        assert_eq!(drops.load(Ordering::SeqCst), (threads * rounds) as usize);
    }

    #[test]
    fn racing_frees_of_one_handle_drop_its_object_once() {
        for _ in 0..if cfg!(miri) { 5 } else { 500 } {
            let (drops, h) = thing(1);
            let addr = h.addr();
            std::thread::scope(|s| {
                for _ in 0..3 {
                    s.spawn(move || {
                        let h = ptr::without_provenance_mut::<CThing>(addr);
                        let inside = THINGS.enter(h);
                        drop(THINGS.free(h));
                        drop(inside);
                    });
                }
            });
            assert_eq!(drops.load(Ordering::SeqCst), 1);
        }
    }

    /// `cargo test --release lookup_costs -- --ignored --nocapture`
    #[test]
    #[ignore = "a measurement"]
    fn lookup_costs() {
        let handles: Vec<_> = (0..64).map(thing).collect();
        let rounds = 20_000_000u64;
        let timed = |name: &str, work: &dyn Fn(*mut CThing) -> bool| {
            let mut best = f64::MAX;
            for _ in 0..5 {
                let start = Instant::now();
                for i in 0..rounds {
                    assert!(work(std::hint::black_box(handles[(i & 63) as usize].1)));
                }
                best = best.min(start.elapsed().as_nanos() as f64 / rounds as f64);
            }
            println!("{name} {best:.2} ns");
        };
        timed("empty call", &|h| !h.is_null());
        timed("lookup", &|h| {
            let token = h.addr() as u64;
            let Some(slot) = THINGS.slot((token & INDEX) as u32) else { return false };
            slot.state.load(Ordering::Acquire) & IDENTITY == token & !INDEX
                && slot.process.load(Ordering::Relaxed) == process::current()
        });
        timed("enter and leave, shared", &|h| THINGS.enter(h).is_ok());
        timed("enter and leave, alone", &|h| THINGS.enter_alone(h).is_ok());
        handles.into_iter().for_each(|(_, h)| drop(THINGS.free(h)));
    }
}
