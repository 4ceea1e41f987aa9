//! What single drivers do, and what is done about it.

use std::time::Duration;

use twinpool::error::{Class, Side, Status};
use twinpool::link::{Engine, Link, TxState};
use twinpool::value::{Block, Type, Value};
use twinpool_testkit::{Engine as TestEngine, Pair, on_all_engines};

use crate::common::*;

on_all_engines! {
    fn all_records_of_a_failure_are_kept(pair: &Pair) {
        let mut link = link(&pair.master);
        let error = fails(&mut link, "SELECT * FROM nowhere");
        assert_eq!(error.class(), Class::Refused);
        assert!(!error.records().is_empty());
        assert!(error.records()[0].message.contains("nowhere"), "{:?}", error.records());
        let expected = pair.pick("HY000", "42P01", "42S02");
        assert_eq!(error.sqlstate(), expected);
        assert_eq!(error.records()[0].side, Side::Master);
    }

    fn an_error_behind_the_first_result_is_an_error(pair: &Pair) {
        if pair.engine() == TestEngine::Sqlite {
            return;
        }
        let node = &pair.master;
        node.sql("CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (1)");
        let mut link = link(node);
        link.begin(true).unwrap();
        let error = link.run_once("INSERT INTO t VALUES (2); INSERT INTO t VALUES (1)").unwrap_err();
        assert_eq!(error.class(), Class::Refused, "{error}");
        if pair.engine() == TestEngine::Postgres {
            assert_eq!(link.tx(), TxState::Failed);
        }
        link.rollback().unwrap();
        // Behind rows it shows when they are read to the end, or closed.
        link.begin(true).unwrap();
        match link.run_once("SELECT 1; INSERT INTO t VALUES (1)") {
            Ok(outcome) => drop(outcome),
            Err(error) => assert_eq!(error.class(), Class::Refused),
        }
        if pair.engine() == TestEngine::Postgres {
            assert_eq!(link.tx(), TxState::Failed);
            assert!(link.commit().is_err());
        }
        link.rollback().unwrap();
        assert_eq!(node.count("SELECT count(*) FROM t"), 1);
    }

    fn several_results_are_walked_one_by_one(pair: &Pair) {
        if pair.engine() == TestEngine::Sqlite {
            return;
        }
        let node = &pair.master;
        node.sql("CREATE TABLE t (id INT PRIMARY KEY)");
        let mut link = link(node);
        let outcome = link.run_once("INSERT INTO t VALUES (1), (2); SELECT 7; SELECT 'a', 'b'").unwrap();
        assert_eq!(outcome.affected, 2);
        let mut cursor = outcome.rows.unwrap();
        let mut block = Block::default();
        assert!(cursor.next_block(10, &mut block).unwrap());
        assert_eq!(block.to_rows(), [[int(7)]]);
        assert!(!cursor.next_block(10, &mut block).unwrap());
        assert!(cursor.more_results().unwrap());
        assert_eq!(cursor.columns().len(), 2);
        assert!(cursor.next_block(10, &mut block).unwrap());
        assert_eq!(block.to_rows(), [[text("a"), text("b")]]);
        assert!(!cursor.more_results().unwrap());
        cursor.close().unwrap();
        assert_eq!(one(&mut link, "SELECT 1", &[]), int(1));
    }

    fn returning_gives_its_rows(pair: &Pair) {
        let node = &pair.master;
        node.sql("CREATE TABLE t (id INT PRIMARY KEY, v INT)");
        let mut link = link(node);
        // libsqliteodbc looks at the first word; behind WITH it expects rows.
        let prefix = pair.pick("WITH a AS (SELECT 1) ", "", "");
        let sql = format!("{prefix}INSERT INTO t VALUES (?, 5) RETURNING id, v");
        assert_eq!(link.query(&sql, &[int(3)]).unwrap(), [[int(3), int(5)]]);
        assert_eq!(node.count("SELECT count(*) FROM t"), 1);
    }

    fn returning_of_nothing_is_no_error(pair: &Pair) {
        if pair.engine() != TestEngine::Postgres {
            return;
        }
        // psqlODBC answers SQL_NO_DATA, behind which the driver manager describes no columns.
        let node = &pair.master;
        node.sql("CREATE TABLE t (id INT PRIMARY KEY, v INT); INSERT INTO t VALUES (1, 1)");
        let mut link = link(node);
        link.begin(true).unwrap();
        let sql = "UPDATE t SET v = v + 1 WHERE id = ? RETURNING v";
        for id in [9, 1, 9, 1] {
            let rows = link.query(sql, &[int(id)]).unwrap();
            assert_eq!(rows.len(), usize::from(id == 1));
        }
        let outcome = link.run(sql, &[int(9)]).unwrap();
        assert_eq!(outcome.affected, 0);
        drop(outcome);
        link.commit().unwrap();
        assert_eq!(node.count("SELECT v FROM t"), 3);
    }

    fn values_beyond_64_bits_lose_nothing(pair: &Pair) {
        if pair.engine() != TestEngine::MariaDb {
            return;
        }
        let mut link = link(&pair.master);
        link.run_once("CREATE TABLE t (id BIGINT UNSIGNED PRIMARY KEY)").unwrap();
        link.run_once("INSERT INTO t VALUES (1), (18446744073709551615)").unwrap();
        let rows = link.query("SELECT id FROM t ORDER BY id", &[]).unwrap();
        assert_eq!(rows, [[text("1")], [text("18446744073709551615")]]);
        assert_eq!(link.query("SELECT id FROM t WHERE id < 5", &[]).unwrap(), [[int(1)]]);
    }

    fn streaming_keeps_memory_flat_and_gives_every_row(pair: &Pair) {
        let node = &pair.master;
        let series = pair.pick(
            "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 20000) INSERT INTO t SELECT x, 'some text' FROM c",
            "INSERT INTO t SELECT x, 'some text' FROM generate_series(1, 20000) x",
            "INSERT INTO t SELECT seq, 'some text' FROM seq_1_to_20000",
        );
        node.sql("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20))");
        node.sql(series);
        let mut link = link(node);
        for inside in [false, true] {
            if inside {
                link.begin(false).unwrap();
            }
            let mut cursor =
                link.run_streaming("SELECT id, v FROM t WHERE id > ? ORDER BY id", &[int(10)]).unwrap().rows.unwrap();
            let mut block = Block::default();
            let mut expected = 11;
            while cursor.next_block(777, &mut block).unwrap() {
                for row in block.to_rows() {
                    assert_eq!(row, [int(expected), text("some text")]);
                    expected += 1;
                }
            }
            assert_eq!(expected, 20001);
            drop(cursor);
            if inside {
                link.commit().unwrap();
            }
            // One that is not read to its end.
            let mut cursor = link.run_streaming("SELECT id FROM t", &[]).unwrap().rows.unwrap();
            assert!(cursor.next_block(5, &mut block).unwrap());
            drop(cursor);
            assert_eq!(one(&mut link, "SELECT count(*) FROM t", &[]), int(20000));
        }
        link.begin(true).unwrap();
        run(&mut link, "DELETE FROM t", &[]);
        link.commit().unwrap();
    }

    fn warnings_and_notices_are_no_errors(pair: &Pair) {
        let mut link = link(&pair.master);
        for _ in 0..2 {
            link.run_once("DROP TABLE IF EXISTS nowhere").unwrap();
        }
        link.begin(true).unwrap();
        link.run_once("DROP TABLE IF EXISTS nowhere").unwrap();
        assert_eq!(link.tx(), TxState::Open);
        link.commit().unwrap();
    }
}

