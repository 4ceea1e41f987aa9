//! Single values of the current block of rows.

use std::ffi::{c_char, c_void};

use super::args::{Buffer, Out, bad_argument};
use super::block::{twin_date, twin_time, twin_timestamp};
use super::errors::twin_error;
use super::generated::twin_status;
use super::guard::{ErrOut, with_alone};
use super::rows::{RowsObject, twin_rows};
use crate::error::{Error, Result, Status};
use crate::large::Bulk;
use crate::value::{Column, ColumnData, Type, Value};

impl RowsObject {
    fn cell(&self, row: usize, column: i32) -> Result<(usize, &Column)> {
        let block = self.shown.block();
        if row >= block.rows {
            return Err(bad_argument(format!("`row` is {row}; the block has {} rows", block.rows)));
        }
        match usize::try_from(column).ok().and_then(|c| block.columns.get(c)) {
            Some(c) => Ok((row, c)),
            None => {
                Err(bad_argument(format!("`column` is {column}; there are {} columns", block.columns.len())))
            }
        }
    }

    fn value(&self, row: usize, column: i32) -> Result<Value> {
        self.cell(row, column)?;
        Ok(self.shown.block().value(row, column as usize))
    }

    /// The bytes of a value of variable length, without copying.
    fn var(&self, row: usize, column: i32) -> Result<Option<&[u8]>> {
        let (row, c) = self.cell(row, column)?;
        if c.nulls.get(row).is_some_and(|n| *n != 0) {
            return Ok(Some(&[]));
        }
        Ok(match &c.data {
            ColumnData::Var { offsets, bytes } => match (offsets.get(row), offsets.get(row + 1)) {
                (Some(a), Some(b)) => bytes.get(*a as usize..*b as usize),
                _ => None,
            },
            _ => None,
        })
    }

    /// A value as text.
    fn text(&self, row: usize, column: i32) -> Result<Bulk> {
        let spill = self.spill();
        let mut text = Bulk::new();
        match self.var(row, column)? {
            Some(bytes) if self.cell(row, column)?.1.kind == Type::Bytes => {
                for piece in bytes.chunks(64 << 10) {
                    let digits: String = piece.iter().map(|b| format!("{b:02x}")).collect();
                    text.append(digits.as_bytes(), spill)?;
                }
            }
            Some(bytes) => match std::str::from_utf8(bytes) {
                Ok(_) => text.append(bytes, spill)?,
                Err(_) => text.append(String::from_utf8_lossy(bytes).as_bytes(), spill)?,
            },
            None => text.append(text_of(&self.value(row, column)?).as_bytes(), spill)?,
        }
        Ok(text)
    }

    /// Keeps a text with a NUL behind it until the next block.
    fn keep(&mut self, mut text: Bulk) -> Result<(*const u8, usize)> {
        let len = text.len();
        text.append(&[0], self.spill())?;
        let at = text.as_ptr();
        self.texts.push(text);
        Ok((at, len))
    }
}

fn wrong_type(column: i32, value: &Value, wanted: &str) -> Error {
    bad_argument(format!("column {column} has a value of type {:?}, which is no {wanted}", value.kind()))
}

fn text_of(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(b) => if *b { "1" } else { "0" }.to_owned(),
        Value::Int(n) => n.to_string(),
        Value::Double(d) => d.to_string(),
        Value::Date(d) => d.to_string(),
        Value::Time(t) => t.to_string(),
        Value::Timestamp(t) => t.to_string(),
        Value::Uuid(u) => {
            let hex: String = u.iter().map(|b| format!("{b:02x}")).collect();
            let part = |a, b| hex.get(a..b).unwrap_or_default();
            [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
        }
        // These have bytes of their own.
        Value::Decimal(_) | Value::Text(_) | Value::Bytes(_) | Value::Large(_) => String::new(),
    }
}

