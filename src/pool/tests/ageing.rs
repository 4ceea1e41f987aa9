//! The keeper: what it closes, asks, makes and reports. Time is put forward by hand.

use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use super::super::{Lease, PoolSettings};
use super::stub::*;

const S: Duration = Duration::from_secs(1);

fn fill(rig: &Rig, n: usize) -> Vec<usize> {
    let leases: Vec<Lease<Stub>> = (0..n).map(|_| rig.pool.acquire(None).unwrap()).collect();
    leases.iter().map(|l| l.id).collect()
}

#[test]
fn idle_sessions_above_the_minimum_go_after_their_timeout_and_never_before() {
    let rig = rig(PoolSettings {
        idle_timeout: Some(100 * S),
        idle_timeout_variation: 0.1,
        alive_bypass: 1000 * S,
        ..quiet(2, 6)
    });
    fill(&rig, 6);
    rig.clock.advance(99 * S);
    rig.pool.keep();
    assert_eq!(rig.pool.figures().total, 6);
    // One is used: it starts anew.
    drop(rig.pool.acquire(None).unwrap());
    rig.clock.advance(12 * S);
    rig.pool.keep();
    assert_eq!(rig.pool.figures().total, 2);
    rig.clock.advance(1000 * S);
    rig.pool.keep();
    assert_eq!((rig.pool.figures().total, rig.pool.figures().opening), (2, 0));
    rig.end();
}

#[test]
fn an_old_session_is_replaced_but_never_while_it_is_in_use() {
    let rig = rig(PoolSettings { max_lifetime: Some(100 * S), alive_bypass: 1000 * S, ..quiet(0, 2) });
    let ids = fill(&rig, 2);
    let lease = rig.pool.acquire(None).unwrap();
    let (used, idle) = (lease.id, *ids.iter().find(|i| **i != lease.id).unwrap());
    rig.clock.advance(101 * S);
    rig.pool.keep();
    until("the idle one is closed", || rig.world.closed.lock().contains(&idle));
    lease.use_for(Duration::ZERO);
    drop(lease);
    until("the other one is closed", || rig.world.closed.lock().contains(&used));
    // Nor is one handed out that is too old, between two rounds of the keeper.
    let third = fill(&rig, 1)[0];
    rig.clock.advance(101 * S);
    assert_ne!(rig.pool.acquire(None).unwrap().id, third);
    rig.end();
}

#[test]
fn silent_sessions_are_asked_and_the_dead_replaced() {
    let rig = rig(PoolSettings { keepalive: Some(60 * S), ..quiet(3, 3) });
    until("it is full", || rig.pool.figures().idle == 3);
    rig.clock.advance(59 * S);
    rig.pool.keep();
    assert_eq!(rig.world.validations.load(SeqCst), 0);
    rig.clock.advance(2 * S);
    rig.pool.keep();
    assert_eq!(rig.world.validations.load(SeqCst), 3);
    rig.pool.keep();
    assert_eq!(rig.world.validations.load(SeqCst), 3);

    rig.world.restart();
    rig.clock.advance(61 * S);
    rig.pool.keep();
    until("three new ones", || rig.pool.figures().idle == 3);
    assert_eq!(rig.pool.figures().found_dead, 3);
    assert_eq!(rig.world.connects.load(SeqCst), 6);
    rig.end();
}

#[test]
fn a_session_being_validated_by_the_keeper_is_missed_by_nobody() {
    let rig = rig(PoolSettings { keepalive: Some(60 * S), ..quiet(1, 1) });
    until("it is full", || rig.pool.figures().idle == 1);
    rig.world.valid_ms.store(200, SeqCst);
    rig.clock.advance(61 * S);
    std::thread::scope(|s| {
        s.spawn(|| rig.pool.keep());
        until("the keeper has it", || rig.pool.figures().idle == 0);
        assert_eq!(rig.pool.figures().total, 1);
        drop(rig.pool.acquire(None).unwrap());
    });
    assert_eq!(rig.world.connects.load(SeqCst), 1);
    rig.end();
}

#[test]
fn the_minimum_is_made_again_without_anyone_asking() {
    let rig = rig(PoolSettings { keeper_period: ms(20), ..quiet(3, 5) });
    until("it is filled", || rig.pool.figures().idle == 3);
    rig.world.down.store(true, SeqCst);
    rig.pool.evict_idle();
    until("attempts fail", || rig.pool.figures().connect_failures > 1);
    rig.world.down.store(false, SeqCst);
    until("it is filled again", || rig.pool.figures().idle == 3);
    rig.end();
}

#[test]
fn the_keeper_comes_by_itself_as_often_as_the_shortest_limit_asks() {
    let rig = rig(PoolSettings { idle_timeout: Some(ms(30)), ..quiet(0, 2) });
    fill(&rig, 2);
    until("idle sessions are gone", || rig.pool.figures().total == 0);
    rig.end();
}

#[test]
fn a_lease_that_does_not_end_is_reported_once_with_where_it_was_acquired() {
    let rig = rig(PoolSettings { leak_threshold: Some(10 * S), ..quiet(0, 2) });
    let (pool, clock) = (rig.pool.clone(), rig.clock.clone());
    // The thread is looked up by its number, so it has to be there still.
    let (end, ended) = std::sync::mpsc::channel::<()>();
    let (send, receive) = std::sync::mpsc::channel();
    let thread = std::thread::Builder::new()
        .name("report".into())
        .spawn(move || {
            let lease = pool.acquire(None).unwrap();
            lease.set_label("nightly");
            clock.advance(11 * S);
            send.send(lease).unwrap();
            let _ = ended.recv();
        })
        .unwrap();
    let leaked = receive.recv().unwrap();
    let fresh = rig.pool.acquire(None).unwrap();
    rig.pool.keep();
    rig.pool.keep();
    let leaks = rig.world.leaks.lock().clone();
    assert_eq!(leaks.len(), 1, "{leaks:?}");
    assert!(leaks[0].starts_with("pool 'twinpool': a session acquired 110"), "{leaks:?}");
    assert!(leaks[0].ends_with(" 'report' for nightly has not been released"), "{leaks:?}");
    drop(end);
    thread.join().unwrap();
    assert_eq!(rig.pool.figures().leaks, 1);
    drop((leaked, fresh));
    rig.end();
}

#[test]
fn the_report_of_a_leak_says_what_it_is_for_and_what_was_last_run_until_it_is_released() {
    let rig = rig(PoolSettings { leak_threshold: Some(10 * S), ..quiet(0, 1) });
    let report = |tell: &dyn Fn(&Lease<Stub>)| {
        let lease = rig.pool.acquire(None).unwrap();
        tell(&lease);
        rig.clock.advance(11 * S);
        rig.pool.keep();
        drop(lease);
        rig.world.leaks.lock().pop().unwrap()
    };
    let first = report(&|lease| {
        lease.set_label("one");
        lease.set_label("nightly");
        lease.note_statement("a long one");
        lease.note_statement("b");
    });
    assert!(first.ends_with(" for nightly has not been released; last statement: <b>"), "{first}");
    // The next one who has the same session has said nothing, and nothing of the first is told of it.
    let second = report(&|_| {});
    assert!(second.ends_with(" has not been released") && !second.contains("nightly"), "{second}");
    let third = report(&|lease| lease.note_statement(&"\u{fc}".repeat(5000)));
    assert!(third.len() < 1200 && third.ends_with("\u{fc}>") && !third.contains("nightly"), "{third}");
    assert_eq!(rig.world.connects.load(SeqCst), 1);
    rig.end();
}
