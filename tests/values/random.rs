//! Promise 4 on tables and statements that nobody has thought of: whatever is not refused is the same on both
//! sides, direct or queued. TWINPOOL_SEED repeats a run, TWINPOOL_STATEMENTS makes it longer.

use twinpool::{MirrorState, Session, Status, TwinPool};
use twinpool_testkit::{Engine, Pair, Rng, on_all_engines};

use crate::common::*;

struct Column {
    name: String,
    kind: Kind,
    key: bool,
    /// The database makes the value.
    generated: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Int,
    Text,
    Real,
    Instant,
    Bytes,
}

struct Table {
    name: String,
    columns: Vec<Column>,
}

const KINDS: [Kind; 5] = [Kind::Int, Kind::Text, Kind::Real, Kind::Instant, Kind::Bytes];

struct Maker<'p> {
    pair: &'p Pair,
    rng: Rng,
    tables: Vec<Table>,
}

impl Maker<'_> {
    fn kind(&self, kind: Kind) -> &'static str {
        let p = self.pair;
        match kind {
            Kind::Int => p.pick("INTEGER", "bigint", "BIGINT"),
            Kind::Text => p.pick("TEXT", "varchar(60)", "VARCHAR(60)"),
            Kind::Real => p.pick("REAL", "double precision", "DOUBLE"),
            Kind::Instant => p.pick("TIMESTAMP", "timestamptz", "TIMESTAMP(6) NULL"),
            Kind::Bytes => p.pick("BLOB", "bytea", "VARBINARY(60)"),
        }
    }

    /// What differs from one execution to the next.
    fn volatile(&mut self, kind: Kind) -> String {
        let p = self.pair;
        match kind {
            Kind::Int => p.pick("(random() % 1000)", "(random() * 1000)::bigint", "floor(rand() * 1000)"),
            Kind::Text => p.pick("hex(randomblob(4))", "md5(random()::text)", "md5(rand())"),
            Kind::Real => p.pick("(random() / 7.0)", "random()", "rand()"),
            Kind::Instant => p.pick("strftime('%Y-%m-%d %H:%M:%f', 'now')", "clock_timestamp()", "now(6)"),
            Kind::Bytes => p.pick("randomblob(5)", "decode(md5(random()::text), 'hex')", "random_bytes(5)"),
        }
        .to_owned()
    }

    fn constant(&mut self, kind: Kind) -> String {
        let n = self.rng.below(30) as i64 - 5;
        match kind {
            Kind::Int => n.to_string(),
            Kind::Text => format!("'text {n} ü '''"),
            Kind::Real => format!("{n}.{}", self.rng.below(1000)),
            Kind::Instant => {
                format!("'2024-0{}-11 10:11:12.{}'", 1 + n.rem_euclid(9), 100 + self.rng.below(899))
            }
            Kind::Bytes => match self.pair.engine() {
                Engine::Postgres => format!("'\\x00{:02x}'::bytea", n.rem_euclid(256)),
                _ => format!("x'00{:02x}'", n.rem_euclid(256)),
            },
        }
    }

    fn table(&mut self, n: usize) -> String {
        let generated_key = self.rng.chance(50);
        let keys = if generated_key { 1 } else { *self.rng.pick(&[0, 1, 1, 2]) };
        let mut columns = Vec::new();
        let mut parts = Vec::new();
        for i in 0..keys {
            let name = format!("k{i}");
            let kind = if generated_key || self.rng.chance(70) { Kind::Int } else { Kind::Text };
            let auto = self.pair.pick("INTEGER", "bigserial", "BIGINT AUTO_INCREMENT");
            let declared = if generated_key { auto } else { self.kind(kind) };
            let inline = if generated_key { " PRIMARY KEY" } else { " NOT NULL" };
            parts.push(format!("{name} {declared}{inline}"));
            columns.push(Column { name, kind, key: true, generated: generated_key });
        }
        for i in 0..2 + self.rng.below(4) {
            let kind = *self.rng.pick(&KINDS);
            let name = if self.rng.chance(10) { format!("odd Näme {i}") } else { format!("c{i}") };
            let default = match self.rng.below(4) {
                0 => {
                    let (lead, tail) = if kind == Kind::Instant && self.pair.engine() == Engine::MariaDb {
                        ("", "")
                    } else {
                        ("(", ")")
                    };
                    let value = match (kind, self.pair.engine()) {
                        (Kind::Instant, Engine::MariaDb) => "current_timestamp(6)".to_owned(),
                        _ => self.volatile(kind),
                    };
                    format!(" DEFAULT {lead}{value}{tail}")
                }
                1 => format!(" DEFAULT {}", self.constant(kind)),
                _ => String::new(),
            };
            let unique = if matches!(kind, Kind::Int) && self.rng.chance(15) { " UNIQUE" } else { "" };
            parts.push(format!("{} {}{default}{unique}", self.quoted(&name), self.kind(kind)));
            columns.push(Column { name, kind, key: false, generated: false });
        }
        if keys > 0 && !generated_key {
            let names: Vec<&str> = columns[..keys].iter().map(|c| c.name.as_str()).collect();
            parts.push(format!("PRIMARY KEY ({})", names.join(", ")));
        }
        let name = format!("t{n}");
        let sql = format!("CREATE TABLE {name} ({});", parts.join(", "));
        self.tables.push(Table { name, columns });
        sql
    }

    fn quoted(&self, name: &str) -> String {
        self.pair.pick("\"~\"", "\"~\"", "`~`").replace('~', name)
    }

    fn value(&mut self, kind: Kind) -> String {
        let other = self.rng.below(self.tables.len() as u64) as usize;
        let same = self.tables[other].columns.iter().find(|c| c.kind == kind).map(|c| c.name.clone());
        match (self.rng.below(10), same) {
            (0..=5, _) => self.constant(kind),
            (6..=7, _) => self.volatile(kind),
            (8, Some(column)) if kind != Kind::Bytes => {
                format!("(SELECT max({}) FROM {})", self.quoted(&column), self.tables[other].name)
            }
            _ => "NULL".to_owned(),
        }
    }

    fn predicate(&mut self, t: usize) -> String {
        let n = self.rng.below(self.tables[t].columns.len() as u64) as usize;
        let (name, kind) = (self.quoted(&self.tables[t].columns[n].name), self.tables[t].columns[n].kind);
        let value = self.constant(kind);
        match self.rng.below(6) {
            0 => "1 = 1".to_owned(),
            1 => format!("{name} IS NULL"),
            2 | 3 => format!("{name} = {value}"),
            4 => format!("{name} < {value}"),
            _ => format!("{name} > {value}"),
        }
    }

    /// The columns an INSERT gives; keys that are not generated always.
    fn given(&mut self, t: usize) -> Vec<usize> {
        let columns: Vec<(bool, bool)> =
            self.tables[t].columns.iter().map(|c| (c.key && !c.generated, c.generated)).collect();
        let mut found: Vec<usize> = Vec::new();
        for (i, (needed, generated)) in columns.into_iter().enumerate() {
            if needed || self.rng.chance(if generated { 30 } else { 60 }) {
                found.push(i);
            }
        }
        if found.is_empty() {
            found.push(self.tables[t].columns.len() - 1);
        }
        found
    }

    fn statement(&mut self) -> String {
        let t = self.rng.below(self.tables.len() as u64) as usize;
        let table = self.tables[t].name.clone();
        match self.rng.below(10) {
            0..=4 => {
                let given = self.given(t);
                let names: Vec<String> =
                    given.iter().map(|&i| self.quoted(&self.tables[t].columns[i].name)).collect();
                let kinds: Vec<Kind> = given.iter().map(|&i| self.tables[t].columns[i].kind).collect();
                let source = if self.rng.chance(20) {
                    let from = self.tables[self.rng.below(self.tables.len() as u64) as usize].name.clone();
                    let values: Vec<String> = kinds.iter().map(|k| self.value(*k)).collect();
                    format!("SELECT {} FROM {from} WHERE 1 = 1 LIMIT 2", values.join(", "))
                } else {
                    let rows: Vec<String> = (0..1 + self.rng.below(3))
                        .map(|_| {
                            let values: Vec<String> = kinds.iter().map(|k| self.value(*k)).collect();
                            format!("({})", values.join(", "))
                        })
                        .collect();
                    format!("VALUES {}", rows.join(", "))
                };
                let mariadb = self.pair.engine() == Engine::MariaDb;
                let ignoring = self.rng.chance(20);
                let verb = if ignoring && mariadb { "INSERT IGNORE" } else { "INSERT" };
                let tail = if ignoring && !mariadb { " ON CONFLICT DO NOTHING" } else { "" };
                format!("{verb} INTO {table} ({}) {source}{tail}", names.join(", "))
            }
            5..=8 => {
                let free: Vec<usize> =
                    (0..self.tables[t].columns.len()).filter(|&i| !self.tables[t].columns[i].key).collect();
                let i = *self.rng.pick(&free);
                let (name, kind) =
                    (self.quoted(&self.tables[t].columns[i].name), self.tables[t].columns[i].kind);
                let value = match kind {
                    Kind::Int if self.rng.chance(30) => format!("coalesce({name}, 0) + 1"),
                    _ => self.value(kind),
                };
                format!("UPDATE {table} SET {name} = {value} WHERE {}", self.predicate(t))
            }
            _ => format!("DELETE FROM {table} WHERE {}", self.predicate(t)),
        }
    }
}

