//! Acquiring, releasing, suspending, closing.

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::super::{Lease, PoolSettings};
use super::stub::*;
use crate::config::InitFail;
use crate::error::Status;

#[test]
fn a_released_session_is_handed_out_again() {
    let rig = rig(quiet(0, 2));
    let a = rig.pool.acquire(None).unwrap();
    let id = a.id;
    a.use_for(Duration::ZERO);
    a.release().unwrap();
    assert_eq!(rig.pool.acquire(None).unwrap().id, id);
    assert_eq!(rig.pool.acquire(None).unwrap().id, id);
    let f = rig.pool.figures();
    assert_eq!((f.total, f.idle, f.active, f.acquired, f.opened), (1, 1, 0, 3, 1));
    rig.end();
}

#[test]
fn an_acquire_by_any_way_sets_the_clock_of_the_short_way_going_again() {
    let rig = rig(quiet(0, 1));
    drop(rig.pool.acquire(None).unwrap());
    until("nobody has needed the time for long", || crate::tick::now() == u64::MAX);
    drop(rig.pool.acquire(None).unwrap());
    until("the time is told again", || crate::tick::now() != u64::MAX);
    rig.end();
}

#[test]
fn a_lease_may_move_to_another_thread() {
    fn is_send<T: Send>(_: &T) {}
    let rig = rig(quiet(0, 1));
    let lease = rig.pool.acquire(None).unwrap();
    is_send(&lease);
    thread::spawn(move || drop(lease)).join().unwrap();
    assert_eq!(rig.pool.figures().idle, 1);
    rig.end();
}

#[test]
fn an_exhausted_pool_says_so_with_its_figures() {
    let rig = rig(quiet(0, 2));
    let _a = rig.pool.acquire(None).unwrap();
    let _b = rig.pool.acquire(None).unwrap();
    let started = Instant::now();
    let e = rig.pool.acquire(Some(ms(50))).unwrap_err();
    assert!(started.elapsed() >= ms(50));
    assert_eq!(e.status(), Status::AcquireTimeout);
    assert_eq!(
        e.message(),
        "pool 'twinpool': no session within 50 ms (total 2, idle 0, active 2, waiting 1, max 2; mirror in_sync)"
    );
    assert_eq!(rig.pool.figures().timeouts, 1);
}

#[test]
fn a_session_released_while_one_waits_goes_to_the_first_who_came() {
    let rig = rig(quiet(0, 1));
    let held = rig.pool.acquire(None).unwrap();
    let order = Arc::new(Mutex::new(Vec::new()));
    let threads: Vec<_> = (0..8)
        .map(|i| {
            let (pool, own) = (rig.pool.clone(), order.clone());
            let t = thread::spawn(move || {
                let lease = pool.acquire(None).unwrap();
                own.lock().push(i);
                drop(lease);
            });
            until("it waits", || rig.pool.figures().waiting == i + 1);
            t
        })
        .collect();
    drop(held);
    threads.into_iter().for_each(|t| t.join().unwrap());
    assert_eq!(*order.lock(), (0..8).collect::<Vec<_>>());
    assert_eq!(rig.world.connects.load(SeqCst), 1);
    rig.end();
}

#[test]
fn who_does_not_wait_gets_what_is_idle_and_has_the_next_one_opened() {
    let rig = rig(quiet(0, 1));
    assert_eq!(rig.pool.acquire(Some(Duration::ZERO)).unwrap_err().status(), Status::AcquireTimeout);
    until("a session is there", || rig.pool.figures().idle == 1);
    drop(rig.pool.acquire(Some(Duration::ZERO)).unwrap());
    rig.end();
}

#[test]
fn an_evicted_session_is_closed_and_not_seen_again() {
    let rig = rig(quiet(0, 1));
    let a = rig.pool.acquire(None).unwrap();
    let id = a.id;
    a.evict();
    assert_ne!(rig.pool.acquire(None).unwrap().id, id);
    until("it is closed", || rig.world.closed.lock().contains(&id));
    rig.end();
}

