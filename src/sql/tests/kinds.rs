//! Statements and their kinds.

use crate::link::Engine::{self, *};
use crate::sql::{Begin, BeginMode, Classifier, Hint, Kind, SessionKind, Verb};
use crate::twin::Isolation;

fn kind(engine: Engine, sql: &str) -> Kind {
    Classifier::new(engine).analyse(sql).kind.clone()
}

/// Checks `statements` on the engines named by the letters `p`, `m`, `s`.
fn all(engines: &str, expected: Kind, statements: &[&str]) {
    for letter in engines.chars() {
        let engine = match letter {
            'p' => Postgres,
            'm' => MariaDb,
            _ => Sqlite,
        };
        for sql in statements {
            assert_eq!(kind(engine, sql), expected, "{engine:?}: {sql}");
        }
    }
}

fn write(verb: Verb) -> Kind {
    Kind::Write(verb)
}

#[test]
fn queries_of_known_functions_read() {
    all(
        "pms",
        Kind::Read,
        &[
            "SELECT 1",
            "select a, b from t where c = ? order by d limit 5",
            "  \n/* a comment */ SELECT 1 -- and another\n",
            "SELECT 'DELETE FROM t', 'it''s', 'INSERT INTO'",
            "SELECT count(*), max(a), coalesce(b, 'x') FROM t GROUP BY c HAVING count(*) > 1",
            "WITH x AS (SELECT 1), y (a, b) AS (SELECT 1, 2) SELECT * FROM x, y",
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9) SELECT i FROM n",
            "SELECT replace(a, 'x', 'y'), substr(b, 1, 2), abs(c) FROM t",
            "(SELECT 1) UNION (SELECT 2)",
            "SELECT * FROM a JOIN b USING (id) WHERE a.id IN (1, 2) AND EXISTS (SELECT 1 FROM c)",
            "SELECT CASE WHEN (a) THEN (b) ELSE (c) END FROM t",
            "SELECT CAST(a AS numeric(10, 2)), CAST(b AS varchar(3)) FROM t",
            "SELECT row_number() OVER (PARTITION BY a ORDER BY b), sum(c) OVER w FROM t WINDOW w AS (ORDER BY d)",
            "SELECT 1;",
            ";;SELECT 1;;",
            "SELECT t.nextval, t.updated, deleted_at, insert_count, is_replaced FROM t",
            "SELECT {fn lower(a)}, {d '2020-01-01'} FROM {oj a LEFT OUTER JOIN b ON a.i = b.i}",
            "EXPLAIN SELECT 1",
            "VALUES (1), (2)",
        ],
    );
    all(
        "p",
        Kind::Read,
        &[
            "SELECT now(), random(), gen_random_uuid(), current_user, current_date",
            "SELECT \"delete\", \"update\" FROM \"insert\"",
            "SELECT pg_catalog.lower(a), a::numeric(4, 1), b::varchar(3) FROM t",
            "SELECT $$DELETE FROM t$$, $x$ UPDATE $x$, E'\\'; DELETE FROM t; --'",
            "SELECT * FROM generate_series(1, 3) AS g(i)",
            "SELECT * FROM (VALUES (1, 2)) AS v (a, b)",
            "SELECT DISTINCT ON (a) lower(b) FROM t",
            "SELECT count(*) FILTER (WHERE a), percentile_cont(0.5) WITHIN GROUP (ORDER BY b) FROM t",
            "SELECT a -> 'x' ->> 'y', b @> '{}' FROM t",
            "SELECT ARRAY(SELECT 1), ROW(1, 2), extract(year FROM d), b IS DISTINCT FROM c FROM t",
            "WITH x AS MATERIALIZED (SELECT 1) SELECT * FROM x",
            "SELECT /* nested /* UPDATE */ still a comment */ 1",
            "TABLE t",
            "SHOW search_path",
            "EXPLAIN (COSTS OFF, FORMAT JSON) UPDATE t SET a = 1",
            "EXPLAIN DELETE FROM t",
            "EXPLAIN VERBOSE INSERT INTO t VALUES (1)",
            "EXPLAIN ANALYZE SELECT 1",
            "SELECT * FROM t TABLESAMPLE system (10)",
            "SELECT a FROM t LIMIT ALL OFFSET (2)",
            "SELECT 'a' -- '\n, 'b'",
        ],
    );
    all(
        "m",
        Kind::Read,
        &[
            "SELECT now(), uuid(), rand(), last_insert_id(), @x, @@sql_mode",
            "SELECT `delete`, `update` FROM `insert`",
            "SELECT insert('abc', 1, 2, 'x'), truncate(1.5, 0), if(a, b, c)",
            "SELECT 'it\\'s; DELETE FROM t'",
            "SELECT \"a\\\"; DELETE FROM t\"",
            "SELECT 1 # DELETE FROM t",
            "SELECT 5--1",
            "SELECT a FROM t USE INDEX (i) WHERE MATCH (a) AGAINST ('x' IN BOOLEAN MODE)",
            "SELECT group_concat(a ORDER BY b SEPARATOR ','), convert(c, char(10)) FROM t",
            "SHOW CREATE TABLE t",
            "SHOW TABLES",
            "DESC t",
            "DESCRIBE t a",
            "EXPLAIN UPDATE t SET a = 1",
            "EXPLAIN FORMAT=JSON SELECT 1",
            "DO SLEEP(0)",
            "CHECKSUM TABLE t",
            "SET STATEMENT max_statement_time = 1 FOR SELECT 5",
            "HELP 'x'",
        ],
    );
    all(
        "s",
        Kind::Read,
        &[
            "SELECT date('now'), last_insert_rowid(), random(), changes()",
            "SELECT [delete], `update`, \"insert\" FROM [into]",
            "SELECT * FROM json_each(?), pragma_table_info('t')",
            "SELECT '\\'",
            "PRAGMA table_info(t)",
            "PRAGMA main.index_list(t)",
            "PRAGMA journal_mode",
            "PRAGMA integrity_check(10)",
            "EXPLAIN QUERY PLAN DELETE FROM t",
            "SELECT a FROM t WHERE a GLOB ('x*') AND b MATCH ('y')",
        ],
    );
}

