//! `twinpool run`: a script of SQL statements through the pair.

use std::fs;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::ValueEnum;
use twinpool::sql::{Classifier, Kind, Verb};
use twinpool::{Error, Session, Status, TwinPool};

use crate::failure::{self, Failure};
use crate::output::{count, duration, grouped};
use crate::progress::Progress;
use crate::script::{self, Statement};
use crate::settings::Sources;
use crate::table;

#[derive(clap::Args)]
pub struct Arguments {
    /// The script; standard input when it is - or missing
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,

    /// What a failed statement does to the rest of the script
    #[arg(long, value_enum, default_value_t = OnError::Stop)]
    on_error: OnError,

    /// Neither progress nor closing line: only results and errors
    #[arg(long, short)]
    quiet: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum OnError {
    /// Roll back what is open and end with status 1
    Stop,
    /// Go on with the next statement; the exit status is still 1
    Continue,
}

/// How long the end of a script waits for the mirror.
const MOMENT: Duration = Duration::from_secs(1);

pub fn run(sources: &Sources, arguments: &Arguments) -> Result<(), Failure> {
    let script = read(arguments)?;
    sources.with_pool(|pool, _| {
        let statements = script::statements(&script, pool.engine());
        let start = Instant::now();
        let mut progress = Progress::new("statements", Some(statements.len() as u64), arguments.quiet);
        let mut runner = Runner {
            pool,
            session: pool.acquire(None).map_err(|e| Failure::not_started(&e))?,
            classifier: Classifier::new(pool.engine()),
            begun_at: None,
            tally: Tally::default(),
        };
        for (n, statement) in statements.iter().enumerate() {
            if let Err(e) = runner.step(statement, &progress) {
                match e {
                    Trouble::Statement(e) => {
                        runner.tally.errors += 1;
                        progress.aside(|| {
                            failure::complain(&format!(
                                "line {}: {}: {e}",
                                statement.line,
                                statement.summary()
                            ));
                        });
                    }
                    Trouble::Output(e) => return Err(e),
                }
                if arguments.on_error == OnError::Stop {
                    break;
                }
            }
            progress.set(n as u64 + 1, Some(statements.len() as u64));
        }
        progress.finish();
        let tally = runner.end();
        let caught_up = if tally.queued > 0 { catch_up(pool) } else { String::new() };
        if !arguments.quiet {
            let _ = writeln!(io::stderr(), "{}, {}{caught_up}", tally.text(), duration(start.elapsed()));
        }
        if tally.errors > 0 { Err(Failure::Reported) } else { Ok(()) }
    })
}

/// A script may be over before the mirror, which is there again, has been brought up in the background (on
/// MariaDB every DDL goes through the queue). It gets a moment; what is left then, any open pool will do.
fn catch_up(pool: &TwinPool) -> String {
    let status = pool.status();
    if status.mirror_state.wants_replay() && status.mirror_reachable {
        // Whether it came to its end is seen from the state.
        let _ = pool.replay(MOMENT, &mut |_| {});
    }
    let status = pool.refresh().unwrap_or(status);
    match status.queue_entries {
        0 => "; the mirror has caught up".to_owned(),
        _ => {
            let why = if status.last_error.is_empty() { &status.reason } else { &status.last_error };
            format!("; the mirror is {} ({})", status.mirror_state, failure::one_line(why))
        }
    }
}

fn read(arguments: &Arguments) -> Result<String, Failure> {
    let (name, bytes) = match &arguments.file {
        Some(file) if file.as_os_str() != "-" => (file.display().to_string(), fs::read(file)),
        _ => {
            let mut bytes = Vec::new();
            let read = io::stdin().lock().read_to_end(&mut bytes);
            ("standard input".to_owned(), read.map(|_| bytes))
        }
    };
    let bytes = bytes.map_err(|e| Failure::NotStarted(format!("run: {name}: {e}")))?;
    String::from_utf8(bytes).map_err(|e| {
        let good = &e.as_bytes()[..e.utf8_error().valid_up_to()];
        let line = good.iter().filter(|b| **b == b'\n').count() + 1;
        Failure::NotStarted(format!("run: {name}: line {line} is not UTF-8"))
    })
}

/// What went wrong with a statement.
enum Trouble {
    Statement(Error),
    Output(Failure),
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Trouble {
        Trouble::Statement(error)
    }
}

struct Runner<'a> {
    pool: &'a TwinPool,
    session: Session,
    classifier: Classifier,
    /// The line of the open transaction's BEGIN.
    begun_at: Option<usize>,
    tally: Tally,
}

