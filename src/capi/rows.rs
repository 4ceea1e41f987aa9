//! `twin_rows`: the result of a statement, in blocks of columns; getters for single values on top.

use std::ffi::{c_char, c_void};
use std::sync::Arc;

use super::args::{Buffer, Out, OutStruct, bad_argument};
use super::block::{
    COLUMN_INFO_FIRST, Columns, Shown, twin_block, twin_column_info, twin_date, twin_time, twin_timestamp,
};
use super::conn::{ConnCore, Held};
use super::errors::twin_error;
use super::generated::twin_status;
use super::guard::{ErrOut, Pooled, free, with_alone};
use super::handle::{Object, Table};
use super::pool::PoolCore;
use crate::error::{Error, Result, Status};
use crate::link::Cursor;
use crate::value::{Block, Column, ColumnData, ColumnInfo, Type, Value};

/// A result. One thread at a time, any thread.
pub struct twin_rows {
    _opaque: (),
}

/// Rows of a block when the caller leaves it to us, and at most: a block is memory.
const ROWS_BY_DEFAULT: usize = 1024;
const ROWS_AT_MOST: usize = 65_536;

enum Source {
    /// A result of the database, kept by its connection.
    Cursor { core: Arc<ConnCore>, id: u64 },
    /// Rows made by the library itself.
    Listing { pool: Arc<PoolCore>, rows: std::vec::IntoIter<Vec<Value>> },
}

pub struct RowsObject {
    source: Source,
    columns: Columns,
    affected: i64,
    shown: Shown,
    /// Text handed out by the getters. Kept until the next block: a boxed slice does not move.
    texts: Vec<Box<[u8]>>,
}

static ROWS: Table<RowsObject> = Table::new();

impl Object for RowsObject {
    type C = twin_rows;
    const KIND: u8 = 0xE7;
    const NAME: &'static str = "rows";
    fn table() -> &'static Table<RowsObject> {
        &ROWS
    }
}

impl Pooled for RowsObject {
    fn pool(&self) -> Option<&PoolCore> {
        Some(match &self.source {
            Source::Cursor { core, .. } => &core.pool,
            Source::Listing { pool, .. } => pool,
        })
    }
}

impl Drop for RowsObject {
    fn drop(&mut self) {
        if let Source::Cursor { core, id } = &self.source {
            core.close_cursor(*id);
        }
    }
}

/// A handle on a result of the database. The connection keeps the result itself.
pub fn of_cursor(
    core: &Arc<ConnCore>,
    held: &mut Held<'_>,
    cursor: Cursor,
    affected: i64,
) -> Result<*mut twin_rows> {
    let columns = Columns::new(cursor.columns().to_vec());
    let source = Source::Cursor { core: core.clone(), id: held.add_cursor(cursor) };
    ROWS.insert(RowsObject { source, columns, affected, shown: Shown::new(), texts: Vec::new() })
}

/// Rows that the library makes itself.
pub struct Listing {
    columns: Vec<ColumnInfo>,
    rows: Vec<Vec<Value>>,
}

impl Listing {
    pub fn new(columns: &[(&str, Type)]) -> Listing {
        let columns = columns
            .iter()
            .map(|(name, kind)| ColumnInfo {
                name: (*name).to_owned(),
                kind: *kind,
                // SQL_BIGINT and SQL_VARCHAR.
                sql_type: if *kind == Type::Int { -5 } else { 12 },
                size: 0,
                digits: 0,
                nullable: false,
            })
            .collect();
        Listing { columns, rows: Vec::new() }
    }

    pub fn push(&mut self, row: Vec<Value>) {
        self.rows.push(row);
    }
}

/// A handle on rows that the library has made.
pub fn of_listing(pool: &Arc<PoolCore>, listing: Listing) -> Result<*mut twin_rows> {
    ROWS.insert(RowsObject {
        source: Source::Listing { pool: pool.clone(), rows: listing.rows.into_iter() },
        columns: Columns::new(listing.columns),
        affected: -1,
        shown: Shown::new(),
        texts: Vec::new(),
    })
}

/// Turns a few rows of a listing, all integers and texts, into a block.
fn listed(columns: &Columns, rows: Vec<Vec<Value>>, block: &mut Block) {
    block.rows = rows.len();
    block.columns = (0..columns.len())
        .map(|c| {
            let cells = rows.iter().map(|r| r.get(c));
            let data = match columns.kind(c) {
                Some(Type::Int) => {
                    ColumnData::Int(cells.map(|v| if let Some(Value::Int(n)) = v { *n } else { 0 }).collect())
                }
                _ => {
                    let (mut offsets, mut bytes) = (vec![0], Vec::new());
                    for cell in cells {
                        if let Some(Value::Text(t)) = cell {
                            bytes.extend_from_slice(t.as_bytes());
                        }
                        offsets.push(bytes.len() as i64);
                    }
                    ColumnData::Var { offsets, bytes }
                }
            };
            Column { kind: columns.kind(c).unwrap_or(Type::Text), nulls: vec![0; rows.len()], data }
        })
        .collect();
}

