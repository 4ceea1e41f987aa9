//! The bag: idle sessions, those who wait for one, and the count of all.
//!
//! Idle sessions lie on a stack: the one used last is handed out first. It is the one that is surest to be
//! alive, so a quiet pool validates little; those at the bottom may grow old and go, and the keeper's
//! keepalive looks after them until then. Who waits stands in a queue, in order of arrival. Both are never
//! filled at the same time, unless nothing may be handed out at all (`held`).

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use crate::sync::{Condvar, Mutex};

use crate::error::Error;

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
}

/// What someone who waited gets.
pub enum Answer<T> {
    Entry(Entry<T>),
    Refused(Error),
}

/// Someone who waits.
pub struct Waiter<T> {
    /// Its place: lower numbers are served first.
    arrival: u64,
    answer: Mutex<Option<Answer<T>>>,
    given: Condvar,
}

impl<T> Waiter<T> {
    /// The answer, once it is there; `None` when `deadline` (none: never) passes first.
    pub fn wait(&self, deadline: Option<Instant>) -> Option<Answer<T>> {
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

    fn give(&self, answer: Answer<T>) {
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

pub struct Bag<T> {
    /// Sorted by `idle_since`, the latest last.
    idle: Vec<Entry<T>>,
    /// Sorted by `arrival`.
    waiters: VecDeque<Arc<Waiter<T>>>,
    arrivals: u64,
    /// In the hands of callers.
    pub active: usize,
    /// In the hands of the keeper.
    pub checking: usize,
    /// Being made. Not part of the total.
    pub opening: usize,
    /// Nothing is handed out: the pool is suspended.
    pub held: bool,
}

impl<T> Bag<T> {
    pub fn new() -> Bag<T> {
        Bag {
            idle: Vec::new(),
            waiters: VecDeque::new(),
            arrivals: 0,
            active: 0,
            checking: 0,
            opening: 0,
            held: false,
        }
    }

    pub fn total(&self) -> usize {
        self.idle.len() + self.active + self.checking
    }
    pub fn idle(&self) -> usize {
        self.idle.len()
    }
    pub fn waiting(&self) -> usize {
        self.waiters.len()
    }

    /// A place in the order of arrival.
    pub fn arrive(&mut self) -> u64 {
        self.arrivals += 1;
        self.arrivals
    }

    /// An idle entry, unless someone came before `arrival` (`None`: before now).
    pub fn take(&mut self, arrival: Option<u64>) -> Option<Entry<T>> {
        let first = match (self.waiters.front(), arrival) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(w), Some(mine)) => mine < w.arrival,
        };
        if self.held || !first {
            return None;
        }
        let entry = self.idle.pop()?;
        self.active += 1;
        Some(entry)
    }

    /// Joins the queue at its place: someone whose entry turned out to be dead is as far ahead as before.
    pub fn wait(&mut self, arrival: u64) -> Arc<Waiter<T>> {
        let waiter = Arc::new(Waiter { arrival, answer: Mutex::new(None), given: Condvar::new() });
        let place = self.waiters.partition_point(|w| w.arrival < arrival);
        self.waiters.insert(place, waiter.clone());
        waiter
    }

    /// Leaves the queue. False: it has been served in the meantime, and its answer is there.
    pub fn leave(&mut self, waiter: &Arc<Waiter<T>>) -> bool {
        let place = self.waiters.iter().position(|w| Arc::ptr_eq(w, waiter));
        place.and_then(|i| self.waiters.remove(i)).is_some()
    }

    /// Hands an entry to the first who waits, or lays it down.
    pub fn put(&mut self, entry: Entry<T>, from: From) {
        self.forget(from);
        if !self.held
            && let Some(waiter) = self.waiters.pop_front()
        {
            self.active += 1;
            waiter.give(Answer::Entry(entry));
            return;
        }
        // What the keeper brings back keeps its place.
        let place = self.idle.partition_point(|e| e.idle_since <= entry.idle_since);
        self.idle.insert(place, entry);
    }

    /// An entry will not come back.
    pub fn forget(&mut self, from: From) {
        let count = match from {
            From::Opener => &mut self.opening,
            From::Caller => &mut self.active,
            From::Keeper => &mut self.checking,
        };
        debug_assert!(*count > 0, "{from:?}");
        *count = count.saturating_sub(1);
    }

    /// Nothing is handed out from now on, or again; then idle entries go to those who wait.
    pub fn hold(&mut self, held: bool) {
        self.held = held;
        while !held && !self.waiters.is_empty() {
            let Some(entry) = self.idle.pop() else { break };
            self.active += 1;
            if let Some(waiter) = self.waiters.pop_front() {
                waiter.give(Answer::Entry(entry));
            }
        }
    }

    /// Sends all who wait away.
    pub fn refuse_all(&mut self, error: impl Fn() -> Error) {
        for waiter in self.waiters.drain(..) {
            waiter.give(Answer::Refused(error()));
        }
    }

    /// Removes at most `limit` idle entries of which `which` is true, those idle longest first.
    pub fn remove_idle(&mut self, limit: usize, mut which: impl FnMut(&Entry<T>) -> bool) -> Vec<Entry<T>> {
        let mut removed = Vec::new();
        let mut i = 0;
        while i < self.idle.len() && removed.len() < limit {
            if which(&self.idle[i]) {
                removed.push(self.idle.remove(i));
            } else {
                i += 1;
            }
        }
        removed
    }

    /// Lends the keeper one idle entry of which `which` is true.
    pub fn take_to_check(&mut self, which: impl FnMut(&Entry<T>) -> bool) -> Option<Entry<T>> {
        let entry = self.remove_idle(1, which).pop()?;
        self.checking += 1;
        Some(entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Status;
    use std::time::Duration;

    fn entry(item: u32) -> Entry<u32> {
        let now = Instant::now();
        Entry { item, born: now, alive: now, idle_since: now, generation: 0, spread: 0.0 }
    }

    fn bag(items: std::ops::Range<u32>) -> Bag<u32> {
        let mut bag = Bag::new();
        for i in items {
            bag.opening += 1;
            bag.put(entry(i), From::Opener);
        }
        bag
    }

    fn got(w: &Waiter<u32>) -> Option<u32> {
        match w.wait(Some(Instant::now()))? {
            Answer::Entry(e) => Some(e.item),
            Answer::Refused(e) => panic!("{e}"),
        }
    }

    #[test]
    fn the_session_used_last_is_handed_out_first() {
        let mut bag = bag(0..3);
        assert_eq!(bag.take(None).unwrap().item, 2);
        let one = bag.take(None).unwrap();
        bag.put(Entry { idle_since: Instant::now(), ..one }, From::Caller);
        assert_eq!(bag.take(None).unwrap().item, 1);
        assert_eq!((bag.total(), bag.idle(), bag.active), (3, 1, 2));
    }

    #[test]
    fn who_waits_is_served_in_order_of_arrival() {
        let mut bag = bag(0..0);
        let (first, second) = (bag.arrive(), bag.arrive());
        let b = bag.wait(second);
        let a = bag.wait(first);
        bag.opening = 2;
        bag.put(entry(1), From::Opener);
        bag.put(entry(2), From::Opener);
        assert_eq!((got(&a), got(&b)), (Some(1), Some(2)));
        assert_eq!((bag.active, bag.waiting()), (2, 0));
    }

    #[test]
    fn nobody_overtakes_who_waits() {
        let mut bag = bag(0..1);
        bag.hold(true);
        let early = bag.arrive();
        let mine = bag.arrive();
        let _w = bag.wait(mine);
        bag.held = false;
        assert!(bag.take(None).is_none());
        assert!(bag.take(Some(early)).is_some());
    }

    #[test]
    fn who_gave_up_is_passed_over_and_who_was_served_has_the_session() {
        let mut bag = bag(0..0);
        let (a, b) = (bag.arrive(), bag.arrive());
        let (a, b) = (bag.wait(a), bag.wait(b));
        assert!(bag.leave(&a));
        bag.opening = 1;
        bag.put(entry(7), From::Opener);
        assert!(!bag.leave(&b));
        assert_eq!((got(&a), got(&b)), (None, Some(7)));
    }

    #[test]
    fn a_held_bag_hands_nothing_out_and_serves_all_when_let_go() {
        let mut bag = bag(0..1);
        bag.hold(true);
        assert!(bag.take(None).is_none());
        let arrival = bag.arrive();
        let w = bag.wait(arrival);
        assert!(got(&w).is_none());
        bag.hold(false);
        assert_eq!(got(&w), Some(0));
    }

    #[test]
    fn what_the_keeper_brings_back_lies_where_it_lay() {
        let mut bag = bag(0..0);
        let t = Instant::now();
        for i in 0..3 {
            bag.opening += 1;
            bag.put(Entry { idle_since: t + Duration::from_secs(i as u64), ..entry(i) }, From::Opener);
        }
        let e = bag.take_to_check(|e| e.item == 1).unwrap();
        assert_eq!((bag.total(), bag.idle(), bag.checking), (3, 2, 1));
        bag.put(e, From::Keeper);
        let order: Vec<u32> = bag.remove_idle(9, |_| true).into_iter().map(|e| e.item).collect();
        assert_eq!(order, [0, 1, 2]);
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
}
