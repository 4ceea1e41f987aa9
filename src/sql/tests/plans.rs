//! Statements and their plans.

use std::sync::Arc;

use crate::link::Engine::{self, *};
use crate::link::catalog::{ColumnFacts, DefaultKind, TableFacts};
use crate::sql::{Classifier, KeyPlan, Plan, Unsafe};
use crate::value::{Time, Value};

fn column(name: &str, declared: &str) -> ColumnFacts {
    ColumnFacts {
        name: name.into(),
        declared: declared.into(),
        nullable: true,
        default: DefaultKind::None,
        computed: false,
        on_update: false,
        sequence: None,
    }
}

fn table(name: &str, columns: &[(&str, &str)], primary_key: &[&str]) -> TableFacts {
    let key: Vec<String> = primary_key.iter().map(|k| k.to_string()).collect();
    TableFacts {
        version: String::new(),
        schema: "main".into(),
        name: name.into(),
        columns: columns
            .iter()
            .map(|(n, d)| ColumnFacts { nullable: !key.iter().any(|k| k == n), ..column(n, d) })
            .collect(),
        primary_key: key,
        unique_keys: Vec::new(),
        other_unique: false,
        unique_columns: Some(primary_key.iter().map(|k| k.to_string()).collect()),
        has_triggers: false,
        has_cascades: false,
        has_deferrable: false,
        hidden: None,
        is_view: false,
        is_temporary: false,
    }
}

fn of(facts: &mut TableFacts, name: &str) -> usize {
    facts.columns.iter().position(|c| c.name == name).unwrap()
}

/// The tables that the statements below are about.
pub(super) fn catalogue(name: &str) -> Option<TableFacts> {
    let plain =
        [("id", "integer"), ("name", "varchar(20)"), ("n", "integer"), ("d", "date"), ("ts", "timestamp")];
    let mut t = table(name, &plain, &["id"]);
    match name.to_lowercase().as_str() {
        "t" => {}
        "auto" => {
            t.columns[0].default = DefaultKind::Generated;
            t.columns[2].default = DefaultKind::Constant;
        }
        "stamped" => {
            let ts = of(&mut t, "ts");
            t.columns[ts].default = DefaultKind::Volatile;
            t.columns[ts].nullable = false;
        }
        "touched" => {
            let ts = of(&mut t, "ts");
            t.columns[ts].on_update = true;
        }
        "pair" => t = table(name, &[("a", "integer"), ("b", "varchar(9)"), ("c", "integer")], &["a", "b"]),
        "uq" => t.unique_keys = vec![vec!["name".into()]],
        "several" => {
            t.other_unique = true;
            t.unique_columns = None;
        }
        "nokey" => t.primary_key.clear(),
        "floating" => t = table(name, &[("id", "double"), ("n", "integer")], &["id"]),
        "coded" => {
            t = table(
                name,
                &[("code", "varchar(9)"), ("n", "integer"), ("tod", "time"), ("ts", "datetime")],
                &["code"],
            )
        }
        "priced" => t = table(name, &[("id", "decimal(30,10)"), ("n", "integer")], &["id"]),
        "computed" => t.columns[2].computed = true,
        "trig" => t.has_triggers = true,
        "parent" => t.has_cascades = true,
        "v" => t.is_view = true,
        "temp" => t.is_temporary = true,
        _ => return None,
    }
    Some(t)
}

pub(super) fn plan(engine: Engine, sql: &str) -> Plan {
    let classifier = Classifier::new(engine);
    let analysis = classifier.analyse(sql);
    let mut facts = |_: Option<&str>, name: &str| Ok(catalogue(name).map(Arc::new));
    let planned = classifier.plan(&analysis, None, &mut facts).unwrap();
    planned.plan.clone()
}

fn engines(letters: &str) -> impl Iterator<Item = Engine> + '_ {
    letters.chars().map(|c| match c {
        'p' => Postgres,
        'm' => MariaDb,
        _ => Sqlite,
    })
}