#[test]
fn a_soft_eviction_closes_idle_sessions_now_and_others_at_release() {
    let rig = rig(quiet(0, 2));
    let (a, b) = (rig.pool.acquire(None).unwrap(), rig.pool.acquire(None).unwrap());
    let (a_id, b_id) = (a.id, b.id);
    drop(b);
    rig.pool.evict_idle();
    until("the idle one is closed", || rig.world.closed.lock().contains(&b_id));
    a.use_for(Duration::ZERO);
    drop(a);
    until("the other one is closed", || rig.world.closed.lock().contains(&a_id));
    rig.end();
}

#[test]
fn a_suspended_pool_lets_callers_wait_for_their_timeout_and_serves_the_rest_in_order() {
    let rig = rig(quiet(0, 1));
    let held = rig.pool.acquire(None).unwrap();
    rig.pool.suspend(false).unwrap();
    drop(held);
    let e = rig.pool.acquire(Some(ms(30))).unwrap_err();
    assert_eq!(e.status(), Status::AcquireTimeout);
    assert!(e.message().contains("the pool is suspended"), "{e}");
    let order = Arc::new(Mutex::new(Vec::new()));
    let threads: Vec<_> = (0..3)
        .map(|i| {
            let (pool, own) = (rig.pool.clone(), order.clone());
            let t = thread::spawn(move || {
                let _lease = pool.acquire(None).unwrap();
                own.lock().push(i);
            });
            until("it waits", || rig.pool.figures().waiting == i + 1);
            t
        })
        .collect();
    assert_eq!(rig.pool.figures().idle, 1);
    rig.pool.resume();
    threads.into_iter().for_each(|t| t.join().unwrap());
    assert_eq!(*order.lock(), [0, 1, 2]);
    rig.end();
}

#[test]
fn a_pool_suspended_to_fail_fast_sends_all_away_until_it_is_resumed() {
    let rig = rig(quiet(0, 1));
    let held = rig.pool.acquire(None).unwrap();
    let pool = rig.pool.clone();
    let waiter = thread::spawn(move || pool.acquire(None).map(drop));
    until("it waits", || rig.pool.figures().waiting == 1);
    rig.pool.suspend(true).unwrap();
    assert_eq!(waiter.join().unwrap().unwrap_err().status(), Status::PoolSuspended);
    assert_eq!(rig.pool.acquire(None).unwrap_err().status(), Status::PoolSuspended);
    assert!(!rig.pool.wait_quiet(ms(10)));
    drop(held);
    assert!(rig.pool.wait_quiet(LONG));
    rig.pool.resume();
    drop(rig.pool.acquire(None).unwrap());
    rig.end();
}

#[test]
fn a_pool_that_may_not_be_suspended_says_which_option_forbids_it() {
    let rig = rig(PoolSettings { suspension: false, ..quiet(0, 1) });
    let e = rig.pool.suspend(false).unwrap_err();
    assert_eq!((e.status(), e.message()), (Status::BadState, "suspend: option 'pool.suspension' is off"));
}

#[test]
fn closing_waits_for_leases_and_past_its_deadline_the_rest_closes_as_it_comes_back() {
    let rig = rig(quiet(0, 2));
    let (a, b) = (rig.pool.acquire(None).unwrap(), rig.pool.acquire(None).unwrap());
    drop(b);
    let pool = rig.pool.clone();
    let held = rig.pool.clone();
    let e = pool.close(ms(30)).unwrap_err();
    assert_eq!(e.status(), Status::Timeout);
    assert!(e.message().contains("1 sessions in use"), "{e}");
    assert_eq!(held.acquire(None).unwrap_err().status(), Status::PoolClosed);
    assert_eq!(held.suspend(false).unwrap_err().status(), Status::PoolClosed);
    a.use_for(Duration::ZERO);
    drop(a);
    rig.end();
}

#[test]
fn closing_sends_away_who_waits() {
    let rig = rig(quiet(0, 1));
    let held = rig.pool.acquire(None).unwrap();
    let pool = rig.pool.clone();
    let waiter = thread::spawn(move || pool.acquire(None).map(drop));
    until("it waits", || rig.pool.figures().waiting == 1);
    let pool = rig.pool.clone();
    let closer = thread::spawn(move || pool.close(LONG));
    assert_eq!(waiter.join().unwrap().unwrap_err().status(), Status::PoolClosed);
    drop(held);
    closer.join().unwrap().unwrap();
    rig.end();
}

