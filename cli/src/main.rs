//! The `twinpool` command: run SQL on a pair, look at its state and its queue, replay, verify.

mod failure;
mod init;
mod output;
mod progress;
mod queue;
mod replay;
mod run;
mod script;
mod settings;
mod status;
mod table;
mod verify;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use settings::Sources;

const AFTER_HELP: &str = "\
Options of the pool are KEY=VALUE arguments at any place, for example
  twinpool status master='Driver=SQLite3;Database=a.db' mirror='Driver=SQLite3;Database=b.db'
They win over the environment (TWINPOOL_MIRROR_MODE for mirror.mode), which wins over --config.
docs/configuration.md lists them. Arguments are visible to other users of the machine: passwords
belong into the file or the environment.

Exit status: 0 done; 1 a statement failed, the databases differ, or the work could not be finished;
2 wrong usage, or the pair could not be opened.";

#[derive(Parser)]
#[command(
    name = "twinpool",
    version,
    about = "Keeps two databases in step: run SQL on the pair, look at its state, replay, verify",
    override_usage = "twinpool [--config FILE] [KEY=VALUE]... COMMAND",
    after_help = AFTER_HELP,
    disable_help_subcommand = true
)]
struct Arguments {
    /// Read the pool's options from this TOML file
    #[arg(long, short, value_name = "FILE", global = true)]
    config: Option<PathBuf>,

    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run a script of SQL statements through the pair
    Run(run::Arguments),
    /// Show the state of the pair
    Status(status::Arguments),
    /// Bring the mirror back in step: replay the queue until it is empty
    Replay(replay::Arguments),
    /// Look at the queue of transactions that wait for the mirror
    #[command(subcommand)]
    Queue(queue::Command),
    /// Compare master and mirror, table by table, row by row
    Verify,
    /// Let transactions go to the mirror again after detach, or after a repair of what had diverged
    Attach,
    /// Keep the mirror out on purpose: transactions are queued until attach
    Detach,
    /// Make the pair (otherwise done by the first open), adopt two databases, or print tables and grants
    Init(init::Arguments),
    /// Drop twinpool's own tables on both databases; the data stay
    Uninstall(init::Uninstall),
}

fn main() -> ExitCode {
    let (arguments, pairs) = settings::split(&Arguments::command(), std::env::args_os());
    let parsed = Arguments::command()
        .try_get_matches_from(arguments)
        .and_then(|matches| Arguments::from_arg_matches(&matches));
    let arguments = match parsed {
        Ok(arguments) => arguments,
        Err(e) => return failure::usage(&e),
    };
    let sources = Sources { file: arguments.config, pairs };
    let done = match arguments.command {
        Command::Run(arguments) => run::run(&sources, &arguments),
        Command::Status(arguments) => status::run(&sources, &arguments),
        Command::Replay(arguments) => replay::run(&sources, &arguments),
        Command::Queue(command) => queue::run(&sources, &command),
        Command::Verify => verify::run(&sources),
        Command::Attach => status::attach(&sources),
        Command::Detach => status::detach(&sources),
        Command::Init(arguments) => init::run(&sources, &arguments),
        Command::Uninstall(arguments) => init::run_uninstall(&sources, &arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
