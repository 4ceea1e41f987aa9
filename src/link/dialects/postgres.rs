//! PostgreSQL through psqlODBC 13.02.
//!
//! The driver sends every parameter as text of unknown type and lets the server infer; casts in the text
//! (`?::int4`) give parameters the types that the same literals would have.

use std::borrow::Cow;
use std::time::Duration;

use odbc_api::sys::SqlDataType;

use super::postgres_catalog;
use super::{
    Aftermath, Ask, Described, Dialect, Driver, Engine, Fetch, Greeting, bad_value, cell, double_text, hex,
    is_decimal, quoted, uuid_text,
};
use crate::error::{Class, Record, Result, Status};
use crate::link::catalog::{NamedTable, TableFacts};
use crate::link::connstr::Attributes;
use crate::link::lexis::Lexis;
use crate::link::params::{Bind, Bound};
use crate::link::{Link, LinkSettings};
use crate::value::{Date, Isolation, Timestamp, Type, Value};

pub(super) struct Postgres;

/// A year before 1 is written `0044-03-15 BC`.
fn date_text(date: &Date) -> String {
    if date.year >= 1 {
        return date.to_string();
    }
    format!("{} BC", Date { year: 1 - date.year, ..*date })
}

fn timestamp_text(t: &Timestamp) -> String {
    if t.year >= 1 {
        return t.to_string();
    }
    format!("{} BC", Timestamp { year: 1 - t.year, ..*t })
}

fn nul_refused() -> crate::error::Error {
    bad_value(Engine::Postgres, "text with a NUL character")
}

fn is_number(text: &str) -> bool {
    is_decimal(text) || text.eq_ignore_ascii_case("nan")
}

impl Dialect for Postgres {
    fn engine(&self) -> Engine {
        Engine::Postgres
    }

    fn check_constraints_now(&self) -> Option<&'static str> {
        Some("SET CONSTRAINTS ALL IMMEDIATE")
    }

    fn error_fails_transaction(&self) -> bool {
        true
    }

    fn isolation_sql(&self, level: Isolation) -> Option<&'static str> {
        Some(match level {
            Isolation::ReadCommitted => {
                "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED"
            }
            Isolation::RepeatableRead => {
                "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL REPEATABLE READ"
            }
            Isolation::Serializable => {
                "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE"
            }
        })
    }

    fn schema_sql(&self, name: &str) -> Option<String> {
        Some(format!("SET search_path TO {}", self.quote_ident(name)))
    }

    fn advance_sql(&self, name: &str, number: i64) -> Option<(String, Vec<Value>)> {
        let sql = "SELECT setval(q.seqrelid::regclass, greatest(least(?::int8, q.seqmax), q.seqmin)) \
             FROM pg_catalog.pg_sequence q WHERE q.seqrelid = to_regclass(?) \
             AND has_sequence_privilege(q.seqrelid, 'UPDATE') \
             AND coalesce(CASE WHEN q.seqincrement > 0 \
             THEN pg_sequence_last_value(q.seqrelid::regclass) < least(?::int8, q.seqmax) \
             ELSE pg_sequence_last_value(q.seqrelid::regclass) > greatest(?::int8, q.seqmin) END, true)";
        let number = Value::Int(number);
        Some((sql.to_owned(), vec![number.clone(), Value::Text(name.to_owned()), number.clone(), number]))
    }

    fn sequence_sql(&self, name: &str) -> Option<(String, Vec<Value>)> {
        let sql = "SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname), pg_sequence_last_value(c.oid), \
             q.seqincrement FROM pg_catalog.pg_sequence q JOIN pg_catalog.pg_class c ON c.oid = q.seqrelid \
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE q.seqrelid = to_regclass(?)";
        Some((sql.to_owned(), vec![Value::Text(name.to_owned())]))
    }

    fn versions_sql(&self, _tables: usize) -> String {
        postgres_catalog::versions_sql()
    }

    fn versions_params(&self, tables: &[NamedTable], own_names: bool) -> Vec<Value> {
        postgres_catalog::versions_params(tables, own_names)
    }

    fn catalogue_is_snapshot(&self) -> bool {
        true
    }

    fn generated_key_sql(&self) -> Option<&'static str> {
        None
    }

    fn current_schema_sql(&self) -> &'static str {
        "SELECT current_schema()"
    }

    fn quote_ident(&self, name: &str) -> String {
        quoted(name, '"')
    }

    fn literal(&self, value: &Value, out: &mut String) -> Result<()> {
        match value {
            Value::Null => out.push_str("NULL"),
            Value::Bool(v) => out.push_str(if *v { "true" } else { "false" }),
            Value::Int(v) => match i32::try_from(*v) {
                Ok(small) if small >= 0 => out.push_str(&small.to_string()),
                // Quoted: a minus could meet another one and make a comment.
                Ok(small) => out.push_str(&format!("'{small}'::int4")),
                Err(_) => out.push_str(&format!("'{v}'::int8")),
            },
            Value::Double(v) => out.push_str(&format!("'{}'::float8", double_text(*v))),
            Value::Decimal(v) if !is_number(v) => {
                return Err(bad_value(Engine::Postgres, "a decimal that is no number"));
            }
            Value::Decimal(v) => out.push_str(&format!("'{v}'::numeric")),
            Value::Text(v) if v.contains('\0') => return Err(nul_refused()),
            Value::Text(v) => {
                out.reserve(v.len() + 2);
                if v.contains('\\') {
                    // Right whatever standard_conforming_strings says.
                    out.push_str(" E'");
                    out.push_str(&v.replace('\\', "\\\\").replace('\'', "''"));
                } else {
                    out.push('\'');
                    out.push_str(&v.replace('\'', "''"));
                }
                out.push('\'');
            }
            Value::Large(v) => return self.literal(&v.in_memory(), out),
            Value::Bytes(v) => {
                out.push_str("decode('");
                hex(v, out);
                out.push_str("','hex')");
            }
            Value::Date(v) => out.push_str(&format!("'{}'::date", date_text(v))),
            Value::Time(v) => out.push_str(&format!("'{v}'::time")),
            Value::Timestamp(v) => out.push_str(&format!("'{}'::timestamp", timestamp_text(v))),
            Value::Uuid(v) => out.push_str(&format!("'{}'::uuid", uuid_text(v))),
        }
        Ok(())
    }

    fn lexis(&self) -> Lexis {
        Lexis {
            backslash: false,
            double_quote_is_string: false,
            postgres_strings: true,
            backtick: false,
            bracket: false,
            mysql_comments: false,
            nested_comments: true,
        }
    }

    fn kill_sql(&self, session_id: u64) -> Option<String> {
        Some(format!("SELECT pg_terminate_backend({session_id})"))
    }

    fn reset_sql(&self) -> &'static [&'static str] {
        // DISCARD ALL without DEALLOCATE ALL: the driver's prepared statements stay.
        &[
            "CLOSE ALL",
            "SET SESSION AUTHORIZATION DEFAULT",
            "RESET ALL",
            "UNLISTEN *",
            "SELECT pg_advisory_unlock_all()",
            "DISCARD PLANS",
            "DISCARD TEMP",
            "DISCARD SEQUENCES",
        ]
    }
}

