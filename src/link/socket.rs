//! Finding the socket that a driver has opened, which no driver tells.

use std::collections::HashSet;
use std::mem::{size_of, zeroed};
use std::os::fd::{FromRawFd, OwnedFd, RawFd};

/// The sockets of this process at one moment, by inode.
pub(crate) struct Sockets(HashSet<u64>);

/// A socket of this process.
struct Seen {
    fd: RawFd,
    inode: u64,
    family: i32,
    /// Of TCP sockets.
    local_port: u16,
}

fn sockets() -> Vec<Seen> {
    let mut found = Vec::new();
    let Ok(entries) = std::fs::read_dir("/proc/self/fd") else { return found };
    for entry in entries.flatten() {
        let Some(fd) = entry.file_name().to_str().and_then(|name| name.parse::<RawFd>().ok()) else {
            continue;
        };
        if let Some(seen) = look(fd) {
            found.push(seen);
        }
    }
    found
}

fn look(fd: RawFd) -> Option<Seen> {
    unsafe {
        let mut stat: libc::stat = zeroed();
        if libc::fstat(fd, &mut stat) != 0 || stat.st_mode & libc::S_IFMT != libc::S_IFSOCK {
            return None;
        }
        let mut address: libc::sockaddr_storage = zeroed();
        let mut length = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
        if libc::getsockname(fd, (&raw mut address).cast(), &mut length) != 0 {
            return None;
        }
        let family = i32::from(address.ss_family);
        let local_port = match family {
            libc::AF_INET => u16::from_be((*(&raw const address).cast::<libc::sockaddr_in>()).sin_port),
            libc::AF_INET6 => u16::from_be((*(&raw const address).cast::<libc::sockaddr_in6>()).sin6_port),
            libc::AF_UNIX => 0,
            _ => return None,
        };
        // Listening sockets and unconnected ones are nobody's session.
        let mut peer: libc::sockaddr_storage = zeroed();
        let mut length = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
        if libc::getpeername(fd, (&raw mut peer).cast(), &mut length) != 0 {
            return None;
        }
        Some(Seen { fd, inode: stat.st_ino, family, local_port })
    }
}

impl Sockets {
    pub(crate) fn none() -> Sockets {
        Sockets(HashSet::new())
    }

    pub(crate) fn now() -> Sockets {
        Sockets(sockets().into_iter().map(|s| s.inode).collect())
    }

    /// A duplicate of the one socket that is new since, of the right family and, where the server knows
    /// it, with this local port. None when there is none or the choice is not certain.
    pub(crate) fn find_new(&self, unix: bool, port: Option<u16>) -> Option<OwnedFd> {
        let fits = |s: &Seen| {
            !self.0.contains(&s.inode)
                && if unix { s.family == libc::AF_UNIX } else { s.family != libc::AF_UNIX }
                && port.is_none_or(|p| p == s.local_port)
        };
        let mut candidates: Vec<Seen> = sockets().into_iter().filter(fits).collect();
        // One socket under two numbers is still one socket.
        candidates.dedup_by_key(|s| s.inode);
        let [only] = candidates.as_slice() else { return None };
        let copy = unsafe { libc::fcntl(only.fd, libc::F_DUPFD_CLOEXEC, 3) };
        if copy < 0 {
            return None;
        }
        let copy = unsafe { OwnedFd::from_raw_fd(copy) };
        // Between the look and the copy the number may have been closed and used again.
        use std::os::fd::AsRawFd;
        let same = look(copy.as_raw_fd()).is_some_and(|s| s.inode == only.inode);
        same.then_some(copy)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::AsRawFd;
    use std::os::unix::net::{UnixListener, UnixStream};

    use super::*;

    #[test]
    fn the_new_socket_is_found_by_its_port() {
        let before = Sockets::now();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (_peer, _) = listener.accept().unwrap();
        let port = client.local_addr().unwrap().port();
        let copy = before.find_new(false, Some(port)).unwrap();
        unsafe { libc::shutdown(copy.as_raw_fd(), libc::SHUT_RDWR) };
        assert_eq!(client.read(&mut [0]).unwrap(), 0);
        assert!(Sockets::now().find_new(false, Some(port)).is_none());
    }

    #[test]
    fn two_new_unix_sockets_are_no_certain_choice() {
        let dir = std::env::temp_dir().join(format!("twinpool-socket-{}", std::process::id()));
        let listener = UnixListener::bind(&dir).unwrap();
        let before = Sockets::now();
        let _one = UnixStream::connect(&dir).unwrap();
        let _two = UnixStream::connect(&dir).unwrap();
        assert!(before.find_new(true, None).is_none());
        drop(listener);
        let _ = std::fs::remove_file(&dir);
    }
}
