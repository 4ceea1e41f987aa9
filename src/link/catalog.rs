//! What the engine's catalogue says of a table: the facts that rule D (determinate entries) rests on.
//!
//! How each engine is asked is in `dialects/*_catalog.rs`.

use std::sync::Arc;

use super::Link;
use crate::error::Result;
use crate::value::Value;

/// How a column gets its value when an INSERT does not give one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DefaultKind {
    /// No default: NULL.
    None,
    /// A literal: the same on both sides.
    Constant,
    /// Identity, serial, auto-increment, `INTEGER PRIMARY KEY` of SQLite.
    Generated,
    /// An expression that may differ: `now()`, `nextval()`, `gen_random_uuid()`.
    Volatile,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnFacts {
    pub name: String,
    /// The type as the engine spells it.
    pub declared: String,
    pub nullable: bool,
    pub default: DefaultKind,
    /// `GENERATED ALWAYS AS (…)`: computed from the row itself, never written.
    pub computed: bool,
    /// MariaDB's `ON UPDATE CURRENT_TIMESTAMP`: takes the time by itself when the row is updated.
    pub on_update: bool,
    /// The sequence that the default draws from.
    pub sequence: Option<Sequence>,
}

/// A sequence, which stands by itself: a row that gives the number explicitly does not move it on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Sequence {
    /// Quoted, with its schema where it is needed.
    pub name: String,
    /// From one number to the next; negative where it descends.
    pub step: i64,
}

impl Sequence {
    /// Whether a sequence that stands at `there` will not give `number` any more.
    pub fn is_beyond(&self, there: i64, number: i64) -> bool {
        if self.step < 0 { there <= number } else { there >= number }
    }

    /// The number so many steps after this one.
    pub fn after(&self, number: i64, steps: i64) -> i64 {
        number.saturating_add(self.step.saturating_mul(steps))
    }
}

/// What can be asked for its definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectKind {
    /// A table, view or sequence: they share their names.
    Table,
    Trigger,
    Procedure,
    Function,
    Database,
}

/// One table, read from the catalogue of its node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableFacts {
    /// Which state of the catalogue they are of: see [`Dialect::versions_sql`](super::Dialect::versions_sql).
    /// Read before the rest, so that DDL in between makes it an old one.
    pub version: String,
    /// Schema (PostgreSQL) or database (MariaDB); `main` in SQLite.
    pub schema: String,
    pub name: String,
    pub columns: Vec<ColumnFacts>,
    /// Columns of the primary key, in key order; empty: none. SQLite's rowid is not a key.
    pub primary_key: Vec<String>,
    /// Other unique keys over NOT NULL columns (no partial or expression indexes).
    pub unique_keys: Vec<Vec<String>>,
    /// Unique indexes beside those: over nullable columns, partial, deferrable, or over expressions.
    pub other_unique: bool,
    /// The columns that any unique index or exclusion constraint looks at; `None`: that cannot be told, there is
    /// one over an expression, a computed column, or some of the rows.
    pub unique_columns: Option<Vec<String>>,
    /// User triggers of any kind (foreign keys do not count), and PostgreSQL's rules.
    pub has_triggers: bool,
    /// Foreign keys *pointing at* this table with ON DELETE/UPDATE CASCADE or SET NULL/DEFAULT.
    pub has_cascades: bool,
    /// Deferrable constraints or constraint triggers (PostgreSQL).
    pub has_deferrable: bool,
    /// What else a write to it does that nobody sees, if anything: a virtual table of SQLite's, the history of
    /// MariaDB's system versioning.
    pub hidden: Option<&'static str>,
    pub is_view: bool,
    pub is_temporary: bool,
}

/// A version that tells nothing yet: DDL that follows at once may leave it as it is.
pub const UNSETTLED: &str = "unsettled";

/// A table as a statement names it, and what was found under that name.
#[derive(Clone, Debug)]
pub struct NamedTable {
    pub schema: Option<String>,
    pub name: String,
    pub facts: Arc<TableFacts>,
}

impl TableFacts {
    /// Whether they differ in no more than the version.
    pub fn agree(&self, other: &TableFacts) -> bool {
        TableFacts { version: String::new(), ..self.clone() }
            == TableFacts { version: String::new(), ..other.clone() }
    }

    /// The key that names a row: the primary key, else the shortest unique key.
    pub fn row_key(&self) -> Option<&[String]> {
        if !self.primary_key.is_empty() {
            return Some(&self.primary_key);
        }
        self.unique_keys.iter().min_by_key(|k| k.len()).map(Vec::as_slice)
    }

    pub fn column(&self, name: &str) -> Option<&ColumnFacts> {
        self.columns.iter().find(|c| c.name.eq_ignore_ascii_case(name))
    }
}

/// The values of one catalogue row, by name of what is wanted rather than of type: drivers differ in what
/// they call a number.
pub(super) struct Row(pub(super) Vec<Value>);

