//! The process that dies: what it does with a pool, and the log by which its words are held against it.
//!
//! Each line is one write, so that a killed process leaves what it said. Before a COMMIT whose answer counts
//! stands `about`, after it `ack` or `err`. Orders come line by line on standard input; its end means: finish.

use std::fs::File;
use std::io::{BufRead, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant};

use twinpool::error::Result;
use twinpool::{Error, Session, Status, TwinPool};
use twinpool_testkit::Rng;

use crate::common::*;
use crate::load::{ACCOUNTS, THREADS};

/// The file with the worker's brief; its presence in the environment makes this process one.
pub const BRIEF: &str = "TWINPOOL_WORKER";

/// What a worker is to do: lines `key<TAB>value`; all other keys are options of the pool.
#[derive(Clone, Default)]
pub struct Brief {
    pub work: String,
    /// Numbers from here on are this worker's own.
    pub base: i64,
    pub seed: u64,
    /// For `opening`: how often.
    pub count: usize,
    pub log: String,
    pub options: Vec<(String, String)>,
}

impl Brief {
    pub fn write(&self, path: &Path) {
        let own = [
            ("=work", self.work.clone()),
            ("=base", self.base.to_string()),
            ("=seed", self.seed.to_string()),
            ("=count", self.count.to_string()),
            ("=log", self.log.clone()),
        ];
        let own = own.into_iter().map(|(k, v)| (k.to_owned(), v));
        let lines: String =
            own.chain(self.options.iter().cloned()).map(|(k, v)| format!("{k}\t{v}\n")).collect();
        std::fs::write(path, lines).expect("the brief can be written");
    }

    fn read(path: &str) -> Brief {
        let text = std::fs::read_to_string(path).expect("the brief can be read");
        let mut brief = Brief::default();
        for (key, value) in text.lines().filter_map(|line| line.split_once('\t')) {
            match key {
                "=work" => brief.work = value.to_owned(),
                "=base" => brief.base = value.parse().expect("base"),
                "=seed" => brief.seed = value.parse().expect("seed"),
                "=count" => brief.count = value.parse().expect("count"),
                "=log" => brief.log = value.to_owned(),
                _ => brief.options.push((key.to_owned(), value.to_owned())),
            }
        }
        brief
    }
}

struct Log(File);

impl Log {
    fn say(&self, line: std::fmt::Arguments<'_>) {
        let line = format!("{line}\n");
        (&self.0).write_all(line.as_bytes()).expect("the log can be written");
    }
}

macro_rules! say {
    ($log:expr, $($what:tt)+) => { $log.say(format_args!($($what)+)) };
}

pub fn main() {
    let Ok(path) = std::env::var(BRIEF) else { return };
    let brief = Brief::read(&path);
    let log = Log(File::options().create(true).append(true).open(&brief.log).expect("the log can be opened"));
    match brief.work.as_str() {
        "load" => load(&brief, &log),
        "opening" => opening(&brief, &log),
        "ddl" => ddl(&brief, &log),
        other => panic!("no such work: {other}"),
    }
    say!(log, "end");
}

struct Shift<'a> {
    pool: TwinPool,
    log: &'a Log,
    number: AtomicI64,
    stop: AtomicBool,
}

/// Transfers and a job queue on eight threads, until told to finish.
fn load(brief: &Brief, log: &Log) {
    let pool = open_with(&brief.options);
    say!(log, "ready {}", pool.status().epoch);
    let shift = Shift { pool, log, number: AtomicI64::new(brief.base), stop: AtomicBool::new(false) };
    let mut rng = Rng::new(brief.seed);
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (rng, shift) = (rng.fork(), &shift);
            scope.spawn(move || {
                let _guard = StopOnPanic(&shift.stop);
                shift.work(thread, rng);
            });
        }
        for order in std::io::stdin().lock().lines().map_while(std::io::Result::ok) {
            let done = match order.as_str() {
                "detach" => shift.pool.detach(),
                "attach" => shift.pool.attach(),
                other => panic!("no such order: {other}"),
            };
            say!(log, "done {order} {}", done.map_or_else(|e| e.to_string(), |()| "ok".to_owned()));
        }
        shift.stop.store(true, Ordering::SeqCst);
    });
    let status = shift.pool.status();
    say!(
        log,
        "epoch {} {} direct {} queued {} rerun",
        status.epoch,
        status.direct,
        status.queued,
        status.rerun
    );
    shift.pool.close(Duration::from_secs(20)).unwrap_or_else(|e| panic!("close: {e}"));
}

