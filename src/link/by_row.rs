//! Rows one by one, cell by cell: of results whose values may have any length.

use std::sync::Arc;

use odbc_api::sys::{self, CDataType, FreeStmtOption, NO_TOTAL, NULL_DATA, SqlReturn};

use super::cells;
use super::core::{Called, Core};
use super::cursor::BLOCK_BYTES;
use super::dialects::Fetch;
use super::handles::{Stmt, succeeded};
use super::statement::{self, Shape};
use crate::error::Result;
use crate::large::Bulk;
use crate::value::{Block, Column, ColumnData, Type};

/// First room for a text or binary cell. Small: libsqliteodbc fills the whole of it with zeros.
const FIRST_ROOM: usize = 256;
/// Room of a bound cell, for the same reason no more than most values need.
const BOUND_ROOM: usize = 128;
/// So many rows are read before cells are bound, which does not pay for fewer.
const ROWS_BEFORE: usize = 2;

#[derive(Debug, Default)]
pub(super) struct Rows {
    read: usize,
    /// What the driver fills with each row, once there are some. Must not move while bound.
    bound: Box<[Cell]>,
}

#[derive(Debug)]
struct Cell {
    length: isize,
    /// One byte more than the driver is told of.
    room: [u8; BOUND_ROOM + 1],
}

impl Cell {
    /// None: it is asked for.
    fn bytes(&self) -> Option<&[u8]> {
        self.room[..BOUND_ROOM - 1].get(..usize::try_from(self.length).ok()?)
    }
}

impl Rows {
    /// True when there may be more rows. `whole`: nothing is waited for.
    pub(super) fn fetch(
        &mut self,
        core: &Core,
        stmt: &Arc<Stmt>,
        shape: &Shape,
        whole: bool,
        max_rows: usize,
        block: &mut Block,
    ) -> Result<bool> {
        let mut scratch = Bulk::new();
        let mut bytes = 0;
        while block.rows < max_rows && bytes < BLOCK_BYTES {
            // Only where it was measured to be faster and seen to give the same.
            if whole && self.read == ROWS_BEFORE {
                self.bind(core, stmt, shape)?;
            }
            self.read += 1;
            let fetch = || unsafe { sys::SQLFetch(stmt.handle()) };
            let called =
                if whole { Called { ret: fetch(), timed_out: false } } else { core.call(stmt, fetch) };
            if called.ret == SqlReturn::NO_DATA {
                return Ok(false);
            }
            if !called.ok() {
                return Err(core.failure(stmt, &called, "SQLFetch"));
            }
            let row = block.rows;
            for (i, column) in block.columns.iter_mut().enumerate() {
                let cell = self.bound.get(i).filter(|_| shape.fetch[i] == Fetch::Text);
                if cell.is_some_and(|c| c.length == NULL_DATA) {
                    cells::push_null(column, row);
                    bytes += 8;
                } else if let Some(text) = cell.and_then(Cell::bytes) {
                    cells::push_text(column, row, text);
                    bytes += text.len() + 8;
                } else {
                    let number = (i + 1) as u16;
                    bytes += fetch_cell(core, stmt, number, shape.fetch[i], row, column, &mut scratch)?;
                }
            }
            block.rows += 1;
        }
        Ok(true)
    }

    /// Text only: bytes come in hexadecimal digits and are rarely short.
    fn bind(&mut self, core: &Core, stmt: &Stmt, shape: &Shape) -> Result<()> {
        let cell = || Cell { length: NULL_DATA, room: [0; BOUND_ROOM + 1] };
        self.bound = shape.fetch.iter().map(|_| cell()).collect();
        for (i, cell) in self.bound.iter_mut().enumerate().filter(|(i, _)| shape.fetch[*i] == Fetch::Text) {
            let ret = unsafe {
                sys::SQLBindCol(
                    stmt.handle(),
                    (i + 1) as u16,
                    CDataType::Char,
                    cell.room.as_mut_ptr().cast(),
                    BOUND_ROOM as isize,
                    &mut cell.length,
                )
            };
            if !succeeded(ret) {
                return Err(core.judge(stmt.records(core.side, "SQLBindCol"), false, "SQLBindCol"));
            }
        }
        Ok(())
    }

    /// Takes the cells from the driver before they are freed.
    pub(super) fn release(&mut self, stmt: &Stmt) {
        if !self.bound.is_empty() {
            let _ = unsafe { sys::SQLFreeStmt(stmt.handle(), FreeStmtOption::Unbind) };
        }
        *self = Rows::default();
    }
}

/// Appends one cell; the bytes that it takes.
fn fetch_cell(
    core: &Core,
    stmt: &Stmt,
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
        if !succeeded(ret) {
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
fn fetch_bytes(core: &Core, stmt: &Stmt, number: u16, fetch: Fetch, out: &mut Bulk) -> Result<bool> {
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
        if !succeeded(ret) {
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
