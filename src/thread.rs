//! Our threads: named, and deaf to signals, which belong to the host.

use std::io;
use std::mem::MaybeUninit;
use std::thread::{Builder, JoinHandle};

/// Spawns a thread with all signals blocked from its first instruction on.
pub fn spawn<F>(name: &str, f: F) -> io::Result<JoinHandle<()>>
where
    F: FnOnce() + Send + 'static,
{
    // A new thread inherits the mask of the one that makes it.
    // SAFETY: both sets are initialised by sigfillset and pthread_sigmask before they are read.
    unsafe {
        let mut all = MaybeUninit::<libc::sigset_t>::uninit();
        let mut before = MaybeUninit::<libc::sigset_t>::uninit();
        libc::sigfillset(all.as_mut_ptr());
        let changed = libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr()) == 0;
        let spawned = Builder::new().name(name.to_owned()).spawn(f);
        if changed {
            libc::pthread_sigmask(libc::SIG_SETMASK, before.as_ptr(), std::ptr::null_mut());
        }
        spawned
    }
}
