//! Results: rows into column blocks.

use std::sync::Arc;

use odbc_api::sys::{self, FreeStmtOption, NO_TOTAL, NULL_DATA, SqlReturn, StatementAttribute};

use super::cells;
use super::core::{Called, Core};
use super::dialects::Fetch;
use super::held::Held;
use super::statement::{self, Prepared, Shape};
use crate::error::{Error, Result, Status};
use crate::large::Bulk;
use crate::value::{Block, Column, ColumnData, ColumnInfo, Type, Value};

/// A block ends early, with at least one row, when its values have reached this many bytes.
const BLOCK_BYTES: usize = 16 << 20;
/// Buffers of one array fetch.
const ARRAY_BYTES: usize = 256 << 10;
const ARRAY_ROWS: usize = 1024;
/// First room for a text or binary cell. Small: libsqliteodbc fills the whole of it with zeros.
const FIRST_ROOM: usize = 256;

/// An open result. Holds its connection alive; dropping it closes the result.
#[derive(Debug)]
pub struct Cursor {
    core: Arc<Core>,
    /// None once the statement has gone back into the cache.
    prepared: Option<Prepared>,
    /// Statements of `run_once` and streaming ones are not kept.
    keep: bool,
    shape: Arc<Shape>,
    arrays: Option<Arrays>,
    /// The result was read whole, and is given from memory.
    held: Option<Held>,
    done: bool,
}

impl std::fmt::Debug for Prepared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Prepared")
    }
}

impl Cursor {
    pub(crate) fn new(core: Arc<Core>, prepared: Prepared, keep: bool, shape: Arc<Shape>) -> Cursor {
        Cursor { core, prepared: Some(prepared), keep, shape, arrays: None, held: None, done: false }
    }

    pub fn columns(&self) -> &Arc<[ColumnInfo]> {
        &self.shape.columns
    }

    /// Fetches up to `max_rows` rows (at least 1) into `block`, re-using its memory; false: no more rows.
    ///
    /// A block normally has the kinds of [`Cursor::columns`]. Where a value does not fit its column's kind
    /// (SQLite keeps any value in any column, PostgreSQL has `infinity` dates), the column of this block is
    /// delivered as text: look at [`Column::kind`].
    pub fn next_block(&mut self, max_rows: usize, block: &mut Block) -> Result<bool> {
        clear(block, &self.shape);
        if !self.core.dbc.is_ours() {
            return self.core.check().map(|()| false);
        }
        if let Some(held) = &mut self.held {
            return Ok(held.next(max_rows, block));
        }
        let Some(prepared) = &self.prepared else { return Ok(false) };
        if self.done {
            return Ok(false);
        }
        let stmt = prepared.stmt.clone();
        let core = self.core.clone();
        let _busy = core.busy.lock();
        let max_rows = max_rows.max(1);
        let result = match &self.shape.bounds {
            Some(bounds) if max_rows > 1 || self.arrays.is_some() => {
                let arrays = self.arrays.get_or_insert_with(|| Arrays::new(&self.shape, bounds, max_rows));
                arrays.fetch(&core, &stmt, &self.shape, max_rows, block)
            }
            _ => fetch_cells(&core, &stmt, &self.shape, prepared.whole, max_rows, block),
        };
        match result {
            Ok(more) => {
                self.done = !more;
                Ok(block.rows > 0)
            }
            Err(error) => {
                self.done = true;
                // No room on our side is no matter of the database's.
                if error.status() != Status::Exhausted || !error.records().is_empty() {
                    core.settle(&error);
                }
                Err(error)
            }
        }
    }

    /// Reads the whole result: the values of its last `others` columns, and a cursor on the columns before
    /// them, which needs the connection no more.
    pub(crate) fn take_columns(mut self, others: usize) -> Result<(Cursor, Vec<Vec<Value>>)> {
        let keep = self.shape.columns.len().checked_sub(others).ok_or_else(|| {
            Error::new(Status::Internal, "a result has fewer columns than the statement asks for")
        })?;
        let mut held = Held::default();
        let mut taken = Vec::new();
        loop {
            let mut block = Block::default();
            if !self.next_block(ARRAY_ROWS, &mut block)? {
                break;
            }
            taken.extend(held.add(block, keep));
        }
        self.finish()?;
        let shape = Shape {
            columns: self.shape.columns[..keep].into(),
            fetch: self.shape.fetch[..keep].to_vec(),
            bounds: None,
            expressions: self.shape.expressions,
        };
        let core = self.core.clone();
        let rest = Cursor {
            core,
            prepared: None,
            keep: false,
            shape: Arc::new(shape),
            arrays: None,
            held: Some(held),
            done: false,
        };
        Ok((rest, taken))
    }

