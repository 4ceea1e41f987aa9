//! What differs between the engines, one file each. Nothing outside this folder names an engine's quirks.

mod mariadb;
mod mariadb_catalog;
mod postgres;
mod postgres_catalog;
mod sqlite;
mod sqlite_catalog;

use std::borrow::Cow;
use std::time::Duration;

use odbc_api::sys::SqlDataType;

use super::catalog::{NamedTable, ObjectKind, TableFacts};
use super::connstr::Attributes;
use super::lexis::Lexis;
use super::params::Bind;
use super::{Link, LinkSettings};
use crate::error::{Class, Record, Result, Status};
use crate::value::{Isolation, Type, Value};

/// The engines that are promised. Found from the driver's own answer (`SQL_DBMS_NAME`), not from the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Engine {
    Sqlite,
    Postgres,
    MariaDb,
}

impl std::fmt::Display for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Engine::Sqlite => "SQLite",
            Engine::Postgres => "PostgreSQL",
            Engine::MariaDb => "MariaDB",
        })
    }
}

/// An engine's ways, as far as SQL text is concerned.
pub trait Dialect: Send + Sync {
    fn engine(&self) -> Engine;

    /// An identifier for use in SQL text, quoted whatever it contains.
    fn quote_ident(&self, name: &str) -> String;

    /// Appends `value` as SQL text that evaluates to exactly this value, with the type that the same value
    /// has as a parameter. Refuses what the engine has no notation for.
    fn literal(&self, value: &Value, out: &mut String) -> Result<()>;

    /// How this engine's text is cut into words: to find markers, comments and quoted parts.
    fn lexis(&self) -> Lexis;

    /// Ends another session, by the number that its `Link::session_id` gave.
    fn kill_sql(&self, session_id: u64) -> Option<String>;

    /// Statements that undo a session's own state (settings, temporary tables, advisory locks) before it
    /// serves somebody else. Follow them with `Link::restart_session`. Where it is empty and
    /// [`Dialect::must_discard`], a session whose state was touched has to be closed.
    fn reset_sql(&self) -> &'static [&'static str];

    /// True where no SQL can undo session state.
    fn must_discard(&self) -> bool {
        self.reset_sql().is_empty()
    }

    /// What makes deferred constraints and triggers run now; `None` where nothing is deferred.
    fn check_constraints_now(&self) -> Option<&'static str> {
        None
    }

    /// Whether the whole database has one writer at a time.
    fn one_writer(&self) -> bool {
        false
    }

    /// Whether DDL commits what is open, and itself.
    fn ddl_commits(&self) -> bool {
        false
    }

    /// Whether any statement's error fails the whole transaction.
    fn error_fails_transaction(&self) -> bool {
        false
    }

    /// Sets the isolation of the session's transactions to come; `None` where there is only one level.
    fn isolation_sql(&self, level: Isolation) -> Option<&'static str>;

    /// Makes unqualified names mean this schema; `None` where there are none.
    fn schema_sql(&self, name: &str) -> Option<String>;

    /// Asks for the key that the last INSERT of this connection has generated, and forgets it where that can be
    /// done; `None`: the engine has no such question, RETURNING is its way.
    fn generated_key_sql(&self) -> Option<&'static str>;

    /// Moves a sequence on to a number, where it stands before it. It may do nothing, but must not fail. `None`
    /// where there are no sequences.
    fn advance_sql(&self, _name: &str, _number: i64) -> Option<(String, Vec<Value>)> {
        None
    }

    /// Asks a sequence for its own name, the last number that it may have given, and its step.
    fn sequence_sql(&self, _name: &str) -> Option<(String, Vec<Value>)> {
        None
    }

    /// An expression that gives the versions of the facts of so many tables, separated by commas, as they are
    /// now: cheap, so that it rides on a statement that every transaction sends anyway. One version alone is
    /// that of all.
    fn versions_sql(&self, tables: usize) -> String;

    /// The parameters of that expression. `own_names`: what unqualified names mean may have changed since the
    /// tables were found.
    fn versions_params(&self, tables: &[NamedTable], own_names: bool) -> Vec<Value>;

    /// Whether a transaction above READ COMMITTED sees the catalogue as it was when it began.
    fn catalogue_is_snapshot(&self) -> bool {
        false
    }

    /// Asks what unqualified names mean.
    fn current_schema_sql(&self) -> &'static str;

    /// An expression with the exact value of a double: for SQLite, whose driver gives no more than 15
    /// digits of a REAL.
    fn exact_double<'a>(&self, expression: &'a str) -> Cow<'a, str> {
        Cow::Borrowed(expression)
    }
}