fn text(letters: &str, statements: &[&str]) {
    for engine in engines(letters) {
        for sql in statements {
            let plan = plan(engine, sql);
            assert!(matches!(plan, Plan::Text(_)), "{engine:?}: {sql}\n{plan:?}");
        }
    }
}

fn by_keys(letters: &str, statements: &[&str]) {
    for engine in engines(letters) {
        for sql in statements {
            let plan = plan(engine, sql);
            assert!(matches!(plan, Plan::Keys(_)), "{engine:?}: {sql}\n{plan:?}");
        }
    }
}

pub(super) fn captured(letters: &str, statements: &[&str]) {
    for engine in engines(letters) {
        for sql in statements {
            let plan = plan(engine, sql);
            assert!(matches!(plan, Plan::Rows(_)), "{engine:?}: {sql}\n{plan:?}");
        }
    }
}

fn local(letters: &str, statements: &[&str]) {
    for engine in engines(letters) {
        for sql in statements {
            let plan = plan(engine, sql);
            assert!(matches!(plan, Plan::Local), "{engine:?}: {sql}\n{plan:?}");
        }
    }
}

/// Statements that are refused, each with a part of the reason.
pub(super) fn refused(letters: &str, statements: &[(&str, &str)]) {
    for engine in engines(letters) {
        for (sql, reason) in statements {
            match plan(engine, sql) {
                Plan::Unsafe(u) => {
                    assert!(u.reason.contains(reason), "{engine:?}: {sql}\n{u:?}");
                    assert!(!u.instead.is_empty() && !u.to_string().contains('\n'), "{sql}");
                }
                other => panic!("{engine:?}: {sql}\n{other:?}"),
            }
        }
    }
}

pub(super) fn keys_of(engine: Engine, sql: &str) -> KeyPlan {
    match plan(engine, sql) {
        Plan::Keys(keys) => keys,
        other => panic!("{sql}\n{other:?}"),
    }
}

fn given(engine: Engine, sql: &str, params: &[Value]) -> Result<&'static str, Unsafe> {
    plan(engine, sql).given(params).map(|p| match p {
        Plan::Text(_) => "text",
        Plan::Keys(_) => "keys",
        Plan::Rows(_) => "rows",
        _ => "other",
    })
}

#[test]
fn an_insert_of_constants_and_parameters_is_text() {
    text(
        "pms",
        &[
            "INSERT INTO t VALUES (1, 'a', 2, NULL, NULL)",
            "INSERT INTO t (id, name) VALUES (?, ?)",
            "INSERT INTO t (id, name) VALUES (?, ?), (-2, lower('B')), (?, concat('a', ?))",
            "INSERT INTO main.t (id, n) VALUES (1 + 2 * ?, -5)",
            "INSERT INTO t (id, name) VALUES (1, 'now')",
            "INSERT INTO t (id, name) VALUES (1, CASE WHEN ? > 0 THEN 'a' ELSE 'b' END)",
            "INSERT INTO auto (id, name) VALUES (?, 'x')",
            "INSERT INTO stamped (id, ts) VALUES (1, ?)",
            "INSERT INTO t (id, name) VALUES (1, NULL) RETURNING id, lower(name)",
            "INSERT INTO t (id, d) VALUES (1, CAST(? AS date))",
            "INSERT INTO parent (id) VALUES (1)",
            "insert into T (ID, NAME) values (1, 'x')",
        ],
    );
    text(
        "p",
        &[
            "INSERT INTO t AS x (id) VALUES (1)",
            "INSERT INTO t VALUES (1)",
            "INSERT INTO t (id, name) VALUES ($$1$$::int, E'a\\nb')",
            "INSERT INTO auto (id, name) OVERRIDING SYSTEM VALUE VALUES (?, 'x')",
            "INSERT INTO auto (id) VALUES (NULL)",
            "INSERT INTO t (id, name) VALUES (?, jsonb_build_object('a', ?::int)::text)",
        ],
    );
    text(
        "m",
        &[
            "INSERT INTO t SET id = ?, name = 'x'",
            "INSERT LOW_PRIORITY INTO t (id) VALUES (1)",
            "INSERT t (id) VALUE (1)",
            "INSERT INTO t (id, name) VALUES (1, 'it\\'s'), (2, \"x\")",
            "INSERT INTO auto (id) VALUES (5)",
            "INSERT INTO t (id, name) VALUES (?, json_object('a', ?))",
        ],
    );
    text(
        "s",
        &[
            "INSERT INTO t (id, name) VALUES (1, \"a string\")",
            "INSERT INTO t (id, d) VALUES (1, date('2020-01-01', '+1 day'))",
            "INSERT INTO [t] ([id]) VALUES (x'00')",
            "INSERT INTO computed VALUES (1, 'a', NULL, NULL)",
        ],
    );
}

