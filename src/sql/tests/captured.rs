//! What is captured: statements whose rows are read on the master and shipped as rows.

use super::plans::{captured, plan, refused};
use crate::link::Engine::{self, *};
use crate::sql::{Plan, Repeat, RowsPlan, Way};
use crate::value::Value;

#[test]
fn what_the_database_makes_or_reads_elsewhere_is_captured_with_its_rows() {
    captured(
        "pms",
        &[
            "INSERT INTO auto (name) VALUES ('x')",
            "INSERT INTO stamped (id) VALUES (1)",
            "INSERT INTO auto DEFAULT VALUES",
            "INSERT INTO t (id, ts) VALUES (1, CURRENT_TIMESTAMP)",
            "INSERT INTO t (id, n) VALUES (1, (SELECT max(n) FROM t))",
            "INSERT INTO t SELECT * FROM t",
            "INSERT INTO t (id) SELECT 1",
            "WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x",
            "INSERT INTO t (id, nosuch) VALUES (1, 2)",
            "INSERT INTO t (id, n) VALUES (1, id)",
            "UPDATE t SET ts = CURRENT_TIMESTAMP WHERE id = 1",
            "UPDATE t SET n = (SELECT max(n) FROM t) WHERE id = 1",
            "UPDATE t SET n = other.n WHERE id = 1",
            "UPDATE t SET n = nosuch WHERE id = 1",
            "UPDATE t SET n = rowid WHERE id = 1",
        ],
    );
    captured(
        "pm",
        &[
            "INSERT INTO auto (id, name) VALUES (DEFAULT, 'x')",
            "INSERT INTO t (id, ts) VALUES (1, now())",
            "INSERT INTO t (id) VALUES (nextval('s'))",
        ],
    );
    captured(
        "p",
        &[
            "INSERT INTO t (id, d) VALUES (1, 'today')",
            "INSERT INTO t (id, name) VALUES (1, 'now'::timestamp)",
            "INSERT INTO t (id, name) VALUES (1, gen_random_uuid())",
            "INSERT INTO t (id, name) VALUES (1, current_user)",
            "INSERT INTO t (id, n) VALUES (1, 't'::regclass)",
            "INSERT INTO auto (id) OVERRIDING USER VALUE VALUES (5)",
            "INSERT INTO t (id, n) VALUES (1, sin(1))",
            "UPDATE t SET n = p.c FROM pair p WHERE p.a = t.id",
            "UPDATE t SET n = c FROM pair p WHERE p.a = t.id",
            "UPDATE t SET (n, name) = (SELECT 1, 'x') WHERE id = 1",
            "UPDATE t SET n = nextval('s') WHERE id = 1",
            "UPDATE t SET n = random() WHERE id = 1",
            "UPDATE t SET ts = 'now' WHERE id = 1",
            "UPDATE t SET n = age(ts) WHERE id = 1",
            "UPDATE t SET n = sum(n) OVER () WHERE id = 1",
            "UPDATE t SET name = to_char(ts, 'TMMonth') WHERE id = 1",
            "UPDATE t SET n = ctid WHERE id = 1",
        ],
    );
    captured(
        "m",
        &[
            "INSERT INTO auto (id) VALUES (NULL)",
            "INSERT INTO auto (id) VALUES (0)",
            "INSERT INTO auto (id) VALUES ('5')",
            "INSERT INTO auto (id) VALUES (? + 1)",
            "INSERT INTO auto VALUES ()",
            "INSERT INTO t (id, n) VALUES (1, @x)",
            "INSERT INTO t (id, n) VALUES (1, @@server_id)",
            "INSERT INTO t (id, n) VALUES (LAST_INSERT_ID(), 1)",
            "INSERT INTO t (id, name) VALUES (1, UUID())",
            "INSERT INTO t (id, ts) VALUES (1, {fn now()})",
            "INSERT INTO stamped (id, ts) VALUES (1, NULL)",
            "INSERT INTO t (id, n) VALUES (1, NEXT VALUE FOR s)",
            "INSERT INTO coded (code, ts) VALUES ('a', TIME '10:00')",
            "INSERT INTO t (id, name) VALUES (1)",
            "INSERT INTO uq (id, name) VALUES (1, 'a') ON DUPLICATE KEY UPDATE n = 1",
            "INSERT INTO several (id) VALUES (1) ON DUPLICATE KEY UPDATE n = 1",
            "INSERT IGNORE INTO t (id) VALUES (1), (2)",
            "INSERT INTO touched (id) VALUES (1) ON DUPLICATE KEY UPDATE n = 1, ts = now()",
            "INSERT INTO touched (id) VALUES (1) ON DUPLICATE KEY UPDATE n = 1",
            "UPDATE touched SET n = 1 WHERE id = 1",
            "UPDATE t SET n = @x WHERE id = 1",
            "UPDATE t SET ts = SYSDATE() WHERE id = 1",
            "UPDATE t SET n = RAND() WHERE id = 1",
            "UPDATE t SET n = values(n) WHERE id = 1",
            "UPDATE coded SET ts = tod WHERE code = 'a'",
        ],
    );
    captured(
        "s",
        &[
            "INSERT INTO auto (id) VALUES (NULL)",
            "INSERT INTO auto VALUES (NULL, 'a', 1, NULL, NULL)",
            "INSERT INTO t (id, d) VALUES (1, date('now'))",
            "INSERT INTO t (id, d) VALUES (1, date())",
            "INSERT INTO t (id, d) VALUES (1, datetime(?, 'localtime'))",
            "INSERT INTO t (id, n) VALUES (1, random())",
            "INSERT INTO t (id, n) VALUES (last_insert_rowid(), 1)",
            "INSERT INTO t (id) VALUES (1) ON CONFLICT DO UPDATE SET n = 1",
            "INSERT OR IGNORE INTO t (id) VALUES (1), (2)",
            "UPDATE t SET ts = datetime('now', '+1 day') WHERE id = 1",
            "UPDATE t SET n = changes() WHERE id = 1",
            "UPDATE t SET n = \"rowid\" WHERE id = 1",
        ],
    );
    captured(
        "ps",
        &[
            "INSERT INTO t (id) VALUES (1), (2) ON CONFLICT DO NOTHING",
            "INSERT INTO t (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET n = random()",
            "INSERT INTO t (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET n = (SELECT 1)",
            "INSERT INTO t (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET n = 1 WHERE EXISTS (SELECT 1)",
            "INSERT INTO auto (name) VALUES ('a') ON CONFLICT (name) DO UPDATE SET n = 1",
        ],
    );
}