    /// Moves to the next result of the statement; false: there is none.
    pub fn more_results(&mut self) -> Result<bool> {
        self.core.check()?;
        let core = self.core.clone();
        let Some(prepared) = &mut self.prepared else { return Ok(false) };
        let stmt = prepared.stmt.clone();
        let _busy = core.busy.lock();
        if let Some(arrays) = self.arrays.take() {
            arrays.release(&stmt);
        }
        prepared.shape = None;
        self.keep = false;
        self.done = true;
        loop {
            if !statement::more_results(&core, &stmt).inspect_err(|e| {
                core.settle(e);
            })? {
                return Ok(false);
            }
            let count = statement::column_count(&stmt);
            if count > 0 {
                self.shape = Arc::new(statement::describe(&core, &stmt, count, core.side)?);
                self.done = false;
                return Ok(true);
            }
        }
    }

    /// Closes the result and says what its statement still had to say: the error of a later statement in
    /// the same text, for instance. `drop` does the same and keeps it to itself (and to `Link::tx`).
    pub fn close(mut self) -> Result<()> {
        self.finish()
    }

    fn finish(&mut self) -> Result<()> {
        // A forked child leaves the handles to its parent; they free nothing there by themselves.
        if self.prepared.is_none() || !self.core.dbc.is_ours() {
            return Ok(());
        }
        let core = self.core.clone();
        let _busy = core.busy.lock();
        // Behind the lock, so that the statement is freed under it.
        let Some(prepared) = self.prepared.take() else { return Ok(()) };
        if let Some(arrays) = self.arrays.take() {
            arrays.release(&prepared.stmt);
        }
        let mut outcome = Ok(());
        if !core.is_lost() {
            // Several results in one text: an error behind this one must not be lost, or the COMMIT of a
            // transaction that the server has given up would look like success.
            loop {
                match statement::more_results(&core, &prepared.stmt) {
                    Ok(true) => continue,
                    Ok(false) => break,
                    Err(error) => {
                        core.settle(&error);
                        outcome = Err(error);
                        break;
                    }
                }
            }
            statement::close(&core, &prepared.stmt);
        }
        if self.keep && outcome.is_ok() && !core.is_lost() {
            prepared.put_back(&core);
        }
        outcome
    }
}

impl Drop for Cursor {
    fn drop(&mut self) {
        if let Err(error) = self.finish() {
            log::debug!("closing a result: {error}");
        }
    }
}

/// Makes `block` empty with the columns of `shape`, keeping its memory where it fits.
fn clear(block: &mut Block, shape: &Shape) {
    block.rows = 0;
    block.columns.truncate(shape.columns.len());
    for (i, described) in shape.columns.iter().enumerate() {
        match block.columns.get_mut(i) {
            Some(column) => cells::clear(column, described.kind),
            None => block.columns.push(cells::empty(described.kind)),
        }
    }
}

/// One row after the other, cell by cell. True when there may be more rows. `whole`: nothing is waited for.
fn fetch_cells(
    core: &Core,
    stmt: &Arc<super::handles::Stmt>,
    shape: &Shape,
    whole: bool,
    max_rows: usize,
    block: &mut Block,
) -> Result<bool> {
    let mut scratch = Bulk::new();
    let mut bytes = 0;
    while block.rows < max_rows && bytes < BLOCK_BYTES {
        let fetch = || unsafe { sys::SQLFetch(stmt.handle()) };
        let called = if whole { Called { ret: fetch(), timed_out: false } } else { core.call(stmt, fetch) };
        if called.ret == SqlReturn::NO_DATA {
            return Ok(false);
        }
        if !called.ok() {
            return Err(core.failure(stmt, &called, "SQLFetch"));
        }
        let row = block.rows;
        for (i, column) in block.columns.iter_mut().enumerate() {
            bytes += fetch_cell(core, stmt, (i + 1) as u16, shape.fetch[i], row, column, &mut scratch)?;
        }
        block.rows += 1;
    }
    Ok(true)
}

