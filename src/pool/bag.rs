//! The bag: the slots in which a pool's sessions lie, those who wait for one, and the count of all.
//!
//! Whoever comes takes the session that its thread used last, or else the first that is idle: it is the one that is
//! surest to be alive, sessions at the end grow old and go when few are needed, and threads that come again do not
//! fight for the same one. That needs no lock (`slot`, `rack`). Who finds nothing waits, in order of arrival, and what
//! comes back from then on is handed to the first who waits, unless nothing may be handed out at all (`held`).

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::manager::Manager;
use super::rack::{Directory, Rack, alone};
use super::slot::Slot;
use crate::error::Error;
use crate::sync::{Condvar, Mutex};

/// One session and its history.
#[derive(Debug)]
pub struct Entry<T> {
    pub item: T,
    pub born: Instant,
    /// When it was last known to be alive: opened, released or validated.
    pub alive: Instant,
    pub idle_since: Instant,
    /// Which soft eviction it has survived.
    pub generation: u64,
    /// 0 to 1: where in the range of a random variation it lies.
    pub spread: f64,
    /// When someone who had waited got it; it was not laid down since.
    pub handed: Option<Instant>,
}

/// What someone who waited gets.
pub enum Answer<M: Manager> {
    Slot(&'static Slot<M>),
    Refused(Error),
    /// To see to it that those who wait are served again; see `Bag::may_go_ahead`.
    Watch,
}

/// Someone who waits.
pub struct Waiter<M: Manager> {
    /// Its place: lower numbers are served first.
    arrival: u64,
    came: Instant,
    answer: Mutex<Option<Answer<M>>>,
    given: Condvar,
}

impl<M: Manager> Waiter<M> {
    /// The answer, once it is there; `None` when `deadline` (none: never) passes first.
    pub fn wait(&self, deadline: Option<Instant>) -> Option<Answer<M>> {
        let mut answer = self.answer.lock();
        while answer.is_none() {
            match deadline {
                None => self.given.wait(&mut answer),
                Some(d) => {
                    if self.given.wait_until(&mut answer, d).timed_out() {
                        break;
                    }
                }
            }
        }
        answer.take()
    }

    /// An answer takes the place of a call to watch.
    fn give(&self, answer: Answer<M>) {
        *self.answer.lock() = Some(answer);
        self.given.notify_one();
    }
}

/// Where an entry comes from that is put into the bag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// An opener. Its ticket is counted in `opening`.
    Opener,
    /// A caller.
    Caller,
    /// The keeper, who had it out to validate it.
    Keeper,
}

/// A session held for less than this was only looked at: to wake someone for the next such moment costs more.
const MOMENT: Duration = Duration::from_micros(5);
/// How long those who come may go ahead of those who wait, while sessions are held for moments only.
pub const LONGEST_AHEAD: Duration = Duration::from_millis(10);

pub struct Bag<M: Manager> {
    pub head: &'static Rack<M>,
    directory: Option<&'static Directory<M>>,
    /// Sorted by `arrival`.
    waiters: VecDeque<Arc<Waiter<M>>>,
    arrivals: u64,
    /// Sessions there are, in whose hands ever.
    filled: usize,
    /// In the hands of the keeper.
    pub checking: usize,
    /// Being made. Not part of the total.
    pub opening: usize,
    /// Nothing is handed out: the pool is suspended.
    pub held: bool,
    /// Those who come may take what is idle although others wait; the first of these watches.
    ahead: bool,
}

impl<M: Manager> Bag<M> {
    /// `None`: there are no racks left.
    pub fn new(directory: Option<&'static Directory<M>>) -> Option<Bag<M>> {
        let head = match directory {
            Some(directory) => directory.rack()?,
            None => alone(),
        };
        head.enter(head);
        Some(Bag {
            head,
            directory,
            waiters: VecDeque::new(),
            arrivals: 0,
            filled: 0,
            checking: 0,
            opening: 0,
            held: false,
            ahead: false,
        })
    }

