//! Which library this is.

use std::ffi::{CStr, c_char};

use super::cancel::CancelObject;
use super::errors::ErrorObject;
use super::generated::TWIN_VERSION_NUMBER;
use super::handle::Object;
use super::options::OptionsObject;
use super::pool::PoolObject;
use super::rows::RowsObject;
use super::stmt::StmtObject;
use crate::twin::SESSIONS;

/// The border's own number. A program or binding written for another number cannot use the library: compare it
/// with `twin_abi_version()` when loading.
pub const TWIN_ABI_VERSION: u32 = 0;

const VERSION: &CStr = match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
    Ok(text) => text,
    Err(_) => c"",
};

/// The library's version as text, e.g. `0.1.0`. A constant, never freed.
///
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C" fn twin_version() -> *const c_char {
    VERSION.as_ptr()
}

/// The library's version as a number, comparable with `TWIN_VERSION_NUMBER` of the header a program was built with.
///
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C" fn twin_version_number() -> u32 {
    TWIN_VERSION_NUMBER
}

/// The number of the library's border; see `TWIN_ABI_VERSION`.
///
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C" fn twin_abi_version() -> u32 {
    TWIN_ABI_VERSION
}

/// How many handles of all kinds are live in this process. For leak tests.
///
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C" fn twin_debug_live_handles() -> i64 {
    let live = OptionsObject::table().live()
        + PoolObject::table().live()
        + SESSIONS.live()
        + StmtObject::table().live()
        + RowsObject::table().live()
        + CancelObject::table().live()
        + ErrorObject::table().live();
    i64::try_from(live).unwrap_or(i64::MAX)
}