/// What an error leaves of the open transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Aftermath {
    /// Only the statement is undone.
    Open,
    /// The server refuses everything but a rollback, whole or to a savepoint.
    Failed,
    /// The engine has rolled back, or the victim still holds locks others wait for: roll back at once.
    RollBack,
    /// Not to be known from the error: the engine must be asked.
    Ask,
}

/// How an engine is asked whether a transaction is open.
pub(crate) enum Ask {
    /// A query for 1 or 0.
    Query(&'static str),
    /// A statement that fails inside a transaction and opens one outside.
    Begin(&'static str),
    /// There is no need.
    Never,
}

/// What a server says of a new session.
#[derive(Clone, Debug, Default)]
pub(crate) struct Greeting {
    pub session_id: u64,
    /// The client's TCP port as the server sees it.
    pub client_port: Option<u16>,
    /// What makes commits less durable than they should be, and is not the session's to change.
    pub durability: Option<String>,
    /// The session's `synchronous_commit` or the like, as it was found.
    pub commit_mode: String,
}

/// How cells of a kind are fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fetch {
    /// `SQL_C_SBIGINT`
    Int,
    /// `SQL_C_DOUBLE`
    Double,
    /// `SQL_C_CHAR`, parsed here.
    Text,
    /// `SQL_C_BINARY`
    Bytes,
}

/// What a driver says of a result column.
pub(crate) struct Described<'a> {
    pub sql_type: SqlDataType,
    pub type_name: &'a str,
    pub size: usize,
    pub unsigned: bool,
}

/// An engine's driver and its traps.
pub(crate) trait Driver: Dialect {
    /// The Debian package with the driver.
    fn package(&self) -> &'static str;

    /// Adds to the user's connection string what is missing for our purposes.
    fn complete(&self, attributes: &mut Attributes, settings: &LinkSettings);

    /// Whether a connect with these attributes may go through a Unix socket.
    fn may_use_unix_socket(&self, attributes: &Attributes) -> bool;

    /// What a record means.
    fn classify(&self, record: &Record) -> Class;

    /// What a refused connect means; `None`: as [`Driver::classify`] says.
    fn connect_status(&self, record: &Record) -> Option<(Class, Status)>;

    /// What a failed statement leaves of an open transaction.
    fn aftermath(&self, class: Class, record: Option<&Record>) -> Aftermath;

    /// Whether the statement only failed because its plan was made for another schema, and has done nothing.
    fn is_stale_plan(&self, record: &Record, writes: bool) -> bool;

    /// Whether the statement can only be executed without preparation.
    fn is_unpreparable(&self, _record: &Record) -> bool {
        false
    }

    /// Whether the text must be prepared even where it is used once: read as text, its result would crash the
    /// process when the connection is lost in the middle of it.
    fn must_be_prepared(&self, _sql: &str) -> bool {
        false
    }

    /// Why a text must not reach the driver.
    fn screen(&self, sql: &str) -> Option<&'static str>;

