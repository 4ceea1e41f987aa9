//! `twinpool replay`: the queue to the mirror, until the pair is in step.

use std::io::Write;
use std::time::{Duration, Instant};

use twinpool::{Error, Status, TwinPool};

use crate::failure::{Failure, one_line};
use crate::output::{count, duration};
use crate::progress::Progress;
use crate::settings::Sources;

#[derive(clap::Args)]
pub struct Arguments {
    /// Give up after this many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 300.0)]
    timeout: f64,

    /// Neither progress nor closing line
    #[arg(long, short)]
    quiet: bool,
}

/// Between two looks at why nothing moves.
const SLICE: Duration = Duration::from_millis(500);

pub fn run(sources: &Sources, arguments: &Arguments) -> Result<(), Failure> {
    let timeout = Duration::try_from_secs_f64(arguments.timeout)
        .map_err(|_| Failure::NotStarted("replay: --timeout takes seconds, 0 or more".to_owned()))?;
    sources.with_pool(|pool, _| {
        let start = Instant::now();
        let first = pool.refresh()?;
        let total = first.replayed + first.queue_entries;
        let mut progress = Progress::new("entries", Some(total), arguments.quiet);
        progress.show();
        let done = work(pool, timeout, &mut progress);
        let status = pool.refresh()?;
        progress.set(status.replayed, Some(status.replayed + status.queue_entries));
        progress.leave();
        if !arguments.quiet {
            let _ = writeln!(
                std::io::stderr(),
                "{} replayed, {} left, {}, {}",
                count(status.replayed, "entry", "entries"),
                status.queue_entries,
                duration(start.elapsed()),
                status.mirror_state
            );
        }
        done.map_err(Failure::from)
    })
}

/// In slices, so that what holds it up can be shown while it waits.
fn work(pool: &TwinPool, timeout: Duration, progress: &mut Progress) -> Result<(), Error> {
    let start = Instant::now();
    loop {
        let left = timeout.saturating_sub(start.elapsed());
        let done = pool.replay(left.min(SLICE), &mut |p| progress.set(p.done, Some(p.done + p.left)));
        match done {
            Err(e) if matches!(e.status(), Status::Timeout | Status::MirrorDown) => {
                let status = pool.status();
                if start.elapsed() >= timeout {
                    let seconds = timeout.as_secs_f64();
                    return Err(Error::new(
                        e.status(),
                        format!("replay: not done within {seconds} s: {}", why(&status)),
                    ));
                }
                progress.message(&if status.mirror_reachable { String::new() } else { why(&status) });
                progress.set(status.replayed, Some(status.replayed + status.queue_entries));
            }
            other => return other,
        }
    }
}

fn why(status: &twinpool::pair::PoolStatus) -> String {
    match status.last_error.is_empty() {
        true => format!("{} left", count(status.queue_entries, "entry", "entries")),
        false => one_line(&status.last_error),
    }
}
