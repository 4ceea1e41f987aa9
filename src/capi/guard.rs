//! The guard that every exported function runs in: panics become `TWIN_ERR_PANIC` and poison their pool,
//! callbacks may not call what could wait for themselves, frees never fail.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};

use super::errors::twin_error;
use super::generated::twin_status;
use super::handle::Object;
use super::pool::PoolCore;
use crate::error::{Error, Result, Status};

thread_local! {
    /// Exported functions that this thread is in. Tells the panic hook whose panic it is.
    static DEPTH: Cell<u32> = const { Cell::new(0) };
    /// Whether this thread runs a callback of the host.
    static IN_CALLBACK: Cell<bool> = const { Cell::new(false) };
    /// Where the last panic on this thread came from.
    static PLACE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// `twin_error **err`.
pub struct ErrOut(*mut *mut twin_error);

impl ErrOut {
    /// # Safety
    /// `err` is NULL or has room for a pointer during the call.
    pub unsafe fn new(err: *mut *mut twin_error) -> ErrOut {
        ErrOut(err)
    }

    fn put(&self, error: Error) -> twin_status {
        let status = error.status() as twin_status;
        if !self.0.is_null() {
            let handle = super::errors::handle(error);
            // SAFETY: not NULL, and has room for a pointer by the promise of `new`.
            unsafe { self.0.write_unaligned(handle) };
        }
        status
    }
}

/// Runs a function of the library.
pub fn call(err: ErrOut, body: impl FnOnce() -> Result<Status>) -> twin_status {
    call_anywhere(err, || {
        if IN_CALLBACK.get() {
            return Err(Error::new(
                Status::BadState,
                "a callback may call nothing but status functions: this call could wait for the callback to end",
            ));
        }
        body()
    })
}

/// Runs a function that a callback may call too: it never waits.
pub fn call_anywhere(err: ErrOut, body: impl FnOnce() -> Result<Status>) -> twin_status {
    match contain(body) {
        Ok(status) => status as twin_status,
        Err(error) => err.put(error),
    }
}

/// Runs a function on an object that several threads may use at once.
pub fn with<T: Pooled>(
    handle: *const T::C,
    err: ErrOut,
    body: impl FnOnce(&T) -> Result<Status>,
) -> twin_status {
    call(err, || {
        let object = T::enter(handle)?;
        refuse_poisoned(&*object)?;
        poisoning(contain(|| body(&object)), &*object)
    })
}

/// Like [`with`], for what a callback may call and what is worth knowing of a poisoned pool.
pub fn with_anywhere<T: Pooled>(
    handle: *const T::C,
    err: ErrOut,
    body: impl FnOnce(&T) -> Result<Status>,
) -> twin_status {
    call_anywhere(err, || {
        let object = T::enter(handle)?;
        poisoning(contain(|| body(&object)), &*object)
    })
}

/// Runs a function on an object that serves one thread at a time.
pub fn with_alone<T: Pooled>(
    handle: *const T::C,
    err: ErrOut,
    body: impl FnOnce(&mut T) -> Result<Status>,
) -> twin_status {
    call(err, || {
        let mut object = T::table().enter_alone(handle)?;
        refuse_poisoned(&*object)?;
        poisoning(contain(|| body(&mut object)), &*object)
    })
}

/// Answers a question that has no room for an error: `default` for what is no live handle.
pub fn ask<T: Object, R>(handle: *const T::C, default: R, body: impl FnOnce(&T) -> R) -> R {
    contain(|| Ok(body(&*T::enter(handle)?))).unwrap_or(default)
}

/// Ends a handle. In a callback the object is dropped by a thread of its own, because dropping may wait for
/// the very thread that runs the callback.
pub fn free<T: Object>(handle: *const T::C) {
    let _ = contain(|| {
        if let Some(object) = T::end(handle) {
            if IN_CALLBACK.get() {
                let _ = crate::thread::spawn("twinpool-free", move || {
                    let _ = contain(|| {
                        drop(object);
                        Ok(())
                    });
                });
            } else {
                drop(object);
            }
        }
        Ok(())
    });
}

/// Callbacks that run, on all threads.
static CALLBACKS: AtomicU32 = AtomicU32::new(0);

/// Runs a callback of the host.
pub fn callback<R>(body: impl FnOnce() -> R) -> R {
    struct Before(bool);
    impl Drop for Before {
        fn drop(&mut self) {
            IN_CALLBACK.set(self.0);
            CALLBACKS.fetch_sub(1, Ordering::Relaxed);
        }
    }
    CALLBACKS.fetch_add(1, Ordering::Relaxed);
    let _before = Before(IN_CALLBACK.replace(true));
    body()
}

/// Whether this thread may be in a callback: cheaper to ask than whether it is.
#[inline]
pub fn may_be_in_callback() -> bool {
    CALLBACKS.load(Ordering::Relaxed) != 0
}

pub fn in_callback() -> bool {
    IN_CALLBACK.get()
}

/// An object that belongs to a pool, or to none.
pub trait Pooled: Object {
    fn pool(&self) -> Option<&PoolCore> {
        None
    }
}

pub fn refuse_poisoned<T: Pooled>(object: &T) -> Result<()> {
    match object.pool() {
        Some(pool) if pool.is_poisoned() => {
            Err(Error::new(Status::Panic, "this pool is poisoned by an earlier panic; open a new pool"))
        }
        _ => Ok(()),
    }
}

fn poisoning<T: Pooled>(result: Result<Status>, object: &T) -> Result<Status> {
    if let (Err(e), Some(pool)) = (&result, object.pool())
        && e.status() == Status::Panic
    {
        pool.poison();
    }
    result
}

/// Stops a panic and makes an error of it.
pub fn contain<R>(body: impl FnOnce() -> Result<R>) -> Result<R> {
    static HOOK: Once = Once::new();
    HOOK.call_once(install_hook);
    DEPTH.set(DEPTH.get() + 1);
    // The objects that a panic may leave half-changed belong to a pool that is poisoned for it, or are
    // options and errors, which change by whole values.
    let result = catch_unwind(AssertUnwindSafe(body));
    DEPTH.set(DEPTH.get() - 1);
    result.unwrap_or_else(|payload| Err(panic_error(payload)))
}

#[cold]
fn panic_error(payload: Box<dyn Any + Send>) -> Error {
    let place = PLACE.take();
    let message = if let Some(text) = payload.downcast_ref::<&str>() {
        format!("panic at {place}: {text}")
    } else if let Some(text) = payload.downcast_ref::<String>() {
        format!("panic at {place}: {text}")
    } else {
        // A payload of an unknown type could panic once more when dropped.
        std::mem::forget(payload);
        format!("panic at {place}")
    };
    Error::new(Status::Panic, message)
}

/// Keeps the place of a panic inside an exported function for its error, and off the host's standard error.
/// Every other panic is reported as before.
fn install_hook() {
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if DEPTH.try_with(|d| d.get() > 0).unwrap_or(false) {
            let place = info.location().map_or_else(|| "an unknown place".to_owned(), |l| l.to_string());
            log::error!(target: "twinpool::capi", "panic at {place}");
            let _ = PLACE.try_with(|p| p.try_borrow_mut().map(|mut p| *p = place));
        } else {
            before(info);
        }
    }));
}

