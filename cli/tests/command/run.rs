//! `twinpool run`.

use twinpool_testkit::{Engine, Pair, on_all_engines};

use crate::support::{Bench, ITEMS};

fn sqlite(name: &str) -> (Pair, Bench) {
    let pair = Pair::shared(Engine::Sqlite, name);
    let bench = Bench::new(&pair);
    (pair, bench)
}

on_all_engines! {
    fn a_script_runs_on_both_sides_and_says_what_it_did(pair: &Pair) {
        let bench = Bench::new(pair);
        let script = format!(
            "-- a script; with a comment\n{ITEMS};\n\
             BEGIN; INSERT INTO items VALUES (1, 'one; two', 1), (2, NULL, 2);\n\
             UPDATE items SET n = n + 1 WHERE id = 1;\nCOMMIT;\n\
             BEGIN;\nDELETE FROM items WHERE id = 2;\nROLLBACK;\n\
             DELETE FROM items WHERE n = 2 AND name IS NULL;\n"
        );
        let ran = bench.sql(&script).ok();
        assert_eq!(ran.out, "");
        let line = ran.err.lines().last().unwrap_or_default();
        // What a rollback undoes was written all the same when it was counted.
        let expected = "9 statements (rows: 2 inserted, 1 updated, 2 deleted), 3 transactions, ";
        assert!(line.starts_with(expected) && line.contains(" queued, 0 errors, "), "{}", ran.err);
        pair.assert_equal();
        assert_eq!(pair.mirror.count("SELECT COUNT(*) FROM items"), 1);
        assert_eq!(pair.mirror.value("SELECT name FROM items").as_deref(), Some("one; two"));
    }

    fn a_failed_statement_ends_the_script_names_its_line_and_undoes_its_transaction(pair: &Pair) {
        let bench = Bench::new(pair);
        bench.sql(ITEMS).ok();
        let ran = bench.sql(
            "INSERT INTO items VALUES (1, 'a', 1);\n\nBEGIN;\nINSERT INTO items VALUES (2, 'b', 1);\n\
             -- the key is taken\nINSERT INTO items\n  VALUES (1, 'again', 1);\nCOMMIT;\nINSERT INTO items VALUES (3, 'c', 1);",
        );
        let line = ran.failed(1);
        assert!(line.starts_with("line 6: INSERT INTO items VALUES (1, 'again', 1): "), "{line}");
        assert!(ran.err.contains(" 1 error, "), "{}", ran.err);
        assert_eq!(pair.master.count("SELECT COUNT(*) FROM items"), 1);
        pair.assert_equal();
    }

    fn on_error_continue_runs_the_rest_and_still_ends_with_1(pair: &Pair) {
        let bench = Bench::new(pair);
        bench.sql(ITEMS).ok();
        let script = "INSERT INTO items VALUES (1, 'a', 1);\nINSERT INTO nowhere VALUES (1);\nNONSENSE;\nINSERT INTO items VALUES (2, 'b', 1);";
        let ran = bench.run_with(&["run", "--on-error", "continue"], &[], script);
        assert_eq!(ran.status, 1, "{}", ran.err);
        assert!(ran.err.contains("twinpool: line 2: INSERT INTO nowhere VALUES (1): "), "{}", ran.err);
        assert!(ran.err.contains("twinpool: line 3: NONSENSE: "), "{}", ran.err);
        assert!(ran.err.contains(" 2 errors, "), "{}", ran.err);
        assert_eq!(pair.mirror.count("SELECT COUNT(*) FROM items"), 2);
        pair.assert_equal();
    }
}

on_all_engines! {
    fn scripts_one_after_the_other_find_their_tables_on_both(pair: &Pair) {
        let bench = Bench::new(pair);
        bench.sql(ITEMS).ok();
        bench.sql("INSERT INTO items VALUES (1, 'a', 0);\nALTER TABLE items ADD COLUMN m INTEGER").ok();
        bench.sql("UPDATE items SET m = 5 WHERE id = 1").ok();
        bench.run(&["replay", "--timeout", "20"]).ok();
        assert_eq!(pair.mirror.count("SELECT m FROM items"), 5);
        pair.assert_equal();
    }
}

