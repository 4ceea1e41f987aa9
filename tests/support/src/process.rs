//! Processes: who servers run as, how they die with us, and what they have for children.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::sync::{OnceLock, mpsc};
use std::thread;
use std::time::Duration;

use crate::wait::within;

/// PostgreSQL refuses to run as root: as root, servers run as "nobody". Else they run as we do.
pub fn server_user() -> Option<(u32, u32)> {
    // SAFETY: geteuid has no preconditions.
    (unsafe { libc::geteuid() } == 0).then_some((65_534, 65_534))
}

pub fn as_server_user(command: &mut Command) {
    if let Some((uid, gid)) = server_user() {
        // The standard library also drops the supplementary groups when it changes the user of a root process.
        command.uid(uid).gid(gid);
    }
    command.current_dir("/");
}

/// Starts a process that is killed when this one ends.
///
/// The kernel ties the parent-death signal to the *thread* that forked, and a test's thread ends with its
/// test: so one thread that lives as long as the process forks for all.
pub fn spawn(mut command: Command) -> io::Result<Child> {
    type Job = (Command, mpsc::Sender<io::Result<Child>>);
    static FORKER: OnceLock<mpsc::Sender<Job>> = OnceLock::new();
    let forker = FORKER.get_or_init(|| {
        let (sender, receiver) = mpsc::channel::<Job>();
        let run = move || {
            for (mut command, answer) in receiver {
                let _ = answer.send(command.spawn());
            }
        };
        thread::Builder::new().name("forker".into()).spawn(run).expect("a thread can be started");
        sender
    });
    // SAFETY: prctl is async-signal-safe and touches nothing of the parent's. The user is changed before this
    // runs, which matters: changing it clears the signal.
    unsafe {
        command.pre_exec(|| match libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        });
    }
    let (sender, receiver) = mpsc::channel();
    forker.send((command, sender)).map_err(io::Error::other)?;
    receiver.recv().map_err(io::Error::other)?
}

pub fn signal(pid: u32, signal: i32) {
    // SAFETY: plain system call; a pid that is gone gives ESRCH, which is what we want then.
    unsafe { libc::kill(pid as i32, signal) };
}

/// State letter and parent of a process; `None` when there is none.
fn stat(pid: u32) -> Option<(char, u32)> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the program's name in parentheses, which may hold anything.
    let mut fields = text[text.rfind(')')? + 1..].split_whitespace();
    let state = fields.next()?.chars().next()?;
    Some((state, fields.next()?.parse().ok()?))
}

/// True when the process has ended, also while it waits as a zombie for a slow pid 1.
pub fn is_gone(pid: u32) -> bool {
    stat(pid).is_none_or(|(state, _)| state == 'Z' || state == 'X')
}

pub fn is_stopped(pid: u32) -> bool {
    stat(pid).is_none_or(|(state, _)| matches!(state, 'T' | 't' | 'Z' | 'X'))
}

pub fn children_of(pid: u32) -> Vec<u32> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.flatten().filter_map(|e| e.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|p| stat(*p).is_some_and(|(_, parent)| parent == pid)).collect()
}

/// SIGKILL for a process and its children, then waits until all are gone. The parent is stopped first, so
/// that it cannot fork between the look and the kill.
pub fn kill_family(child: &mut Child) {
    let pid = child.id();
    signal(pid, libc::SIGSTOP);
    within(Duration::from_secs(2), || is_stopped(pid));
    let children = children_of(pid);
    signal(pid, libc::SIGKILL);
    children.iter().for_each(|c| signal(*c, libc::SIGKILL));
    let _ = child.wait();
    let gone = within(Duration::from_secs(20), || children.iter().all(|c| is_gone(*c)));
    assert!(gone, "children of the killed process {pid} do not end");
}

/// SIGSTOP for a process and its children; returns when the kernel has stopped them.
pub fn stop_family(pid: u32) {
    signal(pid, libc::SIGSTOP);
    within(Duration::from_secs(2), || is_stopped(pid));
    let children = children_of(pid);
    children.iter().for_each(|c| signal(*c, libc::SIGSTOP));
    let all = within(Duration::from_secs(5), || children.iter().all(|c| is_stopped(*c)));
    assert!(all, "process {pid} and its children do not stop");
}

pub fn cont_family(pid: u32) {
    children_of(pid).iter().for_each(|c| signal(*c, libc::SIGCONT));
    signal(pid, libc::SIGCONT);
}
