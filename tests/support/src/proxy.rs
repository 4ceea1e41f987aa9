//! A TCP proxy on the loopback that loses, delays and cuts what passes through it, at a chosen place.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// What the client sends.
    ToServer,
    /// What the server answers.
    ToClient,
}

/// Forwards connections to one port. Every fault can be set while connections are open and holds for all of
/// them. Ends with the value, and cuts what is open.
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    target: SocketAddr,
    delay_us: AtomicU64,
    hang: AtomicBool,
    refuse: AtomicBool,
    closing: AtomicBool,
    /// Bytes that may still pass in each direction before the cut; `u64::MAX`: no limit.
    left: [AtomicU64; 2],
    trap: Mutex<Option<Trap>>,
    sprung: AtomicUsize,
    asked: AtomicUsize,
    open: Mutex<Vec<TcpStream>>,
}

/// Waits for a text from the client (`COMMIT`, in any case) and cuts there.
struct Trap {
    text: Vec<u8>,
    fate: Fate,
}

/// What becomes of the text waited for; its answer is lost in all cases.
#[derive(Clone, Copy)]
enum Fate {
    /// The server gets it.
    Delivered,
    /// The server does not, and sees its client go.
    Lost,
    /// The server does not, and goes on waiting for its client.
    HalfOpen,
}

impl Proxy {
    /// To `target_port` of this machine.
    pub fn to(target_port: u16) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").expect("the loopback has a free port");
        let port = listener.local_addr().expect("a bound socket has an address").port();
        let shared = Arc::new(Shared {
            target: SocketAddr::from(([127, 0, 0, 1], target_port)),
            delay_us: AtomicU64::new(0),
            hang: AtomicBool::new(false),
            refuse: AtomicBool::new(false),
            closing: AtomicBool::new(false),
            left: [AtomicU64::new(u64::MAX), AtomicU64::new(u64::MAX)],
            trap: Mutex::new(None),
            sprung: AtomicUsize::new(0),
            asked: AtomicUsize::new(0),
            open: Mutex::new(Vec::new()),
        });
        let of_thread = shared.clone();
        thread::spawn(move || accept(&listener, &of_thread));
        Proxy { port, shared }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Holds every chunk back for so long, in each direction.
    pub fn delay(&self, by: Duration) {
        self.shared.delay_us.store(by.as_micros() as u64, Ordering::SeqCst);
    }

    /// While on, nothing passes and nothing is closed: a firewall that drops, a switch that died.
    pub fn hang(&self, on: bool) {
        self.shared.hang.store(on, Ordering::SeqCst);
    }

    /// While on, new connections are closed at once.
    pub fn refuse(&self, on: bool) {
        self.shared.refuse.store(on, Ordering::SeqCst);
    }

    /// Closes all open connections now.
    pub fn cut(&self) {
        self.shared.cut();
    }

    /// Lets `bytes` more pass in one direction (all connections together), then cuts.
    pub fn cut_after(&self, direction: Direction, bytes: u64) {
        self.shared.left[direction as usize].store(bytes, Ordering::SeqCst);
    }

    /// The next time a client sends `text`, the server gets it and answers, but the answer is lost and the
    /// connection cut: the outcome of a COMMIT is unknown, and it was done.
    pub fn lose_answer_to(&self, text: &str) {
        self.shared.set_trap(text, Fate::Delivered);
    }

    /// The next time a client sends `text`, the server does not get it and the connection is cut: the outcome
    /// of a COMMIT is unknown, and it was not done.
    pub fn lose(&self, text: &str) {
        self.shared.set_trap(text, Fate::Lost);
    }

    /// As [`Proxy::lose`], but only the client's side is cut: the server still has its session, and whatever
    /// that holds, until the proxy goes or the session is ended.
    pub fn lose_half_open(&self, text: &str) {
        self.shared.set_trap(text, Fate::HalfOpen);
    }

    /// How often a trap ([`Proxy::lose_answer_to`], [`Proxy::lose`], [`Proxy::lose_half_open`]) has struck.
    pub fn struck(&self) -> usize {
        self.shared.sprung.load(Ordering::SeqCst)
    }

    /// How many round trips were begun: whatever a client sends before it is answered is one.
    pub fn asked(&self) -> usize {
        self.shared.asked.load(Ordering::SeqCst)
    }

