//! Values that cross the borders: parameters in, column blocks out.

use std::fmt;

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

/// A parameter value.
#[derive(Clone, Debug, PartialEq)]
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
}

impl Value {
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
        }
    }
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
            Value::Bytes(b) => {
                f.write_str("x'")?;
                for byte in b.iter().take(32) {
                    write!(f, "{byte:02x}")?;
                }
                if b.len() > 32 { write!(f, "…' ({} bytes)", b.len()) } else { f.write_str("'") }
            }
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
    Var { offsets: Vec<i64>, bytes: Vec<u8> },
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
    /// Bytes of memory that its columns hold, in use or not.
    pub fn room(&self) -> usize {
        let of = |data: &ColumnData| match data {
            ColumnData::Bool(v) => v.capacity(),
            ColumnData::Int(v) => v.capacity() * size_of::<i64>(),
            ColumnData::Double(v) => v.capacity() * size_of::<f64>(),
            ColumnData::Date(v) => v.capacity() * size_of::<Date>(),
            ColumnData::Time(v) => v.capacity() * size_of::<Time>(),
            ColumnData::Timestamp(v) => v.capacity() * size_of::<Timestamp>(),
            ColumnData::Uuid(v) => v.capacity() * 16,
            ColumnData::Var { offsets, bytes } => offsets.capacity() * size_of::<i64>() + bytes.capacity(),
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
                let b = &bytes[offsets[row] as usize..offsets[row + 1] as usize];
                match c.kind {
                    Type::Bytes => Value::Bytes(b.to_vec()),
                    Type::Decimal => Value::Decimal(String::from_utf8_lossy(b).into_owned()),
                    _ => Value::Text(String::from_utf8_lossy(b).into_owned()),
                }
            }
        }
    }

    /// All rows as values, for small results.
    pub fn to_rows(&self) -> Vec<Vec<Value>> {
        (0..self.rows).map(|r| (0..self.columns.len()).map(|c| self.value(r, c)).collect()).collect()
    }
}
