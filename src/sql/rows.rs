//! Rows captured: what is not known to be determinate runs on the master alone, the rows it wrote are read
//! there by the same statement or directly behind it, and statements that put these rows go to the mirror.

use std::collections::HashMap;

use crate::link::Engine;
use crate::link::catalog::{ColumnFacts, DefaultKind, Sequence, TableFacts};
use crate::value::Value;

use super::carry::Carried;
use super::keys::KeyPlan;
use super::target;

/// Rows in one statement, at most.
const MOST_ROWS: usize = 256;
/// Parameters in one statement, at most.
const MOST_PARAMS: usize = 4096;
/// A statement takes no further row when its values have this size.
const MANY_BYTES: usize = 256 << 10;

/// How to capture the rows of a statement, and how to ship them.
#[derive(Clone, Debug)]
pub struct RowsPlan {
    pub way: Way,
    reread: Option<Reread>,
    /// Whether the caller's own statement gives rows.
    pub returning: bool,
    columns: Vec<Carried>,
    ship: Ship,
    counters: Vec<Counter>,
    /// The column whose values the database generates for this INSERT.
    generated: Option<usize>,
}

/// How the written rows are found.
#[derive(Clone, Debug)]
pub enum Way {
    /// This statement gives them, the captured columns behind those that the caller asked for.
    Returned(String),
    /// MariaDB has no RETURNING for UPDATE: the keys are read and locked first, the rows after.
    Keyed { keys: Box<KeyPlan>, read: String },
}

/// How rows are read once more, by their keys.
#[derive(Clone, Debug)]
struct Reread {
    head: String,
    /// The places of the key among the columns.
    key: Vec<usize>,
}

#[derive(Clone, Debug)]
enum Ship {
    /// Whole rows. `counted`: the engine's count is that of the rows.
    Insert { head: String, tail: String, counted: bool },
    /// The columns that were written, and behind them the key.
    Update { table: String, written: usize },
}

/// A column whose numbers come from a sequence that stands by itself.
#[derive(Clone, Debug)]
struct Counter {
    column: usize,
    sequence: Sequence,
}

/// A statement for the mirror.
#[derive(Clone, Debug, PartialEq)]
pub struct Repeat {
    pub sql: String,
    pub params: Vec<Value>,
    /// Rows it must write; `None`: not to be compared.
    pub expected: Option<i64>,
}

/// What an INSERT does where the row is there already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum OnConflict<'f> {
    /// It fails, or the row is left out: only rows that were inserted are captured.
    Fails,
    /// These columns of the row are written. `rereads`: among them are some that take the time of an update by
    /// themselves; MariaDB's RETURNING gives that time also where nothing changed and none is written.
    Updates { key: &'f [String], written: Vec<&'f ColumnFacts>, rereads: bool },
    /// The rows that have the same keys are replaced.
    Replaces,
}

/// libsqliteodbc looks at the first word to know whether there are rows to fetch.
pub(super) fn giving_rows(engine: Engine, sql: String) -> String {
    let with = sql.get(..4).is_some_and(|word| word.eq_ignore_ascii_case("WITH"));
    match engine == Engine::Sqlite && !with {
        true => format!("WITH twin_rows AS (SELECT 1) {sql}"),
        false => sql,
    }
}

/// The table as a statement names it.
pub(super) fn table_text(target: &target::Target, engine: Engine) -> String {
    let name = target::quote(&target.name, engine);
    match &target.schema {
        Some(schema) => format!("{}.{name}", target::quote(schema, engine)),
        None => name,
    }
}

