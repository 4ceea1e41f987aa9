//! Statements, results and transactions as they should be.

use twinpool::error::{Class, Status};
use twinpool::link::{Engine, TxState};
use twinpool::value::{Block, Type, Value};
use twinpool_testkit::on_all_engines;

use crate::common::*;

on_all_engines! {
    fn a_committed_row_is_there_and_a_rolled_back_one_is_not(pair: &Pair) {
        let node = &pair.master;
        node.sql("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20))");
        let mut link = link(node);
        assert_eq!(link.tx(), TxState::Idle);
        link.begin(true).unwrap();
        assert_eq!(link.tx(), TxState::Open);
        assert_eq!(run(&mut link, "INSERT INTO t VALUES (?, ?)", &[int(1), text("one")]), 1);
        link.commit().unwrap();
        link.begin(true).unwrap();
        assert_eq!(run(&mut link, "INSERT INTO t VALUES (?, ?)", &[int(2), text("two")]), 1);
        link.rollback().unwrap();
        assert_eq!(link.tx(), TxState::Idle);
        assert_eq!(node.count("SELECT count(*) FROM t"), 1);
        assert_eq!(node.value("SELECT v FROM t").as_deref(), Some("one"));
    }

    fn affected_rows_are_the_rows_found(pair: &Pair) {
        let node = &pair.master;
        node.sql("CREATE TABLE t (id INT PRIMARY KEY, v INT); INSERT INTO t VALUES (1, 1), (2, 1), (3, 2)");
        let mut link = link(node);
        assert_eq!(run(&mut link, "UPDATE t SET v = ? WHERE v = ?", &[int(1), int(1)]), 2);
        assert_eq!(run(&mut link, "UPDATE t SET v = 5 WHERE id = ?", &[int(99)]), 0);
        assert_eq!(link.run_once("DELETE FROM t WHERE id = 99").unwrap().affected, 0);
        assert_eq!(link.run_once("DELETE FROM t WHERE id > 1").unwrap().affected, 2);
        assert_eq!(link.run_once("CREATE TABLE u (id INT)").unwrap().affected, 0);
        assert_eq!(run(&mut link, "UPDATE t SET v = 7", &[]), 1);
    }

    fn blocks_hold_no_more_rows_than_asked_for(pair: &Pair) {
        let node = &pair.master;
        node.sql("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20))");
        let mut link = link(node);
        link.begin(true).unwrap();
        for i in 0..25 {
            run(&mut link, "INSERT INTO t VALUES (?, ?)", &[int(i), text(&format!("v{i}"))]);
        }
        link.commit().unwrap();
        let mut cursor = link.run("SELECT id, v FROM t ORDER BY id", &[]).unwrap().rows.unwrap();
        assert_eq!(cursor.columns()[0].name, "id");
        assert_eq!(cursor.columns()[0].kind, Type::Int);
        assert_eq!(cursor.columns()[1].kind, Type::Text);
        let mut block = Block::default();
        let mut seen = Vec::new();
        for wanted in [10, 3, 1, 10, 10] {
            let more = cursor.next_block(wanted, &mut block).unwrap();
            assert!(block.rows <= wanted);
            assert_eq!(more, block.rows > 0);
            seen.extend(block.to_rows());
        }
        assert!(!cursor.next_block(5, &mut block).unwrap());
        assert_eq!(seen.len(), 25);
        for (i, row) in seen.iter().enumerate() {
            assert_eq!(row, &[int(i as i64), text(&format!("v{i}"))]);
        }
        // The statement goes back and serves again; two results of one text can be open at a time.
        drop(cursor);
        let one = link.run("SELECT id, v FROM t ORDER BY id", &[]).unwrap();
        let two = link.run("SELECT id, v FROM t ORDER BY id", &[]).unwrap();
        for outcome in [two, one] {
            let mut cursor = outcome.rows.unwrap();
            assert!(cursor.next_block(100, &mut block).unwrap());
            assert_eq!(block.rows, 25);
        }
    }

    fn a_result_outlives_its_link(pair: &Pair) {
        let mut link = link(&pair.master);
        let mut cursor = link.run("SELECT 5 UNION ALL SELECT 6", &[]).unwrap().rows.unwrap();
        drop(link);
        let mut block = Block::default();
        assert!(cursor.next_block(10, &mut block).unwrap());
        assert_eq!(block.to_rows(), [[int(5)], [int(6)]]);
    }

    fn count_comes_as_an_integer(pair: &Pair) {
        pair.master.sql("CREATE TABLE t (id INT PRIMARY KEY)");
        let mut link = link(&pair.master);
        assert_eq!(one(&mut link, "SELECT count(*) FROM t", &[]), int(0));
        assert_eq!(one(&mut link, "SELECT max(id) FROM t", &[]), Value::Null);
    }

    fn a_constraint_violation_is_refused_with_the_drivers_words(pair: &Pair) {
        let node = &pair.master;
        node.sql("CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (1)");
        let mut link = link(node);
        for _ in 0..3 {
            let error = fails(&mut link, "INSERT INTO t VALUES (1)");
            assert_eq!(error.class(), Class::Refused);
            assert_eq!(error.status(), Status::Database);
            assert!(!error.records().is_empty() && !error.message().contains('\n'), "{error}");
            assert!(error.message().contains("on the master"), "{error}");
        }
        // Inside a transaction PostgreSQL gives up the whole, the others the statement.
        link.begin(true).unwrap();
        fails(&mut link, "INSERT INTO t VALUES (1)");
        if link.engine() == Engine::Postgres {
            assert_eq!(link.tx(), TxState::Failed);
            assert_eq!(fails(&mut link, "SELECT 1").status(), Status::TxFailed);
            let error = link.commit().unwrap_err();
            assert_eq!(error.status(), Status::TxFailed);
            assert_eq!(link.tx(), TxState::Idle);
        } else {
            assert_eq!(link.tx(), TxState::Open);
            run(&mut link, "INSERT INTO t VALUES (2)", &[]);
            link.commit().unwrap();
            assert_eq!(node.count("SELECT count(*) FROM t"), 2);
        }
    }

    fn a_savepoint_brings_back_what_was_before_it(pair: &Pair) {
        let node = &pair.master;
        node.sql("CREATE TABLE t (id INT PRIMARY KEY)");
        let mut link = link(node);
        link.begin(true).unwrap();
        run(&mut link, "INSERT INTO t VALUES (1)", &[]);
        link.savepoint("a \"b` c").unwrap();
        run(&mut link, "INSERT INTO t VALUES (2)", &[]);
        fails(&mut link, "INSERT INTO t VALUES (1)");
        link.rollback_to("a \"b` c").unwrap();
        assert_eq!(link.tx(), TxState::Open);
        run(&mut link, "INSERT INTO t VALUES (3)", &[]);
        link.release_savepoint("a \"b` c").unwrap();
        link.commit().unwrap();
        assert_eq!(node.count("SELECT sum(id) FROM t"), 4);
    }

    fn a_wrong_number_of_values_is_refused_before_the_driver_sees_it(pair: &Pair) {
        let mut link = link(&pair.master);
        for (sql, values) in [("SELECT ?", vec![]), ("SELECT 1", vec![int(1)]), ("SELECT '?', ?", vec![int(1), int(2)])] {
            let error = link.run(sql, &values).unwrap_err();
            assert_eq!(error.status(), Status::BadArgument, "{sql}: {error}");
        }
        assert_eq!(one(&mut link, "SELECT 7 /* it's ? */ -- don't ?", &[]), int(7));
        assert_eq!(link.query("SELECT '?', ? -- ?", &[int(3)]).unwrap()[0][0], text("?"));
    }

    fn a_changed_table_gives_its_new_columns(pair: &Pair) {
        let node = &pair.master;
        node.sql("CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (1)");
        let mut link = link(node);
        for _ in 0..3 {
            assert_eq!(link.query("SELECT * FROM t", &[]).unwrap(), [[int(1)]]);
        }
        node.sql("ALTER TABLE t ADD COLUMN v VARCHAR(10)");
        assert_eq!(link.query("SELECT * FROM t", &[]).unwrap(), [[int(1), Value::Null]]);
        link.forget_statements();
        assert_eq!(link.query("SELECT * FROM t", &[]).unwrap(), [[int(1), Value::Null]]);
    }

    fn a_statement_is_described_without_being_run(pair: &Pair) {
        let node = &pair.master;
        node.sql("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20))");
        let mut link = link(node);
        let (columns, markers) = link.describe("SELECT id, v FROM t WHERE id > ? AND v = ?").unwrap();
        assert_eq!(markers, 2);
        let names: Vec<(&str, Type)> = columns.iter().map(|c| (c.name.as_str(), c.kind)).collect();
        assert_eq!(names, [("id", Type::Int), ("v", Type::Text)]);
        let (columns, markers) = link.describe("INSERT INTO t VALUES (?, 'x')").unwrap();
        assert_eq!((columns.len(), markers), (0, 1));
        assert_eq!(node.count("SELECT count(*) FROM t"), 0);
        // What is wrong with it is said, and fails a transaction where any error does.
        link.begin(true).unwrap();
        let error = link.describe("SELECT nothing FROM nowhere").unwrap_err();
        assert_eq!(error.class(), Class::Refused, "{error}");
        assert_eq!(link.tx() == TxState::Failed, link.engine() == Engine::Postgres);
        link.rollback().unwrap();
    }

    fn the_statement_cache_forgets_the_oldest(pair: &Pair) {
        let mut settings = settings();
        settings.statement_cache = 2;
        let mut link = link_with(&pair.master, &settings);
        for round in 0..3 {
            for i in 0..6 {
                assert_eq!(one(&mut link, &format!("SELECT {i} + ?", ), &[int(round)]), int(i + round));
            }
        }
    }
}
