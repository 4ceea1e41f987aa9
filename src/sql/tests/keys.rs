//! The statements that name rows by their keys.

use super::plans::keys_of;
use crate::link::Engine::*;
use crate::value::Value;

#[test]
fn the_key_query_asks_for_the_rows_that_the_statement_would_hit() {
    let keys = keys_of(Postgres, "UPDATE t SET n = ?, name = lower(?) WHERE n = ? AND d < ?");
    assert_eq!(keys.select, "SELECT t.\"id\" FROM t WHERE n = ? AND d < ? FOR NO KEY UPDATE OF t");
    assert_eq!((keys.select_params.as_slice(), keys.key_columns), (&[2, 3][..], 1));

    let keys = keys_of(MariaDb, "DELETE FROM pair WHERE c = ? -- why\n ORDER BY a LIMIT ?");
    assert_eq!(keys.select, "SELECT pair.`a`, pair.`b` FROM pair WHERE c = ? ORDER BY a LIMIT ? FOR UPDATE");
    assert_eq!((keys.select_params.as_slice(), keys.key_columns), (&[0, 1][..], 2));

    let keys = keys_of(Sqlite, "UPDATE t AS x SET n = 1 WHERE x.n IN (SELECT c FROM pair);");
    assert_eq!(keys.select, "SELECT x.\"id\" FROM t AS x WHERE x.n IN (SELECT c FROM pair)");

    let keys = keys_of(
        Postgres,
        "WITH j AS (SELECT id FROM t WHERE n = ? LIMIT 1) UPDATE ONLY t x SET n = ? FROM j WHERE x.id = j.id AND d > ? RETURNING x.id",
    );
    assert_eq!(
        keys.select,
        "WITH j AS (SELECT id FROM t WHERE n = ? LIMIT 1) SELECT x.\"id\" FROM ONLY t x, j WHERE x.id = j.id AND d > ? FOR NO KEY UPDATE OF x"
    );
    assert_eq!(keys.select_params, [0, 2]);
    assert!(keys.returning);
    let (sql, values) = keys
        .statement(&[vec![Value::Int(7)]], &[Value::Int(1), Value::Int(2), Value::Null])
        .unwrap()
        .remove(0);
    assert_eq!(sql, "UPDATE ONLY t x SET n = ? WHERE \"id\" = ? RETURNING x.id");
    assert_eq!(values, [Value::Int(2), Value::Int(7)]);
}

#[test]
fn the_statement_by_keys_names_each_key_once_and_has_few_texts() {
    let keys = keys_of(Sqlite, "UPDATE t SET n = ? WHERE name = ? RETURNING id, ? + n");
    let params = [Value::Int(1), Value::Int(2), Value::Int(3)];
    let ids = |n: i64| (1..=n).map(|i| vec![Value::Int(i)]).collect::<Vec<_>>();

    assert_eq!(keys.statement(&[], &params).unwrap(), []);
    let (sql, values) = keys.statement(&ids(3), &params).unwrap().remove(0);
    assert_eq!(sql, "UPDATE t SET n = ? WHERE \"id\" IN (?, ?, ?, ?) RETURNING id, ? + n");
    assert_eq!(values, [1, 1, 2, 3, 3, 3].map(Value::Int));
    // A join may find a row more than once.
    let twice = [ids(2), ids(2)].concat();
    assert_eq!(keys.statement(&twice, &params).unwrap()[0].1, [1, 1, 2, 3].map(Value::Int));
    // Many keys come in several statements.
    let many = keys.statement(&ids(1200), &params).unwrap();
    assert_eq!(many.iter().map(|(_, v)| v.len() - 2).collect::<Vec<_>>(), [512, 512, 256]);
    assert!(keys.statement(&[vec![Value::Null]], &params).is_err());
    assert!(keys.statement(&[vec![]], &params).is_err());
    assert_eq!(
        keys.for_no_rows(&params),
        ("UPDATE t SET n = ? WHERE 1 = 0 RETURNING id, ? + n".into(), vec![Value::Int(1), Value::Int(3)])
    );

    let two = [vec![Value::Int(1), Value::Int(2)], vec![Value::Int(3), Value::Int(4)]];
    for (engine, expected) in [
        (Sqlite, "DELETE FROM pair WHERE (\"a\", \"b\") IN (VALUES (?, ?), (?, ?))"),
        (Postgres, "DELETE FROM pair WHERE (\"a\", \"b\") IN ((?, ?), (?, ?))"),
        (MariaDb, "DELETE FROM pair WHERE (`a`, `b`) IN ((?, ?), (?, ?))"),
    ] {
        let keys = keys_of(engine, "DELETE FROM pair WHERE c = 1");
        assert_eq!(keys.statement(&two, &[]).unwrap()[0].0, expected);
    }
    let keys = keys_of(Postgres, "DELETE FROM pair WHERE c = 1");
    assert_eq!(
        keys.statement(&two[..1], &[]).unwrap()[0].0,
        "DELETE FROM pair WHERE \"a\" = ? AND \"b\" = ?"
    );
}
