//! Promises 1, 2 and 6 with a driver that misbehaves on demand, on the mirror's side and on the master's: in each
//! of its calls it fails, fails after having done what it was asked for, or hangs. A stub before SQLite's driver;
//! real servers and what really happens to them stand in `outages.rs`.

use std::time::{Duration, Instant};

use twinpool::{Session, Status, TwinPool};
use twinpool_testkit::{Engine, Pair, Stub, within};

use crate::common::*;

/// What a transaction asks of a driver, and what comes before and behind it. Not SQLAllocHandle: the driver
/// manager (unixODBC 2.3.11) crashes when a driver refuses it an environment, and holds a lock of the whole
/// process while it asks.
const CALLS: [&str; 13] = [
    "SQLDriverConnect",
    "SQLSetConnectAttr",
    "SQLSetStmtAttr",
    "SQLPrepare",
    "SQLBindParameter",
    "SQLExecute",
    "SQLExecDirect",
    "SQLRowCount",
    "SQLFetch",
    "SQLMoreResults",
    "SQLFreeStmt",
    "SQLEndTran",
    "SQLFreeHandle",
];

/// The stub can hide the answer of functions with up to six arguments.
fn can(call: &str, what: &str) -> bool {
    !(what.starts_with("fail_after") && matches!(call, "SQLDriverConnect" | "SQLBindParameter"))
}

fn pair() -> Pair {
    let pair = Pair::private(Engine::Sqlite, "driver");
    make_items(&pair);
    pair
}

fn open_by(pair: &Pair, master: &str, mirror: &str) -> TwinPool {
    let mut o = options_for(pair, master, mirror);
    for (key, value) in [("mirror.timeout_ms", "300"), ("mirror.retry_max_ms", "100")] {
        o.set(key, value).unwrap();
    }
    TwinPool::open(&o).unwrap_or_else(|e| panic!("open: {e}"))
}

/// A transaction of two statements; its answer.
fn insert(s: &mut Session, id: i64) -> Result<Status, twinpool::Error> {
    let done = (|| {
        s.begin()?;
        s.execute("INSERT INTO items (id, name, n) VALUES (?, ?, ?)", &[int(id), text("naïve"), int(id)])?;
        s.execute("UPDATE items SET n = n + 1 WHERE id = ?", &[int(id)])?;
        s.commit()
    })();
    if done.is_err() {
        let _ = s.rollback();
    }
    done
}

/// The mirror's driver does `what` in the nth call of each function while transactions run. Each of them is
/// acknowledged, in a bounded time, and is on both sides once at the end.
fn on_the_mirror(what: &str, nths: std::ops::Range<u32>) {
    let (pair, stub) = (pair(), Stub::new());
    let path = |node: &twinpool_testkit::Node| node.path().expect("a file");
    let mirror = stub.connection_string(&path(&pair.mirror));
    let pool = open_by(&pair, &pair.master.connection_string(), &mirror);
    let mut id = 0;
    let (mut met, mut tried) = (0, 0);
    for call in CALLS.into_iter().filter(|call| can(call, what)) {
        for nth in nths.clone() {
            let before = stub.calls(call);
            stub.plan(call, nth, what);
            let mut s = acquire(&pool);
            let start = Instant::now();
            println!("{what} in call {nth} of {call}");
            for _ in 0..3 {
                id += 1;
                let status = insert(&mut s, id);
                let status = status.unwrap_or_else(|e| panic!("{what} in call {nth} of {call}: {e}"));
                assert!(matches!(status, Status::Ok | Status::Queued));
            }
            // Pipeline, answer and flip may each take mirror.timeout_ms, in each transaction; the machine is busy.
            assert!(start.elapsed() < Duration::from_secs(10), "{call} {nth}: {:?}", start.elapsed());
            tried += 1;
            met += u64::from(stub.calls(call) >= before + u64::from(nth));
            stub.forget(call);
            stub.release();
            drop(s);
            wait_in_sync(&pool);
        }
    }
    println!("{what}: met {met} of {tried} times, {id} transactions");
    assert!(met * 3 > tried, "the driver was hardly asked: {met} of {tried}");
    assert!(within(Duration::from_secs(10), || stub.hanging() == 0));
    close(pool);
    assert_eq!(pair.mirror.count("SELECT COUNT(*) FROM items"), id);
    assert_eq!(pair.mirror.count("SELECT COUNT(*) FROM items WHERE n <> id + 1"), 0);
    pair.assert_equal();
}