#[test]
fn dropping_the_pool_closes_what_is_idle_and_later_what_is_out() {
    let rig = rig(quiet(0, 2));
    let (a, b) = (rig.pool.acquire(None).unwrap(), rig.pool.acquire(None).unwrap());
    drop(b);
    let Rig { world, pool, .. } = rig;
    drop(pool);
    until("the idle one is closed", || world.open.load(SeqCst) == 1);
    a.use_for(Duration::ZERO);
    drop(a);
    until("the other one is closed", || world.open.load(SeqCst) == 0);
    // Threads and leases let the manager go.
    until("nothing holds the pool", || Arc::strong_count(&world) == 1);
}

#[test]
fn a_pool_grows_and_shrinks_while_it_runs() {
    let rig = rig(quiet(0, 3));
    let leases: Vec<Lease<Stub>> = (0..3).map(|_| rig.pool.acquire(None).unwrap()).collect();
    rig.pool.set(quiet(0, 2));
    assert_eq!((rig.pool.figures().total, rig.pool.figures().max), (3, 2));
    drop(leases);
    assert_eq!(rig.pool.figures().total, 2);
    rig.pool.set(quiet(0, 1));
    assert_eq!(rig.pool.figures().total, 1);
    let _a = rig.pool.acquire(None).unwrap();
    let pool = rig.pool.clone();
    let waiter = thread::spawn(move || pool.acquire(None).map(drop));
    until("it waits", || rig.pool.figures().waiting == 1);
    rig.pool.set(quiet(3, 3));
    waiter.join().unwrap().unwrap();
    until("the minimum is there", || rig.pool.figures().total == 3);
    drop(_a);
    rig.end();
}

#[test]
fn opening_fails_at_once_waits_or_goes_on_as_told() {
    let down = || {
        let world = Arc::<World>::default();
        world.down.store(true, SeqCst);
        world
    };
    let open = |world: &Arc<World>, init_fail| {
        super::super::Pool::open(Stub(world.clone()), PoolSettings { init_fail, ..quiet(0, 2) })
    };

    let world = down();
    let e = open(&world, InitFail::After(ms(1))).unwrap_err();
    assert_eq!((e.status(), e.message()), (Status::Unreachable, "pool 'twinpool': master: nobody answers"));
    until("nothing is left", || Arc::strong_count(&world) == 1);

    let world = down();
    let own = world.clone();
    let starter = thread::spawn(move || {
        until("two attempts", || own.connects.load(SeqCst) >= 2);
        own.down.store(false, SeqCst);
    });
    assert_eq!(open(&world, InitFail::After(LONG)).unwrap().figures().total, 1);
    starter.join().unwrap();

    let world = down();
    let pool = open(&world, InitFail::OnlyIfRefused).unwrap();
    world.down.store(false, SeqCst);
    drop(pool.acquire(None).unwrap());

    world.refuses.store(true, SeqCst);
    assert!(open(&world, InitFail::OnlyIfRefused).is_err());
    drop(open(&world, InitFail::Background).unwrap());
}

#[test]
fn the_initial_sessions_are_there_when_opening_returns() {
    let rig = rig(PoolSettings { initial: 5, init_fail: InitFail::After(ms(1)), ..quiet(0, 8) });
    assert_eq!(rig.pool.figures().idle, 5);
    // They are no minimum.
    rig.pool.evict_idle();
    until("they are closed", || rig.world.open.load(SeqCst) == 0);
    rig.pool.keep();
    assert_eq!((rig.pool.figures().total, rig.pool.figures().opening), (0, 0));
    rig.end();
}

#[test]
fn threads_are_named_and_deaf_to_signals() {
    let rig = rig(quiet(1, 1));
    until("it is filled", || rig.pool.figures().total == 1);
    assert_eq!(*rig.world.connected_on.lock(), ("twinpool-opener".to_owned(), true));
    rig.end();
}
