//! Promises 2, 3 and 5 under load: conflicting transfers and a job queue on eight threads, in a healthy
//! stretch (the pair never leaves `in_sync`) and with a mirror that is killed and returns five times.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use twinpool::{Session, Status, TwinPool};
use twinpool_testkit::{Pair, Rng, on_own_servers};

use crate::common::*;

const ACCOUNTS: i64 = 10;
const THREADS: usize = 8;

fn make_bank(pair: &Pair) {
    pair.sql_on_both("CREATE TABLE accounts (id INTEGER NOT NULL PRIMARY KEY, balance BIGINT NOT NULL)");
    pair.sql_on_both(
        "CREATE TABLE ledger (id BIGINT NOT NULL PRIMARY KEY, source INTEGER NOT NULL, target INTEGER NOT NULL, amount BIGINT NOT NULL)",
    );
    for id in 1..=ACCOUNTS {
        pair.sql_on_both(&format!("INSERT INTO accounts (id, balance) VALUES ({id}, 1000)"));
    }
}

fn make_jobs(pair: &Pair) {
    pair.sql_on_both(
        "CREATE TABLE jobs (id BIGINT NOT NULL PRIMARY KEY, state VARCHAR(10) NOT NULL, worker INTEGER)",
    );
    pair.sql_on_both(
        "CREATE TABLE steps (id BIGINT NOT NULL PRIMARY KEY, job BIGINT NOT NULL REFERENCES jobs(id), note VARCHAR(40))",
    );
}

/// One transfer; `Err` when the database asked for a repeat.
fn transfer(s: &mut Session, number: i64, rng: &mut Rng) -> twinpool::error::Result<Status> {
    let source = 1 + rng.below(ACCOUNTS as u64) as i64;
    let target = 1 + (source + rng.below(ACCOUNTS as u64 - 1) as i64) % ACCOUNTS;
    let amount = 1 + rng.below(50) as i64;
    s.begin()?;
    let done = (|| {
        s.execute("UPDATE accounts SET balance = balance - ? WHERE id = ?", &[int(amount), int(source)])?;
        s.execute("UPDATE accounts SET balance = balance + ? WHERE id = ?", &[int(amount), int(target)])?;
        s.execute(
            "INSERT INTO ledger (id, source, target, amount) VALUES (?, ?, ?, ?)",
            &[int(number), int(source), int(target), int(amount)],
        )?;
        s.commit()
    })();
    if done.is_err() {
        s.rollback()?;
    }
    done
}

struct Tally {
    acknowledged: AtomicI64,
    repeats: AtomicU64,
}

fn transfers(pool: &TwinPool, rng: &mut Rng, stop: &AtomicBool, number: &AtomicI64, tally: &Tally) {
    while !stop.load(Ordering::SeqCst) {
        let mut s = acquire(pool);
        let n = number.fetch_add(1, Ordering::SeqCst);
        loop {
            match transfer(&mut s, n, rng) {
                Ok(_) => {
                    tally.acknowledged.fetch_add(1, Ordering::SeqCst);
                    break;
                }
                Err(e) if e.retryable() => {
                    tally.repeats.fetch_add(1, Ordering::SeqCst);
                }
                Err(e) => panic!("transfer {n}: {e} {:?}", e.records()),
            }
        }
    }
}

/// A statement that is repeated when the database asks for it.
fn insist(s: &mut Session, sql: &str, params: &[twinpool::Value], tally: &Tally) -> i64 {
    loop {
        match s.execute(sql, params) {
            Ok(done) => return done.affected,
            Err(e) if e.retryable() => {
                tally.repeats.fetch_add(1, Ordering::SeqCst);
            }
            Err(e) => panic!("{sql}: {e} {:?}", e.records()),
        }
    }
}

/// One thread puts jobs in; the others take them at once and hang children under the fresh parents.
fn jobs(pool: &TwinPool, worker: i64, stop: &AtomicBool, put: &AtomicI64, taken: &AtomicI64, tally: &Tally) {
    while !stop.load(Ordering::SeqCst) {
        let mut s = acquire(pool);
        if worker == 0 {
            let id = put.load(Ordering::SeqCst) + 1;
            insist(&mut s, "INSERT INTO jobs (id, state) VALUES (?, 'new')", &[int(id)], tally);
            put.store(id, Ordering::SeqCst);
            continue;
        }
        let next = taken.load(Ordering::SeqCst);
        if next >= put.load(Ordering::SeqCst)
            || taken.compare_exchange(next, next + 1, Ordering::SeqCst, Ordering::SeqCst).is_err()
        {
            std::thread::yield_now();
            continue;
        }
        let id = next + 1;
        let n = insist(
            &mut s,
            "UPDATE jobs SET state = 'taken', worker = ? WHERE id = ? AND state = 'new'",
            &[int(worker), int(id)],
            tally,
        );
        assert_eq!(n, 1, "job {id}");
        insist(
            &mut s,
            "INSERT INTO steps (id, job, note) VALUES (?, ?, 'begun')",
            &[int(id), int(id)],
            tally,
        );
    }
}