/// Gives one value: `None` from `take` for a type that does not fit.
fn get<T: Default>(
    rows: *mut twin_rows,
    at: (usize, i32),
    out: Out<T>,
    err: ErrOut,
    wanted: &str,
    take: impl FnOnce(&Value) -> Option<T>,
) -> twin_status {
    with_alone(rows, err, |r: &mut RowsObject| {
        out.needed("out")?;
        let value = r.value(at.0, at.1)?;
        out.set(match value {
            Value::Null => T::default(),
            value => take(&value).ok_or_else(|| wrong_type(at.1, &value, wanted))?,
        });
        Ok(Status::Ok)
    })
}

/// Tells whether a value of the current block is NULL: 1 or 0. `row` and `column` count from 0. The getters below
/// give 0 or an empty text for NULL.
///
/// Errors of all the getters: `TWIN_ERR_ARGUMENT` for a row or column that is not there and for a value that does
/// not fit.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_rows_is_null(
    rows: *mut twin_rows,
    row: usize,
    column: i32,
    out: *mut i32,
    err: *mut *mut twin_error,
) -> twin_status {
    // SAFETY: the caller's pointers are as `args` asks.
    let (out, err) = unsafe { (Out::new(out), ErrOut::new(err)) };
    with_alone(rows, err, |r: &mut RowsObject| {
        out.needed("out")?;
        let (row, c) = r.cell(row, column)?;
        out.set(c.nulls.get(row).is_some_and(|n| *n != 0) as i32);
        Ok(Status::Ok)
    })
}

/// Gives an integer: a boolean, an integer, or a decimal or text that is one.
///
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_rows_get_int64(
    rows: *mut twin_rows,
    row: usize,
    column: i32,
    out: *mut i64,
    err: *mut *mut twin_error,
) -> twin_status {
    // SAFETY: the caller's pointers are as `args` asks.
    let (out, err) = unsafe { (Out::new(out), ErrOut::new(err)) };
    get(rows, (row, column), out, err, "integer", |v| match v {
        Value::Bool(b) => Some(*b as i64),
        Value::Int(n) => Some(*n),
        Value::Decimal(t) | Value::Text(t) => t.parse().ok(),
        _ => None,
    })
}

/// Gives a floating-point number, also of an integer, and of a decimal or text that is a number.
///
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_rows_get_double(
    rows: *mut twin_rows,
    row: usize,
    column: i32,
    out: *mut f64,
    err: *mut *mut twin_error,
) -> twin_status {
    // SAFETY: the caller's pointers are as `args` asks.
    let (out, err) = unsafe { (Out::new(out), ErrOut::new(err)) };
    get(rows, (row, column), out, err, "number", |v| match v {
        Value::Bool(b) => Some(*b as i64 as f64),
        Value::Int(n) => Some(*n as f64),
        Value::Double(d) => Some(*d),
        Value::Decimal(t) | Value::Text(t) => t.parse().ok(),
        _ => None,
    })
}

/// Gives a value of any type as text, UTF-8 and NUL-terminated (bytes in hexadecimal). It belongs to the rows and is
/// valid until the next call of `twin_rows_next`, `_more` or `_free`. `length` may be NULL.
///
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_rows_get_text(
    rows: *mut twin_rows,
    row: usize,
    column: i32,
    out: *mut *const c_char,
    length: *mut usize,
    err: *mut *mut twin_error,
) -> twin_status {
    // SAFETY: the caller's pointers are as `args` asks.
    let (out, length, err) = unsafe { (Out::new(out), Out::new(length), ErrOut::new(err)) };
    out.set(std::ptr::null());
    with_alone(rows, err, |r: &mut RowsObject| {
        out.needed("out")?;
        let text = r.text(row, column)?;
        let (at, len) = r.keep(text)?;
        out.set(at.cast());
        length.set(len);
        Ok(Status::Ok)
    })
}