/// Appends one cell; the bytes that it takes.
fn fetch_cell(
    core: &Core,
    stmt: &super::handles::Stmt,
    number: u16,
    fetch: Fetch,
    row: usize,
    column: &mut Column,
    scratch: &mut Bulk,
) -> Result<usize> {
    let fixed = |value: *mut std::ffi::c_void| {
        let mut indicator: isize = 0;
        let ret = unsafe {
            sys::SQLGetData(stmt.handle(), number, statement::c_type(fetch), value, 8, &mut indicator)
        };
        if !super::handles::succeeded(ret) {
            return Err(core.judge(stmt.records(core.side, "SQLGetData"), false, "SQLGetData"));
        }
        Ok(indicator != NULL_DATA)
    };
    match fetch {
        Fetch::Int => {
            let mut value = 0i64;
            match fixed((&raw mut value).cast())? {
                true => cells::push_int(column, row, value),
                false => cells::push_null(column, row),
            }
            Ok(8)
        }
        Fetch::Double => {
            let mut value = 0f64;
            match fixed((&raw mut value).cast())? {
                true => cells::push_double(column, row, value),
                false => cells::push_null(column, row),
            }
            Ok(8)
        }
        Fetch::Text | Fetch::Bytes => {
            // Straight into the block where the block holds bytes.
            if let ColumnData::Var { offsets, bytes } = &mut column.data
                && matches!(column.kind, Type::Text | Type::Bytes)
            {
                let start = bytes.len();
                let there = fetch_bytes(core, stmt, number, fetch, bytes)?;
                offsets.push(bytes.len() as i64);
                column.nulls.push(u8::from(!there));
                return Ok(bytes.len() - start + 8);
            }
            scratch.clear();
            match fetch_bytes(core, stmt, number, fetch, scratch)? {
                true => cells::push_text(column, row, scratch),
                false => cells::push_null(column, row),
            }
            Ok(scratch.len() + 8)
        }
    }
}

/// Appends a cell of any length to `out`; false: it is NULL.
fn fetch_bytes(
    core: &Core,
    stmt: &super::handles::Stmt,
    number: u16,
    fetch: Fetch,
    out: &mut Bulk,
) -> Result<bool> {
    let terminator = usize::from(fetch == Fetch::Text);
    let mut room = FIRST_ROOM;
    loop {
        // One byte more than the driver is told of.
        out.reserve(room + 1, &core.spill)?;
        let mut indicator: isize = 0;
        let ret = unsafe {
            sys::SQLGetData(
                stmt.handle(),
                number,
                statement::c_type(fetch),
                out.end().cast(),
                room as isize,
                &mut indicator,
            )
        };
        if ret == SqlReturn::NO_DATA {
            return Ok(true);
        }
        if !super::handles::succeeded(ret) {
            return Err(core.judge(stmt.records(core.side, "SQLGetData"), false, "SQLGetData"));
        }
        if indicator == NULL_DATA {
            return Ok(false);
        }
        let space = room - terminator;
        let got = if indicator == NO_TOTAL { space } else { (indicator.max(0) as usize).min(space) };
        unsafe { out.set_len(out.len() + got) };
        if indicator == NO_TOTAL {
            room *= 2;
        } else if indicator as usize > space {
            // All the rest at once: each further call of some drivers costs the length of the whole value.
            room = indicator as usize - got + terminator;
        } else {
            return Ok(true);
        }
    }
}

/// Column arrays for results whose columns all have a bound.
#[derive(Debug)]
struct Arrays {
    /// Room of each column's cells, and where they begin.
    columns: Vec<ArrayColumn>,
    capacity: usize,
    /// `SQL_ATTR_ROW_ARRAY_SIZE` as it is now; 0: not bound yet.
    rows: usize,
    /// Written by the driver: must not move while bound.
    fetched: Box<usize>,
}

#[derive(Debug)]
struct ArrayColumn {
    width: usize,
    data: Vec<u8>,
    indicators: Vec<isize>,
}