#[test]
fn what_writes_elsewhere_too_is_not_captured() {
    refused(
        "pms",
        &[
            ("INSERT INTO t (id) SELECT f(id) FROM t", "f() is not known"),
            ("INSERT INTO t (id) VALUES (1) RETURNING f(id)", "f() is not known"),
            ("INSERT INTO trig (id) SELECT 1", "triggers"),
            ("UPDATE nokey SET ts = CURRENT_TIMESTAMP", "no primary key"),
            ("UPDATE several SET n = (SELECT 1)", "unique index"),
            ("UPDATE uq SET name = (SELECT 'x') WHERE id = 1", "subquery"),
        ],
    );
    refused("s", &[("UPDATE OR REPLACE t SET n = random() WHERE id = 1", "OR REPLACE")]);
    refused(
        "p",
        &[
            ("WITH d AS (DELETE FROM t RETURNING id) INSERT INTO pair (a) SELECT id FROM d", "DELETE inside"),
            ("UPDATE t SET n = c FROM pair p WHERE p.a = t.id RETURNING c", "other tables"),
        ],
    );
}

fn rows_of(engine: Engine, sql: &str) -> RowsPlan {
    match plan(engine, sql) {
        Plan::Rows(rows) => rows,
        other => panic!("{sql}\n{other:?}"),
    }
}

#[test]
fn the_statement_gives_its_rows_behind_those_of_the_caller() {
    let returned = |engine, sql: &str| match rows_of(engine, sql).way {
        Way::Returned(sql) => sql,
        other => panic!("{sql}\n{other:?}"),
    };
    assert_eq!(
        returned(Postgres, "UPDATE t AS x SET n = random() FROM pair WHERE x.id = a RETURNING x.n;"),
        "UPDATE t AS x SET n = random() FROM pair WHERE x.id = a RETURNING x.n, x.\"n\"::text, x.\"id\"::text "
    );
    let sql = returned(MariaDb, "INSERT INTO pair (a, b) SELECT 1, 'x' -- why\n");
    assert_eq!(sql, "INSERT INTO pair (a, b) SELECT 1, 'x' RETURNING `a`, `b`, `c`");
    let sql = returned(Sqlite, "UPDATE pair SET c = random() WHERE c = 1 ORDER BY a LIMIT 1");
    assert!(
        sql.starts_with("WITH twin_rows AS (SELECT 1) UPDATE pair SET c = random() WHERE c = 1 RETURNING ")
    );
    assert!(sql.ends_with(" ORDER BY a LIMIT 1"), "{sql}");
}

#[test]
fn rows_are_put_by_few_texts_and_rows_are_updated_by_key() {
    let plan = rows_of(Postgres, "INSERT INTO pair (a, b) SELECT 1, 'x'");
    let rows = |n: i64| (0..n).map(|i| vec![Value::Int(i), Value::Text("x".into()), Value::Null]).collect();
    let put = plan.repeats(rows(7)).unwrap();
    assert_eq!(put.iter().map(|r| r.expected.unwrap()).collect::<Vec<_>>(), [4, 2, 1]);
    let one = "(CAST(? AS integer), CAST(? AS varchar(9)), CAST(? AS integer))";
    assert_eq!(put[2].sql, format!("INSERT INTO \"pair\" (\"a\", \"b\", \"c\") VALUES {one}"));
    assert_eq!(put[2].params, [Value::Int(6), Value::Text("x".into()), Value::Null]);
    assert_eq!(
        plan.repeats(rows(600)).unwrap().iter().map(|r| r.expected.unwrap()).collect::<Vec<_>>(),
        [256, 256, 64, 16, 8]
    );
    assert_eq!(plan.repeats(vec![vec![]]), None);

    let plan = rows_of(MariaDb, "UPDATE pair SET c = rand()");
    let put = plan.repeats(vec![vec![Value::Int(5), Value::Int(1), Value::Text("x".into())]]).unwrap();
    assert_eq!(
        put,
        [Repeat {
            sql: "UPDATE `pair` SET `c` = ? WHERE `a` = ? AND `b` = ?".into(),
            params: vec![Value::Int(5), Value::Int(1), Value::Text("x".into())],
            expected: Some(1)
        }]
    );
    assert_eq!(plan.repeats(vec![vec![Value::Int(5), Value::Null, Value::Text("x".into())]]), None);
}
