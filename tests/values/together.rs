//! Promises 3 to 5 with the whole corpus: eight sessions draw from its statements, on the same tables, in
//! transactions of one to five, at every level of isolation. Rows come and go under each other's conditions.
//! TWINPOOL_SEED repeats a run, TWINPOOL_ROUNDS is seconds for each level.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use twinpool::{Isolation, MirrorState, Session, Status, TwinPool};
use twinpool_testkit::{Engine, Pair, Rng, on_own_servers};

use crate::common::*;
use crate::corpus::{self, Line};

const SESSIONS: usize = 8;

/// The levels that the engine has.
fn levels(pair: &Pair) -> &'static [Isolation] {
    match pair.engine() {
        Engine::Sqlite => &[Isolation::Serializable],
        _ => &[Isolation::ReadCommitted, Isolation::RepeatableRead, Isolation::Serializable],
    }
}

fn seconds(default: u64) -> Duration {
    Duration::from_secs(std::env::var("TWINPOOL_ROUNDS").ok().and_then(|s| s.parse().ok()).unwrap_or(default))
}

#[derive(Default)]
struct Tally {
    committed: AtomicU64,
    queued: AtomicU64,
    statements: AtomicU64,
    repeated: AtomicU64,
    refused: AtomicU64,
}

/// What can be drawn: statements on the tables of the schema, without settings or tables made on the way.
fn drawn(pool: &TwinPool, engine: Engine) -> Vec<Line> {
    let mut s = acquire(pool);
    let mut lines = corpus::of(engine).lines;
    lines.retain(|line| {
        ["text", "keys", "rows"].contains(&line.way.as_str())
            && !line.sql.contains("twin:")
            && s.way(&line.sql, &line.params).is_ok_and(|way| way.name() == line.way)
    });
    lines
}

/// Other numbers in place of some of the large ones, so that rows are made that were not there, and sought that
/// are not there any more.
fn vary(sql: &str, rng: &mut Rng) -> String {
    let mut out = String::with_capacity(sql.len());
    let (mut quoted, mut number) = (false, String::new());
    let mut before = ' ';
    for c in sql.chars().chain([' ']) {
        let starts = number.is_empty() && !(before.is_alphanumeric() || "_.'$@x+-:".contains(before));
        if !quoted && c.is_ascii_digit() && (starts || !number.is_empty()) {
            number.push(c);
            continue;
        }
        if !number.is_empty() {
            let n: u64 = number.parse().unwrap_or(0);
            match (800..10_000).contains(&n) && c != '.' && rng.chance(50) {
                true => out.push_str(&(n + rng.below(40)).to_string()),
                false => out.push_str(&number),
            }
            number.clear();
        }
        quoted ^= c == '\'';
        out.push(c);
        before = c;
    }
    out.pop();
    out
}

/// One transaction; an error undoes it.
fn transaction(
    s: &mut Session,
    lines: &[Line],
    rng: &mut Rng,
    tally: &Tally,
) -> twinpool::error::Result<Status> {
    s.begin()?;
    for _ in 0..1 + rng.below(5) {
        let clears = rng.chance(15);
        let done = if clears {
            let from = 1 + rng.below(9000) as i64;
            let table = *rng.pick(&["t", "t", "auto", "src", "uq", "docs"]);
            s.execute(
                &format!("DELETE FROM {table} WHERE id >= ? AND id < ?"),
                &[int(from), int(from + 1 + rng.below(400) as i64)],
            )
            .map(drop)
        } else {
            let line = rng.pick(lines);
            let sql = vary(&line.sql, rng);
            s.execute(&sql, &line.params).map(drop).inspect_err(|e| {
                if e.status() == Status::Timeout {
                    println!("cut: {sql}: {e}");
                }
            })
        };
        match done {
            Ok(()) => {
                tally.statements.fetch_add(1, Ordering::Relaxed);
            }
            // Rows that are there already, and the like. PostgreSQL wants the whole transaction back, and
            // others too where a deadlock was resolved.
            Err(e) if matches!(e.status(), Status::Database | Status::Unsafe) => {
                tally.refused.fetch_add(1, Ordering::Relaxed);
                if e.status() == Status::Database && rng.chance(30) {
                    return Err(e);
                }
                s.savepoint("look").and_then(|()| s.release_savepoint("look"))?;
            }
            Err(e) => return Err(e),
        }
    }
    if rng.chance(10) {
        s.rollback()?;
        return Ok(Status::Ok);
    }
    s.commit()
}

