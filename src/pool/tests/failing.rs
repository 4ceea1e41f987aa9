//! Connects that fail or dawdle, sessions that die, managers that panic.

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::thread;
use std::time::{Duration, Instant};

use super::super::PoolSettings;
use super::stub::*;
use crate::error::{Class, Status};

fn down() -> Arc<World> {
    let world = Arc::<World>::default();
    world.down.store(true, SeqCst);
    world
}

#[test]
fn a_timeout_tells_why_no_session_could_be_opened() {
    let rig = rig_on(down(), quiet(0, 2));
    let e = rig.pool.acquire(Some(ms(60))).unwrap_err();
    assert_eq!((e.status(), e.class()), (Status::AcquireTimeout, Class::TimedOut));
    assert_eq!(
        e.message(),
        "pool 'twinpool': no session within 60 ms (total 0, idle 0, active 0, waiting 1, max 2; mirror in_sync); \
         last connect error: master: nobody answers"
    );
    assert!(rig.world.connects.load(SeqCst) >= 2, "it was tried again");
}

#[test]
fn a_timeout_tells_why_sessions_were_not_valid() {
    let rig = rig(PoolSettings { alive_bypass: Duration::ZERO, ..quiet(0, 1) });
    drop(rig.pool.acquire(None).unwrap());
    rig.world.invalid.store(true, SeqCst);
    let waits = || {
        let pool = rig.pool.clone();
        thread::spawn(move || pool.acquire(Some(ms(300))).map(drop))
    };
    for e in [waits(), waits()].map(|waits| waits.join().unwrap().unwrap_err()) {
        assert_eq!((e.status(), e.class()), (Status::AcquireTimeout, Class::TimedOut));
        assert!(e.message().ends_with("; a session was not valid: master: no answer to SELECT"), "{e}");
    }
    rig.world.invalid.store(false, SeqCst);
    // What was long ago explains nothing.
    let held = rig.pool.acquire(None).unwrap();
    let e = rig.pool.acquire(Some(ms(30))).unwrap_err();
    assert!(!e.message().contains("not valid"), "{e}");
    drop(held);
    rig.end();
}

#[test]
fn limited_attempts_end_the_wait_with_the_drivers_error() {
    let rig = rig_on(down(), PoolSettings { acquire_retries: Some(3), ..quiet(0, 2) });
    let e = rig.pool.acquire(None).unwrap_err();
    assert_eq!(e.status(), Status::Unreachable);
    assert_eq!(
        e.message(),
        "pool 'twinpool': no session after 3 attempts to connect: master: nobody answers"
    );
    rig.world.down.store(false, SeqCst);
    drop(rig.pool.acquire(None).unwrap());
    rig.end();
}

#[test]
fn a_slow_connect_does_not_hold_up_who_can_be_served() {
    let rig = rig(quiet(0, 2));
    let a = rig.pool.acquire(None).unwrap();
    rig.world.connect_ms.store(1500, SeqCst);
    let pool = rig.pool.clone();
    let waiter = thread::spawn(move || {
        let started = Instant::now();
        pool.acquire(None).map(drop).unwrap();
        started.elapsed()
    });
    until("a session is being opened", || rig.world.connects.load(SeqCst) == 2);
    drop(a);
    assert!(waiter.join().unwrap() < ms(1000));
    // The late one is kept.
    until("it has come", || rig.pool.figures().total == 2);
    rig.end();
}

#[test]
fn a_failing_connect_does_not_hold_up_who_can_be_served() {
    let rig = rig(quiet(0, 2));
    let a = rig.pool.acquire(None).unwrap();
    rig.world.refuses.store(true, SeqCst);
    let pool = rig.pool.clone();
    let waiter = thread::spawn(move || pool.acquire(None).map(drop));
    until("two attempts failed", || rig.pool.figures().connect_failures >= 2);
    drop(a);
    waiter.join().unwrap().unwrap();
    rig.end();
}

