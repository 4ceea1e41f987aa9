//! Workers as their parent sees them: started, given orders, killed, and their logs read.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use twinpool_testkit::{Folder, Pair, within};

use crate::worker::{BRIEF, Brief};

pub struct Worker {
    child: Child,
    orders: Option<ChildStdin>,
    log: PathBuf,
    errors: PathBuf,
    _folder: Folder,
}

impl Worker {
    /// A process under load on the pair. `failpoint`: `point:n`, where it is to end.
    pub fn start(pair: &Pair, options: &[(String, String)], seed: u64, failpoint: Option<&str>) -> Worker {
        Worker::start_on(pair, "load", 0, options, seed, failpoint)
    }

    pub fn start_on(
        pair: &Pair,
        work: &str,
        count: usize,
        options: &[(String, String)],
        seed: u64,
        failpoint: Option<&str>,
    ) -> Worker {
        static NEXT: AtomicI64 = AtomicI64::new(1);
        let folder = Folder::new(&format!("worker-{}", pair.engine()));
        let (log, errors, path) = (folder.join("log"), folder.join("errors"), folder.join("brief"));
        let base = NEXT.fetch_add(1, Ordering::SeqCst) * 10_000_000;
        let log_name = log.to_string_lossy().into_owned();
        let work = work.to_owned();
        Brief { work, base, seed, count, log: log_name, options: options.to_vec() }.write(&path);
        std::fs::write(&log, "").expect("the log can be made");
        let output = std::fs::File::create(&errors).expect("the folder can be written to");
        let mut command = Command::new(std::env::current_exe().expect("a process knows its program"));
        command.args(["worker_process", "--exact", "--nocapture", "--test-threads=1"]);
        command.env(BRIEF, &path).env("RUST_BACKTRACE", "1");
        if let Some(point) = failpoint {
            command.env("TWINPOOL_FAILPOINT", point);
        }
        command.stdin(Stdio::piped()).stdout(output.try_clone().expect("a handle")).stderr(output);
        let mut child = twinpool_testkit::spawn(command).expect("this program starts once more");
        let orders = child.stdin.take();
        Worker { child, orders, log, errors, _folder: folder }
    }

    pub fn pid(&self) -> i32 {
        self.child.id() as i32
    }

    pub fn log(&self) -> String {
        let bytes = std::fs::read(&self.log).unwrap_or_default();
        // What a kill left of a last line is no word.
        let whole = bytes.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
        String::from_utf8_lossy(&bytes[..whole]).into_owned()
    }

    fn last_words(&self) -> String {
        let text = std::fs::read(&self.errors).unwrap_or_default();
        let text = String::from_utf8_lossy(&text).into_owned();
        let log = self.log();
        let bad: Vec<&str> = log.lines().filter(|l| l.starts_with("bad ")).take(5).collect();
        let lines: Vec<&str> = text.lines().collect();
        format!("{}\n{}", bad.join("\n"), lines[lines.len().saturating_sub(40)..].join("\n"))
    }

    /// Waits until it has said so many lines that begin with `word`. False when it ended before.
    #[track_caller]
    pub fn said(&mut self, word: &str, count: usize) -> bool {
        let mut gone = false;
        let done = within(Duration::from_secs(60), || {
            gone = matches!(self.child.try_wait(), Ok(Some(_)));
            gone || self.log().lines().filter(|l| l.starts_with(word)).count() >= count
        });
        assert!(done, "the worker did not say {count} times {word:?}:\n{}", self.last_words());
        self.log().lines().filter(|l| l.starts_with(word)).count() >= count
    }

    /// [`Worker::said`] for a worker that must live.
    #[track_caller]
    pub fn must_say(&mut self, word: &str, count: usize) {
        assert!(self.said(word, count), "the worker ended before its time:\n{}", self.last_words());
    }

    pub fn order(&mut self, order: &str) {
        // A worker that died in between is no mistake of the test.
        let _ = self.orders.as_mut().map(|pipe| writeln!(pipe, "{order}"));
    }

    /// SIGKILL. Its log.
    pub fn kill(mut self) -> String {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.log()
    }

    /// Waits for an end of its own accord.
    #[track_caller]
    pub fn ended(&mut self) -> ExitStatus {
        self.ended_within(Duration::from_secs(90))
    }

    #[track_caller]
    fn ended_within(&mut self, limit: Duration) -> ExitStatus {
        let mut status = None;
        let done = within(limit, || {
            status = self.child.try_wait().ok().flatten();
            status.is_some()
        });
        assert!(done, "the worker does not end:\n{}", self.last_words());
        status.expect("it has ended")
    }

    /// Tells it to finish; it must do so in good order. Its log.
    #[track_caller]
    pub fn finish(self) -> String {
        self.finish_within(Duration::from_secs(90))
    }

    /// The same for one that has more to do.
    #[track_caller]
    pub fn finish_within(mut self, limit: Duration) -> String {
        drop(self.orders.take());
        let status = self.ended_within(limit);
        assert!(
            status.success() && self.log().ends_with("end\n"),
            "the worker failed: {status}\n{}",
            self.last_words()
        );
        self.log()
    }

    /// Waits until it died at its failpoint. Its log.
    #[track_caller]
    pub fn died_at(mut self, point: &str) -> String {
        let status = self.ended();
        assert_eq!(status.code(), Some(137), "not dead at {point}: {status}\n{}", self.last_words());
        self.log()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What workers said of one transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// Begun, and nothing more was said.
    About,
    Acknowledged,
    /// Answered with an error, or given up.
    Refused,
}

/// The sum of logs: (kind, number) → what it was to do and what was said of it.
#[derive(Default)]
pub struct Book {
    pub entries: BTreeMap<(char, i64), (Vec<i64>, Word)>,
    /// The longest time from BEGIN to an answer.
    pub slowest: Duration,
    pub bad: Vec<String>,
}

impl Book {
    pub fn add(&mut self, log: &str) {
        for line in log.lines() {
            let mut words = line.split(' ');
            let first = words.next().unwrap_or_default();
            if first == "bad" {
                self.bad.push(line.to_owned());
            }
            if !matches!(first, "about" | "ack" | "err" | "bad") {
                continue;
            }
            let kind = words.next().unwrap_or_default();
            let (Some(kind @ ('T' | 'P' | 'K')), 1) = (kind.chars().next(), kind.len()) else { continue };
            let numbers: Vec<i64> = words.map_while(|w| w.parse().ok()).collect();
            let key = (kind, numbers[0]);
            if first == "about" {
                let old = self.entries.insert(key, (numbers[1..].to_vec(), Word::About));
                assert!(old.is_none(), "{key:?} twice");
                continue;
            }
            let word = if first == "ack" { Word::Acknowledged } else { Word::Refused };
            self.slowest = self.slowest.max(Duration::from_millis(numbers[1] as u64));
            self.entries.get_mut(&key).unwrap_or_else(|| panic!("answered unasked: {line}")).1 = word;
        }
    }

    pub fn count(&self, word: Word) -> usize {
        self.entries.values().filter(|(_, w)| *w == word).count()
    }
}
