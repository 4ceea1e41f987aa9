//! Who is taken for dead, and who gets rid of what the dead left. Promises 1, 5 and 7.

use std::time::Duration;

use twinpool::{MirrorState, Status, failpoint};
use twinpool_testkit::{Engine, eventually, on_all_engines, on_own_servers};

use crate::common::*;
use crate::load;
use crate::workers::{Book, Worker};

const LIMIT: Duration = Duration::from_secs(60);

on_own_servers! {
    fn a_living_pool_is_not_removed_when_the_master_restarts(pair: &Pair) {
        make_items(pair);
        let quick = open(pair);
        // It looks at the master only every eight seconds.
        let slow = open_with(&options(pair, &[("mirror.poll_ms", "8000")]));
        assert_eq!(insert(&mut acquire(&slow), 1).unwrap(), Status::Ok);
        pair.master.kill();
        pair.master.restart();
        eventually(LIMIT, "the quick pool works again", || {
            quick.acquire(None).is_ok_and(|mut s| insert(&mut s, 2).is_ok())
        });
        // Time for the quick one to look for the dead.
        std::thread::sleep(Duration::from_secs(3));
        assert_eq!(pair.master.count("SELECT COUNT(*) FROM twin_pool"), 2);
        eventually(LIMIT, "the slow pool goes on", || match slow.acquire(None) {
            Ok(mut s) => match insert(&mut s, 3) {
                Ok(_) => true,
                Err(e) => {
                    assert_ne!(e.status(), Status::Fenced, "{e}");
                    false
                }
            },
            Err(_) => false,
        });
        settle(pair, &quick);
        close(slow);
        close(quick);
        pair.assert_equal();
    }

    fn ddl_whose_end_could_not_be_written_down_is_settled_later(pair: &Pair) {
        // Only there DDL needs an intent.
        if pair.engine() != Engine::MariaDb {
            return;
        }
        make_items(pair);
        let pool = open(pair);
        let name = pool.get("name").unwrap();
        let mut s = acquire(&pool);
        assert_eq!(insert(&mut s, 1).unwrap(), Status::Ok);
        // The master dies right after the DDL has happened and before that is written.
        std::thread::scope(|scope| {
            let (tell, told) = std::sync::mpsc::channel();
            let (go, gone) = std::sync::mpsc::channel::<()>();
            let gone = std::sync::Mutex::new(gone);
            failpoint::set(&name, "ddl_done", move || {
                let _ = tell.send(());
                let _ = gone.lock().unwrap().recv();
            });
            scope.spawn(move || {
                told.recv().unwrap();
                pair.master.kill();
                drop(go);
            });
            let _ = s.execute("CREATE TABLE later (id INTEGER NOT NULL PRIMARY KEY)", &[]);
        });
        failpoint::clear(&name);
        drop(s);
        pair.master.restart();
        settle(pair, &pool);
        assert_eq!(pair.mirror.count("SELECT COUNT(*) FROM later"), 0);
        close(pool);
        pair.assert_equal();
    }
}

