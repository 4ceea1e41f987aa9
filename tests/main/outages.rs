//! Promises 1, 2, 3 and 6: the mirror goes away in every way and at every moment, and comes back. The caller
//! sees `Queued` at most, nothing is lost, the time is bounded by the options, and both sides are equal after
//! the drain. Servers are really killed (SIGKILL) and stopped (SIGSTOP); a SQLite mirror is moved away or
//! locked by another process.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use twinpool::{MirrorState, Session, Status, TwinPool, failpoint};
use twinpool_testkit::{Pair, Rng, on_own_servers};

use crate::common::*;

/// Inserts one row in a transaction of its own. The status, and how long the caller waited.
fn insert(s: &mut Session, id: i64) -> (Status, Duration) {
    let start = Instant::now();
    s.begin().unwrap();
    run(s, "INSERT INTO items (id, name, n) VALUES (?, ?, ?)", &[int(id), text("naïve"), int(id)]);
    run(s, "UPDATE items SET n = n + 1 WHERE id = ?", &[int(id)]);
    let status = s.commit().unwrap_or_else(|e| panic!("commit {id}: {e}"));
    (status, start.elapsed())
}

/// One call waits for the mirror at most this long with `mirror.timeout_ms=1500`: the pipeline, the answer
/// and the flip may each take their limit once, and the machine may be slow.
const BOUND: Duration = Duration::from_secs(8);

fn finish(pair: &Pair, pool: TwinPool, s: Session, rows: i64) {
    wait_in_sync(&pool);
    drop(s);
    assert_eq!(queue_length(&pair.master), 0);
    close(pool);
    assert_eq!(pair.mirror.count("SELECT COUNT(*) FROM items"), rows);
    pair.assert_equal();
}

