//! Comparing both databases row by row.
//!
//! Both sides are read in key order, a block at a time. Rows that do not stand opposite each other wait in a
//! table by hash until their partner comes; what is left at the end differs. So one missing row costs one
//! place in memory, not the rest of the table.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::shared::Pair;
use super::tables::Tables;
use crate::error::{Class, Error, Result, Status};
use crate::link::catalog::TableFacts;
use crate::link::{Cursor, Engine, Link};
use crate::value::{Block, Value};

/// What was found for one table.
#[derive(Clone, Debug)]
pub struct TableComparison {
    pub table: String,
    pub master_rows: u64,
    pub mirror_rows: u64,
    /// Rows that differ or stand on one side only, counted on both sides.
    pub different: u64,
    /// The first few of them, for people.
    pub examples: Vec<String>,
}

const BLOCK: usize = 1000;
const EXAMPLES: usize = 5;

/// A row's two independent hashes: 128 bits make a chance equality no concern.
fn fingerprint(row: &[Value]) -> (u64, u64) {
    let digest = |seed: u8| {
        let mut h = DefaultHasher::new();
        seed.hash(&mut h);
        for v in row {
            (v.kind() as i32).hash(&mut h);
            match v {
                Value::Null => {}
                Value::Bool(b) => b.hash(&mut h),
                Value::Int(i) => i.hash(&mut h),
                Value::Double(d) => d.to_bits().hash(&mut h),
                Value::Decimal(s) | Value::Text(s) => s.hash(&mut h),
                Value::Bytes(b) => b.hash(&mut h),
                Value::Large(large) => match large.text() {
                    Some(s) => s.hash(&mut h),
                    None => large.raw().hash(&mut h),
                },
                Value::Date(d) => d.hash(&mut h),
                Value::Time(t) => t.hash(&mut h),
                Value::Timestamp(t) => t.hash(&mut h),
                Value::Uuid(u) => u.hash(&mut h),
            }
        }
        h.finish()
    };
    (digest(1), digest(2))
}

struct Side {
    cursor: Cursor,
    block: Block,
    next: usize,
    rows: u64,
    done: bool,
}

impl Side {
    fn open(link: &mut Link, sql: &str) -> Result<Side> {
        let cursor = link
            .run_streaming(sql, &[])?
            .rows
            .ok_or_else(|| Error::new(Status::Internal, format!("the {} gave no result", link.side())))?;
        Ok(Side { cursor, block: Block::default(), next: 0, rows: 0, done: false })
    }

    fn next(&mut self) -> Result<Option<Vec<Value>>> {
        if self.next >= self.block.rows {
            if self.done || !self.cursor.next_block(BLOCK, &mut self.block)? || self.block.rows == 0 {
                self.done = true;
                return Ok(None);
            }
            self.next = 0;
        }
        let row = (0..self.block.columns.len()).map(|c| self.block.value(self.next, c)).collect();
        self.next += 1;
        self.rows += 1;
        Ok(Some(row))
    }
}

/// All columns by name, in key order; in full order where there is no key.
fn select(link: &Link, schema: &str, facts: &TableFacts) -> String {
    let quote = |name: &str| link.dialect().quote_ident(name);
    let columns: Vec<String> = facts.columns.iter().map(|c| quote(&c.name)).collect();
    let order = match facts.row_key() {
        Some(key) => key.iter().map(|c| quote(c)).collect::<Vec<_>>().join(", "),
        None => (1..=columns.len()).map(|n| n.to_string()).collect::<Vec<_>>().join(", "),
    };
    format!("SELECT {} FROM {}.{} ORDER BY {order}", columns.join(", "), quote(schema), quote(&facts.name))
}

/// Compares every table that is not ours. `progress` gets each table's name and the rows compared so far.
pub fn verify(pair: &Pair, progress: &mut dyn FnMut(&str, u64)) -> Result<Vec<TableComparison>> {
    compare_pair(pair, progress).map_err(|e| match e.class() {
        Class::TimedOut => e.context("verify (verify.read_timeout_ms is the longest wait for rows)"),
        _ => e.context("verify"),
    })
}

fn compare_pair(pair: &Pair, progress: &mut dyn FnMut(&str, u64)) -> Result<Vec<TableComparison>> {
    let mut master = pair.open_master()?;
    let mut mirror = pair
        .open_mirror()
        .map_err(|e| e.with_status(Status::MirrorDown).context("both databases are needed"))?;
    for link in [&mut master, &mut mirror] {
        link.set_call_timeout(Some(pair.setup.verify_read_timeout));
    }
    compare_all(&mut master, &pair.tables, &mut mirror, &pair.mirror_tables(), progress)
}

/// (schema on the master, schema on the mirror, name)
type Both = Vec<(String, String, String)>;

