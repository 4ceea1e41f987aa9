//! `twin_cancel`: ends a running statement from another thread.

use std::sync::Arc;

use parking_lot::Mutex;

use super::errors::twin_error;
use super::generated::twin_status;
use super::guard::{ErrOut, Pooled, free, with_anywhere};
use super::handle::{Object, Table};
use crate::error::{Result, Status};
use crate::twin::Canceller;

/// Ends a running statement of its connection from another thread. Any thread, any time; it may outlive the
/// connection.
pub struct twin_cancel {
    _opaque: (),
}

/// The way to whatever a connection has under way; closed before its session goes back to the pool, where
/// the next user's statement is none of ours.
pub struct Gate(Mutex<Option<Canceller>>);

impl Gate {
    pub fn new(canceller: Canceller) -> Gate {
        Gate(Mutex::new(Some(canceller)))
    }

    /// Waits for a cancel that is on its way.
    pub fn close(&self) {
        *self.0.lock() = None;
    }

    pub fn cancel(&self) {
        if let Some(canceller) = &*self.0.lock() {
            canceller.cancel();
        }
    }

    pub fn cut(&self) {
        if let Some(canceller) = &*self.0.lock() {
            canceller.cut();
        }
    }
}

pub struct CancelObject(Arc<Gate>);

static CANCELS: Table<CancelObject> = Table::new();

impl Object for CancelObject {
    type C = twin_cancel;
    const KIND: u8 = 0xE5;
    const NAME: &'static str = "cancel";
    fn table() -> &'static Table<CancelObject> {
        &CANCELS
    }
}

impl Pooled for CancelObject {}

pub fn handle(gate: Arc<Gate>) -> Result<*mut twin_cancel> {
    CANCELS.insert(CancelObject(gate))
}

/// Asks the master to stop the statement that runs on the token's connection, which then gives
/// `TWIN_ERR_CANCELLED`; also one that waits for its turn at writing (SQLite). Does nothing when none runs. Does not
/// wait. A callback may call it.
///
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_cancel_request(
    cancel: *mut twin_cancel,
    err: *mut *mut twin_error,
) -> twin_status {
    // SAFETY: the caller's pointer is as `args` asks.
    let err = unsafe { ErrOut::new(err) };
    with_anywhere(cancel, err, |c: &CancelObject| {
        c.0.cancel();
        Ok(Status::Ok)
    })
}

/// Frees a token. NULL is fine.
///
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C" fn twin_cancel_free(cancel: *mut twin_cancel) {
    free::<CancelObject>(cancel);
}
