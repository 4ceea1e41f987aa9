//! Ports that stay ours: a server that is killed and started again needs the same one.

use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::sync::atomic::{AtomicU32, Ordering};

/// A TCP port on 127.0.0.1, reserved among all test processes of this machine by an abstract Unix socket:
/// the kernel lets go of it when the process ends, whatever happened, and no file stays behind.
pub struct Port {
    number: u16,
    _reserved: UnixListener,
}

impl Port {
    pub fn number(&self) -> u16 {
        self.number
    }

    /// Taken from below the range of which the kernel serves outgoing connections, so that no client's
    /// socket can sit on the port while its server is down.
    pub fn reserve() -> Port {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let (low, high) = span();
        let count = u32::from(high - low);
        let start = std::process::id().wrapping_mul(251);
        for _ in 0..count {
            let step = NEXT.fetch_add(1, Ordering::Relaxed);
            let number = low + (start.wrapping_add(step) % count) as u16;
            let Ok(address) = SocketAddr::from_abstract_name(format!("twinpool-testkit-{number}")) else {
                continue;
            };
            let Ok(reserved) = UnixListener::bind_addr(&address) else { continue };
            if TcpListener::bind(("127.0.0.1", number)).is_ok() {
                return Port { number, _reserved: reserved };
            }
        }
        panic!("no free port between {low} and {high}");
    }
}

fn span() -> (u16, u16) {
    const LOWEST: u16 = 15_000;
    let text = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let first = text.split_whitespace().next().and_then(|t| t.parse().ok()).unwrap_or(32_768);
    if first >= LOWEST + 1_000 { (LOWEST, first) } else { (LOWEST, 32_000) }
}
