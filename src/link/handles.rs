//! ODBC handles as values that free themselves: never a panic in `drop`, nothing touched in a forked child.

use std::ptr::null_mut;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

use odbc_api::sys::{
    self, AttrOdbcVersion, CompletionType, EnvironmentAttribute, HDbc, HEnv, HStmt, Handle, HandleType,
    SqlReturn,
};

use super::diagnostics;
use super::process;
use crate::error::{Error, Record, Result, Side, Status};

/// `SQL_SUCCESS` or `SQL_SUCCESS_WITH_INFO`.
pub(crate) fn succeeded(ret: SqlReturn) -> bool {
    ret == SqlReturn::SUCCESS || ret == SqlReturn::SUCCESS_WITH_INFO
}

/// The environment of one process. A child gets its own: the driver manager's locks may have been held by
/// a thread that does not exist in it.
struct Environment {
    stamp: u64,
    handle: HEnv,
}

static ENVIRONMENT: AtomicPtr<Environment> = AtomicPtr::new(null_mut());

pub(crate) fn environment() -> Result<HEnv> {
    let stamp = process::stamp();
    let current = ENVIRONMENT.load(Ordering::Acquire);
    // Environments are never freed: a few hundred bytes for each generation of processes.
    if let Some(env) = unsafe { current.as_ref() }
        && env.stamp == stamp
    {
        return Ok(env.handle);
    }
    let refused = || Error::new(Status::Internal, "SQLAllocHandle: the driver manager gives no environment");
    let mut raw = Handle::null();
    let ret = unsafe { sys::SQLAllocHandle(HandleType::Env, Handle::null(), &mut raw) };
    if !succeeded(ret) {
        return Err(refused());
    }
    let handle = raw.as_henv();
    let ret = unsafe {
        sys::SQLSetEnvAttr(handle, EnvironmentAttribute::OdbcVersion, AttrOdbcVersion::Odbc3_80.into(), 0)
    };
    if !succeeded(ret) {
        let _ = unsafe { sys::SQLFreeHandle(HandleType::Env, raw) };
        return Err(refused());
    }
    let mine = Box::into_raw(Box::new(Environment { stamp, handle }));
    match ENVIRONMENT.compare_exchange(current, mine, Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => Ok(handle),
        Err(theirs) => {
            let _ = unsafe { sys::SQLFreeHandle(HandleType::Env, raw) };
            drop(unsafe { Box::from_raw(mine) });
            Ok(unsafe { (*theirs).handle })
        }
    }
}

/// A connection handle. Statements hold it through an `Arc`, so it disconnects after the last of them.
pub(crate) struct Dbc {
    handle: HDbc,
    stamp: u64,
    connected: AtomicBool,
}

// ODBC allows handles to be used from any thread; who may use it when is `Core`'s business.
unsafe impl Send for Dbc {}
unsafe impl Sync for Dbc {}

impl Dbc {
    pub(crate) fn new() -> Result<Dbc> {
        let env = environment()?;
        let mut raw = Handle::null();
        let ret = unsafe { sys::SQLAllocHandle(HandleType::Dbc, env.as_handle(), &mut raw) };
        if !succeeded(ret) {
            return Err(Error::new(
                Status::Internal,
                "SQLAllocHandle: the driver manager gives no connection handle",
            ));
        }
        Ok(Dbc { handle: raw.as_hdbc(), stamp: process::stamp(), connected: AtomicBool::new(false) })
    }

    /// True in the process that made the handle, false in its children.
    pub(crate) fn is_ours(&self) -> bool {
        self.stamp == process::stamp()
    }

    /// Connects; the error is the driver's records.
    pub(crate) fn connect(&self, connection_string: &str, side: Side) -> Result<(), Vec<Record>> {
        // libmaodbc reads past the given length: there must be a NUL behind the text.
        let text = format!("{connection_string};\0");
        let ret = unsafe {
            sys::SQLDriverConnect(
                self.handle,
                null_mut(),
                text.as_ptr(),
                (text.len() - 1) as i16,
                null_mut(),
                0,
                null_mut(),
                sys::DriverConnectOption::NoPrompt,
            )
        };
        if succeeded(ret) {
            self.connected.store(true, Ordering::Release);
            return Ok(());
        }
        Err(diagnostics::records(HandleType::Dbc, self.handle.as_handle(), side, "SQLDriverConnect"))
    }