    /// The text as the driver can take it.
    fn prepare<'a>(&self, sql: &'a str) -> Cow<'a, str> {
        Cow::Borrowed(sql)
    }

    /// A question that every session begins with; see [`Driver::greeting`].
    fn greeting_sql(&self) -> Option<&'static str>;

    fn greeting(&self, row: &[Value]) -> Greeting;

    /// What a session is set to before it serves anybody.
    fn session_sql(
        &self,
        attributes: &Attributes,
        settings: &LinkSettings,
        greeting: &Greeting,
    ) -> Vec<String>;

    fn begin(&self, write: bool) -> &'static str;

    /// A statement whose answer tells whether a transaction is open: see [`Aftermath::Ask`].
    fn ask(&self) -> Ask;

    fn lock_timeout(&self, limit: Option<Duration>) -> Option<String>;

    /// Where a wait for a lock is a repetition of the statement: how long, when nothing else is said.
    fn waits_outside(&self) -> Option<Duration> {
        None
    }

    /// What replaces a value's `?` in prepared text: `?` with a cast where the driver would lose the type.
    fn marker(&self, value: &Value) -> &'static str;

    fn bind<'v>(&self, value: &'v Value) -> Result<Bind<'v>>;

    fn kind(&self, column: &Described<'_>) -> Type;

    fn fetch(&self, kind: Type, column: &Described<'_>) -> Fetch;

    /// The bytes that the longest value of a column takes as text or binary, where the driver knows.
    fn bound(&self, kind: Type, column: &Described<'_>) -> Option<usize>;

    /// Whether the driver guesses the types of columns that are expressions.
    fn guesses_types(&self) -> bool {
        false
    }

    /// Whether a text never has a second result: nothing has to be asked for it.
    fn gives_one_result(&self) -> bool {
        false
    }

    fn list_tables(&self, link: &mut Link) -> Result<Vec<(String, String)>>;

    fn describe_table(&self, link: &mut Link, schema: Option<&str>, name: &str)
    -> Result<Option<TableFacts>>;

    /// The definition of an object as text, the same on any node that has the same; `None`: there is none of that
    /// name. Asked only where DDL commits by itself.
    fn definition(
        &self,
        _link: &mut Link,
        _kind: ObjectKind,
        _schema: &str,
        _name: &str,
    ) -> Result<Option<String>> {
        Ok(None)
    }

    /// Whether what these facts say beside what their version covers is still so.
    fn uncovered_facts_hold(&self, _link: &mut Link, _facts: &TableFacts) -> Result<bool> {
        Ok(true)
    }

    /// Whether metadata of a prepared statement stay true from one execution to the next.
    fn keeps_metadata(&self) -> bool;
}

/// Connecting needs a guess, because the driver's options differ; `SQL_DBMS_NAME` has the last word.
pub(crate) fn guess(attributes: &Attributes) -> Option<&'static dyn Driver> {
    let driver = attributes.get("driver")?.to_ascii_lowercase();
    by_name(&driver)
}

/// From a driver's or a database's name.
pub(crate) fn by_name(name: &str) -> Option<&'static dyn Driver> {
    let name = name.to_ascii_lowercase();
    if name.contains("sqlite") {
        Some(&sqlite::Sqlite)
    } else if name.contains("postgres") || name.contains("psqlodbc") {
        Some(&postgres::Postgres)
    } else if name.contains("maria") || name.contains("maodbc") || name.contains("mysql") {
        Some(&mariadb::MariaDb)
    } else {
        None
    }
}

pub(crate) fn of(engine: Engine) -> &'static dyn Driver {
    match engine {
        Engine::Sqlite => &sqlite::Sqlite,
        Engine::Postgres => &postgres::Postgres,
        Engine::MariaDb => &mariadb::MariaDb,
    }
}

/// The dialect of an engine.
pub fn dialect(engine: Engine) -> &'static dyn Dialect {
    of(engine)
}

/// `x` or `"x"` with the quote doubled inside.
fn quoted(name: &str, quote: char) -> String {
    let mut text = String::with_capacity(name.len() + 2);
    text.push(quote);
    for c in name.chars() {
        if c == quote {
            text.push(quote);
        }
        text.push(c);
    }
    text.push(quote);
    text
}

/// 16 bytes as `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx`.
pub(crate) fn uuid_text(bytes: &[u8; 16]) -> String {
    let mut text = String::with_capacity(36);
    for (i, byte) in bytes.iter().enumerate() {
        if matches!(i, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        push_hex(&mut text, *byte);
    }
    text
}

fn push_hex(text: &mut String, byte: u8) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    text.push(DIGITS[usize::from(byte >> 4)] as char);
    text.push(DIGITS[usize::from(byte & 15)] as char);
}

fn hex(bytes: &[u8], out: &mut String) {
    out.reserve(bytes.len() * 2);
    for byte in bytes {
        push_hex(out, *byte);
    }
}

/// Whether a decimal's text is a number and nothing else: it is about to become SQL.
fn is_decimal(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match digits.split_once(['e', 'E']) {
        Some((m, e)) => (m, Some(e.strip_prefix(['-', '+']).unwrap_or(e))),
        None => (digits, None),
    };
    let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    !(whole.is_empty() && part.is_empty())
        && all(whole)
        && all(part)
        && exponent.is_none_or(|e| !e.is_empty() && all(e))
}

/// The shortest text that reads back as the same double.
fn double_text(value: f64) -> String {
    if value.is_nan() {
        "NaN".into()
    } else if value.is_infinite() {
        if value > 0.0 { "Infinity".into() } else { "-Infinity".into() }
    } else {
        format!("{value:e}")
    }
}

