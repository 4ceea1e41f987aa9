//! Keys captured: the rows an UPDATE or DELETE would hit are read and locked by their keys on the master;
//! then a statement that names these keys runs on both sides.

use std::ops::Range;

use crate::link::Engine;
use crate::link::catalog::TableFacts;
use crate::value::Value;

use super::parse;
use super::plan::{Condition, Unsafe};
use super::scan::Scan;
use super::target::{self, Family};
use super::update::Dml;

/// Keys in one statement, at most.
const MOST_KEYS: usize = 512;
/// Parameters for keys in one statement, at most: well below SQLite's limit of 32766.
const MOST_PARAMS: usize = 4096;

/// How to run an UPDATE or DELETE by keys.
#[derive(Clone, Debug)]
pub struct KeyPlan {
    /// Reads the keys of the rows on the master, and locks the rows where the engine can (in SQLite the
    /// write transaction does).
    pub select: String,
    /// Which of the caller's parameters `select` takes, from 0, in its order.
    pub select_params: Vec<usize>,
    /// Columns that `select` gives: one key.
    pub key_columns: usize,
    /// Whether the statement gives rows. With more than one statement for the keys, all their rows together
    /// are the result.
    pub returning: bool,
    /// What the parameters must be; see [`super::Plan::given`].
    pub conditions: Vec<Condition>,
    head: String,
    head_params: Vec<usize>,
    /// Key columns, quoted.
    key: Vec<String>,
    tail: String,
    tail_params: Vec<usize>,
    engine: Engine,
}

impl KeyPlan {
    /// The statements that do to these rows what the original does, with their parameters, for both sides.
    /// None for no keys. Keys may come more than once. The number of keys in a text is a power of two,
    /// filled up by repeating a key, so that few different texts come about.
    pub fn statement(
        &self,
        keys: &[Vec<Value>],
        params: &[Value],
    ) -> Result<Vec<(String, Vec<Value>)>, Unsafe> {
        Ok(self.chunks(keys)?.iter().map(|chunk| self.for_chunk(chunk, params)).collect())
    }

    /// Statements that read these rows again, behind `head`.
    pub fn reading(&self, head: &str, keys: &[Vec<Value>]) -> Result<Vec<(String, Vec<Value>)>, Unsafe> {
        let one = |chunk: &Vec<&Vec<Value>>| {
            let mut values = Vec::new();
            let condition = self.with_keys(chunk, &mut values);
            (format!("{head} WHERE {condition} FOR UPDATE"), values)
        };
        Ok(self.chunks(keys)?.iter().map(one).collect())
    }

    /// The distinct keys, as many as go into one statement.
    fn chunks<'k>(&self, keys: &'k [Vec<Value>]) -> Result<Vec<Vec<&'k Vec<Value>>>, Unsafe> {
        let mut distinct: Vec<&Vec<Value>> = Vec::with_capacity(keys.len());
        let mut seen = std::collections::HashSet::with_capacity(keys.len());
        for key in keys {
            if key.len() != self.key_columns || key.contains(&Value::Null) {
                return Err(Unsafe::new("a row has NULL in its key", "make the key columns NOT NULL"));
            }
            if seen.insert(identity(key)) {
                distinct.push(key);
            }
        }
        let room = (MOST_PARAMS / self.key_columns).clamp(1, MOST_KEYS);
        // The largest power of two that fits.
        let most = 1usize << room.ilog2();
        Ok(distinct.chunks(most).map(<[_]>::to_vec).collect())
    }

    /// The statement for no rows at all: for its result columns, where a caller expects a result.
    pub fn for_no_rows(&self, params: &[Value]) -> (String, Vec<Value>) {
        let mut values = Vec::new();
        self.take(&self.head_params, params, &mut values);
        self.take(&self.tail_params, params, &mut values);
        (format!("{} WHERE 1 = 0{}", self.head, self.tail), values)
    }

    fn take(&self, which: &[usize], params: &[Value], into: &mut Vec<Value>) {
        into.extend(which.iter().map(|&i| params.get(i).cloned().unwrap_or(Value::Null)));
    }

    fn for_chunk(&self, keys: &[&Vec<Value>], params: &[Value]) -> (String, Vec<Value>) {
        let mut values = Vec::with_capacity(self.head_params.len() + keys.len() * self.key_columns * 2);
        self.take(&self.head_params, params, &mut values);
        let condition = self.with_keys(keys, &mut values);
        self.take(&self.tail_params, params, &mut values);
        (format!("{} WHERE {condition}{}", self.head, self.tail), values)
    }

    fn with_keys(&self, keys: &[&Vec<Value>], values: &mut Vec<Value>) -> String {
        let count = keys.len().next_power_of_two();
        let last = keys.len() - 1;
        for n in 0..count {
            values.extend(keys[n.min(last)].iter().cloned());
        }
        self.condition(count)
    }

    fn condition(&self, count: usize) -> String {
        match (self.key.as_slice(), count) {
            (columns, 1) => columns.iter().map(|c| format!("{c} = ?")).collect::<Vec<_>>().join(" AND "),
            ([column], _) => format!("{column} IN ({})", vec!["?"; count].join(", ")),
            (columns, _) => {
                let row = format!("({})", vec!["?"; columns.len()].join(", "));
                let rows = vec![row.as_str(); count].join(", ");
                // SQLite knows row values only in a subquery here.
                let values = if self.engine == Engine::Sqlite { "VALUES " } else { "" };
                format!("({}) IN ({values}{rows})", columns.join(", "))
            }
        }
    }
}