impl Driver for Postgres {
    fn package(&self) -> &'static str {
        "odbc-postgresql"
    }

    fn complete(&self, attributes: &mut Attributes, settings: &LinkSettings) {
        // No savepoint around every statement: the transaction's state is kept here.
        if attributes.any(&["Protocol", "A1"]).is_none() {
            attributes.set("Protocol", "7.4-0");
        }
        for (key, short, value) in [
            ("BoolsAsChar", "B9", "0"),
            ("ByteaAsLongVarBinary", "C6", "1"),
            ("UnknownsAsLongVarchar", "B8", "1"),
            ("TextAsLongVarchar", "B7", "1"),
            ("MaxVarcharSize", "B0", "1000"),
            ("MaxLongVarcharSize", "B1", "8190"),
            ("UseServerSidePrepare", "C8", "1"),
            ("LFConversion", "C5", "0"),
            ("TrueIsMinus1", "B?", "0"),
            ("Fetch", "A7", "1000"),
        ] {
            if attributes.any(&[key, short]).is_none() {
                attributes.set(key, value);
            }
        }
        // A peer that vanished without a word is noticed by the kernel.
        let mut options = attributes.get("pqopt").unwrap_or("").to_owned();
        let mut added = false;
        let idle = settings.connect_timeout.as_secs().clamp(5, 60);
        for (name, value) in [
            ("keepalives_idle", idle.to_string()),
            ("keepalives_interval", "5".to_owned()),
            ("keepalives_count", "3".to_owned()),
            ("tcp_user_timeout", ((idle + 15) * 1000).to_string()),
            // libpq asks Kerberos at every connect. A connect of a background thread that is under way while the
            // host exits then meets a library that is torn down already, and aborts the process (seen:
            // k5_mutex_lock). Who encrypts through GSSAPI says so in pqopt.
            ("gssencmode", "disable".to_owned()),
        ] {
            if !options.contains(name) {
                if !options.is_empty() {
                    options.push(' ');
                }
                options.push_str(&format!("{name}={value}"));
                added = true;
            }
        }
        if added {
            attributes.set("pqopt", &options);
        }
    }

    fn may_use_unix_socket(&self, attributes: &Attributes) -> bool {
        let server = attributes.any(&["Server", "Servername"]).unwrap_or("");
        server.is_empty() || server.contains('/')
    }

    fn classify(&self, record: &Record) -> Class {
        // The native code is the driver's own and says nothing.
        let state = record.sqlstate.as_str();
        match state {
            "40001" | "40P01" | "55P03" => Class::Retryable,
            "57014" => Class::TimedOut,
            "57P01" | "57P02" | "57P03" | "57P04" | "57P05" | "25P03" => Class::Unreachable,
            "58030" => Class::Exhausted,
            "08007" | "40003" => Class::OutcomeUnknown,
            _ if state.starts_with("08") => Class::Unreachable,
            _ if state.starts_with("53") => Class::Exhausted,
            "HY000" | "01000" | "HY001"
                if ["connection lost", "server closed the connection", "no connection to the server"]
                    .iter()
                    .any(|text| record.message.contains(text)) =>
            {
                Class::Unreachable
            }
            _ => Class::Refused,
        }
    }

    fn connect_status(&self, record: &Record) -> Option<(Class, Status)> {
        let text = record.message.as_str();
        // libpq gives no SQLSTATE here. "FATAL" is the server's own word: it was reached.
        if !text.contains("FATAL") {
            return text.contains("no password supplied").then_some((Class::Refused, Status::Login));
        }
        let has = |words: &[&str]| words.iter().any(|w| text.contains(w));
        if has(&["too many clients", "remaining connection slots", "too many connections"]) {
            Some((Class::Exhausted, Status::Exhausted))
        } else if has(&["starting up", "shutting down", "recovery mode", "not accepting connections"]) {
            Some((Class::Unreachable, Status::Unreachable))
        } else {
            Some((Class::Refused, Status::Login))
        }
    }

    fn aftermath(&self, _class: Class, record: Option<&Record>) -> Aftermath {
        match record.map(|r| r.sqlstate.as_str()) {
            // A victim inside a savepoint keeps the locks of the whole.
            Some("40001" | "40P01") => Aftermath::RollBack,
            _ => Aftermath::Failed,
        }
    }

    fn is_stale_plan(&self, record: &Record, _writes: bool) -> bool {
        (record.sqlstate == "0A000" && record.message.contains("cached plan"))
            || (record.sqlstate == "26000" && record.message.contains("prepared statement"))
    }

    fn screen(&self, _sql: &str) -> Option<&'static str> {
        None
    }

    fn greeting_sql(&self) -> Option<&'static str> {
        Some(
            "SELECT pg_backend_pid(), inet_client_port(), current_setting('synchronous_commit'), \
             current_setting('fsync'), current_setting('full_page_writes')",
        )
    }

    fn greeting(&self, row: &[Value]) -> Greeting {
        let off: Vec<&str> = ["fsync", "full_page_writes"]
            .into_iter()
            .enumerate()
            .filter(|(i, _)| cell(row, 3 + i) == "off")
            .map(|(_, name)| name)
            .collect();
        Greeting {
            session_id: cell(row, 0).parse().unwrap_or(0),
            client_port: cell(row, 1).parse().ok(),
            durability: (!off.is_empty()).then(|| format!("{} = off on the server", off.join(", "))),
            commit_mode: cell(row, 2),
        }
    }

    fn session_sql(
        &self,
        _attributes: &Attributes,
        settings: &LinkSettings,
        greeting: &Greeting,
    ) -> Vec<String> {
        let mut session = vec![
            "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED".to_owned(),
            // What the driver relies on; here for the sake of RESET ALL.
            "SET DateStyle = 'ISO'".to_owned(),
            "SET extra_float_digits = 2".to_owned(),
            "SET standard_conforming_strings = on".to_owned(),
        ];
        if settings.durable && matches!(greeting.commit_mode.as_str(), "off" | "local") {
            session.push("SET synchronous_commit = on".to_owned());
        }
        if settings.lock_timeout.is_some() {
            session.extend(self.lock_timeout(settings.lock_timeout));
        }
        vec![session.join("; ")]
    }

    fn ask(&self) -> Ask {
        Ask::Never
    }

    fn begin(&self, _write: bool) -> &'static str {
        "BEGIN"
    }

    fn lock_timeout(&self, limit: Option<Duration>) -> Option<String> {
        Some(match limit {
            Some(limit) => format!("SET lock_timeout = {}", limit.as_millis().clamp(1, i32::MAX as u128)),
            None => "RESET lock_timeout".to_owned(),
        })
    }

    fn marker(&self, value: &Value) -> &'static str {
        match value {
            Value::Null | Value::Text(_) => "?",
            Value::Bool(_) => "?::bool",
            Value::Int(v) if i32::try_from(*v).is_ok() => "?::int4",
            Value::Int(_) => "?::int8",
            Value::Double(_) => "?::float8",
            Value::Decimal(_) => "?::numeric",
            Value::Large(v) if v.text().is_some() => "?",
            Value::Bytes(_) | Value::Large(_) => "?::bytea",
            Value::Date(_) => "?::date",
            Value::Time(_) => "?::time",
            Value::Timestamp(_) => "?::timestamp",
            Value::Uuid(_) => "?::uuid",
        }
    }

    fn bind<'v>(&self, value: &'v Value) -> Result<Bind<'v>> {
        let text = |text: String| Bind::new(Bound::Text(Cow::Owned(text)), SqlDataType::VARCHAR);
        Ok(match value {
            Value::Null => Bind::new(Bound::Null, SqlDataType::VARCHAR),
            Value::Bool(v) => text(if *v { "true" } else { "false" }.to_owned()),
            Value::Int(v) => Bind::new(Bound::Int(*v), SqlDataType::VARCHAR),
            Value::Double(v) => text(double_text(*v)),
            Value::Decimal(v) if !is_number(v) => {
                return Err(bad_value(Engine::Postgres, "a decimal that is no number"));
            }
            Value::Decimal(v) => Bind::new(Bound::Text(Cow::Borrowed(v)), SqlDataType::VARCHAR),
            Value::Text(v) if v.contains('\0') => return Err(nul_refused()),
            Value::Text(v) => Bind::new(Bound::Text(Cow::Borrowed(v)), SqlDataType::VARCHAR),
            Value::Bytes(v) => Bind::new(Bound::Bytes(v), SqlDataType::EXT_VAR_BINARY),
            Value::Large(v) => match v.text() {
                Some(v) if v.contains('\0') => return Err(nul_refused()),
                Some(v) => Bind::new(Bound::Text(Cow::Borrowed(v)), SqlDataType::VARCHAR),
                None => Bind::new(Bound::Bytes(v.raw()), SqlDataType::EXT_VAR_BINARY),
            },
            Value::Date(v) => text(date_text(v)),
            Value::Time(v) => text(v.to_string()),
            Value::Timestamp(v) => text(timestamp_text(v)),
            Value::Uuid(v) => text(uuid_text(v)),
        })
    }

    fn kind(&self, column: &Described<'_>) -> Type {
        match column.type_name {
            // What the driver makes dates and numbers of, though it is neither.
            "interval" | "money" | "timetz" => return Type::Text,
            "uuid" => return Type::Uuid,
            _ => {}
        }
        match column.sql_type {
            SqlDataType::EXT_BIT => Type::Bool,
            SqlDataType::SMALLINT
            | SqlDataType::INTEGER
            | SqlDataType::EXT_BIG_INT
            | SqlDataType::EXT_TINY_INT => Type::Int,
            SqlDataType::REAL | SqlDataType::FLOAT | SqlDataType::DOUBLE => Type::Double,
            SqlDataType::NUMERIC | SqlDataType::DECIMAL => Type::Decimal,
            SqlDataType::EXT_BINARY | SqlDataType::EXT_VAR_BINARY | SqlDataType::EXT_LONG_VAR_BINARY => {
                Type::Bytes
            }
            SqlDataType::DATE => Type::Date,
            SqlDataType::TIME => Type::Time,
            SqlDataType::TIMESTAMP => Type::Timestamp,
            SqlDataType::EXT_GUID => Type::Uuid,
            _ => Type::Text,
        }
    }

    fn fetch(&self, kind: Type, _column: &Described<'_>) -> Fetch {
        match kind {
            Type::Int => Fetch::Int,
            Type::Bytes => Fetch::Bytes,
            _ => Fetch::Text,
        }
    }

    fn bound(&self, kind: Type, column: &Described<'_>) -> Option<usize> {
        match kind {
            Type::Int => Some(8),
            Type::Bool => Some(8),
            Type::Double => Some(32),
            Type::Date | Type::Time | Type::Timestamp => Some(48),
            Type::Uuid => Some(40),
            // `varchar(n)`: n characters. Without n the driver claims MaxVarcharSize, which is no bound.
            Type::Text
                if column.sql_type == SqlDataType::VARCHAR
                    && matches!(column.type_name, "varchar" | "bpchar")
                    && (1..=240).contains(&column.size) =>
            {
                Some(column.size * 4 + 1)
            }
            _ => None,
        }
    }

    fn list_tables(&self, link: &mut Link) -> Result<Vec<(String, String)>> {
        postgres_catalog::list_tables(link)
    }

    fn describe_table(
        &self,
        link: &mut Link,
        schema: Option<&str>,
        name: &str,
    ) -> Result<Option<TableFacts>> {
        postgres_catalog::describe_table(link, schema, name)
    }

    fn keeps_metadata(&self) -> bool {
        // The server refuses to run a plan whose result type has changed.
        true
    }
}
