//! Promise 4: statements mean the same on the mirror under the session's settings, and others are not touched
//! by them.

use twinpool::Status;
use twinpool_testkit::{Engine, Pair, on_all_engines, on_own_servers};

use crate::common::*;

/// Runs it direct, then queued and replayed.
fn both_ways(pair: &Pair, act: impl Fn(&mut twinpool::Session, i64)) {
    let pool = open(pair);
    let mut s = acquire(&pool);
    act(&mut s, 1);
    assert_eq!(pool.status().queued, 0);
    pool.detach().unwrap();
    act(&mut s, 2);
    pool.attach().unwrap();
    wait_in_sync(&pool);
    act(&mut s, 3);
    drop(s);
    close(pool);
    pair.assert_equal();
}

on_all_engines! {
    fn a_setting_of_the_transaction_holds_on_the_mirror_and_ends_there_too(pair: &Pair) {
        if pair.engine() != Engine::Postgres {
            return;
        }
        pair.sql_on_both(
            "CREATE SCHEMA other; CREATE TABLE other.t (id int PRIMARY KEY, at timestamptz); \
             CREATE TABLE public.t (id int PRIMARY KEY, at timestamptz);",
        );
        both_ways(pair, |s, n| {
            s.begin().unwrap();
            run(s, "SET LOCAL search_path TO other", &[]);
            run(s, "SET LOCAL timezone TO 'Asia/Tokyo'", &[]);
            run(s, "INSERT INTO t (id, at) VALUES (?, '2024-01-01 00:00')", &[int(n)]);
            run(s, "UPDATE t SET at = at + interval '1 hour' WHERE id = ?", &[int(n)]);
            s.commit().unwrap();
            // The next transaction, in one batch of the replay with it, is not.
            run(s, "INSERT INTO t (id, at) VALUES (?, '2024-01-01 00:00')", &[int(n + 100)]);
        });
        for schema in ["other", "public"] {
            assert_eq!(pair.mirror.count(&format!("SELECT COUNT(*) FROM {schema}.t")), 3);
        }
        let tokyo = "SELECT COUNT(*) FROM other.t WHERE at = '2023-12-31 16:00+00'";
        assert_eq!(pair.mirror.count(tokyo), 3);
    }

    fn a_setting_that_a_savepoint_undoes_is_undone_on_the_mirror(pair: &Pair) {
        if pair.engine() != Engine::Postgres {
            return;
        }
        pair.sql_on_both("CREATE TABLE t (id int PRIMARY KEY, at timestamptz);");
        both_ways(pair, |s, n| {
            // The same text before: what was prepared has read its literal already.
            run(s, "INSERT INTO t (id, at) VALUES (?, '2024-01-01 00:00')", &[int(n + 100)]);
            s.begin().unwrap();
            run(s, "SET LOCAL timezone TO 'Asia/Tokyo'", &[]);
            s.savepoint("a").unwrap();
            run(s, "SET LOCAL timezone TO 'America/New_York'", &[]);
            run(s, "INSERT INTO t (id, at) VALUES (?, '2024-01-01 00:00')", &[int(n)]);
            s.rollback_to("a").unwrap();
            run(s, "INSERT INTO t (id, at) VALUES (?, '2024-01-01 00:00')", &[int(n)]);
            s.commit().unwrap();
        });
        assert_eq!(pair.mirror.count("SELECT COUNT(*) FROM t WHERE at = '2023-12-31 15:00+00'"), 3);
    }

    fn a_setting_alone_makes_no_transaction_that_writes(pair: &Pair) {
        if pair.engine() != Engine::Postgres {
            return;
        }
        let pool = open(pair);
        let mut s = acquire(&pool);
        assert_eq!(s.execute("SET LOCAL timezone TO 'UTC'", &[]).unwrap_err().status(), Status::BadState);
        s.begin().unwrap();
        run(&mut s, "SET LOCAL timezone TO 'UTC'", &[]);
        s.commit().unwrap();
        assert_eq!(pool.status().direct, 0);
        drop(s);
        close(pool);
    }

    fn settings_of_the_session_hold_for_captured_rows_and_are_undone_at_release(pair: &Pair) {
        pair.sql_on_both(pair.pick(
            "CREATE TABLE t (id INTEGER PRIMARY KEY, at TEXT DEFAULT CURRENT_TIMESTAMP);",
            "CREATE TABLE t (id int PRIMARY KEY, at timestamptz DEFAULT clock_timestamp());",
            "CREATE TABLE t (id int PRIMARY KEY, at TIMESTAMP(6) DEFAULT CURRENT_TIMESTAMP(6));",
        ));
        let set = pair.pick(
            "PRAGMA cache_size = 500",
            "SET timezone TO 'America/New_York'",
            "SET time_zone = '-05:00'",
        );
        let pool = open(pair);
        for (n, away) in [(1, false), (2, true), (3, false)] {
            let mut s = acquire(&pool);
            run(&mut s, set, &[]);
            if away {
                pool.detach().unwrap();
            }
            run(&mut s, "INSERT INTO t (id) VALUES (?)", &[int(n)]);
            run(&mut s, "UPDATE t SET at = CURRENT_TIMESTAMP WHERE id = ?", &[int(n)]);
            s.release().unwrap();
            let mut s = acquire(&pool);
            run(&mut s, "INSERT INTO t (id) VALUES (?)", &[int(n + 10)]);
            drop(s);
            if away {
                pool.attach().unwrap();
                wait_in_sync(&pool);
            }
        }
        close(pool);
        pair.assert_equal();
    }

    fn a_temporary_table_is_of_no_concern_to_the_mirror(pair: &Pair) {
        make_items(pair);
        both_ways(pair, |s, n| {
            if n == 1 {
                run(s, "CREATE TEMPORARY TABLE work (id INTEGER PRIMARY KEY, n INTEGER)", &[]);
            }
            run(s, "DELETE FROM work", &[]);
            run(s, "INSERT INTO work (id, n) VALUES (1, 5), (2, 6)", &[]);
            run(s, "INSERT INTO items (id, n) SELECT id + ?, n FROM work", &[int(n * 10)]);
            run(s, "UPDATE items SET n = (SELECT max(n) FROM work) WHERE id = ?", &[int(n * 10 + 1)]);
        });
        assert_eq!(pair.mirror.count("SELECT SUM(n) FROM items"), 36);
    }
}

