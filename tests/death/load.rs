//! The data of the load, transfers and a job queue, and what must be true of it whatever died. Sums come out
//! right in any order; `accounts.last`, the number of the last transfer, only in the master's.

use std::collections::BTreeMap;

use twinpool_testkit::{Node, Pair};

use crate::workers::{Book, Word};

pub const ACCOUNTS: i64 = 10;
pub const THREADS: usize = 8;

pub fn make(pair: &Pair) {
    pair.sql_on_both(
        "CREATE TABLE accounts (id INTEGER NOT NULL PRIMARY KEY, balance BIGINT NOT NULL, last BIGINT)",
    );
    pair.sql_on_both(
        "CREATE TABLE ledger (id BIGINT NOT NULL PRIMARY KEY, source INTEGER NOT NULL, target INTEGER NOT NULL, amount BIGINT NOT NULL)",
    );
    pair.sql_on_both(
        "CREATE TABLE jobs (id BIGINT NOT NULL PRIMARY KEY, state VARCHAR(10) NOT NULL, worker BIGINT)",
    );
    pair.sql_on_both("CREATE INDEX jobs_state ON jobs (state, id)");
    pair.sql_on_both(
        "CREATE TABLE steps (id BIGINT NOT NULL PRIMARY KEY, job BIGINT NOT NULL REFERENCES jobs(id), note VARCHAR(40))",
    );
    let rows: Vec<String> = (1..=ACCOUNTS).map(|id| format!("({id}, 1000)")).collect();
    pair.sql_on_both(&format!("INSERT INTO accounts (id, balance) VALUES {}", rows.join(", ")));
}

fn numbers(node: &Node, sql: &str) -> BTreeMap<i64, Vec<i64>> {
    let number = |cell: &Option<String>| cell.as_deref().and_then(|t| t.parse().ok()).unwrap_or(-1);
    let rows = node.sql(sql);
    let count = rows.len();
    let map: BTreeMap<i64, Vec<i64>> =
        rows.iter().map(|r| (number(&r[0]), r[1..].iter().map(number).collect())).collect();
    assert_eq!(map.len(), count, "{sql}: doubled rows");
    map
}

/// Holds the workers' words against both databases. What was acknowledged is there, whole and once; what was
/// answered with an error is not; what was never answered is there as a whole or not at all; both are equal.
#[track_caller]
pub fn check(pair: &Pair, book: &Book) {
    let mut found = book.bad.iter().take(10).cloned().collect::<Vec<_>>();
    for node in pair.nodes() {
        check_node(node, book, &mut found);
    }
    found.extend(pair.differences());
    assert!(
        found.is_empty(),
        "{}: {} findings:\n{}",
        pair.engine(),
        found.len(),
        found[..found.len().min(30)].join("\n")
    );
}

fn check_node(node: &Node, book: &Book, found: &mut Vec<String>) {
    let side = node.label();
    let ledger = numbers(node, "SELECT id, source, target, amount FROM ledger");
    let jobs = numbers(node, "SELECT id, CASE WHEN state = 'taken' THEN worker ELSE 0 END FROM jobs");
    let steps = numbers(node, "SELECT id, job FROM steps");
    for ((kind, id), (what, word)) in &book.entries {
        let row = match kind {
            'T' => ledger.get(id),
            'P' => jobs.get(id),
            _ => steps.get(id),
        };
        match (word, row) {
            (Word::Acknowledged, None) => {
                found.push(format!("{side}: {kind}{id} was acknowledged and is not there"))
            }
            (Word::Refused, Some(_)) => found.push(format!("{side}: {kind}{id} was refused and is there")),
            (_, Some(row)) if *kind != 'P' && row != what => {
                found.push(format!("{side}: {kind}{id} is {row:?}, not {what:?}"))
            }
            _ => {}
        }
    }
    let strange = |kind: char, rows: &BTreeMap<i64, Vec<i64>>, found: &mut Vec<String>| {
        let unknown = rows.keys().filter(|id| !book.entries.contains_key(&(kind, **id)));
        found.extend(unknown.take(3).map(|id| format!("{side}: nobody spoke of {kind}{id}")));
    };
    strange('T', &ledger, found);
    strange('P', &jobs, found);
    strange('K', &steps, found);

    // Money moves in whole transactions: half of one, or one applied twice, shows here.
    let mut wanted: BTreeMap<i64, i64> = (1..=ACCOUNTS).map(|id| (id, 1000)).collect();
    for row in ledger.values() {
        *wanted.entry(row[0]).or_default() -= row[2];
        *wanted.entry(row[1]).or_default() += row[2];
    }
    for (id, row) in numbers(node, "SELECT id, balance FROM accounts") {
        if wanted.get(&id) != Some(&row[0]) {
            found.push(format!(
                "{side}: account {id} holds {}, its ledger says {:?}",
                row[0],
                wanted.get(&id)
            ));
        }
    }
    // A job that was taken has one child, by him who took it; one that was not has none.
    let mut takers: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    for (id, row) in &steps {
        takers.entry(row[0]).or_default().push(*id);
    }
    for (job, row) in &jobs {
        let by = takers.remove(job).unwrap_or_default();
        let right = if row[0] == 0 { by.is_empty() } else { by == [row[0]] };
        if !right {
            found.push(format!("{side}: job {job} was taken by {}, its steps are {by:?}", row[0]));
        }
    }
    if !takers.is_empty() {
        found.push(format!("{side}: steps without a job: {takers:?}"));
    }
}
