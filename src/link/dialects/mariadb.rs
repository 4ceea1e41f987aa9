//! MariaDB through its Connector/ODBC 3.1.15.

use std::borrow::Cow;
use std::time::Duration;

use odbc_api::sys::SqlDataType;

use super::mariadb_catalog;
use super::{
    Aftermath, Ask, Described, Dialect, Driver, Engine, Fetch, Greeting, bad_value, cell, double_text, hex,
    is_decimal, quoted, uuid_text,
};
use crate::error::{Class, Record, Result, Status};
use crate::link::catalog::{NamedTable, ObjectKind, TableFacts};
use crate::link::connstr::Attributes;
use crate::link::lexis::Lexis;
use crate::link::params::{Bind, Bound, odbc_date, odbc_timestamp};
use crate::link::{Link, LinkSettings};
use crate::value::{Isolation, Type, Value};

pub(super) struct MariaDb;

/// Connector options: count rows found instead of rows changed; several statements in one text.
const FOUND_ROWS: u64 = 2;
const MULTI_STATEMENTS: u64 = 1 << 26;
/// The connector would go on with another session, without the transaction and locks of the one that was lost.
const AUTO_RECONNECT: u64 = 1 << 22;

/// The driver would send a decimal as a string, and a string compares as a double. By digits behind the
/// point, of which there can be 38.
#[rustfmt::skip]
const DECIMAL_MARKERS: [&str; 39] = [
    "CAST(? AS DECIMAL(65,0))",
    "CAST(? AS DECIMAL(65,1))",
    "CAST(? AS DECIMAL(65,2))",
    "CAST(? AS DECIMAL(65,3))",
    "CAST(? AS DECIMAL(65,4))",
    "CAST(? AS DECIMAL(65,5))",
    "CAST(? AS DECIMAL(65,6))",
    "CAST(? AS DECIMAL(65,7))",
    "CAST(? AS DECIMAL(65,8))",
    "CAST(? AS DECIMAL(65,9))",
    "CAST(? AS DECIMAL(65,10))",
    "CAST(? AS DECIMAL(65,11))",
    "CAST(? AS DECIMAL(65,12))",
    "CAST(? AS DECIMAL(65,13))",
    "CAST(? AS DECIMAL(65,14))",
    "CAST(? AS DECIMAL(65,15))",
    "CAST(? AS DECIMAL(65,16))",
    "CAST(? AS DECIMAL(65,17))",
    "CAST(? AS DECIMAL(65,18))",
    "CAST(? AS DECIMAL(65,19))",
    "CAST(? AS DECIMAL(65,20))",
    "CAST(? AS DECIMAL(65,21))",
    "CAST(? AS DECIMAL(65,22))",
    "CAST(? AS DECIMAL(65,23))",
    "CAST(? AS DECIMAL(65,24))",
    "CAST(? AS DECIMAL(65,25))",
    "CAST(? AS DECIMAL(65,26))",
    "CAST(? AS DECIMAL(65,27))",
    "CAST(? AS DECIMAL(65,28))",
    "CAST(? AS DECIMAL(65,29))",
    "CAST(? AS DECIMAL(65,30))",
    "CAST(? AS DECIMAL(65,31))",
    "CAST(? AS DECIMAL(65,32))",
    "CAST(? AS DECIMAL(65,33))",
    "CAST(? AS DECIMAL(65,34))",
    "CAST(? AS DECIMAL(65,35))",
    "CAST(? AS DECIMAL(65,36))",
    "CAST(? AS DECIMAL(65,37))",
    "CAST(? AS DECIMAL(65,38))",
];

impl Dialect for MariaDb {
    fn engine(&self) -> Engine {
        Engine::MariaDb
    }

    fn ddl_commits(&self) -> bool {
        true
    }