fn work(pool: &TwinPool, level: Isolation, lines: &[Line], rng: &mut Rng, stop: &AtomicBool, tally: &Tally) {
    while !stop.load(Ordering::SeqCst) {
        let mut s = acquire(pool);
        if level != s.isolation() {
            let _ = s.set_isolation(level);
        }
        match transaction(&mut s, lines, rng, tally) {
            Ok(status) => {
                tally.committed.fetch_add(1, Ordering::Relaxed);
                tally.queued.fetch_add(u64::from(status == Status::Queued), Ordering::Relaxed);
            }
            Err(e) => {
                let expected = e.retryable()
                    || matches!(
                        e.status(),
                        Status::Database | Status::TxFailed | Status::Timeout | Status::Retry
                    );
                assert!(expected, "{e} {:?}", e.records());
                tally.repeated.fetch_add(1, Ordering::Relaxed);
                s.rollback().unwrap_or_else(|e| panic!("rollback: {e}"));
            }
        }
    }
}

struct StopOnPanic<'a>(&'a AtomicBool);

impl Drop for StopOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.store(true, Ordering::SeqCst);
        }
    }
}

/// Eight sessions at this level, while `during` happens.
fn together(
    pool: &TwinPool,
    level: Isolation,
    lines: &[Line],
    rng: &mut Rng,
    during: impl FnOnce(),
) -> Tally {
    let (stop, tally) = (AtomicBool::new(false), Tally::default());
    std::thread::scope(|scope| {
        for _ in 0..SESSIONS {
            let mut rng = rng.fork();
            let (stop, tally) = (&stop, &tally);
            scope.spawn(move || {
                let _guard = StopOnPanic(stop);
                work(pool, level, lines, &mut rng, stop, tally);
            });
        }
        let _guard = StopOnPanic(&stop);
        during();
        stop.store(true, Ordering::SeqCst);
    });
    let n = |count: &AtomicU64| count.load(Ordering::Relaxed);
    println!(
        "{level:?}: {} transactions ({} queued) of {} statements, {} given up, {} statements refused",
        n(&tally.committed),
        n(&tally.queued),
        n(&tally.statements),
        n(&tally.repeated),
        n(&tally.refused)
    );
    assert!(n(&tally.committed) > 20, "the load hardly ran");
    tally
}

fn prepared(pair: &Pair, more: &[(&str, &str)]) -> (TwinPool, Vec<Line>) {
    for sql in corpus::of(pair.engine()).schema {
        pair.sql_on_both(&format!("{sql};"));
    }
    let mut options =
        vec![("statement.lock_timeout_ms", "3000"), ("statement.timeout_ms", "10000"), ("pool.max", "20")];
    options.extend(more);
    let pool = open_with(pair, &options);
    let lines = drawn(&pool, pair.engine());
    // The rows that conditions and subqueries find.
    let mut s = acquire(&pool);
    for line in lines.iter().filter(|line| line.sql.starts_with("INSERT")) {
        let _ = s.execute(&line.sql, &line.params);
    }
    let mut ways: BTreeMap<&str, usize> = BTreeMap::new();
    lines.iter().for_each(|line| *ways.entry(&line.way).or_default() += 1);
    println!("{}: drawn from {ways:?}", pair.engine());
    drop(s);
    (pool, lines)
}

on_own_servers! {
    fn eight_sessions_with_all_kinds_of_statements_stay_in_step(pair: &Pair) {
        let mut rng = Rng::for_test(pair.name());
        // Slow is not away: a loaded machine may take its time.
        let (pool, lines) = prepared(pair, &[("mirror.timeout_ms", "20000")]);
        let before = wait_in_sync(&pool);
        for level in levels(pair) {
            together(&pool, *level, &lines, &mut rng, || {
                let end = Instant::now() + seconds(5);
                while Instant::now() < end {
                    std::thread::sleep(Duration::from_millis(50));
                    let s = pool.status();
                    assert_eq!((s.mirror_state, s.epoch), (MirrorState::InSync, before.epoch), "{s:?}");
                }
            });
            let s = pool.refresh().unwrap();
            assert_eq!((s.mirror_state, s.epoch), (MirrorState::InSync, before.epoch), "{level:?}: {s:?}");
            println!("{} direct, {} halves run again", s.direct, s.rerun);
            pair.assert_equal();
        }
        close(pool);
        pair.assert_equal();
    }

    fn eight_sessions_with_all_kinds_of_statements_are_equal_after_an_outage(pair: &Pair) {
        let mut rng = Rng::for_test(pair.name());
        let (pool, lines) = prepared(pair, &[]);
        for level in levels(pair) {
            together(&pool, *level, &lines, &mut rng, || {
                std::thread::sleep(seconds(5) / 3);
                pair.mirror.kill();
                std::thread::sleep(seconds(5) / 3);
                pair.mirror.restart();
                std::thread::sleep(seconds(5) / 3);
            });
            let s = wait_in_sync(&pool);
            println!("{} direct, {} queued, {} replayed, {} run again", s.direct, s.queued, s.replayed, s.rerun);
            assert!(s.queued > 0, "{s:?}");
            pair.assert_equal();
        }
        close(pool);
        pair.assert_equal();
    }
}
