//! A slot: the place of one session in its pool, and the word that says in whose hands it is.
//!
//! ```text
//!   word   phase:8 | generation:36 | flags:20
//!   key    OUT:8   | generation:36 | index:20
//! ```
//!
//! Handing out and taking back are one change of the word each. Everything else about a session, that it is too old,
//! has to be asked, was evicted, has been written to, is told to those two by a flag or a limit beside the word, so that
//! they find it out by the change they make anyway; what is out of the ordinary then goes by the pool's lock.
//!
//! The generation grows when a session comes back. A key names one handing-out of one slot; it fits no other, ever: a
//! slot whose generations are used up is not used again. Slots are never given back to the allocator while a key may
//! lead to them, so a stale key is found out and harms nothing.

use std::cell::UnsafeCell;
use std::ops::{Deref, DerefMut};

use super::bag::Entry;
use super::manager::Manager;
use crate::sync::{AtomicU32, AtomicU64, Mutex, Ordering};
use crate::thread::{Local, local};

/// No session lies here.
const EMPTY: u64 = 0;
/// Anyone may take it.
const IDLE: u64 = 1 << 56;
/// In the hands of the pool, or of a lease whose key has ended before it.
const HELD: u64 = 2 << 56;
/// Used up.
const SPENT: u64 = 3 << 56;
/// In somebody's hands. Above 0x80, as no address begins: a key may serve as a handle in C.
const OUT: u64 = 0xE4 << 56;
const PHASE: u64 = 0xFF << 56;

const ONE_GENERATION: u64 = 1 << 20;
const FLAGS: u64 = ONE_GENERATION - 1;
const GENERATIONS: u64 = !(PHASE | FLAGS);
const LAST_GENERATION: u64 = GENERATIONS / ONE_GENERATION;
/// From here on a slot's session moves to another one as soon as it comes by the lock. The short way does not look: it
/// is open for a minute at most before the lock is needed again, and a hundred million times a second, which is more than
/// there can be, that is a third of what is left. (Beyond the end the word would leave its phase, and the session be
/// stuck rather than handed out by an old key.)
const WORN_GENERATION: u64 = LAST_GENERATION - (1 << 34);
/// How long the short way stays open, in nanoseconds.
pub const LONGEST_OPEN: u64 = 60_000_000_000;
/// So much of a statement is noted for reports, in bytes.
const LONGEST_STATEMENT: usize = 1000;
/// The bits that a word has in common with its key.
const IDENTITY: u64 = !FLAGS;
pub const INDEX: u64 = FLAGS;

/// Something is to be done when it comes back: it has been evicted, or reported as a leak.
const LOOK: u64 = 1;
/// Somebody is making a lease of it.
const CLAIMING: u64 = 2;
/// There is a lease, which has the session; the key ends by itself.
const CLAIMED: u64 = 4;
/// The lease has ended before its key, and the session is gone.
const GONE: u64 = 8;

/// Own cache lines for each, and those beside them that processors fetch in one go. What the short way needs comes first.
#[repr(C, align(128))]
pub struct Slot<M: Manager> {
    word: AtomicU64,
    /// Up to this moment of the coarse clock it is handed out without a question.
    good_until: AtomicU64,
    /// When it was last handed out, by the coarse clock.
    since: AtomicU64,
    /// To whom: the kernel's number of the thread.
    thread: AtomicU32,
    index: u32,
    /// What the host has made of the lease.
    host: AtomicU64,
    /// The generation when a session was last laid down by way of the lock.
    laid: AtomicU64,
    /// The generation when the pool took the slot into use.
    first: AtomicU64,
    told: Mutex<Told>,
    /// The generation last reported as a leak.
    reported: AtomicU64,
    /// Reached by whoever holds the slot: the lease while it is out or held, the pool otherwise.
    entry: UnsafeCell<Option<Entry<M::Item>>>,
}

// SAFETY: the entry is reached only by the one who holds the slot, as `entry` says; all else is atomic.
unsafe impl<M: Manager> Sync for Slot<M> {}
// SAFETY: entries are `Send`.
unsafe impl<M: Manager> Send for Slot<M> {}

/// What whoever has it has told of it, for the case that it does not come back.
#[derive(Debug, Default)]
struct Told {
    /// The generation in which it was told.
    generation: u64,
    label: String,
    statement: String,
}

impl Told {
    /// Without what was told before that generation.
    fn in_generation(&mut self, generation: u64) -> &mut Told {
        if self.generation != generation {
            self.generation = generation;
            self.label.clear();
            self.statement.clear();
        }
        self
    }
}

