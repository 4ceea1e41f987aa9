//! Which process we are in, for the price of one load.
//!
//! A page that the kernel wipes in a forked child holds the number of the process. The child finds zero
//! and takes the next number, so handles made before the fork carry another number than the child's own.

use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

/// The last number given. Ordinary memory: a child inherits it, so numbers never repeat along a line of forks.
static LAST: AtomicU32 = AtomicU32::new(0);
/// Stands for the page until there is one: always 0.
static NO_PAGE: AtomicU32 = AtomicU32::new(0);
static PAGE: AtomicPtr<AtomicU32> = AtomicPtr::new((&raw const NO_PAGE).cast_mut());

/// A number for this process, never 0, different from that of every ancestor.
#[inline]
pub fn current() -> u32 {
    match page().load(Ordering::Relaxed) {
        0 => first(),
        n => n,
    }
}

/// As `current`, but 0 in a child that has not been given a number yet.
#[inline]
pub fn current_or_none() -> u32 {
    page().load(Ordering::Relaxed)
}

#[inline]
fn page() -> &'static AtomicU32 {
    // SAFETY: a static or a page that is never unmapped.
    unsafe { &*PAGE.load(Ordering::Acquire) }
}

#[cold]
fn first() -> u32 {
    if std::ptr::eq(page(), &NO_PAGE) {
        let none = (&raw const NO_PAGE).cast_mut();
        let new = std::ptr::from_ref(wiped_page()).cast_mut();
        // The page of a thread that was slower is never used, and stays.
        let _ = PAGE.compare_exchange(none, new, Ordering::AcqRel, Ordering::Acquire);
    }
    let cell = page();
    let mine = LAST.fetch_add(1, Ordering::Relaxed) + 1;
    match cell.compare_exchange(0, mine, Ordering::Relaxed, Ordering::Relaxed) {
        Ok(_) => mine,
        Err(other) => other,
    }
}

#[cfg(miri)]
fn wiped_page() -> &'static AtomicU32 {
    static CELL: AtomicU32 = AtomicU32::new(0);
    &CELL
}

/// One page that is zero again in a forked child. On a kernel older than 4.14 it is not wiped, and a fork
/// goes unnoticed; Debian 12 has 6.1.
#[cfg(not(miri))]
fn wiped_page() -> &'static AtomicU32 {
    static FALLBACK: AtomicU32 = AtomicU32::new(0);
    const SIZE: usize = 4096;
    // SAFETY: a new anonymous mapping, touched by nobody else. The page is never unmapped, is zeroed by the
    // kernel and is aligned far beyond four bytes, so it may be seen as a static atomic.
    unsafe {
        let p = libc::mmap(
            std::ptr::null_mut(),
            SIZE,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
            -1,
            0,
        );
        if p == libc::MAP_FAILED {
            return &FALLBACK;
        }
        libc::madvise(p, SIZE, libc::MADV_WIPEONFORK);
        &*p.cast::<AtomicU32>()
    }
}

#[cfg(test)]
mod tests {
    #[test]
    #[cfg(not(miri))]
    fn a_forked_child_has_another_number() {
        let here = super::current();
        assert_eq!(here, super::current());
        // SAFETY: the child calls nothing but our two loads and `_exit`.
        let status = unsafe {
            let pid = libc::fork();
            if pid == 0 {
                libc::_exit(if super::current() == here { 1 } else { 0 });
            }
            let mut status = 0;
            libc::waitpid(pid, &mut status, 0);
            status
        };
        assert_eq!(status, 0, "the child took itself for its parent");
    }
}
