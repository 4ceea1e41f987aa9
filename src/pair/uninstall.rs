//! Taking everything of ours out of both databases. The data stay.

use super::locks;
use super::open::{own_tables, state_if_any};
use super::shared::{int, text};
use super::tables::{NAMES, Tables};
use crate::config::Options;
use crate::error::{Error, Result, Side, Status};
use crate::link::{Engine, Link};
use crate::queue::replay::read_applied;

/// Drops our tables on both nodes. Refused while pools live, or while something waits for the mirror; with
/// `force` only the former is looked at where it can be, and a node that is away is left out. Says what was done.
pub fn uninstall(options: &Options, force: bool) -> Result<Vec<String>> {
    let (settings, _) = options.validate()?;
    let schema = settings.tables.schema.clone().unwrap_or_default();
    let mut said = Vec::new();
    let mut nodes = Vec::new();
    for (side, node) in [(Side::Master, &settings.master), (Side::Mirror, &settings.mirror)] {
        let open = || Link::open(side, &node.connection, &node.link());
        match open() {
            Ok(link) => nodes.push((Tables::new(link.engine(), &schema, &settings.tables.prefix), link)),
            Err(e) if force => said.push(format!("{side}: left out: {e}")),
            Err(e) => return Err(e.context(format_args!("uninstall: {side}"))),
        }
    }
    let mut open_master = || Link::open(Side::Master, &settings.master.connection, &settings.master.link());
    if let [(tables, master), rest @ ..] = &mut nodes[..]
        && master.side() == Side::Master
        && state_if_any(master, tables)?.is_some()
    {
        refuse_living(master, tables, &mut open_master)?;
        if !force {
            refuse_waiting(master, tables, rest.first_mut())?;
        }
    }
    // The mirror last: a mirror without its master is no danger, a master without its mirror would be taken for
    // an established pair.
    for (tables, link) in &mut nodes {
        said.push(drop_tables(link, tables)?);
    }
    Ok(said)
}

fn refuse_living(master: &mut Link, tables: &Tables, open: &mut dyn FnMut() -> Result<Link>) -> Result<()> {
    let rows = master.query(&format!("SELECT pool, host, process FROM {}", tables.name("twin_pool")), &[])?;
    for r in &rows {
        if locks::try_lock(open()?, &format!("twin-{}", text(&r[0])), false)?.is_none() {
            return Err(Error::new(
                Status::BadState,
                format!(
                    "uninstall: the pool {} of process {} on {} is open; close it first",
                    text(&r[0]),
                    int(&r[2]),
                    text(&r[1])
                ),
            ));
        }
    }
    Ok(())
}

fn refuse_waiting(master: &mut Link, tables: &Tables, mirror: Option<&mut (Tables, Link)>) -> Result<()> {
    let waits = |what: String| {
        Err(Error::new(
            Status::BadState,
            format!("uninstall: {what} for the mirror; replay first, or give them up with --force"),
        ))
    };
    let rows = master.query(&tables.read_queue_size, &[])?;
    let queued = rows.first().and_then(|r| r.first()).map_or(0, int);
    if queued > 0 {
        return waits(format!("{queued} entries of the queue wait"));
    }
    let Some((mirror_tables, mirror)) = mirror else { return Ok(()) };
    if state_if_any(mirror, mirror_tables)?.is_none() {
        return Ok(());
    }
    let applied = read_applied(mirror, &mirror_tables.read_applied)?;
    let pending = master.query(&tables.read_positions, &[])?;
    let unapplied = pending.iter().filter(|r| {
        let (key, seq) = ((text(&r[0]), int(&r[1])), int(&r[3]) as u64);
        applied.get(&key).copied().unwrap_or(0) < seq
    });
    match unapplied.count() {
        0 => Ok(()),
        n => waits(format!("{n} transactions of pools that died wait")),
    }
}

fn drop_tables(link: &mut Link, tables: &Tables) -> Result<String> {
    let there = own_tables(link, tables)?;
    let side = link.side();
    let failed = |e: Error| e.context(format_args!("uninstall: dropping our tables on the {side}"));
    // What says that it is a node of a pair goes last, so that a broken-off run can be repeated.
    let mut names: Vec<&str> = NAMES.iter().copied().filter(|n| *n != "twin_state").collect();
    names.push("twin_state");
    for name in names {
        link.run_once(&format!("DROP TABLE IF EXISTS {}", tables.name(name))).map_err(failed)?;
    }
    if tables.engine == Engine::Sqlite {
        locks::sweep(link, &[])?;
        locks::remove_lasting(link)?;
    }
    Ok(format!("{side}: {} tables dropped", there.len()))
}