struct StopOnPanic<'a>(&'a AtomicBool);

impl Drop for StopOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.store(true, Ordering::SeqCst);
            // The order to stop may never come.
            std::process::exit(3);
        }
    }
}

impl Shift<'_> {
    fn work(&self, thread: usize, mut rng: Rng) {
        while !self.stop.load(Ordering::SeqCst) {
            let mut s = match self.pool.acquire(None) {
                Ok(s) => s,
                Err(e) => {
                    say!(self.log, "bad acquire {}", one_line(&e));
                    continue;
                }
            };
            for _ in 0..5 {
                match thread {
                    0..4 => self.transfer(&mut s, &mut rng),
                    4 => self.put(&mut s),
                    _ => self.take(&mut s, thread as i64),
                }
            }
        }
    }

    fn next(&self) -> i64 {
        self.number.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// Runs one transaction and notes its outcome. Every attempt has a number of its own, so that the rows of
    /// one that was refused can be told from those of its repetition.
    fn attempt(
        &self,
        s: &mut Session,
        kind: &str,
        id: i64,
        run: impl FnOnce(&mut Session) -> Result<Option<Status>>,
    ) {
        let start = Instant::now();
        let answer = s.begin().and_then(|()| run(s));
        let ms = start.elapsed().as_millis();
        match answer {
            Ok(Some(status)) => say!(self.log, "ack {kind} {id} {ms} {status:?}"),
            Ok(None) => {
                let _ = s.rollback();
                say!(self.log, "err {kind} {id} {ms} nothing to do");
            }
            Err(e) => {
                let _ = s.rollback();
                let word = if e.retryable() { "err" } else { "bad" };
                say!(self.log, "{word} {kind} {id} {ms} {:?} {}", e.status(), one_line(&e));
            }
        }
    }

    fn transfer(&self, s: &mut Session, rng: &mut Rng) {
        let source = 1 + rng.below(ACCOUNTS as u64) as i64;
        let target = 1 + (source + rng.below(ACCOUNTS as u64 - 1) as i64) % ACCOUNTS;
        let amount = 1 + rng.below(50) as i64;
        let id = self.next();
        say!(self.log, "about T {id} {source} {target} {amount}");
        self.attempt(s, "T", id, |s| {
            let give = "UPDATE accounts SET balance = balance - ?, last = ? WHERE id = ?";
            let take = "UPDATE accounts SET balance = balance + ?, last = ? WHERE id = ?";
            s.execute(give, &[int(amount), int(id), int(source)])?;
            s.execute(take, &[int(amount), int(id), int(target)])?;
            s.execute(
                "INSERT INTO ledger (id, source, target, amount) VALUES (?, ?, ?, ?)",
                &[int(id), int(source), int(target), int(amount)],
            )?;
            s.commit().map(Some)
        });
    }

    fn put(&self, s: &mut Session) {
        let id = self.next();
        say!(self.log, "about P {id}");
        self.attempt(s, "P", id, |s| {
            s.execute("INSERT INTO jobs (id, state) VALUES (?, 'new')", &[int(id)])?;
            s.commit().map(Some)
        });
        // Takers do more for each job: without a pause the table only grows.
        std::thread::sleep(Duration::from_millis(2));
    }

    /// Takes a job, of any process, and hangs a child under the fresh parent.
    fn take(&self, s: &mut Session, thread: i64) {
        let skip = thread - 5;
        let job = s.execute(
            &format!("SELECT id FROM jobs WHERE state = 'new' ORDER BY id LIMIT 1 OFFSET {skip}"),
            &[],
        );
        let mut block = twinpool::Block::default();
        let job = match job.map(|done| done.rows) {
            Ok(Some(mut rows)) => match rows.next_block(1, &mut block) {
                Ok(true) if block.rows > 0 => block.to_rows()[0][0].clone(),
                Ok(_) => return std::thread::sleep(Duration::from_millis(5)),
                Err(e) => return self.read_failed(&e),
            },
            Ok(None) => panic!("a SELECT gives rows"),
            Err(e) => return self.read_failed(&e),
        };
        let id = self.next();
        say!(self.log, "about K {id} {}", job.to_string());
        self.attempt(s, "K", id, |s| {
            let take = "UPDATE jobs SET state = 'taken', worker = ? WHERE id = ? AND state = 'new'";
            if s.execute(take, &[int(id), job.clone()])?.affected == 0 {
                return Ok(None);
            }
            s.execute("INSERT INTO steps (id, job, note) VALUES (?, ?, 'taken')", &[int(id), job])?;
            s.commit().map(Some)
        });
    }

    fn read_failed(&self, e: &Error) {
        let word = if e.retryable() { "err" } else { "bad" };
        say!(self.log, "{word} read 0 0 {:?} {}", e.status(), one_line(e));
    }
}

