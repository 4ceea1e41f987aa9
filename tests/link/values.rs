//! Every value comes back as it went in.

use twinpool::value::{Block, Date, Time, Timestamp, Type, Value};
use twinpool_testkit::{Pair, on_all_engines};

use crate::common::*;

fn date(year: i32, month: u8, day: u8) -> Value {
    Value::Date(Date { year, month, day, ..Date::default() })
}

fn timestamp(year: i32, month: u8, day: u8, clock: (u8, u8, u8), nanosecond: u32) -> Value {
    let (hour, minute, second) = clock;
    Value::Timestamp(Timestamp { year, month, day, hour, minute, second, nanosecond, ..Timestamp::default() })
}

fn time(hour: u16, minute: u8, second: u8, nanosecond: u32) -> Value {
    Value::Time(Time { hour, minute, second, nanosecond, ..Time::default() })
}

fn long_text() -> String {
    // No power of two anywhere, and characters of one to four bytes across every buffer's end.
    "aé€😀".chars().cycle().take(1_234_567).collect()
}

fn all_bytes(times: usize) -> Vec<u8> {
    (0..=255u8).cycle().take(256 * times).collect()
}

/// (column type on SQLite, PostgreSQL, MariaDB; expected kind; values)
fn samples(pair: &Pair) -> Vec<(String, Type, Vec<Value>)> {
    let t = |s: &str, p: &str, m: &str| pair.pick(s, p, m).to_owned();
    let double_ok = [0.0, 1.5, -2.25, 1e300, -1e-300, 123456789.125];
    let exact = [0.1 + 0.2, f64::MIN_POSITIVE, std::f64::consts::PI, f64::MAX];
    let mut doubles: Vec<Value> = double_ok.iter().map(|d| Value::Double(*d)).collect();
    if pair.engine() != twinpool_testkit::Engine::Sqlite {
        // libsqliteodbc gives 15 digits.
        doubles.extend(exact.iter().map(|d| Value::Double(*d)));
    }
    let mut decimals = vec!["0", "-12.5", "1234567.25"];
    if pair.engine() != twinpool_testkit::Engine::Sqlite {
        decimals = vec!["0.00", "-12.50", "12345678901234567890123456789012345.67"];
    }
    vec![
        (t("INTEGER", "BIGINT", "BIGINT"), Type::Int, vec![int(0), int(-1), int(i64::MAX), int(i64::MIN)]),
        (t("SMALLINT", "SMALLINT", "SMALLINT"), Type::Int, vec![int(-32768), int(32767)]),
        (t("DOUBLE", "DOUBLE PRECISION", "DOUBLE"), Type::Double, doubles),
        (
            t("NUMERIC", "NUMERIC(38,2)", "DECIMAL(38,2)"),
            Type::Decimal,
            decimals.iter().map(|d| Value::Decimal((*d).to_owned())).collect(),
        ),
        (
            t("TEXT", "TEXT", "LONGTEXT"),
            Type::Text,
            vec![
                text(""),
                text("x"),
                text("it's \\ \"q\" ` % _ \n\r\t"),
                text("grüße 😀 𝄞"),
                Value::Text("y".repeat(255)),
                Value::Text("y".repeat(256)),
                Value::Text("y".repeat(257)),
                Value::Text(long_text()),
                text("X'00FF'"),
                text("\\x41"),
                text("?"),
                text("{fn now()}"),
            ],
        ),
        (
            t("VARCHAR(100)", "VARCHAR(100)", "VARCHAR(100)"),
            Type::Text,
            vec![text(""), text("abc "), Value::Text("😀".repeat(100))],
        ),
        (
            t("BLOB", "BYTEA", "LONGBLOB"),
            Type::Bytes,
            vec![
                Value::Bytes(vec![]),
                Value::Bytes(vec![0]),
                Value::Bytes(b"abc".to_vec()),
                Value::Bytes(all_bytes(1)),
                Value::Bytes(all_bytes(5000)),
            ],
        ),
        (
            t("DATE", "DATE", "DATE"),
            Type::Date,
            vec![date(1, 1, 1), date(9999, 12, 31), date(2024, 2, 29), date(1582, 10, 10)],
        ),
        (
            t("TIME", "TIME(6)", "TIME(6)"),
            Type::Time,
            vec![time(0, 0, 0, 0), time(23, 59, 59, 999_999_000), time(12, 34, 56, 1000)],
        ),
        (
            t("TIMESTAMP", "TIMESTAMP(6)", "DATETIME(6)"),
            Type::Timestamp,
            vec![
                timestamp(1, 1, 1, (0, 0, 0), 0),
                timestamp(9999, 12, 31, (23, 59, 59), 999_999_000),
                timestamp(2024, 2, 29, (12, 34, 56), 1000),
                timestamp(1969, 12, 31, (23, 59, 59), 500_000_000),
            ],
        ),
        (t("BOOLEAN", "BOOLEAN", "BIT(1)"), Type::Bool, vec![Value::Bool(true), Value::Bool(false)]),
        (
            t("UUID", "UUID", "UUID"),
            Type::Uuid,
            vec![Value::Uuid([0xab; 16]), Value::Uuid(*b"0123456789abcdef")],
        ),
    ]
}