/// Gives the bytes of a value of type bytes, text or decimal. Valid as with `twin_rows_get_text`.
///
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_rows_get_bytes(
    rows: *mut twin_rows,
    row: usize,
    column: i32,
    out: *mut *const c_void,
    length: *mut usize,
    err: *mut *mut twin_error,
) -> twin_status {
    // SAFETY: the caller's pointers are as `args` asks.
    let (out, length, err) = unsafe { (Out::new(out), Out::new(length), ErrOut::new(err)) };
    out.set(std::ptr::null());
    with_alone(rows, err, |r: &mut RowsObject| {
        out.needed("out")?;
        length.needed("length")?;
        match r.var(row, column)? {
            Some(bytes) => {
                out.set(bytes.as_ptr().cast());
                length.set(bytes.len());
                Ok(Status::Ok)
            }
            None => Err(bad_argument(format!("column {column} holds neither bytes nor text"))),
        }
    })
}

/// Copies a piece of a value of type bytes, text or decimal: at most `capacity` bytes from `offset` on. `*length`
/// receives how many. Gives `TWIN_OK`, or `TWIN_DONE` with length 0 at the value's end.
///
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_rows_read(
    rows: *mut twin_rows,
    row: usize,
    column: i32,
    offset: u64,
    buffer: *mut c_void,
    capacity: usize,
    length: *mut usize,
    err: *mut *mut twin_error,
) -> twin_status {
    // SAFETY: the caller's pointers are as `args` asks.
    let (buffer, err) = unsafe { (Buffer::new(buffer.cast(), capacity, length), ErrOut::new(err)) };
    with_alone(rows, err, |r: &mut RowsObject| {
        let Some(bytes) = r.var(row, column)? else {
            return Err(bad_argument(format!("column {column} holds neither bytes nor text")));
        };
        let rest = usize::try_from(offset).ok().and_then(|o| bytes.get(o..)).unwrap_or_default();
        buffer.fill(rest)?;
        Ok(if rest.is_empty() { Status::Done } else { Status::Ok })
    })
}

/// Gives a date, also of a timestamp.
///
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_rows_get_date(
    rows: *mut twin_rows,
    row: usize,
    column: i32,
    out: *mut twin_date,
    err: *mut *mut twin_error,
) -> twin_status {
    // SAFETY: the caller's pointers are as `args` asks.
    let (out, err) = unsafe { (Out::new(out), ErrOut::new(err)) };
    get(rows, (row, column), out, err, "date", |v| match v {
        Value::Date(d) => Some((*d).into()),
        Value::Timestamp(t) => {
            Some(twin_date { year: t.year, month: t.month, day: t.day, reserved: Default::default() })
        }
        _ => None,
    })
}

/// Gives a time of day.
///
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_rows_get_time(
    rows: *mut twin_rows,
    row: usize,
    column: i32,
    out: *mut twin_time,
    err: *mut *mut twin_error,
) -> twin_status {
    // SAFETY: the caller's pointers are as `args` asks.
    let (out, err) = unsafe { (Out::new(out), ErrOut::new(err)) };
    get(rows, (row, column), out, err, "time", |v| match v {
        Value::Time(t) => Some((*t).into()),
        _ => None,
    })
}

/// Gives date and time.
///
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_rows_get_timestamp(
    rows: *mut twin_rows,
    row: usize,
    column: i32,
    out: *mut twin_timestamp,
    err: *mut *mut twin_error,
) -> twin_status {
    // SAFETY: the caller's pointers are as `args` asks.
    let (out, err) = unsafe { (Out::new(out), ErrOut::new(err)) };
    get(rows, (row, column), out, err, "timestamp", |v| match v {
        Value::Timestamp(t) => Some((*t).into()),
        _ => None,
    })
}

/// Gives a UUID: 16 bytes, in the order in which they are written.
///
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_rows_get_uuid(
    rows: *mut twin_rows,
    row: usize,
    column: i32,
    out: *mut u8,
    err: *mut *mut twin_error,
) -> twin_status {
    // SAFETY: the caller's pointers are as `args` asks; there is room for 16 bytes.
    let (out, err) = unsafe { (Out::new(out.cast::<[u8; 16]>()), ErrOut::new(err)) };
    get(rows, (row, column), out, err, "uuid", |v| match v {
        Value::Uuid(u) => Some(*u),
        _ => None,
    })
}
