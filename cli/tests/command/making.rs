//! `twinpool init --adopt`, `uninstall`, an own schema or prefix.

use twinpool_testkit::{Engine, Pair, on_all_engines};

use crate::support::{Bench, ITEMS};

/// How many tables of ours both databases have together.
fn ours(pair: &Pair) -> i64 {
    let sql = match pair.engine() {
        Engine::Sqlite => {
            "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND (name LIKE '%twin_%' OR name LIKE '%invocation_queue')"
        }
        Engine::Postgres => {
            "SELECT COUNT(*) FROM pg_tables WHERE tablename LIKE '%twin\\_%' OR tablename LIKE '%invocation_queue'"
        }
        Engine::MariaDb => {
            "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema LIKE CONCAT(database(), '%') AND (table_name LIKE '%twin\\_%' OR table_name LIKE '%invocation_queue')"
        }
    };
    pair.nodes().iter().map(|node| node.count(sql)).sum()
}

const FILLED: &str = "CREATE TABLE items (id INTEGER NOT NULL PRIMARY KEY, name VARCHAR(40), n INTEGER NOT NULL DEFAULT 0); \
                      INSERT INTO items VALUES (1, 'a', 1), (2, 'b', 2), (3, 'c', 3)";

on_all_engines! {
    fn two_databases_with_the_same_data_are_adopted(pair: &Pair) {
        let bench = Bench::new(pair);
        pair.sql_on_both(FILLED);
        let ran = bench.run(&["init", "--adopt"]).ok();
        assert!(ran.out.contains("items"), "{}", ran.out);
        assert!(ran.out.ends_with("equal: 1 table; the pair is made\n"), "{}", ran.out);
        assert_eq!(ours(pair), 18);
        bench.sql("UPDATE items SET n = 7 WHERE id = 2").ok();
        pair.assert_equal();
        assert_eq!(pair.mirror.count("SELECT n FROM items WHERE id = 2"), 7);
        // Once is enough.
        assert!(bench.run(&["init", "--adopt"]).failed(2).contains("belongs to a pair already"));
    }

    fn different_rows_are_shown_and_not_adopted(pair: &Pair) {
        let bench = Bench::new(pair);
        pair.sql_on_both(FILLED);
        pair.mirror.sql("UPDATE items SET n = 9 WHERE id = 2");
        pair.mirror.sql("DELETE FROM items WHERE id = 3");
        let ran = bench.run(&["init", "--adopt"]);
        assert_eq!(ran.status, 1, "{}{}", ran.out, ran.err);
        assert!(ran.out.contains("DIFFERENT (3 rows)"), "{}", ran.out);
        assert!(ran.out.contains("items: id=2 (master)") && ran.out.contains("items: id=3 (master)"), "{}", ran.out);
        assert!(ran.out.ends_with("not adopted: make both equal first; nothing was changed\n"), "{}", ran.out);
        assert_eq!(ours(pair), 0);
    }

    fn different_schemas_are_shown_and_not_adopted(pair: &Pair) {
        let bench = Bench::new(pair);
        pair.sql_on_both(FILLED);
        pair.master.sql("CREATE TABLE only_here (id INTEGER NOT NULL PRIMARY KEY)");
        pair.mirror.sql("CREATE TABLE only_there (id INTEGER NOT NULL PRIMARY KEY)");
        pair.master.sql("CREATE TABLE keyed (id INTEGER NOT NULL PRIMARY KEY, a INTEGER NOT NULL, b VARCHAR(10))");
        pair.mirror.sql("CREATE TABLE keyed (id INTEGER NOT NULL, a INTEGER NOT NULL PRIMARY KEY, b VARCHAR(20) NOT NULL)");
        pair.master.sql("CREATE TABLE wide (id INTEGER NOT NULL PRIMARY KEY, a INTEGER)");
        pair.mirror.sql("CREATE TABLE wide (id INTEGER NOT NULL PRIMARY KEY)");
        let ran = bench.run(&["init", "--adopt"]);
        assert_eq!(ran.status, 1, "{}{}", ran.out, ran.err);
        for line in [
            "only_here: missing on the mirror",
            "only_there: missing on the master",
            "keyed.b: type: master ",
            "keyed.b: master nullable, mirror not null",
            "keyed: primary key: master id, mirror a",
            "wide: columns: master (id, a), mirror (id)",
        ] {
            assert!(ran.out.contains(line), "{line}:\n{}", ran.out);
        }
        assert_eq!(ours(pair), 0);
    }

    fn uninstall_takes_all_of_ours_and_nothing_else(pair: &Pair) {
        let bench = Bench::new(pair);
        bench.sql(ITEMS).ok();
        bench.sql("INSERT INTO items VALUES (1, 'a', 0)").ok();
        bench.run(&["replay", "--timeout", "20"]).ok();
        assert_eq!(ours(pair), 18);
        // Not while somebody has the pair open.
        let mut options = twinpool::Options::new();
        options.set("master", &pair.master.connection_string()).unwrap();
        options.set("mirror", &pair.mirror.connection_string()).unwrap();
        let pool = twinpool::TwinPool::open(&options).unwrap();
        for arguments in [&["uninstall"][..], &["uninstall", "--force"]] {
            let ran = bench.run(arguments);
            assert!(ran.failed(1).contains(&format!("of process {}", std::process::id())), "{}", ran.err);
        }
        pool.detach().unwrap();
        pool.acquire(None).unwrap().execute("INSERT INTO items VALUES (2, 'b', 0)", &[]).unwrap();
        pool.close(std::time::Duration::from_secs(5)).unwrap();
        // Nor while something waits, unless it is given up.
        assert!(bench.run(&["uninstall"]).failed(1).contains("1 entries of the queue wait"));
        assert_eq!(ours(pair), 18);
        let ran = bench.run(&["uninstall", "--force"]).ok();
        assert_eq!(ran.out, "master: 9 tables dropped\nmirror: 9 tables dropped\n");
        assert_eq!(ours(pair), 0);
        assert_eq!(pair.master.count("SELECT COUNT(*) FROM items"), 2);
        if let Some(path) = pair.master.path() {
            let names = std::fs::read_dir(path.parent().unwrap()).unwrap().flatten();
            let left: Vec<_> = names.map(|e| e.file_name()).filter(|n| n.to_string_lossy().contains(".lock")).collect();
            assert!(left.is_empty(), "{left:?}");
        }
        // A dump of the master, as it was while it was a node, can be adopted after it was cleared.
        pair.mirror.sql("INSERT INTO items VALUES (2, 'b', 0)");
        assert!(bench.run(&["uninstall"]).ok().out.contains("master: 0 tables dropped"));
        bench.run(&["init", "--adopt"]).ok();
        bench.sql("UPDATE items SET n = 5 WHERE id = 2").ok();
        pair.assert_equal();
    }

    fn an_own_schema_and_prefix_hold_all_of_ours(pair: &Pair) {
        let bench = Bench::new(pair);
        bench.sql(ITEMS).ok();
        bench.run(&["uninstall", "--force"]).ok();
        let schema = format!("{}_Own", pair.master.database());
        let mut own = vec!["tables.prefix=Our_".to_owned()];
        match pair.engine() {
            Engine::Sqlite => {}
            Engine::Postgres => own.push("tables.schema=Own Place".to_owned()),
            Engine::MariaDb => {
                pair.sql_on_both(&format!("CREATE DATABASE `{schema}`"));
                own.push(format!("tables.schema={schema}"));
            }
        }
        let run = |arguments: &[&str], input: &str| {
            let all: Vec<&str> = own.iter().map(String::as_str).chain(arguments.iter().copied()).collect();
            bench.run_with(&all, &[], input)
        };
        assert_eq!(run(&["init"], "").ok().out, "the pair is made: in_sync\n");
        run(&["run"], "INSERT INTO items VALUES (1, 'a', 0)").ok();
        run(&["detach"], "").ok();
        run(&["run"], "INSERT INTO items VALUES (2, 'b', 0)").ok();
        let queue = match pair.engine() {
            Engine::Sqlite => "\"Our_invocation_queue\"".to_owned(),
            Engine::Postgres => "\"Own Place\".\"Our_invocation_queue\"".to_owned(),
            Engine::MariaDb => format!("`{schema}`.`Our_invocation_queue`"),
        };
        assert_eq!(pair.master.count(&format!("SELECT COUNT(*) FROM {queue}")), 1);
        run(&["attach"], "").ok();
        run(&["replay", "--timeout", "20"], "").ok();
        run(&["queue", "renumber"], "").ok();
        run(&["verify"], "").ok();
        assert_eq!(ours(pair), 18);
        run(&["uninstall"], "").ok();
        assert_eq!(ours(pair), 0);
        assert_eq!(pair.mirror.count("SELECT COUNT(*) FROM items"), 2);
        if pair.engine() == Engine::MariaDb {
            pair.sql_on_both(&format!("DROP DATABASE `{schema}`"));
        }
    }
}

#[test]
fn grants_are_printed_for_each_engine() {
    let bench = Bench::bare("grants");
    let of = |engine: &str| bench.run(&["init", "--grants", "app", "--engine", engine]).ok().out;
    assert!(of("postgres").contains("GRANT SELECT, UPDATE ON twin_state TO app;\n"));
    assert!(of("mariadb").contains("GRANT ALTER ON invocation_queue TO app;\n"));
    assert_eq!(of("sqlite").lines().count(), 1);
}
