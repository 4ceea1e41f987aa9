//! What the engine's catalogue says of a table: the facts that rule D (determinate entries) rests on.

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