fn check_bank(pair: &Pair, tally: &Tally) {
    let acknowledged = tally.acknowledged.load(Ordering::SeqCst);
    for node in [&pair.master, &pair.mirror] {
        assert_eq!(node.count("SELECT SUM(balance) FROM accounts"), ACCOUNTS * 1000);
        assert_eq!(node.count("SELECT COUNT(*) FROM ledger"), acknowledged);
        let wrong = "SELECT COUNT(*) FROM accounts a WHERE balance <> 1000 \
             - COALESCE((SELECT SUM(amount) FROM ledger WHERE source = a.id), 0) \
             + COALESCE((SELECT SUM(amount) FROM ledger WHERE target = a.id), 0)";
        assert_eq!(node.count(wrong), 0);
    }
    println!("{acknowledged} acknowledged, {} repeated", tally.repeats.load(Ordering::SeqCst));
}

/// Runs both loads, four threads each, while `during` happens.
fn run_load(pair: &Pair, pool: &TwinPool, during: impl FnOnce()) -> Tally {
    let mut rng = Rng::for_test(pair.name());
    let stop = AtomicBool::new(false);
    let tally = Tally { acknowledged: AtomicI64::new(0), repeats: AtomicU64::new(0) };
    let (number, put, taken) = (AtomicI64::new(1), AtomicI64::new(0), AtomicI64::new(0));
    std::thread::scope(|scope| {
        for worker in 0..THREADS {
            let mut rng = rng.fork();
            let (stop, tally, number, put, taken) = (&stop, &tally, &number, &put, &taken);
            scope.spawn(move || {
                // A panic in one thread must end the others too.
                let _guard = StopOnPanic(stop);
                if worker % 2 == 0 {
                    transfers(pool, &mut rng, stop, number, tally);
                } else {
                    jobs(pool, worker as i64 / 2, stop, put, taken, tally);
                }
            });
        }
        let _guard = StopOnPanic(&stop);
        during();
        stop.store(true, Ordering::SeqCst);
    });
    assert!(tally.acknowledged.load(Ordering::SeqCst) > 20, "the load hardly ran");
    assert!(put.load(Ordering::SeqCst) > 20, "the job queue hardly ran");
    tally
}

struct StopOnPanic<'a>(&'a AtomicBool);

impl Drop for StopOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.store(true, Ordering::SeqCst);
        }
    }
}

fn seconds(name: &str, default: u64) -> Duration {
    Duration::from_secs(std::env::var(name).ok().and_then(|s| s.parse().ok()).unwrap_or(default))
}

on_own_servers! {
    fn a_healthy_pair_under_load_never_leaves_in_sync(pair: &Pair) {
        make_bank(pair);
        make_jobs(pair);
        // Slow is not away: a loaded machine may take its time.
        let pool = open_with(pair, &[("mirror.timeout_ms", "20000")]);
        let epoch = pool.status().epoch;
        let tally = run_load(pair, &pool, || {
            let end = Instant::now() + seconds("TWINPOOL_HEALTHY_SECONDS", 10);
            while Instant::now() < end {
                std::thread::sleep(Duration::from_millis(50));
                let s = pool.status();
                assert_eq!((s.mirror_state, s.epoch), (twinpool::MirrorState::InSync, epoch), "{s:?}");
            }
        });
        let s = pool.refresh().unwrap();
        assert_eq!((s.mirror_state, s.epoch, s.queued), (twinpool::MirrorState::InSync, epoch, 0), "{s:?}");
        println!("{} direct, {} halves run again", s.direct, s.rerun);
        close(pool);
        check_bank(pair, &tally);
        pair.assert_equal();
    }

    fn a_mirror_killed_and_returned_five_times_under_load_is_equal_at_the_end(pair: &Pair) {
        make_bank(pair);
        make_jobs(pair);
        let pool = open(pair);
        let mut rng = Rng::for_test("outages");
        let tally = run_load(pair, &pool, || {
            for _ in 0..5 {
                std::thread::sleep(Duration::from_millis(200 + rng.below(800)));
                pair.mirror.kill();
                std::thread::sleep(Duration::from_millis(200 + rng.below(800)));
                pair.mirror.restart();
                // Sometimes it is killed again before replay is done.
                if rng.chance(70) {
                    wait_in_sync(&pool);
                }
            }
        });
        wait_in_sync(&pool);
        let s = pool.status();
        println!("{} direct, {} queued, {} replayed, {} run again", s.direct, s.queued, s.replayed, s.rerun);
        close(pool);
        check_bank(pair, &tally);
        pair.assert_equal();
    }
}
