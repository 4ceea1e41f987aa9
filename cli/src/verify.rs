//! `twinpool verify`: are both databases equal, row by row?

use std::io::{BufWriter, Write};
use std::time::Instant;

use twinpool::pair::{MirrorState, TableComparison};

use crate::failure::Failure;
use crate::output::{count, duration, grouped};
use crate::progress::Progress;
use crate::settings::Sources;
use crate::table;

pub fn run(sources: &Sources) -> Result<(), Failure> {
    sources.with_pool(|pool, _| {
        let start = Instant::now();
        let mut progress = Progress::new("rows", None, false);
        // Progress counts from the beginning in each table; the bar goes on.
        let (mut table, mut before, mut here) = (String::new(), 0, 0);
        let found = pool.verify(&mut |name, rows| {
            if name != table {
                before += here;
                name.clone_into(&mut table);
            }
            here = rows;
            progress.message(name);
            progress.set(before + rows, None);
        });
        progress.finish();
        let found = found?;
        let status = pool.refresh()?;
        let mut out = BufWriter::new(std::io::stdout().lock());
        write(&mut out, &found)?;
        let different = found.iter().filter(|t| t.different > 0).count() as u64;
        let rows = count(found.iter().map(|t| t.master_rows).sum(), "row", "rows");
        let tables = count(found.len() as u64, "table", "tables");
        let time = duration(start.elapsed());
        if different == 0 {
            writeln!(out, "equal: {tables}, {rows}, {time}")?;
            out.flush()?;
            return Ok(());
        }
        writeln!(out, "different: {} of {tables}, {time}", grouped(different))?;
        if status.mirror_state != MirrorState::InSync {
            let waiting = count(status.queue_entries, "entry", "entries");
            writeln!(
                out,
                "the mirror is {}, with {waiting} in the queue: replay before you judge",
                status.mirror_state
            )?;
        }
        out.flush()?;
        Err(Failure::Reported)
    })
}

pub fn write(out: &mut dyn Write, found: &[TableComparison]) -> Result<(), Failure> {
    let mut table = table::new(&["table", "master", "mirror", "result"], &[false, true, true, false]);
    for t in found {
        let result = match t.different {
            0 => "equal".to_owned(),
            n => format!("DIFFERENT ({})", count(n, "row", "rows")),
        };
        table.add_row([table::cell(&t.table), grouped(t.master_rows), grouped(t.mirror_rows), result]);
    }
    table::write(out, &table)?;
    for t in found.iter().filter(|t| t.different > 0) {
        for example in &t.examples {
            writeln!(out, "  {}: {}", table::cell(&t.table), table::cell(example))?;
        }
        let more = t.different.saturating_sub(t.examples.len() as u64);
        if more > 0 {
            writeln!(out, "  {}: … and {} more", table::cell(&t.table), grouped(more))?;
        }
    }
    Ok(())
}
