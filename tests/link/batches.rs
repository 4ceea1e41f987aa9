//! Many statements in one round trip.

use proptest::prelude::*;
use twinpool::error::{Class, Status};
use twinpool::link::TxState;
use twinpool::value::{Date, Timestamp, Value};
use twinpool_testkit::{Engine, on_all_engines};

use crate::common::*;

on_all_engines! {
    fn many_statements_give_a_count_each(pair: &Pair) {
        let node = &pair.master;
        node.sql("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(50))");
        let mut link = link(node);
        link.begin(true).unwrap();
        let values: Vec<[Value; 2]> =
            (0..450).map(|i| [int(i), text(&format!("it's ? -- \\ {i} ; \" ` $$ $1"))]).collect();
        let mut statements: Vec<(&str, &[Value])> =
            values.iter().map(|v| ("INSERT INTO t (id, v) VALUES (?, ?) -- a ? comment", v.as_slice())).collect();
        statements.push(("UPDATE t SET v = v WHERE id < 10;", &[]));
        statements.push(("DELETE FROM t WHERE id = -1", &[]));
        statements.push(("UPDATE t SET v = 'a;b' WHERE id IN (1, 2) ;\n", &[]));
        let counts = link.run_many(&statements).map_err(|(i, e)| panic!("{i}: {e}")).unwrap();
        assert_eq!(counts.len(), 453);
        assert!(counts[..450].iter().all(|c| *c == 1), "{counts:?}");
        assert_eq!(counts[450..], [10, 0, 2]);
        link.commit().unwrap();
        let rows = link.query("SELECT v FROM t WHERE id > 2 ORDER BY id", &[]).unwrap();
        for (row, value) in rows.iter().zip(&values[3..]) {
            assert_eq!(row[0], value[1]);
        }
        assert!(link.run_many(&[]).unwrap().is_empty());
    }

    fn the_statement_that_fails_is_named(pair: &Pair) {
        let node = &pair.master;
        node.sql("CREATE TABLE t (id INT PRIMARY KEY)");
        let mut link = link(node);
        for failing in [0usize, 1, 57, 199, 200, 201, 299] {
            link.begin(true).unwrap();
            let mut values: Vec<[Value; 1]> = (0..300).map(|i| [int(i)]).collect();
            // The row that is there twice; the first statement has no other before it.
            let first = match failing {
                0 => "INSERT INTO nowhere VALUES (?)",
                _ => "INSERT INTO t VALUES (?)",
            };
            values[failing] = [int(if failing == 0 { 0 } else { failing as i64 - 1 })];
            let statements: Vec<(&str, &[Value])> = values
                .iter()
                .enumerate()
                .map(|(i, v)| (if i == 0 { first } else { "INSERT INTO t VALUES (?)" }, v.as_slice()))
                .collect();
            let (index, error) = link.run_many(&statements).unwrap_err();
            assert_eq!(index, failing, "{error}");
            assert_eq!(error.class(), Class::Refused, "{error}");
            assert_eq!(link.tx() == TxState::Failed, pair.engine() == Engine::Postgres);
            link.rollback().unwrap();
        }
        assert_eq!(node.count("SELECT count(*) FROM t"), 0);
        let (index, error) = link.run_many(&[("SELECT 1", &[]), ("SELECT ?", &[])]).unwrap_err();
        assert_eq!((index, error.status()), (1, Status::BadArgument));
    }

    fn any_value_survives_as_a_literal(pair: &Pair) {
        let mut link = link(&pair.master);
        let sqlite = pair.engine() == Engine::Sqlite;
        let config = ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() };
        let modes: &[&str] = match pair.engine() {
            Engine::Sqlite => &["SELECT 1"],
            Engine::Postgres => &["SET standard_conforming_strings = off", "SET standard_conforming_strings = on"],
            Engine::MariaDb => &["SET sql_mode = 'NO_BACKSLASH_ESCAPES,ANSI_QUOTES'", "SET sql_mode = DEFAULT"],
        };
        for mode in modes {
            link.run_once(mode).unwrap();
            let shared = std::cell::RefCell::new(&mut link);
            proptest!(config.clone(), |(value in values(pair.engine()))| {
                let mut link = shared.borrow_mut();
                let mut literal = String::new();
                link.dialect().literal(&value, &mut literal).unwrap();
                // Next to a minus, a word and a quote: nothing may run together.
                let sql = format!("SELECT {literal} WHERE 1=1 AND 1 - 1 = 0");
                let found = one(&mut link, &sql, &[]);
                let same = match (&value, &found) {
                    (Value::Double(a), Value::Double(b)) => a == b,
                    // SQLite has no type for it, MariaDB drops leading zeros.
                    (Value::Decimal(a), Value::Decimal(b)) => normal(a) == normal(b),
                    (Value::Date(_) | Value::Timestamp(_), Value::Text(t)) if sqlite => {
                        *t == match &value { Value::Date(d) => d.to_string(), Value::Timestamp(t) => t.to_string(), _ => String::new() }
                    }
                    (Value::Bytes(b), Value::Text(t)) if sqlite => *t == format!("X'{}'", b.iter().map(|x| format!("{x:02X}")).collect::<String>()),
                    _ => value == found,
                };
                prop_assert!(same, "{literal}: {value:?} became {found:?}");
                // The same through a marker between neighbours.
                if !matches!(value, Value::Double(_)) || !sqlite {
                    let (counts, back) = ("SELECT ?", [value.clone()]);
                    let bound = one(&mut link, counts, &back);
                    prop_assert!(bound == found || matches!(value, Value::Double(_) | Value::Decimal(_)), "{value:?}: {bound:?} {found:?}");
                }
            });
        }
    }
}