/// A cell of a greeting as text.
fn cell(row: &[Value], index: usize) -> String {
    match row.get(index) {
        Some(Value::Text(v)) | Some(Value::Decimal(v)) => v.clone(),
        Some(Value::Int(v)) => v.to_string(),
        _ => String::new(),
    }
}

fn bad_value(engine: Engine, what: &str) -> crate::error::Error {
    crate::error::Error::new(
        Status::BadArgument,
        format!("a parameter value cannot be sent to {engine}: {what}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_numbers_pass_as_decimals() {
        for good in ["0", "-1.5", "+.5", "5.", "1e10", "1.5E-3"] {
            assert!(is_decimal(good), "{good}");
        }
        for bad in ["", ".", "-", "1;drop", "1e", "0x10", "1 ", "--1", "NaN", "1e1.5"] {
            assert!(!is_decimal(bad), "{bad}");
        }
    }

    fn class(engine: Engine, sqlstate: &str, native: i32, message: &str) -> Class {
        let record = Record {
            sqlstate: sqlstate.into(),
            native,
            message: message.into(),
            side: crate::error::Side::Master,
            function: "SQLExecute",
        };
        of(engine).classify(&record)
    }

    #[test]
    fn failures_are_classed_by_state_and_native_code() {
        use Class::*;
        use Engine::*;
        for (engine, sqlstate, native, message, expected) in [
            (Postgres, "08001", 101, "Connection refused", Unreachable),
            (Postgres, "08S01", 35, "server closed the connection unexpectedly", Unreachable),
            (Postgres, "57P01", 35, "terminating connection due to administrator command", Unreachable),
            (Postgres, "HY000", 35, "The connection has been lost: connection lost", Unreachable),
            (Postgres, "23505", 1, "duplicate key", Refused),
            (Postgres, "42601", 1, "syntax error", Refused),
            (Postgres, "25006", 1, "read-only transaction", Refused),
            (Postgres, "40P01", 1, "deadlock detected", Retryable),
            (Postgres, "40001", 110, "could not serialize access", Retryable),
            (Postgres, "55P03", 1, "lock timeout", Retryable),
            (Postgres, "57014", 1, "canceling statement", TimedOut),
            (Postgres, "53100", 1, "could not extend file: No space left on device", Exhausted),
            (Postgres, "53300", 1, "too many clients", Exhausted),
            (MariaDb, "HY000", 2002, "Can't connect", Unreachable),
            (MariaDb, "08S01", 2013, "Lost connection", Unreachable),
            (MariaDb, "HY000", 5014, "Write error: Broken pipe (32)", Unreachable),
            (MariaDb, "08003", 0, "Connection not open", Unreachable),
            (MariaDb, "23000", 1062, "Duplicate entry", Refused),
            (MariaDb, "42000", 1064, "syntax", Refused),
            (MariaDb, "28000", 1045, "Access denied", Refused),
            (MariaDb, "40001", 1213, "Deadlock found", Retryable),
            (MariaDb, "HY000", 1205, "Lock wait timeout exceeded", Retryable),
            (MariaDb, "HY018", 1969, "max_statement_time exceeded", TimedOut),
            (MariaDb, "HY018", 1317, "Query execution was interrupted", TimedOut),
            (MariaDb, "HY000", 1114, "The table is full", Exhausted),
            (MariaDb, "HY000", 1021, "Disk full", Exhausted),
            (MariaDb, "08004", 1040, "Too many connections", Exhausted),
            (Sqlite, "HY000", 14, "connect failed", Unreachable),
            (Sqlite, "HY000", 19, "UNIQUE constraint failed (19)", Refused),
            (Sqlite, "HY000", 1, "near \"x\": syntax error (1)", Refused),
            (Sqlite, "HY000", 5, "database is locked (5)", Retryable),
            (Sqlite, "HY000", 9, "interrupted (9)", TimedOut),
            (Sqlite, "HY000", 13, "database or disk is full (13)", Exhausted),
        ] {
            assert_eq!(
                class(engine, sqlstate, native, message),
                expected,
                "{engine} {sqlstate}/{native} {message}"
            );
        }
    }

    #[test]
    fn identifiers_are_quoted_whatever_they_contain() {
        assert_eq!(quoted("a\"b", '"'), "\"a\"\"b\"");
        assert_eq!(quoted("a`b", '`'), "`a``b`");
    }
}
