//! Parameters that come in pieces: put one after the other, or read through a function of the host.

use std::ffi::c_void;
use std::sync::Arc;

use super::args::{In, bad_argument};
use super::constants::{TWIN_TYPE_BYTES, TWIN_TYPE_TEXT};
use super::errors::twin_error;
use super::generated::twin_status;
use super::guard::{ErrOut, callback, with_alone};
use super::stmt::{LONGEST, Parameter, StmtObject, too_long, twin_stmt};
use crate::error::{Error, Result, Status};
use crate::large::{Bulk, Spill};
use crate::value::Value;

/// Bytes asked of a stream at a time.
const PIECE: usize = 64 * 1024;

/// Gives the next bytes of a stream: at most `capacity` into `buffer`. Returns how many, 0 at the end, or a negative
/// number to give up. Called on the thread that executes, until it has returned 0; the rules are those of every
/// callback.
pub type twin_read_callback =
    Option<unsafe extern "C" fn(buffer: *mut c_void, capacity: usize, user: *mut c_void) -> i64>;

/// A stream that is still to be read.
#[derive(Clone, Copy)]
pub struct Stream {
    kind: i32,
    read: unsafe extern "C" fn(*mut c_void, usize, *mut c_void) -> i64,
    user: *mut c_void,
}

// SAFETY: the header asks for a function that may be called on whatever thread executes; the pointer is only
// handed to it.
unsafe impl Send for Stream {}
// SAFETY: as above; a statement serves one thread at a time.
unsafe impl Sync for Stream {}

impl Stream {
    /// Reads to the end.
    pub fn drain(self, index: usize, spill: &Arc<Spill>) -> Result<Value> {
        let mut bytes = Bulk::new();
        let mut piece = vec![0u8; PIECE];
        loop {
            // SAFETY: the host's own function, with room for `PIECE` bytes and the pointer it gave.
            let n = callback(|| unsafe { (self.read)(piece.as_mut_ptr().cast(), PIECE, self.user) });
            let given = usize::try_from(n).map_err(|_| {
                Error::new(Status::Cancelled, format!("the stream of parameter {index} gave up ({n})"))
            })?;
            if given == 0 {
                return value(self.kind, bytes, index);
            }
            let Some(part) = piece.get(..given) else {
                return Err(bad_argument(format!(
                    "the stream of parameter {index} says {given} bytes, and there was room for {PIECE}"
                )));
            };
            if bytes.len() + given > LONGEST {
                return Err(too_long());
            }
            bytes.append(part, spill).map_err(|e| e.context(format!("parameter {index}")))?;
        }
    }
}

fn check_kind(kind: i32) -> Result<()> {
    match kind {
        TWIN_TYPE_TEXT | TWIN_TYPE_BYTES => Ok(()),
        other => Err(bad_argument(format!("`kind` is {other}; it takes TWIN_TYPE_TEXT or TWIN_TYPE_BYTES"))),
    }
}

/// A character may have been cut in two between pieces, so text is looked at as a whole.
pub fn value(kind: i32, bytes: Bulk, index: usize) -> Result<Value> {
    if kind == TWIN_TYPE_BYTES {
        return Ok(Value::of_bytes(bytes));
    }
    Value::of_text(bytes).map_err(|at| {
        Error::new(Status::BadUtf8, format!("parameter {index} is not valid UTF-8 from byte {at} on"))
    })
}

/// Binds a piece of text (`kind` is `TWIN_TYPE_TEXT`) or bytes (`TWIN_TYPE_BYTES`) to parameter `index`: the first
/// after an execute, a clear or another bind begins the value, each further one is put behind it. For values that the
/// host does not have in one place. A piece of text may end within a character. A value above `value.spill_bytes` is
/// kept in a temporary file.
///
/// Errors: `TWIN_ERR_ARGUMENT`, also when the value becomes longer than 2 GiB or the pieces are of different kinds;
/// `TWIN_ERR_EXHAUSTED` if that file finds no room.
/// That text is UTF-8 is checked when the statement is executed.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_stmt_put(
    stmt: *mut twin_stmt,
    index: i32,
    kind: i32,
    data: *const u8,
    len: usize,
    err: *mut *mut twin_error,
) -> twin_status {
    // SAFETY: the caller's pointers are as `args` asks.
    let (data, err) = unsafe { (In::bytes(data, len), ErrOut::new(err)) };
    with_alone(stmt, err, |s: &mut StmtObject| {
        check_kind(kind)?;
        s.put(index, kind, data.raw("data")?)?;
        Ok(Status::Ok)
    })
}

/// Binds a stream to parameter `index`: when the statement is executed, `read` is called until it has no more bytes.
/// `kind` is `TWIN_TYPE_TEXT` or `TWIN_TYPE_BYTES`. A stream is read once: bind it anew for the next execute. `user`
/// is handed to `read`. A value above `value.spill_bytes` is kept in a temporary file.
///
/// Errors: `TWIN_ERR_ARGUMENT`. The execute gives `TWIN_ERR_CANCELLED` if `read` gives up, before anything has
/// reached a database, `TWIN_ERR_EXHAUSTED` if that file finds no room, and `TWIN_ERR_UTF8` if a text is none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_stmt_bind_stream(
    stmt: *mut twin_stmt,
    index: i32,
    kind: i32,
    read: twin_read_callback,
    user: *mut c_void,
    err: *mut *mut twin_error,
) -> twin_status {
    // SAFETY: the caller's pointer is as `args` asks.
    let err = unsafe { ErrOut::new(err) };
    let stream = read.map(|read| Stream { kind, read, user });
    with_alone(stmt, err, |s: &mut StmtObject| {
        check_kind(kind)?;
        let stream = stream.ok_or_else(|| bad_argument("`read` is NULL"))?;
        *s.place(index)? = Parameter::Stream(stream);
        Ok(Status::Ok)
    })
}
