//! What is asked of the system: threads of our own, named and deaf to signals, which belong to the host; what each
//! thread of the host remembers; the coarse clock.

use std::cell::Cell;
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

/// What a thread remembers of the last pool it used.
pub struct Local {
    /// The address of the slot it used last.
    pub hint: Cell<usize>,
    /// The kernel's number of the thread, once it was asked for.
    pub number: Cell<u32>,
}

impl Local {
    /// The kernel's number of this thread.
    pub fn thread(&self) -> u32 {
        if self.number.get() == 0 {
            // SAFETY: asks for a number.
            self.number.set(unsafe { libc::gettid() } as u32);
        }
        self.number.get()
    }
}

/// Where a shared library's variables of a thread lie is asked of the loader at each use, which takes longer than the
/// rest of an acquire. Sixteen bytes fit into what the loader keeps free for libraries that want a fixed place.
#[cfg(all(target_arch = "x86_64", target_os = "linux", target_env = "gnu"))]
mod fixed {
    std::arch::global_asm!(
        ".pushsection .tbss.twinpool_local, \"awT\", @nobits",
        ".p2align 4",
        ".hidden twinpool_local",
        ".globl twinpool_local",
        ".type twinpool_local, @object",
        ".size twinpool_local, 16",
        "twinpool_local:",
        ".zero 16",
        ".popsection",
    );

    const _: () = assert!(size_of::<super::Local>() == 16 && align_of::<super::Local>() <= 16);

    #[inline(always)]
    pub fn local() -> *const super::Local {
        let place: *const super::Local;
        // SAFETY: reads the thread pointer and a constant of the loader's. All zero is a valid `Local`.
        unsafe {
            std::arch::asm!(
                "mov {place}, qword ptr [rip + twinpool_local@GOTTPOFF]",
                "add {place}, qword ptr fs:[0]",
                place = out(reg) place,
                options(pure, readonly, nostack),
            );
        }
        place
    }
}

#[cfg(not(all(target_arch = "x86_64", target_os = "linux", target_env = "gnu")))]
mod fixed {
    thread_local! {
        static LOCAL: super::Local = const { super::Local { hint: super::Cell::new(0), number: super::Cell::new(0) } };
    }

    pub fn local() -> *const super::Local {
        LOCAL.with(std::ptr::from_ref)
    }
}

/// What this thread remembers. Not to be kept beyond the call in which it was asked for.
#[inline(always)]
pub fn local<'a>() -> &'a Local {
    // SAFETY: this thread's own, which lives as long as the thread; no other one reaches it, as `Local` is not `Sync`.
    unsafe { &*fixed::local() }
}

/// Nanoseconds by the kernel's coarse clock: monotonic, some milliseconds behind, for a quarter of the exact one's price.
#[inline]
pub fn coarse() -> u64 {
    let mut t = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `t` is a place for the answer; the clock exists on every kernel since 2.6.32.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC_COARSE, &mut t) };
    t.tv_sec as u64 * 1_000_000_000 + t.tv_nsec as u64
}
