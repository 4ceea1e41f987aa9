//! Promise 4: every kind of statement in the corpus, three ways: direct, queued, and half and half. Both sides
//! are compared to the last bit, by the engines' own clients.

use std::time::Duration;

use twinpool::{MirrorState, Session, Status, TwinPool};
use twinpool_testkit::{Engine, Pair, on_all_engines, on_own_servers};

use crate::common::*;
use crate::corpus::{self, Line};

fn make_schema(pair: &Pair) {
    for sql in corpus::of(pair.engine()).schema {
        pair.sql_on_both(&format!("{sql};"));
    }
}

/// Runs a line: it takes its way, or is refused before it has done anything.
fn run_line(s: &mut Session, line: &Line) -> Result<(), String> {
    let found = s.way(&line.sql, &line.params).map_err(|e| e.to_string())?;
    let done = s.execute(&line.sql, &line.params);
    if found.name() != line.way && line.way != "fails" {
        return Err(format!(
            "goes by {}, not by {} ({:?})",
            found.name(),
            line.way,
            done.err().map(|e| e.to_string())
        ));
    }
    match done {
        Ok(_) if ["refused", "fails"].contains(&line.way.as_str()) => Err(format!("is not {}", line.way)),
        Ok(mut done) => {
            let mut block = twinpool::Block::default();
            while let Some(rows) = &mut done.rows
                && rows.next_block(10, &mut block).map_err(|e| e.to_string())?
            {}
            Ok(())
        }
        Err(e) if line.way == "refused" && [Status::Unsafe, Status::Unsupported].contains(&e.status()) => {
            Ok(())
        }
        Err(e) if line.way == "fails" && e.status() == Status::Database => Ok(()),
        Err(e) => Err(format!("{e} {:?}", e.records())),
    }
}