    fn isolation_sql(&self, level: Isolation) -> Option<&'static str> {
        Some(match level {
            Isolation::ReadCommitted => "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
            Isolation::RepeatableRead => "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
            Isolation::Serializable => "SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE",
        })
    }

    fn schema_sql(&self, name: &str) -> Option<String> {
        Some(format!("USE {}", self.quote_ident(name)))
    }

    /// `SETVAL` takes no parameter, and does not go back. A sequence that is not there, or not ours to set, is none
    /// of the mirror's business.
    fn advance_sql(&self, name: &str, number: i64) -> Option<(String, Vec<Value>)> {
        let sql = format!(
            "BEGIN NOT ATOMIC DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN END; DO SETVAL({name}, {number}); END"
        );
        Some((sql, Vec::new()))
    }

    /// The numbers that it has taken for its cache count as given.
    fn sequence_sql(&self, name: &str) -> Option<(String, Vec<Value>)> {
        let shown = name.replace('\\', "\\\\").replace('\'', "''");
        Some((format!("SELECT '{shown}', next_not_cached_value, increment FROM {name}"), Vec::new()))
    }

    fn versions_sql(&self, tables: usize) -> String {
        mariadb_catalog::versions_sql(tables)
    }

    fn versions_params(&self, tables: &[NamedTable], _own_names: bool) -> Vec<Value> {
        mariadb_catalog::versions_params(tables)
    }

    fn generated_key_sql(&self) -> Option<&'static str> {
        // Setting it to 0 tells the next INSERT that generates one from those that do not.
        Some("SELECT LAST_INSERT_ID(), LAST_INSERT_ID(0)")
    }

    fn current_schema_sql(&self) -> &'static str {
        "SELECT DATABASE()"
    }

    fn quote_ident(&self, name: &str) -> String {
        quoted(name, '`')
    }

    fn literal(&self, value: &Value, out: &mut String) -> Result<()> {
        match value {
            Value::Null => out.push_str("NULL"),
            Value::Bool(v) => out.push_str(if *v { "1" } else { "0" }),
            Value::Int(v) if *v < 0 => out.push_str(&format!("({v})")),
            Value::Int(v) => out.push_str(&v.to_string()),
            Value::Double(v) if !v.is_finite() => return Err(not_finite()),
            // With an exponent it is a double, without one a decimal.
            Value::Double(v) if v.is_sign_negative() => out.push_str(&format!("({})", double_text(*v))),
            Value::Double(v) => out.push_str(&double_text(*v)),
            Value::Decimal(v) if !is_decimal(v) || v.contains(['e', 'E']) => {
                return Err(bad_value(Engine::MariaDb, "a decimal that is no plain number"));
            }
            Value::Decimal(v) => {
                let (sign, digits) = match v.strip_prefix('-') {
                    Some(digits) => ("-", digits),
                    None => ("", v.strip_prefix('+').unwrap_or(v)),
                };
                // A decimal point keeps a long number from being taken for an integer or a double.
                let dot = if digits.contains('.') { "" } else { "." };
                out.push_str(&format!("({sign}{digits}{dot})"));
            }
            Value::Text(v) if v.contains(['\\', '\0']) => {
                // Right whatever NO_BACKSLASH_ESCAPES says.
                out.push_str("_utf8mb4 X'");
                hex(v.as_bytes(), out);
                out.push('\'');
            }
            Value::Text(v) => {
                out.push('\'');
                out.push_str(&v.replace('\'', "''"));
                out.push('\'');
            }
            Value::Large(v) => return self.literal(&v.in_memory(), out),
            Value::Bytes(v) if v.is_empty() => out.push_str("_binary ''"),
            Value::Bytes(v) => {
                out.push_str("_binary X'");
                hex(v, out);
                out.push('\'');
            }
            Value::Date(v) => out.push_str(&format!("DATE'{v}'")),
            Value::Time(v) => out.push_str(&format!("TIME'{v}'")),
            Value::Timestamp(v) => out.push_str(&format!("TIMESTAMP'{v}'")),
            Value::Uuid(v) => out.push_str(&format!("'{}'", uuid_text(v))),
        }
        Ok(())
    }

    fn lexis(&self) -> Lexis {
        Lexis {
            backslash: true,
            double_quote_is_string: true,
            postgres_strings: false,
            backtick: true,
            bracket: false,
            mysql_comments: true,
            nested_comments: false,
        }
    }

    fn kill_sql(&self, session_id: u64) -> Option<String> {
        Some(format!("KILL {session_id}"))
    }

    fn reset_sql(&self) -> &'static [&'static str] {
        // User variables, settings and temporary tables have no statement that resets them all.
        &[]
    }
}

