//! What the engine's catalogue says of a table: the facts that rule D (determinate entries) rests on.

mod mariadb;
mod postgres;
mod sqlite;

use super::{Engine, Link};
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
}

/// One table, read from the catalogue of its node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableFacts {
    /// Schema (PostgreSQL) or database (MariaDB); `main` in SQLite.
    pub schema: String,
    pub name: String,
    pub columns: Vec<ColumnFacts>,
    /// Columns of the primary key, in key order; empty: none. SQLite's rowid is not a key.
    pub primary_key: Vec<String>,
    /// Other unique keys over NOT NULL columns (no partial or expression indexes).
    pub unique_keys: Vec<Vec<String>>,
    /// Unique indexes beside those: over nullable columns, partial, or over expressions.
    pub other_unique: bool,
    /// User triggers of any kind (foreign keys do not count), and PostgreSQL's rules.
    pub has_triggers: bool,
    /// Foreign keys *pointing at* this table with ON DELETE/UPDATE CASCADE or SET NULL/DEFAULT.
    pub has_cascades: bool,
    /// Deferrable constraints or constraint triggers (PostgreSQL).
    pub has_deferrable: bool,
    pub is_view: bool,
    pub is_temporary: bool,
}

impl TableFacts {
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

/// Names of all user tables: (schema, name), sorted.
pub(super) fn list_tables(link: &mut Link) -> Result<Vec<(String, String)>> {
    let rows = link.query(link.dialect().tables_sql(), &[])?;
    let mut names: Vec<_> =
        rows.iter().filter(|r| r.len() == 2).map(|r| (text(&r[0]), text(&r[1]))).collect();
    names.sort();
    Ok(names)
}

/// The facts of one table; `None`: there is none of this name.
pub(super) fn describe_table(
    link: &mut Link,
    schema: Option<&str>,
    name: &str,
) -> Result<Option<TableFacts>> {
    match link.engine() {
        Engine::Sqlite => sqlite::describe(link, schema, name),
        Engine::Postgres => postgres::describe(link, schema, name),
        Engine::MariaDb => mariadb::describe(link, schema, name),
    }
}

/// A catalogue's answer, whatever type the driver gives it.
fn text(v: &Value) -> String {
    match v {
        Value::Text(s) | Value::Decimal(s) => s.clone(),
        Value::Bytes(b) => String::from_utf8_lossy(b).into_owned(),
        Value::Int(i) => i.to_string(),
        Value::Bool(b) => i32::from(*b).to_string(),
        _ => String::new(),
    }
}

fn flag(v: &Value) -> bool {
    matches!(text(v).as_str(), "1" | "t" | "true" | "YES")
}

/// One column of a unique index, as all engines can tell it.
struct KeyColumn {
    index: String,
    primary: bool,
    /// None: an expression.
    column: Option<String>,
    not_null: bool,
    /// Partial, or over a part of the column.
    limited: bool,
}

/// Sorts unique indexes into the primary key, keys that name any row, and others.
fn keys(facts: &mut TableFacts, columns: Vec<KeyColumn>) {
    for index in columns.chunk_by(|a, b| a.index == b.index) {
        let names: Option<Vec<String>> = index.iter().map(|k| k.column.clone()).collect();
        match names {
            Some(names) if index.iter().all(|k| k.primary) => facts.primary_key = names,
            Some(names) if index.iter().all(|k| k.not_null && !k.limited) => facts.unique_keys.push(names),
            _ => facts.other_unique = true,
        }
    }
}

/// Whether a default's text is a plain literal, perhaps with a cast behind it.
fn is_constant(expression: &str) -> bool {
    let e = expression.trim();
    let (head, cast) = match e.strip_prefix('\'') {
        Some(rest) => {
            let mut end = None;
            let mut chars = rest.char_indices().peekable();
            while let Some((i, c)) = chars.next() {
                if c == '\'' {
                    if chars.peek().is_some_and(|(_, c)| *c == '\'') {
                        chars.next();
                    } else {
                        end = Some(i);
                        break;
                    }
                }
            }
            match end {
                Some(end) => ("0", &rest[end + 1..]),
                None => return false,
            }
        }
        None => e.split_once("::").map_or((e, ""), |(a, _)| (a, &e[a.len()..])),
    };
    let cast_only = cast.is_empty()
        || (cast.starts_with("::") && cast.chars().all(|c| c.is_alphanumeric() || " :_.\"[](),".contains(c)));
    let head = head.trim().trim_start_matches('(').trim_end_matches(')').trim();
    let number = !head.is_empty()
        && head
            .trim_start_matches(['-', '+'])
            .chars()
            .all(|c| c.is_ascii_digit() || c == '.' || c == 'e' || c == 'E');
    let word = ["true", "false", "null"].iter().any(|w| head.eq_ignore_ascii_case(w));
    cast_only && (number || word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_literals_are_constant_defaults() {
        for yes in [
            "0",
            "-1",
            "(-1)",
            "'a'",
            "'it''s'::text",
            "'2020-01-01'::date",
            "1.5",
            "true",
            "NULL::character varying",
            "'x'::character varying(10)",
        ] {
            assert!(is_constant(yes), "{yes}");
        }
        for no in [
            "now()",
            "nextval('s'::regclass)",
            "('now'::text)::date",
            "CURRENT_TIMESTAMP",
            "random()",
            "'a' || f()",
            "uuid()",
            "'a'::text || now()",
            "",
        ] {
            assert!(!is_constant(no), "{no}");
        }
    }
}