on_own_servers! {
    fn a_mirror_killed_between_statements_costs_the_caller_nothing(pair: &Pair) {
        make_items(pair);
        let pool = open(pair);
        let mut s = acquire(&pool);
        assert_eq!(insert(&mut s, 1).0, Status::Ok);
        s.begin().unwrap();
        run(&mut s, "INSERT INTO items (id, n) VALUES (2, 2)", &[]);
        pair.mirror.kill();
        run(&mut s, "INSERT INTO items (id, n) VALUES (3, 3)", &[]);
        let start = Instant::now();
        let status = s.commit().unwrap();
        assert!(start.elapsed() < BOUND);
        // A moved SQLite file is only missed by those who look at the path; what was begun may still land.
        if pair.mirror.path().is_none() {
            assert_eq!(status, Status::Queued);
        }
        for id in 4..20 {
            assert_eq!(insert(&mut s, id).0, Status::Queued);
        }
        assert!(queue_length(&pair.master) >= 16);
        assert_ne!(pool.status().mirror_state, MirrorState::InSync);
        pair.mirror.restart();
        finish(pair, pool, s, 19);
    }

    fn a_mirror_that_stops_during_verify_ends_it_with_an_error(pair: &Pair) {
        pair.sql_on_both("CREATE TABLE first_t (id INTEGER NOT NULL PRIMARY KEY)");
        pair.sql_on_both("CREATE TABLE second_t (id INTEGER NOT NULL PRIMARY KEY)");
        pair.sql_on_both("INSERT INTO first_t VALUES (1), (2)");
        pair.sql_on_both("INSERT INTO second_t VALUES (1), (2)");
        let pool = open_with(pair, &[("verify.read_timeout_ms", "700")]);
        assert!(pool.verify(&mut |_, _| {}).unwrap().iter().all(|t| t.different == 0));
        let mut stopped = false;
        let start = Instant::now();
        let answer = pool.verify(&mut |_, _| {
            if !stopped {
                stopped = true;
                pair.mirror.stop();
            }
        });
        assert!(start.elapsed() < BOUND);
        pair.mirror.cont();
        // A lock for writing keeps no reader of SQLite waiting.
        if pair.engine().has_server() {
            let error = answer.expect_err("a mirror that does not answer was compared");
            assert!(error.to_string().contains("verify.read_timeout_ms"), "{error}");
        } else {
            answer.unwrap();
        }
        assert!(pool.verify(&mut |_, _| {}).unwrap().iter().all(|t| t.different == 0));
        close(pool);
    }

    fn a_mirror_killed_while_a_statement_runs_costs_a_bounded_time(pair: &Pair) {
        make_items(pair);
        let pool = open(pair);
        let mut s = acquire(&pool);
        assert_eq!(insert(&mut s, 1).0, Status::Ok);
        // Somebody holds a lock on the mirror, so that its statement is running when the server dies.
        let held = Holder::on_mirror(pair);
        s.begin().unwrap();
        run(&mut s, "UPDATE items SET n = 5 WHERE id = 1", &[]);
        std::thread::sleep(Duration::from_millis(100));
        pair.mirror.kill();
        drop(held);
        let start = Instant::now();
        assert_eq!(s.commit().unwrap(), Status::Queued);
        assert!(start.elapsed() < BOUND);
        assert_eq!(insert(&mut s, 2).0, Status::Queued);
        pair.mirror.restart();
        finish(pair, pool, s, 2);
    }

    fn a_mirror_killed_between_the_two_commits_gets_the_transaction_by_replay(pair: &Pair) {
        make_items(pair);
        let pool = open(pair);
        let name = pool.get("name").unwrap();
        let mut s = acquire(&pool);
        assert_eq!(insert(&mut s, 1).0, Status::Ok);
        std::thread::scope(|scope| {
            let (tell, told) = std::sync::mpsc::channel();
            let (go, gone) = std::sync::mpsc::channel::<()>();
            let gone = std::sync::Mutex::new(gone);
            let once = AtomicBool::new(false);
            failpoint::set(&name, "between_commits", move || {
                if !once.swap(true, Ordering::SeqCst) {
                    let _ = tell.send(());
                    let _ = gone.lock().unwrap().recv();
                }
            });
            let killer = scope.spawn(move || {
                told.recv().unwrap();
                pair.mirror.kill();
                drop(go);
            });
            let (status, took) = insert(&mut s, 2);
            killer.join().unwrap();
            assert!(took < BOUND);
            if pair.mirror.path().is_none() {
                assert_eq!(status, Status::Queued);
            }
        });
        failpoint::clear(&name);
        assert_eq!(insert(&mut s, 3).0, Status::Queued);
        pair.mirror.restart();
        finish(pair, pool, s, 3);
    }

    fn a_mirror_killed_at_random_moments_of_commits_never_loses_or_doubles(pair: &Pair) {
        let mut rng = Rng::for_test(pair.name());
        make_items(pair);
        let pool = open(pair);
        let mut s = acquire(&pool);
        let mut id = 0;
        for _ in 0..4 {
            let done = AtomicBool::new(false);
            let pause = Duration::from_micros(rng.below(20_000));
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    std::thread::sleep(pause);
                    pair.mirror.kill();
                    done.store(true, Ordering::SeqCst);
                });
                loop {
                    id += 1;
                    let over = done.load(Ordering::SeqCst);
                    let (_, took) = insert(&mut s, id);
                    assert!(took < BOUND);
                    if over {
                        break;
                    }
                }
            });
            pair.mirror.restart();
            wait_in_sync(&pool);
        }
        finish(pair, pool, s, id);
    }

    fn a_mirror_killed_while_idle_is_noticed_by_the_next_commit(pair: &Pair) {
        make_items(pair);
        let pool = open(pair);
        let mut s = acquire(&pool);
        assert_eq!(insert(&mut s, 1).0, Status::Ok);
        pair.mirror.kill();
        std::thread::sleep(Duration::from_millis(300));
        let (status, took) = insert(&mut s, 2);
        assert_eq!(status, Status::Queued);
        assert!(took < BOUND);
        pair.mirror.restart();
        finish(pair, pool, s, 2);
    }

    fn a_stopped_mirror_costs_its_time_out_once_and_then_nothing(pair: &Pair) {
        make_items(pair);
        let pool = open(pair);
        let mut s = acquire(&pool);
        assert_eq!(insert(&mut s, 1).0, Status::Ok);
        pair.mirror.stop();
        let (status, took) = insert(&mut s, 2);
        assert_eq!(status, Status::Queued);
        assert!(took < BOUND, "{took:?}");
        let start = Instant::now();
        for id in 3..=12 {
            assert_eq!(insert(&mut s, id).0, Status::Queued);
        }
        // Ten transactions together cost less than one time-out.
        assert!(start.elapsed() < Duration::from_millis(1500), "{:?}", start.elapsed());
        pair.mirror.cont();
        finish(pair, pool, s, 12);
    }

    fn an_established_pair_opens_without_its_mirror(pair: &Pair) {
        make_items(pair);
        let pool = open(pair);
        let mut s = acquire(&pool);
        assert_eq!(insert(&mut s, 1).0, Status::Ok);
        drop(s);
        close(pool);
        pair.mirror.kill();
        let pool = open(pair);
        let mut s = acquire(&pool);
        let (status, took) = insert(&mut s, 2);
        assert_eq!(status, Status::Queued);
        // The pool knew: nobody waits for the mirror.
        assert!(took < Duration::from_millis(1500), "{took:?}");
        assert!(!pool.status().reason.is_empty());
        pair.mirror.restart();
        finish(pair, pool, s, 2);
    }

    fn a_mirror_back_after_seconds_is_brought_in_step_by_itself(pair: &Pair) {
        make_items(pair);
        let pool = open(pair);
        let mut s = acquire(&pool);
        assert_eq!(insert(&mut s, 1).0, Status::Ok);
        pair.mirror.kill();
        let end = Instant::now() + Duration::from_secs(3);
        let mut id = 1;
        while Instant::now() < end {
            id += 1;
            insert(&mut s, id);
            std::thread::sleep(Duration::from_millis(20));
        }
        pair.mirror.restart();
        wait_in_sync(&pool);
        assert_eq!(insert(&mut s, id + 1).0, Status::Ok);
        finish(pair, pool, s, id + 1);
    }

    fn a_mirror_lost_again_during_replay_applies_nothing_twice(pair: &Pair) {
        make_items(pair);
        let pool = open_with(pair, &[("replay.batch_entries", "10"), ("replay.drain_below", "5")]);
        let name = pool.get("name").unwrap();
        let mut s = acquire(&pool);
        assert_eq!(insert(&mut s, 1).0, Status::Ok);
        pair.mirror.kill();
        // Not idempotent: applied twice it would be seen.
        for _ in 0..60 {
            assert_eq!(run(&mut s, "UPDATE items SET n = n + 1 WHERE id = 1", &[]).1, 1);
        }
        for point in ["before_replay_commit", "before_purge"] {
            let reached = Arc::new(AtomicUsize::new(0));
            let seen = Arc::clone(&reached);
            let (tell, told) = std::sync::mpsc::channel();
            let (go, gone) = std::sync::mpsc::channel::<()>();
            let gone = std::sync::Mutex::new(gone);
            failpoint::set(&name, point, move || {
                if seen.fetch_add(1, Ordering::SeqCst) == 1 {
                    let _ = tell.send(());
                    let _ = gone.lock().unwrap().recv();
                }
            });
            pair.mirror.restart();
            told.recv_timeout(Duration::from_secs(30)).unwrap();
            pair.mirror.kill();
            drop(go);
            std::thread::sleep(Duration::from_millis(200));
            failpoint::clear(&name);
        }
        pair.mirror.restart();
        wait_in_sync(&pool);
        assert_eq!(pair.mirror.count("SELECT n FROM items WHERE id = 1"), 62);
        finish(pair, pool, s, 1);
    }

    fn a_mirror_lost_during_the_final_drain_lets_the_writers_go(pair: &Pair) {
        make_items(pair);
        let pool = open(pair);
        let name = pool.get("name").unwrap();
        let mut s = acquire(&pool);
        assert_eq!(insert(&mut s, 1).0, Status::Ok);
        pair.mirror.kill();
        for id in 2..=6 {
            assert_eq!(insert(&mut s, id).0, Status::Queued);
        }
        for point in ["drain_locked", "before_in_sync"] {
            let once = AtomicBool::new(false);
            let (tell, told) = std::sync::mpsc::channel();
            let (go, gone) = std::sync::mpsc::channel::<()>();
            let gone = std::sync::Mutex::new(gone);
            failpoint::set(&name, point, move || {
                if !once.swap(true, Ordering::SeqCst) {
                    let _ = tell.send(());
                    let _ = gone.lock().unwrap().recv();
                }
            });
            pair.mirror.restart();
            told.recv_timeout(Duration::from_secs(30)).unwrap();
            // A writer that comes now waits at its journal, and goes on when the drain is over.
            let (_, took) = std::thread::scope(|scope| {
                let writer = scope.spawn(|| insert(&mut s, if point == "drain_locked" { 7 } else { 8 }));
                std::thread::sleep(Duration::from_millis(100));
                pair.mirror.kill();
                drop(go);
                writer.join().unwrap()
            });
            assert!(took < BOUND, "{took:?}");
            failpoint::clear(&name);
        }
        pair.mirror.restart();
        finish(pair, pool, s, 8);
    }

    fn a_mirror_that_cannot_write_is_replayed_when_it_can_again(pair: &Pair) {
        make_items(pair);
        let pool = open(pair);
        let mut s = acquire(&pool);
        assert_eq!(insert(&mut s, 1).0, Status::Ok);
        pair.mirror.shut_down();
        assert_eq!(insert(&mut s, 2).0, Status::Queued);
        let shown = pool.queue_list(10).unwrap();
        assert_eq!(shown.len(), 1);
        assert!(shown[0].summary.starts_with("INSERT INTO items"), "{}", shown[0].summary);
        assert_eq!(shown[0].statements, 2);
        assert!(pool.queue_show(shown[0].id).unwrap()[0].contains("naïve"));
        pair.mirror.restart();
        let mut last = 0;
        pool.replay(Duration::from_secs(30), &mut |p| last = p.done).unwrap();
        finish(pair, pool, s, 2);
    }

    fn an_entry_the_mirror_refuses_stops_in_diverged_and_loses_nothing(pair: &Pair) {
        make_items(pair);
        let pool = open(pair);
        let mut s = acquire(&pool);
        assert_eq!(insert(&mut s, 1).0, Status::Ok);
        pool.detach().unwrap();
        for id in 2..=4 {
            assert_eq!(insert(&mut s, id).0, Status::Queued);
        }
        // Somebody writes to the mirror behind our back: entry 3 cannot be applied.
        pair.mirror.sql("INSERT INTO items (id, n) VALUES (3, 99)");
        pool.attach().unwrap();
        wait_for("diverged", Duration::from_secs(30), || pool.status().mirror_state == MirrorState::Diverged);
        let reason = pool.status().reason;
        assert!(reason.contains("queue entry"), "{reason}");
        assert_eq!(pair.mirror.count("SELECT COUNT(*) FROM items WHERE id = 2"), 1);
        // The work goes on.
        assert_eq!(insert(&mut s, 5).0, Status::Queued);
        assert_eq!(queue_length(&pair.master), 3);
        // The operator repairs and attaches.
        pair.mirror.sql("DELETE FROM items WHERE id = 3");
        pool.attach().unwrap();
        finish(pair, pool, s, 5);
    }

    fn in_async_mode_the_caller_never_waits_for_the_mirror(pair: &Pair) {
        make_items(pair);
        let pool = open_with(pair, &[("mirror.mode", "async")]);
        let mut s = acquire(&pool);
        for id in 1..=20 {
            assert_eq!(insert(&mut s, id).0, Status::Queued);
        }
        wait_for("the mirror has caught up", Duration::from_secs(30), || queue_length(&pair.master) == 0);
        pair.mirror.stop();
        for id in 21..=40 {
            let (status, took) = insert(&mut s, id);
            assert_eq!(status, Status::Queued);
            assert!(took < Duration::from_millis(1500), "{took:?}");
        }
        pair.mirror.cont();
        pool.replay(Duration::from_secs(30), &mut |_| {}).unwrap();
        drop(s);
        close(pool);
        assert_eq!(pair.mirror.count("SELECT COUNT(*) FROM items"), 40);
        pair.assert_equal();
    }
}

/// Holds a row (SQLite: the database) of the mirror from another process or session until dropped.
struct Holder {
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Holder {
    fn on_mirror(pair: &Pair) -> Holder {
        let stop = Arc::new(AtomicBool::new(false));
        if pair.mirror.path().is_some() {
            pair.mirror.stop();
            return Holder { stop, thread: None };
        }
        let cs = pair.mirror.connection_string();
        let (ready, is_ready) = std::sync::mpsc::channel();
        let end = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let settings = twinpool::link::LinkSettings::default();
            let mut link = twinpool::link::Link::open(twinpool::Side::Mirror, &cs, &settings).unwrap();
            link.begin(true).unwrap();
            link.run("UPDATE items SET n = 77 WHERE id = 1", &[]).unwrap();
            ready.send(()).unwrap();
            while !end.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(10));
            }
            let _ = link.rollback();
        });
        is_ready.recv().unwrap();
        Holder { stop, thread: Some(thread) }
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        if let Some(t) = self.thread.take() {
            let _ = t.join();
        }
    }
}
