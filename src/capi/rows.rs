//! `twin_rows`: the result of a statement, in blocks of columns.

use std::sync::Arc;

use super::args::{Out, OutStruct};

use super::block::{COLUMN_INFO_FIRST, Columns, Shown, twin_block, twin_column_info};

use super::connection::{ConnCore, Held};
use super::listing::{Listing, listed};

use super::errors::twin_error;

use super::generated::twin_status;

use super::guard::{ErrOut, Pooled, free, with_alone};

use super::handle::{Object, Table};

use super::pool::PoolCore;

use crate::error::{Result, Status};

use crate::large::{Bulk, Spill};

use crate::link::Cursor;

use crate::value::Value;

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
    pub(super) shown: Shown,
    /// Text handed out by the getters. Kept until the next block: the bytes of a bulk stay where they are.
    pub(super) texts: Vec<Bulk>,
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
            core.close_cursor(*id, std::mem::replace(&mut self.shown, Shown::new()));
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
    let columns = Columns::new(cursor.columns().clone());
    let source = Source::Cursor { core: core.clone(), id: held.add_cursor(cursor) };
    let shown = held.spare.take().unwrap_or_else(Shown::new);
    ROWS.insert(RowsObject { source, columns, affected, shown, texts: Vec::new() })
}

/// A handle on rows that the library has made.
pub fn of_listing(pool: &Arc<PoolCore>, listing: Listing) -> Result<*mut twin_rows> {
    ROWS.insert(RowsObject {
        source: Source::Listing { pool: pool.clone(), rows: listing.rows.into_iter() },
        columns: Columns::new(listing.columns.into()),
        affected: -1,
        shown: Shown::new(),
        texts: Vec::new(),
    })
}

impl RowsObject {
    pub(super) fn spill(&self) -> &Arc<Spill> {
        let pool = match &self.source {
            Source::Cursor { core, .. } => &core.pool,
            Source::Listing { pool, .. } => pool,
        };
        pool.pool.spill()
    }

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
/// Errors: those of a call to the master; `TWIN_ERR_STATE` once the connection was released.
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
        r.columns = Columns::new(cursor.columns().clone());
        Ok(Status::Ok)
    })
}

/// Frees rows and closes the result. NULL is fine.
///
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C" fn twin_rows_free(rows: *mut twin_rows) {
    free::<RowsObject>(rows);
}
