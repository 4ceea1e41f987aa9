//! MariaDB's DDL, which commits by itself: whatever dies in the middle of it, the pair settles it alone. Promises 1,
//! 2, 3 and 5.

use std::time::Duration;

use twinpool::{MirrorState, Status, failpoint};
use twinpool_testkit::{Engine, Pair, eventually, on_all_engines, on_own_servers};

use crate::common::*;
use crate::worker::{DDL, UNNAMED};
use crate::workers::Worker;

const LIMIT: Duration = Duration::from_secs(60);

/// Those that settle themselves, and their place in the worker's list.
fn named() -> impl Iterator<Item = (usize, &'static str)> {
    DDL.into_iter().enumerate().filter(|(_, sql)| *sql != UNNAMED)
}

/// A table with rows, and nothing else that one of the statements makes.
fn fresh(pair: &Pair) {
    pair.sql_on_both("DROP TABLE IF EXISTS d, e, made");
    pair.sql_on_both("DROP VIEW IF EXISTS w; DROP PROCEDURE IF EXISTS p; DROP SEQUENCE IF EXISTS s");
    pair.sql_on_both(
        "CREATE TABLE d (id INTEGER NOT NULL PRIMARY KEY AUTO_INCREMENT, v INTEGER); INSERT INTO d (v) VALUES (1), (2)",
    );
}

/// In step again without an operator, with the same objects and rows.
fn settles_itself(pair: &Pair, own: &[(String, String)], what: &str) {
    println!("{what}");
    let pool = open_with(own);
    settle(pair, &pool);
    let mut s = acquire(&pool);
    assert_eq!(s.execute("INSERT INTO other (v) VALUES (1)", &[]).unwrap().status, Status::Ok, "{what}");
    drop(s);
    close(pool);
    pair.assert_same_definitions();
    pair.assert_equal();
}

const INTENTS: &str = "SELECT COUNT(*) FROM invocation_queue WHERE parts = 0";

fn place_of(ddl: &str) -> usize {
    DDL.iter().position(|sql| sql.starts_with(ddl)).expect("the worker knows it")
}

fn waits_for_the_table(pair: &Pair) {
    let sql = "SELECT COUNT(*) FROM information_schema.processlist \
               WHERE db = DATABASE() AND state LIKE 'Waiting for table metadata lock%'";
    eventually(LIMIT, "the DDL waits for the table", || pair.master.count(sql) > 0);
}

fn make_other(pair: &Pair) {
    pair.sql_on_both("CREATE TABLE other (id INTEGER NOT NULL PRIMARY KEY AUTO_INCREMENT, v INTEGER)");
}