    /// No faults from now on.
    pub fn heal(&self) {
        self.delay(Duration::ZERO);
        self.hang(false);
        self.refuse(false);
        self.shared.left.iter().for_each(|left| left.store(u64::MAX, Ordering::SeqCst));
        *lock(&self.shared.trap) = None;
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.closing.store(true, Ordering::SeqCst);
        self.shared.cut();
        // Wakes the thread that accepts, which then sees that it is over.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

impl Shared {
    fn cut(&self) {
        for stream in lock(&self.open).drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    fn set_trap(&self, text: &str, fate: Fate) {
        *lock(&self.trap) = Some(Trap { text: text.to_ascii_lowercase().into_bytes(), fate });
    }

    /// Whether this chunk of a client's is the one waited for; the trap is used up then.
    fn strikes(&self, chunk: &[u8]) -> Option<Fate> {
        let mut trap = lock(&self.trap);
        let wanted = trap.as_ref()?;
        let lower = chunk.to_ascii_lowercase();
        if !has_word(&lower, &wanted.text) {
            return None;
        }
        let fate = wanted.fate;
        *trap = None;
        self.sprung.fetch_add(1, Ordering::SeqCst);
        Some(fate)
    }

    /// How many of `wanted` bytes may still pass.
    fn take(&self, direction: Direction, wanted: usize) -> usize {
        let left = &self.left[direction as usize];
        let take = |left: u64| Some(if left == u64::MAX { left } else { left.saturating_sub(wanted as u64) });
        let before = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take).unwrap_or(u64::MAX);
        usize::try_from(before).map_or(wanted, |b| b.min(wanted))
    }
}

/// Whether `text` stands in `chunk` by itself: names of databases and tables may have it as a part.
fn has_word(chunk: &[u8], text: &[u8]) -> bool {
    let of_name = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_');
    let found = |at: usize| {
        let end = at + text.len();
        chunk[at..].starts_with(text)
            && !of_name(at.checked_sub(1).map(|i| &chunk[i]))
            && !of_name(chunk.get(end))
    };
    (0..chunk.len()).any(found)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for client in listener.incoming().flatten() {
        if shared.closing.load(Ordering::SeqCst) {
            return;
        }
        if shared.refuse.load(Ordering::SeqCst) {
            continue;
        }
        // While hanging, the server must not see the connection either.
        let shared = shared.clone();
        thread::spawn(move || {
            shared.wait_while_hanging();
            let _ = serve(client, &shared);
        });
    }
}

fn serve(client: TcpStream, shared: &Arc<Shared>) -> io::Result<()> {
    let server = TcpStream::connect(shared.target)?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    {
        let mut open = lock(&shared.open);
        open.retain(|s| s.peer_addr().is_ok());
        open.extend([client.try_clone()?, server.try_clone()?]);
    }
    let talk = Arc::new(Talk { deaf: AtomicBool::new(false), answered: AtomicBool::new(true) });
    let (from_server, to_client) = (server.try_clone()?, client.try_clone()?);
    let (of_thread, talk_too) = (shared.clone(), talk.clone());
    thread::spawn(move || pump(from_server, to_client, Direction::ToClient, &of_thread, &talk_too));
    pump(client, server, Direction::ToServer, shared, &talk);
    Ok(())
}

/// What the two directions of a connection tell each other.
struct Talk {
    /// The answer on its way is to be lost.
    deaf: AtomicBool,
    /// The last to speak was the server.
    answered: AtomicBool,
}

fn pump(mut from: TcpStream, mut to: TcpStream, direction: Direction, shared: &Shared, talk: &Talk) {
    let mut buffer = vec![0u8; 64 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        let mut chunk = &buffer[..count];
        shared.wait_while_hanging();
        thread::sleep(Duration::from_micros(shared.delay_us.load(Ordering::SeqCst)));
        if direction == Direction::ToServer {
            if talk.answered.swap(false, Ordering::SeqCst) {
                shared.asked.fetch_add(1, Ordering::SeqCst);
            }
            match shared.strikes(chunk) {
                Some(Fate::Delivered) => talk.deaf.store(true, Ordering::SeqCst),
                Some(Fate::Lost) => break,
                Some(Fate::HalfOpen) => {
                    // The other direction still holds the server's side.
                    let _ = from.shutdown(Shutdown::Both);
                    return;
                }
                None => {}
            }
        } else {
            talk.answered.store(true, Ordering::SeqCst);
            if talk.deaf.load(Ordering::SeqCst) {
                // The server has answered, so what was asked is done.
                break;
            }
        }
        let may_pass = shared.take(direction, count);
        chunk = &chunk[..may_pass];
        if to.write_all(chunk).is_err() || may_pass < count {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}

impl Shared {
    fn wait_while_hanging(&self) {
        while self.hang.load(Ordering::SeqCst) && !self.closing.load(Ordering::SeqCst) {
            thread::sleep(Duration::from_millis(2));
        }
    }
}
