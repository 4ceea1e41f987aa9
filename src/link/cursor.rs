//! Results: rows into column blocks.

use std::sync::Arc;

use super::by_array::{ARRAY_ROWS, Arrays};
use super::by_row::Rows;
use super::cells;
use super::core::Core;
use super::held::Held;
use super::statement::{self, Prepared, Shape};
use crate::error::{Error, Result, Status};
use crate::value::{Block, ColumnInfo, Value};

/// A block ends early, with at least one row, when its values have reached this many bytes.
pub(super) const BLOCK_BYTES: usize = 16 << 20;

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
    rows: Rows,
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
        Cursor {
            core,
            prepared: Some(prepared),
            keep,
            shape,
            arrays: None,
            rows: Rows::default(),
            held: None,
            done: false,
        }
    }

    pub fn columns(&self) -> &Arc<[ColumnInfo]> {
        &self.shape.columns
    }

    /// Fetches up to `max_rows` rows (at least 1) into `block`, re-using its memory; false: no more rows.
    ///
    /// A block normally has the kinds of [`Cursor::columns`]. Where a value does not fit its column's kind
    /// (SQLite keeps any value in any column, PostgreSQL has `infinity` dates), the column of this block is
    /// delivered as text: look at [`kind`](crate::value::Column::kind).
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
        let (core, stmt) = (&self.core, &prepared.stmt);
        let _busy = core.busy.lock();
        let max_rows = max_rows.max(1);
        let result = match &self.shape.bounds {
            Some(bounds) if max_rows > 1 || self.arrays.is_some() => {
                let arrays = self.arrays.get_or_insert_with(|| Arrays::new(&self.shape, bounds, max_rows));
                arrays.fetch(core, stmt, &self.shape, max_rows, block)
            }
            _ => self.rows.fetch(core, stmt, &self.shape, prepared.whole, max_rows, block),
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
            rows: Rows::default(),
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
        self.rows.release(&stmt);
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
        let core = &self.core;
        let _busy = core.busy.lock();
        // Behind the lock, so that the statement is freed under it.
        let Some(prepared) = self.prepared.take() else { return Ok(()) };
        if let Some(arrays) = self.arrays.take() {
            arrays.release(&prepared.stmt);
        }
        self.rows.release(&prepared.stmt);
        let mut outcome = Ok(());
        if !core.is_lost() {
            // Several results in one text: an error behind this one must not be lost, or the COMMIT of a
            // transaction that the server has given up would look like success.
            loop {
                match statement::more_results(core, &prepared.stmt) {
                    Ok(true) => continue,
                    Ok(false) => break,
                    Err(error) => {
                        core.settle(&error);
                        outcome = Err(error);
                        break;
                    }
                }
            }
            statement::close(core, &prepared.stmt);
        }
        if self.keep && outcome.is_ok() && !core.is_lost() {
            prepared.put_back(core);
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
