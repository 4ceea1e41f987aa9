//! `twinpool init --print`: the statements that make twinpool's own tables, for those who want to run them
//! themselves (`tables.create=off`).

use std::io::Write;

use clap::ValueEnum;
use twinpool::config::NodeSettings;
use twinpool::link::{Engine, Link};
use twinpool::pair::tables::Tables;
use twinpool::{Options, Side};

use crate::failure::Failure;
use crate::settings::Sources;

#[derive(clap::Args)]
pub struct Arguments {
    /// Print the statements; nothing is changed
    #[arg(long, required = true)]
    print: bool,

    /// For this engine, without connecting; otherwise both databases are asked what they are
    #[arg(long, value_enum)]
    engine: Option<Name>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Name {
    Sqlite,
    Postgres,
    Mariadb,
}

pub fn run(sources: &Sources, arguments: &Arguments) -> Result<(), Failure> {
    debug_assert!(arguments.print);
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
        writeln!(out, "-- twinpool {}: own tables, {side}, {engine}", env!("CARGO_PKG_VERSION"))?;
        for statement in Tables::new(engine, &schema, &prefix).ddl() {
            writeln!(out, "{statement};")?;
        }
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