#[test]
fn a_mirror_driver_that_fails_in_any_call_loses_nothing() {
    on_the_mirror("fail HY000 1 out of order", 1..6);
}

#[test]
fn a_mirror_driver_that_says_the_connection_is_gone_in_any_call_loses_nothing() {
    on_the_mirror("fail 08S01 1 communication link failure", 1..6);
}

#[test]
fn a_mirror_driver_that_does_its_work_and_calls_it_a_failure_doubles_nothing() {
    on_the_mirror("fail_after 08S01 1 communication link failure", 1..6);
}

#[test]
fn a_mirror_driver_that_hangs_in_any_call_costs_a_bounded_time() {
    on_the_mirror("hang", 1..3);
}

#[test]
fn a_mirror_driver_that_is_slow_in_every_call_is_waited_for() {
    let (pair, stub) = (pair(), Stub::new());
    let mirror = stub.connection_string(&pair.mirror.path().expect("a file"));
    let pool = open_by(&pair, &pair.master.connection_string(), &mirror);
    let mut s = acquire(&pool);
    for call in CALLS {
        stub.plan(call, 0, "delay 300");
    }
    for id in 1..=20 {
        insert(&mut s, id).unwrap();
    }
    wait_in_sync(&pool);
    drop(s);
    close(pool);
    pair.assert_equal();
}

/// The master's driver does `what` in the nth call of each function. Each transaction has a definite answer, and
/// exactly the acknowledged ones are on both sides.
fn on_the_master(what: &str, nths: std::ops::Range<u32>) {
    let (pair, stub) = (pair(), Stub::new());
    let master = stub.connection_string(&pair.master.path().expect("a file"));
    let pool = open_by(&pair, &master, &pair.mirror.connection_string());
    let (mut id, mut acknowledged, mut refused) = (0, Vec::new(), 0);
    for call in CALLS.into_iter().filter(|call| can(call, what)) {
        for nth in nths.clone() {
            stub.plan(call, nth, what);
            for _ in 0..3 {
                id += 1;
                let Ok(mut s) = pool.acquire(None) else { continue };
                match insert(&mut s, id) {
                    Ok(_) => acknowledged.push(id),
                    Err(e) => {
                        assert!(!e.outcome_unknown(), "{what} in call {nth} of {call}: {e}");
                        refused += 1;
                    }
                }
            }
            stub.forget(call);
            stub.release();
        }
    }
    println!("{what}: {} acknowledged, {refused} refused", acknowledged.len());
    assert!(refused > 10, "the driver was hardly asked: {refused}");
    assert!(acknowledged.len() > 50, "the pool did not recover");
    wait_in_sync(&pool);
    close(pool);
    let there: Vec<i64> = (pair.master.sql("SELECT id FROM items ORDER BY id").iter())
        .filter_map(|row| row[0].as_ref()?.parse().ok())
        .collect();
    assert_eq!(there, acknowledged, "what is there is not what was acknowledged");
    pair.assert_equal();
}

#[test]
fn a_master_driver_that_fails_in_any_call_gives_true_answers() {
    on_the_master("fail HY000 1 out of order", 1..8);
}

#[test]
fn a_master_driver_that_loses_the_connection_in_any_call_gives_true_answers() {
    on_the_master("fail 08S01 1 communication link failure", 1..8);
}

#[test]
fn a_master_driver_that_does_its_work_and_loses_the_connection_gives_true_answers() {
    on_the_master("fail_after 08S01 1 communication link failure", 1..8);
}