#[test]
fn what_locks_is_no_mere_read() {
    all(
        "pm",
        Kind::Lock,
        &["SELECT a FROM t FOR UPDATE", "SELECT a FROM t WHERE b = ? FOR UPDATE SKIP LOCKED"],
    );
    all(
        "p",
        Kind::Lock,
        &[
            "SELECT a FROM t FOR NO KEY UPDATE OF t NOWAIT",
            "SELECT a FROM t FOR SHARE",
            "SELECT a FROM t FOR KEY SHARE",
            "SELECT * FROM (SELECT a FROM t FOR UPDATE) AS x",
            "WITH x AS (SELECT a FROM t LIMIT 1 FOR UPDATE) SELECT * FROM x",
            "SELECT pg_advisory_xact_lock(1)",
            "LOCK TABLE t IN EXCLUSIVE MODE",
            "EXPLAIN ANALYZE SELECT a FROM t FOR UPDATE",
        ],
    );
    all(
        "m",
        Kind::Lock,
        &["SELECT a FROM t LOCK IN SHARE MODE", "SELECT GET_LOCK('x', 1)", "DO RELEASE_LOCK('x')"],
    );
}

#[test]
fn writes_are_writes() {
    all(
        "pms",
        write(Verb::Insert),
        &["INSERT INTO t VALUES (1)", "insert into t (a) select 1", "/* x */insert into t values (?)"],
    );
    all("pms", write(Verb::Update), &["UPDATE t SET a = 1", "WITH x AS (SELECT 1) UPDATE t SET a = 1"]);
    all("pms", write(Verb::Delete), &["DELETE FROM t", "WITH x (a) AS (SELECT 1) DELETE FROM t"]);
    all("pms", write(Verb::Insert), &["WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x"]);
    all("ms", write(Verb::Replace), &["REPLACE INTO t VALUES (1)"]);
    all("p", write(Verb::Merge), &["MERGE INTO t USING s ON t.i = s.i WHEN MATCHED THEN DELETE"]);
    all("pm", write(Verb::Call), &["CALL p(1)", "EXECUTE p", "{call p(?)}", "{? = call f(?)}", "{ CALL p }"]);
    all("p", write(Verb::Call), &["DO $$ BEGIN DELETE FROM t; END $$"]);
    all("p", write(Verb::Load), &["COPY t FROM STDIN", "COPY t TO '/tmp/x'"]);
    all("m", write(Verb::Load), &["LOAD DATA INFILE 'x' INTO TABLE t"]);
    all("p", write(Verb::Maintain), &["VACUUM t", "ANALYZE", "REINDEX TABLE t", "CHECKPOINT"]);
    all("m", write(Verb::Maintain), &["OPTIMIZE TABLE t", "ANALYZE TABLE t", "FLUSH TABLES", "KILL 5"]);
    all(
        "s",
        write(Verb::Maintain),
        &["VACUUM", "ANALYZE", "PRAGMA optimize", "PRAGMA wal_checkpoint(TRUNCATE)"],
    );
    all("pm", write(Verb::Sequence), &["SELECT nextval('s')", "SELECT nextval('s'), now() FROM t"]);
    all("m", write(Verb::Sequence), &["SELECT NEXT VALUE FOR s"]);
}