#[test]
fn an_insert_that_may_do_more_than_insert_is_refused() {
    refused(
        "pms",
        &[
            ("INSERT INTO t (id, name) VALUES (1, my_function(2))", "my_function() is not known"),
            ("INSERT INTO nosuch (id) VALUES (1)", "table nosuch is not in the catalogue"),
            ("INSERT INTO v (id) VALUES (1)", "view"),
            ("INSERT INTO trig (id) VALUES (1)", "triggers"),
            ("INSERT INTO t (id) VALUES (1) RETURNING f(id)", "f() is not known"),
            ("INSERT INTO t (id, name) VALUES (1", "list of values"),
        ],
    );
    refused("pm", &[]);
    refused(
        "p",
        &[
            ("INSERT INTO t (id, n) VALUES ($1, 2)", "parameters other than ?"),
            ("INSERT INTO t (id, n) VALUES (1, my.lower('a'))", "lower() is not known"),
        ],
    );
    refused("m", &[("INSERT DELAYED INTO t (id) VALUES (1)", "DELAYED")]);
    refused(
        "s",
        &[
            ("INSERT INTO t (id, n) VALUES (:id, 1)", "parameters other than ?"),
            ("INSERT INTO t (id, n) VALUES (?1, 1)", "parameters other than ?"),
        ],
    );
}

#[test]
fn parameters_that_leave_a_value_to_the_database_lead_to_rows() {
    let sql = "INSERT INTO auto (name, id) VALUES (?, ?)";
    for engine in [Sqlite, MariaDb] {
        assert_eq!(given(engine, sql, &[Value::Null, Value::Int(5)]), Ok("text"));
        assert_eq!(given(engine, sql, &[Value::Text("a".into()), Value::Null]), Ok("rows"));
    }
    assert_eq!(given(Sqlite, sql, &[Value::Null, Value::Int(0)]), Ok("text"));
    for zero in [
        Value::Int(0),
        Value::Text("0".into()),
        Value::Text("x".into()),
        Value::Decimal("0.2".into()),
        Value::Double(0.0),
    ] {
        assert_eq!(given(MariaDb, sql, &[Value::Null, zero]), Ok("rows"));
    }
    assert_eq!(given(MariaDb, sql, &[Value::Null, Value::Text("12".into())]), Ok("text"));
    assert_eq!(given(Postgres, sql, &[Value::Null, Value::Null]), Ok("text"));
    // A relative time as a parameter for a date.
    let sql = "INSERT INTO t (id, d, name) VALUES (1, ?, ?)";
    assert_eq!(given(Postgres, sql, &[Value::Text(" Tomorrow".into()), Value::Null]), Ok("rows"));
    assert_eq!(
        given(Postgres, sql, &[Value::Text("2020-01-01".into()), Value::Text("now".into())]),
        Ok("text")
    );
    assert_eq!(given(MariaDb, sql, &[Value::Time(Time::default()), Value::Null]), Ok("rows"));
    let sql = "INSERT INTO t (id, d) VALUES (1, date(?))";
    assert_eq!(given(Sqlite, sql, &[Value::Text("now".into())]), Ok("rows"));
}