on_all_engines! {
    fn a_process_killed_inside_ddl_leaves_nothing_to_an_operator(pair: &Pair) {
        // Elsewhere DDL is part of its transaction.
        if pair.engine() != Engine::MariaDb {
            return;
        }
        make_other(pair);
        let own = options(pair, &[]);
        let points = [
            // On the master: before it, behind it and before that is written down.
            "intended",
            "ddl_done",
            // The worker replays it, too: before it, behind it and before its position, behind that.
            "before_mirror_ddl",
            "mirror_ddl_done",
            "before_replay_commit",
            "before_purge",
        ];
        for (n, sql) in named() {
            for (p, point) in points.into_iter().enumerate() {
                // All of them with `make soak`.
                if (n + p) % 3 > 0 && rounds(1) == 1 {
                    continue;
                }
                fresh(pair);
                let worker = Worker::start_on(pair, "ddl", n, &own, 1, Some(&format!("{point}:1")));
                worker.died_at(point);
                settles_itself(pair, &own, &format!("{point}: {sql}"));
            }
        }
    }

    fn a_process_killed_inside_ddl_while_the_mirror_is_away_leaves_its_place_in_the_order(pair: &Pair) {
        if pair.engine() != Engine::MariaDb {
            return;
        }
        make_other(pair);
        let own = options(pair, &[]);
        let first = open_with(&own);
        for (n, sql) in named() {
            for point in ["intended", "ddl_done"] {
                fresh(pair);
                first.detach().unwrap();
                let mut s = acquire(&first);
                let insert = "INSERT INTO other (v) VALUES (5)";
                assert_eq!(s.execute(insert, &[]).unwrap().status, Status::Queued);
                let worker = Worker::start_on(pair, "ddl", n, &own, 1, Some(&format!("{point}:1")));
                worker.died_at(point);
                assert_eq!(s.execute(insert, &[]).unwrap().status, Status::Queued);
                // Whoever runs DDL next settles it: his own may change the same objects.
                let next = s.execute("CREATE OR REPLACE VIEW w AS SELECT id FROM other", &[]).unwrap();
                assert_eq!(next.status, Status::Queued);
                assert_eq!(pair.master.count(INTENTS), 0);
                drop(s);
                first.attach().unwrap();
                settle(pair, &first);
                println!("{point}: {sql}");
                pair.assert_same_definitions();
                pair.assert_equal();
            }
        }
        close(first);
    }

    fn ddl_behind_a_long_definition_is_seen(pair: &Pair) {
        if pair.engine() != Engine::MariaDb {
            return;
        }
        make_other(pair);
        // So long that it is read through a file.
        let own = options(pair, &[("value.spill_bytes", "1024")]);
        let columns: String = (0..700).map(|n| format!(", a_column_with_a_long_name_{n} INTEGER")).collect();
        for point in ["intended", "ddl_done"] {
            pair.sql_on_both(&format!("DROP TABLE IF EXISTS d; CREATE TABLE d (id INTEGER NOT NULL PRIMARY KEY{columns})"));
            let extra = place_of("ALTER TABLE d ADD COLUMN");
            Worker::start_on(pair, "ddl", extra, &own, 1, Some(&format!("{point}:1"))).died_at(point);
            settles_itself(pair, &own, point);
            assert_eq!(pair.mirror.try_sql("SELECT extra FROM d").is_ok(), point == "ddl_done");
        }
    }

    fn ddl_that_cannot_be_named_stays_a_question(pair: &Pair) {
        if pair.engine() != Engine::MariaDb {
            return;
        }
        make_other(pair);
        fresh(pair);
        let own = options(pair, &[]);
        Worker::start_on(pair, "ddl", place_of(UNNAMED), &own, 1, Some("intended:1")).died_at("intended");
        let pool = open_with(&own);
        eventually(LIMIT, "replay stops", || {
            pool.refresh().is_ok_and(|s| s.mirror_state == MirrorState::Diverged)
        });
        let reason = pool.refresh().unwrap().reason;
        assert!(reason.contains("a process died inside a DDL statement"), "{reason}");
        // Nothing is lost meanwhile, and nobody waits.
        let mut s = acquire(&pool);
        assert_eq!(s.execute("INSERT INTO other (v) VALUES (1)", &[]).unwrap().status, Status::Queued);
        drop(s);
        pool.queue_skip(pair.master.count("SELECT MIN(id) FROM invocation_queue")).unwrap();
        pool.attach().unwrap();
        settle(pair, &pool);
        close(pool);
        pair.assert_equal();
    }

    fn ddl_of_a_dead_process_that_waits_on_the_server_is_ended_before_it_is_settled(pair: &Pair) {
        if pair.engine() != Engine::MariaDb {
            return;
        }
        make_other(pair);
        fresh(pair);
        let own = options(pair, &[]);
        let pool = open_with(&own);
        let mut reader = acquire(&pool);
        reader.begin().unwrap();
        reader.execute("SELECT * FROM d", &[]).unwrap();
        let worker = Worker::start_on(pair, "ddl", place_of("ALTER TABLE d ADD COLUMN"), &own, 1, None);
        waits_for_the_table(pair);
        // Whoever looks now must not take it for dead.
        std::thread::sleep(Duration::from_secs(2));
        assert_eq!(pair.master.count(INTENTS), 1);
        worker.kill();
        // The server has not noticed: nothing but the reader keeps the DDL from happening after all.
        eventually(LIMIT, "the intent is settled", || pair.master.count(INTENTS) == 0);
        reader.rollback().unwrap();
        drop(reader);
        settle(pair, &pool);
        close(pool);
        assert!(pair.master.try_sql("SELECT extra FROM d").is_err());
        settles_itself(pair, &own, "waited on the server");
    }

    fn ddl_whose_session_is_ended_settles_itself(pair: &Pair) {
        if pair.engine() != Engine::MariaDb {
            return;
        }
        make_other(pair);
        fresh(pair);
        let own = options(pair, &[]);
        let pool = open_with(&own);
        let mut reader = acquire(&pool);
        reader.begin().unwrap();
        reader.execute("SELECT * FROM d", &[]).unwrap();
        let done = std::thread::scope(|scope| {
            let ddl = scope.spawn(|| acquire(&pool).execute("ALTER TABLE d ADD COLUMN extra INTEGER", &[]).map(drop));
            waits_for_the_table(pair);
            let session = pair.master.count(
                "SELECT id FROM information_schema.processlist WHERE db = DATABASE() AND info LIKE 'ALTER TABLE d %'",
            );
            pair.master.sql(&format!("KILL {session}"));
            ddl.join().unwrap()
        });
        assert_eq!(done.unwrap_err().status(), Status::Unreachable);
        reader.rollback().unwrap();
        drop(reader);
        settle(pair, &pool);
        close(pool);
        assert!(pair.master.try_sql("SELECT extra FROM d").is_err());
        settles_itself(pair, &own, "its session was ended");
    }

    fn what_others_did_to_the_objects_after_a_death_is_not_taken_for_the_ddl(pair: &Pair) {
        if pair.engine() != Engine::MariaDb {
            return;
        }
        make_other(pair);
        let own = options(pair, &[]);
        let extra = "ALTER TABLE d ADD COLUMN extra";
        let (by_hand, question) = (true, false);
        for (ddl, past_twinpool, settles) in [
            (extra, "ALTER TABLE d ADD COLUMN another INTEGER", question),
            (extra, "DROP TABLE d", question),
            ("CREATE TABLE made", "CREATE TABLE made (v INTEGER)", question),
            ("RENAME TABLE d TO e", "CREATE TABLE e (v INTEGER)", question),
            // An operator who did by hand what he missed.
            (extra, "ALTER TABLE d ADD COLUMN extra INTEGER NOT NULL DEFAULT 7", by_hand),
        ] {
            println!("{ddl}: {past_twinpool}");
            fresh(pair);
            let worker = Worker::start_on(pair, "ddl", place_of(ddl), &own, 1, Some("intended:1"));
            worker.died_at("intended");
            pair.master.sql(past_twinpool);
            if settles == by_hand {
                settles_itself(pair, &own, past_twinpool);
                continue;
            }
            let pool = open_with(&own);
            eventually(LIMIT, "replay stops", || {
                pool.refresh().is_ok_and(|s| s.mirror_state == MirrorState::Diverged)
            });
            let reason = pool.refresh().unwrap().reason;
            assert!(reason.contains("process died in"), "{reason}");
            // A question stays one, also when the objects look as before again.
            fresh(pair);
            pool.attach().unwrap();
            eventually(LIMIT, "replay stops again", || {
                pool.refresh().is_ok_and(|s| s.mirror_state == MirrorState::Diverged)
            });
            pool.queue_skip(pair.master.count("SELECT MIN(id) FROM invocation_queue")).unwrap();
            pool.attach().unwrap();
            fresh(pair);
            settle(pair, &pool);
            close(pool);
        }
    }

    fn ddl_of_two_sessions_runs_one_after_the_other(pair: &Pair) {
        if pair.engine() != Engine::MariaDb {
            return;
        }
        make_items(pair);
        let pool = open_with(&options(pair, &[("statement.lock_timeout_ms", "1000")]));
        let name = pool.get("name").unwrap();
        let (tell, told) = std::sync::mpsc::channel();
        let (go, gone) = std::sync::mpsc::channel::<()>();
        let gone = std::sync::Mutex::new(gone);
        failpoint::set(&name, "intended", move || {
            let _ = tell.send(());
            let _ = gone.lock().unwrap().recv();
        });
        std::thread::scope(|scope| {
            let first = scope.spawn(|| acquire(&pool).execute("ALTER TABLE items ADD COLUMN a INTEGER", &[]).map(|d| d.status));
            told.recv().unwrap();
            let late = acquire(&pool).execute("ALTER TABLE items ADD COLUMN b INTEGER", &[]).map(|d| d.status).unwrap_err();
            assert_eq!(late.status(), Status::Retry, "{late}");
            assert!(late.to_string().contains("DDL of another session"), "{late}");
            drop(go);
            assert_eq!(first.join().unwrap().unwrap(), Status::Queued);
        });
        failpoint::clear(&name);
        let done = acquire(&pool).execute("ALTER TABLE items ADD COLUMN b INTEGER", &[]).unwrap();
        assert_eq!(done.status, Status::Queued);
        drop(done);
        settle(pair, &pool);
        close(pool);
        pair.assert_same_definitions();
    }
}

