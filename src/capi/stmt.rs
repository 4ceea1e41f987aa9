//! `twin_stmt`: a statement with parameters, one row of them or columns of many.

use std::ffi::c_char;
use std::sync::Arc;

use super::args::{In, Out, OutStruct, Ref, bad_argument};
use super::block::{
    self, COLUMN_INFO_FIRST, Columns, twin_block, twin_column_info, twin_date, twin_time, twin_timestamp,
};
use super::connection::{ConnCore, deliver};
use super::errors::{self, twin_error};
use super::generated::twin_status;
use super::guard::{ErrOut, Pooled, free, with_alone};
use super::handle::{Object, Table};
use super::pool::PoolCore;
use super::rows::twin_rows;
use super::streams::{self, Stream};
use crate::error::{Error, Result, Status};
use crate::large::{Bulk, Spill};
use crate::twin::{Executed, Session};
use crate::value::Value;

/// A statement with `?` for its parameters. One thread at a time, any thread.
pub struct twin_stmt {
    _opaque: (),
}

/// More than any engine takes (PostgreSQL and MariaDB: 65,535).
const MAX_PARAMETERS: i32 = 65_535;

/// More than the drivers' own lengths can tell.
pub(super) const LONGEST: usize = i32::MAX as usize;

/// What stands at a parameter's place.
pub enum Parameter {
    Unbound,
    Value(Value),
    /// Pieces put so far, and their kind.
    Pieces(i32, Bulk),
    /// To be read at the next execute.
    Stream(Stream),
}

impl Parameter {
    /// Pieces and streams serve one execute: what comes next is another value.
    fn is_for_once(&self) -> bool {
        matches!(self, Parameter::Pieces(..) | Parameter::Stream(_))
    }
}

pub fn too_long() -> Error {
    bad_argument("the value is longer than 2 GiB")
}

pub struct StmtObject {
    core: Arc<ConnCore>,
    sql: String,
    parameters: Vec<Parameter>,
    batch: Vec<Vec<Value>>,
    /// Errors of the last batch's rows.
    failures: Vec<(usize, Error)>,
    described: Columns,
}

static STMTS: Table<StmtObject> = Table::new();

impl Object for StmtObject {
    type C = twin_stmt;
    const KIND: u8 = 0xE6;
    const NAME: &'static str = "statement";
    fn table() -> &'static Table<StmtObject> {
        &STMTS
    }
}

impl Pooled for StmtObject {
    fn pool(&self) -> Option<&PoolCore> {
        Some(&self.core.pool)
    }
}

pub fn handle(core: Arc<ConnCore>, sql: &str) -> Result<*mut twin_stmt> {
    STMTS.insert(StmtObject {
        core,
        sql: sql.to_owned(),
        parameters: Vec::new(),
        batch: Vec::new(),
        failures: Vec::new(),
        described: Columns::new(Arc::default()),
    })
}

impl StmtObject {
    /// The place of parameter `index`, made if it is not there yet.
    pub fn place(&mut self, index: i32) -> Result<&mut Parameter> {
        let at = match index {
            1..=MAX_PARAMETERS => index as usize - 1,
            _ => {
                return Err(bad_argument(format!(
                    "`index` is {index}; parameters count from 1 to {MAX_PARAMETERS}"
                )));
            }
        };
        if self.parameters.len() <= at {
            self.parameters.resize_with(at + 1, || Parameter::Unbound);
        }
        self.parameters.get_mut(at).ok_or_else(|| bad_argument(format!("`index` is {index}")))
    }

    fn spill(&self) -> &Arc<Spill> {
        self.core.pool.pool.spill()
    }

    /// Puts a piece behind those that are there.
    pub fn put(&mut self, index: i32, kind: i32, piece: &[u8]) -> Result<()> {
        let spill = Arc::clone(self.spill());
        let place = self.place(index)?;
        let kept = match place {
            Parameter::Pieces(was, bytes) if *was == kind => {
                if bytes.len() + piece.len() > LONGEST {
                    return Err(too_long());
                }
                bytes.append(piece, &spill)
            }
            Parameter::Pieces(..) => {
                return Err(bad_argument(format!("the pieces of parameter {index} are of different kinds")));
            }
            _ if piece.len() > LONGEST => return Err(too_long()),
            _ => {
                let mut bytes = Bulk::new();
                let kept = bytes.append(piece, &spill);
                *place = Parameter::Pieces(kind, bytes);
                kept
            }
        };
        kept.map_err(|e| e.context(format!("parameter {index}")))
    }