impl RowsObject {
    fn next(&mut self, max_rows: usize) -> Result<bool> {
        self.texts.clear();
        let block = self.shown.fill();
        // Until the new block is there, there is none: what is left of the old one is being overwritten.
        block.rows = 0;
        let more = match &mut self.source {
            Source::Cursor { core, id } => core.hold()?.cursor(*id)?.next_block(max_rows, block)?,
            Source::Listing { rows, .. } => {
                let part: Vec<_> = rows.by_ref().take(max_rows).collect();
                listed(&self.columns, part, block);
                block.rows > 0
            }
        };
        if !more {
            block.rows = 0;
        }
        Ok(more && block.rows > 0)
    }

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

    /// Keeps bytes with a NUL behind them until the next block.
    fn keep(&mut self, bytes: &[u8]) -> (*const u8, usize) {
        let mut text = Vec::with_capacity(bytes.len() + 1);
        text.extend_from_slice(bytes);
        text.push(0);
        let text = text.into_boxed_slice();
        let at = text.as_ptr();
        self.texts.push(text);
        (at, bytes.len())
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
        Value::Decimal(t) | Value::Text(t) => t.clone(),
        Value::Bytes(b) => b.iter().map(|b| format!("{b:02x}")).collect(),
        Value::Date(d) => d.to_string(),
        Value::Time(t) => t.to_string(),
        Value::Timestamp(t) => t.to_string(),
        Value::Uuid(u) => {
            let hex: String = u.iter().map(|b| format!("{b:02x}")).collect();
            let part = |a, b| hex.get(a..b).unwrap_or_default();
            [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
        }
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

/// Gives the next block of at most `max_rows` rows (0: the library's choice, 1024; at most 65536). `*out` receives
/// it; it belongs to the rows and is valid until the next call of `twin_rows_next`, `_more` or `_free`.
///
/// Gives `TWIN_OK`, or `TWIN_DONE` and `*out` = NULL when there are no more rows.
/// Errors: the -3xx, `TWIN_ERR_TIMEOUT`, `TWIN_ERR_CANCELLED`; `TWIN_ERR_STATE` once the connection was released.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_rows_next(
    rows: *mut twin_rows,
    max_rows: usize,
    out: *mut *const twin_block,
    err: *mut *mut twin_error,
) -> twin_status {
    // SAFETY: the caller's pointers are as `args` asks.
    let (out, err) = unsafe { (Out::new(out), ErrOut::new(err)) };
    out.set(std::ptr::null());
    with_alone(rows, err, |r: &mut RowsObject| {
        out.needed("out")?;
        let max_rows = if max_rows == 0 { ROWS_BY_DEFAULT } else { max_rows.min(ROWS_AT_MOST) };
        if !r.next(max_rows)? {
            return Ok(Status::Done);
        }
        out.set(r.shown.show());
        Ok(Status::Ok)
    })
}

/// Tells the number of columns.
///
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_rows_column_count(
    rows: *mut twin_rows,
    out: *mut i32,
    err: *mut *mut twin_error,
) -> twin_status {
    // SAFETY: the caller's pointers are as `args` asks.
    let (out, err) = unsafe { (Out::new(out), ErrOut::new(err)) };
    with_alone(rows, err, |r: &mut RowsObject| {
        out.needed("out")?;
        out.set(i32::try_from(r.columns.len()).unwrap_or(i32::MAX));
        Ok(Status::Ok)
    })
}

/// Tells of column `index` (from 0). The name is valid until `twin_rows_more` or `_free`. `info->struct_size` must
/// be set.
///
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_rows_column(
    rows: *mut twin_rows,
    index: i32,
    info: *mut twin_column_info,
    err: *mut *mut twin_error,
) -> twin_status {
    // SAFETY: the caller's pointers are as `args` asks.
    let (info, err) = unsafe { (OutStruct::new(info), ErrOut::new(err)) };
    with_alone(rows, err, |r: &mut RowsObject| info.set("info", COLUMN_INFO_FIRST, r.columns.info(index)?))
}

/// Tells the number of rows that the statement wrote on the master; -1 where the driver does not say.
///
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_rows_affected(
    rows: *mut twin_rows,
    out: *mut i64,
    err: *mut *mut twin_error,
) -> twin_status {
    // SAFETY: the caller's pointers are as `args` asks.
    let (out, err) = unsafe { (Out::new(out), ErrOut::new(err)) };
    with_alone(rows, err, |r: &mut RowsObject| {
        out.needed("out")?;
        out.set(r.affected);
        Ok(Status::Ok)
    })
}

/// Moves to the next result of the statement, with columns of its own. Gives `TWIN_OK`, or `TWIN_DONE` if there is
/// none.
///
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_rows_more(rows: *mut twin_rows, err: *mut *mut twin_error) -> twin_status {
    // SAFETY: the caller's pointer is as `args` asks.
    let err = unsafe { ErrOut::new(err) };
    with_alone(rows, err, |r: &mut RowsObject| {
        r.texts.clear();
        r.shown.fill().rows = 0;
        let Source::Cursor { core, id } = &r.source else { return Ok(Status::Done) };
        let mut held = core.hold()?;
        let cursor = held.cursor(*id)?;
        if !cursor.more_results()? {
            return Ok(Status::Done);
        }
        r.columns = Columns::new(cursor.columns().to_vec());
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
        let text = text_of(&r.value(row, column)?);
        let (at, len) = r.keep(text.as_bytes());
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

/// Frees rows and closes the result. NULL is fine.
///
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C" fn twin_rows_free(rows: *mut twin_rows) {
    free::<RowsObject>(rows);
}
