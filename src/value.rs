//! Values that cross the borders: parameters in, column blocks out.

use std::fmt;
use std::sync::Arc;

use crate::error::Result;
use crate::large::{self, Bulk, Large, Spill, Taken};

/// The types of parameters and of result columns. The numbers are those of `TWIN_TYPE_…` in C.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum Type {
    Null = 0,
    Bool = 1,
    Int = 2,
    Double = 3,
    /// Exact decimal number as text: `-12.50`.
    Decimal = 4,
    Text = 5,
    Bytes = 6,
    Date = 7,
    Time = 8,
    Timestamp = 9,
    Uuid = 10,
}

/// Isolation levels. The numbers are those of `TWIN_ISOLATION_…` in C.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Isolation {
    ReadCommitted = 1,
    RepeatableRead = 2,
    Serializable = 3,
}

/// A calendar date. Years may be negative or zero where the engine has such dates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(C)]
pub struct Date {
    pub year: i32,
    pub month: u8,
    pub day: u8,
    pub reserved: [u8; 2],
}

/// A time of day, or MariaDB's interval of up to ±838 hours (`negative` counts then).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(C)]
pub struct Time {
    pub hour: u16,
    pub minute: u8,
    pub second: u8,
    pub negative: u8,
    pub reserved: [u8; 3],
    pub nanosecond: u32,
}

/// Date and time without a zone. What a column with a time zone gives is local to the session's zone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(C)]
pub struct Timestamp {
    pub year: i32,
    pub month: u8,
    pub day: u8,
    pub hour: u8,
    pub minute: u8,
    pub second: u8,
    pub reserved: [u8; 3],
    pub nanosecond: u32,
}

/// A parameter value. Text is equal to text and bytes to bytes, wherever they lie.
#[derive(Clone, Debug)]
pub enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Double(f64),
    Decimal(String),
    Text(String),
    Bytes(Vec<u8>),
    Date(Date),
    Time(Time),
    Timestamp(Timestamp),
    Uuid([u8; 16]),
    /// Text or bytes that lie in a file.
    Large(Large),
}

impl PartialEq for Value {
    fn eq(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::Null, Value::Null) => true,
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::Int(a), Value::Int(b)) => a == b,
            (Value::Double(a), Value::Double(b)) => a == b,
            (Value::Decimal(a), Value::Decimal(b)) => a == b,
            (Value::Date(a), Value::Date(b)) => a == b,
            (Value::Time(a), Value::Time(b)) => a == b,
            (Value::Timestamp(a), Value::Timestamp(b)) => a == b,
            (Value::Uuid(a), Value::Uuid(b)) => a == b,
            _ => match (self.text(), other.text()) {
                (Some(a), Some(b)) => a == b,
                (None, None) => self.bytes().is_some() && self.bytes() == other.bytes(),
                _ => false,
            },
        }
    }
}

impl Value {
    /// A copy of bytes, in a file where they are many.
    pub fn from_bytes(bytes: &[u8], spill: &Arc<Spill>) -> Result<Value> {
        let mut buffer = Bulk::new();
        buffer.append(bytes, spill)?;
        Ok(Value::of_bytes(buffer))
    }

    /// A copy of a text, in a file where it is long.
    pub fn from_text(text: &str, spill: &Arc<Spill>) -> Result<Value> {
        if text.len() <= spill.above {
            return Ok(Value::Text(text.to_owned()));
        }
        let mut buffer = Bulk::new();
        buffer.append(text.as_bytes(), spill)?;
        Ok(Value::of_text(buffer).unwrap_or(Value::Null))
    }

    pub(crate) fn of_bytes(buffer: Bulk) -> Value {
        match large::bytes(buffer) {
            Taken::Memory(bytes) => Value::Bytes(bytes),
            Taken::File(large) => Value::Large(large),
        }
    }

    /// Where it is no text: from which byte on.
    pub(crate) fn of_text(buffer: Bulk) -> Result<Value, usize> {
        Ok(match large::text(buffer)? {
            Taken::Memory(text) => Value::Text(text),
            Taken::File(large) => Value::Large(large),
        })
    }

    /// The text of a text.
    pub fn text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            Value::Large(large) => large.text(),
            _ => None,
        }
    }

    /// The bytes of bytes.
    pub fn bytes(&self) -> Option<&[u8]> {
        match self {
            Value::Bytes(bytes) => Some(bytes),
            Value::Large(large) if large.kind() == Type::Bytes => Some(large.raw()),
            _ => None,
        }
    }

    /// How many bytes a value of text, bytes or decimal has; of others, about.
    pub(crate) fn size(&self) -> usize {
        match self {
            Value::Text(s) | Value::Decimal(s) => s.len(),
            Value::Bytes(b) => b.len(),
            Value::Large(large) => large.raw().len(),
            _ => 8,
        }
    }

    pub fn kind(&self) -> Type {
        match self {
            Value::Null => Type::Null,
            Value::Bool(_) => Type::Bool,
            Value::Int(_) => Type::Int,
            Value::Double(_) => Type::Double,
            Value::Decimal(_) => Type::Decimal,
            Value::Text(_) => Type::Text,
            Value::Bytes(_) => Type::Bytes,
            Value::Date(_) => Type::Date,
            Value::Time(_) => Type::Time,
            Value::Timestamp(_) => Type::Timestamp,
            Value::Uuid(_) => Type::Uuid,
            Value::Large(large) => large.kind(),
        }
    }
}

fn show_bytes(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    f.write_str("x'")?;
    for byte in bytes.iter().take(32) {
        write!(f, "{byte:02x}")?;
    }
    if bytes.len() > 32 { write!(f, "…' ({} bytes)", bytes.len()) } else { f.write_str("'") }
}