#[test]
fn upserts_are_text_when_a_unique_key_names_the_row() {
    text(
        "ps",
        &[
            "INSERT INTO t (id, n) VALUES (?, ?) ON CONFLICT DO NOTHING",
            "INSERT INTO t (id, n) VALUES (?, ?) ON CONFLICT (id) DO NOTHING RETURNING id",
            "INSERT INTO t (id, n) VALUES (?, ?), (?, ?) ON CONFLICT (id) DO UPDATE SET n = excluded.n, name = t.name || 'x'",
            "INSERT INTO t (id, n) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET n = t.n + 1 WHERE t.n < excluded.n",
            "INSERT INTO t (id, name) VALUES (?, ?) ON CONFLICT (name) WHERE n > 0 DO UPDATE SET n = 1 RETURNING *",
        ],
    );
    text(
        "p",
        &[
            "INSERT INTO t AS x (id) VALUES (1) ON CONFLICT ON CONSTRAINT c DO UPDATE SET n = x.n + excluded.n",
        ],
    );
    text(
        "m",
        &[
            "INSERT INTO t (id, n) VALUES (?, ?) ON DUPLICATE KEY UPDATE n = n + VALUES(n)",
            "INSERT IGNORE INTO t (id) VALUES (1)",
            "REPLACE INTO uq (id, name) VALUES (1, ?)",
            "REPLACE INTO t SET id = 1, name = ?",
        ],
    );
    text(
        "s",
        &[
            "INSERT OR IGNORE INTO t (id) VALUES (1)",
            "INSERT OR REPLACE INTO t (id) VALUES (1), (2)",
            "REPLACE INTO t (id) VALUES (?)",
            "INSERT OR FAIL INTO t (id) VALUES (1)",
        ],
    );
    refused(
        "ps",
        &[("INSERT INTO t (id) VALUES (1), (2) ON CONFLICT (id) DO UPDATE SET id = 5", "key columns")],
    );
    refused(
        "s",
        &[
            ("INSERT OR ROLLBACK INTO t (id) VALUES (1)", "OR ROLLBACK"),
            ("INSERT OR FAIL INTO t (id) VALUES (1), (2)", "OR FAIL"),
            ("REPLACE INTO parent (id) VALUES (1)", "foreign keys"),
        ],
    );
    refused("m", &[("REPLACE INTO parent (id) VALUES (1)", "foreign keys")]);
}

/// One that has no row is locked by nobody: it may have got one by the time the mirror runs the statement.
#[test]
fn of_several_keys_the_mirror_is_told_of_those_that_have_a_row() {
    by_keys(
        "pms",
        &[
            "UPDATE t SET n = CASE WHEN n > 5 THEN 0 ELSE abs(n) END WHERE id IN (1, ?, 3)",
            "UPDATE t SET n = 1 WHERE id = 1 OR (id = 2 AND n < 3)",
            "UPDATE pair SET c = 1 WHERE a = 1 AND b IN ('x', 'y')",
            "DELETE FROM t WHERE id IN (?, ?, ?)",
        ],
    );
}

