//! Where the pool's options come from: a file, the environment, `key=value` arguments; the later wins.

use std::collections::HashSet;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use twinpool::{Options, TwinPool};

use crate::failure::Failure;

/// What the command line names.
pub struct Sources {
    pub file: Option<PathBuf>,
    pub pairs: Vec<(String, String)>,
}

/// A command is one caller: a pool made for an application would open sessions that nobody uses.
const SMALL: [(&str, &str); 3] = [("pool.max", "2"), ("pool.min", "0"), ("pool.initial", "0")];

/// How long the end of a command waits for its own sessions.
const CLOSE: Duration = Duration::from_secs(5);

impl Sources {
    pub fn options(&self) -> Result<Options, Failure> {
        self.gather().map_err(|e| Failure::not_started(&e))
    }

    fn gather(&self) -> twinpool::Result<Options> {
        let mut options = Options::new();
        if let Some(file) = &self.file {
            options.load(file)?;
        }
        options.load_env()?;
        for (key, value) in SMALL {
            options.set(key, value)?;
        }
        for (key, value) in &self.pairs {
            options.set(key, value)?;
        }
        Ok(options)
    }

    /// Opens the pool, hands it to `work`, closes it.
    pub fn with_pool(
        &self,
        work: impl FnOnce(&TwinPool, &Options) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let options = self.options()?;
        let pool = TwinPool::open(&options).map_err(|e| Failure::not_started(&e))?;
        let done = work(&pool, &options);
        // What it answers is of no interest any more: the work is done, or its failure is the news.
        let _ = pool.close(CLOSE);
        done
    }
}

/// Takes the `key=value` arguments out of the command line, wherever they stand. What follows an option that
/// takes a value is that value, and what follows `--` is left alone.
pub fn split(
    command: &clap::Command,
    arguments: impl IntoIterator<Item = OsString>,
) -> (Vec<OsString>, Vec<(String, String)>) {
    let valued = options_with_values(command);
    let mut rest = Vec::new();
    let mut pairs = Vec::new();
    let mut arguments = arguments.into_iter();
    rest.extend(arguments.next());
    let mut value_follows = false;
    while let Some(argument) = arguments.next() {
        if argument == "--" {
            rest.push(argument);
            rest.extend(arguments);
            break;
        }
        match argument.to_str() {
            Some(text) if !value_follows => {
                value_follows = valued.contains(text);
                match key_and_value(text) {
                    Some(pair) => pairs.push(pair),
                    None => rest.push(argument),
                }
            }
            _ => {
                value_follows = false;
                rest.push(argument);
            }
        }
    }
    (rest, pairs)
}

fn key_and_value(text: &str) -> Option<(String, String)> {
    let (key, value) = text.split_once('=')?;
    let is_key = key.starts_with(|c: char| c.is_ascii_alphabetic())
        && key.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
    is_key.then(|| (key.to_owned(), value.to_owned()))
}

/// `--config`, `-c` and all others, of all subcommands, whose value is the next argument.
fn options_with_values(command: &clap::Command) -> HashSet<String> {
    let mut found = HashSet::new();
    for argument in command.get_arguments().filter(|a| a.get_action().takes_values()) {
        found.extend(argument.get_long().map(|l| format!("--{l}")));
        found.extend(argument.get_short().map(|s| format!("-{s}")));
    }
    for sub in command.get_subcommands() {
        found.extend(options_with_values(sub));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn taken(line: &str) -> (String, String) {
        let arguments = line.split(' ').map(OsString::from);
        let (rest, pairs) = split(&crate::Arguments::command(), arguments);
        let rest: Vec<_> = rest.iter().map(|a| a.to_string_lossy()).collect();
        let pairs: Vec<_> = pairs.iter().map(|(k, v)| format!("{k}={v}")).collect();
        (rest.join(" "), pairs.join(" "))
    }

    #[test]
    fn key_value_arguments_stand_anywhere() {
        let (rest, pairs) = taken("twinpool master=a;b=c run mirror.mode=async x.sql pool.max=3 --quiet");
        assert_eq!(rest, "twinpool run x.sql --quiet");
        assert_eq!(pairs, "master=a;b=c mirror.mode=async pool.max=3");
    }

    #[test]
    fn the_value_of_an_option_is_not_a_pair() {
        assert_eq!(taken("twinpool --config a=b.toml status").0, "twinpool --config a=b.toml status");
        assert_eq!(taken("twinpool -c a=b.toml status").1, "");
        assert_eq!(taken("twinpool --config=x.toml status").1, "");
        assert_eq!(taken("twinpool run -- a=b.sql").0, "twinpool run -- a=b.sql");
        assert_eq!(taken("twinpool run ./a=b.sql").0, "twinpool run ./a=b.sql");
    }

    #[test]
    fn the_command_line_is_well_formed() {
        crate::Arguments::command().debug_assert();
    }
}
