//! The two callbacks: events of a pool, and records of the log.

use std::ffi::{c_char, c_void};

use parking_lot::Mutex;

use super::args::bad_argument;
use super::constants::*;
use super::errors::twin_error;
use super::generated::twin_status;
use super::guard::{ErrOut, call, callback, in_callback, with};
use super::pool::{PoolObject, twin_pool};
use crate::error::Status;
use crate::logging::{self, Listener};
use crate::pair::Event;

/// News of a pair. Borrowed for the call.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct twin_event {
    /// Bytes of this structure; it may grow at its end.
    pub struct_size: u32,
    /// One of `TWIN_EVENT_*`.
    pub kind: i32,
    /// `TWIN_EVENT_REPLAY`: entries done.
    pub done: u64,
    /// `TWIN_EVENT_REPLAY`: entries left.
    pub left: u64,
    /// One line, UTF-8, NUL-terminated; empty where the kind says it all.
    pub text: *const c_char,
    /// Its length without the NUL.
    pub text_len: usize,
}

/// Hears of events. Called from a thread of the library, never from two at once. It may call `twin_pool_status`,
/// `_reason`, `_last_error` and `_get`, `twin_cancel_request`, the functions of `twin_error`, and any `_free`; any
/// other call gives `TWIN_ERR_STATE`. It must return by itself: no exception, no `longjmp`.
pub type twin_event_callback = Option<unsafe extern "C" fn(event: *const twin_event, user: *mut c_void)>;

/// Hears of log records: the level, one of `TWIN_LOG_*`; where it comes from, e.g. `twin::pool`; the text. Called
/// from any thread that is inside the library, also from several at once. The rules are those of
/// `twin_event_callback`.
pub type twin_log_callback = Option<
    unsafe extern "C" fn(
        level: i32,
        target: *const c_char,
        target_len: usize,
        text: *const c_char,
        text_len: usize,
        user: *mut c_void,
    ),
>;

/// The host's function for events, and what it wants to be handed.
pub struct Host {
    tell: unsafe extern "C" fn(*const twin_event, *mut c_void),
    user: *mut c_void,
}

// SAFETY: the header asks for a function that may be called from any thread; the pointer is only handed to it.
unsafe impl Send for Host {}

impl Host {
    pub fn new(tell: unsafe extern "C" fn(*const twin_event, *mut c_void), user: *mut c_void) -> Host {
        Host { tell, user }
    }
}

/// Where a pool's events go. The lock is held during the callback: who replaces it waits until it has returned.
#[derive(Default)]
pub struct EventSink {
    host: Mutex<Option<Host>>,
}

impl EventSink {
    pub fn replace(&self, host: Option<Host>) {
        *self.host.lock() = host;
    }

    pub fn deliver(&self, event: &Event) {
        if in_callback() {
            // What a callback's own call has set off: it is inside, and would wait for itself.
            return;
        }
        let host = self.host.lock();
        let Some(host) = &*host else { return };
        let (kind, text, done, left) = match event {
            Event::MirrorLost { reason } => (TWIN_EVENT_MIRROR_LOST, reason.as_str(), 0, 0),
            Event::MirrorBack => (TWIN_EVENT_MIRROR_BACK, "", 0, 0),
            Event::Replay(p) => (TWIN_EVENT_REPLAY, "", p.done, p.left),
            Event::Diverged { reason } => (TWIN_EVENT_DIVERGED, reason.as_str(), 0, 0),
            Event::LeakSuspected { description } => (TWIN_EVENT_LEAK_SUSPECTED, description.as_str(), 0, 0),
            Event::QueueLimit { description } => (TWIN_EVENT_QUEUE_LIMIT, description.as_str(), 0, 0),
        };
        let text = super::errors::c_text(text);
        let event = twin_event {
            struct_size: size_of::<twin_event>() as u32,
            kind,
            done,
            left,
            text: text.as_ptr(),
            text_len: text.as_bytes().len(),
        };
        // SAFETY: the host's own function with the pointer it gave; the event lives during the call.
        callback(|| unsafe { (host.tell)(&event, host.user) });
    }
}

/// Names the function that hears of events, or none with NULL. It replaces the one before; when this call returns,
/// that one is not running and will not be called again. `user` is handed to it.
///
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_pool_listen(
    pool: *mut twin_pool,
    callback: twin_event_callback,
    user: *mut c_void,
    err: *mut *mut twin_error,
) -> twin_status {
    // SAFETY: the caller's pointer is as `args` asks.
    let err = unsafe { ErrOut::new(err) };
    with(pool, err, |p: &PoolObject| {
        p.0.events.replace(callback.map(|f| Host::new(f, user)));
        Ok(Status::Ok)
    })
}

/// The host's function for log records, and what it wants to be handed.
struct LogHost {
    tell: unsafe extern "C" fn(i32, *const c_char, usize, *const c_char, usize, *mut c_void),
    user: *mut c_void,
}

// SAFETY: the header asks for a function that may be called from any thread, also from several at once; the
// pointer is only handed to it.
unsafe impl Send for LogHost {}
// SAFETY: as above.
unsafe impl Sync for LogHost {}

impl LogHost {
    fn tell(&self, record: &log::Record<'_>) {
        let (level, target, text) = (record.level() as i32, record.target(), record.args().to_string());
        let (target_at, text_at) = (target.as_ptr().cast(), text.as_ptr().cast());
        // SAFETY: the host's own function with the pointer it gave; the texts live during the call.
        callback(|| unsafe { (self.tell)(level, target_at, target.len(), text_at, text.len(), self.user) });
    }
}

/// Names the function that hears of the library's log, for the whole process, up to `level`, one of `TWIN_LOG_*`;
/// NULL ends it. It replaces the one before; when this call returns, that one is not running and will not be
/// called again. Without it, and without the option `log.stderr`, nothing is logged anywhere. At `TWIN_LOG_INFO` and
/// above a place in the library gives at most 10 records a second; the next one tells how many were left out.
///
/// The texts are not NUL-terminated.
///
/// Errors: `TWIN_ERR_ARGUMENT`.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_log_listen(
    level: i32,
    callback: twin_log_callback,
    user: *mut c_void,
    err: *mut *mut twin_error,
) -> twin_status {
    // SAFETY: the caller's pointer is as `args` asks.
    let err = unsafe { ErrOut::new(err) };
    call(err, || {
        let level = match level {
            TWIN_LOG_OFF => log::LevelFilter::Off,
            TWIN_LOG_ERROR => log::LevelFilter::Error,
            TWIN_LOG_WARN => log::LevelFilter::Warn,
            TWIN_LOG_INFO => log::LevelFilter::Info,
            TWIN_LOG_DEBUG => log::LevelFilter::Debug,
            TWIN_LOG_TRACE => log::LevelFilter::Trace,
            other => return Err(bad_argument(format!("`level` is {other}; it takes one of TWIN_LOG_*"))),
        };
        logging::listen(callback.map(|tell| {
            let host = LogHost { tell, user };
            Listener { level, tell: Box::new(move |record| host.tell(record)) }
        }))?;
        Ok(Status::Ok)
    })
}
