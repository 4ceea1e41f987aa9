//! SQLite through libsqliteodbc 0.9998.
//!
//! The driver holds every cell as text: a REAL has lost its digits beyond the 15th and a text its end
//! behind a NUL before ODBC sees them.

use std::borrow::Cow;
use std::time::Duration;

use odbc_api::sys::SqlDataType;

use super::sqlite_catalog;
use super::{
    Aftermath, Ask, Described, Dialect, Driver, Engine, Fetch, Greeting, bad_value, double_text, hex,
    is_decimal, quoted, uuid_text,
};
use crate::error::{Class, Record, Result, Status};
use crate::link::catalog::{NamedTable, TableFacts};
use crate::link::connstr::Attributes;
use crate::link::lexis::Lexis;
use crate::link::params::{Bind, Bound};
use crate::link::{Link, LinkSettings};
use crate::value::{Isolation, Type, Value};

pub(super) struct Sqlite;

/// How long a statement waits for a lock when nothing is set.
const DEFAULT_LOCK_TIMEOUT: Duration = Duration::from_secs(5);

const BUSY: i32 = 5;
const LOCKED: i32 = 6;
const INTERRUPT: i32 = 9;

impl Dialect for Sqlite {
    fn engine(&self) -> Engine {
        Engine::Sqlite
    }

    fn one_writer(&self) -> bool {
        true
    }

    fn isolation_sql(&self, _level: Isolation) -> Option<&'static str> {
        None
    }

    fn schema_sql(&self, _name: &str) -> Option<String> {
        None
    }

    /// Any DDL counts it up. Who writes holds the database, so that it stays as it is.
    fn versions_sql(&self, _tables: usize) -> String {
        "(SELECT schema_version FROM pragma_schema_version)".to_owned()
    }

    fn versions_params(&self, _tables: &[NamedTable], _own_names: bool) -> Vec<Value> {
        Vec::new()
    }

    fn generated_key_sql(&self) -> Option<&'static str> {
        Some("SELECT last_insert_rowid()")
    }

    fn current_schema_sql(&self) -> &'static str {
        "SELECT 'main'"
    }

    fn quote_ident(&self, name: &str) -> String {
        quoted(name, '"')
    }

    fn literal(&self, value: &Value, out: &mut String) -> Result<()> {
        let text = |text: &str, out: &mut String| {
            out.push('\'');
            out.push_str(&text.replace('\'', "''"));
            out.push('\'');
        };
        match value {
            Value::Null => out.push_str("NULL"),
            Value::Bool(v) => out.push_str(if *v { "1" } else { "0" }),
            Value::Int(i64::MIN) => out.push_str("(-9223372036854775807-1)"),
            Value::Int(v) if *v < 0 => out.push_str(&format!("({v})")),
            Value::Int(v) => out.push_str(&v.to_string()),
            Value::Double(v) if v.is_nan() => out.push_str("NULL"),
            Value::Double(v) if v.is_infinite() => out.push_str(if *v > 0.0 { "9e999" } else { "(-9e999)" }),
            Value::Double(v) => {
                // A zero keeps its sign and a whole number its type only with an exponent.
                let number = double_text(*v);
                out.push_str(&if *v < 0.0 { format!("({number})") } else { number });
            }
            Value::Decimal(v) if !is_decimal(v) => {
                return Err(bad_value(Engine::Sqlite, "a decimal that is no number"));
            }
            Value::Decimal(v) => text(v, out),
            Value::Text(v) if v.contains('\0') => return Err(nul_refused()),
            Value::Text(v) => text(v, out),
            Value::Large(v) => return self.literal(&v.in_memory(), out),
            Value::Bytes(v) => {
                out.push_str("X'");
                hex(v, out);
                out.push('\'');
            }
            Value::Date(v) => text(&v.to_string(), out),
            Value::Time(v) => text(&v.to_string(), out),
            Value::Timestamp(v) => text(&v.to_string(), out),
            Value::Uuid(v) => text(&uuid_text(v), out),
        }
        Ok(())
    }

    fn lexis(&self) -> Lexis {
        Lexis {
            backslash: false,
            double_quote_is_string: false,
            postgres_strings: false,
            backtick: true,
            bracket: true,
            mysql_comments: false,
            nested_comments: false,
        }
    }

    fn kill_sql(&self, _session_id: u64) -> Option<String> {
        None
    }

    fn reset_sql(&self) -> &'static [&'static str] {
        &[]
    }

    fn exact_double<'a>(&self, expression: &'a str) -> Cow<'a, str> {
        Cow::Owned(format!("printf('%!.17g', {expression})"))
    }
}