impl Runner<'_> {
    fn step(&mut self, statement: &Statement, progress: &Progress) -> Result<(), Trouble> {
        let analysis = self.classifier.analyse(statement.text);
        let alone = !self.session.in_transaction();
        self.tally.statements += 1;
        let done = self.session.execute(statement.text, &[]);
        let done = match done {
            Ok(done) => done,
            Err(e) => {
                if !self.session.in_transaction() {
                    self.begun_at = None;
                }
                // Such a session is of no more use, and the rest of the script may want one.
                if e.status() == Status::OutcomeUnknown {
                    self.session = self.pool.acquire(None)?;
                }
                return Err(e.into());
            }
        };
        match &analysis.kind {
            Kind::Begin(_) => self.begun_at = Some(statement.line),
            Kind::Rollback { .. } => self.begun_at = None,
            Kind::Commit { .. } => {
                self.begun_at = None;
                self.tally.transaction(done.status);
            }
            Kind::Write(_) | Kind::Ddl if alone => self.tally.transaction(done.status),
            _ => {}
        }
        if let Kind::Write(verb) = &analysis.kind {
            self.tally.rows(*verb, done.affected);
        }
        if let Some(rows) = done.rows.filter(|r| !r.columns().is_empty()) {
            let mut out = io::BufWriter::new(io::stdout().lock());
            // A result that the driver breaks off is the statement's failure; a reader who left is ours.
            let written =
                progress.aside(|| table::write_result(&mut out, rows).and_then(|_| Ok(out.flush()?)));
            written.map_err(|e| match e {
                Failure::Failed(message) => Trouble::Statement(Error::new(Status::Database, message)),
                other => Trouble::Output(other),
            })?;
        }
        Ok(())
    }

    /// A transaction that the script leaves open is undone, and that is an error: its work is lost.
    fn end(mut self) -> Tally {
        if self.session.in_transaction() {
            let _ = self.session.rollback();
            // After a failed statement this is what was asked for.
            if self.tally.errors == 0 {
                self.tally.errors += 1;
                let line = self.begun_at.map_or(String::new(), |line| format!("line {line}: "));
                failure::complain(&format!(
                    "{line}the script ends without COMMIT: the transaction was rolled back"
                ));
            }
        }
        self.tally
    }
}

/// What the script has done so far.
#[derive(Default)]
struct Tally {
    statements: u64,
    transactions: u64,
    queued: u64,
    errors: u64,
    inserted: u64,
    updated: u64,
    deleted: u64,
}

impl Tally {
    fn transaction(&mut self, status: Status) {
        self.transactions += 1;
        self.queued += u64::from(status == Status::Queued);
    }

    fn rows(&mut self, verb: Verb, affected: i64) {
        let affected = u64::try_from(affected).unwrap_or(0);
        match verb {
            Verb::Insert | Verb::Replace | Verb::Load => self.inserted += affected,
            Verb::Update | Verb::Merge => self.updated += affected,
            Verb::Delete => self.deleted += affected,
            _ => {}
        }
    }

    fn text(&self) -> String {
        let rows: Vec<String> =
            [("inserted", self.inserted), ("updated", self.updated), ("deleted", self.deleted)]
                .iter()
                .filter(|(_, n)| *n > 0)
                .map(|(what, n)| format!("{} {what}", grouped(*n)))
                .collect();
        let rows = if rows.is_empty() { String::new() } else { format!(" (rows: {})", rows.join(", ")) };
        format!(
            "{}{rows}, {}, {} queued, {}",
            count(self.statements, "statement", "statements"),
            count(self.transactions, "transaction", "transactions"),
            grouped(self.queued),
            count(self.errors, "error", "errors"),
        )
    }
}