impl fmt::Display for Value {
    /// For people: text in quotes, bytes as hex and cut short.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Null => f.write_str("NULL"),
            Value::Bool(b) => write!(f, "{b}"),
            Value::Int(i) => write!(f, "{i}"),
            Value::Double(d) => write!(f, "{d}"),
            Value::Decimal(s) => f.write_str(s),
            Value::Text(s) => write!(f, "'{}'", s.replace('\'', "''")),
            Value::Bytes(b) => show_bytes(f, b),
            Value::Large(large) => match large.text() {
                Some(s) => {
                    let head: String = s.chars().take(32).collect();
                    write!(f, "'{}…' ({} bytes)", head.replace('\'', "''"), s.len())
                }
                None => show_bytes(f, large.raw()),
            },
            Value::Date(d) => write!(f, "'{d}'"),
            Value::Time(t) => write!(f, "'{t}'"),
            Value::Timestamp(t) => write!(f, "'{t}'"),
            Value::Uuid(u) => {
                for (i, byte) in u.iter().enumerate() {
                    write!(f, "{}{byte:02x}", if matches!(i, 4 | 6 | 8 | 10) { "-" } else { "" })?;
                }
                Ok(())
            }
        }
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

fn fraction(f: &mut fmt::Formatter<'_>, nanosecond: u32) -> fmt::Result {
    match nanosecond {
        0 => Ok(()),
        n if n % 1000 == 0 => write!(f, ".{:06}", n / 1000),
        n => write!(f, ".{n:09}"),
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.negative != 0 { "-" } else { "" };
        write!(f, "{sign}{:02}:{:02}:{:02}", self.hour, self.minute, self.second)?;
        fraction(f, self.nanosecond)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let t = self;
        write!(f, "{:04}-{:02}-{:02} {:02}:{:02}:{:02}", t.year, t.month, t.day, t.hour, t.minute, t.second)?;
        fraction(f, t.nanosecond)
    }
}

/// What is known of a result column before its rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnInfo {
    pub name: String,
    /// How the column's values are delivered in blocks.
    pub kind: Type,
    /// The driver's ODBC type code (SQL_…), for those who need the exact declared type.
    pub sql_type: i16,
    pub size: u64,
    pub digits: i16,
    pub nullable: bool,
}

/// Values of one column of a block. `Var` serves decimal, text, bytes; value i is
/// `bytes[offsets[i]..offsets[i + 1]]`.
#[derive(Clone, Debug, PartialEq)]
pub enum ColumnData {
    Bool(Vec<u8>),
    Int(Vec<i64>),
    Double(Vec<f64>),
    Date(Vec<Date>),
    Time(Vec<Time>),
    Timestamp(Vec<Timestamp>),
    Uuid(Vec<[u8; 16]>),
    Var { offsets: Vec<i64>, bytes: Bulk },
}

#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    pub kind: Type,
    /// One byte a row: 1 is NULL (its place in the data is zero or empty).
    pub nulls: Vec<u8>,
    pub data: ColumnData,
}

/// Some rows of a result, column by column.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Block {
    pub rows: usize,
    pub columns: Vec<Column>,
}

impl Block {
    /// Bytes that its columns hold, in use or not.
    pub fn room(&self) -> usize {
        let of = |data: &ColumnData| match data {
            ColumnData::Bool(v) => v.capacity(),
            ColumnData::Int(v) => v.capacity() * size_of::<i64>(),
            ColumnData::Double(v) => v.capacity() * size_of::<f64>(),
            ColumnData::Date(v) => v.capacity() * size_of::<Date>(),
            ColumnData::Time(v) => v.capacity() * size_of::<Time>(),
            ColumnData::Timestamp(v) => v.capacity() * size_of::<Timestamp>(),
            ColumnData::Uuid(v) => v.capacity() * 16,
            ColumnData::Var { offsets, bytes } => offsets.capacity() * size_of::<i64>() + bytes.room(),
        };
        self.columns.iter().map(|c| c.nulls.capacity() + of(&c.data)).sum()
    }

    /// The value at (row, column), both from 0.
    pub fn value(&self, row: usize, column: usize) -> Value {
        let c = &self.columns[column];
        if c.nulls[row] != 0 {
            return Value::Null;
        }
        match &c.data {
            ColumnData::Bool(v) => Value::Bool(v[row] != 0),
            ColumnData::Int(v) => Value::Int(v[row]),
            ColumnData::Double(v) => Value::Double(v[row]),
            ColumnData::Date(v) => Value::Date(v[row]),
            ColumnData::Time(v) => Value::Time(v[row]),
            ColumnData::Timestamp(v) => Value::Timestamp(v[row]),
            ColumnData::Uuid(v) => Value::Uuid(v[row]),
            ColumnData::Var { offsets, bytes } => {
                let range = offsets[row] as usize..offsets[row + 1] as usize;
                let lossy = || String::from_utf8_lossy(&bytes[range.clone()]).into_owned();
                match c.kind {
                    Type::Bytes => Value::of_bytes(bytes.part(range)),
                    Type::Decimal => Value::Decimal(lossy()),
                    _ => Value::of_text(bytes.part(range.clone())).unwrap_or_else(|_| Value::Text(lossy())),
                }
            }
        }
    }

    /// All rows as values, for small results.
    pub fn to_rows(&self) -> Vec<Vec<Value>> {
        (0..self.rows).map(|r| (0..self.columns.len()).map(|c| self.value(r, c)).collect()).collect()
    }
}