    /// Moves the values out for an execute: large ones are not copied once more. Pieces and streams are values
    /// from then on.
    fn take_values(&mut self) -> Result<Vec<Value>> {
        if let Some(i) = self.parameters.iter().position(|p| matches!(p, Parameter::Unbound)) {
            return Err(bad_argument(format!("parameter {} is not bound", i + 1)));
        }
        let spill = Arc::clone(self.spill());
        for (i, p) in self.parameters.iter_mut().enumerate() {
            let value = match std::mem::replace(p, Parameter::Unbound) {
                Parameter::Unbound => continue,
                Parameter::Value(value) => value,
                Parameter::Pieces(kind, bytes) => streams::value(kind, bytes, i + 1)?,
                Parameter::Stream(stream) => stream.drain(i + 1, &spill)?,
            };
            *p = Parameter::Value(value);
        }
        let value = |p| if let Parameter::Value(value) = p { Some(value) } else { None };
        Ok(self.parameters.drain(..).filter_map(value).collect())
    }
}

fn bind(
    stmt: *mut twin_stmt,
    index: i32,
    err: ErrOut,
    value: impl FnOnce(&Arc<Spill>) -> Result<Value>,
) -> twin_status {
    with_alone(stmt, err, |s: &mut StmtObject| {
        let value = value(s.spill())?;
        if value.size() > LONGEST {
            return Err(too_long());
        }
        *s.place(index)? = Parameter::Value(value);
        Ok(Status::Ok)
    })
}

/// Binds NULL to parameter `index`, counted from 1. What is bound stays until it is bound anew or cleared; only pieces
/// and streams serve one execute. A value may have up to 2 GiB.
///
/// Errors of all the binds: `TWIN_ERR_ARGUMENT`, `TWIN_ERR_UTF8`.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_stmt_bind_null(
    stmt: *mut twin_stmt,
    index: i32,
    err: *mut *mut twin_error,
) -> twin_status {
    // SAFETY: the caller's pointer is as `args` asks.
    let err = unsafe { ErrOut::new(err) };
    bind(stmt, index, err, |_| Ok(Value::Null))
}

/// Binds false (0) or true (any other value).
///
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_stmt_bind_bool(
    stmt: *mut twin_stmt,
    index: i32,
    value: i32,
    err: *mut *mut twin_error,
) -> twin_status {
    // SAFETY: the caller's pointer is as `args` asks.
    let err = unsafe { ErrOut::new(err) };
    bind(stmt, index, err, |_| Ok(Value::Bool(value != 0)))
}

/// Binds an integer.
///
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_stmt_bind_int64(
    stmt: *mut twin_stmt,
    index: i32,
    value: i64,
    err: *mut *mut twin_error,
) -> twin_status {
    // SAFETY: the caller's pointer is as `args` asks.
    let err = unsafe { ErrOut::new(err) };
    bind(stmt, index, err, |_| Ok(Value::Int(value)))
}

/// Binds a floating-point number.
///
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_stmt_bind_double(
    stmt: *mut twin_stmt,
    index: i32,
    value: f64,
    err: *mut *mut twin_error,
) -> twin_status {
    // SAFETY: the caller's pointer is as `args` asks.
    let err = unsafe { ErrOut::new(err) };
    bind(stmt, index, err, |_| Ok(Value::Double(value)))
}

/// Binds an exact decimal number, written like `-12.50`. The text is copied.
///
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_stmt_bind_decimal(
    stmt: *mut twin_stmt,
    index: i32,
    text: *const c_char,
    text_len: usize,
    err: *mut *mut twin_error,
) -> twin_status {
    // SAFETY: the caller's pointers are as `args` asks.
    let (text, err) = unsafe { (In::text(text, text_len), ErrOut::new(err)) };
    bind(stmt, index, err, |_| block::decimal(text.get("text")?))
}

/// Binds text. It is copied.
///
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_stmt_bind_text(
    stmt: *mut twin_stmt,
    index: i32,
    text: *const c_char,
    text_len: usize,
    err: *mut *mut twin_error,
) -> twin_status {
    // SAFETY: the caller's pointers are as `args` asks.
    let (text, err) = unsafe { (In::text(text, text_len), ErrOut::new(err)) };
    bind(stmt, index, err, |spill| Value::from_text(text.value("text")?, spill))
}

/// Binds bytes. They are copied. `len` is a length, never `TWIN_NTS`.
///
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_stmt_bind_bytes(
    stmt: *mut twin_stmt,
    index: i32,
    data: *const u8,
    len: usize,
    err: *mut *mut twin_error,
) -> twin_status {
    // SAFETY: the caller's pointers are as `args` asks.
    let (data, err) = unsafe { (In::bytes(data, len), ErrOut::new(err)) };
    bind(stmt, index, err, |spill| Value::from_bytes(data.raw("data")?, spill))
}