#[test]
fn queries_that_may_write_are_writes() {
    all(
        "pms",
        write(Verb::Select),
        &["SELECT my_function(1)", "SELECT a FROM t WHERE f (b)", "SELECT a FROM t, g(1)"],
    );
    all(
        "p",
        write(Verb::Select),
        &[
            "SELECT setval('s', 5)",
            "SELECT set_config('a.b', 'c', false)",
            "SELECT my.lower(a) FROM t",
            "SELECT a.pg_catalog.lower(b) FROM t",
            "SELECT \"F\"(a) FROM t",
            "SELECT f/* x */(a)",
            "SELECT * INTO t2 FROM t",
            "WITH d AS (DELETE FROM t RETURNING *) SELECT * FROM d",
            "WITH d AS (INSERT INTO t VALUES (1) RETURNING a), e AS (SELECT 1) SELECT * FROM d, e",
            "SELECT * FROM f(x) AS (a int, b text)",
            "SELECT filter(1)",
            "SELECT over(1)",
            "SELECT pg_terminate_backend(5)",
            "SELECT dblink_exec('x', 'DELETE FROM t')",
            "SELECT query_to_xml('delete from t', true, true, '')",
            "SELECT update FROM t",
            "(SELECT f(1))",
            "SELECT 1INTO t",
            "VALUES (f(1))",
            "DECLARE c CURSOR FOR SELECT f(1)",
        ],
    );
    all(
        "m",
        write(Verb::Select),
        &["SELECT db.f(1)", "SELECT `f`(1)", "DO f(1)", "SELECT * FROM t PROCEDURE analyse2()"],
    );
    all(
        "s",
        write(Verb::Select),
        &["SELECT load_extension('x')", "SELECT writefile('a', 'b')", "SELECT [f](1)"],
    );
    all(
        "m",
        Kind::Session(SessionKind::Variable),
        &["SELECT a INTO @x FROM t", "SELECT @x := 5", "SELECT a FROM t INTO OUTFILE 'x'"],
    );
    all("m", write(Verb::Select), &["SELECT a INTO x FROM t", "SELECT @x := f(1)"]);
}