fn one_line(e: &Error) -> String {
    format!("{e} {:?}", e.records()).replace('\n', " ")
}

/// Opens and closes pools with a little work in each, and tells what the process itself holds.
fn opening(brief: &Brief, log: &Log) {
    for n in 0..brief.count as i64 {
        let pool = open_with(&brief.options);
        if n == 0 {
            say!(log, "ready {}", pool.status().epoch);
        }
        let id = brief.base + n;
        let mut s = acquire(&pool);
        say!(log, "about P {id}");
        match s.execute("INSERT INTO jobs (id, state) VALUES (?, 'new')", &[int(id)]) {
            Ok(done) => say!(log, "ack P {id} 0 {:?}", done.status),
            Err(e) => say!(log, "bad P {id} 0 {:?} {}", e.status(), one_line(&e)),
        }
        drop(s);
        close(pool);
        say!(log, "open {} threads {}", entries("/proc/self/fd"), entries("/proc/self/task"));
    }
}

/// What MariaDB runs as DDL with a commit of its own. Every database has the table `d` with rows.
pub const DDL: [&str; 14] = [
    "CREATE TABLE made (id INTEGER NOT NULL PRIMARY KEY)",
    "ALTER TABLE d ADD COLUMN extra INTEGER NOT NULL DEFAULT 7",
    "CREATE INDEX d_v ON d (v)",
    // Run twice it would make two.
    "ALTER TABLE d ADD INDEX (v)",
    "RENAME TABLE d TO e",
    "DROP TABLE d",
    "CREATE VIEW w AS SELECT id, v FROM d WHERE v > 0",
    "CREATE TRIGGER g BEFORE INSERT ON d FOR EACH ROW SET NEW.v = NEW.v + 1",
    "CREATE PROCEDURE p() SELECT COUNT(*) FROM d",
    "CREATE SEQUENCE s START WITH 5",
    "ALTER TABLE d DROP COLUMN v, RENAME TO e",
    "CREATE TABLE IF NOT EXISTS d (id INTEGER NOT NULL PRIMARY KEY)",
    // Refused, for one is missing, and the other is gone all the same.
    "DROP TABLE d, missing",
    UNNAMED,
];

/// The table may look the same before and after.
pub const UNNAMED: &str = "CREATE OR REPLACE TABLE d (id INTEGER NOT NULL PRIMARY KEY)";

/// One of them, and then nothing until the end is due.
fn ddl(brief: &Brief, log: &Log) {
    let pool = open_with(&brief.options);
    say!(log, "ready {}", pool.status().epoch);
    let mut s = acquire(&pool);
    let done = s.execute(DDL[brief.count], &[]);
    say!(log, "made {:?}", done.map(|done| done.status));
    drop(s);
    std::io::stdin().lock().lines().for_each(drop);
    close(pool);
}

fn entries(folder: &str) -> usize {
    std::fs::read_dir(folder).map_or(0, Iterator::count)
}