#[test]
fn results_are_aligned_tables() {
    let (_pair, bench) = sqlite("results_are_aligned_tables");
    let ran = bench
        .sql(
            "CREATE TABLE t (id integer NOT NULL PRIMARY KEY, name varchar(20), d date, b blob, x double);\n\
             INSERT INTO t VALUES (1, 'Ærø', '2024-02-29', X'00FF', 0.5), (20, NULL, NULL, NULL, NULL);\n\
             INSERT INTO t VALUES (300, '東京', NULL, zeroblob(40), 2);\n\
             SELECT * FROM t ORDER BY id;\nSELECT id FROM t WHERE id < 0;\nSELECT COUNT(*) AS many FROM t;",
        )
        .ok();
    let expected = "  id │ name │ d          │ b                                               │    x
─────┼──────┼────────────┼─────────────────────────────────────────────────┼──────
   1 │ Ærø  │ 2024-02-29 │ x'00ff'                                         │  0.5
  20 │ NULL │ NULL       │ NULL                                            │ NULL
 300 │ 東京 │ NULL       │ x'00000000000000000000000000000000…' (40 bytes) │    2
(3 rows)

 id
────
(0 rows)

 many
──────
    3
(1 row)

";
    assert_eq!(ran.out, expected);
}

#[test]
fn a_script_comes_from_a_file_too_and_quiet_says_nothing() {
    let (pair, bench) = sqlite("a_script_comes_from_a_file_too");
    bench.write("make.sql", &format!("\u{feff}{ITEMS};\nINSERT INTO items VALUES (1, 'a', 0)"));
    let ran = bench.run(&["run", "make.sql", "--quiet"]).ok();
    assert_eq!((ran.out.as_str(), ran.err.as_str()), ("", ""));
    let ran = bench.run_with(&["run", "-q", "-"], &[], "SELECT id FROM items").ok();
    assert_eq!(ran.out, " id\n────\n  1\n(1 row)\n\n");
    assert_eq!(ran.err, "");
    pair.assert_equal();
}

#[test]
fn a_script_that_cannot_be_read_ends_with_2_before_anything_runs() {
    let (pair, bench) = sqlite("a_script_that_cannot_be_read");
    let ran = bench.run(&["run", "missing.sql"]);
    assert!(ran.failed(2).starts_with("run: missing.sql: "), "{}", ran.err);
    std::fs::write(bench.folder.join("latin.sql"), b"SELECT 1;\nSELECT 'caf\xe9';").unwrap();
    let ran = bench.run(&["run", "latin.sql"]);
    assert_eq!(ran.failed(2), "run: latin.sql: line 2 is not UTF-8");
    assert_eq!(pair.master.count("SELECT COUNT(*) FROM sqlite_master"), 0);
}

#[test]
fn a_transaction_left_open_is_rolled_back_and_an_error() {
    let (pair, bench) = sqlite("a_transaction_left_open");
    bench.sql(ITEMS).ok();
    let ran = bench.sql("SELECT 1;\nBEGIN;\nINSERT INTO items VALUES (1, 'a', 0);");
    assert_eq!(ran.failed(1), "line 2: the script ends without COMMIT: the transaction was rolled back");
    assert_eq!(pair.master.count("SELECT COUNT(*) FROM items"), 0);
    pair.assert_equal();
}

#[test]
fn a_closed_output_ends_the_command_quietly() {
    use std::process::{Command, Stdio};
    let (pair, bench) = sqlite("a_closed_output");
    let numbers =
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000) SELECT i FROM n";
    bench.write("many.sql", numbers);
    let script = format!(
        "'{}' run --quiet many.sql master='{}' mirror='{}' | head -n 3; exit ${{PIPESTATUS[0]}}",
        env!("CARGO_BIN_EXE_twinpool"),
        pair.master.connection_string(),
        pair.mirror.connection_string()
    );
    let mut command = Command::new("bash");
    command.args(["-c", &script]).current_dir(bench.folder.path()).stdin(Stdio::null());
    let output = command.output().expect("bash runs");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(output.status.code(), Some(141));
    assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), 3);
}

#[test]
fn a_statement_that_cannot_be_mirrored_is_refused_with_its_line() {
    let (pair, bench) = sqlite("a_statement_that_cannot_be_mirrored");
    bench.sql(ITEMS).ok();
    let ran = bench.sql("SELECT 1;\nUPDATE items SET id = id + 1;");
    let line = ran.failed(1);
    assert!(line.starts_with("line 2: UPDATE items"), "{line}");
    assert!(line.contains("key"), "{line}");
    pair.assert_equal();
}