#[test]
fn what_cannot_be_understood_is_a_write() {
    all(
        "pms",
        write(Verb::Unknown),
        &[
            "FROBNICATE t",
            "SELECT 'not ended",
            "SELECT 1\0; DELETE FROM t",
            "SELECT /* not ended",
            "{ts '2020-01-01'}",
            "42",
            "'x'",
            "COMMIT PREPARED 'x'",
            "BEGIN SOMETHING",
            "ROLLBACK TO",
            "SAVEPOINT a b",
            "XA START 'x'",
        ],
    );
    // MariaDB runs what is in these comments.
    all(
        "m",
        write(Verb::Unknown),
        &[
            "SELECT 1 /*! INTO OUTFILE 'x' */",
            "/*!40101 SET NAMES utf8 */",
            "/*M!100100 DELETE FROM t */",
            "SELECT /*!50000 f(1), */ 2",
            "ANALYZE UPDATE t SET a = 1",
            "ANALYZE FORMAT=JSON DELETE FROM t",
            "BEGIN NOT ATOMIC SELECT 1; END",
            "SET @x = f(1)",
            "SET STATEMENT max_statement_time = 1 FOR DELETE FROM t",
            "SET sql_mode = '', autocommit = 1",
            "EXPLAIN SELECT * FROM (SELECT f(1)) x",
        ],
    );
    all(
        "p",
        write(Verb::Unknown),
        &[
            "EXPLAIN ANALYZE DELETE FROM t",
            "EXPLAIN (ANALYZE, BUFFERS) UPDATE t SET a = 1",
            "EXPLAIN (VERBOSE) ANALYZE SELECT f(1)",
            "PREPARE TRANSACTION 'x'",
        ],
    );
    all("s", write(Verb::Unknown), &["PRAGMA writable_schema = 1", "TABLE t", "DO 1", "SHOW TABLES"]);
    // A plain comment is no executable one, and other engines have none.
    all("m", Kind::Read, &["SELECT 1 /* ! */", "SELECT /*+ hint */ 1"]);
    all("ps", Kind::Read, &["SELECT 1 /*! INTO x */"]);
}

#[test]
fn a_string_that_other_settings_end_elsewhere_hides_no_write() {
    // With NO_BACKSLASH_ESCAPES the first string ends at the second quote.
    all("m", write(Verb::Unknown), &["SELECT 'a\\', f(1), \\'b'"]);
    // With standard_conforming_strings off it does not.
    all("p", write(Verb::Unknown), &["SELECT 'a\\', ', f(1), ', \\'b'"]);
}

#[test]
fn transaction_control_is_recognised() {
    let begin = Begin::default();
    all("pms", Kind::Begin(begin), &["BEGIN", "begin", "BEGIN;"]);
    all("pm", Kind::Begin(begin), &["START TRANSACTION", "BEGIN WORK"]);
    all("ps", Kind::Begin(begin), &["BEGIN TRANSACTION"]);
    for (words, mode) in [
        ("DEFERRED", BeginMode::Deferred),
        ("IMMEDIATE", BeginMode::Immediate),
        ("EXCLUSIVE", BeginMode::Exclusive),
    ] {
        assert_eq!(
            kind(Sqlite, &format!("BEGIN {words} TRANSACTION")),
            Kind::Begin(Begin { mode: Some(mode), ..begin })
        );
    }
    let serializable = Begin { isolation: Some(Isolation::Serializable), read_only: Some(true), mode: None };
    all("p", Kind::Begin(serializable), &["BEGIN ISOLATION LEVEL SERIALIZABLE, READ ONLY, NOT DEFERRABLE"]);
    all("m", Kind::Begin(Begin { read_only: Some(false), ..begin }), &["START TRANSACTION READ WRITE"]);
    all("pms", Kind::Commit { chain: false }, &["COMMIT", "commit;", "COMMIT /* now */"]);
    all("ps", Kind::Commit { chain: false }, &["END", "END TRANSACTION"]);
    all("pm", Kind::Commit { chain: true }, &["COMMIT AND CHAIN"]);
    all("pm", Kind::Commit { chain: false }, &["COMMIT WORK AND NO CHAIN"]);
    all("pms", Kind::Rollback { chain: false }, &["ROLLBACK"]);
    all("p", Kind::Rollback { chain: false }, &["ABORT", "ROLLBACK TRANSACTION"]);
    all("pms", Kind::Savepoint("a".into()), &["SAVEPOINT a", "savepoint A"]);
    all("ps", Kind::Savepoint("A b".into()), &["SAVEPOINT \"A b\""]);
    all("pms", Kind::RollbackTo("a".into()), &["ROLLBACK TO a", "ROLLBACK TO SAVEPOINT a"]);
    all("m", Kind::RollbackTo("a".into()), &["ROLLBACK WORK TO `a`"]);
    all("pms", Kind::Release("a".into()), &["RELEASE SAVEPOINT a"]);
    all("ps", Kind::Release("a".into()), &["RELEASE a"]);
}

