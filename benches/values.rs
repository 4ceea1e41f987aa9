//! What it costs to find out how a statement goes to the mirror: known texts, and texts seen for the first time.
//! No database. `make bench ONLY=values`.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use twinpool::link::Engine;
use twinpool::link::catalog::{ColumnFacts, DefaultKind, TableFacts};
use twinpool::sql::Classifier;

const ROUNDS: usize = 20_000;
/// Goals, in microseconds.
const KNOWN: f64 = 2.0;
const NEW: f64 = 25.0;

fn table() -> TableFacts {
    let column = |name: &str, declared: &str, default| ColumnFacts {
        name: name.into(),
        declared: declared.into(),
        nullable: name != "id",
        default,
        computed: false,
        on_update: false,
        sequence: None,
    };
    TableFacts {
        version: String::new(),
        schema: "public".into(),
        name: "t".into(),
        columns: vec![
            column("id", "bigint", DefaultKind::Generated),
            column("name", "varchar(40)", DefaultKind::None),
            column("n", "integer", DefaultKind::Constant),
            column("at", "timestamp", DefaultKind::Volatile),
        ],
        primary_key: vec!["id".into()],
        unique_keys: Vec::new(),
        other_unique: false,
        unique_columns: Some(vec!["id".into()]),
        has_triggers: false,
        has_cascades: false,
        has_deferrable: false,
        hidden: None,
        is_view: false,
        is_temporary: false,
    }
}

fn main() {
    let facts = Arc::new(table());
    let kinds = [
        ("read", "SELECT name, n FROM t WHERE id = ?"),
        ("text, INSERT", "INSERT INTO t (id, name, n, at) VALUES (?, ?, ?, ?)"),
        ("text, UPDATE by key", "UPDATE t SET n = n + ?, name = ? WHERE id = ?"),
        ("keys, UPDATE", "UPDATE t SET n = 0 WHERE name LIKE ? AND n < 100"),
        ("rows, generated key", "INSERT INTO t (name, n) VALUES (?, ?)"),
        ("rows, INSERT SELECT", "INSERT INTO t (name, n) SELECT name, n FROM t WHERE n > ?"),
        ("rows, UPDATE", "UPDATE t SET at = now() WHERE id = ?"),
    ];
    println!("{:<24} {:>10} {:>10}   microseconds a statement", "", "known", "new");
    let mut missed = 0;
    for (name, sql) in kinds {
        let classifier = Classifier::new(Engine::Postgres);
        let mut ask = |_: Option<&str>, _: &str| Ok(Some(Arc::clone(&facts)));
        let mut one = |text: &str| {
            let analysis = classifier.analyse(text);
            black_box(classifier.plan(&analysis, Some(1), &mut ask).unwrap());
        };
        one(sql);
        let began = Instant::now();
        for _ in 0..ROUNDS {
            one(black_box(sql));
        }
        let known = began.elapsed().as_secs_f64() * 1e6 / ROUNDS as f64;
        let texts: Vec<String> = (0..ROUNDS).map(|n| format!("{sql} /* {n} */")).collect();
        let began = Instant::now();
        for text in &texts {
            one(text);
        }
        let new = began.elapsed().as_secs_f64() * 1e6 / ROUNDS as f64;
        let over = known > KNOWN || new > NEW;
        missed += usize::from(over);
        println!("{name:<24} {known:>10.2} {new:>10.2}{}", if over { "   over the goal" } else { "" });
    }
    println!("goals: known {KNOWN}, new {NEW}; {missed} over");
}
