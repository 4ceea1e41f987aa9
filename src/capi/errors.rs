//! `twin_error`: what a failed call leaves for its caller.

use std::ffi::{CString, c_char};
use std::ptr;

use super::generated::twin_status;
use super::guard::{ask, free};
use super::handle::{Object, Table};
use crate::error::{Error, Status};

/// What went wrong: a status, one line of text, and the drivers' own records. Immutable: any thread may read it.
/// Belongs to the caller, who frees it.
pub struct twin_error {
    _opaque: (),
}

pub struct ErrorObject {
    error: Error,
    message: CString,
    records: Vec<RecordText>,
}

struct RecordText {
    sqlstate: CString,
    message: CString,
    function: CString,
}

static ERRORS: Table<ErrorObject> = Table::new();

impl Object for ErrorObject {
    type C = twin_error;
    const KIND: u8 = 0xE1;
    const NAME: &'static str = "error";
    const SURVIVES_FORK: bool = true;
    fn table() -> &'static Table<ErrorObject> {
        &ERRORS
    }
}

/// Text for C. A NUL inside, which only a driver could bring, would hide what follows it.
pub fn c_text(text: &str) -> CString {
    CString::new(text).or_else(|_| CString::new(text.replace('\0', " "))).unwrap_or_default()
}

/// A handle on an error; NULL if there is no room even for that.
pub fn handle(error: Error) -> *mut twin_error {
    let records = error
        .records()
        .iter()
        .map(|r| RecordText {
            sqlstate: c_text(&r.sqlstate),
            message: c_text(&r.message),
            function: c_text(r.function),
        })
        .collect();
    let message = c_text(error.message());
    ERRORS.insert(ErrorObject { error, message, records }).unwrap_or(ptr::null_mut())
}

impl ErrorObject {
    fn record_text(&self, index: i32, text: impl Fn(&RecordText) -> &CString) -> *const c_char {
        match usize::try_from(index).ok().and_then(|i| self.records.get(i)) {
            Some(r) => text(r).as_ptr(),
            None => c"".as_ptr(),
        }
    }

    fn record<R>(&self, index: i32, default: R, of: impl Fn(&crate::error::Record) -> R) -> R {
        usize::try_from(index).ok().and_then(|i| self.error.records().get(i)).map_or(default, of)
    }
}

/// The status that the failed call gave; `TWIN_ERR_HANDLE` if `error` is no live error.
///
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C" fn twin_error_status(error: *const twin_error) -> twin_status {
    ask(error, Status::BadHandle as twin_status, |e: &ErrorObject| e.error.status() as twin_status)
}

/// One line for people, UTF-8. Never holds a password or a parameter's value. The text belongs to the error:
/// valid until `twin_error_free`. `""` if `error` is no live error; never NULL.
///
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C" fn twin_error_message(error: *const twin_error) -> *const c_char {
    ask(error, c"".as_ptr(), |e: &ErrorObject| e.message.as_ptr())
}

/// 1 if the whole transaction may be repeated unchanged and may then succeed (deadlock, serialization failure),
/// otherwise 0.
///
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C" fn twin_error_retryable(error: *const twin_error) -> i32 {
    ask(error, 0, |e: &ErrorObject| e.error.retryable() as i32)
}

/// 1 if the connection was lost under a commit and it is not known whether the commit took place; otherwise 0.
/// Look at the data before repeating such work.
///
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C" fn twin_error_outcome_unknown(error: *const twin_error) -> i32 {
    ask(error, 0, |e: &ErrorObject| e.error.outcome_unknown() as i32)
}

/// Who the error speaks for: one of `TWIN_SIDE_*`.
///
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C" fn twin_error_side(error: *const twin_error) -> i32 {
    ask(error, 0, |e: &ErrorObject| e.error.side() as i32)
}

/// Number of the drivers' diagnostic records; 0 where the library itself speaks.
///
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C" fn twin_error_record_count(error: *const twin_error) -> i32 {
    ask(error, 0, |e: &ErrorObject| i32::try_from(e.records.len()).unwrap_or(i32::MAX))
}

/// SQLSTATE of record `index` (from 0), five characters. Valid until `twin_error_free`; `""` if there is no such
/// record.
///
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C" fn twin_error_record_sqlstate(error: *const twin_error, index: i32) -> *const c_char {
    ask(error, c"".as_ptr(), |e: &ErrorObject| e.record_text(index, |r| &r.sqlstate))
}

/// The driver's own number in record `index`; 0 if there is no such record.
///
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C" fn twin_error_record_native(error: *const twin_error, index: i32) -> i32 {
    ask(error, 0, |e: &ErrorObject| e.record(index, 0, |r| r.native))
}

/// The driver's text in record `index`, UTF-8. Valid until `twin_error_free`; `""` if there is no such record.
///
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C" fn twin_error_record_message(error: *const twin_error, index: i32) -> *const c_char {
    ask(error, c"".as_ptr(), |e: &ErrorObject| e.record_text(index, |r| &r.message))
}

/// Whose driver made record `index`: one of `TWIN_SIDE_*`.
///
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C" fn twin_error_record_side(error: *const twin_error, index: i32) -> i32 {
    ask(error, 0, |e: &ErrorObject| e.record(index, 0, |r| r.side as i32))
}

/// The ODBC function that gave record `index`, e.g. `SQLExecute`. Valid until `twin_error_free`; `""` if there is
/// no such record.
///
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C" fn twin_error_record_function(error: *const twin_error, index: i32) -> *const c_char {
    ask(error, c"".as_ptr(), |e: &ErrorObject| e.record_text(index, |r| &r.function))
}

/// Frees an error. NULL is fine.
///
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C" fn twin_error_free(error: *mut twin_error) {
    free::<ErrorObject>(error);
}

/// The name of a status, e.g. `TWIN_QUEUED`; `""` for a number that is none. A constant text, never freed.
///
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C" fn twin_status_name(status: twin_status) -> *const c_char {
    super::generated::NAMES.iter().find(|n| n.0 == status).map_or(c"".as_ptr(), |n| n.1.as_ptr())
}