#[test]
fn a_hanging_close_does_not_hold_up_the_rest() {
    let rig = rig(quiet(0, 1));
    rig.world.close_ms.store(1500, SeqCst);
    let started = Instant::now();
    rig.pool.acquire(None).unwrap().evict();
    drop(rig.pool.acquire(None).unwrap());
    assert!(started.elapsed() < ms(1000));
    rig.world.close_ms.store(0, SeqCst);
    rig.end();
}

#[test]
fn a_session_that_broke_is_replaced() {
    let rig = rig(quiet(1, 1));
    let mut a = rig.pool.acquire(None).unwrap();
    let id = a.id;
    a.broken = true;
    a.release().unwrap();
    until("another one is there", || rig.pool.figures().idle == 1);
    assert_ne!(rig.pool.acquire(None).unwrap().id, id);
    assert_eq!(rig.pool.figures().found_dead, 1);
    rig.end();
}

#[test]
fn a_session_that_cannot_be_reset_is_closed_and_the_caller_told() {
    let rig = rig(quiet(0, 1));
    let a = rig.pool.acquire(None).unwrap();
    rig.world.reset_fails.store(true, SeqCst);
    assert_eq!(a.release().unwrap_err().message(), "reset: refused");
    drop(rig.pool.acquire(None).unwrap());
    assert_eq!(rig.pool.figures().total, 0);
    rig.end();
}

#[test]
fn a_session_that_died_while_idle_is_found_and_never_handed_out() {
    let rig = rig(quiet(0, 3));
    let leases: Vec<_> = (0..3).map(|_| rig.pool.acquire(None).unwrap()).collect();
    drop(leases);
    rig.world.restart();
    rig.clock.advance(ms(600));
    let a = rig.pool.acquire(None).unwrap();
    assert!(a.is_alive());
    assert_eq!(rig.pool.figures().found_dead, 3);
    drop(a);
    rig.end();
}

#[test]
fn recent_use_is_trusted_and_anything_older_is_asked() {
    let rig = rig(quiet(0, 1));
    drop(rig.pool.acquire(None).unwrap());
    drop(rig.pool.acquire(None).unwrap());
    assert_eq!(rig.world.validations.load(SeqCst), 0);
    rig.clock.advance(ms(600));
    drop(rig.pool.acquire(None).unwrap());
    assert_eq!(rig.world.validations.load(SeqCst), 1);
    rig.end();
}

#[test]
fn a_validation_ends_by_its_limit_and_not_much_after_the_caller_has_given_up() {
    let rig = rig(PoolSettings { alive_bypass: Duration::ZERO, validation_timeout: ms(2000), ..quiet(1, 1) });
    until("it is there", || rig.pool.figures().idle == 1);
    for (timeout, least, most) in [(LONG, 2000, 2000), (ms(900), 600, 900), (Duration::ZERO, 250, 250)] {
        drop(rig.pool.acquire(Some(timeout)).unwrap());
        let limit = *rig.world.valid_limit.lock();
        assert!((ms(least)..=ms(most)).contains(&limit), "{timeout:?}: {limit:?}");
    }
    rig.end();
}

#[test]
fn one_dead_session_ends_the_trust_in_all_others() {
    let rig = rig(quiet(0, 2));
    let (a, b) = (rig.pool.acquire(None).unwrap(), rig.pool.acquire(None).unwrap());
    drop(a);
    rig.world.restart();
    drop(b);
    assert_eq!(rig.pool.figures().found_dead, 1);
    // Used a moment ago, and asked all the same.
    assert!(rig.pool.acquire(None).unwrap().is_alive());
    assert_eq!(rig.pool.figures().found_dead, 2);
    rig.end();
}