#[test]
fn a_row_named_by_its_whole_key_is_written_by_text() {
    text(
        "pms",
        &[
            "UPDATE t SET n = 1 WHERE id = 5",
            "UPDATE t SET n = n + ?, name = coalesce(name, ?) WHERE id = ?",
            "UPDATE t SET n = 1 WHERE ? = id AND n = ? AND name IS NOT NULL",
            "UPDATE t AS x SET n = x.n + 1 WHERE (x.id = ?)",
            "UPDATE pair SET c = c - 1 WHERE a = ? AND b = 'x'",
            "UPDATE pair SET c = 1 WHERE (a, b) = (?, ?)",
            "UPDATE uq SET n = 1 WHERE name = 'x'",
            "UPDATE t SET id = 6 WHERE id = 5",
            "UPDATE parent SET n = 1 WHERE id = 5",
            "UPDATE main.t SET n = 1 WHERE t.id = 5",
            "DELETE FROM t WHERE id = ?",
            "DELETE FROM t WHERE id = -5",
            "DELETE FROM pair WHERE b = ? AND a = ? AND c > 0",
        ],
    );
    text(
        "ps",
        &[
            "DELETE FROM t WHERE id = ? RETURNING *",
            "DELETE FROM floating WHERE id = 1.5",
            "UPDATE t SET (n, name) = (1, 'x') WHERE id = 1",
        ],
    );
    text(
        "p",
        &[
            "UPDATE ONLY t SET n = 1 WHERE id = ?::integer RETURNING id, now()",
            "UPDATE t SET name = name || 'x', ts = date_trunc('day', ts) + interval '1 day' WHERE id=?",
            "UPDATE \"t\" SET \"name\" = 'x' WHERE \"id\" = 1",
            "UPDATE t SET name = substring(name from 1 for 2), n = extract(year from ts)::int WHERE id = 1",
            "UPDATE t SET ts = ts AT TIME ZONE 'UTC' WHERE id = 1",
            "UPDATE t SET n = DEFAULT WHERE id = 1",
            "UPDATE t SET name = 'tomorrow' WHERE id = 1",
        ],
    );
    text(
        "m",
        &[
            "UPDATE t SET ts = date_add(ts, interval 1 day), n = if(n = 1, 2, 3) WHERE id = ?",
            "UPDATE t SET n = timestampdiff(DAY, d, ts) WHERE id = 1",
            "UPDATE `t` SET `name` = \"x\" WHERE `id` = '5'",
            "UPDATE coded SET n = 1 WHERE code = 'a'",
            "UPDATE touched SET n = 1, ts = ? WHERE id = 1",
        ],
    );
    text(
        "s",
        &[
            "UPDATE t SET name = printf('%d', n) WHERE id = ?",
            "UPDATE OR IGNORE t SET n = 1 WHERE id = 1",
            "UPDATE [t] SET n = n * 2 WHERE [id] = 1",
            "UPDATE coded SET n = 1 WHERE code = 5",
        ],
    );
}

#[test]
fn rows_found_by_other_conditions_are_written_by_their_keys() {
    by_keys(
        "pms",
        &[
            "UPDATE t SET n = 1",
            "UPDATE t SET n = 1 WHERE name = ?",
            "UPDATE t SET n = 1 WHERE id > 5",
            "UPDATE t SET n = 1 WHERE id = 5 OR n = 2",
            "UPDATE t SET n = 1 WHERE id = n",
            "UPDATE t SET n = 1 WHERE id = 1 + 1",
            "UPDATE pair SET c = 1 WHERE a = 1",
            "UPDATE t SET n = 1 WHERE id IN (SELECT id FROM pair)",
            "UPDATE t SET n = 1 WHERE id = (SELECT max(id) FROM t)",
            "UPDATE t SET n = 1 WHERE id NOT IN (1, 2)",
            "UPDATE t SET n = 1 WHERE ts < CURRENT_TIMESTAMP",
            "UPDATE t SET n = 1 WHERE id = 5 AND ts < CURRENT_TIMESTAMP",
            "DELETE FROM t",
            "DELETE FROM t WHERE NOT EXISTS (SELECT 1 FROM pair WHERE pair.a = t.id)",
            "DELETE FROM t WHERE name LIKE 'x%'",
        ],
    );
    by_keys(
        "ms",
        &[
            "UPDATE t SET n = 1 WHERE n = 2 ORDER BY id LIMIT 3",
            "DELETE FROM t WHERE n = ? ORDER BY d LIMIT ?",
            "DELETE FROM t LIMIT 1",
        ],
    );
    by_keys(
        "p",
        &[
            "UPDATE t SET n = 1 WHERE id = (SELECT id FROM t WHERE n = 0 ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING *",
            "WITH j AS (SELECT id FROM t WHERE n = 0 LIMIT 1 FOR UPDATE SKIP LOCKED) UPDATE t SET n = 1 FROM j WHERE t.id = j.id RETURNING t.*",
            "UPDATE t SET n = 1 FROM pair p WHERE p.a = t.id AND p.b = ? RETURNING t.id, name AS x",
            "DELETE FROM t USING pair WHERE pair.a = t.id",
            "UPDATE t SET n = 1 WHERE id = ANY (?)",
            "UPDATE t SET n = 1 WHERE id = 5.0::float8",
            "UPDATE t SET n = 1 WHERE d = 'today' AND id = 5",
            "UPDATE t SET n = 1 WHERE name IS DISTINCT FROM 'a' OR tsv @@ to_tsquery('x')",
        ],
    );
    by_keys(
        "m",
        &[
            "UPDATE t SET n = 1 WHERE id <=> 5",
            "UPDATE coded SET n = 1 WHERE code = 5",
            "UPDATE t SET n = 1 WHERE id = 1e0",
            "UPDATE priced SET n = 1 WHERE id = '1.5'",
            "UPDATE t SET n = 1 WHERE id = @x",
        ],
    );
    by_keys(
        "s",
        &[
            "UPDATE t SET n = 1 FROM pair WHERE pair.a = t.id",
            "WITH x AS (SELECT 1) DELETE FROM t WHERE id IN x",
            "UPDATE t SET n = 1 WHERE id IS ?",
        ],
    );
}

