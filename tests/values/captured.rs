//! Promise 4: what callers see of statements whose rows are captured, and what becomes of the counters.

use twinpool::{Status, Value};
use twinpool_testkit::{Engine, on_all_engines, on_own_servers};

use crate::common::*;

/// `auto`: a generated key, a name, the time of the row.
fn make_auto(pair: &twinpool_testkit::Pair) {
    pair.sql_on_both(pair.pick(
        "CREATE TABLE auto (id INTEGER PRIMARY KEY, name TEXT UNIQUE, at TEXT DEFAULT CURRENT_TIMESTAMP);",
        "CREATE TABLE auto (id serial PRIMARY KEY, name text UNIQUE, at timestamptz DEFAULT clock_timestamp());",
        "CREATE TABLE auto (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(50) UNIQUE, \
         at TIMESTAMP(6) DEFAULT CURRENT_TIMESTAMP(6));",
    ));
}

on_all_engines! {
    fn the_caller_gets_its_own_rows_and_counts_only(pair: &Pair) {
        make_auto(pair);
        let pool = open(pair);
        let mut s = acquire(&pool);
        let (status, n) = run(&mut s, "INSERT INTO auto (name) VALUES ('a'), ('b')", &[]);
        assert_eq!((status, n), (Status::Ok, 2));
        let done = s.execute("INSERT INTO auto (name) VALUES ('c') RETURNING name, id", &[]).unwrap();
        assert_eq!(done.affected, 1);
        let names: Vec<String> =
            done.rows.as_ref().unwrap().columns().iter().map(|c| c.name.clone()).collect();
        assert_eq!(names, ["name", "id"]);
        drop(done);
        let found = rows(&mut s, "INSERT INTO auto (name) SELECT name || 'x' FROM auto WHERE 1 = 0 RETURNING id", &[]);
        assert!(found.is_empty());
        let found = rows(&mut s, "INSERT INTO auto (name) VALUES (?), (?) RETURNING name", &[text("d"), text("e")]);
        assert_eq!(found, [vec![text("d")], vec![text("e")]]);
        assert_eq!(pair.mirror.count("SELECT COUNT(*) FROM auto"), 5);
        drop(s);
        close(pool);
        pair.assert_equal();
    }

    /// What a default does shows at its end only, and its text is one of those that lie in a file.
    fn a_default_that_is_a_large_value_itself_is_read_to_its_end(pair: &Pair) {
        let long = "x".repeat(3000);
        let chance = pair.pick("random()", "random()::text", "rand()");
        let (open_with_long, text) = (&[("value.spill_bytes", "1KiB")], pair.pick("TEXT", "TEXT", "LONGTEXT"));
        let default = pair.pick("('LONG' || CHANCE)", "('LONG' || CHANCE)", "(concat('LONG', CHANCE))");
        let default = default.replace("LONG", &long).replace("CHANCE", chance);
        pair.sql_on_both(&format!("CREATE TABLE wide (id INT PRIMARY KEY, note {text} DEFAULT {default});"));
        let pool = open_with(pair, open_with_long);
        let mut s = acquire(&pool);
        run(&mut s, "INSERT INTO wide (id) VALUES (1), (2)", &[]);
        drop(s);
        close(pool);
        pair.assert_equal();
        let longer = pair.pick("length(note)", "length(note)", "char_length(note)");
        assert_eq!(pair.mirror.count(&format!("SELECT COUNT(*) FROM wide WHERE {longer} > 3000")), 2);
    }

    /// SQLite has one writer at a time: there is nobody to commit in between.
    fn a_row_that_another_commits_first_is_not_touched_by_who_found_none(pair: &Pair) {
        if pair.engine() == Engine::Sqlite {
            return;
        }
        pair.sql_on_both("CREATE TABLE t (id INT PRIMARY KEY, n INT)");
        let pool = open(pair);
        for (away, status) in [(false, Status::Ok), (true, Status::Queued)] {
            let (mut first, mut second) = (acquire(&pool), acquire(&pool));
            run(&mut first, "DELETE FROM t WHERE id > 0", &[]);
            run(&mut first, "INSERT INTO t VALUES (1, 0), (4, 0)", &[]);
            if away {
                pool.detach().unwrap();
            }
            first.begin().unwrap();
            assert_eq!(first.execute("UPDATE t SET n = 1 WHERE id IN (1, 2)", &[]).unwrap().affected, 1);
            assert_eq!(first.execute("DELETE FROM t WHERE id = 3 OR id = 4", &[]).unwrap().affected, 1);
            assert_eq!(run(&mut second, "INSERT INTO t VALUES (2, 0), (3, 0)", &[]), (status, 2));
            assert_eq!(first.commit().unwrap(), status);
            if away {
                pool.attach().unwrap();
                wait_in_sync(&pool);
            }
            pair.assert_equal();
            assert_eq!(pair.mirror.count("SELECT COUNT(*) FROM t WHERE n = 0"), 2);
        }
        close(pool);
    }

    fn a_captured_statement_that_fails_leaves_nothing_on_either_side(pair: &Pair) {
        make_auto(pair);
        let pool = open(pair);
        let mut s = acquire(&pool);
        run(&mut s, "INSERT INTO auto (name) VALUES ('a')", &[]);
        let e = s.execute("INSERT INTO auto (name) VALUES ('b'), ('a')", &[]).unwrap_err();
        assert_eq!(e.status(), Status::Database, "{e}");
        assert_eq!(pair.master.count("SELECT COUNT(*) FROM auto"), 1);
        run(&mut s, "INSERT INTO auto (name) VALUES ('c')", &[]);
        drop(s);
        close(pool);
        pair.assert_equal();
    }

    fn a_captured_statement_that_failed_can_be_run_again(pair: &Pair) {
        make_auto(pair);
        let pool = open_with(pair, &[("statement.timeout_ms", "20000")]);
        let mut s = acquire(&pool);
        for sql in [
            "INSERT INTO auto (name) VALUES ('a')",
            "INSERT INTO auto (id, name, at) VALUES (900, 'b', '2024-01-01') RETURNING id",
        ] {
            for _ in 0..3 {
                run(&mut s, sql, &[]);
                assert_eq!(s.execute(sql, &[]).unwrap_err().status(), Status::Database);
                run(&mut s, "DELETE FROM auto", &[]);
            }
        }
        assert_eq!(pool.status().queued, 0);
        drop(s);
        close(pool);
        pair.assert_equal();
    }

    fn captured_rows_of_a_savepoint_that_is_undone_are_undone_on_both_sides(pair: &Pair) {
        make_auto(pair);
        let pool = open(pair);
        let mut s = acquire(&pool);
        s.begin().unwrap();
        run(&mut s, "INSERT INTO auto (name) VALUES ('a')", &[]);
        s.savepoint("sp").unwrap();
        run(&mut s, "INSERT INTO auto (name) VALUES ('b')", &[]);
        run(&mut s, "UPDATE auto SET at = CURRENT_TIMESTAMP", &[]);
        s.rollback_to("sp").unwrap();
        run(&mut s, "INSERT INTO auto (name) VALUES ('c')", &[]);
        assert_eq!(s.commit().unwrap(), Status::Ok);
        assert_eq!(pair.mirror.count("SELECT COUNT(*) FROM auto WHERE name IN ('a', 'c')"), 2);
        drop(s);
        close(pool);
        pair.assert_equal();
    }

    fn the_mirror_goes_on_with_numbers_of_its_own_when_it_is_used_as_master(pair: &Pair) {
        make_auto(pair);
        let pool = open(pair);
        let mut s = acquire(&pool);
        for i in 0..5 {
            run(&mut s, "INSERT INTO auto (name) VALUES (?)", &[text(&format!("direct {i}"))]);
        }
        // Numbers that no row got are no trouble either.
        s.begin().unwrap();
        run(&mut s, "INSERT INTO auto (name) VALUES ('undone')", &[]);
        s.rollback().unwrap();
        pool.detach().unwrap();
        for i in 0..1200 / if pair.engine() == Engine::Postgres { 1 } else { 100 } {
            run(&mut s, "INSERT INTO auto (name) VALUES (?)", &[text(&format!("queued {i}"))]);
        }
        pool.attach().unwrap();
        wait_in_sync(&pool);
        run(&mut s, "INSERT INTO auto (name) VALUES ('last')", &[]);
        drop(s);
        close(pool);
        pair.assert_equal();
        // The roles are changed by hand: the mirror alone, without twinpool.
        for i in 0..20 {
            pair.mirror.sql(&format!("INSERT INTO auto (name) VALUES ('after {i}');"));
        }
        assert_eq!(pair.mirror.count("SELECT COUNT(*) FROM auto WHERE name LIKE 'after%'"), 20);
        assert!(
            pair.mirror.count("SELECT MIN(id) FROM auto WHERE name LIKE 'after%'")
                > pair.master.count("SELECT MAX(id) FROM auto")
        );
    }

    fn numbers_that_a_program_draws_by_itself_are_not_given_again_by_the_mirror(pair: &Pair) {
        pair.sql_on_both(pair.pick(
            "CREATE TABLE always (id INTEGER PRIMARY KEY AUTOINCREMENT, n INT)",
            "CREATE SEQUENCE s; CREATE SEQUENCE down INCREMENT -1; CREATE SEQUENCE \"Wide\" INCREMENT 7; \
             CREATE TABLE drawn (id bigint PRIMARY KEY, n int); CREATE TABLE wide (id bigint PRIMARY KEY, n int); \
             CREATE TABLE falling (id bigint PRIMARY KEY DEFAULT nextval('down'), n int); \
             CREATE TABLE always (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, n int)",
            "CREATE SEQUENCE s; CREATE SEQUENCE down INCREMENT -1; CREATE SEQUENCE Wide INCREMENT 7; \
             CREATE TABLE drawn (id bigint PRIMARY KEY, n int); CREATE TABLE wide (id bigint PRIMARY KEY, n int); \
             CREATE TABLE falling (id bigint PRIMARY KEY DEFAULT nextval(down), n int); \
             CREATE TABLE always (id bigint AUTO_INCREMENT PRIMARY KEY, n int)",
        ));
        let sequences = pair.engine() != Engine::Sqlite;
        let (one, wide, by_name) = match pair.engine() {
            Engine::MariaDb => ("SELECT NEXT VALUE FOR s", "SELECT nextval(Wide)", "nextval(s)"),
            _ => ("SELECT nextval('s')", "SELECT nextval('\"Wide\"')", "nextval('s')"),
        };
        let pool = open(pair);
        let mut s = acquire(&pool);
        let write = |s: &mut twinpool::Session| {
            for _ in 0..5 {
                run(s, "INSERT INTO always (n) VALUES (1)", &[]);
                if !sequences {
                    continue;
                }
                run(s, "INSERT INTO falling (n) VALUES (1)", &[]);
                run(s, &format!("INSERT INTO drawn (id, n) VALUES ({by_name}, 1)"), &[]);
                for (draw, table) in [(one, "drawn"), (wide, "wide")] {
                    let drawn = rows(s, draw, &[]);
                    run(s, &format!("INSERT INTO {table} (id, n) VALUES (?, 1)"), &[drawn[0][0].clone()]);
                }
            }
        };
        write(&mut s);
        pool.detach().unwrap();
        // The last ones, which nobody has given a row.
        run(&mut s, "INSERT INTO always (n) VALUES (1)", &[]);
        run(&mut s, "DELETE FROM always WHERE n = 1 AND id > 5", &[]);
        write(&mut s);
        pool.attach().unwrap();
        wait_in_sync(&pool);
        if sequences {
            // Set on by the program, through the pool and past it.
            let set = pair.pick("", "SELECT setval('s', 50000)", "SELECT setval(s, 50000)");
            drop(s.execute(&format!("/*twin:write*/ {set}"), &[]).unwrap());
            write(&mut s);
            pair.master.sql(pair.pick("", "SELECT setval('s', 900000), setval('down', -900000)", "SELECT setval(s, 900000), setval(down, -900000)"));
        }
        write(&mut s);
        drop(s);
        close(pool);
        pair.assert_equal();
        // The roles are changed by hand.
        for _ in 0..20 {
            pair.mirror.sql("INSERT INTO always (n) VALUES (2)");
            if sequences {
                pair.mirror.sql("INSERT INTO falling (n) VALUES (2)");
                for (draw, table) in [(one, "drawn"), (wide, "wide")] {
                    let values = draw.trim_start_matches("SELECT ");
                    pair.mirror.sql(&format!("INSERT INTO {table} (id, n) VALUES ({values}, 2)"));
                }
            }
        }
        let beyond = |table: &str, order: &str| {
            let sql = format!("SELECT n FROM {table} ORDER BY id {order} LIMIT 20");
            let last = pair.mirror.sql(&sql);
            assert!(last.iter().all(|row| row[0].as_deref() == Some("2")), "{table}: {last:?}");
        };
        beyond("always", "DESC");
        if sequences {
            beyond("drawn", "DESC");
            beyond("wide", "DESC");
            beyond("falling", "ASC");
        }
    }

    fn a_batch_with_generated_keys_is_the_same_on_both_sides(pair: &Pair) {
        make_auto(pair);
        let pool = open(pair);
        let mut s = acquire(&pool);
        let batch: Vec<Vec<Value>> = (0..50).map(|i| vec![text(&format!("n{i}"))]).collect();
        let (status, outcomes) = s.execute_batch("INSERT INTO auto (name) VALUES (?)", &batch).unwrap();
        assert_eq!(status, Status::Ok);
        assert!(outcomes.iter().all(|o| matches!(o, Ok(1))));
        assert_eq!(pair.mirror.count("SELECT COUNT(*) FROM auto"), 50);
        drop(s);
        close(pool);
        pair.assert_equal();
    }

    fn several_statements_in_one_text_go_their_ways_one_by_one(pair: &Pair) {
        make_auto(pair);
        let pool = open(pair);
        let mut s = acquire(&pool);
        let text_of_four = "INSERT INTO auto (name) VALUES (?); \
            UPDATE auto SET at = CURRENT_TIMESTAMP WHERE name = 'a;b'; -- one; comment\n\
            INSERT INTO auto (id, name, at) VALUES (?, ?, '2024-01-01'); SELECT count(*) FROM auto;";
        let found = rows(&mut s, text_of_four, &[text("a;b"), int(77), text("c")]);
        assert_eq!(found, [[int(2)]]);
        assert_eq!(pair.mirror.count("SELECT COUNT(*) FROM auto"), 2);
        // Up to the one that fails; PostgreSQL takes all of them for one transaction.
        let e = s.execute("DELETE FROM auto WHERE id = 77; INSERT INTO auto (id) VALUES (1)", &[]).unwrap_err();
        assert!(e.to_string().contains("statement 2 of the text"), "{e}");
        let left = if pair.engine() == Engine::Postgres { 2 } else { 1 };
        assert_eq!(pair.master.count("SELECT COUNT(*) FROM auto"), left);
        for sql in ["SELECT 1; SELECT 2", "INSERT INTO auto (id) VALUES (?); DELETE FROM auto"] {
            let e = s.execute(sql, &[]).unwrap_err();
            assert!(matches!(e.status(), Status::Unsupported | Status::BadArgument), "{e}");
        }
        drop(s);
        close(pool);
        pair.assert_equal();
    }

    fn generated_keys_are_told(pair: &Pair) {
        make_auto(pair);
        let pool = open(pair);
        let mut s = acquire(&pool);
        assert_eq!(s.generated_key().unwrap_err().status(), Status::BadState);
        s.keep_keys(true).unwrap();
        run(&mut s, "INSERT INTO auto (name) VALUES ('a')", &[]);
        run(&mut s, "INSERT INTO auto (name) VALUES ('b')", &[]);
        assert_eq!(s.generated_key().unwrap(), Some(2));
        // One that the caller gives is not generated; SQLite does not tell the two apart.
        if pair.engine() != Engine::Sqlite {
            for sql in [
                "INSERT INTO auto (id, name, at) VALUES (70, 'c', '2024-01-01')",
                "INSERT INTO auto (id, name, at) VALUES (71, 'd', CURRENT_TIMESTAMP)",
                "INSERT INTO auto VALUES (72, 'e', CURRENT_TIMESTAMP)",
            ] {
                run(&mut s, sql, &[]);
                assert_eq!(s.generated_key().unwrap(), None, "{sql}");
            }
            run(&mut s, "UPDATE auto SET name = 'z' WHERE name = 'e'", &[]);
        }
        if pair.engine() == Engine::Postgres {
            for (sql, key) in [
                ("INSERT INTO auto (id, name) VALUES (DEFAULT, 'f')", 3),
                ("INSERT INTO auto (name) VALUES ('g'), ('h')", 4),
                ("INSERT INTO auto VALUES (DEFAULT, 'i')", 6),
                ("INSERT INTO auto DEFAULT VALUES", 7),
                ("INSERT INTO auto (name) SELECT name || '2' FROM auto WHERE name = 'a'", 8),
                ("INSERT INTO auto (name) VALUES ('k') RETURNING name", 9),
            ] {
                drop(s.execute(sql, &[]).unwrap());
                assert_eq!(s.generated_key().unwrap(), Some(key), "{sql}");
            }
        }
        drop(s);
        close(pool);
        pair.assert_equal();
    }
}