    pub fn slots(&self) -> impl Iterator<Item = &'static Slot<M>> + use<M> {
        self.head.slots()
    }

    pub fn total(&self) -> usize {
        self.filled
    }
    pub fn idle(&self) -> usize {
        self.slots().filter(|s| s.is_idle()).count()
    }
    /// In the hands of callers, where so many are idle.
    pub fn active(&self, idle: usize) -> usize {
        self.filled.saturating_sub(idle + self.checking)
    }
    pub fn waiting(&self) -> usize {
        self.waiters.len()
    }
    /// Whether who comes has to wait behind others.
    pub fn is_waited_for(&self) -> bool {
        !self.waiters.is_empty() && !self.ahead
    }

    /// A place in the order of arrival.
    pub fn arrive(&mut self) -> u64 {
        self.arrivals += 1;
        self.arrivals
    }

    /// An idle session, unless someone came before `arrival` (`None`: before now).
    pub fn take(&mut self, arrival: Option<u64>, now: u64) -> Option<&'static Slot<M>> {
        let first = match (self.waiters.front(), arrival) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(w), Some(mine)) => mine < w.arrival,
        };
        if self.held || !first {
            return None;
        }
        self.take_idle(now)
    }

    fn take_idle(&mut self, now: u64) -> Option<&'static Slot<M>> {
        let slot = self.slots().find(|slot| slot.take_any(now))?;
        if slot.is_worn()
            && let Ok(other) = self.fresh(slot)
        {
            other.give();
            return Some(other);
        }
        Some(slot)
    }

    /// Joins the queue at its place: someone whose entry turned out to be dead is as far ahead as before.
    pub fn wait(&mut self, arrival: u64) -> Arc<Waiter<M>> {
        let waiter = Arc::new(Waiter {
            arrival,
            came: Instant::now(),
            answer: Mutex::new(None),
            given: Condvar::new(),
        });
        let place = self.waiters.partition_point(|w| w.arrival < arrival);
        self.waiters.insert(place, waiter.clone());
        waiter
    }

    /// Leaves the queue. False: it has been served in the meantime, and its answer is there.
    pub fn leave(&mut self, waiter: &Arc<Waiter<M>>) -> bool {
        let place = self.waiters.iter().position(|w| Arc::ptr_eq(w, waiter));
        let left = place.and_then(|i| self.waiters.remove(i)).is_some();
        // It may have been the one to watch.
        self.ahead &= !left;
        left
    }

    /// Puts a new session into a slot, where it is held. `Err`: there is no slot left.
    pub fn add(&mut self, entry: Entry<M::Item>) -> Result<&'static Slot<M>, Entry<M::Item>> {
        let Some(slot) = self.free_slot() else { return Err(entry) };
        slot.fill(entry);
        self.filled += 1;
        Ok(slot)
    }

    fn free_slot(&mut self) -> Option<&'static Slot<M>> {
        let free = |slot: &&Slot<M>| slot.is_empty() && !slot.is_worn();
        if let Some(slot) = self.slots().find(free) {
            return Some(slot);
        }
        let rack = match self.directory {
            Some(directory) => directory.rack()?,
            None => alone(),
        };
        self.head.join(rack);
        self.slots().find(free)
    }

    /// Hands a held session to the first who waits, or lays it down.
    pub fn put(&mut self, slot: &'static Slot<M>, from: From, good_until: u64) {
        self.forget(from);
        // Where all are worn, keys run out in a thousand years.
        let slot = self.fresh(slot).unwrap_or(slot);
        // SAFETY: the caller holds it, and has handed it to us.
        let handed = unsafe { slot.entry() }.and_then(|e| e.handed.take());
        if !self.held && !self.may_go_ahead(handed) && self.serve_first(slot) {
            return;
        }
        slot.lay(good_until);
    }

    /// The slot itself, or another for its session if its generations are used up. `Err`: there is none.
    fn fresh(&mut self, slot: &'static Slot<M>) -> Result<&'static Slot<M>, ()> {
        if !slot.is_worn() {
            return Ok(slot);
        }
        let other = self.free_slot().ok_or(())?;
        if let Some(entry) = slot.clear() {
            other.fill(entry);
        }
        Ok(other)
    }

    fn serve_first(&mut self, slot: &'static Slot<M>) -> bool {
        let Some(waiter) = self.waiters.pop_front() else { return false };
        // It may have been the one to watch.
        self.ahead = false;
        slot.give();
        waiter.give(Answer::Slot(slot));
        true
    }

    /// Whether what comes back may be laid down although someone waits: it was handed to someone who waited, and was
    /// back at once. Then it is the change from one thread to the next that takes the time, and those who are running
    /// go ahead, for a limited time. The first who waits sees to that.
    fn may_go_ahead(&mut self, handed: Option<Instant>) -> bool {
        let (Some(handed), Some(first)) = (handed, self.waiters.front()) else { return false };
        if handed.elapsed() >= MOMENT || first.came.elapsed() >= LONGEST_AHEAD {
            return false;
        }
        if !self.ahead {
            self.ahead = true;
            first.give(Answer::Watch);
        }
        true
    }

    /// Nobody goes ahead any more of those who wait.
    pub fn end_ahead(&mut self) {
        self.ahead = false;
    }

    /// Hands what is idle to those who wait. `fit`: what may be handed out.
    pub fn serve(&mut self, now: u64) {
        while !self.held && self.is_waited_for() {
            let Some(slot) = self.take_idle(now) else { return };
            if let Some(waiter) = self.waiters.pop_front() {
                waiter.give(Answer::Slot(slot));
            }
        }
    }

    /// A session ends that the caller holds.
    pub fn remove(&mut self, slot: &'static Slot<M>, from: From) -> Option<M::Item> {
        self.forget(from);
        self.filled -= 1;
        slot.clear().map(|entry| entry.item)
    }

    /// An entry will not come back.
    pub fn forget(&mut self, from: From) {
        let count = match from {
            From::Opener => &mut self.opening,
            From::Caller => return,
            From::Keeper => &mut self.checking,
        };
        debug_assert!(*count > 0, "{from:?}");
        *count = count.saturating_sub(1);
    }

    /// Sends all who wait away.
    pub fn refuse_all(&mut self, error: impl Fn() -> Error) {
        for waiter in self.waiters.drain(..) {
            waiter.give(Answer::Refused(error()));
        }
        self.ahead = false;
    }

    /// Holds all that is idle, what has been idle longest first.
    fn hold_idle(&mut self, now: Instant) -> Vec<&'static Slot<M>> {
        let mut all: Vec<_> = self.slots().filter(|slot| slot.hold()).collect();
        for slot in &all {
            // What came back by the short way has not been timed: it counts as idle from when it is found.
            // SAFETY: held by us.
            if slot.was_used()
                && let Some(entry) = unsafe { slot.entry() }
            {
                entry.idle_since = now;
            }
        }
        // SAFETY: held by us.
        all.sort_by_key(|slot| unsafe { slot.entry() }.map(|e| e.idle_since));
        all
    }

    /// Takes out at most `limit` idle sessions of which `which` is true, those idle longest first. `good_until`: for
    /// those that stay.
    pub fn remove_idle(
        &mut self,
        limit: usize,
        now: Instant,
        mut which: impl FnMut(&Entry<M::Item>) -> bool,
        good_until: impl Fn(&Entry<M::Item>) -> u64,
    ) -> Vec<M::Item> {
        let mut removed = Vec::new();
        for slot in self.hold_idle(now) {
            // SAFETY: held by us.
            let Some(entry) = (unsafe { slot.entry() }) else { continue };
            if removed.len() < limit && which(entry) {
                self.filled -= 1;
                removed.extend(slot.clear().map(|entry| entry.item));
            } else {
                slot.lay(good_until(entry));
            }
        }
        removed
    }

    /// Lends the keeper one idle session of which `which` is true.
    pub fn take_to_check(
        &mut self,
        now: Instant,
        mut which: impl FnMut(&Entry<M::Item>) -> bool,
        good_until: impl Fn(&Entry<M::Item>) -> u64,
    ) -> Option<&'static Slot<M>> {
        let mut found = None;
        for slot in self.hold_idle(now) {
            // SAFETY: held by us.
            let Some(entry) = (unsafe { slot.entry() }) else { continue };
            if found.is_none() && which(entry) {
                found = Some(slot);
            } else {
                slot.lay(good_until(entry));
            }
        }
        self.checking += usize::from(found.is_some());
        found
    }

    /// Gives the racks back. Nothing lies in them any more.
    pub fn end(&self) {
        if let Some(directory) = self.directory {
            directory.give_back(self.head);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Result, Status};
    use crate::thread::local;
    use std::time::Duration;

    struct Numbers;

    impl Manager for Numbers {
        type Item = u32;
        fn connect(&self, _: Instant) -> Result<u32> {
            Ok(0)
        }
        fn is_valid(&self, _: &mut u32, _: Duration) -> Result<()> {
            Ok(())
        }
        fn has_broken(&self, _: &u32) -> bool {
            false
        }
        fn reset(&self, _: &mut u32) -> Result<()> {
            Ok(())
        }
        fn close(&self, _: u32) {}
        fn note(&self) -> String {
            String::new()
        }
    }

    type Place = &'static Slot<Numbers>;

    fn entry(item: u32) -> Entry<u32> {
        let now = Instant::now();
        Entry { item, born: now, alive: now, idle_since: now, generation: 0, spread: 0.0, handed: None }
    }

    fn add(bag: &mut Bag<Numbers>, entry: Entry<u32>) {
        bag.opening += 1;
        let slot = bag.add(entry).ok().unwrap();
        bag.put(slot, From::Opener, u64::MAX);
    }

    fn bag(items: std::ops::Range<u32>) -> Bag<Numbers> {
        let mut bag = Bag::new(None).unwrap();
        items.for_each(|i| add(&mut bag, entry(i)));
        bag
    }

    fn item(slot: Place) -> u32 {
        unsafe { slot.entry() }.unwrap().item
    }

    fn got(w: &Waiter<Numbers>) -> Option<u32> {
        match w.wait(Some(Instant::now()))? {
            Answer::Slot(slot) => Some(item(slot)),
            Answer::Refused(e) => panic!("{e}"),
            Answer::Watch => None,
        }
    }

    #[test]
    fn a_thread_is_handed_the_session_it_used_last_and_others_the_first_that_is_idle() {
        let bag = bag(0..40);
        let take = || bag.head.take(0).unwrap();
        let all: Vec<_> = (0..40).map(|_| take()).collect();
        assert_eq!(all.iter().map(|(slot, _)| item(slot)).collect::<Vec<_>>(), (0..40).collect::<Vec<_>>());
        assert_eq!((bag.total(), bag.idle(), bag.active(bag.idle())), (40, 0, 40));
        all.iter().for_each(|(slot, key)| assert!(slot.put_back(*key)));
        // Of the first rack; what lies behind it is searched for.
        all[7].0.remember(local());
        let (slot, key) = take();
        assert_eq!(item(slot), 7);
        std::thread::scope(|s| s.spawn(|| assert_eq!(item(take().0), 0)).join().unwrap());
        assert!(slot.put_back(key) && !slot.put_back(key), "a key ends once");
    }

    #[test]
    fn who_waits_is_served_in_order_of_arrival() {
        let mut bag = bag(0..0);
        let (first, second) = (bag.arrive(), bag.arrive());
        let b = bag.wait(second);
        let a = bag.wait(first);
        add(&mut bag, entry(1));
        add(&mut bag, entry(2));
        assert_eq!((got(&a), got(&b)), (Some(1), Some(2)));
        assert_eq!((bag.active(bag.idle()), bag.waiting()), (2, 0));
    }

    #[test]
    fn nobody_overtakes_who_waits() {
        let mut bag = bag(0..1);
        let early = bag.arrive();
        let mine = bag.arrive();
        let _w = bag.wait(mine);
        assert!(bag.take(None, 0).is_none() && bag.is_waited_for());
        assert!(bag.take(Some(early), 0).is_some());
    }

    #[test]
    fn who_gave_up_is_passed_over_and_who_was_served_has_the_session() {
        let mut bag = bag(0..0);
        let (a, b) = (bag.arrive(), bag.arrive());
        let (a, b) = (bag.wait(a), bag.wait(b));
        assert!(bag.leave(&a));
        add(&mut bag, entry(7));
        assert!(!bag.leave(&b));
        assert_eq!((got(&a), got(&b)), (None, Some(7)));
    }

    #[test]
    fn a_held_bag_hands_nothing_out_and_serves_all_when_let_go() {
        let mut bag = bag(0..1);
        bag.held = true;
        assert!(bag.take(None, 0).is_none());
        let arrival = bag.arrive();
        let w = bag.wait(arrival);
        bag.serve(0);
        assert!(got(&w).is_none());
        bag.held = false;
        bag.serve(0);
        assert_eq!(got(&w), Some(0));
    }

    #[test]
    fn idle_sessions_go_by_how_long_they_were_idle_and_used_ones_begin_anew() {
        let mut bag = bag(0..0);
        let t = Instant::now();
        for i in 0..4 {
            add(&mut bag, Entry { idle_since: t - Duration::from_secs(i as u64), ..entry(i) });
        }
        // Used and laid down by the short way.
        let (slot, key) = bag.slots().find_map(|s| Some((s, s.take_good(0, 1)?))).unwrap();
        assert_eq!(item(slot), 0);
        let kept = bag.take_to_check(t, |e| e.item == 1, |_| u64::MAX).unwrap();
        assert_eq!((bag.total(), bag.idle(), bag.checking, bag.active(bag.idle())), (4, 2, 1, 1));
        bag.put(kept, From::Keeper, u64::MAX);
        assert!(slot.put_back(key));
        let later = t + Duration::from_secs(9);
        assert_eq!(bag.remove_idle(1, later, |_| true, |_| 0), [3]);
        let mut order = Vec::new();
        bag.remove_idle(
            9,
            later,
            |e| {
                !order.iter().any(|o| {
                    let _: &u32 = o;
                    *o == e.item
                }) && {
                    order.push(e.item);
                    false
                }
            },
            |_| 0,
        );
        assert_eq!(order, [2, 1, 0]);
    }

    #[test]
    fn all_who_wait_are_sent_away_together() {
        let mut bag = bag(0..0);
        let a = bag.arrive();
        let w = bag.wait(a);
        bag.refuse_all(|| Error::new(Status::PoolClosed, "closed"));
        assert!(matches!(w.wait(None), Some(Answer::Refused(_))));
        assert_eq!(bag.waiting(), 0);
    }

    #[test]
    fn what_is_back_at_once_is_left_to_those_who_run_until_someone_has_waited_for_long() {
        let mut bag = bag(0..1);
        let slot = bag.take(None, 0).unwrap();
        let places = [bag.arrive(), bag.arrive()];
        let [a, b] = places.map(|place| bag.wait(place));
        let back = |bag: &mut Bag<Numbers>, handed: Option<Instant>| {
            unsafe { slot.entry() }.unwrap().handed = handed;
            bag.put(slot, From::Caller, u64::MAX);
        };
        back(&mut bag, Some(Instant::now() + Duration::from_secs(1)));
        assert!(slot.is_idle() && !bag.is_waited_for(), "it lies there for whoever comes");
        assert!(matches!(a.wait(Some(Instant::now())), Some(Answer::Watch)), "the first watches");
        // It sees to it that they are served.
        bag.end_ahead();
        bag.serve(0);
        assert_eq!(got(&a), Some(0));
        // One that was held for long, or for an unknown time, is handed on.
        back(&mut bag, None);
        assert_eq!(got(&b), Some(0));
    }

    #[test]
    fn a_slot_whose_generations_are_used_up_is_not_used_again() {
        let mut bag = bag(0..1);
        let old = bag.slots().next().unwrap();
        old.wear();
        let (slot, key) = bag.head.take(0).unwrap();
        assert!(std::ptr::eq(slot, old) && slot.put_back(key), "by the short way it goes on for a while");
        let slot = bag.take(None, 0).unwrap();
        assert!(!std::ptr::eq(slot, old) && item(slot) == 0);
        let (new, again) = (slot.key(), old.key());
        bag.put(slot, From::Caller, u64::MAX);
        assert!(!old.fits(key) && !old.fits(again) && !slot.fits(new));
        assert_eq!((bag.total(), old.is_empty(), old.is_idle()), (1, false, false));
    }
}
