//! Promise 6, nothing hangs, where the pool keeps it: on real pairs, with masters that go and drivers that are slow.
//! What needs no database stands beside the pool's code (src/pool/tests), the orders of its threads in
//! tests/proof/pool. TWINPOOL_ROUNDS: how many times more.

mod knobs;
mod stress;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use twinpool::{Options, Session, TwinPool};
use twinpool_testkit::{Engine, Pair, Stub, on_all_engines, on_own_servers, within};

fn open(pair: &Pair, master: &str, more: &[(&str, &str)]) -> TwinPool {
    let mut o = Options::new();
    let mirror = pair.mirror.connection_string();
    for (key, value) in [("master", master), ("mirror", mirror.as_str())].iter().chain(more) {
        o.set(key, value).unwrap_or_else(|e| panic!("option {key}: {e}"));
    }
    TwinPool::open(&o).unwrap_or_else(|e| panic!("open: {e}"))
}

fn one(session: &mut Session) -> twinpool::error::Result<()> {
    session.execute("SELECT 1", &[]).map(drop)
}

fn close(pool: TwinPool) {
    pool.close(Duration::from_secs(20)).unwrap_or_else(|e| panic!("close: {e}"));
}

/// How many files and sockets this process has open.
fn files() -> usize {
    std::fs::read_dir("/proc/self/fd").map_or(0, |d| d.count())
}

#[track_caller]
fn until(what: &str, is_so: impl FnMut() -> bool) {
    assert!(within(Duration::from_secs(30), is_so), "waited in vain: {what}");
}

fn rounds() -> usize {
    std::env::var("TWINPOOL_ROUNDS").ok().and_then(|r| r.parse().ok()).unwrap_or(1)
}

on_own_servers! {
    fn a_master_that_restarts_under_load_is_served_from_again_by_the_same_pool(pair: &Pair) {
        let pool = open(pair, &pair.master.connection_string(), &[("pool.max", "4"), ("pool.acquire_timeout_ms", "1000")]);
        let (stop, good) = (AtomicBool::new(false), AtomicU64::new(0));
        thread::scope(|s| {
            for _ in 0..12 {
                s.spawn(|| {
                    while !stop.load(SeqCst) {
                        // An error is an answer; what is promised is that there is one.
                        let done = pool.acquire(None).and_then(|mut session| one(&mut session));
                        good.fetch_add(u64::from(done.is_ok()), SeqCst);
                    }
                });
            }
            for _ in 0..2 * rounds() {
                let seen = good.load(SeqCst);
                until("work is done", || good.load(SeqCst) > seen + 20);
                pair.master.kill();
                // Long enough that all sessions are found dead.
                thread::sleep(Duration::from_millis(300));
                pair.master.restart();
                let seen = good.load(SeqCst);
                until("work is done again", || good.load(SeqCst) > seen + 20);
            }
            stop.store(true, SeqCst);
        });
        let s = pool.status();
        assert!(s.active == 0 && s.waiting == 0 && s.total <= 4, "{s:?}");
        close(pool);
    }
}

#[test]
fn a_driver_that_hangs_while_connecting_keeps_nobody_waiting_who_can_be_served() {
    let (pair, stub) = (Pair::private(Engine::Sqlite, "pool"), Stub::new());
    let master = stub.connection_string(&pair.master.path().expect("a file"));
    let pool = open(&pair, &master, &[("pool.min", "1"), ("pool.max", "5"), ("pool.initial", "1")]);
    let held = pool.acquire(None).unwrap();
    stub.plan("SQLDriverConnect", 0, "hang");
    thread::scope(|s| {
        let waits = s.spawn(|| pool.acquire(Some(Duration::from_secs(60))).map(drop));
        until("a session is being opened for the one who waits", || stub.hanging() > 0);
        let start = Instant::now();
        drop(held);
        waits.join().unwrap().unwrap();
        // With what was released, as quick as without the one that hangs.
        for _ in 0..100 {
            one(&mut pool.acquire(Some(Duration::from_secs(60))).unwrap()).unwrap();
        }
        assert!(stub.hanging() > 0, "the connect still hangs");
        assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    });
    stub.forget("SQLDriverConnect");
    stub.release();
    close(pool);
}