fn normal(decimal: &str) -> String {
    let (sign, rest) = decimal.strip_prefix('-').map_or(("", decimal), |r| ("-", r));
    let rest = rest.trim_start_matches('0');
    let rest = rest.strip_suffix('.').unwrap_or(rest);
    let text = format!("{sign}{}{rest}", if rest.starts_with('.') || rest.is_empty() { "0" } else { "" });
    if text.chars().all(|c| matches!(c, '-' | '0' | '.')) { text.replace('-', "") } else { text }
}

fn values(engine: Engine) -> BoxedStrategy<Value> {
    let nul = engine == Engine::MariaDb;
    let texts = proptest::collection::vec(
        prop_oneof![
            Just('\''),
            Just('\\'),
            Just('"'),
            Just('`'),
            Just('?'),
            Just(';'),
            Just('-'),
            Just('\n'),
            Just('$'),
            Just('%'),
            Just('{'),
            Just('}'),
            any::<char>().prop_filter("NUL", move |c| nul || *c != '\0'),
        ],
        0..40,
    )
    .prop_map(|c| c.into_iter().collect::<String>())
    // libsqliteodbc shows blobs as such text.
    .prop_map(Value::Text);
    let integers =
        prop_oneof![any::<i64>(), -3i64..3, Just(i64::MIN), Just(i64::MAX), any::<i32>().prop_map(i64::from)]
            .prop_map(Value::Int);
    let doubles = if engine == Engine::Sqlite {
        (-1_000_000i32..1_000_000).prop_map(|i| Value::Double(f64::from(i) / 64.0)).boxed()
    } else {
        any::<f64>().prop_filter("finite", |d| d.is_finite()).prop_map(Value::Double).boxed()
    };
    let dates = (1i32..=9999, 1u8..=12, 1u8..=28).prop_map(|(year, month, day)| Date {
        year,
        month,
        day,
        ..Date::default()
    });
    let timestamps = (dates.clone(), 0u8..24, 0u8..60, 0u8..60, 0u32..1_000_000).prop_map(
        |(d, hour, minute, second, micro)| {
            Value::Timestamp(Timestamp {
                year: d.year,
                month: d.month,
                day: d.day,
                hour,
                minute,
                second,
                nanosecond: micro * 1000,
                ..Timestamp::default()
            })
        },
    );
    let bytes = proptest::collection::vec(any::<u8>(), 0..300).prop_map(Value::Bytes);
    let mut all = vec![
        texts.boxed(),
        integers.boxed(),
        doubles,
        dates.prop_map(Value::Date).boxed(),
        timestamps.boxed(),
        bytes.boxed(),
        Just(Value::Null).boxed(),
    ];
    if engine != Engine::Sqlite {
        all.push("-?[0-9]{1,25}(\\.[0-9]{1,10})?".prop_map(Value::Decimal).boxed());
    }
    proptest::strategy::Union::new(all).boxed()
}