impl RowsPlan {
    /// For an INSERT. `leaves_out`: whether it leaves a column's value to the database. `returned`: makes the statement with these columns behind its RETURNING.
    pub(super) fn insert(
        facts: &TableFacts,
        engine: Engine,
        table: &str,
        conflict: &OnConflict,
        returning: bool,
        leaves_out: impl Fn(&ColumnFacts) -> bool,
        returned: impl FnOnce(&str) -> String,
    ) -> RowsPlan {
        let given: Vec<&ColumnFacts> = facts.columns.iter().filter(|c| !c.computed).collect();
        let columns: Vec<Carried> = given.iter().map(|c| Carried::new(c, engine)).collect();
        let names = columns.iter().map(|c| c.name.as_str()).collect::<Vec<_>>().join(", ");
        let verb = if *conflict == OnConflict::Replaces { "REPLACE" } else { "INSERT" };
        // GENERATED ALWAYS: the value is that of the master, where it was generated.
        let generated = given.iter().any(|c| c.default == DefaultKind::Generated);
        let overriding =
            if generated && engine == Engine::Postgres { " OVERRIDING SYSTEM VALUE" } else { "" };
        let utc = Carried::in_utc(columns.iter());
        let tail = match conflict {
            OnConflict::Updates { key, written, .. } => update_tail(engine, key, written),
            _ => String::new(),
        };
        let read = columns.iter().map(|c| c.read(None)).collect::<Vec<_>>().join(", ");
        let reread = match conflict {
            OnConflict::Updates { key, rereads: true, .. } => Some(Reread {
                head: format!("SELECT {read} FROM {table} WHERE "),
                key: (0..given.len()).filter(|&i| key.contains(&given[i].name)).collect(),
            }),
            _ => None,
        };
        RowsPlan {
            way: Way::Returned(giving_rows(engine, returned(&read))),
            reread,
            returning,
            ship: Ship::Insert {
                head: format!("{utc}{verb} INTO {table} ({names}){overriding} VALUES "),
                tail,
                // MariaDB counts a replaced or updated row twice, or not at all.
                counted: engine != Engine::MariaDb || *conflict == OnConflict::Fails,
            },
            counters: given
                .iter()
                .enumerate()
                .filter_map(|(column, c)| Some(Counter { column, sequence: c.sequence.clone()? }))
                .collect(),
            generated: given.iter().position(|c| c.default == DefaultKind::Generated && leaves_out(c)),
            columns,
        }
    }

    /// For an UPDATE that leaves the key alone.
    pub(super) fn update(
        facts: &TableFacts,
        engine: Engine,
        table: String,
        written: &[&ColumnFacts],
        key: &[String],
        returning: bool,
        way: impl FnOnce(&dyn Fn(Option<&str>) -> String) -> Way,
    ) -> RowsPlan {
        let mut columns: Vec<Carried> = Vec::new();
        for c in written.iter().copied().chain(facts.columns.iter().filter(|c| c.on_update)) {
            let carried = Carried::new(c, engine);
            if !columns.iter().any(|known| known.name == carried.name) {
                columns.push(carried);
            }
        }
        let count = columns.len();
        columns.extend(key.iter().filter_map(|k| facts.column(k)).map(|c| Carried::new(c, engine)));
        let read = |table: Option<&str>| columns.iter().map(|c| c.read(table)).collect::<Vec<_>>().join(", ");
        let way = way(&read);
        let table = format!("{}UPDATE {table} SET ", Carried::in_utc(columns.iter()));
        RowsPlan {
            way,
            reread: None,
            returning,
            columns,
            ship: Ship::Update { table, written: count },
            counters: Vec::new(),
            generated: None,
        }
    }

    /// How many columns are captured.
    pub fn width(&self) -> usize {
        self.columns.len()
    }

    /// What reads these rows once more, where their statement does not tell all of them as they are.
    pub fn rereading(&self, rows: &[Vec<Value>]) -> Vec<(String, Vec<Value>)> {
        let Some(reread) = &self.reread else { return Vec::new() };
        let room = (MOST_PARAMS / reread.key.len().max(1)).clamp(1, MOST_ROWS);
        let one = |rows: &[Vec<Value>]| {
            let (mut sql, mut params) = (reread.head.clone(), Vec::new());
            for (n, row) in rows.iter().enumerate() {
                sql.push_str(if n == 0 { "(" } else { " OR (" });
                for (n, &i) in reread.key.iter().enumerate() {
                    sql.push_str(if n == 0 { "" } else { " AND " });
                    sql.push_str(&format!("{} = ", self.columns[i].name));
                    self.columns[i].put(row[i].clone(), &mut sql, &mut params);
                }
                sql.push(')');
            }
            (sql, params)
        };
        rows.chunks(room).map(one).collect()
    }

    /// The rows as they were read once more, in the order in which they were written. None: one is missing.
    pub fn reread(&self, written: &[Vec<Value>], found: Vec<Vec<Value>>) -> Option<Vec<Vec<Value>>> {
        let Some(reread) = &self.reread else { return Some(found) };
        let key =
            |row: &Vec<Value>| reread.key.iter().map(|&i| format!("{:?}", row.get(i))).collect::<Vec<_>>();
        let by_key: HashMap<Vec<String>, Vec<Value>> =
            found.into_iter().map(|row| (key(&row), row)).collect();
        written.iter().map(|row| by_key.get(&key(row)).cloned()).collect()
    }

