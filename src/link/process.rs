//! Which process a handle belongs to: a stamp that no fork inherits.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// A page that the kernel wipes in every child (`MADV_WIPEONFORK`), whatever made the child: `fork`,
/// `vfork`, a raw `clone`. Reading it costs a nanosecond, where `getpid` is a system call.
fn page() -> Option<&'static AtomicU64> {
    static PAGE: OnceLock<Option<usize>> = OnceLock::new();
    let address = *PAGE.get_or_init(|| unsafe {
        let length = libc::sysconf(libc::_SC_PAGESIZE).max(4096) as usize;
        let page = libc::mmap(
            std::ptr::null_mut(),
            length,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
            -1,
            0,
        );
        if page == libc::MAP_FAILED {
            return None;
        }
        if libc::madvise(page, length, libc::MADV_WIPEONFORK) != 0 {
            libc::munmap(page, length);
            return None;
        }
        Some(page as usize)
    });
    // The mapping is never undone, and the page is aligned for any type.
    address.map(|a| unsafe { &*(a as *const AtomicU64) })
}

/// The stamp of this process: never 0, another one in every child.
pub(crate) fn stamp() -> u64 {
    let pid = || std::process::id() as u64;
    let Some(page) = page() else { return pid() };
    match page.load(Ordering::Relaxed) {
        0 => {
            // The time makes the stamp differ even where the kernel hands out a pid again.
            let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
            unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut now) };
            let fresh = (pid() << 40) ^ (now.tv_sec as u64).wrapping_mul(1_000_000_000) ^ now.tv_nsec as u64;
            let fresh = fresh.max(1);
            match page.compare_exchange(0, fresh, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => fresh,
                Err(theirs) => theirs,
            }
        }
        stamp => stamp,
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_child_has_another_stamp() {
        let mine = super::stamp();
        assert_eq!(mine, super::stamp());
        let child = unsafe { libc::fork() };
        if child == 0 {
            unsafe { libc::_exit(i32::from(super::stamp() == mine)) };
        }
        let mut status = 0;
        unsafe { libc::waitpid(child, &mut status, 0) };
        assert!(libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0);
        assert_eq!(mine, super::stamp());
    }
}
