//! Promise 4: tables that somebody else changes while a pool is open, through twinpool or past it.

use std::time::Duration;

use twinpool::Status;
use twinpool_testkit::{Pair, on_all_engines};

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
            make: pair.pick("CREATE TABLE t (n INT, v INT)", "CREATE TABLE t (n int, v int)", "CREATE TABLE t (n INT, v INT)"),
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
        let what = format!("{}: {}, {others:?}, queued {queued}, explicit {explicit}", pair.engine(), self.name);
        pair.sql_on_both(&format!("DROP TABLE IF EXISTS t; {}", pair.pick("", "DROP FUNCTION IF EXISTS f", "")));
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
}