/// Runs the lines, and says of all of them what is not as it should be. `look`: after each one, to find out
/// which has made the sides differ.
fn run_all(pair: &Pair, pool: &TwinPool, s: &mut Session, lines: &[Line], look: bool) {
    let mut wrong = Vec::new();
    let direct = pool.status().mirror_state == MirrorState::InSync;
    for line in lines {
        if let Err(why) = run_line(s, line) {
            wrong.push(format!("{}: {}\n    {why}", line.place, line.sql));
        }
        // MariaDB's DDL is queued: what follows would be too, until the mirror has it. Nothing else may be.
        if direct && pair.engine() == Engine::MariaDb && ["ddl", "fails"].contains(&line.way.as_str()) {
            wait_in_sync(pool);
        } else if direct && pool.status().mirror_state != MirrorState::InSync {
            wrong.push(format!("{}: {}\n    was queued: {}", line.place, line.sql, pool.status().reason));
            wait_in_sync(pool);
        }
        if look && matches!(line.way.as_str(), "rows" | "text" | "keys") {
            let found = pair.differences();
            assert!(found.is_empty(), "{}: {}\n{}", line.place, line.sql, found.join("\n"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The first place from `n` on where no transaction is open.
fn outside(lines: &[Line], n: usize) -> usize {
    let mut open = false;
    for (i, line) in lines.iter().enumerate().filter(|(_, line)| line.way == "local") {
        let first = line.sql.split_whitespace().next().unwrap_or_default();
        match first {
            _ if i >= n && !open => return n.max(i),
            "BEGIN" | "START" => open = true,
            "COMMIT" | "END" | "ABORT" => open = false,
            "ROLLBACK" if !line.sql.contains(" TO ") => open = false,
            _ => {}
        }
    }
    lines.len()
}

fn assert_same(pair: &Pair) {
    pair.assert_equal();
    pair.assert_same_definitions();
    // Counters count: what the mirror generates next is not there yet.
    if pair.engine() == Engine::Sqlite {
        for node in pair.nodes() {
            node.sql("INSERT INTO autoinc (name) VALUES ('next'); INSERT INTO auto (name) VALUES ('next');");
        }
        pair.assert_equal();
    }
}

on_all_engines! {
    /// Else the comparisons below would show nothing.
    fn an_object_that_only_one_side_has_is_seen(pair: &Pair) {
        pair.sql_on_both("CREATE TABLE x (id INTEGER NOT NULL PRIMARY KEY, v INTEGER); CREATE TABLE y (id INTEGER)");
        let mut kinds = vec![
            ("CREATE INDEX x_v ON x (v)", "CREATE INDEX x_v ON x (v, id)"),
            ("CREATE VIEW w AS SELECT id FROM x", "CREATE VIEW w AS SELECT v FROM x"),
            ("ALTER TABLE y ADD COLUMN a INTEGER DEFAULT 1", "ALTER TABLE y ADD COLUMN a INTEGER DEFAULT 2"),
            ("CREATE TABLE z (id INTEGER CHECK (id > 1))", "CREATE TABLE z (id INTEGER CHECK (id > 2))"),
        ];
        kinds.extend(match pair.engine() {
            Engine::Sqlite => vec![(
                "CREATE TRIGGER g AFTER INSERT ON x BEGIN DELETE FROM y; END",
                "CREATE TRIGGER g AFTER INSERT ON x BEGIN UPDATE y SET id = 1; END",
            )],
            Engine::MariaDb => vec![
                (
                    "CREATE TRIGGER g AFTER INSERT ON x FOR EACH ROW DELETE FROM y",
                    "CREATE TRIGGER g AFTER INSERT ON x FOR EACH ROW UPDATE y SET id = 1",
                ),
                ("CREATE SEQUENCE s START WITH 5", "CREATE SEQUENCE s START WITH 6"),
                ("CREATE PROCEDURE p() SELECT 1", "CREATE PROCEDURE p() SELECT 2"),
            ],
            Engine::Postgres => vec![
                (
                    "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
                    "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END'",
                ),
                (
                    "CREATE TRIGGER g BEFORE INSERT ON x FOR EACH ROW EXECUTE FUNCTION f()",
                    "CREATE TRIGGER g BEFORE UPDATE ON x FOR EACH ROW EXECUTE FUNCTION f()",
                ),
                ("CREATE SEQUENCE s START WITH 5", "CREATE SEQUENCE s START WITH 6"),
            ],
        });
        for (here, there) in kinds {
            pair.assert_same_definitions();
            pair.master.sql(here);
            assert!(!pair.definition_differences().is_empty(), "{here}");
            pair.mirror.sql(there);
            assert!(!pair.definition_differences().is_empty(), "{here}; {there}");
            // By name: the next kinds build on what is the same.
            let words: Vec<&str> = here.split(' ').collect();
            match (words[0], words[1], pair.engine()) {
                ("ALTER", ..) => pair.mirror.sql("ALTER TABLE y DROP COLUMN a"),
                (_, "INDEX", Engine::MariaDb) => pair.mirror.sql("DROP INDEX x_v ON x"),
                (_, "TRIGGER", Engine::Postgres) => pair.mirror.sql("DROP TRIGGER g ON x"),
                (_, kind, _) => pair.mirror.sql(&format!("DROP {kind} {}", words[2].trim_end_matches("()"))),
            };
            pair.mirror.sql(here);
        }
        pair.assert_same_definitions();
    }

    fn every_kind_of_statement_is_the_same_on_both_sides_at_once(pair: &Pair) {
        make_schema(pair);
        let pool = open(pair);
        let mut s = acquire(&pool);
        let lines = corpus::of(pair.engine()).lines;
        run_all(pair, &pool, &mut s, &lines, std::env::var_os("TWINPOOL_EACH").is_some());
        let status = wait_in_sync(&pool);
        assert_eq!(status.queued, 0, "{status:?}");
        // DDL on an engine that commits it by itself.
        assert_eq!(status.replayed > 0, pair.engine() == Engine::MariaDb, "{status:?}");
        drop(s);
        close(pool);
        assert_same(pair);
    }

    fn every_kind_of_statement_is_the_same_on_both_sides_by_replay(pair: &Pair) {
        make_schema(pair);
        let pool = open(pair);
        pool.detach().unwrap();
        let mut s = acquire(&pool);
        run_all(pair, &pool, &mut s, &corpus::of(pair.engine()).lines, false);
        assert_eq!(pool.status().direct, 0);
        assert_eq!(pair.mirror.count("SELECT COUNT(*) FROM t"), 0);
        pool.attach().unwrap();
        wait_in_sync(&pool);
        drop(s);
        close(pool);
        assert_same(pair);
    }
}

on_own_servers! {
    fn every_kind_of_statement_is_the_same_on_both_sides_with_an_outage_in_the_middle(pair: &Pair) {
        make_schema(pair);
        let pool = open(pair);
        let mut s = acquire(&pool);
        let lines = corpus::of(pair.engine()).lines;
        let (first, second) = (outside(&lines, lines.len() / 3), outside(&lines, lines.len() * 2 / 3));
        run_all(pair, &pool, &mut s, &lines[..first], false);
        // In the middle of a transaction, too.
        s.begin().unwrap();
        run_line(&mut s, &line("INSERT INTO auto (name) VALUES ('before')")).unwrap();
        pair.mirror.kill();
        run_line(&mut s, &line("INSERT INTO auto (name) VALUES ('after')")).unwrap();
        assert_eq!(s.commit().unwrap(), Status::Queued);
        run_all(pair, &pool, &mut s, &lines[first..second], false);
        pair.mirror.restart();
        wait_in_sync(&pool);
        run_all(pair, &pool, &mut s, &lines[second..], false);
        wait_in_sync(&pool);
        drop(s);
        pool.close(Duration::from_secs(20)).unwrap();
        assert_same(pair);
    }
}

fn line(sql: &str) -> Line {
    Line { place: "here".into(), way: "rows".into(), sql: sql.into(), params: Vec::new() }
}
