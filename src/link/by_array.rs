//! Rows by arrays: of results whose values all have a bound, many rows with one call.

use std::sync::Arc;

use odbc_api::sys::{self, FreeStmtOption, NULL_DATA, SqlReturn, StatementAttribute};

use super::cells;
use super::core::Core;
use super::cursor::BLOCK_BYTES;
use super::dialects::Fetch;
use super::handles::{Stmt, succeeded};
use super::statement::{self, Shape};
use crate::error::{Error, Result, Status};
use crate::value::{Block, Column};

/// Buffers of one array fetch.
const ARRAY_BYTES: usize = 256 << 10;
pub(super) const ARRAY_ROWS: usize = 1024;

/// Column arrays for results whose columns all have a bound.
#[derive(Debug)]
pub(super) struct Arrays {
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
    pub(super) fn new(shape: &Shape, bounds: &[usize], max_rows: usize) -> Arrays {
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

    fn bind(&mut self, core: &Core, stmt: &Stmt, shape: &Shape) -> Result<()> {
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
            if !succeeded(ret) {
                return Err(core.judge(stmt.records(core.side, "SQLBindCol"), false, "SQLBindCol"));
            }
        }
        let fetched = &raw mut *self.fetched;
        stmt.set_attribute(StatementAttribute::RowsFetchedPtr, fetched as usize);
        Ok(())
    }

    pub(super) fn fetch(
        &mut self,
        core: &Core,
        stmt: &Arc<Stmt>,
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
    pub(super) fn release(self, stmt: &Stmt) {
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