on_all_engines! {
    fn the_dead_are_removed_in_async_mode_too(pair: &Pair) {
        load::make(pair);
        let more = [("mirror.mode", "async")];
        let pool = open_with(&options(pair, &more));
        let mut book = Book::default();
        for seed in 1..=2 {
            let mut worker = Worker::start(pair, &options(pair, &more), seed, None);
            worker.must_say("ack", 10);
            book.add(&worker.kill());
        }
        eventually(LIMIT, "the dead are removed", || {
            pair.master.count("SELECT COUNT(*) FROM twin_pool") == 1
        });
        assert_eq!(pair.master.count("SELECT COUNT(DISTINCT pool) FROM twin_pending"), 1);
        eventually(LIMIT, "their positions too", || {
            pair.mirror.count("SELECT COUNT(DISTINCT pool) FROM twin_applied") <= 1
        });
        eventually(LIMIT, "all is replayed", || unapplied(pair).is_empty());
        load::check(pair, &book);
        close(pool);
    }

    fn a_pending_transaction_that_the_mirror_refuses_can_be_shown_and_skipped(pair: &Pair) {
        load::make(pair);
        make_items(pair);
        let own = options(pair, &[("schema_check", "off"), ("pending.part_bytes", "1KiB")]);
        let worker = Worker::start_on(pair, "load", 0, &own, 5, Some("between_commits:9"));
        let mut book = Book::default();
        book.add(&worker.died_at("between_commits"));
        // As if each were too large for its row.
        pair.master.sql("DELETE FROM twin_pending_part");
        pair.master.sql(
            "INSERT INTO twin_pending_part (pool, slot, part, payload) \
             SELECT pool, slot, 1, payload FROM twin_pending WHERE seq > 0 AND parts = 0",
        );
        pair.master.sql("UPDATE twin_pending SET parts = 1, payload = NULL WHERE seq > 0 AND parts = 0");
        for table in ["accounts", "ledger", "jobs", "steps"] {
            pair.mirror.sql(&format!("ALTER TABLE {table} RENAME TO {table}_away"));
        }
        let pool = open_with(&own);
        eventually(LIMIT, "the pair is diverged", || {
            pool.refresh().is_ok_and(|s| s.mirror_state == MirrorState::Diverged)
        });
        for table in ["accounts", "ledger", "jobs", "steps"] {
            pair.mirror.sql(&format!("ALTER TABLE {table}_away RENAME TO {table}"));
        }
        // Several may be pending: they were between their COMMITs side by side.
        let mut skipped = 0;
        loop {
            let reason = pool.refresh().unwrap().reason;
            let name = reason.strip_prefix("pending transaction ").and_then(|r| r.split(' ').next());
            let name = name.unwrap_or_else(|| panic!("{reason}")).to_owned();
            assert!(!pool.pending_show(&name).unwrap().is_empty());
            for wrong in ["1:2", "nobody:1:1", &format!("{name}0")] {
                assert_eq!(pool.pending_skip(wrong).unwrap_err().status(), Status::BadArgument);
            }
            pool.pending_skip(&name).unwrap();
            skipped += 1;
            let slot = name.split(':').collect::<Vec<_>>();
            let parts = format!("SELECT COUNT(*) FROM twin_pending_part WHERE pool = '{}' AND slot = {}", slot[0], slot[1]);
            assert_eq!(pair.master.count(&parts), 0);
            assert_eq!(pool.pending_skip(&name).unwrap_err().status(), Status::BadArgument);
            assert_eq!(pair.master.count("SELECT COUNT(DISTINCT pool) FROM twin_quarantine"), 1);
            pool.attach().unwrap();
            let mut state = MirrorState::Queueing;
            eventually(LIMIT, "replay ends", || {
                state = pool.refresh().map_or(state, |s| s.mirror_state);
                matches!(state, MirrorState::InSync | MirrorState::Diverged)
            });
            if state == MirrorState::InSync {
                break;
            }
        }
        // What was skipped is on the master only, and nothing else is amiss.
        let rows = |node: &twinpool_testkit::Node| node.count("SELECT (SELECT COUNT(*) FROM ledger) + (SELECT COUNT(*) FROM jobs)");
        let missing = rows(&pair.master) - rows(&pair.mirror);
        assert!((0..=skipped * 20).contains(&missing), "{missing}");
        assert!(!pair.differences().is_empty());
        eventually(LIMIT, "the dead pool is removed", || {
            pair.master.count("SELECT COUNT(*) FROM twin_pool") == 1
        });
        assert_eq!(insert(&mut acquire(&pool), 1).unwrap(), Status::Ok);
        close(pool);
        let pool = open_with(&own);
        assert_eq!(pool.refresh().unwrap().mirror_state, MirrorState::InSync);
        close(pool);
    }

    fn our_tables_stay_while_something_of_a_dead_pool_waits_for_the_mirror(pair: &Pair) {
        load::make(pair);
        let own = options(pair, &[]);
        let worker = Worker::start_on(pair, "load", 0, &own, 5, Some("between_commits:9"));
        worker.died_at("between_commits");
        assert_eq!(pair.master.count("SELECT COUNT(*) FROM invocation_queue"), 0);
        let waiting = unapplied(pair).len();
        assert!(waiting > 0);
        let refused = twinpool::pair::uninstall(&build(&own), false).unwrap_err();
        assert_eq!(refused.status(), Status::BadState, "{refused}");
        let words = format!("{waiting} transactions of pools that died wait for the mirror");
        assert!(refused.to_string().contains(&words), "{refused}");
        assert_eq!(pair.master.count("SELECT COUNT(*) FROM twin_state"), 1);
        twinpool::pair::uninstall(&build(&own), true).unwrap();
    }
}