    pub(crate) fn set_attribute(&self, attribute: i32, value: usize) -> bool {
        let ret = unsafe {
            sys::SQLSetConnectAttr(
                self.handle,
                sys::ConnectionAttribute(attribute),
                value as sys::Pointer,
                sys::IS_UINTEGER,
            )
        };
        succeeded(ret)
    }

    /// `SQL_ATTR_CONNECTION_DEAD`, for drivers that answer from memory. True only when the driver is sure.
    pub(crate) fn says_dead(&self) -> bool {
        let mut value: u32 = 0;
        let mut length: i32 = 0;
        let ret = unsafe {
            sys::SQLGetConnectAttr(
                self.handle,
                sys::ConnectionAttribute::CONNECTION_DEAD,
                (&raw mut value).cast(),
                4,
                &mut length,
            )
        };
        succeeded(ret) && value == 1
    }

    pub(crate) fn info(&self, what: sys::InfoType) -> String {
        let mut buffer = [0u8; 256];
        let mut length: i16 = 0;
        let ret = unsafe {
            sys::SQLGetInfo(self.handle, what, buffer.as_mut_ptr().cast(), buffer.len() as i16, &mut length)
        };
        if !succeeded(ret) {
            return String::new();
        }
        let length = (length.max(0) as usize).min(buffer.len() - 1);
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    }
}

impl Drop for Dbc {
    fn drop(&mut self) {
        if !self.is_ours() {
            return;
        }
        unsafe {
            if *self.connected.get_mut() && !succeeded(sys::SQLDisconnect(self.handle)) {
                // 25000: a transaction that ODBC knows of is open.
                let _ = sys::SQLEndTran(HandleType::Dbc, self.handle.as_handle(), CompletionType::Rollback);
                if !succeeded(sys::SQLDisconnect(self.handle)) {
                    log::warn!("SQLDisconnect failed; the connection handle is left to the driver manager");
                    return;
                }
            }
            let _ = sys::SQLFreeHandle(HandleType::Dbc, self.handle.as_handle());
        }
    }
}

/// A statement handle; keeps its connection.
pub(crate) struct Stmt {
    handle: HStmt,
    dbc: Arc<Dbc>,
}

unsafe impl Send for Stmt {}
unsafe impl Sync for Stmt {}

impl Stmt {
    /// `Err` holds the records of the connection handle: a lost MariaDB connection gives no statements.
    pub(crate) fn new(dbc: &Arc<Dbc>, side: Side) -> Result<Stmt, Vec<Record>> {
        let mut raw = Handle::null();
        let ret = unsafe { sys::SQLAllocHandle(HandleType::Stmt, dbc.handle.as_handle(), &mut raw) };
        if !succeeded(ret) {
            return Err(diagnostics::records(
                HandleType::Dbc,
                dbc.handle.as_handle(),
                side,
                "SQLAllocHandle",
            ));
        }
        Ok(Stmt { handle: raw.as_hstmt(), dbc: dbc.clone() })
    }

    pub(crate) fn handle(&self) -> HStmt {
        self.handle
    }

    pub(crate) fn set_attribute(&self, attribute: sys::StatementAttribute, value: usize) -> bool {
        succeeded(unsafe { sys::SQLSetStmtAttr(self.handle, attribute, value as sys::Pointer, 0) })
    }

    pub(crate) fn records(&self, side: Side, function: &'static str) -> Vec<Record> {
        diagnostics::records(HandleType::Stmt, self.handle.as_handle(), side, function)
    }
}

impl Drop for Stmt {
    fn drop(&mut self) {
        if self.dbc.is_ours() {
            let _ = unsafe { sys::SQLFreeHandle(HandleType::Stmt, self.handle.as_handle()) };
        }
    }
}