#[test]
fn texts_that_crash_the_mariadb_driver_do_not_reach_it() {
    let pair = Pair::shared(TestEngine::MariaDb, "crashing");
    let mut link = link(&pair.master);
    for sql in [
        "VALUES (5)",
        " /* x */ (values (5))",
        "SET STATEMENT max_statement_time=1 FOR SELECT 5",
        "-- a\nvalues (1),(2)",
        "XA RECOVER",
        "HELP 'select'",
    ] {
        for error in [link.run(sql, &[]).unwrap_err(), link.run_once(sql).unwrap_err()] {
            assert_eq!(error.status(), Status::Unsupported, "{sql}: {error}");
        }
        assert_eq!(one(&mut link, "SELECT 1", &[]), int(1));
    }
    // Their neighbours pass.
    link.run_once("SET @a = 1").unwrap();
    link.run_once("CREATE TABLE t (id INT)").unwrap();
    for sql in
        ["ANALYZE TABLE t", "CHECK TABLE t", "SHOW TABLES", "DESC t", "EXPLAIN SELECT 1", "CHECKSUM TABLE t"]
    {
        let rows = link.query(sql, &[]).unwrap_or_else(|e| panic!("{sql}: {e}"));
        assert!(!rows.is_empty(), "{sql}");
        assert_eq!(one(&mut link, "SELECT 1", &[]), int(1));
    }
}