on_own_servers! {
    fn a_master_put_back_to_before_ddl_that_the_mirror_has_is_not_settled_but_told(pair: &Pair) {
        if pair.engine() != Engine::MariaDb {
            return;
        }
        make_other(pair);
        fresh(pair);
        let own = options(pair, &[]);
        let extra = place_of("ALTER TABLE d ADD COLUMN");
        let worker = Worker::start_on(pair, "ddl", extra, &own, 1, Some("intended:1"));
        worker.died_at("intended");
        pair.master.save();
        // As if it had gone on.
        pair.master.sql(DDL[extra]);
        settles_itself(pair, &own, "before the master is put back");
        pair.master.put_back();
        let pool = open_with(&own);
        eventually(LIMIT, "it is told", || {
            pool.refresh().is_ok_and(|s| s.mirror_state == MirrorState::Diverged)
        });
        let reason = pool.refresh().unwrap().reason;
        assert!(reason.contains("the master went back"), "{reason}");
        close(pool);
    }

    fn a_master_killed_inside_ddl_leaves_nothing_to_an_operator(pair: &Pair) {
        if pair.engine() != Engine::MariaDb {
            return;
        }
        make_other(pair);
        let own = options(pair, &[]);
        // A sequence made just before the server is killed has lost its row when the server comes back (10.11): it is
        // there and cannot be read.
        for (n, sql) in named().filter(|(_, sql)| !sql.starts_with("CREATE SEQUENCE")) {
            for point in ["intended", "ddl_done"] {
                fresh(pair);
                let pool = open_with(&own);
                let name = pool.get("name").unwrap();
                let mut s = acquire(&pool);
                std::thread::scope(|scope| {
                    let (tell, told) = std::sync::mpsc::channel();
                    let (go, gone) = std::sync::mpsc::channel::<()>();
                    let gone = std::sync::Mutex::new(gone);
                    failpoint::set(&name, point, move || {
                        let _ = tell.send(());
                        let _ = gone.lock().unwrap().recv();
                    });
                    scope.spawn(move || {
                        told.recv().unwrap();
                        pair.master.kill();
                        drop(go);
                    });
                    let _ = s.execute(DDL[n], &[]);
                });
                failpoint::clear(&name);
                drop(s);
                pair.master.restart();
                settle(pair, &pool);
                close(pool);
                settles_itself(pair, &own, &format!("the master, {point}: {sql}"));
            }
        }
    }
}