#[test]
fn parameters_of_another_type_than_the_key_lead_to_keys() {
    let sql = "UPDATE coded SET n = 1 WHERE code = ?";
    assert_eq!(given(MariaDb, sql, &[Value::Text("5".into())]), Ok("text"));
    assert_eq!(given(MariaDb, sql, &[Value::Int(5)]), Ok("keys"));
    assert_eq!(given(Sqlite, sql, &[Value::Int(5)]), Ok("text"));
    for engine in [Sqlite, Postgres, MariaDb] {
        let sql = "DELETE FROM t WHERE id = ?";
        assert_eq!(given(engine, sql, &[Value::Int(5)]), Ok("text"));
        assert_eq!(given(engine, sql, &[Value::Double(5.0)]), Ok("keys"));
    }
    // What SET asks of a parameter holds for both ways.
    let sql = "UPDATE t SET d = ? WHERE id = ?";
    let now = Value::Text("now".into());
    assert!(given(Postgres, sql, &[now.clone(), Value::Double(1.0)]).is_err());
    assert!(given(Postgres, "UPDATE t SET d = ? WHERE n = ?", &[now, Value::Int(1)]).is_err());
}

#[test]
fn updates_and_deletes_that_cannot_be_the_same_are_refused() {
    refused(
        "pms",
        &[
            ("UPDATE t SET n = f(n) WHERE id = 1", "f() is not known"),
            ("UPDATE t SET n = 1 WHERE f(id)", "f() is not known"),
            ("UPDATE t SET id = id + 1", "changes key columns"),
            ("UPDATE t SET id = id + 1 WHERE id IN (1, 2)", "key columns of several rows"),
            ("UPDATE uq SET name = 'x' WHERE n = 1", "changes key columns"),
            ("UPDATE nokey SET n = 1 WHERE id = 1", "no primary key"),
            ("DELETE FROM nokey", "no primary key"),
            ("DELETE FROM floating", "floating point"),
            ("DELETE FROM parent WHERE id = 1", "foreign keys"),
            ("UPDATE parent SET id = 2 WHERE id = 1", "foreign keys"),
            ("UPDATE trig SET n = 1 WHERE id = 1", "triggers"),
            ("DELETE FROM v WHERE id = 1", "view"),
            ("DELETE FROM nosuch", "not in the catalogue"),
            ("UPDATE t SET nosuch = 1 WHERE id = 1", "nosuch is not a column"),
            ("UPDATE t SET n = 1 WHERE id = 1 RETURNING f(id)", "f() is not known"),
            ("UPDATE t SET", "not understood"),
        ],
    );
    refused(
        "p",
        &[
            ("UPDATE t SET n = 1 FROM pair WHERE pair.a = t.id RETURNING *", "RETURNING"),
            (
                "WITH d AS (DELETE FROM t RETURNING id) UPDATE t SET n = 1 FROM d WHERE d.id = t.id",
                "DELETE inside",
            ),
            ("UPDATE t SET n = n OPERATOR(my.+) 1 WHERE id = 1", "not"),
        ],
    );
    refused(
        "m",
        &[
            ("UPDATE t JOIN pair ON t.id = pair.a SET t.n = 1", "several tables"),
            ("UPDATE t, pair SET t.n = 1 WHERE t.id = pair.a", "several tables"),
            ("DELETE t FROM t JOIN pair ON t.id = pair.a", "several tables"),
            ("DELETE FROM t USING t JOIN pair ON t.id = pair.a", "several tables"),
            ("UPDATE IGNORE t SET n = 1 WHERE id = 1", "IGNORE"),
            ("DELETE QUICK FROM t WHERE id = 1", "QUICK"),
            ("UPDATE t SET n = @x := 1 WHERE id = 1", "user variable"),
            ("UPDATE t SET n = 1 WHERE (@x := id) > 5", "user variable"),
        ],
    );
    refused(
        "s",
        &[
            ("UPDATE OR REPLACE t SET n = 1", "OR REPLACE"),
            ("UPDATE OR ROLLBACK t SET n = 1 WHERE id = 1", "OR ROLLBACK"),
            ("UPDATE t INDEXED BY i SET n = 1 WHERE id = 1", "INDEXED"),
        ],
    );
}