#[test]
fn a_replaced_sqlite_file_is_a_lost_connection() {
    let pair = Pair::shared(TestEngine::Sqlite, "replaced");
    let node = &pair.master;
    node.sql("CREATE TABLE t (id INT)");
    let mut open = link(node);
    let path = node.path().unwrap();
    let copy = path.with_extension("copy");
    std::fs::copy(&path, &copy).unwrap();
    std::fs::rename(&copy, &path).unwrap();
    let error = open.ping(Duration::from_secs(1)).unwrap_err();
    assert_eq!(error.class(), Class::Unreachable, "{error}");
    assert!(open.is_lost());
    let mut again = link(node);
    again.ping(Duration::from_secs(1)).unwrap();
    std::fs::remove_file(&path).unwrap();
    assert_eq!(again.begin(true).unwrap_err().class(), Class::Unreachable);
}

#[test]
fn a_sqlite_transaction_that_ended_by_itself_does_not_go_on_without_one() {
    let pair = Pair::shared(TestEngine::Sqlite, "ended");
    let node = &pair.master;
    node.sql("CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (1)");
    let mut link = link(node);
    link.begin(true).unwrap();
    run(&mut link, "INSERT INTO t VALUES (2)", &[]);
    fails(&mut link, "INSERT OR ROLLBACK INTO t VALUES (1)");
    assert_eq!(link.tx(), TxState::Failed);
    // Outside a transaction this would stay for ever.
    assert_eq!(fails(&mut link, "INSERT INTO t VALUES (3)").status(), Status::TxFailed);
    assert!(link.commit().is_err());
    assert_eq!(link.tx(), TxState::Idle);
    assert_eq!(node.count("SELECT count(*) FROM t"), 1);
    // An ordinary violation leaves it open.
    link.begin(true).unwrap();
    run(&mut link, "INSERT INTO t VALUES (2)", &[]);
    fails(&mut link, "INSERT INTO t VALUES (1)");
    assert_eq!(link.tx(), TxState::Open);
    link.commit().unwrap();
    assert_eq!(node.count("SELECT count(*) FROM t"), 2);
}