#[test]
fn ddl_is_recognised() {
    all(
        "pms",
        Kind::Ddl,
        &[
            "CREATE TABLE t (a int)",
            "DROP TABLE IF EXISTS t",
            "ALTER TABLE t ADD b int",
            "CREATE UNIQUE INDEX i ON t (a)",
            "CREATE VIEW v AS SELECT f(1)",
        ],
    );
    all(
        "pm",
        Kind::Ddl,
        &["TRUNCATE TABLE t", "GRANT SELECT ON t TO u", "CREATE OR REPLACE VIEW v AS SELECT 1"],
    );
    all(
        "p",
        Kind::Ddl,
        &[
            "CREATE FUNCTION f() RETURNS int AS $$ SELECT 1; $$ LANGUAGE sql",
            "COMMENT ON TABLE t IS 'x'",
            "REFRESH MATERIALIZED VIEW v",
        ],
    );
    all(
        "m",
        Kind::Ddl,
        &[
            "RENAME TABLE a TO b",
            "CREATE PROCEDURE p() BEGIN DELETE FROM t; END",
            "SET PASSWORD = PASSWORD('x')",
        ],
    );
    all(
        "s",
        Kind::Ddl,
        &[
            "CREATE TRIGGER r AFTER INSERT ON t BEGIN DELETE FROM u; SELECT 1; END",
            "PRAGMA user_version = 5",
            "CREATE VIRTUAL TABLE t USING fts5(a)",
        ],
    );
}

#[test]
fn session_statements_are_recognised() {
    use SessionKind::*;
    let session = |k| Kind::Session(k);
    all("pms", session(TempTable), &["CREATE TEMPORARY TABLE t (a int)"]);
    all("ps", session(TempTable), &["CREATE TEMP TABLE t AS SELECT 1"]);
    all("p", Kind::Write(Verb::Unknown), &["CREATE TEMP TABLE t AS SELECT f(1)"]);
    all(
        "p",
        session(Set),
        &["SET a.b = 'c'", "SET SESSION a.b TO c", "SET TIME ZONE 'UTC'", "RESET a.b", "SET ROLE x"],
    );
    all("p", session(SetLocal), &["SET LOCAL a.b = 'c'", "SET CONSTRAINTS ALL DEFERRED"]);
    all("p", session(Schema), &["SET search_path TO x, public", "SET SCHEMA 'x'"]);
    all(
        "p",
        session(Transaction),
        &[
            "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE",
            "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
        ],
    );
    all("p", session(Server), &["ALTER SYSTEM SET a = 'b'"]);
    all("p", session(Cursor), &["DECLARE c CURSOR FOR SELECT a FROM t", "FETCH 5 FROM c", "CLOSE c"]);
    all("p", session(Prepared), &["PREPARE p AS SELECT 1", "DEALLOCATE p"]);
    all("p", session(Listen), &["LISTEN x", "NOTIFY x, 'y'", "UNLISTEN *"]);
    all("p", session(Reset), &["DISCARD ALL", "RESET ALL"]);
    all(
        "m",
        session(Set),
        &["SET NAMES utf8mb4", "SET sql_mode = 'ANSI'", "SET SESSION a = 1, b = 2", "SET a = 1, @b = 2"],
    );
    all("m", session(Variable), &["SET @x = 5", "SET @x := (SELECT max(a) FROM t), @y = 1"]);
    all("m", session(Server), &["SET GLOBAL a = 1", "SET @@global.a = 1"]);
    all(
        "m",
        session(Autocommit(false)),
        &["SET autocommit = 0", "SET @@autocommit = OFF", "SET SESSION autocommit=0"],
    );
    all("m", session(Autocommit(true)), &["SET autocommit = 1", "set autocommit=on"]);
    all(
        "m",
        session(Transaction),
        &["SET TRANSACTION ISOLATION LEVEL READ COMMITTED", "SET SESSION TRANSACTION READ ONLY"],
    );
    all("m", session(Schema), &["USE db"]);
    all("m", session(LockTables), &["LOCK TABLES t WRITE", "UNLOCK TABLES"]);
    all("m", session(TempTable), &["DROP TEMPORARY TABLE t"]);
    all("s", session(Pragma), &["PRAGMA foreign_keys = ON", "PRAGMA cache_size(100)"]);
    all("s", session(Attach), &["ATTACH 'x.db' AS x", "DETACH x"]);
}