/// What tells keys apart. Floating point numbers are in no key.
fn identity(key: &[Value]) -> String {
    format!("{key:?}")
}

/// Builds the plan for a statement whose SET, if any, is determinate and touches no key.
pub(super) fn build(dml: &Dml, facts: &TableFacts, conditions: Vec<Condition>) -> Result<KeyPlan, Unsafe> {
    let (scan, engine) = (dml.scan, dml.engine);
    let key = row_key(facts, engine)?;
    let called = &dml.target.called;
    let columns: Vec<String> = key.iter().map(|k| format!("{called}.{}", target::quote(k, engine))).collect();

    let mut select = String::new();
    let mut ranges: Vec<Range<usize>> = Vec::new();
    if let Some(prefix) = &dml.prefix {
        select.push_str(parse::text(scan, prefix.clone()));
        select.push(' ');
        ranges.push(prefix.clone());
    }
    select.push_str(&format!(
        "SELECT {} FROM {}",
        columns.join(", "),
        parse::text(scan, dml.target_tokens.clone())
    ));
    let parts = [(", ", &dml.from), (" WHERE ", &dml.predicate), (" ", &dml.order)];
    for (before, range) in parts {
        if let Some(range) = range {
            select.push_str(before);
            select.push_str(parse::text(scan, range.clone()));
            ranges.push(range.clone());
        }
    }
    match engine {
        // What UPDATE itself locks when it touches no key: foreign key checks need not wait.
        Engine::Postgres if !dml.deletes => select.push_str(&format!(" FOR NO KEY UPDATE OF {called}")),
        Engine::Postgres => select.push_str(&format!(" FOR UPDATE OF {called}")),
        Engine::MariaDb => select.push_str(" FOR UPDATE"),
        Engine::Sqlite => {}
    }
    let tail = dml.returning.clone().map_or(String::new(), |r| format!(" {}", parse::text(scan, r)));
    Ok(KeyPlan {
        select,
        select_params: ranges.into_iter().flat_map(|r| markers(scan, r)).collect(),
        key_columns: key.len(),
        returning: dml.returning.is_some(),
        conditions,
        head: parse::text(scan, dml.head.clone()).to_string(),
        head_params: markers(scan, dml.head.clone()),
        key: key.iter().map(|k| target::quote(k, engine)).collect(),
        tail,
        tail_params: dml.returning.clone().map_or(Vec::new(), |r| markers(scan, r)),
        engine,
    })
}

/// The numbers of the markers in a range.
fn markers(scan: &Scan, range: Range<usize>) -> Vec<usize> {
    (scan.markers_before(range.start)..scan.markers_before(range.end)).collect()
}

/// A key whose values come through the driver and back without loss.
pub(super) fn row_key(facts: &TableFacts, engine: Engine) -> Result<&[String], Unsafe> {
    let lossless = |key: &&Vec<String>| {
        !key.is_empty()
            && key.iter().all(|name| {
                facts
                    .column(name)
                    .is_some_and(|c| !matches!(target::family(c, engine), Family::Float | Family::Instant))
            })
    };
    let mut unique: Vec<&Vec<String>> = facts.unique_keys.iter().collect();
    unique.sort_by_key(|k| k.len());
    std::iter::once(&facts.primary_key).chain(unique).find(lossless).map(Vec::as_slice).ok_or_else(|| {
        match facts.row_key() {
            None => Unsafe::new(
                format!("table {} has no primary key and no unique key over NOT NULL columns", facts.name),
                "give the table a primary key",
            ),
            Some(_) => Unsafe::new(
                format!(
                    "the key of table {} is a floating point number or an instant with time zone",
                    facts.name
                ),
                "name the row by equality on its whole key, or give the table another unique key",
            ),
        }
    })
}