on_own_servers! {
    fn own_tables_are_found_under_another_search_path_where_the_mirror_was_away_at_open(pair: &Pair) {
        if pair.engine() != Engine::Postgres {
            return;
        }
        // Tables of the same names stand in the application's way.
        pair.sql_on_both("CREATE SCHEMA other; CREATE TABLE other.t (id int PRIMARY KEY)");
        close(open(pair));
        let decoys = ["twin_applied", "twin_replayer", "twin_state", "twin_pending", "invocation_queue"];
        for table in decoys {
            pair.sql_on_both(&format!("CREATE TABLE other.{table} (LIKE public.{table} INCLUDING ALL)"));
        }
        pair.mirror.kill();
        let pool = open(pair);
        let mut s = acquire(&pool);
        run(&mut s, "SET search_path TO other, public", &[]);
        for id in 0..5 {
            assert_eq!(run(&mut s, "INSERT INTO t (id) VALUES (?)", &[int(id)]).0, Status::Queued);
        }
        pair.mirror.restart();
        wait_in_sync(&pool);
        for id in 5..10 {
            assert_eq!(run(&mut s, "INSERT INTO t (id) VALUES (?)", &[int(id)]).0, Status::Ok);
        }
        drop(s);
        close(pool);
        pair.assert_equal();
        assert_eq!(pair.mirror.count("SELECT COUNT(*) FROM other.t"), 10);
        for table in decoys {
            for node in pair.nodes() {
                assert_eq!(node.count(&format!("SELECT COUNT(*) FROM other.{table}")), 0, "{table}");
            }
        }
    }
}