/// A session that is out, as the report of a leak has it.
pub struct Out {
    /// By the coarse clock.
    pub since: u64,
    /// The kernel's number of the thread that took it.
    pub thread: u32,
    /// Who or what it is for; empty: nobody said.
    pub label: String,
    /// The beginning of what was last run on it; empty: nothing was.
    pub statement: String,
}

/// What a key leads to.
pub enum Claim<'a, M: Manager> {
    /// It is the caller's to make a lease of, and to say so by `claimed`.
    Yours(&'a Slot<M>),
    /// There is a lease: what the host said it is.
    Made(u64),
    /// Somebody else is making the lease just now.
    Soon,
    /// This key has ended.
    Stale,
}

fn generation(word: u64) -> u64 {
    (word & GENERATIONS) / ONE_GENERATION
}

impl<M: Manager> Slot<M> {
    pub fn new(index: u32) -> Slot<M> {
        Slot {
            word: AtomicU64::new(EMPTY | ONE_GENERATION),
            good_until: AtomicU64::new(0),
            since: AtomicU64::new(0),
            thread: AtomicU32::new(0),
            index,
            host: AtomicU64::new(0),
            laid: AtomicU64::new(0),
            first: AtomicU64::new(1),
            told: Mutex::new(Told::default()),
            // No generation that a session is handed out in.
            reported: AtomicU64::new(LAST_GENERATION),
            entry: UnsafeCell::new(None),
        }
    }

    // The short way: no lock.

    /// Takes an idle session that needs no question at `now` (coarse), for thread `thread`. Gives its key.
    #[inline]
    pub fn take_good(&self, now: u64, thread: u32) -> Option<u64> {
        let word = self.word.load(Ordering::Relaxed);
        if word & (PHASE | FLAGS) != IDLE || self.good_until.load(Ordering::Relaxed) <= now {
            return None;
        }
        let out = word ^ (IDLE ^ OUT);
        self.word.compare_exchange(word, out, Ordering::SeqCst, Ordering::Relaxed).ok()?;
        self.since.store(now, Ordering::Relaxed);
        self.thread.store(thread, Ordering::Relaxed);
        Some(out | u64::from(self.index))
    }

    /// Notes who has it, and that this thread had it last.
    pub fn note(&self, now: u64) {
        self.since.store(now, Ordering::Relaxed);
        let local = local();
        self.thread.store(local.thread(), Ordering::Relaxed);
        self.remember(local);
    }

    /// This thread has had it last.
    pub fn remember(&self, local: &Local) {
        local.hint.set(std::ptr::from_ref(self).addr());
    }

    /// Lays a session down that nothing was done with. False: the key has ended, or there is something to do.
    #[inline]
    pub fn put_back(&self, key: u64) -> bool {
        let out = key & IDENTITY;
        let idle = (out ^ (IDLE ^ OUT)).wrapping_add(ONE_GENERATION);
        key & PHASE == OUT
            && self.word.compare_exchange(out, idle, Ordering::SeqCst, Ordering::Relaxed).is_ok()
    }

    // The life of a key in the host's hands.

    fn is_named_by(&self, word: u64, key: u64) -> bool {
        word & IDENTITY == key & IDENTITY && word & PHASE == OUT
    }

    /// Whether a key still names what is out.
    pub fn fits(&self, key: u64) -> bool {
        self.is_named_by(self.word.load(Ordering::SeqCst), key)
    }