fn same(given: &Value, found: &Value) -> bool {
    match (given, found) {
        // MariaDB has a UUID type and its driver calls it text.
        (Value::Uuid(_), Value::Text(text)) => {
            let digits: String = text.chars().filter(|c| *c != '-').collect();
            let Value::Uuid(bytes) = given else { return false };
            digits == bytes.iter().map(|b| format!("{b:02x}")).collect::<String>()
        }
        (Value::Double(a), Value::Double(b)) => a.to_bits() == b.to_bits() || (*a == 0.0 && *b == 0.0),
        _ => given == found,
    }
}

on_all_engines! {
    fn values_of_all_types_come_back_as_they_went_in(pair: &Pair) {
        let mut link = link(&pair.master);
        for (n, (declared, kind, values)) in samples(pair).into_iter().enumerate() {
            let table = format!("t{n}");
            link.run_once(&format!("CREATE TABLE {table} (id INT PRIMARY KEY, v {declared})")).unwrap();
            let insert = format!("INSERT INTO {table} VALUES (?, ?)");
            run(&mut link, &insert, &[int(0), Value::Null]);
            for (i, value) in values.iter().enumerate() {
                run(&mut link, &insert, &[int(i as i64 + 1), value.clone()]);
            }
            let rows = link.query(&format!("SELECT v FROM {table} ORDER BY id"), &[]).unwrap();
            assert_eq!(rows.len(), values.len() + 1);
            assert_eq!(rows[0][0], Value::Null, "{declared}");
            for (value, row) in values.iter().zip(&rows[1..]) {
                assert!(same(value, &row[0]), "{declared}: {} became {}", short(value), short(&row[0]));
                // And one row alone, by its value where the engine can compare it.
                if !matches!(value, Value::Double(_)) && short(value).len() < 2000 {
                    let found = link.query(&format!("SELECT v FROM {table} WHERE v = ?"), std::slice::from_ref(value));
                    let found = found.unwrap_or_else(|e| panic!("{declared} = {}: {e}", short(value)));
                    assert_eq!(found.len(), 1, "{declared} = {}", short(value));
                }
            }
            let cursor = link.run(&format!("SELECT v FROM {table}"), &[]).unwrap().rows.unwrap();
            let uuid_as_text = kind == Type::Uuid && pair.engine() == twinpool_testkit::Engine::MariaDb;
            assert!(cursor.columns()[0].kind == kind || uuid_as_text, "{declared}: {:?}", cursor.columns());
        }
    }

    /// Long and short ones in turns, in each column, so that the one way to read them never disturbs the other.
    fn cells_of_any_length_stand_beside_each_other_in_any_row(pair: &Pair) {
        let mut link = link(&pair.master);
        let long = pair.pick("TEXT", "TEXT", "LONGTEXT");
        let bytes = pair.pick("BLOB", "BYTEA", "LONGBLOB");
        link.run_once(&format!("CREATE TABLE t (id INT PRIMARY KEY, a {long}, n BIGINT, b {bytes}, c {long})")).unwrap();
        let lengths = [0, 1, 126, 127, 128, 129, 130, 254, 255, 256, 257, 5000];
        let text_of = |n: usize| match n % 13 {
            12 => Value::Null,
            i => Value::Text("aé€😀".chars().cycle().skip(n % 4).scan(0, |bytes, c| {
                *bytes += c.len_utf8();
                (*bytes <= lengths[i]).then_some(c)
            }).collect()),
        };
        let rows: Vec<Vec<Value>> = (0..80usize).map(|i| {
            let number = if i % 5 == 0 { Value::Null } else { int(i as i64 * 1_000_003) };
            let blob = if i % 7 == 0 { Value::Null } else { Value::Bytes(vec![i as u8; lengths[i % 11]]) };
            vec![int(i as i64), text_of(i), number, blob, text_of(i * 5 + 3)]
        }).collect();
        for row in &rows {
            run(&mut link, "INSERT INTO t VALUES (?, ?, ?, ?, ?)", row);
        }
        for most in [1, 2, 3, 7, 1024] {
            let mut cursor = link.run("SELECT id, a, n, b, c FROM t ORDER BY id", &[]).unwrap().rows.unwrap();
            let mut block = Block::default();
            let mut found = Vec::new();
            while cursor.next_block(most, &mut block).unwrap() {
                found.extend(block.to_rows());
            }
            let wrong = rows.iter().zip(&found).position(|(given, found)| given != found);
            assert!(found.len() == rows.len() && wrong.is_none(), "blocks of {most}: row {wrong:?}");
            // And the statement serves again, for few rows.
            drop(cursor);
            assert_eq!(link.query("SELECT id, a, n, b, c FROM t ORDER BY id", &[]).unwrap()[79], rows[79]);
        }
    }

    /// What is bound once for many executions must not be taken for bound when another kind of value came in between.
    fn one_statement_takes_values_of_other_kinds_in_turns(pair: &Pair) {
        let mut link = link(&pair.master);
        link.run_once("CREATE TABLE turns (id INT PRIMARY KEY, v VARCHAR(200))").unwrap();
        let insert = "INSERT INTO turns VALUES (?, CAST(? AS CHAR(200)))";
        let insert = pair.pick("INSERT INTO turns VALUES (?, CAST(? AS TEXT))", "INSERT INTO turns VALUES (?, CAST(? AS text))", insert);
        let long = "z".repeat(150);
        let kinds = [int(7), text("seven"), int(8), Value::Null, text(&long), Value::Null, int(9), Value::Double(1.5), text(""), int(10)];
        let shown = |v: &Value| match v {
            Value::Int(n) => text(&n.to_string()),
            Value::Double(d) => text(&d.to_string()),
            other => other.clone(),
        };
        let given: Vec<&Value> = kinds.iter().cycle().take(40).collect();
        for (id, value) in (0..).zip(&given) {
            run(&mut link, insert, &[int(id), (*value).clone()]);
        }
        let found = link.query("SELECT v FROM turns ORDER BY id", &[]).unwrap();
        let wanted: Vec<_> = given.into_iter().map(|v| vec![shown(v)]).collect();
        assert_eq!(found, wanted);
    }

    fn literals_are_the_values_they_stand_for(pair: &Pair) {
        let mut link = link(&pair.master);
        for (n, (declared, kind, values)) in samples(pair).into_iter().enumerate() {
            let table = format!("t{n}");
            link.run_once(&format!("CREATE TABLE {table} (id INT PRIMARY KEY, v {declared})")).unwrap();
            for (i, value) in values.iter().enumerate() {
                let mut literal = String::new();
                link.dialect().literal(value, &mut literal).unwrap();
                link.run_once(&format!("INSERT INTO {table} VALUES ({i}, {literal})"))
                    .unwrap_or_else(|e| panic!("{declared} {}: {e}", literal.chars().take(200).collect::<String>()));
            }
            let rows = link.query(&format!("SELECT v FROM {table} ORDER BY id"), &[]).unwrap();
            for (value, row) in values.iter().zip(&rows) {
                assert!(same(value, &row[0]), "{declared}: {} became {}", short(value), short(&row[0]));
            }
        }
    }

    fn a_bare_parameter_keeps_its_type_where_the_engine_has_one(pair: &Pair) {
        use twinpool_testkit::Engine;
        let mut link = link(&pair.master);
        let mut values = vec![int(5), int(-5), int(i64::MIN), Value::Double(1.5), text("abc"), Value::Bytes(vec![1, 2, 0, 3])];
        if pair.engine() != Engine::Sqlite {
            values.extend([
                Value::Decimal("12.50".into()),
                date(2024, 2, 29),
                time(12, 34, 56, 789_000_000),
                timestamp(2024, 2, 29, (12, 34, 56), 789_000_000),
            ]);
        }
        if pair.engine() == Engine::Postgres {
            values.extend([Value::Bool(true), Value::Uuid([7; 16])]);
        }
        for value in values {
            let found = one(&mut link, "SELECT ?", std::slice::from_ref(&value));
            assert!(same(&value, &found), "parameter {} became {}", short(&value), short(&found));
            let mut literal = String::new();
            link.dialect().literal(&value, &mut literal).unwrap();
            let found = one(&mut link, &format!("SELECT {literal}"), &[]);
            assert!(same(&value, &found), "literal {literal} became {}", short(&found));
        }
    }

    fn values_that_an_engine_cannot_keep_are_refused(pair: &Pair) {
        use twinpool_testkit::Engine;
        let mut link = link(&pair.master);
        let mut values = vec![Value::Decimal("1; DROP TABLE t".into()), Value::Decimal("".into())];
        match pair.engine() {
            Engine::MariaDb => values.extend([Value::Double(f64::NAN), Value::Double(f64::INFINITY)]),
            _ => values.push(text("a\0b")),
        }
        for value in values {
            let error = link.run("SELECT ?", std::slice::from_ref(&value)).unwrap_err();
            assert_eq!(error.status(), twinpool::Status::BadArgument, "{}", short(&value));
            assert!(link.dialect().literal(&value, &mut String::new()).is_err());
        }
    }
}

fn short(value: &Value) -> String {
    let text = format!("{value:?}");
    if text.len() > 300 {
        format!("{}… ({} characters)", text.chars().take(80).collect::<String>(), text.len())
    } else {
        text
    }
}