/// Binds a date.
///
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_stmt_bind_date(
    stmt: *mut twin_stmt,
    index: i32,
    value: *const twin_date,
    err: *mut *mut twin_error,
) -> twin_status {
    // SAFETY: the caller's pointers are as `args` asks.
    let (value, err) = unsafe { (Ref::new(value), ErrOut::new(err)) };
    bind(stmt, index, err, |_| block::date(value.get("value")?))
}

/// Binds a time of day.
///
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_stmt_bind_time(
    stmt: *mut twin_stmt,
    index: i32,
    value: *const twin_time,
    err: *mut *mut twin_error,
) -> twin_status {
    // SAFETY: the caller's pointers are as `args` asks.
    let (value, err) = unsafe { (Ref::new(value), ErrOut::new(err)) };
    bind(stmt, index, err, |_| block::time(value.get("value")?))
}

/// Binds date and time.
///
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_stmt_bind_timestamp(
    stmt: *mut twin_stmt,
    index: i32,
    value: *const twin_timestamp,
    err: *mut *mut twin_error,
) -> twin_status {
    // SAFETY: the caller's pointers are as `args` asks.
    let (value, err) = unsafe { (Ref::new(value), ErrOut::new(err)) };
    bind(stmt, index, err, |_| block::timestamp(value.get("value")?))
}

/// Binds a UUID: 16 bytes, in the order in which they are written.
///
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_stmt_bind_uuid(
    stmt: *mut twin_stmt,
    index: i32,
    value: *const u8,
    err: *mut *mut twin_error,
) -> twin_status {
    // SAFETY: the caller's pointers are as `args` asks.
    let (value, err) = unsafe { (Ref::new(value.cast::<[u8; 16]>()), ErrOut::new(err)) };
    bind(stmt, index, err, |_| Ok(Value::Uuid(value.get("value")?)))
}

/// Binds columns of values for `twin_stmt_execute_batch`: column i of the block is parameter i + 1. All is copied.
/// A block that `twin_rows_next` gave may be bound as it is.
///
/// Errors: `TWIN_ERR_ARGUMENT` for a block that is not as described at `twin_block`; `TWIN_ERR_UTF8`.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_stmt_bind_columns(
    stmt: *mut twin_stmt,
    block: *const twin_block,
    err: *mut *mut twin_error,
) -> twin_status {
    // SAFETY: the caller's pointer is as `args` asks.
    let err = unsafe { ErrOut::new(err) };
    with_alone(stmt, err, |s: &mut StmtObject| {
        // SAFETY: NULL or a block as the header describes it, by the caller's promise.
        s.batch = unsafe { block::rows_of(block, s.spill()) }?;
        Ok(Status::Ok)
    })
}

/// Forgets all that is bound.
///
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_stmt_clear(stmt: *mut twin_stmt, err: *mut *mut twin_error) -> twin_status {
    // SAFETY: the caller's pointer is as `args` asks.
    let err = unsafe { ErrOut::new(err) };
    with_alone(stmt, err, |s: &mut StmtObject| {
        s.parameters.clear();
        s.batch.clear();
        s.failures.clear();
        Ok(Status::Ok)
    })
}

/// Runs the statement with the parameters bound. Outputs, statuses and errors as in `twin_conn_execute`;
/// `TWIN_ERR_ARGUMENT` if a parameter is missing.
///
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_stmt_execute(
    stmt: *mut twin_stmt,
    affected: *mut i64,
    rows: *mut *mut twin_rows,
    err: *mut *mut twin_error,
) -> twin_status {
    // SAFETY: the caller's pointers are as `args` asks.
    let (affected, rows, err) = unsafe { (Out::new(affected), Out::handle(rows), ErrOut::new(err)) };
    with_alone(stmt, err, |s: &mut StmtObject| {
        let streamed: Vec<bool> = s.parameters.iter().map(Parameter::is_for_once).collect();
        let parameters = s.take_values()?;
        let result =
            s.core.run(|session| session.execute(&s.sql, &parameters), |done: &Executed| done.status);
        let kept = parameters.into_iter().zip(streamed);
        s.parameters
            .extend(kept.map(|(v, once)| if once { Parameter::Unbound } else { Parameter::Value(v) }));
        let (done, held) = result?;
        deliver(&s.core, held, done, &affected, &rows)
    })
}