#[test]
fn who_meets_a_dead_session_keeps_the_place_in_the_queue() {
    let rig = rig(PoolSettings { alive_bypass: Duration::ZERO, ..quiet(0, 1) });
    let held = rig.pool.acquire(None).unwrap();
    held.dead.store(true, SeqCst);
    rig.world.valid_ms.store(300, SeqCst);
    let (pool, order) = (rig.pool.clone(), Arc::new(parking_lot::Mutex::new(Vec::new())));
    let own = order.clone();
    let first = thread::spawn(move || {
        let _l = pool.acquire(None).unwrap();
        own.lock().push(1);
    });
    until("the first waits", || rig.pool.figures().waiting == 1);
    // Reset does not notice: the first caller gets a corpse, and asks it for a while.
    let dead = held.dead.clone();
    dead.store(false, SeqCst);
    drop(held);
    dead.store(true, SeqCst);
    let (pool, own) = (rig.pool.clone(), order.clone());
    let second = thread::spawn(move || {
        let _l = pool.acquire(None).unwrap();
        own.lock().push(2);
    });
    first.join().unwrap();
    second.join().unwrap();
    assert_eq!(*order.lock(), [1, 2]);
    rig.end();
}

#[test]
fn a_database_that_restarts_under_load_is_back_without_a_new_pool() {
    let rig = rig(PoolSettings { alive_bypass: ms(5), ..quiet(4, 4) });
    let until_when = Instant::now() + ms(800);
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let pool = rig.pool.clone();
            thread::spawn(move || {
                let mut after_restart = 0;
                while Instant::now() < until_when || after_restart == 0 {
                    let lease = pool.acquire(None).unwrap();
                    lease.use_for(ms(1));
                    after_restart = usize::from(lease.is_alive());
                }
            })
        })
        .collect();
    thread::sleep(ms(100));
    rig.world.down.store(true, SeqCst);
    rig.world.restart();
    thread::sleep(ms(200));
    rig.world.down.store(false, SeqCst);
    threads.into_iter().for_each(|t| t.join().unwrap());
    until("it is full again", || rig.pool.figures().total == 4);
    rig.pool.keep();
    drop(rig.pool.acquire(None).unwrap());
    rig.end();
}

#[test]
fn a_panic_in_the_manager_is_the_failure_of_one_call() {
    let rig = rig(PoolSettings { acquire_retries: Some(1), alive_bypass: Duration::ZERO, ..quiet(0, 1) });
    *rig.world.panics.lock() = "connect";
    let e = rig.pool.acquire(None).unwrap_err();
    assert_eq!(e.status(), Status::Panic);
    assert!(e.message().contains("connect panicked: connect by order"), "{e}");

    *rig.world.panics.lock() = "";
    let lease = rig.pool.acquire(None).unwrap();
    *rig.world.panics.lock() = "reset";
    assert_eq!(lease.release().unwrap_err().status(), Status::Panic);

    for call in ["is_valid", "has_broken", "close"] {
        *rig.world.panics.lock() = "";
        drop(rig.pool.acquire(None).unwrap());
        *rig.world.panics.lock() = call;
        let lease = rig.pool.acquire(Some(ms(50)));
        *rig.world.panics.lock() = "";
        drop(lease);
    }
    *rig.world.panics.lock() = "close";
    rig.pool.evict_idle();
    until("it is gone all the same", || rig.world.open.load(SeqCst) == 0);
    *rig.world.panics.lock() = "";

    let _held = rig.pool.acquire(None).unwrap();
    *rig.world.panics.lock() = "note";
    let e = rig.pool.acquire(Some(ms(10))).unwrap_err();
    assert!(e.message().ends_with("max 1)"), "{e}");
    *rig.world.panics.lock() = "";
    drop(_held);
    rig.end();
}

#[test]
fn a_caller_that_panics_gives_its_session_back() {
    let rig = rig(quiet(0, 1));
    let pool = rig.pool.clone();
    let panicked = thread::spawn(move || {
        let _lease = pool.acquire(None).unwrap();
        panic!("a bug of the caller's");
    })
    .join();
    assert!(panicked.is_err());
    drop(rig.pool.acquire(None).unwrap());
    rig.end();
}