    /// The statements that put these rows, in their order. None: a row cannot be read back, or has NULL in its
    /// key.
    pub fn repeats(&self, rows: Vec<Vec<Value>>) -> Option<Vec<Repeat>> {
        let mut carried = Vec::with_capacity(rows.len());
        for row in rows {
            if row.len() != self.columns.len() {
                return None;
            }
            let row: Option<Vec<Value>> =
                row.into_iter().zip(&self.columns).map(|(v, c)| c.value(v)).collect();
            carried.push(row?);
        }
        Some(match &self.ship {
            Ship::Insert { head, tail, counted } => self.inserts(head, tail, *counted, carried),
            Ship::Update { written, .. }
                if carried.iter().any(|row| row[*written..].contains(&Value::Null)) =>
            {
                return None;
            }
            Ship::Update { table, written } => {
                carried.into_iter().map(|row| self.one_update(table, *written, row)).collect()
            }
        })
    }

    /// The key that the database gave to the first of these rows; `None`: it gave none.
    pub fn generated_key(&self, rows: &[Vec<Value>]) -> Option<i64> {
        number(rows.first()?.get(self.generated?)?)
    }

    /// The last number in these rows for each sequence, as it goes.
    pub fn counted(&self, rows: &[Vec<Value>]) -> Vec<(&Sequence, i64)> {
        self.counters
            .iter()
            .filter_map(|c| {
                let numbers = rows.iter().filter_map(|row| number(row.get(c.column)?));
                let last = numbers.reduce(|a, b| if c.sequence.is_beyond(a, b) { a } else { b })?;
                Some((&c.sequence, last))
            })
            .collect()
    }

    fn inserts(&self, head: &str, tail: &str, counted: bool, rows: Vec<Vec<Value>>) -> Vec<Repeat> {
        let room = (MOST_PARAMS / self.columns.len().max(1)).clamp(1, MOST_ROWS);
        let mut found = Vec::new();
        let mut left = rows.len();
        let mut rows = rows.into_iter();
        while left > 0 {
            // Powers of two: few different texts come about.
            let most = 1usize << left.min(room).ilog2();
            let mut sql = head.to_owned();
            let mut params = Vec::with_capacity(most * self.columns.len());
            let (mut taken, mut bytes) = (0, 0);
            for row in rows.by_ref().take(most) {
                sql.push_str(if taken == 0 { "(" } else { ", (" });
                for (i, (value, column)) in row.into_iter().zip(&self.columns).enumerate() {
                    if i > 0 {
                        sql.push_str(", ");
                    }
                    bytes += value.size();
                    column.put(value, &mut sql, &mut params);
                }
                sql.push(')');
                taken += 1;
                if bytes > MANY_BYTES {
                    break;
                }
            }
            sql.push_str(tail);
            left -= taken;
            found.push(Repeat { sql, params, expected: counted.then_some(taken as i64) });
        }
        found
    }

    fn one_update(&self, table: &str, written: usize, row: Vec<Value>) -> Repeat {
        let mut sql = table.to_owned();
        let mut params = Vec::with_capacity(row.len());
        for (i, (value, column)) in row.into_iter().zip(&self.columns).enumerate() {
            sql.push_str(match i {
                0 => "",
                i if i == written => " WHERE ",
                i if i > written => " AND ",
                _ => ", ",
            });
            sql.push_str(&column.name);
            sql.push_str(" = ");
            column.put(value, &mut sql, &mut params);
        }
        Repeat { sql, params, expected: Some(1) }
    }
}

fn update_tail(engine: Engine, key: &[String], written: &[&ColumnFacts]) -> String {
    let quoted: Vec<String> = written.iter().map(|c| target::quote(&c.name, engine)).collect();
    let set = |value: &dyn Fn(&String) -> String| {
        quoted.iter().map(|c| format!("{c} = {}", value(c))).collect::<Vec<_>>().join(", ")
    };
    match engine {
        Engine::MariaDb => format!(" ON DUPLICATE KEY UPDATE {}", set(&|c| format!("VALUES({c})"))),
        _ => {
            let key: Vec<String> = key.iter().map(|k| target::quote(k, engine)).collect();
            format!(" ON CONFLICT ({}) DO UPDATE SET {}", key.join(", "), set(&|c| format!("excluded.{c}")))
        }
    }
}

fn number(v: &Value) -> Option<i64> {
    match v {
        Value::Int(n) => Some(*n),
        Value::Text(s) | Value::Decimal(s) => s.parse().ok(),
        _ => None,
    }
}