impl Arrays {
    fn new(shape: &Shape, bounds: &[usize], max_rows: usize) -> Arrays {
        let row: usize = bounds.iter().map(|b| b + 8).sum::<usize>().max(1);
        let capacity = (ARRAY_BYTES / row).clamp(1, ARRAY_ROWS).min(max_rows);
        let columns = bounds
            .iter()
            .zip(&shape.fetch)
            .map(|(width, fetch)| {
                let width = if matches!(fetch, Fetch::Int | Fetch::Double) { 8 } else { *width };
                ArrayColumn { width, data: vec![0; width * capacity], indicators: vec![0; capacity] }
            })
            .collect();
        Arrays { columns, capacity, rows: 0, fetched: Box::new(0) }
    }

    fn bind(&mut self, core: &Core, stmt: &super::handles::Stmt, shape: &Shape) -> Result<()> {
        for (i, column) in self.columns.iter_mut().enumerate() {
            let ret = unsafe {
                sys::SQLBindCol(
                    stmt.handle(),
                    (i + 1) as u16,
                    statement::c_type(shape.fetch[i]),
                    column.data.as_mut_ptr().cast(),
                    column.width as isize,
                    column.indicators.as_mut_ptr(),
                )
            };
            if !super::handles::succeeded(ret) {
                return Err(core.judge(stmt.records(core.side, "SQLBindCol"), false, "SQLBindCol"));
            }
        }
        let fetched = &raw mut *self.fetched;
        stmt.set_attribute(StatementAttribute::RowsFetchedPtr, fetched as usize);
        Ok(())
    }

    fn fetch(
        &mut self,
        core: &Core,
        stmt: &Arc<super::handles::Stmt>,
        shape: &Shape,
        max_rows: usize,
        block: &mut Block,
    ) -> Result<bool> {
        let mut bytes = 0;
        if self.rows == 0 {
            self.bind(core, stmt, shape)?;
        }
        while block.rows < max_rows && bytes < BLOCK_BYTES {
            let want = self.capacity.min(max_rows - block.rows);
            if want != self.rows {
                if !stmt.set_attribute(StatementAttribute::RowArraySize, want) {
                    return Err(core.judge(
                        stmt.records(core.side, "SQLSetStmtAttr"),
                        false,
                        "SQLSetStmtAttr",
                    ));
                }
                self.rows = want;
            }
            *self.fetched = 0;
            let called = core.call(stmt, || unsafe { sys::SQLFetch(stmt.handle()) });
            if called.ret == SqlReturn::NO_DATA {
                return Ok(false);
            }
            if !called.ok() {
                return Err(core.failure(stmt, &called, "SQLFetch"));
            }
            let fetched = (*self.fetched).min(want);
            for (i, column) in self.columns.iter().enumerate() {
                bytes += column.copy(fetched, shape.fetch[i], block.rows, &mut block.columns[i])?;
            }
            block.rows += fetched;
            if fetched < want {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Takes the buffers from the driver before they are freed.
    fn release(self, stmt: &super::handles::Stmt) {
        let _ = unsafe { sys::SQLFreeStmt(stmt.handle(), FreeStmtOption::Unbind) };
        stmt.set_attribute(StatementAttribute::RowArraySize, 1);
        stmt.set_attribute(StatementAttribute::RowsFetchedPtr, 0);
    }
}

impl ArrayColumn {
    fn copy(&self, rows: usize, fetch: Fetch, first: usize, column: &mut Column) -> Result<usize> {
        let mut bytes = 0;
        for row in 0..rows {
            let indicator = self.indicators[row];
            if indicator == NULL_DATA {
                cells::push_null(column, first + row);
                continue;
            }
            let cell = &self.data[row * self.width..(row + 1) * self.width];
            match (fetch, cell.first_chunk::<8>()) {
                (Fetch::Int, Some(raw)) => cells::push_int(column, first + row, i64::from_ne_bytes(*raw)),
                (Fetch::Double, Some(raw)) => {
                    cells::push_double(column, first + row, f64::from_ne_bytes(*raw))
                }
                _ => {
                    let length = usize::try_from(indicator).unwrap_or(usize::MAX);
                    if length >= self.width {
                        let text = "a value is longer than the driver said its column allows";
                        return Err(Error::new(Status::Internal, text));
                    }
                    cells::push_text(column, first + row, &cell[..length]);
                    bytes += length;
                }
            }
        }
        Ok(bytes + rows * 8)
    }
}
