//! `twinpool init` and `uninstall`: making a pair, and unmaking it.

use std::io::Write;

use clap::ValueEnum;
use twinpool::config::NodeSettings;
use twinpool::link::{Engine, Link};
use twinpool::pair::tables::Tables;
use twinpool::pair::{adopt, uninstall};
use twinpool::{Options, Side};

use crate::failure::Failure;
use crate::output::count;
use crate::progress::Progress;
use crate::settings::Sources;
use crate::{table, verify};

#[derive(clap::Args)]
pub struct Arguments {
    /// Print the statements that make our tables; nothing is changed
    #[arg(long, group = "what")]
    print: bool,

    /// Print what USER must be granted to work on tables that somebody else has made; nothing is changed
    #[arg(long, value_name = "USER", group = "what")]
    grants: Option<String>,

    /// Make a pair of two databases that hold data already, if both hold the same; nothing may write meanwhile
    #[arg(long, group = "what")]
    adopt: bool,

    /// With --print and --grants: for this engine, without connecting; otherwise both databases are asked
    #[arg(long, value_enum)]
    engine: Option<Name>,
}

#[derive(clap::Args)]
pub struct Uninstall {
    /// Also when transactions wait for the mirror, or one of the databases is away
    #[arg(long)]
    force: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Name {
    Sqlite,
    Postgres,
    Mariadb,
}

pub fn run(sources: &Sources, arguments: &Arguments) -> Result<(), Failure> {
    if arguments.adopt {
        return run_adopt(sources);
    }
    if !arguments.print && arguments.grants.is_none() {
        return sources.with_pool(|pool, _| {
            let status = pool.refresh()?;
            writeln!(std::io::stdout(), "the pair is made: {}", status.mirror_state)?;
            Ok(())
        });
    }
    let options = sources.options()?;
    let engines = match arguments.engine {
        Some(Name::Sqlite) => vec![("both", Engine::Sqlite)],
        Some(Name::Postgres) => vec![("both", Engine::Postgres)],
        Some(Name::Mariadb) => vec![("both", Engine::MariaDb)],
        None => ask(&options).map_err(|e| Failure::not_started(&e))?,
    };
    let (schema, prefix) = (options.get("tables.schema")?, options.get("tables.prefix")?);
    let mut out = std::io::stdout().lock();
    for (side, engine) in engines {
        let tables = Tables::new(engine, &schema, &prefix);
        let (what, statements) = match &arguments.grants {
            Some(user) => ("grants", tables.grants(user)),
            None => ("own tables", tables.ddl()),
        };
        writeln!(out, "-- twinpool {}: {what}, {side}, {engine}", env!("CARGO_PKG_VERSION"))?;
        for statement in statements {
            writeln!(out, "{statement};")?;
        }
    }
    Ok(())
}

fn run_adopt(sources: &Sources) -> Result<(), Failure> {
    let options = sources.options()?;
    let mut progress = Progress::new("rows", None, false);
    let found = adopt(&options, &mut |name, rows| {
        progress.message(name);
        progress.set(rows, None);
    });
    progress.finish();
    let found = found.map_err(|e| Failure::not_started(&e))?;
    let mut out = std::io::stdout().lock();
    if !found.differences.is_empty() {
        let mut table = table::new(&["the schemas differ"], &[false]);
        for line in &found.differences {
            table.add_row([table::cell(line)]);
        }
        table::write(&mut out, &table)?;
    } else {
        verify::write(&mut out, &found.tables)?;
    }
    if found.is_equal() {
        let tables = count(found.tables.len() as u64, "table", "tables");
        writeln!(out, "equal: {tables}; the pair is made")?;
        return Ok(());
    }
    writeln!(out, "not adopted: make both equal first; nothing was changed")?;
    Err(Failure::Reported)
}

pub fn run_uninstall(sources: &Sources, arguments: &Uninstall) -> Result<(), Failure> {
    let options = sources.options()?;
    for line in uninstall(&options, arguments.force)? {
        writeln!(std::io::stdout(), "{}", crate::failure::one_line(&line))?;
    }
    Ok(())
}

fn ask(options: &Options) -> twinpool::Result<Vec<(&'static str, Engine)>> {
    let (settings, _) = options.validate()?;
    let engine = |side, node: &NodeSettings| {
        let link = Link::open(side, &node.connection, &node.link());
        link.map(|l| l.engine()).map_err(|e| e.context(format_args!("init: {side}")))
    };
    let master = engine(Side::Master, &settings.master)?;
    let mirror = engine(Side::Mirror, &settings.mirror)?;
    Ok(match master == mirror {
        true => vec![("both", master)],
        false => vec![("master", master), ("mirror", mirror)],
    })
}
