//! Promise 4: tables that somebody else changes while a pool is open, through twinpool or past it.

use std::time::Duration;

use twinpool::{Isolation, Status};
use twinpool_testkit::{Engine, Pair, on_all_engines};

use crate::common::*;

/// Who changes the tables.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Others {
    /// The client of the database, on both sides.
    PastTwinpool,
    /// Another pool on the same pair.
    AnotherPool,
}

/// A change, and a statement that was planned before it.
struct Change<'a> {
    name: &'a str,
    make: &'a str,
    change: Vec<String>,
    write: &'a str,
    /// Whether the statement has become one that is refused.
    refused: bool,
}

fn split(sql: &str) -> Vec<String> {
    sql.split(";;").map(|s| s.trim().to_owned()).collect()
}

fn changes<'a>(pair: &'a Pair) -> Vec<Change<'a>> {
    let keyed = pair.pick(
        "CREATE TABLE t (code TEXT NOT NULL, n INT, v INT); CREATE UNIQUE INDEX t_code ON t (code)",
        "CREATE TABLE t (code text NOT NULL CONSTRAINT t_code UNIQUE, n int, v int)",
        "CREATE TABLE t (code VARCHAR(20) NOT NULL, n INT, v INT, UNIQUE KEY t_code (code))",
    );
    let plain = "CREATE TABLE t (id INTEGER NOT NULL PRIMARY KEY, n INTEGER, v INTEGER)";
    let insert = "INSERT INTO t (id, n) SELECT coalesce(max(id), 0) + 1, 5 FROM t";
    let text_insert = "INSERT INTO t (n, v) VALUES (3, 4)";
    vec![
        Change {
            name: "a default that is another each time",
            make: pair.pick(
                "CREATE TABLE t (n INT, v INT)",
                "CREATE TABLE t (n int, v int)",
                "CREATE TABLE t (n INT, v INT)",
            ),
            change: split(pair.pick(
                "DROP TABLE t;; CREATE TABLE t (n INT, v INT, r REAL DEFAULT (random()))",
                "ALTER TABLE t ADD COLUMN r float8;; ALTER TABLE t ALTER COLUMN r SET DEFAULT random()",
                "ALTER TABLE t ADD COLUMN r DOUBLE;; ALTER TABLE t ALTER COLUMN r SET DEFAULT (rand())",
            )),
            write: text_insert,
            refused: false,
        },
        Change {
            name: "a trigger",
            make: pair.pick(
                "CREATE TABLE t (n INT, v INT)",
                "CREATE TABLE t (n int, v int); CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS \
                 $$ BEGIN NEW.v := (random() * 1000)::int; RETURN NEW; END $$",
                "CREATE TABLE t (n INT, v INT)",
            ),
            change: split(pair.pick(
                "CREATE TRIGGER tr AFTER INSERT ON t BEGIN UPDATE t SET v = abs(random()) % 1000; END",
                "CREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()",
                "CREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW SET NEW.v = floor(rand() * 1000)",
            )),
            write: text_insert,
            refused: true,
        },
        Change {
            name: "no key any more",
            make: keyed,
            change: split(pair.pick(
                "DROP INDEX t_code",
                "ALTER TABLE t DROP CONSTRAINT t_code",
                "ALTER TABLE t DROP INDEX t_code",
            )),
            write: "UPDATE t SET n = n + 1 WHERE v < 10",
            refused: true,
        },
        Change {
            name: "a key of another name",
            make: keyed,
            change: split("ALTER TABLE t RENAME COLUMN code TO label"),
            write: "UPDATE t SET n = n + 1 WHERE v < 10",
            refused: false,
        },
        Change {
            name: "a captured column of another name",
            make: plain,
            change: split("ALTER TABLE t RENAME COLUMN v TO w"),
            write: insert,
            refused: false,
        },
        Change {
            name: "a column of another type",
            make: plain,
            change: split(pair.pick(
                "DROP TABLE t;; CREATE TABLE t (id INTEGER NOT NULL PRIMARY KEY, n TEXT, v INTEGER)",
                "ALTER TABLE t ALTER COLUMN n TYPE varchar(20)",
                "ALTER TABLE t MODIFY n VARCHAR(20)",
            )),
            write: insert,
            refused: false,
        },
    ]
}