#[test]
fn several_statements_in_a_text_are_seen() {
    all(
        "pms",
        Kind::Multi,
        &[
            "SELECT 1; DELETE FROM t",
            "SELECT 1;;SELECT 2",
            "BEGIN; DELETE FROM t; COMMIT",
            "SELECT ';'; SELECT 1",
        ],
    );
    all("pms", Kind::Empty, &["", " ", ";", "-- nothing\n", "/* nothing */ ; ;"]);
    all("s", Kind::Multi, &["SELECT 1 /* not /* nested */; DELETE FROM t; -- */"]);
    all("m", Kind::Multi, &["SELECT 1 --; \n; DELETE FROM t", "SELECT 'a\\\\'; DELETE FROM t; -- '"]);
    all("p", Kind::Multi, &["SELECT 'a\\'; DELETE FROM t; --'", "SELECT $a$ $b$ $a$; DELETE FROM t"]);
}

#[test]
fn hints_say_what_the_caller_knows() {
    let classifier = Classifier::new(Postgres);
    let read = classifier.analyse("/*twin:read*/ SELECT my_report(1)");
    assert_eq!((read.kind.clone(), read.hint), (Kind::Read, Some(Hint::Read)));
    assert_eq!(classifier.analyse("SELECT my_report(1) /* twin:read */").kind, Kind::Read);
    assert_eq!(classifier.analyse("SELECT '/*twin:read*/', f(1)").kind, write(Verb::Select));
    // Never believed of what certainly writes.
    assert_eq!(classifier.analyse("/*twin:read*/ DELETE FROM t").kind, write(Verb::Delete));
    assert_eq!(classifier.analyse("/*twin:read*/ DROP TABLE t").kind, Kind::Ddl);
    assert_eq!(classifier.analyse("/*twin:write*/ SELECT lower('A')").kind, write(Verb::Select));
    assert_eq!(classifier.analyse("/*twin:local*/ DELETE FROM t").hint, Some(Hint::Local));
}

#[test]
fn markers_and_implicit_commits_are_counted() {
    let mariadb = Classifier::new(MariaDb);
    assert_eq!(mariadb.analyse("SELECT ?, '?' FROM t WHERE a=? -- ?").markers, 2);
    for sql in [
        "CREATE TABLE t (a int)",
        "TRUNCATE t",
        "BEGIN",
        "LOCK TABLES t READ",
        "OPTIMIZE TABLE t",
        "SET autocommit = 1",
    ] {
        assert!(mariadb.analyse(sql).commits, "{sql}");
    }
    for sql in
        ["DELETE FROM t", "CREATE TEMPORARY TABLE t (a int)", "SET autocommit = 0", "KILL 5", "SELECT 1"]
    {
        assert!(!mariadb.analyse(sql).commits, "{sql}");
    }
    assert!(!Classifier::new(Postgres).analyse("CREATE TABLE t (a int)").commits);
}

#[test]
fn an_analysis_is_kept_by_text_and_very_long_texts_are_not() {
    let classifier = Classifier::new(Sqlite);
    let first = classifier.analyse("SELECT 1");
    assert!(std::sync::Arc::ptr_eq(&first, &classifier.analyse("SELECT 1")));
    let long = format!("SELECT '{}'", "x".repeat(20_000));
    assert!(!std::sync::Arc::ptr_eq(&classifier.analyse(&long), &classifier.analyse(&long)));
}

#[test]
fn what_must_not_run_in_a_transaction_is_known() {
    let postgres = Classifier::new(Postgres);
    for sql in [
        "VACUUM t",
        "CREATE DATABASE x",
        "CREATE UNIQUE INDEX CONCURRENTLY i ON t (a)",
        "DROP INDEX CONCURRENTLY i",
    ] {
        assert!(postgres.analyse(sql).alone, "{sql}");
    }
    for sql in
        ["CREATE INDEX i ON t (a)", "ANALYZE t", "SELECT concurrently FROM t", "CREATE TABLE t (a int)"]
    {
        assert!(!postgres.analyse(sql).alone, "{sql}");
    }
    assert!(Classifier::new(Sqlite).analyse("VACUUM").alone);
}
