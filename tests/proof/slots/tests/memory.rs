//! What must hold of a slot's word and the gate whatever a processor reorders. The session in the slot is a cell of the
//! model's: that two have it at once, or one without having seen what the last one did, is an error by itself.

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use loom::thread;
use twinpool_slots::bag::Entry;
use twinpool_slots::gate::{Gate, WAITED};
use twinpool_slots::manager::Manager;
use twinpool_slots::slot::{Claim, Slot};

struct Cells;

impl Manager for Cells {
    type Item = UnsafeCell<usize>;
}

/// A slot with an idle session, which is never given back: keys may lead to it.
fn slot() -> &'static Slot<Cells> {
    let slot = Box::leak(Box::new(Slot::new(0)));
    slot.fill(Entry { item: UnsafeCell::new(0) });
    slot.lay(u64::MAX);
    slot
}

/// Uses the session that the caller holds.
fn touch(slot: &Slot<Cells>) -> usize {
    let entry = unsafe { slot.entry() }.expect("somebody else has emptied the slot");
    entry.item.with_mut(|n| unsafe {
        *n += 1;
        *n
    })
}

fn open() -> Gate {
    let gate = Gate::new();
    gate.set_mode(0);
    gate
}

/// In every order with at most `switches` forced changes of thread.
fn in_all_orders(switches: usize, test: impl Fn() + Sync + Send + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(switches);
    model.check(test);
}

#[test]
fn a_session_is_in_one_hand_at_a_time_and_each_sees_what_the_last_one_did() {
    in_all_orders(4, || {
        let slot = slot();
        let uses = Arc::new(AtomicUsize::new(0));
        let work = |uses: Arc<AtomicUsize>| {
            move || {
                for _ in 0..2 {
                    if let Some(key) = slot.take_good(1, 1) {
                        touch(slot);
                        uses.fetch_add(1, Relaxed);
                        assert!(slot.put_back(key));
                        assert!(!slot.put_back(key), "a key ends once");
                    }
                }
            }
        };
        let other = thread::spawn(work(uses.clone()));
        work(uses.clone())();
        other.join().unwrap();
        assert!(slot.hold());
        assert_eq!(touch(slot), uses.load(Relaxed) + 1);
    });
}

#[test]
fn who_lays_a_session_down_sees_who_waits_or_is_seen() {
    in_all_orders(4, || {
        let (slot, gate) = (slot(), Arc::new(open()));
        let key = slot.take_good(1, 1).expect("idle");
        let own = gate.clone();
        let releaser = thread::spawn(move || {
            assert!(slot.put_back(key));
            !own.is_open()
        });
        gate.set_mode(WAITED);
        let found = slot.take_any(1);
        let told = releaser.join().unwrap();
        assert!(found || told, "the one who waits sleeps beside an idle session");
        if !found {
            assert!(slot.take_any(1), "nor is it there when he is told");
        }
    });
}

#[test]
fn who_takes_a_session_while_the_way_is_closed_notices_or_is_noticed() {
    in_all_orders(4, || {
        let (slot, gate) = (slot(), Arc::new(open()));
        let own = gate.clone();
        // As the C border does it: open, take, still open.
        let taker = thread::spawn(move || {
            if !own.is_open() {
                return false;
            }
            let Some(key) = slot.take_good(1, 1) else { return false };
            let kept = own.is_open();
            if kept {
                touch(slot);
            } else {
                assert!(slot.put_back(key));
            }
            kept
        });
        gate.set_mode(WAITED);
        // Either it is idle now or later, or it was taken before the way was closed.
        let seen_out = slot.is_out();
        let kept = taker.join().unwrap();
        assert!(!kept || seen_out, "taken behind a closed gate");
    });
}

#[test]
fn an_evicted_session_does_not_come_back_by_the_short_way() {
    in_all_orders(4, || {
        let slot = slot();
        let key = slot.take_good(1, 1).expect("idle");
        let releaser = thread::spawn(move || {
            let by_short_way = slot.put_back(key);
            assert!(by_short_way || slot.end_unclaimed(key));
            by_short_way
        });
        slot.set_good_until(0);
        slot.look_when_back();
        let idle = slot.hold();
        let by_short_way = releaser.join().unwrap();
        assert_eq!(idle, by_short_way, "what was out is dealt with as it comes back");
        assert!(slot.take_good(1, 1).is_none());
    });
}

#[test]
fn a_key_is_claimed_once_and_ends_once() {
    in_all_orders(3, || {
        let slot = slot();
        let key = slot.take_good(1, 1).expect("idle");
        let claims = Arc::new(AtomicUsize::new(0));
        let claim = move |claims: &AtomicUsize| match slot.claim(key) {
            Claim::Yours(slot) => {
                claims.fetch_add(1, Relaxed);
                touch(slot);
                slot.claimed(Some(7));
            }
            Claim::Made(host) => assert_eq!(host, 7),
            Claim::Soon | Claim::Stale => {}
        };
        let own = claims.clone();
        let other = thread::spawn(move || claim(&own));
        claim(&claims);
        let ended = loop {
            match slot.end_key(key) {
                Claim::Soon => thread::yield_now(),
                Claim::Yours(_) => break 0,
                Claim::Made(host) => break host,
                Claim::Stale => unreachable!("nobody else ends it"),
            }
        };
        other.join().unwrap();
        assert!(claims.load(Relaxed) == 1 && ended == 7);
        assert!(matches!(slot.end_key(key), Claim::Stale) && !slot.fits(key));
        // The lease goes on until it ends itself.
        touch(slot);
        slot.lay(u64::MAX);
        assert_ne!(slot.take_good(1, 1), Some(key));
    });
}