#[test]
fn other_writes_say_why_they_are_refused() {
    refused(
        "p",
        &[
            ("SELECT f(1)", "f() is not known"),
            ("SELECT * INTO x FROM t", "INTO inside"),
            ("WITH d AS (DELETE FROM t RETURNING *) SELECT * FROM d", "DELETE inside"),
            ("MERGE INTO t USING s ON t.i = s.i WHEN MATCHED THEN DELETE", "MERGE"),
            ("CALL p()", "cannot be seen"),
            ("DO $$ BEGIN END $$", "cannot be seen"),
            ("COPY t FROM STDIN", "COPY"),
            ("FROBNICATE", "not understood"),
            ("SELECT 1; DELETE FROM t", "several statements"),
            ("DISCARD ALL", "settings"),
            ("CREATE TABLE x AS SELECT * FROM t", "fills the new table"),
            ("CREATE TABLE x AS (SELECT * FROM t)", "fills the new table"),
            ("ALTER TABLE t ADD x timestamptz DEFAULT now()", "values of their own"),
            ("ALTER TABLE t ADD COLUMN x bigserial", "values of their own"),
            ("ALTER TABLE t ALTER x TYPE int USING f(x)", "values of their own"),
            ("DROP TABLE t, temp", "temporary and other"),
        ],
    );
    refused(
        "m",
        &[
            ("SELECT 1 /*! INTO OUTFILE 'x' */", "executable comment"),
            ("LOCK TABLES t WRITE", "LOCK TABLES"),
            ("ALTER TABLE t ADD x int AUTO_INCREMENT", "values of their own"),
        ],
    );
    refused("s", &[("ATTACH 'x' AS y", "no mirror")]);
}

