//! `twinpool queue`: what waits for the mirror.

use std::fmt::{Display, Formatter};
use std::io::{BufWriter, Write};
use std::str::FromStr;
use std::time::Duration;

use twinpool::TwinPool;

use crate::failure::Failure;
use crate::output::{bytes, count, grouped};
use crate::settings::Sources;
use crate::table;

/// How long `renumber` tries to find the queue empty.
const RENUMBER_LIMIT: Duration = Duration::from_secs(60);

#[derive(clap::Subcommand)]
pub enum Command {
    /// The entries in the order in which they will be replayed
    List {
        /// Show at most this many
        #[arg(long, value_name = "N", default_value_t = 20)]
        limit: u64,
    },
    /// The statements of one entry, with their values
    Show {
        /// The entry's number, as `queue list` shows it, or the POOL:SLOT:SEQ of a pending transaction
        id: Name,
    },
    /// Let the numbers of entries begin at 1 again; brings the pair in step for it
    Renumber,
    /// Move one entry to twin_quarantine, where nothing replays it (in diverged or detached only)
    Skip {
        /// The entry's number, as `queue list` shows it, or the POOL:SLOT:SEQ of a pending transaction
        id: Name,
    },
}

pub fn run(sources: &Sources, command: &Command) -> Result<(), Failure> {
    sources.with_pool(|pool, _| {
        let mut out = BufWriter::new(std::io::stdout().lock());
        match command {
            Command::List { limit } => {
                let entries = pool.queue_list(*limit)?;
                let status = pool.refresh()?;
                if entries.is_empty() {
                    writeln!(out, "the queue is empty ({})", status.mirror_state)?;
                } else {
                    let headings = ["id", "created", "statements", "size", "summary"];
                    let mut table = table::new(&headings, &[true, false, true, true, false]);
                    for e in &entries {
                        table.add_row([
                            e.id.to_string(),
                            e.created_at.clone(),
                            e.statements.to_string(),
                            bytes(u64::try_from(e.bytes).unwrap_or(0)),
                            table::cell(&e.summary),
                        ]);
                    }
                    table::write(&mut out, &table)?;
                    let shown = entries.len() as u64;
                    let all = count(status.queue_entries.max(shown), "entry", "entries");
                    writeln!(out, "({} of {all}; {})", grouped(shown), status.mirror_state)?;
                }
            }
            Command::Show { id } => {
                for (n, statement) in show(pool, id)?.iter().enumerate() {
                    writeln!(out, "{:>4}  {}", n + 1, table::cell(statement))?;
                }
            }
            Command::Renumber => {
                pool.queue_renumber(RENUMBER_LIMIT)?;
                writeln!(out, "the next entry of the queue is number 1")?;
            }
            Command::Skip { id } => {
                match id {
                    Name::Entry(id) => pool.queue_skip(*id)?,
                    Name::Pending(name) => pool.pending_skip(name)?,
                }
                writeln!(out, "{id} is in twin_quarantine now; `twinpool attach` goes on with the others")?;
            }
        }
        out.flush()?;
        Ok(())
    })
}

fn show(pool: &TwinPool, name: &Name) -> twinpool::Result<Vec<String>> {
    match name {
        Name::Entry(id) => pool.queue_show(*id),
        Name::Pending(name) => pool.pending_show(name),
    }
}

/// What waits for the mirror: an entry by its number, or a pending transaction by its durable name.
#[derive(Clone, Debug)]
pub enum Name {
    Entry(i64),
    Pending(String),
}

impl FromStr for Name {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Name, &'static str> {
        if text.split(':').count() == 3 {
            return Ok(Name::Pending(text.to_owned()));
        }
        text.parse().map(Name::Entry).map_err(|_| "neither a number nor POOL:SLOT:SEQ")
    }
}

impl Display for Name {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Name::Entry(id) => write!(f, "entry {id}"),
            Name::Pending(name) => write!(f, "pending transaction {name}"),
        }
    }
}
