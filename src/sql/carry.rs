//! How the value of a column travels: read on the master by an expression that loses nothing on the way
//! through the driver, and put on the mirror by one that gives the same value again.
//!
//! PostgreSQL's own text forms are exact for every type, an instant carries its offset there. MariaDB
//! hands numbers of prepared statements out as they are, a FLOAT too; a TIMESTAMP is shown in the session's
//! time zone, where an hour of the year comes twice. SQLite keeps any type in any column, so type and value travel together.

use crate::large::Large;
use crate::link::Engine;
use crate::link::catalog::ColumnFacts;
use crate::value::Value;

use super::target::{self, Family};

/// One column on its way.
#[derive(Clone, Debug)]
pub(super) struct Carried {
    /// The name, quoted.
    pub name: String,
    engine: Engine,
    family: Family,
    declared: String,
}

impl Carried {
    pub fn new(column: &ColumnFacts, engine: Engine) -> Carried {
        Carried {
            name: target::quote(&column.name, engine),
            engine,
            family: target::family(column, engine),
            declared: column.declared.clone(),
        }
    }

    /// The expression that reads it; `table` qualifies the name where another table may have it too.
    pub fn read(&self, table: Option<&str>) -> String {
        let c = match table {
            Some(table) => format!("{table}.{}", self.name),
            None => self.name.clone(),
        };
        match (self.engine, self.family) {
            (Engine::Postgres, _) => format!("{c}::text"),
            (Engine::Sqlite, _) => {
                format!("CASE typeof({c}) WHEN 'text' THEN 'T' || hex({c}) ELSE 'Q' || quote({c}) END")
            }
            (_, Family::Instant) => format!("UNIX_TIMESTAMP({c})"),
            (_, Family::Temporal | Family::TimeOfDay) => format!("CAST({c} AS CHAR)"),
            (_, Family::Integer) if self.declared.to_lowercase().starts_with("bit") => format!("{c} + 0"),
            _ => c,
        }
    }

    /// The value that `read` gave, as it is put. None: it is not of the form that `read` gives.
    pub fn value(&self, read: Value) -> Option<Value> {
        match (self.engine, read) {
            (Engine::Sqlite, Value::Text(text)) => stored(&text),
            (Engine::Sqlite, Value::Large(large)) => stored_long(&large),
            (Engine::Sqlite, _) => None,
            (_, value) => Some(value),
        }
    }

    /// Appends the expression that puts `value`, and its parameter.
    pub fn put(&self, value: Value, sql: &mut String, params: &mut Vec<Value>) {
        match (self.engine, self.family, &value) {
            (Engine::Postgres, ..) => {
                sql.push_str("CAST(? AS ");
                sql.push_str(&self.declared);
                sql.push(')');
            }
            // What strict modes forbid and others store.
            (Engine::MariaDb, Family::Instant, Value::Decimal(seconds))
                if seconds.bytes().all(|b| matches!(b, b'0' | b'.')) =>
            {
                sql.push_str("'0000-00-00 00:00:00'");
                return;
            }
            (Engine::MariaDb, Family::Instant, Value::Int(0)) => {
                sql.push_str("'0000-00-00 00:00:00'");
                return;
            }
            (Engine::MariaDb, Family::Instant, _) => {
                sql.push_str("FROM_UNIXTIME(CAST(? AS DECIMAL(20,6)))");
            }
            (Engine::Sqlite, _, Value::Text(text)) if text.contains('\0') => {
                sql.push_str("CAST(? AS TEXT)");
                params.push(Value::Bytes(text.clone().into_bytes()));
                return;
            }
            (Engine::Sqlite, _, Value::Large(large))
                if large.text().is_some_and(|text| text.contains('\0')) =>
            {
                sql.push_str("CAST(? AS TEXT)");
                params.push(Value::Large(large.clone().into_bytes()));
                return;
            }
            _ => sql.push('?'),
        }
        params.push(value);
    }

    /// What goes before a statement that reads or puts instants: in UTC no hour comes twice.
    pub fn in_utc<'c>(mut columns: impl Iterator<Item = &'c Carried>) -> &'static str {
        match columns.any(|c| c.engine == Engine::MariaDb && c.family == Family::Instant) {
            true => "SET STATEMENT time_zone = '+00:00' FOR ",
            false => "",
        }
    }
}

/// SQLite: `T` and the text in hex, or `Q` and a literal.
fn stored(text: &str) -> Option<Value> {
    if let Some(digits) = text.strip_prefix('T') {
        return String::from_utf8(unhex(digits)?).ok().map(Value::Text);
    }
    let literal = text.strip_prefix('Q')?;
    match literal.as_bytes() {
        b"NULL" => Some(Value::Null),
        [b'X' | b'x', b'\'', ..] => Some(Value::Bytes(unhex(literal[2..].strip_suffix('\'')?)?)),
        _ => match literal.parse::<i64>() {
            Ok(n) => Some(Value::Int(n)),
            Err(_) => literal.parse::<f64>().ok().map(Value::Double),
        },
    }
}

/// The same for what is too long for memory.
fn stored_long(read: &Large) -> Option<Value> {
    let (mut buffer, spill) = read.like()?;
    let read = read.text()?;
    let (digits, is_text) = match read.strip_prefix('T') {
        Some(digits) => (digits, true),
        None => (read.strip_prefix("QX'").or_else(|| read.strip_prefix("Qx'"))?.strip_suffix('\'')?, false),
    };
    for piece in digits.as_bytes().chunks(64 << 10) {
        buffer.append(&unhex(std::str::from_utf8(piece).ok()?)?, &spill).ok()?;
    }
    if is_text { Value::of_text(buffer).ok() } else { Some(Value::of_bytes(buffer)) }
}

fn unhex(digits: &str) -> Option<Vec<u8>> {
    let nibble = |b: u8| (b as char).to_digit(16).map(|d| d as u8);
    let bytes = digits.as_bytes();
    bytes
        .len()
        .is_multiple_of(2)
        .then(|| bytes.chunks(2).map(|pair| Some(nibble(pair[0])? << 4 | nibble(pair[1])?)).collect())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_sqlite_stores_is_read_with_its_type() {
        for (text, value) in [
            ("T", Value::Text(String::new())),
            ("T410042", Value::Text("A\0B".into())),
            ("TC3BC", Value::Text("ü".into())),
            ("QNULL", Value::Null),
            ("QX'00FF'", Value::Bytes(vec![0, 255])),
            ("Q-9223372036854775808", Value::Int(i64::MIN)),
            ("Q1.0", Value::Double(1.0)),
            ("Q3.00000000000000044409e-01", Value::Double(0.1 + 0.2)),
            ("Q9.0e+999", Value::Double(f64::INFINITY)),
            ("Q-Inf", Value::Double(f64::NEG_INFINITY)),
        ] {
            assert_eq!(stored(text), Some(value), "{text}");
        }
        for bad in ["", "5", "T4", "Tzz", "QX'0'", "Qabc", "Q"] {
            assert_eq!(stored(bad), None, "{bad}");
        }
    }
}