#[test]
fn any_cell_of_a_sqlite_column_is_delivered() {
    let pair = Pair::shared(TestEngine::Sqlite, "cells");
    let mut link = link(&pair.master);
    link.run_once("CREATE TABLE t (n INT, i INTEGER, d DATETIME)").unwrap();
    for (n, i, d) in [
        (1, int(5), text("2024-01-01 00:00:00")),
        (2, text("five"), text("yesterday")),
        (3, Value::Null, Value::Null),
        (4, Value::Double(1.5), int(7)),
    ] {
        run(&mut link, "INSERT INTO t VALUES (?, ?, ?)", &[int(n), i, d]);
    }
    let mut cursor = link.run("SELECT i, d FROM t ORDER BY n", &[]).unwrap().rows.unwrap();
    assert_eq!(cursor.columns()[0].kind, Type::Int);
    assert_eq!(cursor.columns()[1].kind, Type::Timestamp);
    let mut block = Block::default();
    cursor.next_block(10, &mut block).unwrap();
    assert_eq!(block.columns[0].kind, Type::Text);
    let rows = block.to_rows();
    assert_eq!(rows[0], [text("5"), text("2024-01-01 00:00:00")]);
    assert_eq!(rows[1], [text("five"), text("yesterday")]);
    assert_eq!(rows[2], [Value::Null, Value::Null]);
    assert_eq!(rows[3], [text("1.5"), text("7")]);
    // The next block starts anew.
    let mut cursor = link.run("SELECT i FROM t WHERE n = 1", &[]).unwrap().rows.unwrap();
    cursor.next_block(10, &mut block).unwrap();
    assert_eq!(block.to_rows(), [[int(5)]]);
}

#[test]
fn exact_doubles_are_to_be_had_from_sqlite() {
    let pair = Pair::shared(TestEngine::Sqlite, "exact");
    let mut link = link(&pair.master);
    link.run_once("CREATE TABLE t (n INT, d DOUBLE)").unwrap();
    for (i, value) in [0.1 + 0.2, std::f64::consts::PI, 1e-300 / 3.0, 1.0 / 3.0].into_iter().enumerate() {
        run(&mut link, "INSERT INTO t VALUES (?, ?)", &[int(i as i64), Value::Double(value)]);
        let sql = format!("SELECT {} FROM t WHERE n = ?", link.dialect().exact_double("d"));
        let Value::Text(found) = one(&mut link, &sql, &[int(i as i64)]) else { panic!() };
        assert_eq!(found.parse::<f64>().unwrap().to_bits(), value.to_bits(), "{found}");
    }
}

#[test]
fn dates_that_postgres_knows_and_odbc_does_not_come_as_text() {
    let pair = Pair::shared(TestEngine::Postgres, "dates");
    let mut link = link(&pair.master);
    let Value::Text(found) = one(&mut link, "SELECT 'infinity'::timestamp::text", &[]) else { panic!() };
    assert_eq!(found, "infinity");
    let Value::Timestamp(found) = one(&mut link, "SELECT '0044-03-15 01:02:03 BC'::timestamp", &[]) else {
        panic!()
    };
    assert_eq!((found.year, found.month, found.day), (-43, 3, 15));
    let value = Value::Timestamp(found);
    assert_eq!(one(&mut link, "SELECT ?", std::slice::from_ref(&value)), value);
    for sql in [
        "SELECT 5::money",
        "SELECT '1 day'::interval",
        "SELECT ARRAY[1,2]",
        "SELECT '{\"a\": 1}'::jsonb",
        "SELECT '1.2.3.4'::inet",
    ] {
        assert!(matches!(one(&mut link, sql, &[]), Value::Text(_)), "{sql}");
    }
    assert_eq!(one(&mut link, "SELECT 'NaN'::numeric", &[]), Value::Decimal("NaN".into()));
}

#[test]
fn a_users_own_driver_options_win() {
    let pair = Pair::shared(TestEngine::Postgres, "options");
    let mut settings = settings();
    settings.call_timeout = Some(Duration::from_secs(5));
    let text = format!("{};Protocol=7.4-2;", pair.master.connection_string());
    let mut link = Link::open(Side::Master, &text, &settings).unwrap();
    assert_eq!(link.engine(), Engine::Postgres);
    link.begin(true).unwrap();
    fails(&mut link, "SELECT 1/0");
    // The driver has undone the statement alone; we do not rely on it.
    assert_eq!(link.tx(), TxState::Failed);
    link.rollback().unwrap();
}