/// Runs the statement once for each row of the columns bound, in one transaction unless one is open.
///
/// `statuses` and `affected` are arrays with room for `capacity` rows, at least as many as are bound; either may be
/// NULL. For each row they receive its own status and the number of rows it wrote (-1 where the driver does not say,
/// or after an error). `*failed` receives the number of rows that failed and must not be NULL: success of the call
/// means that the batch was run and what could be done was done. `twin_stmt_batch_error` tells why a row failed.
///
/// Gives `TWIN_OK` or `TWIN_QUEUED`. Errors: those of `twin_conn_execute` that end the batch as a whole.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_stmt_execute_batch(
    stmt: *mut twin_stmt,
    statuses: *mut twin_status,
    affected: *mut i64,
    capacity: usize,
    failed: *mut usize,
    err: *mut *mut twin_error,
) -> twin_status {
    // SAFETY: the caller's pointers are as `args` asks.
    let (failed_out, err) = unsafe { (Out::new(failed), ErrOut::new(err)) };
    with_alone(stmt, err, |s: &mut StmtObject| {
        failed_out.needed("failed")?;
        let rows = s.batch.len();
        if (!statuses.is_null() || !affected.is_null()) && capacity < rows {
            return Err(bad_argument(format!("`capacity` is {capacity}; {rows} rows are bound")));
        }
        s.failures.clear();
        let work = |session: &mut Session| session.execute_batch(&s.sql, &s.batch);
        let ((status, outcomes), held) = s.core.run(work, |done| done.0)?;
        drop(held);
        for (i, outcome) in outcomes.into_iter().take(rows).enumerate() {
            let (row_status, count) = match &outcome {
                Ok(n) => (Status::Ok as twin_status, *n),
                Err(e) => (e.status() as twin_status, -1),
            };
            // SAFETY: NULL, or arrays with room for `capacity` elements, which is more than i.
            unsafe {
                Out::new(if statuses.is_null() { statuses } else { statuses.add(i) }).set(row_status);
                Out::new(if affected.is_null() { affected } else { affected.add(i) }).set(count);
            }
            if let Err(e) = outcome {
                s.failures.push((i, e));
            }
        }
        failed_out.set(s.failures.len());
        Ok(status)
    })
}

/// Tells why row `row` (from 0) of the last batch failed: `*out` receives an error, to be freed, or NULL if it did
/// not fail.
///
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_stmt_batch_error(
    stmt: *mut twin_stmt,
    row: usize,
    out: *mut *mut twin_error,
    err: *mut *mut twin_error,
) -> twin_status {
    // SAFETY: the caller's pointers are as `args` asks.
    let (out, err) = unsafe { (Out::handle(out), ErrOut::new(err)) };
    with_alone(stmt, err, |s: &mut StmtObject| {
        out.needed("out")?;
        if let Some((_, e)) = s.failures.iter().find(|f| f.0 == row) {
            out.set(errors::handle(e.clone()));
        }
        Ok(Status::Ok)
    })
}

/// Asks the master what the statement takes and gives, without running it: the number of `?`, and the number of
/// columns (0: no result). `twin_stmt_column` tells of each column. Either may be NULL.
///
/// Errors: those of a call to the master.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_stmt_describe(
    stmt: *mut twin_stmt,
    parameters: *mut i32,
    columns: *mut i32,
    err: *mut *mut twin_error,
) -> twin_status {
    // SAFETY: the caller's pointers are as `args` asks.
    let (parameters, columns, err) = unsafe { (Out::new(parameters), Out::new(columns), ErrOut::new(err)) };
    with_alone(stmt, err, |s: &mut StmtObject| {
        let (infos, count) = s.core.hold()?.session()?.describe(&s.sql)?;
        s.described = Columns::new(infos);
        parameters.set(i32::try_from(count).unwrap_or(i32::MAX));
        columns.set(i32::try_from(s.described.len()).unwrap_or(i32::MAX));
        Ok(Status::Ok)
    })
}

/// Tells of column `index` (from 0), as the last `twin_stmt_describe` found it. The name is valid until the next
/// one or until the statement is freed. `info->struct_size` must be set.
///
/// Errors: `TWIN_ERR_ARGUMENT` for a column that is not there, also before the first `twin_stmt_describe`.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_stmt_column(
    stmt: *mut twin_stmt,
    index: i32,
    info: *mut twin_column_info,
    err: *mut *mut twin_error,
) -> twin_status {
    // SAFETY: the caller's pointers are as `args` asks.
    let (info, err) = unsafe { (OutStruct::new(info), ErrOut::new(err)) };
    with_alone(stmt, err, |s: &mut StmtObject| info.set("info", COLUMN_INFO_FIRST, s.described.info(index)?))
}

/// Frees a statement. Its rows stay good. NULL is fine.
///
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C" fn twin_stmt_free(stmt: *mut twin_stmt) {
    free::<StmtObject>(stmt);
}
