//! What is left when a test process dies without cleaning up: nothing.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use twinpool_testkit::eventually;

#[test]
fn a_killed_test_process_leaves_nothing_behind() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_testkit-victim"));
    let mut child = command.stdout(Stdio::piped()).spawn().expect("the victim starts");
    let mut ready = String::new();
    let _ = BufReader::new(child.stdout.take().expect("the pipe was asked for")).read_line(&mut ready);
    let _ = child.kill();
    let _ = child.wait();
    let mut words = ready.split_whitespace();
    let folder = words.next().expect("the victim gets its servers").to_owned();
    let mark = folder.rsplit('/').next().expect("a name").to_owned();
    assert_eq!(words.clone().count(), 4, "{ready}");
    for pid in words {
        eventually(Duration::from_secs(10), &format!("server {pid} is gone"), || gone(pid));
    }
    eventually(Duration::from_secs(10), "no backend is left, stopped or not", || backends(&mark).is_empty());
    eventually(Duration::from_secs(10), "the folder is gone", || !std::path::Path::new(&folder).exists());
}

fn gone(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.is_empty() || stat.contains(") Z ")
}

/// Processes, other than the guardian itself, whose command line carries the mark.
fn backends(mark: &str) -> Vec<String> {
    let entries = std::fs::read_dir("/proc").expect("Linux").flatten();
    let lines = entries.filter_map(|e| std::fs::read(e.path().join("cmdline")).ok());
    let lines = lines.map(|bytes| String::from_utf8_lossy(&bytes).replace('\0', " "));
    lines.filter(|line| line.contains(mark) && !line.contains("twinpool-guardian")).collect()
}
