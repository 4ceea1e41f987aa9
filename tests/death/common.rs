//! What the tests of death and company share: options, opening, and the wait until nothing is under way.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use twinpool::error::Result;
use twinpool::{MirrorState, Options, Session, Status, TwinPool, Value};
use twinpool_testkit::{Pair, eventually};

/// How often a test of random moments is repeated: a few times for `make test`, often for `make soak`.
pub fn rounds(short: usize) -> usize {
    std::env::var("TWINPOOL_ROUNDS").ok().and_then(|t| t.trim().parse().ok()).unwrap_or(short)
}

/// Options that suit tests: short pauses, so that outages are noticed and healed soon.
pub fn options_of(name: &str, master: &str, mirror: &str, more: &[(&str, &str)]) -> Vec<(String, String)> {
    let usual = [
        ("master", master),
        ("mirror", mirror),
        ("name", name),
        ("pool.min", "0"),
        ("pool.max", "16"),
        ("pool.acquire_timeout_ms", "20000"),
        ("mirror.timeout_ms", "1500"),
        ("mirror.retry_min_ms", "50"),
        ("mirror.retry_max_ms", "300"),
        ("mirror.poll_ms", "100"),
    ];
    usual.iter().chain(more).map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

pub fn options(pair: &Pair, more: &[(&str, &str)]) -> Vec<(String, String)> {
    let name = format!("{}-{}", pair.name(), pair.engine());
    options_of(&name, &pair.master.connection_string(), &pair.mirror.connection_string(), more)
}

pub fn build(options: &[(String, String)]) -> Options {
    let mut o = Options::new();
    for (key, value) in options {
        o.set(key, value).unwrap_or_else(|e| panic!("option {key}: {e}"));
    }
    o
}

pub fn open(pair: &Pair) -> TwinPool {
    open_with(&options(pair, &[]))
}

pub fn open_with(options: &[(String, String)]) -> TwinPool {
    TwinPool::open(&build(options)).unwrap_or_else(|e| panic!("open: {e} {:?}", e.records()))
}

pub fn close(pool: TwinPool) {
    pool.close(Duration::from_secs(20)).unwrap_or_else(|e| panic!("close: {e}"));
}

pub fn acquire(pool: &TwinPool) -> Session {
    pool.acquire(None).unwrap_or_else(|e| panic!("acquire: {e}"))
}

pub fn int(v: i64) -> Value {
    Value::Int(v)
}

pub fn text(v: &str) -> Value {
    Value::Text(v.to_owned())
}

/// A table with a key, of a name that all engines take.
pub fn make_items(pair: &Pair) {
    pair.sql_on_both("CREATE TABLE items (id INTEGER NOT NULL PRIMARY KEY, name VARCHAR(200), n INTEGER NOT NULL DEFAULT 0)");
}

/// Inserts one row in a transaction of two statements. The answer is that of COMMIT or of what failed before.
pub fn insert(s: &mut Session, id: i64) -> Result<Status> {
    insert_with(s, id, || {})
}

/// The same, with something done right before COMMIT.
pub fn insert_with(s: &mut Session, id: i64, before_commit: impl FnOnce()) -> Result<Status> {
    s.begin()?;
    let answer = (|| {
        s.execute("INSERT INTO items (id, name, n) VALUES (?, ?, ?)", &[int(id), text("naïve"), int(id)])?;
        s.execute("UPDATE items SET n = n + 1 WHERE id = ?", &[int(id)])?;
        before_commit();
        s.commit()
    })();
    if answer.is_err() {
        let _ = s.rollback();
    }
    answer
}

/// What the queue and the rows between two COMMITs still hold, read past the library.
pub fn unapplied(pair: &Pair) -> Vec<String> {
    let cell = |c: &Option<String>| c.clone().unwrap_or_default();
    let number = |c: &Option<String>| cell(c).parse::<i64>().unwrap_or(-1);
    let applied: HashMap<(String, String), i64> =
        (pair.mirror.sql("SELECT pool, slot, seq FROM twin_applied").iter())
            .map(|r| ((cell(&r[0]), cell(&r[1])), number(&r[2])))
            .collect();
    let mut left: Vec<String> =
        (pair.master.sql("SELECT pool, slot, seq FROM twin_pending WHERE seq > 0").iter())
            .filter(|r| applied.get(&(cell(&r[0]), cell(&r[1]))).is_none_or(|at| *at < number(&r[2])))
            .map(|r| format!("pending {}:{}:{}", cell(&r[0]), cell(&r[1]), cell(&r[2])))
            .collect();
    let queue = pair.master.sql("SELECT pool, slot, seq FROM invocation_queue ORDER BY id");
    left.extend(queue.iter().map(|r| format!("queue {}:{}:{}", cell(&r[0]), cell(&r[1]), cell(&r[2]))));
    left
}

/// Waits until the pair is in step and nothing is left to apply, whoever it came from.
#[track_caller]
pub fn settle(pair: &Pair, pool: &TwinPool) {
    let limit = Duration::from_secs(60);
    let end = Instant::now() + limit;
    loop {
        let status = pool.refresh().unwrap_or_else(|e| panic!("refresh: {e}"));
        assert_ne!(status.mirror_state, MirrorState::Diverged, "{}: {}", pair.engine(), status.reason);
        let mut left = vec![format!("{status:?}")];
        if status.mirror_state == MirrorState::InSync {
            left = unapplied(pair);
            if left.is_empty() {
                return;
            }
        }
        assert!(Instant::now() < end, "{}: not settled within {limit:?}: {}", pair.engine(), left.join(", "));
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// [`settle_by_a_successor`], who stays until nobody but himself is registered. The server may notice a death
/// only after he has opened.
#[track_caller]
pub fn bury_by_a_successor(pair: &Pair) {
    let pool = open(pair);
    settle(pair, &pool);
    eventually(Duration::from_secs(60), "the dead are removed", || {
        pair.master.count("SELECT COUNT(*) FROM twin_pool") == 1
    });
    close(pool);
}

/// Opens a pool as a successor would, waits until all that others left is applied, closes it.
#[track_caller]
pub fn settle_by_a_successor(pair: &Pair) {
    let pool = open(pair);
    // What an operator detached only an operator attaches.
    if pool.status().mirror_state == MirrorState::Detached {
        pool.attach().unwrap_or_else(|e| panic!("attach: {e}"));
    }
    settle(pair, &pool);
    close(pool);
}