impl Change<'_> {
    fn happen(&self, pair: &Pair, others: Others, queued: bool) {
        match others {
            Others::PastTwinpool => pair.sql_on_both(&self.change.join(";")),
            Others::AnotherPool => {
                let another = open(pair);
                let mut s = acquire(&another);
                for sql in &self.change {
                    run(&mut s, sql, &[]);
                }
                drop(s);
                // MariaDB's DDL goes through the queue.
                if !queued {
                    wait_for("replay", Duration::from_secs(20), || queue_length(&pair.master) == 0);
                }
                close(another);
            }
        }
    }

    /// The statement is planned before the change and run behind it.
    fn write_behind(&self, pair: &Pair, others: Others, queued: bool, explicit: bool) {
        let what =
            format!("{}: {}, {others:?}, queued {queued}, explicit {explicit}", pair.engine(), self.name);
        pair.sql_on_both(&format!(
            "DROP TABLE IF EXISTS t; {}",
            pair.pick("", "DROP FUNCTION IF EXISTS f", "")
        ));
        pair.sql_on_both(self.make);
        let pool = open_with(pair, &[("catalogue.max_age_ms", "0")]);
        let mut s = acquire(&pool);
        if self.make.contains("code") {
            run(&mut s, "INSERT INTO t (code, n, v) VALUES ('a', 1, 1), ('b', 2, 2), ('c', 3, 30)", &[]);
        }
        run(&mut s, self.write, &[]);
        run(&mut s, self.write, &[]);
        if queued {
            pool.detach().unwrap();
        }
        self.happen(pair, others, queued);
        let mut write = || {
            if !explicit {
                return s.execute(self.write, &[]).map(drop);
            }
            s.begin().unwrap();
            match s.execute(self.write, &[]) {
                Ok(_) => s.commit().map(drop),
                Err(e) => s.rollback().and(Err(e)),
            }
        };
        let mut done = write();
        if explicit && done.as_ref().is_err_and(|e| e.status() == Status::Retry) {
            println!("{what}: {}", done.unwrap_err());
            done = write();
        }
        match done {
            Ok(()) => assert!(!self.refused, "{what}: it was not refused"),
            Err(e) => assert!(self.refused && e.status() == Status::Unsafe, "{what}: {e}"),
        }
        // The second time nothing is old any more.
        assert_eq!(write().is_err(), self.refused, "{what}");
        if queued {
            pool.attach().unwrap();
            wait_in_sync(&pool);
        }
        drop(s);
        wait_for("the queue is empty", Duration::from_secs(20), || queue_length(&pair.master) == 0);
        close(pool);
        let found = pair.differences();
        assert!(found.is_empty(), "{what}: the databases differ:\n{}", found.join("\n"));
    }
}

fn all_changes(pair: &Pair, others: Others, queued: bool) {
    for change in changes(pair) {
        for explicit in [false, true] {
            change.write_behind(pair, others, queued, explicit);
        }
    }
}