impl Row {
    pub(super) fn text(&self, i: usize) -> String {
        self.optional(i).unwrap_or_default()
    }

    pub(super) fn optional(&self, i: usize) -> Option<String> {
        match self.0.get(i) {
            None | Some(Value::Null) => None,
            Some(Value::Text(v) | Value::Decimal(v)) => Some(v.clone()),
            Some(Value::Int(v)) => Some(v.to_string()),
            Some(Value::Bytes(v)) => Some(String::from_utf8_lossy(v).into_owned()),
            // A trigger's body, where `value.spill_bytes` is small.
            Some(Value::Large(v)) => Some(String::from_utf8_lossy(v.raw()).into_owned()),
            Some(other) => Some(format!("{other:?}")),
        }
    }

    pub(super) fn int(&self, i: usize) -> i64 {
        match self.0.get(i) {
            Some(Value::Int(v)) => *v,
            Some(Value::Bool(v)) => i64::from(*v),
            _ => self.text(i).parse().unwrap_or(0),
        }
    }

    pub(super) fn is(&self, i: usize) -> bool {
        self.int(i) != 0
    }
}

pub(super) fn rows(link: &mut Link, sql: &str, params: &[Value]) -> Result<Vec<Row>> {
    Ok(link.query(sql, params)?.into_iter().map(Row).collect())
}

/// Whether a catalogue query finds anything: its one cell is a count.
pub(super) fn any(link: &mut Link, sql: &str, params: &[Value]) -> Result<bool> {
    Ok(rows(link, sql, params)?.first().is_some_and(|r| r.is(0)))
}

/// Groups (key, column, usable) rows that come ordered by key: the keys all of whose columns are usable.
pub(super) fn keys(rows: impl IntoIterator<Item = (String, String, bool)>) -> Vec<(String, Vec<String>)> {
    let mut keys: Vec<(String, Vec<String>, bool)> = Vec::new();
    for (key, column, usable) in rows {
        match keys.last_mut() {
            Some((name, columns, good)) if *name == key => {
                columns.push(column);
                *good &= usable;
            }
            _ => keys.push((key, vec![column], usable)),
        }
    }
    keys.into_iter().filter(|(_, _, good)| *good).map(|(key, columns, _)| (key, columns)).collect()
}

/// Whether the text of a default is a literal: number, string, blob, NULL, TRUE, FALSE, perhaps with a sign,
/// a cast behind it or parentheses around it. What is not sure is not.
pub(super) fn is_literal(text: &str) -> bool {
    let mut text = text.trim();
    while let Some(inner) = text.strip_prefix('(').and_then(|t| t.strip_suffix(')')) {
        if inner.contains(['(', ')']) {
            return false;
        }
        text = inner.trim();
    }
    let rest = match text.strip_prefix(['x', 'X', 'b', 'B']).filter(|t| t.starts_with('\'')).unwrap_or(text) {
        quoted if quoted.starts_with('\'') => {
            let bytes = quoted.as_bytes();
            let mut i = 1;
            loop {
                match (bytes.get(i), bytes.get(i + 1)) {
                    (None, _) => return false,
                    (Some(b'\''), Some(b'\'')) => i += 2,
                    (Some(b'\''), _) => break,
                    _ => i += 1,
                }
            }
            // PostgreSQL reads these words when the row is made.
            let word = quoted[1..i].trim().to_ascii_lowercase();
            if matches!(word.as_str(), "now" | "today" | "tomorrow" | "yesterday") {
                return false;
            }
            &quoted[i + 1..]
        }
        number if number.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.')) => {
            let end = number[1..].find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_')));
            &number[end.map_or(number.len(), |i| i + 1)..]
        }
        word => {
            let end = word.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(word.len());
            if !["null", "true", "false"].contains(&word[..end].to_ascii_lowercase().as_str()) {
                return false;
            }
            &word[end..]
        }
    };
    // `::character varying(20)`, `::text[]`
    let rest = rest.trim();
    rest.is_empty()
        || rest.strip_prefix("::").is_some_and(|cast| {
            cast.chars().all(|c| {
                c.is_ascii_alphanumeric() || matches!(c, ' ' | '_' | '(' | ')' | ',' | '[' | ']' | '"' | '.')
            })
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_told_from_expressions() {
        for literal in [
            "0",
            "-1.5e3",
            "'a''b'",
            "'a'::character varying(20)",
            "NULL",
            "true",
            "X'00'",
            "(5)",
            "NULL::text[]",
            "0.00",
        ] {
            assert!(is_literal(literal), "{literal}");
        }
        for other in [
            "now()",
            "CURRENT_TIMESTAMP",
            "'a' || random()",
            "('now'::text)::date",
            "'now'::text",
            "nextval('s'::regclass)",
            "1 + random()",
            "(1) + (2)",
            "current_timestamp()",
            "uuid()",
            "'x'::text || 'y'",
        ] {
            assert!(!is_literal(other), "{other}");
        }
    }
}