/// Runs a statement; what came of it.
fn try_one(s: &mut Session, sql: &str, log: &mut Vec<String>) -> Option<Status> {
    match s.execute(sql, &[]) {
        Ok(_) => {
            log.push(sql.to_owned());
            None
        }
        Err(e) => {
            assert!(
                matches!(e.status(), Status::Unsafe | Status::Database),
                "{sql}: {e} {:?}\n{}",
                e.records(),
                log.join(";\n")
            );
            Some(e.status())
        }
    }
}

fn look(pair: &Pair, pool: &TwinPool, log: &[String]) {
    wait_in_sync(pool);
    let found = pair.differences();
    assert!(found.is_empty(), "{}\n{}", found.join("\n"), log.join(";\n"));
}

on_all_engines! {
    fn random_statements_on_random_tables_are_the_same_on_both_sides(pair: &Pair) {
        let mut maker = Maker { pair, rng: Rng::for_test(pair.name()), tables: Vec::new() };
        for n in 0..4 {
            let sql = maker.table(n);
            println!("{sql}");
            pair.sql_on_both(&sql);
        }
        let statements: usize =
            std::env::var("TWINPOOL_STATEMENTS").ok().and_then(|n| n.parse().ok()).unwrap_or(300);
        let pool = open(pair);
        let mut s = acquire(&pool);
        let (mut done, mut refused, mut failed) = (0, 0, 0);
        let mut log = Vec::new();
        let mut away = false;
        for n in 0..statements {
            if maker.rng.chance(5) {
                s.rollback().unwrap();
                if away {
                    pool.attach().unwrap();
                } else {
                    pool.detach().unwrap();
                }
                away = !away;
            }
            match maker.rng.below(12) {
                0 if !s.in_transaction() => s.begin().unwrap(),
                1 if s.in_transaction() => {
                    let _ = s.commit();
                }
                2 if s.in_transaction() => s.rollback().unwrap(),
                _ => {}
            }
            let sql = maker.statement();
            match try_one(&mut s, &sql, &mut log) {
                None => done += 1,
                Some(Status::Unsafe) => refused += 1,
                Some(_) => {
                    failed += 1;
                    // PostgreSQL wants the whole transaction back.
                    if s.in_transaction() && pair.engine() == Engine::Postgres {
                        s.rollback().unwrap();
                    }
                }
            }
            if n % 100 == 99 && !s.in_transaction() {
                if away {
                    pool.attach().unwrap();
                    away = false;
                }
                look(pair, &pool, &log);
            }
        }
        s.rollback().unwrap();
        if away {
            pool.attach().unwrap();
        }
        look(pair, &pool, &log);
        assert_eq!(pool.status().mirror_state, MirrorState::InSync);
        println!("{done} done, {refused} refused, {failed} failed");
        assert!(done > statements / 5, "{done} done, {refused} refused, {failed} failed");
        drop(s);
        close(pool);
    }
}
