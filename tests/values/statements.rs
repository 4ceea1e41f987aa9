//! `docs/statements.md` is made from the corpus.

use std::collections::{BTreeMap, HashMap};

use twinpool_testkit::Engine;

use crate::corpus;

const ENGINES: [(Engine, &str); 3] =
    [(Engine::Postgres, "PostgreSQL"), (Engine::MariaDb, "MariaDB"), (Engine::Sqlite, "SQLite")];

/// Ways in the order of the page, and what they mean.
const WAYS: [(&str, &str); 8] = [
    ("text", "The statement is determinate: text and parameters go to the mirror as they are."),
    (
        "keys",
        "The keys of the rows are read and locked on the master first; a statement that names these rows runs on \
         both sides.",
    ),
    (
        "rows",
        "The statement runs on the master alone. The rows it wrote are captured there, in the same transaction, and \
         shipped with all their values.",
    ),
    ("ddl", "The text on both sides."),
    ("session", "Settings of the session: both connections."),
    ("local", "Of no concern to the mirror: the master only."),
    (
        "refused",
        "Not carried: an error before it runs, which says why. Where the effect could be another one on the mirror \
         `on_unsafe` decides: refused (the default), or shipped as text with a warning.",
    ),
    ("fails", "Refused by the database or its driver: nothing changes on either side."),
];

fn page() -> String {
    let mut out = String::from(
        "# Statements and their ways to the mirror\n\n\
         Made from `tests/values/corpus` by the test that runs each of these statements on real servers three ways \
         (direct, queued and replayed, half and half with an outage) and compares both databases to the last bit. \
         What is not known to be safe is refused; nothing is shipped silently different.\n\n",
    );
    let mut totals: BTreeMap<(usize, usize), usize> = BTreeMap::new();
    let mut order: Vec<(String, String)> = Vec::new();
    let mut engines: HashMap<(String, String), Vec<&str>> = HashMap::new();
    for (e, (engine, name)) in ENGINES.iter().enumerate() {
        for line in corpus::of(*engine).lines {
            let way =
                WAYS.iter().position(|w| w.0 == line.way).unwrap_or_else(|| panic!("{}: way", line.place));
            let key = (line.way, line.sql);
            if !engines.contains_key(&key) {
                order.push(key.clone());
            }
            let of = engines.entry(key).or_default();
            // BEGIN stands there more than once.
            if !of.contains(name) {
                of.push(name);
                *totals.entry((way, e)).or_default() += 1;
            }
        }
    }
    out.push_str("| way | PostgreSQL | MariaDB | SQLite |\n|---|---:|---:|---:|\n");
    for (w, (way, _)) in WAYS.iter().enumerate() {
        let of = |e: usize| totals.get(&(w, e)).copied().unwrap_or(0);
        out.push_str(&format!("| {way} | {} | {} | {} |\n", of(0), of(1), of(2)));
    }
    let all = |e: usize| totals.iter().filter(|((_, of), _)| *of == e).map(|(_, n)| n).sum::<usize>();
    out.push_str(&format!("| **all** | {} | {} | {} |\n", all(0), all(1), all(2)));
    for (way, meaning) in WAYS {
        out.push_str(&format!("\n## {way}\n\n{meaning}\n"));
        let groups: [&[&str]; 4] =
            [&["PostgreSQL", "MariaDB", "SQLite"], &["PostgreSQL"], &["MariaDB"], &["SQLite"]];
        for group in groups {
            let listed: Vec<&str> = order
                .iter()
                .filter(|key| key.0 == way && engines.get(*key).is_some_and(|e| matches(e, group)))
                .map(|key| key.1.as_str())
                .collect();
            if listed.is_empty() {
                continue;
            }
            let title = if group.len() == 3 { "Every engine" } else { group[0] };
            out.push_str(&format!("\n{title}:\n\n```sql\n{};\n```\n", listed.join(";\n")));
        }
    }
    out
}

/// A statement of two engines is listed at each.
fn matches(engines: &[&str], group: &[&str]) -> bool {
    match group {
        [one] => engines.len() < 3 && engines.contains(one),
        all => engines.len() == all.len(),
    }
}

#[test]
fn each_engine_has_four_hundred_kinds_of_statements() {
    for (engine, name) in ENGINES {
        let kinds: std::collections::HashSet<String> =
            corpus::of(engine).lines.into_iter().map(|line| line.sql).collect();
        println!("{name}: {} kinds of statements", kinds.len());
        assert!(kinds.len() >= 400, "{name}: {} kinds of statements", kinds.len());
    }
}

#[test]
fn the_page_of_statements_is_that_of_the_corpus() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/statements.md");
    let page = page();
    for line in page.lines().skip_while(|l| !l.starts_with("| way")).take_while(|l| l.starts_with('|')) {
        println!("{line}");
    }
    if std::env::var_os("TWINPOOL_RENEW").is_some() {
        std::fs::write(path, &page).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        kept == page,
        "docs/statements.md is not up to date: TWINPOOL_RENEW=1 cargo test --test values page"
    );
}