/// The tables that are not ours: on both, on the master only, on the mirror only.
pub(super) fn missing_tables(
    master: &mut Link,
    ours: &Tables,
    mirror: &mut Link,
    mirror_ours: &Tables,
) -> Result<(Both, Vec<String>, Vec<String>)> {
    let tables = |link: &mut Link, ours: &Tables| -> Result<Vec<(String, String)>> {
        Ok(link.list_tables()?.into_iter().filter(|(s, t)| !ours.is_ours(s, t)).collect())
    };
    // Schemas have a meaning of their own in PostgreSQL only; elsewhere they are the database's name.
    let same_schemas = [master.engine(), mirror.engine()] == [Engine::Postgres; 2];
    let here = tables(master, ours)?;
    let mut there = tables(mirror, mirror_ours)?;
    let (mut both, mut alone) = (Vec::new(), Vec::new());
    for (schema, name) in here {
        match there.iter().position(|(s, t)| *t == name && (*s == schema || !same_schemas)) {
            Some(i) => both.push((schema, there.swap_remove(i).0, name)),
            None => alone.push(name),
        }
    }
    let mut others: Vec<String> = there.into_iter().map(|(_, name)| name).collect();
    others.sort();
    Ok((both, alone, others))
}

/// Compares every table that is not ours, on two connections.
pub(super) fn compare_all(
    master: &mut Link,
    ours: &Tables,
    mirror: &mut Link,
    mirror_ours: &Tables,
    progress: &mut dyn FnMut(&str, u64),
) -> Result<Vec<TableComparison>> {
    let (both, only_master, only_mirror) = missing_tables(master, ours, mirror, mirror_ours)?;
    let mut found = Vec::new();
    let missing = |name: &String, side: &str| TableComparison {
        table: name.clone(),
        master_rows: 0,
        mirror_rows: 0,
        different: 1,
        examples: vec![format!("the table is missing on the {side}")],
    };
    for (schema, mirror_schema, name) in &both {
        let facts = master.describe_table(Some(schema), name)?;
        let Some(facts) = facts.filter(|f| !f.is_view && !f.is_temporary) else { continue };
        let a = select(master, schema, &facts);
        let b = select(mirror, mirror_schema, &facts);
        found.push(compare(name, &facts, master, &a, mirror, &b, progress)?);
    }
    found.extend(only_master.iter().map(|name| missing(name, "mirror")));
    found.extend(only_mirror.iter().map(|name| missing(name, "master")));
    Ok(found)
}

fn compare(
    name: &str,
    facts: &TableFacts,
    master: &mut Link,
    master_sql: &str,
    mirror: &mut Link,
    mirror_sql: &str,
    progress: &mut dyn FnMut(&str, u64),
) -> Result<TableComparison> {
    let mut a = Side::open(master, master_sql)?;
    let mut b = Side::open(mirror, mirror_sql)?;
    // Rows without a partner: positive on the master, negative on the mirror.
    let mut alone: HashMap<(u64, u64), (i64, String)> = HashMap::new();
    let show = |row: &[Value]| -> String {
        let key = facts.row_key().unwrap_or(&[]);
        let all = key.is_empty();
        let parts: Vec<String> = facts
            .columns
            .iter()
            .zip(row)
            .filter(|(c, _)| all || key.contains(&c.name))
            .map(|(c, v)| format!("{}={}", c.name, v))
            .collect();
        parts.join(", ")
    };
    loop {
        let (x, y) = (a.next()?, b.next()?);
        if x.is_none() && y.is_none() {
            break;
        }
        if x != y || x.as_ref().is_some_and(|r| r.iter().any(|v| matches!(v, Value::Double(d) if d.is_nan())))
        {
            for (row, sign) in [(x, 1), (y, -1)] {
                let Some(row) = row else { continue };
                let print = fingerprint(&row);
                let place = alone.entry(print).or_insert_with(|| (0, show(&row)));
                place.0 += sign;
                if place.0 == 0 {
                    alone.remove(&print);
                }
            }
        }
        let rows = a.rows.max(b.rows);
        if rows % 1000 == 0 {
            progress(name, rows);
        }
    }
    progress(name, a.rows.max(b.rows));
    let mut examples: Vec<String> = alone
        .values()
        .take(1000)
        .map(|(n, what)| format!("{what} ({})", if *n > 0 { "master" } else { "mirror" }))
        .collect();
    examples.sort();
    examples.truncate(EXAMPLES);
    Ok(TableComparison {
        table: name.to_owned(),
        master_rows: a.rows,
        mirror_rows: b.rows,
        different: alone.values().map(|(n, _)| n.unsigned_abs()).sum(),
        examples,
    })
}