    /// Asks for the lease behind a key.
    pub fn claim(&self, key: u64) -> Claim<'_, M> {
        let word = self.word.load(Ordering::Acquire);
        if !self.is_named_by(word, key) {
            return Claim::Stale;
        }
        if word & CLAIMED != 0 {
            return Claim::Made(self.host.load(Ordering::Acquire));
        }
        let mine = word & CLAIMING == 0
            && self.word.compare_exchange(word, word | CLAIMING, Ordering::AcqRel, Ordering::Relaxed).is_ok();
        if mine { Claim::Yours(self) } else { Claim::Soon }
    }

    /// Ends the making of a lease: what the host made of it; `None`: nothing, and the session is as before.
    pub fn claimed(&self, host: Option<u64>) {
        match host {
            Some(host) => {
                self.host.store(host, Ordering::Release);
                self.word.fetch_add(CLAIMED - CLAIMING, Ordering::AcqRel);
            }
            None => {
                self.word.fetch_sub(CLAIMING, Ordering::AcqRel);
            }
        }
    }

    /// Ends a key behind which there is no lease. True: the session is the caller's, to lay down by way of the lock.
    pub fn end_unclaimed(&self, key: u64) -> bool {
        let mut word = self.word.load(Ordering::Acquire);
        while self.is_named_by(word, key) && word & (CLAIMING | CLAIMED) == 0 {
            let next = (word ^ (OUT ^ HELD)) + ONE_GENERATION;
            match self.word.compare_exchange(word, next, Ordering::SeqCst, Ordering::Acquire) {
                Ok(_) => return true,
                Err(now) => word = now,
            }
        }
        false
    }

    /// Ends a key. `Made`: there was a lease, which goes on until it ends itself. `Yours`: there was none; the session
    /// is the caller's to lay down by way of the lock.
    pub fn end_key(&self, key: u64) -> Claim<'_, M> {
        let mut word = self.word.load(Ordering::Acquire);
        loop {
            if !self.is_named_by(word, key) {
                return Claim::Stale;
            }
            if word & CLAIMING != 0 {
                return Claim::Soon;
            }
            let phase = if word & GONE != 0 { EMPTY } else { HELD };
            let next = (word & !(PHASE | CLAIMED | GONE) | phase) + ONE_GENERATION;
            let host = self.host.load(Ordering::Acquire);
            match self.word.compare_exchange(word, next, Ordering::SeqCst, Ordering::Acquire) {
                Ok(_) if word & CLAIMED != 0 => return Claim::Made(host),
                Ok(_) => return Claim::Yours(self),
                Err(now) => word = now,
            }
        }
    }

    /// The key of what is out. For its lease.
    pub fn key(&self) -> u64 {
        self.word.load(Ordering::Relaxed) & IDENTITY | u64::from(self.index)
    }

    // What is done under the pool's lock.

    /// Takes it if it is idle, whatever its age.
    pub fn take_any(&self, now: u64) -> bool {
        let taken = self.change_idle(OUT);
        if taken {
            self.note(now);
        }
        taken
    }

    /// Takes it into the pool's own hands if it is idle.
    pub fn hold(&self) -> bool {
        self.change_idle(HELD)
    }

    fn change_idle(&self, phase: u64) -> bool {
        let mut word = self.word.load(Ordering::SeqCst);
        while word & PHASE == IDLE {
            match self.word.compare_exchange(word, word ^ (IDLE ^ phase), Ordering::SeqCst, Ordering::SeqCst)
            {
                Ok(_) => return true,
                Err(now) => word = now,
            }
        }
        false
    }

    pub fn is_idle(&self) -> bool {
        self.word.load(Ordering::SeqCst) & PHASE == IDLE
    }

    pub fn is_out(&self) -> bool {
        self.word.load(Ordering::SeqCst) & PHASE == OUT
    }

    pub fn is_empty(&self) -> bool {
        self.word.load(Ordering::SeqCst) & PHASE == EMPTY
    }

    /// Used up, or nearly: what lies here has to move before it is handed out again.
    pub fn is_worn(&self) -> bool {
        let word = self.word.load(Ordering::Relaxed);
        generation(word) >= WORN_GENERATION
    }

    /// Puts a session into an empty slot. It is held.
    pub fn fill(&self, entry: Entry<M::Item>) {
        // SAFETY: empty, and the lock keeps others from filling it.
        unsafe { *self.entry.get() = Some(entry) };
        let word = self.word.load(Ordering::Relaxed);
        self.word.store(word & GENERATIONS | HELD, Ordering::SeqCst);
    }

    /// Takes the session out for good. The slot is empty, or will be when the key ends.
    pub fn clear(&self) -> Option<Entry<M::Item>> {
        // SAFETY: the caller holds the slot.
        let entry = unsafe { (*self.entry.get()).take() };
        let mut word = self.word.load(Ordering::Relaxed);
        loop {
            let next = if word & PHASE == OUT && word & CLAIMED != 0 {
                word | GONE
            } else {
                let next = next_generation(word);
                if generation(next) >= WORN_GENERATION { next | SPENT } else { next | EMPTY }
            };
            match self.word.compare_exchange(word, next, Ordering::SeqCst, Ordering::Relaxed) {
                Ok(_) => return entry,
                Err(now) => word = now,
            }
        }
    }

    /// Takes the session out if the slot is held.
    pub fn clear_held(&self) -> Option<Entry<M::Item>> {
        if self.word.load(Ordering::SeqCst) & PHASE == HELD { self.clear() } else { None }
    }

    /// Lays down what the caller holds.
    pub fn lay(&self, good_until: u64) {
        self.pass(IDLE, good_until);
    }

    /// Hands on what the caller holds.
    pub fn give(&self) {
        self.pass(OUT, 0);
    }

    fn pass(&self, phase: u64, good_until: u64) {
        let next = next_generation(self.word.load(Ordering::Relaxed)) | phase;
        self.good_until.store(good_until, Ordering::Relaxed);
        self.laid.store(generation(next), Ordering::Relaxed);
        self.word.store(next, Ordering::SeqCst);
    }

    pub fn set_good_until(&self, moment: u64) {
        self.good_until.store(moment, Ordering::Relaxed);
    }

    /// Has it come back by way of the lock, if it is out.
    pub fn look_when_back(&self) {
        let mut word = self.word.load(Ordering::SeqCst);
        while word & PHASE == OUT {
            match self.word.compare_exchange(word, word | LOOK, Ordering::SeqCst, Ordering::SeqCst) {
                Ok(_) => return,
                Err(now) => word = now,
            }
        }
    }

    /// Whether it has been used by the short way since it was last laid down by way of the lock.
    pub fn was_used(&self) -> bool {
        let now = generation(self.word.load(Ordering::Relaxed));
        self.laid.swap(now, Ordering::Relaxed) != now
    }

    /// Begins to count for a pool.
    pub fn begin(&self) {
        self.first.store(generation(self.word.load(Ordering::Relaxed)), Ordering::Relaxed);
    }

    /// How often it was handed out since `begin`.
    pub fn handed_out(&self) -> u64 {
        let word = self.word.load(Ordering::Relaxed);
        let ended = generation(word).wrapping_sub(self.first.load(Ordering::Relaxed));
        ended + u64::from(word & PHASE == OUT)
    }

    // Leaks.

    pub fn set_label(&self, text: &str) {
        let mut told = self.told.lock();
        let told = told.in_generation(generation(self.word.load(Ordering::Relaxed)));
        told.label.clear();
        told.label.push_str(text);
    }

    /// Notes what is about to be run on it. Called before each statement: it only copies.
    pub fn note_statement(&self, text: &str) {
        let mut told = self.told.lock();
        let told = told.in_generation(generation(self.word.load(Ordering::Relaxed)));
        told.statement.clear();
        told.statement.push_str(&text[..text.floor_char_boundary(LONGEST_STATEMENT)]);
    }

    /// Who has it and for what, if it has been out since before that moment (coarse) and this was not asked before.
    pub fn report(&self, before: u64) -> Option<Out> {
        let word = self.word.load(Ordering::SeqCst);
        let since = self.since.load(Ordering::Relaxed);
        let now = generation(word);
        if word & PHASE != OUT || since > before || self.reported.load(Ordering::Relaxed) == now {
            return None;
        }
        self.reported.store(now, Ordering::Relaxed);
        self.look_when_back();
        let mut told = self.told.lock();
        let told = told.in_generation(now);
        Some(Out {
            since,
            thread: self.thread.load(Ordering::Relaxed),
            label: told.label.clone(),
            statement: told.statement.clone(),
        })
    }

    /// The thread that has had it all the time, if it was reported. Before it is laid down.
    pub fn was_reported(&self) -> Option<u32> {
        let word = self.word.load(Ordering::Relaxed);
        let ended = u64::from(word & PHASE != OUT);
        (self.reported.load(Ordering::Relaxed) == generation(word).wrapping_sub(ended))
            .then(|| self.thread.load(Ordering::Relaxed))
    }

    // The session.

    /// The entry of the slot that the caller holds.
    ///
    /// # Safety
    /// The caller holds the slot, and has no other reference to the entry.
    #[allow(clippy::mut_from_ref)]
    pub unsafe fn entry(&self) -> Option<&mut Entry<M::Item>> {
        // SAFETY: by the caller's promise nobody else reaches it.
        unsafe { (*self.entry.get()).as_mut() }
    }

    /// At the end of its generations. For tests.
    #[cfg(test)]
    pub fn wear(&self) {
        let word = self.word.load(Ordering::SeqCst);
        self.word.store(word & !GENERATIONS | (WORN_GENERATION * ONE_GENERATION), Ordering::SeqCst);
        self.begin();
    }
}

/// The generation behind a word's, if that one has been out; no phase, no flags.
fn next_generation(word: u64) -> u64 {
    let out = word & PHASE == OUT;
    (word & GENERATIONS) + if out { ONE_GENERATION } else { 0 }
}

/// A held slot's entry, for as long as its holder has it in its hands.
pub struct Grip<M: Manager>(pub &'static Slot<M>);

impl<M: Manager> Deref for Grip<M> {
    type Target = Entry<M::Item>;
    fn deref(&self) -> &Entry<M::Item> {
        // SAFETY: the grip is the only way to the entry that its holder has.
        match unsafe { self.0.entry() } {
            Some(entry) => entry,
            None => unreachable!("a held slot has an entry"),
        }
    }
}

impl<M: Manager> DerefMut for Grip<M> {
    fn deref_mut(&mut self) -> &mut Entry<M::Item> {
        // SAFETY: as above, and the grip is borrowed alone.
        match unsafe { self.0.entry() } {
            Some(entry) => entry,
            None => unreachable!("a held slot has an entry"),
        }
    }
}
