//! Promises 1, 3 and 5 while all is well: what is committed is on both sides, what is not is on neither.

use twinpool::{Isolation, MirrorState, Status, Value};
use twinpool_testkit::on_all_engines;

use crate::common::*;

on_all_engines! {
    fn a_committed_transaction_is_on_both_sides(pair: &Pair) {
        make_items(pair);
        let pool = open(pair);
        let mut s = acquire(&pool);
        s.begin().unwrap();
        for i in 1..=5 {
            run(&mut s, "INSERT INTO items (id, name, n) VALUES (?, ?, ?)", &[int(i), text("grüße 🦀"), int(i * 10)]);
        }
        run(&mut s, "UPDATE items SET n = n + 1 WHERE id = ?", &[int(3)]);
        run(&mut s, "DELETE FROM items WHERE id = ?", &[int(5)]);
        assert_eq!(s.commit().unwrap(), Status::Ok);
        assert_eq!(pair.mirror.count("SELECT SUM(n) FROM items"), 10 + 20 + 31 + 40);
        assert_eq!(pool.status().direct, 1);
        drop(s);
        close(pool);
        pair.assert_equal();
    }

    fn autocommit_makes_each_write_a_transaction_of_its_own(pair: &Pair) {
        make_items(pair);
        let pool = open(pair);
        let mut s = acquire(&pool);
        for i in 1..=3 {
            let (status, n) = run(&mut s, "INSERT INTO items (id, n) VALUES (?, 0)", &[int(i)]);
            assert_eq!((status, n), (Status::Ok, 1));
            assert_eq!(pair.mirror.count("SELECT COUNT(*) FROM items"), i);
        }
        assert_eq!(pool.status().direct, 3);
        drop(s);
        close(pool);
        pair.assert_equal();
    }

    fn a_rolled_back_transaction_reaches_neither_side(pair: &Pair) {
        make_items(pair);
        let pool = open(pair);
        let mut s = acquire(&pool);
        s.begin().unwrap();
        run(&mut s, "INSERT INTO items (id, n) VALUES (1, 1)", &[]);
        s.rollback().unwrap();
        s.begin().unwrap();
        run(&mut s, "INSERT INTO items (id, n) VALUES (2, 2)", &[]);
        s.commit().unwrap();
        assert_eq!(rows(&mut s, "SELECT id FROM items", &[]).len(), 1);
        assert_eq!(pair.mirror.count("SELECT COUNT(*) FROM items"), 1);
        drop(s);
        close(pool);
        pair.assert_equal();
    }

    fn what_a_savepoint_undid_is_on_neither_side(pair: &Pair) {
        make_items(pair);
        let pool = open(pair);
        let mut s = acquire(&pool);
        s.begin().unwrap();
        run(&mut s, "INSERT INTO items (id, n) VALUES (1, 1)", &[]);
        s.savepoint("a").unwrap();
        run(&mut s, "INSERT INTO items (id, n) VALUES (2, 2)", &[]);
        s.savepoint("b").unwrap();
        run(&mut s, "INSERT INTO items (id, n) VALUES (3, 3)", &[]);
        s.rollback_to("b").unwrap();
        run(&mut s, "INSERT INTO items (id, n) VALUES (4, 4)", &[]);
        s.rollback_to("a").unwrap();
        run(&mut s, "INSERT INTO items (id, n) VALUES (5, 5)", &[]);
        s.release_savepoint("a").unwrap();
        assert_eq!(s.commit().unwrap(), Status::Ok);
        assert_eq!(pair.mirror.count("SELECT SUM(id) FROM items"), 6);
        drop(s);
        close(pool);
        pair.assert_equal();
    }

    fn transaction_statements_as_text_are_routed_to_the_transaction_calls(pair: &Pair) {
        make_items(pair);
        let pool = open(pair);
        let mut s = acquire(&pool);
        run(&mut s, "BEGIN", &[]);
        assert!(s.in_transaction());
        run(&mut s, "INSERT INTO items (id, n) VALUES (1, 1)", &[]);
        run(&mut s, "SAVEPOINT sp", &[]);
        run(&mut s, "INSERT INTO items (id, n) VALUES (2, 2)", &[]);
        run(&mut s, "ROLLBACK TO SAVEPOINT sp", &[]);
        let (status, _) = run(&mut s, "COMMIT", &[]);
        assert_eq!(status, Status::Ok);
        assert!(!s.in_transaction());
        run(&mut s, pair.pick("BEGIN IMMEDIATE", "START TRANSACTION", "START TRANSACTION"), &[]);
        run(&mut s, "INSERT INTO items (id, n) VALUES (3, 3)", &[]);
        run(&mut s, "ROLLBACK", &[]);
        assert_eq!(pair.mirror.count("SELECT SUM(id) FROM items"), 1);
        drop(s);
        close(pool);
        pair.assert_equal();
    }

    fn a_refused_statement_reaches_neither_side_and_carries_the_drivers_records(pair: &Pair) {
        make_items(pair);
        let pool = open(pair);
        let mut s = acquire(&pool);
        run(&mut s, "INSERT INTO items (id, n) VALUES (1, 1)", &[]);
        let e = s.execute("INSERT INTO items (id, n) VALUES (1, 2)", &[]).unwrap_err();
        assert_eq!(e.status(), Status::Database, "{e}");
        assert_eq!(e.side(), twinpool::Side::Master);
        assert!(!e.records().is_empty());
        // The session is as good as before.
        run(&mut s, "INSERT INTO items (id, n) VALUES (2, 2)", &[]);
        assert_eq!(pool.status().mirror_state, MirrorState::InSync);
        drop(s);
        close(pool);
        pair.assert_equal();
    }

    fn a_write_by_predicate_is_shipped_by_the_keys_it_hit(pair: &Pair) {
        make_items(pair);
        let pool = open(pair);
        let mut s = acquire(&pool);
        s.begin().unwrap();
        for i in 1..=30 {
            run(&mut s, "INSERT INTO items (id, name, n) VALUES (?, ?, ?)", &[int(i), text(if i % 3 == 0 { "c" } else { "d" }), int(i)]);
        }
        s.commit().unwrap();
        // On the mirror this row does not match the predicate any more: only keys can be right.
        let (_, n) = run(&mut s, "UPDATE items SET n = n + 100 WHERE name = ? AND n > ?", &[text("c"), int(10)]);
        assert_eq!(n, 7);
        let (_, n) = run(&mut s, "DELETE FROM items WHERE n < (SELECT MAX(id) FROM items WHERE name = 'c') AND name = 'd'", &[]);
        assert_eq!(n, 20);
        let (_, n) = run(&mut s, "UPDATE items SET n = 0 WHERE name = 'nobody'", &[]);
        assert_eq!(n, 0);
        assert_eq!(pool.status().mirror_state, MirrorState::InSync);
        drop(s);
        close(pool);
        pair.assert_equal();
    }

    fn what_cannot_be_mirrored_with_the_same_effect_is_refused(pair: &Pair) {
        make_items(pair);
        pair.sql_on_both("CREATE TABLE keyless (n INTEGER);");
        let pool = open(pair);
        let mut s = acquire(&pool);
        run(&mut s, "INSERT INTO items (id, n) VALUES (1, 1)", &[]);
        let e = s.execute("UPDATE keyless SET n = 1", &[]).unwrap_err();
        assert_eq!(e.status(), Status::Unsafe, "{e}");
        assert!(!e.message().contains('\n'));
        // With the hint it is the caller's word.
        run(&mut s, "/*twin:local*/ UPDATE items SET name = 'only here' WHERE id = 1", &[]);
        assert_eq!(pair.master.value("SELECT name FROM items").as_deref(), Some("only here"));
        assert_eq!(pair.mirror.count("SELECT COUNT(*) FROM items WHERE name IS NULL"), 1);
        run(&mut s, "/*twin:write*/ UPDATE items SET name = 'both' WHERE id = 1", &[]);
        drop(s);
        close(pool);
        pair.assert_equal();
    }

    fn reads_are_not_mirrored_and_locks_order_writers(pair: &Pair) {
        make_items(pair);
        let pool = open(pair);
        let mut s = acquire(&pool);
        run(&mut s, "INSERT INTO items (id, n) VALUES (1, 1)", &[]);
        let before = pool.status().direct;
        for _ in 0..5 {
            assert_eq!(rows(&mut s, "SELECT n FROM items WHERE id = ?", &[int(1)]), [[int(1)]]);
        }
        assert_eq!(pool.status().direct, before);
        s.begin().unwrap();
        let lock = pair.pick("SELECT n FROM items WHERE id = 1", "SELECT n FROM items WHERE id = 1 FOR UPDATE", "SELECT n FROM items WHERE id = 1 FOR UPDATE");
        rows(&mut s, lock, &[]);
        run(&mut s, "UPDATE items SET n = 7 WHERE id = 1", &[]);
        s.commit().unwrap();
        drop(s);
        close(pool);
        pair.assert_equal();
    }

    fn ddl_reaches_both_sides(pair: &Pair) {
        let pool = open(pair);
        let mut s = acquire(&pool);
        run(&mut s, "CREATE TABLE made (id INTEGER NOT NULL PRIMARY KEY, v VARCHAR(20))", &[]);
        run(&mut s, "INSERT INTO made (id, v) VALUES (1, 'x')", &[]);
        run(&mut s, "ALTER TABLE made ADD COLUMN w INTEGER", &[]);
        run(&mut s, "UPDATE made SET w = 5 WHERE id = 1", &[]);
        // Where DDL commits by itself the mirror gets it by replay.
        pool.replay(std::time::Duration::from_secs(30), &mut |_| {}).unwrap();
        assert_eq!(pair.mirror.count("SELECT w FROM made"), 5);
        drop(s);
        close(pool);
        pair.assert_equal();
    }

    fn higher_isolation_keeps_the_pair_in_step(pair: &Pair) {
        make_items(pair);
        let pool = open(pair);
        let mut s = acquire(&pool);
        if pair.pick("", "x", "x").is_empty() {
            return;
        }
        for level in [Isolation::RepeatableRead, Isolation::Serializable] {
            s.set_isolation(level).unwrap();
            s.begin().unwrap();
            run(&mut s, "DELETE FROM items WHERE id = 1", &[]);
            run(&mut s, "INSERT INTO items (id, n) VALUES (1, 1)", &[]);
            assert_eq!(s.commit().unwrap(), Status::Ok);
        }
        s.release().unwrap();
        let s = acquire(&pool);
        assert_eq!(s.isolation(), Isolation::ReadCommitted);
        drop(s);
        close(pool);
        pair.assert_equal();
    }

    fn what_the_options_say_of_sessions_holds_and_is_restored_at_release(pair: &Pair) {
        make_items(pair);
        let pool = open_with(pair, &[("pool.isolation", "serializable"), ("pool.read_only", "on"), ("pool.max", "1")]);
        for _ in 0..2 {
            let mut s = acquire(&pool);
            assert_eq!((s.isolation(), s.read_only()), (Isolation::Serializable, true));
            let e = s.execute("INSERT INTO items (id, n) VALUES (1, 1)", &[]).unwrap_err();
            assert_eq!(e.status(), Status::BadState, "{e}");
            s.set_read_only(false).unwrap();
            s.set_isolation(Isolation::ReadCommitted).unwrap();
            run(&mut s, "DELETE FROM items WHERE id = 1", &[]);
            s.release().unwrap();
        }
        close(pool);
        pair.assert_equal();
    }

    fn every_type_has_the_same_value_on_both_sides(pair: &Pair) {
        use twinpool::value::{Date, Timestamp};
        let ddl = pair.pick(
            "CREATE TABLE v (id INTEGER PRIMARY KEY NOT NULL, b BOOLEAN, i BIGINT, d DOUBLE, dec DECIMAL(30,10), t TEXT, bin BLOB, da DATE, ts TIMESTAMP)",
            "CREATE TABLE v (id INTEGER PRIMARY KEY, b BOOLEAN, i BIGINT, d DOUBLE PRECISION, dec NUMERIC(30,10), t TEXT, bin BYTEA, da DATE, ts TIMESTAMP(6))",
            "CREATE TABLE v (id INTEGER PRIMARY KEY, b BOOLEAN, i BIGINT, d DOUBLE, `dec` DECIMAL(30,10), t TEXT, bin LONGBLOB, da DATE, ts DATETIME(6)) CHARACTER SET utf8mb4",
        );
        pair.sql_on_both(ddl);
        let dec = pair.pick("dec", "dec", "`dec`");
        let pool = open(pair);
        let mut s = acquire(&pool);
        let insert = format!("INSERT INTO v (id, b, i, d, {dec}, t, bin, da, ts) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");
        let all: Vec<u8> = (0..=255).collect();
        let values = |id: i64| vec![
            int(id), Value::Bool(true), Value::Int(i64::MIN), Value::Double(0.1 + 0.2),
            Value::Decimal("12345678901234567890.0123456789".into()), text("ünï '\\\" 🦀 ? :x $1"),
            Value::Bytes(all.clone()), Value::Date(Date { year: 9999, month: 12, day: 31, reserved: [0; 2] }),
            Value::Timestamp(Timestamp { year: 2026, month: 2, day: 3, hour: 4, minute: 5, second: 6, reserved: [0; 3], nanosecond: 789_012_000 }),
        ];
        run(&mut s, &insert, &values(1));
        let nulls: Vec<Value> = std::iter::once(int(2)).chain((0..8).map(|_| Value::Null)).collect();
        run(&mut s, &insert, &nulls);
        pair.assert_equal();
        // And the same by way of the queue, where replay spells the values itself.
        pool.detach().unwrap();
        let (status, _) = run(&mut s, &insert, &values(3));
        assert_eq!(status, Status::Queued);
        run(&mut s, &insert, &[&[int(4)], &nulls[1..]].concat());
        pool.attach().unwrap();
        wait_in_sync(&pool);
        drop(s);
        close(pool);
        pair.assert_equal();
        let same = format!("SELECT COUNT(*) FROM v a, v b WHERE a.id = 1 AND b.id = 3 AND a.d = b.d AND a.{dec} = b.{dec} AND a.t = b.t AND a.bin = b.bin AND a.ts = b.ts AND a.i = b.i");
        assert_eq!(pair.mirror.count(&same), 1);
    }
}
