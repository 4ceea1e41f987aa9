//! The table a statement writes, and its columns, as the statement names them.

use crate::link::Engine;
use crate::link::catalog::{ColumnFacts, TableFacts};

use super::scan::{Scan, TokenKind, unquote};

/// A table as written: `schema.name AS alias`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub schema: Option<String>,
    pub name: String,
    pub alias: Option<String>,
    /// The name by which the statement's own text calls the table: alias or last part, with its quotes.
    pub called: String,
}

impl Target {
    /// Reads a table name and, where wanted, its alias; gives the place behind them.
    pub fn read(scan: &Scan, engine: Engine, from: usize, alias: AliasRule) -> Option<(Target, usize)> {
        let mut i = from;
        let mut parts = Vec::new();
        loop {
            if !is_name(scan, i) {
                return None;
            }
            parts.push(i);
            i += 1;
            if !scan.punct(i, b'.') {
                break;
            }
            i += 1;
        }
        let (schema, name) = match parts.as_slice() {
            [name] => (None, *name),
            [schema, name] => (Some(table_name(scan.str(*schema), engine)), *name),
            _ => return None,
        };
        let mut called = scan.str(name).to_string();
        // PostgreSQL's `t *`: with the tables that inherit, which is what it means anyway.
        if engine == Engine::Postgres && scan.punct(i, b'*') {
            i += 1;
        }
        let mut alias_name = None;
        let explicit = scan.is(i, "AS");
        let bare = alias == AliasRule::Any && is_name(scan, i) && !ends_target(scan, i);
        if alias != AliasRule::None && (explicit || bare) {
            i += usize::from(explicit);
            if !is_name(scan, i) {
                return None;
            }
            alias_name = Some(table_name(scan.str(i), engine));
            called = scan.str(i).to_string();
            i += 1;
        }
        let name = table_name(scan.str(name), engine);
        Some((Target { schema, name, alias: alias_name, called }, i))
    }

    /// Whether a qualifier, as written before a column, means this table.
    pub fn is_called(&self, qualifier: &str, engine: Engine) -> bool {
        let name = table_name(qualifier, engine);
        let own = self.alias.as_ref().unwrap_or(&self.name);
        match engine {
            Engine::Postgres => name == *own,
            _ => name.eq_ignore_ascii_case(own),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AliasRule {
    None,
    /// Only with `AS`.
    Explicit,
    Any,
}

fn is_name(scan: &Scan, i: usize) -> bool {
    match scan.kind(i) {
        Some(TokenKind::Word) => !scan.str(i).starts_with('@'),
        Some(TokenKind::Quoted) => true,
        _ => false,
    }
}

/// Words that end the naming of a table: no alias.
fn ends_target(scan: &Scan, i: usize) -> bool {
    scan.is_any(
        i,
        &[
            "SET",
            "WHERE",
            "FROM",
            "USING",
            "ORDER",
            "LIMIT",
            "RETURNING",
            "VALUES",
            "VALUE",
            "SELECT",
            "WITH",
            "DEFAULT",
            "ON",
            "JOIN",
            "INNER",
            "LEFT",
            "RIGHT",
            "CROSS",
            "NATURAL",
            "STRAIGHT_JOIN",
            "PARTITION",
            "INDEXED",
            "NOT",
            "USE",
            "FORCE",
            "IGNORE",
            "FOR",
            "TABLESAMPLE",
            "OVERRIDING",
        ],
    )
}

/// A table's name as its engine stores it: PostgreSQL folds, the others keep what is written.
pub(super) fn table_name(written: &str, engine: Engine) -> String {
    let quoted = written.starts_with(['"', '`', '[', '\'']);
    match engine {
        Engine::Postgres => unquote(written),
        _ if quoted => unquote(written),
        _ => written.to_string(),
    }
}

/// The column that a name in a statement means. `quoted` matters to PostgreSQL only.
pub(super) fn column<'f>(
    facts: &'f TableFacts,
    engine: Engine,
    name: &str,
    quoted: bool,
) -> Option<&'f ColumnFacts> {
    match engine {
        Engine::Postgres if quoted => facts.columns.iter().find(|c| c.name == name),
        Engine::Postgres => {
            let folded = name.to_lowercase();
            facts.columns.iter().find(|c| c.name == folded)
        }
        _ => facts.columns.iter().find(|c| c.name.to_lowercase() == name.to_lowercase()),
    }
}

/// The column named by token `i`.
pub(super) fn column_at<'f>(
    facts: &'f TableFacts,
    engine: Engine,
    scan: &Scan,
    i: usize,
) -> Option<&'f ColumnFacts> {
    match scan.kind(i) {
        Some(TokenKind::Word) => column(facts, engine, scan.str(i), false),
        Some(TokenKind::Quoted) => column(facts, engine, &unquote(scan.str(i)), true),
        _ => None,
    }
}

/// A column name ready to stand in SQL text.
pub(super) fn quote(name: &str, engine: Engine) -> String {
    match engine {
        Engine::MariaDb => format!("`{}`", name.replace('`', "``")),
        _ => format!("\"{}\"", name.replace('"', "\"\"")),
    }
}

/// What a column's declared type is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    Integer,
    Decimal,
    Float,
    Characters,
    /// Dates and times that need no time zone to be read.
    Temporal,
    /// A bare time of day.
    TimeOfDay,
    /// An instant, shown in the session's time zone: text and value need not name the same one twice.
    Instant,
    Other,
}

pub(super) fn family(column: &ColumnFacts, engine: Engine) -> Family {
    let declared = column.declared.to_lowercase();
    let starts = |words: &[&str]| words.iter().any(|w| declared.starts_with(w));
    match () {
        _ if starts(&["interval", "int4range", "int8range"]) => Family::Other,
        _ if starts(&[
            "int",
            "bigint",
            "smallint",
            "tinyint",
            "mediumint",
            "serial",
            "bigserial",
            "smallserial",
            "bool",
            "bit",
            "year",
        ]) =>
        {
            Family::Integer
        }
        _ if starts(&["numeric", "decimal", "dec", "money", "fixed", "number"]) => Family::Decimal,
        _ if starts(&["float", "double", "real"]) => Family::Float,
        _ if starts(&["timestamptz", "timestamp with time zone", "timetz", "time with time zone"])
            || (declared.starts_with("timestamp") && declared.contains("with time zone")) =>
        {
            Family::Instant
        }
        _ if engine == Engine::MariaDb && starts(&["timestamp"]) => Family::Instant,
        _ if starts(&["date", "timestamp"]) => Family::Temporal,
        _ if starts(&["time"]) => Family::TimeOfDay,
        _ if starts(&[
            "char",
            "varchar",
            "nchar",
            "nvarchar",
            "text",
            "tinytext",
            "mediumtext",
            "longtext",
            "clob",
            "character",
            "bpchar",
            "citext",
            "uuid",
            "inet",
            "varbinary",
            "binary",
            "enum",
            "set",
            "name",
            "blob",
            "bytea",
        ]) =>
        {
            Family::Characters
        }
        _ => Family::Other,
    }
}

impl Family {
    pub fn is_temporal(self) -> bool {
        matches!(self, Family::Temporal | Family::TimeOfDay | Family::Instant)
    }
}
