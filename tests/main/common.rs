//! What the tests of the main job share.

use std::time::{Duration, Instant};

use twinpool::pair::PoolStatus;
use twinpool::{Options, Session, Status, TwinPool, Value};
use twinpool_testkit::{Node, Pair};

/// Options that suit tests: short pauses, so that outages are noticed and healed soon.
pub fn options(pair: &Pair) -> Options {
    options_for(pair, &pair.master.connection_string(), &pair.mirror.connection_string())
}

pub fn options_for(pair: &Pair, master: &str, mirror: &str) -> Options {
    let mut o = Options::new();
    let unique = format!("{}-{:?}", pair.name(), pair.engine());
    for (key, value) in [
        ("master", master),
        ("mirror", mirror),
        ("name", &unique),
        ("pool.min", "0"),
        ("pool.max", "16"),
        ("pool.acquire_timeout_ms", "20000"),
        ("mirror.timeout_ms", "1500"),
        ("mirror.retry_min_ms", "50"),
        ("mirror.retry_max_ms", "300"),
        ("mirror.poll_ms", "100"),
    ] {
        o.set(key, value).unwrap_or_else(|e| panic!("option {key}: {e}"));
    }
    o
}

pub fn open(pair: &Pair) -> TwinPool {
    TwinPool::open(&options(pair)).unwrap_or_else(|e| panic!("open: {e}"))
}

pub fn open_with(pair: &Pair, more: &[(&str, &str)]) -> TwinPool {
    let mut o = options(pair);
    for (key, value) in more {
        o.set(key, value).unwrap_or_else(|e| panic!("option {key}: {e}"));
    }
    TwinPool::open(&o).unwrap_or_else(|e| panic!("open: {e}"))
}

pub fn close(pool: TwinPool) {
    pool.close(Duration::from_secs(20)).unwrap_or_else(|e| panic!("close: {e}"));
}

pub fn acquire(pool: &TwinPool) -> Session {
    pool.acquire(None).unwrap_or_else(|e| panic!("acquire: {e}"))
}

/// Runs a statement that must succeed.
pub fn run(s: &mut Session, sql: &str, params: &[Value]) -> (Status, i64) {
    let done = s.execute(sql, params).unwrap_or_else(|e| panic!("{sql}: {e} {:?}", e.records()));
    (done.status, done.affected)
}

pub fn rows(s: &mut Session, sql: &str, params: &[Value]) -> Vec<Vec<Value>> {
    let done = s.execute(sql, params).unwrap_or_else(|e| panic!("{sql}: {e}"));
    let mut cursor = done.rows.unwrap_or_else(|| panic!("{sql}: no rows"));
    let mut block = twinpool::Block::default();
    let mut all = Vec::new();
    while cursor.next_block(100, &mut block).unwrap_or_else(|e| panic!("{sql}: {e}")) {
        all.extend(block.to_rows());
    }
    all
}

pub fn int(v: i64) -> Value {
    Value::Int(v)
}

pub fn text(v: &str) -> Value {
    Value::Text(v.to_owned())
}

/// Waits until `met`, at most `limit`.
pub fn wait_for(what: &str, limit: Duration, mut met: impl FnMut() -> bool) {
    let end = Instant::now() + limit;
    while !met() {
        assert!(Instant::now() < end, "{what}: not within {limit:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Waits until the pair is in step again; the last status for the message.
pub fn wait_in_sync(pool: &TwinPool) -> PoolStatus {
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        let status = pool.status();
        if status.mirror_state == twinpool::MirrorState::InSync {
            return status;
        }
        assert!(Instant::now() < end, "the pair did not come back in step: {status:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

pub fn queue_length(node: &Node) -> i64 {
    node.count("SELECT COUNT(*) FROM invocation_queue")
}

/// A table with a key, of a name that all engines take.
pub fn make_items(pair: &Pair) {
    let text = pair.pick("TEXT", "TEXT", "VARCHAR(200)");
    pair.sql_on_both(&format!(
        "CREATE TABLE items (id INTEGER NOT NULL PRIMARY KEY, name {text}, n INTEGER NOT NULL DEFAULT 0)"
    ));
}