fn nul_refused() -> crate::error::Error {
    bad_value(Engine::Sqlite, "text with a NUL character comes back cut at it")
}

impl Driver for Sqlite {
    fn package(&self) -> &'static str {
        "libsqliteodbc"
    }

    fn complete(&self, attributes: &mut Attributes, settings: &LinkSettings) {
        attributes.default("FKSupport", "1");
        // Row-wise reading is possible then; a statement asks for it with its cursor type.
        attributes.default("StepAPI", "1");
        if !settings.create {
            attributes.default("NoCreat", "1");
        }
        // The driver repeats a busy statement by itself until this many milliseconds have passed, even
        // where only a rollback can help. How waiting is done: see `session_sql`.
        attributes.default("Timeout", "1");
        attributes.default("SyncPragma", if settings.durable { "FULL" } else { "NORMAL" });
    }

    fn may_use_unix_socket(&self, _attributes: &Attributes) -> bool {
        false
    }

    fn classify(&self, record: &Record) -> Class {
        match record.native {
            BUSY | LOCKED => Class::Retryable,
            INTERRUPT => Class::TimedOut,
            // NOMEM, FULL.
            7 | 13 => Class::Exhausted,
            // IOERR: a full disk shows as this where the file system reports it late.
            10 if record.message.contains("full") => Class::Exhausted,
            // CANTOPEN, CORRUPT, NOTADB and IOERR: this file serves nobody.
            10 | 11 | 14 | 26 => Class::Unreachable,
            _ => match record.sqlstate.as_str() {
                "08003" | "08S01" | "08001" => Class::Unreachable,
                _ => Class::Refused,
            },
        }
    }

    fn connect_status(&self, record: &Record) -> Option<(Class, Status)> {
        (record.native == 14).then_some((Class::Unreachable, Status::Unreachable))
    }

    fn aftermath(&self, class: Class, _record: Option<&Record>) -> Aftermath {
        match class {
            // Busy inside a transaction: its snapshot is old, or another writer waits for it in turn.
            Class::Retryable => Aftermath::RollBack,
            _ => Aftermath::Ask,
        }
    }

    fn is_stale_plan(&self, record: &Record, _writes: bool) -> bool {
        // SQLITE_SCHEMA; the other is what the driver says when a cached SELECT has other columns now.
        record.native == 17 || record.message.contains("broken result set")
    }

    fn screen(&self, sql: &str) -> Option<&'static str> {
        // `?1` or `:a` would be one parameter for SQLite and none or several for the driver.
        let _ = sql;
        None
    }

    fn prepare<'a>(&self, sql: &'a str) -> Cow<'a, str> {
        // The driver looks for markers and quotes inside comments too.
        if sql.contains("--") || sql.contains("/*") {
            return Cow::Owned(self.lexis().without_comments(sql));
        }
        Cow::Borrowed(sql)
    }

    fn greeting_sql(&self) -> Option<&'static str> {
        None
    }

    fn greeting(&self, _row: &[Value]) -> Greeting {
        Greeting::default()
    }

    fn session_sql(
        &self,
        attributes: &Attributes,
        settings: &LinkSettings,
        _greeting: &Greeting,
    ) -> Vec<String> {
        // SQLite's own wait sleeps ever longer, up to 100 ms at a time, while others come and go. A short one
        // is repeated by `Link` until the limit is over.
        let mut session = vec!["PRAGMA busy_timeout = 20".to_owned()];
        if attributes.get("JournalMode").is_none() {
            session.push("PRAGMA journal_mode = WAL".into());
        }
        if settings.durable {
            session.push("PRAGMA synchronous = FULL".into());
        }
        session
    }

    fn ask(&self) -> Ask {
        Ask::Begin("BEGIN")
    }

    fn begin(&self, write: bool) -> &'static str {
        if write { "BEGIN IMMEDIATE" } else { "BEGIN" }
    }

    fn lock_timeout(&self, _limit: Option<Duration>) -> Option<String> {
        None
    }

    fn waits_outside(&self) -> Option<Duration> {
        Some(DEFAULT_LOCK_TIMEOUT)
    }

    fn marker(&self, _value: &Value) -> &'static str {
        "?"
    }

    fn bind<'v>(&self, value: &'v Value) -> Result<Bind<'v>> {
        let text = |text: String| Bind::new(Bound::Text(Cow::Owned(text)), SqlDataType::VARCHAR);
        Ok(match value {
            Value::Null => Bind::new(Bound::Null, SqlDataType::VARCHAR),
            Value::Bool(v) => Bind::new(Bound::Int(i64::from(*v)), SqlDataType::EXT_BIG_INT),
            Value::Int(v) => Bind::new(Bound::Int(*v), SqlDataType::EXT_BIG_INT),
            Value::Double(v) => Bind::new(Bound::Double(*v), SqlDataType::DOUBLE),
            Value::Decimal(v) if !is_decimal(v) => {
                return Err(bad_value(Engine::Sqlite, "a decimal that is no number"));
            }
            Value::Decimal(v) => Bind::new(Bound::Text(Cow::Borrowed(v)), SqlDataType::VARCHAR),
            Value::Text(v) if v.contains('\0') => return Err(nul_refused()),
            Value::Text(v) => Bind::new(Bound::Text(Cow::Borrowed(v)), SqlDataType::VARCHAR),
            Value::Bytes(v) => Bind::new(Bound::Bytes(v), SqlDataType::EXT_LONG_VAR_BINARY),
            Value::Large(v) => match v.text() {
                Some(v) if v.contains('\0') => return Err(nul_refused()),
                Some(v) => Bind::new(Bound::Text(Cow::Borrowed(v)), SqlDataType::VARCHAR),
                None => Bind::new(Bound::Bytes(v.raw()), SqlDataType::EXT_LONG_VAR_BINARY),
            },
            Value::Date(v) => text(v.to_string()),
            Value::Time(v) => text(v.to_string()),
            Value::Timestamp(v) => text(v.to_string()),
            Value::Uuid(v) => text(uuid_text(v)),
        })
    }

    fn kind(&self, column: &Described<'_>) -> Type {
        // The declared type by SQLite's own rules of affinity, after the names that people mean.
        let name = column.type_name.to_ascii_lowercase();
        if name.contains("bool") {
            Type::Bool
        } else if name.contains("int") {
            Type::Int
        } else if name.starts_with("timestamp") || name.starts_with("datetime") {
            Type::Timestamp
        } else if name.starts_with("date") {
            Type::Date
        } else if name.starts_with("time") {
            Type::Time
        } else if name.contains("char") || name.contains("clob") || name.contains("text") {
            Type::Text
        } else if name.contains("blob") || name.contains("binary") {
            Type::Bytes
        } else if name.contains("real") || name.contains("floa") || name.contains("doub") {
            Type::Double
        } else if name.starts_with("numeric") || name.starts_with("decimal") {
            Type::Decimal
        } else if name.starts_with("uuid") {
            Type::Uuid
        } else {
            Type::Text
        }
    }

    fn fetch(&self, kind: Type, _column: &Described<'_>) -> Fetch {
        match kind {
            Type::Bytes => Fetch::Bytes,
            _ => Fetch::Text,
        }
    }

    fn bound(&self, _kind: Type, _column: &Described<'_>) -> Option<usize> {
        // Any cell may hold anything.
        None
    }

    fn guesses_types(&self) -> bool {
        true
    }

    /// libsqliteodbc takes one statement in a text, and its SQLMoreResults knows one answer.
    fn gives_one_result(&self) -> bool {
        true
    }

    fn list_tables(&self, link: &mut Link) -> Result<Vec<(String, String)>> {
        sqlite_catalog::list_tables(link)
    }

    fn describe_table(
        &self,
        link: &mut Link,
        schema: Option<&str>,
        name: &str,
    ) -> Result<Option<TableFacts>> {
        sqlite_catalog::describe_table(link, schema, name)
    }

    fn keeps_metadata(&self) -> bool {
        // The types of expressions are guessed from the first row of each execution.
        false
    }
}