#[test]
fn what_is_of_no_concern_to_the_mirror_stays_local() {
    local(
        "pms",
        &[
            "SELECT 1",
            "COMMIT",
            "INSERT INTO temp (id) SELECT id FROM t",
            "UPDATE temp SET n = 1 WHERE f2 = 3",
            "DELETE FROM temp",
            "/*twin:local*/ DELETE FROM t",
            "DROP TABLE temp",
            "CREATE TEMPORARY TABLE x (a int)",
        ],
    );
    local(
        "p",
        &[
            "SELECT a FROM t FOR UPDATE",
            "SELECT nextval('s')",
            "VACUUM",
            "LISTEN x",
            "DECLARE c CURSOR FOR SELECT 1",
            "TRUNCATE temp",
            "INSERT INTO temp (id) VALUES (nextval('s')) ON CONFLICT (id) DO UPDATE SET n = 1",
        ],
    );
    local(
        "m",
        &["SET @x = 5", "SET GLOBAL a = 1", "SELECT a INTO @x FROM t", "UNLOCK TABLES", "OPTIMIZE TABLE t"],
    );
    refused("pms", &[("INSERT INTO temp (id) SELECT f(id) FROM t", "f() is not known")]);
    refused(
        "p",
        &[("WITH d AS (DELETE FROM t RETURNING *) INSERT INTO temp SELECT * FROM d", "DELETE inside")],
    );
}

#[test]
fn session_statements_and_ddl_go_to_both_sides() {
    for sql in ["SET a.b = 1", "SET search_path TO x", "SET LOCAL a.b = 1", "SET TRANSACTION READ ONLY"] {
        assert!(matches!(plan(Postgres, sql), Plan::Session), "{sql}");
    }
    for sql in ["SET NAMES utf8mb4", "USE db", "SET autocommit = 0"] {
        assert!(matches!(plan(MariaDb, sql), Plan::Session), "{sql}");
    }
    for sql in [
        "CREATE TABLE x (a int, b timestamp DEFAULT now())",
        "TRUNCATE t",
        "ALTER TABLE t ADD x int DEFAULT 5",
        "ALTER TABLE t ALTER x SET DEFAULT now()",
        "ALTER TABLE t ADD x numeric(10, 2) NOT NULL DEFAULT 0",
        "ALTER TABLE t ADD CHECK (n > 0)",
        "CREATE INDEX i ON t (lower(name))",
        "CREATE VIEW w AS SELECT * FROM t",
        "DROP TABLE IF EXISTS t",
    ] {
        assert!(matches!(plan(Postgres, sql), Plan::Ddl), "{sql}\n{:?}", plan(Postgres, sql));
    }
}

#[test]
fn the_write_hint_ships_what_it_is_told() {
    text(
        "pms",
        &["/*twin:write*/ SELECT f(1)", "/*twin:write*/ UPDATE t SET n = f(n)", "/*twin:write*/ CALL p()"],
    );
}

#[test]
fn a_plan_is_kept_for_one_generation_of_the_catalogue() {
    let classifier = Classifier::new(Sqlite);
    let analysis = classifier.analyse("UPDATE t SET n = 1 WHERE id = 1");
    let asked = std::cell::Cell::new(0);
    let mut facts = |_: Option<&str>, name: &str| {
        asked.set(asked.get() + 1);
        Ok(catalogue(name).map(Arc::new))
    };
    for (generation, expected) in [(Some(1), 1), (Some(1), 1), (Some(2), 2), (None, 3), (Some(2), 3)] {
        classifier.plan(&analysis, generation, &mut facts).unwrap();
        assert_eq!(asked.get(), expected);
    }
}

#[test]
fn very_long_and_very_deep_statements_are_planned_without_harm() {
    let ors = vec!["id = 1"; 20_000].join(" OR ");
    by_keys("pms", &[&format!("UPDATE t SET n = 1 WHERE {ors}")]);
    let parens = format!("{}1{}", "(".repeat(20_000), ")".repeat(20_000));
    captured("pms", &[&format!("UPDATE t SET n = {parens} WHERE id = 1")]);
    let sum = vec!["1"; 20_000].join(" + ");
    captured("pms", &[&format!("INSERT INTO t (id) VALUES ({sum})")]);
    let list = vec!["-1"; 20_000].join(", ");
    by_keys("pms", &[&format!("DELETE FROM t WHERE id IN ({list})")]);
    let rows = vec!["(?, ?, 1)"; 10_000].join(", ");
    text("pms", &[&format!("INSERT INTO auto (id, name, n) VALUES {rows}")]);
}
