//! `twin_options`: what a pool is opened with.

use std::ffi::c_char;
use std::path::Path;

use super::args::{Buffer, In, Out};
use super::errors::twin_error;
use super::generated::twin_status;
use super::guard::{ErrOut, Pooled, call, free, with_alone};
use super::handle::{Object, Table};
use crate::config::Options;
use crate::error::Status;

/// What a pool is opened with: keys and values, all text. docs/configuration.md lists them.
/// One thread at a time.
pub struct twin_options {
    _opaque: (),
}

pub struct OptionsObject(pub Options);

static OPTIONS: Table<OptionsObject> = Table::new();

impl Object for OptionsObject {
    type C = twin_options;
    const KIND: u8 = 0xE2;
    const NAME: &'static str = "options";
    const SURVIVES_FORK: bool = true;
    fn table() -> &'static Table<OptionsObject> {
        &OPTIONS
    }
}

impl Pooled for OptionsObject {}

/// Makes an empty set of options.
///
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_options_new(
    out: *mut *mut twin_options,
    err: *mut *mut twin_error,
) -> twin_status {
    // SAFETY: the caller's pointers are as `args` asks.
    let (out, err) = unsafe { (Out::handle(out), ErrOut::new(err)) };
    call(err, || {
        out.needed("out")?;
        out.set(OPTIONS.insert(OptionsObject(Options::new()))?);
        Ok(Status::Ok)
    })
}

/// Sets one option. An unknown key is an error that names the nearest known one; a value is checked for its kind.
///
/// Errors: `TWIN_ERR_OPTION`.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_options_set(
    options: *mut twin_options,
    key: *const c_char,
    key_len: usize,
    value: *const c_char,
    value_len: usize,
    err: *mut *mut twin_error,
) -> twin_status {
    // SAFETY: the caller's pointers are as `args` asks.
    let (key, value, err) = unsafe { (In::text(key, key_len), In::text(value, value_len), ErrOut::new(err)) };
    with_alone(options, err, |o: &mut OptionsObject| {
        o.0.set(key.some("key")?, value.get("value")?)?;
        Ok(Status::Ok)
    })
}

/// Copies the value of an option, or its default, into `buffer`. Passwords inside connection strings are masked.
///
/// `*length` receives the length of the text without its NUL, also with `TWIN_ERR_BUFFER`, when `capacity` is less
/// than that and one; then nothing is written to `buffer`.
///
/// Errors: `TWIN_ERR_OPTION`, `TWIN_ERR_BUFFER`.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_options_get(
    options: *mut twin_options,
    key: *const c_char,
    key_len: usize,
    buffer: *mut c_char,
    capacity: usize,
    length: *mut usize,
    err: *mut *mut twin_error,
) -> twin_status {
    // SAFETY: the caller's pointers are as `args` asks.
    let (key, buffer, err) =
        unsafe { (In::text(key, key_len), Buffer::new(buffer, capacity, length), ErrOut::new(err)) };
    with_alone(options, err, |o: &mut OptionsObject| buffer.put(&o.0.get(key.some("key")?)?))
}

/// Sets options from one line: `master={Driver=SQLite3;Database=a.db};pool.max=8`. A value that holds
/// `;` stands in braces or quotes.
///
/// Errors: `TWIN_ERR_OPTION`; then none of them is set.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_options_parse(
    options: *mut twin_options,
    text: *const c_char,
    text_len: usize,
    err: *mut *mut twin_error,
) -> twin_status {
    // SAFETY: the caller's pointers are as `args` asks.
    let (text, err) = unsafe { (In::text(text, text_len), ErrOut::new(err)) };
    with_alone(options, err, |o: &mut OptionsObject| {
        o.0.parse(text.get("text")?)?;
        Ok(Status::Ok)
    })
}

/// Sets options from a TOML file, in which tables are dotted names: `[pool] max = 8` is `pool.max`.
///
/// Errors: `TWIN_ERR_OPTION`, also for a file that cannot be read; then nothing is set.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_options_load(
    options: *mut twin_options,
    path: *const c_char,
    path_len: usize,
    err: *mut *mut twin_error,
) -> twin_status {
    // SAFETY: the caller's pointers are as `args` asks.
    let (path, err) = unsafe { (In::text(path, path_len), ErrOut::new(err)) };
    with_alone(options, err, |o: &mut OptionsObject| {
        o.0.load(Path::new(path.some("path")?))?;
        Ok(Status::Ok)
    })
}

/// Sets options from the environment: `TWINPOOL_POOL_MAX` is `pool.max`.
///
/// Errors: `TWIN_ERR_OPTION`.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_options_load_env(
    options: *mut twin_options,
    err: *mut *mut twin_error,
) -> twin_status {
    // SAFETY: the caller's pointers are as `args` asks.
    let err = unsafe { ErrOut::new(err) };
    with_alone(options, err, |o: &mut OptionsObject| {
        o.0.load_env()?;
        Ok(Status::Ok)
    })
}

/// Frees options. A pool opened with them has its own copy. NULL is fine.
///
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C" fn twin_options_free(options: *mut twin_options) {
    free::<OptionsObject>(options);
}