fn not_finite() -> crate::error::Error {
    bad_value(Engine::MariaDb, "a double that is not finite")
}

impl Driver for MariaDb {
    fn package(&self) -> &'static str {
        "odbc-mariadb"
    }

    fn complete(&self, attributes: &mut Attributes, settings: &LinkSettings) {
        let option =
            attributes.any(&["OPTION", "OPTIONS"]).and_then(|v| v.trim().parse::<u64>().ok()).unwrap_or(0);
        attributes.set("OPTION", &((option | FOUND_ROWS | MULTI_STATEMENTS) & !AUTO_RECONNECT).to_string());
        if attributes.get("AUTO_RECONNECT").is_some() {
            attributes.set("AUTO_RECONNECT", "0");
        }
        if attributes.any(&["CHARSET"]).is_none() {
            attributes.set("CHARSET", "utf8mb4");
        }
        if attributes.any(&["CONN_TIMEOUT", "CONNECTION_TIMEOUT"]).is_none() {
            let seconds = settings.connect_timeout.as_millis().div_ceil(1000).max(1);
            attributes.set("CONN_TIMEOUT", &seconds.to_string());
        }
    }

    fn may_use_unix_socket(&self, attributes: &Attributes) -> bool {
        let server = attributes.any(&["Server", "Servername"]).unwrap_or("");
        attributes.get("Socket").is_some() || server.is_empty() || server.eq_ignore_ascii_case("localhost")
    }

    fn classify(&self, record: &Record) -> Class {
        match record.native {
            1205 | 1213 | 1020 | 1614 | 1689 | 3058 => Class::Retryable,
            1317 | 1969 | 3024 => Class::TimedOut,
            1021 | 1037 | 1038 | 1040 | 1041 | 1114 | 1203 | 1206 | 1226 | 1135 => Class::Exhausted,
            1053 | 1927 | 1080 | 1152..=1161 => Class::Unreachable,
            // Client side: cannot connect, gone, lost, malformed packet; 5014 is a failed write.
            2001..=2007 | 2012 | 2013 | 2027 | 2048 | 2055 | 5012 | 5014 => Class::Unreachable,
            1045 | 1044 | 1049 | 1698 => Class::Refused,
            _ => match record.sqlstate.as_str() {
                "40001" => Class::Retryable,
                "HY018" => Class::TimedOut,
                state if state.starts_with("08") => Class::Unreachable,
                _ if record.message.contains("(errno: 28") || record.message.contains("No space left") => {
                    Class::Exhausted
                }
                _ => Class::Refused,
            },
        }
    }

    fn connect_status(&self, record: &Record) -> Option<(Class, Status)> {
        match record.native {
            1045 | 1044 | 1049 | 1698 | 1251 | 1130 | 1820 | 1862 => Some((Class::Refused, Status::Login)),
            _ if record.sqlstate == "28000" => Some((Class::Refused, Status::Login)),
            _ => None,
        }
    }

    fn aftermath(&self, _class: Class, record: Option<&Record>) -> Aftermath {
        let Some(record) = record else { return Aftermath::Ask };
        match record.native {
            // Deadlock: InnoDB has rolled all back. Locks exhausted: the same.
            1213 | 1206 | 1020 => Aftermath::RollBack,
            // The statement was executed and its answer not understood.
            2057 => Aftermath::RollBack,
            // Constraints, syntax, missing things, bad values: the statement alone.
            1022 | 1048 | 1054 | 1062 | 1064 | 1146 | 1264 | 1265 | 1292 | 1364 | 1366 | 1406 | 1451
            | 1452 | 4025 => Aftermath::Open,
            _ => Aftermath::Ask,
        }
    }

    fn is_stale_plan(&self, record: &Record, writes: bool) -> bool {
        // 2057: another number of columns than when it was prepared; seen only after the execution.
        matches!(record.native, 1615 | 1243) || (record.native == 2057 && !writes)
    }

    fn is_unpreparable(&self, record: &Record) -> bool {
        record.native == 1295
    }

    fn must_be_prepared(&self, sql: &str) -> bool {
        // libmaodbc 3.1 executes a text, finds no stored result when the connection was lost among the rows,
        // and reads it all the same. Several statements in one text cannot be prepared.
        if sql.trim_end().trim_end_matches(';').contains(';') {
            return false;
        }
        let mut words = self.lexis().words(sql);
        match words.next().unwrap_or_default().as_str() {
            "SELECT" | "WITH" | "SHOW" | "DESCRIBE" | "DESC" | "EXPLAIN" | "TABLE" | "CALL" | "CHECK"
            | "CHECKSUM" | "ANALYZE" => true,
            "INSERT" | "REPLACE" | "DELETE" => words.any(|w| w == "RETURNING"),
            _ => false,
        }
    }

    fn screen(&self, sql: &str) -> Option<&'static str> {
        // The driver decides by the first word whether rows will come. Where it is wrong about it, the
        // next statement crashes the process.
        let mut words = self.lexis().words(sql);
        let first = words.next().unwrap_or_default();
        const WHY: &str = "MariaDB Connector/ODBC 3.1 does not expect rows from it and crashes the process";
        let refused = match first.as_str() {
            "VALUES" | "HANDLER" | "HELP" | "OPTIMIZE" | "REPAIR" | "CACHE" => true,
            "XA" => words.next().is_some_and(|w| w == "RECOVER"),
            "LOAD" => words.next().is_some_and(|w| w == "INDEX"),
            "SET" if words.next().is_some_and(|w| w == "STATEMENT") => {
                let statement: Vec<String> = words.skip_while(|w| w != "FOR").skip(1).collect();
                let writes =
                    statement.first().is_some_and(|w| matches!(w.as_str(), "INSERT" | "REPLACE" | "UPDATE"));
                !writes || statement.iter().any(|w| w == "RETURNING")
            }
            _ => false,
        };
        refused.then_some(WHY)
    }

    fn greeting_sql(&self) -> Option<&'static str> {
        Some(
            "SELECT connection_id(), \
             (SELECT host FROM information_schema.processlist WHERE id = connection_id()), \
             @@innodb_flush_log_at_trx_commit, @@log_bin, @@sync_binlog",
        )
    }

    fn greeting(&self, row: &[Value]) -> Greeting {
        let mut weak = Vec::new();
        if cell(row, 2) != "1" {
            weak.push(format!("innodb_flush_log_at_trx_commit = {}", cell(row, 2)));
        }
        if cell(row, 3) == "1" && cell(row, 4) == "0" {
            weak.push("sync_binlog = 0".to_owned());
        }
        Greeting {
            session_id: cell(row, 0).parse().unwrap_or(0),
            client_port: cell(row, 1).rsplit_once(':').and_then(|(_, port)| port.parse().ok()),
            durability: (!weak.is_empty()).then(|| format!("{} on the server", weak.join(", "))),
            commit_mode: String::new(),
        }
    }

    fn session_sql(
        &self,
        _attributes: &Attributes,
        settings: &LinkSettings,
        _greeting: &Greeting,
    ) -> Vec<String> {
        let mut session = vec!["SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED".to_owned()];
        if settings.lock_timeout.is_some() {
            session.extend(self.lock_timeout(settings.lock_timeout));
        }
        session
    }

    fn ask(&self) -> Ask {
        Ask::Query("SELECT @@in_transaction")
    }

    fn begin(&self, _write: bool) -> &'static str {
        "START TRANSACTION"
    }

    fn lock_timeout(&self, limit: Option<Duration>) -> Option<String> {
        Some(match limit {
            Some(limit) => {
                let seconds = limit.as_millis().div_ceil(1000).clamp(1, 100_000_000);
                format!(
                    "SET SESSION innodb_lock_wait_timeout = {seconds}, SESSION lock_wait_timeout = {seconds}"
                )
            }
            None => "SET SESSION innodb_lock_wait_timeout = DEFAULT, SESSION lock_wait_timeout = DEFAULT"
                .to_owned(),
        })
    }

    fn marker(&self, value: &Value) -> &'static str {
        match value {
            Value::Time(_) => "CAST(? AS TIME(6))",
            Value::Bytes(_) => "CAST(? AS BINARY)",
            Value::Large(v) if v.text().is_none() => "CAST(? AS BINARY)",
            Value::Decimal(v) => {
                DECIMAL_MARKERS.get(v.split_once('.').map_or(0, |(_, part)| part.len())).unwrap_or(&"?")
            }
            _ => "?",
        }
    }

    fn bind<'v>(&self, value: &'v Value) -> Result<Bind<'v>> {
        let text = |text: String| Bind::new(Bound::Text(Cow::Owned(text)), SqlDataType::VARCHAR);
        Ok(match value {
            Value::Null => Bind::new(Bound::Null, SqlDataType::VARCHAR),
            Value::Bool(v) => Bind::new(Bound::Int(i64::from(*v)), SqlDataType::EXT_BIG_INT),
            Value::Int(v) => Bind::new(Bound::Int(*v), SqlDataType::EXT_BIG_INT),
            Value::Double(v) if !v.is_finite() => return Err(not_finite()),
            Value::Double(v) => Bind::new(Bound::Double(*v), SqlDataType::DOUBLE),
            Value::Decimal(v) if !is_decimal(v) || v.contains(['e', 'E']) => {
                return Err(bad_value(Engine::MariaDb, "a decimal that is no plain number"));
            }
            Value::Decimal(v) => Bind::new(Bound::Text(Cow::Borrowed(v)), SqlDataType::DECIMAL),
            Value::Text(v) => Bind::new(Bound::Text(Cow::Borrowed(v)), SqlDataType::VARCHAR),
            Value::Bytes(v) => Bind::new(Bound::Bytes(v), SqlDataType::EXT_LONG_VAR_BINARY),
            Value::Large(v) => match v.text() {
                Some(v) => Bind::new(Bound::Text(Cow::Borrowed(v)), SqlDataType::VARCHAR),
                None => Bind::new(Bound::Bytes(v.raw()), SqlDataType::EXT_LONG_VAR_BINARY),
            },
            Value::Date(v) => match odbc_date(v) {
                Some(date) => Bind::new(Bound::Date(date), SqlDataType::DATE),
                None => text(v.to_string()),
            },
            Value::Time(v) => text(v.to_string()),
            Value::Timestamp(v) => match odbc_timestamp(v) {
                Some(timestamp) => Bind::new(Bound::Timestamp(timestamp), SqlDataType::TIMESTAMP),
                None => text(v.to_string()),
            },
            Value::Uuid(v) => text(uuid_text(v)),
        })
    }

    fn kind(&self, column: &Described<'_>) -> Type {
        match column.sql_type {
            SqlDataType::EXT_BIT => Type::Bool,
            SqlDataType::EXT_TINY_INT
            | SqlDataType::SMALLINT
            | SqlDataType::INTEGER
            | SqlDataType::EXT_BIG_INT => Type::Int,
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

    fn fetch(&self, kind: Type, column: &Described<'_>) -> Fetch {
        match kind {
            // What is beyond i64 comes as text.
            Type::Int if !column.unsigned => Fetch::Int,
            Type::Double => Fetch::Double,
            Type::Bytes => Fetch::Bytes,
            _ => Fetch::Text,
        }
    }

    fn bound(&self, _kind: Type, _column: &Described<'_>) -> Option<usize> {
        None
    }

    fn list_tables(&self, link: &mut Link) -> Result<Vec<(String, String)>> {
        mariadb_catalog::list_tables(link)
    }

    fn describe_table(
        &self,
        link: &mut Link,
        schema: Option<&str>,
        name: &str,
    ) -> Result<Option<TableFacts>> {
        mariadb_catalog::describe_table(link, schema, name)
    }

    fn definition(
        &self,
        link: &mut Link,
        kind: ObjectKind,
        schema: &str,
        name: &str,
    ) -> Result<Option<String>> {
        mariadb_catalog::definition(link, kind, schema, name)
    }

    fn uncovered_facts_hold(&self, link: &mut Link, facts: &TableFacts) -> Result<bool> {
        mariadb_catalog::uncovered_facts_hold(link, facts)
    }

    fn keeps_metadata(&self) -> bool {
        false
    }
}