on_all_engines! {
    fn tables_changed_past_twinpool_are_seen_before_harm_is_done(pair: &Pair) {
        all_changes(pair, Others::PastTwinpool, false);
    }

    fn tables_changed_past_twinpool_are_seen_while_the_mirror_is_away(pair: &Pair) {
        all_changes(pair, Others::PastTwinpool, true);
    }

    fn tables_changed_through_another_pool_are_seen_before_harm_is_done(pair: &Pair) {
        all_changes(pair, Others::AnotherPool, false);
    }

    fn tables_changed_through_another_pool_are_seen_while_the_mirror_is_away(pair: &Pair) {
        all_changes(pair, Others::AnotherPool, true);
    }

    fn above_read_committed_too(pair: &Pair) {
        pair.sql_on_both("CREATE TABLE t (id INTEGER NOT NULL PRIMARY KEY, n INTEGER, v INTEGER); CREATE TABLE o (id INTEGER NOT NULL PRIMARY KEY)");
        for queued in [false, true] {
            let pool = open(pair);
            let mut s = acquire(&pool);
            s.set_isolation(Isolation::Serializable).unwrap();
            run(&mut s, "INSERT INTO t (id, n) VALUES (1, 1)", &[]);
            if queued {
                pool.detach().unwrap();
            }
            // What it sees from here on is old when its INSERT is planned and run.
            s.begin().unwrap();
            if pair.engine() == Engine::Postgres {
                rows(&mut s, "SELECT count(*) FROM o", &[]);
            }
            pair.sql_on_both(pair.pick(
                "DROP TABLE t; CREATE TABLE t (id INTEGER NOT NULL PRIMARY KEY, n INTEGER, v INTEGER DEFAULT (random()))",
                "ALTER TABLE t ALTER COLUMN v SET DEFAULT (random() * 1000)::int",
                "ALTER TABLE t ALTER COLUMN v SET DEFAULT (floor(rand() * 1000))",
            ));
            let done = s.execute("INSERT INTO t (id, n) VALUES (2, 1)", &[]).map(drop).and_then(|()| s.commit());
            assert_eq!(done.unwrap_err().status(), Status::Retry);
            s.rollback().unwrap();
            run(&mut s, "INSERT INTO t (id, n) VALUES (2, 1)", &[]);
            s.begin().unwrap();
            run(&mut s, "INSERT INTO t (id, n) VALUES (3, 1)", &[]);
            s.commit().unwrap();
            if queued {
                pool.attach().unwrap();
                wait_in_sync(&pool);
            }
            run(&mut s, "DELETE FROM t", &[]);
            run(&mut s, "INSERT INTO t (id, n) VALUES (4, 1)", &[]);
            drop(s);
            close(pool);
            pair.assert_equal();
            pair.sql_on_both(&format!(
                "DELETE FROM t; {}",
                pair.pick("DROP TABLE t; CREATE TABLE t (id INTEGER NOT NULL PRIMARY KEY, n INTEGER, v INTEGER)",
                          "ALTER TABLE t ALTER COLUMN v DROP DEFAULT", "ALTER TABLE t ALTER COLUMN v DROP DEFAULT")
            ));
        }
    }

    fn ddl_and_writes_in_one_transaction_go_on(pair: &Pair) {
        // MariaDB's DDL is a transaction of its own.
        if pair.engine() == Engine::MariaDb {
            return;
        }
        make_items(pair);
        let pool = open(pair);
        let mut s = acquire(&pool);
        let mut other = acquire(&pool);
        let insert = "INSERT INTO items (id, name) VALUES (?, 'x')";
        let mut id = 0;
        for level in [Isolation::ReadCommitted, Isolation::Serializable] {
            for queued in [false, true] {
                s.set_isolation(level).unwrap();
                if queued {
                    pool.detach().unwrap();
                }
                let name = format!("{level:?}{queued}");
                for commit in [false, true] {
                    id += 10;
                    run(&mut s, insert, &[int(id)]);
                    s.begin().unwrap();
                    run(&mut s, insert, &[int(id + 1)]);
                    run(&mut s, &format!("ALTER TABLE items ADD COLUMN {name} INTEGER DEFAULT 5"), &[]);
                    run(&mut s, insert, &[int(id + 2)]);
                    run(&mut s, "UPDATE items SET n = n + 1 WHERE name = 'x'", &[]);
                    run(&mut s, &format!("CREATE TABLE new{name} (id INTEGER NOT NULL PRIMARY KEY, at TIMESTAMP DEFAULT CURRENT_TIMESTAMP)"), &[]);
                    run(&mut s, &format!("INSERT INTO new{name} (id) VALUES (1)"), &[]);
                    let end = if commit { s.commit().map(|_| ()) } else { s.rollback() };
                    end.unwrap();
                    run(&mut s, insert, &[int(id + 3)]);
                    run(&mut other, insert, &[int(id + 4)]);
                }
                if queued {
                    pool.attach().unwrap();
                    wait_in_sync(&pool);
                }
            }
        }
        drop((s, other));
        close(pool);
        pair.assert_equal();
    }

    fn a_trigger_that_swallows_the_row_does_not_go_unnoticed(pair: &Pair) {
        // MariaDB has no trigger that does.
        if pair.engine() == Engine::MariaDb {
            return;
        }
        pair.sql_on_both("CREATE TABLE t (id INTEGER NOT NULL PRIMARY KEY, n INTEGER); CREATE TABLE other (n INTEGER)");
        let pool = open(pair);
        let mut s = acquire(&pool);
        run(&mut s, "INSERT INTO t (id, n) VALUES (1, 1)", &[]);
        pair.sql_on_both(pair.pick(
            "CREATE TRIGGER tr BEFORE INSERT ON t BEGIN INSERT INTO other VALUES (abs(random()) % 1000); SELECT RAISE(IGNORE); END",
            "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO other VALUES ((random() * 1000)::int); RETURN NULL; END $$; \
             CREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()",
            "",
        ));
        let e = s.execute("INSERT INTO t (id, n) VALUES (2, 1)", &[]).unwrap_err();
        assert_eq!(e.status(), Status::Unsafe, "{e}");
        drop(s);
        close(pool);
        pair.assert_equal();
    }

    fn a_trigger_is_seen_within_the_time_that_the_option_allows(pair: &Pair) {
        pair.sql_on_both("CREATE TABLE t (id INTEGER NOT NULL PRIMARY KEY, n INTEGER); CREATE TABLE log (n INTEGER)");
        let pool = open(pair);
        let mut s = acquire(&pool);
        // Facts that are old enough for their version to be believed.
        std::thread::sleep(Duration::from_millis(2200));
        for id in 0..3 {
            run(&mut s, "INSERT INTO t (id, n) VALUES (?, 1)", &[int(id)]);
        }
        pair.sql_on_both(pair.pick(
            "CREATE TRIGGER tr AFTER INSERT ON t BEGIN INSERT INTO log VALUES (1); END",
            "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO log VALUES (1); RETURN NEW; END $$; \
             CREATE TRIGGER tr AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()",
            "CREATE TRIGGER tr AFTER INSERT ON t FOR EACH ROW INSERT INTO log VALUES (1)",
        ));
        std::thread::sleep(Duration::from_millis(1000));
        let e = s.execute("INSERT INTO t (id, n) VALUES (10, 1)", &[]).unwrap_err();
        assert_eq!(e.status(), Status::Unsafe, "{e}");
        // Gone again, the statement is no more refused.
        pair.sql_on_both(pair.pick("DROP TRIGGER tr", "DROP TRIGGER tr ON t", "DROP TRIGGER tr"));
        run(&mut s, "INSERT INTO t (id, n) VALUES (11, 1)", &[]);
        drop(s);
        close(pool);
        pair.assert_equal();
    }

    fn a_column_is_seen_in_a_table_that_was_long_known(pair: &Pair) {
        pair.sql_on_both(pair.pick(
            "CREATE TABLE t (n INT, v INT)", "CREATE TABLE t (n int, v int)", "CREATE TABLE t (n INT, v INT)",
        ));
        let pool = open(pair);
        let mut s = acquire(&pool);
        std::thread::sleep(Duration::from_millis(2200));
        let insert = "INSERT INTO t (n) VALUES (3)";
        run(&mut s, insert, &[]);
        run(&mut s, insert, &[]);
        let change = changes(pair).swap_remove(0);
        change.happen(pair, Others::PastTwinpool, false);
        run(&mut s, insert, &[]);
        std::thread::sleep(Duration::from_millis(1200));
        run(&mut s, insert, &[]);
        assert_eq!(pair.master.count("SELECT count(DISTINCT r) FROM t WHERE r IS NOT NULL"), 2);
        drop(s);
        close(pool);
        pair.assert_equal();
    }

    fn proving_the_facts_costs_no_further_question_in_step_and_in_outages(pair: &Pair) {
        make_items(pair);
        let pool = open_with(pair, &[("mirror.poll_ms", "60000"), ("pool.keepalive_ms", "0"), ("pool.max", "1"), ("catalogue.max_age_ms", "60000")]);
        let mut s = acquire(&pool);
        // Until MariaDB's version of the table is settled.
        std::thread::sleep(Duration::from_millis(2200));
        let mut id = 0;
        // With the hint nothing rests on what is known of the table.
        let mut calls = |s: &mut twinpool::Session, hint: &str| {
            let mut insert = |n: i64| {
                for _ in 0..n {
                    id += 1;
                    run(s, &format!("{hint} INSERT INTO items (id, name) VALUES (?, 'x')"), &[int(id)]);
                }
            };
            insert(5);
            let before = pool.metrics().master.count;
            insert(50);
            pool.metrics().master.count - before
        };
        let direct = [calls(&mut s, ""), calls(&mut s, "/*twin:write*/")];
        // Nor does a session that has settings of its own read the catalogue for each of its statements.
        let set = pair.pick("PRAGMA cache_size = 1000", "SET search_path TO public", "SET sort_buffer_size = 1048576");
        s.execute(set, &[]).unwrap();
        let with_settings = calls(&mut s, "");
        println!("{}: with settings: {with_settings} in step", pair.engine());
        assert_eq!(with_settings, direct[0]);
        if pair.engine() != Engine::Sqlite {
            s.set_schema(pair.pick("", "public", pair.master.database())).unwrap();
            assert_eq!(calls(&mut s, ""), direct[0]);
        }
        pool.detach().unwrap();
        let queued = [calls(&mut s, ""), calls(&mut s, "/*twin:write*/")];
        println!("{}: driver calls of 50 transactions, proved and not: {direct:?} in step, {queued:?} in an outage", pair.engine());
        // In SQLite a question of its own, which is no round trip: one call of the driver.
        let own = if pair.engine() == Engine::Sqlite { 50 } else { 0 };
        assert_eq!((direct[0], queued[0]), (direct[1] + own, queued[1] + own));
        pool.attach().unwrap();
        pool.replay(Duration::from_secs(20), &mut |_| {}).unwrap();
        drop(s);
        close(pool);
        pair.assert_equal();
    }

    fn the_default_of_a_domain_is_that_of_its_columns(pair: &Pair) {
        if pair.engine() != Engine::Postgres {
            return;
        }
        pair.sql_on_both("CREATE DOMAIN d AS int; CREATE TABLE t (id int PRIMARY KEY, v d)");
        let pool = open(pair);
        let mut s = acquire(&pool);
        run(&mut s, "INSERT INTO t (id) VALUES (1)", &[]);
        pair.sql_on_both("ALTER DOMAIN d SET DEFAULT (random() * 1000000)::int");
        run(&mut s, "INSERT INTO t (id) VALUES (2)", &[]);
        drop(s);
        close(pool);
        assert_eq!(pair.master.count("SELECT count(v) FROM t"), 1);
        pair.assert_equal();
    }
}