on_own_servers! {
    fn a_generated_key_costs_no_further_question_to_the_master(pair: &Pair) {
        // MariaDB counts what it is asked; elsewhere the plan's one statement says the same.
        if pair.engine() != Engine::MariaDb {
            return;
        }
        make_auto(pair);
        let pool = open_with(pair, &[("mirror.poll_ms", "60000"), ("pool.keepalive_ms", "0")]);
        let mut s = acquire(&pool);
        let asked = || {
            let rows = pair.master.sql("SHOW GLOBAL STATUS LIKE 'Questions'");
            rows[0][1].as_deref().unwrap().parse::<i64>().unwrap()
        };
        let mut cost = |sql: &str, key: bool| {
            let before = asked();
            s.begin().unwrap();
            for i in 0..100 {
                let name = text(&format!("{key} {i}"));
                let given = if key { vec![int(1000 + i), name] } else { vec![name] };
                run(&mut s, sql, &given);
            }
            s.commit().unwrap();
            asked() - before
        };
        cost("INSERT INTO auto (id, name, at) VALUES (?, ?, '2024-01-01')", true);
        run(&mut acquire(&pool), "DELETE FROM auto", &[]);
        let given = cost("INSERT INTO auto (id, name, at) VALUES (?, ?, '2024-01-01')", true);
        let generated = cost("INSERT INTO auto (name) VALUES (?)", false);
        println!("100 rows: {given} questions with keys given, {generated} with keys generated");
        assert!(generated <= given + 10, "{given} questions with keys given, {generated} with keys generated");
        drop(s);
        close(pool);
        pair.assert_equal();
    }
}