#[cfg(test)]
mod tests {
    use std::ptr;
    use std::time::{Duration, Instant};

    use super::super::errors::{twin_error_free, twin_error_message};
    use super::super::options::{OptionsObject, twin_options_free, twin_options_new, twin_options_set};
    use super::*;

    fn text(error: *const twin_error) -> String {
        unsafe { std::ffi::CStr::from_ptr(twin_error_message(error)) }.to_str().unwrap().to_owned()
    }

    fn failing(body: impl FnOnce() -> Result<Status>) -> (twin_status, String) {
        let mut error = ptr::null_mut();
        let status = call(unsafe { ErrOut::new(&mut error) }, body);
        let message = text(error);
        twin_error_free(error);
        (status, message)
    }

    #[test]
    fn a_panic_becomes_a_status_with_its_text_and_place() {
        let (status, message) = failing(|| panic!("the {} broke", "thing"));
        assert_eq!(status, Status::Panic as i32);
        assert!(message.contains("the thing broke") && message.contains("guard.rs:"), "{message}");
        let (status, message) = failing(|| std::panic::panic_any(7));
        assert_eq!(status, Status::Panic as i32);
        assert!(message.contains("guard.rs:"), "{message}");
    }

    #[test]
    fn a_panic_outside_the_library_is_left_to_the_host() {
        let _ = failing(|| Err(bug()));
        assert_eq!(DEPTH.get(), 0);
        assert!(catch_unwind(|| panic!("seen in the output of this test")).is_err());
    }

    fn bug() -> Error {
        Error::new(Status::Internal, "of this test")
    }

    #[test]
    fn an_error_may_be_ignored() {
        assert_eq!(call(unsafe { ErrOut::new(ptr::null_mut()) }, || Err(bug())), Status::Internal as i32);
    }

    #[test]
    fn a_callback_may_not_call_what_could_wait_for_it() {
        let mut made = ptr::null_mut();
        let status = callback(|| unsafe { twin_options_new(&mut made, ptr::null_mut()) });
        assert_eq!(status, Status::BadState as i32);
        assert!(made.is_null());
        assert_eq!(unsafe { twin_options_new(&mut made, ptr::null_mut()) }, 0);
        twin_options_free(made);
    }

    #[test]
    fn what_a_callback_frees_is_dropped_by_another_thread() {
        let mut made = ptr::null_mut();
        assert_eq!(unsafe { twin_options_new(&mut made, ptr::null_mut()) }, 0);
        callback(|| twin_options_free(made));
        let key = c"pool.max";
        let start = Instant::now();
        loop {
            let status =
                unsafe { twin_options_set(made, key.as_ptr(), 8, c"1".as_ptr(), 1, ptr::null_mut()) };
            if status == Status::BadHandle as i32 {
                break;
            }
            assert!(start.elapsed() < Duration::from_secs(10));
        }
    }

    #[test]
    fn a_second_thread_inside_is_told_busy() {
        let mut made = ptr::null_mut();
        assert_eq!(unsafe { twin_options_new(&mut made, ptr::null_mut()) }, 0);
        let inside = OptionsObject::table().enter_alone(made).unwrap();
        let key = c"pool.max";
        let set = || unsafe { twin_options_set(made, key.as_ptr(), 8, c"1".as_ptr(), 1, ptr::null_mut()) };
        assert_eq!(set(), Status::Busy as i32);
        drop(inside);
        assert_eq!(set(), 0);
        twin_options_free(made);
    }
}
