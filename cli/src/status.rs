//! `twinpool status`, `attach`, `detach`: the state of the pair, and changing it by hand.

use std::io::Write;
use std::time::Duration;

use twinpool::Options;
use twinpool::pair::PoolStatus;

use crate::failure::{Failure, one_line};
use crate::output::{bytes, count, duration, json};
use crate::settings::Sources;

#[derive(clap::Args)]
pub struct Arguments {
    /// As one JSON object
    #[arg(long)]
    json: bool,
}

pub fn run(sources: &Sources, arguments: &Arguments) -> Result<(), Failure> {
    sources.with_pool(|pool, options| {
        let status = pool.refresh()?;
        let fields = fields(&status, options)?;
        let mut out = std::io::stdout().lock();
        if arguments.json {
            let fields: Vec<String> =
                fields.iter().map(|f| format!("  {}: {}", json(f.key), f.json)).collect();
            writeln!(out, "{{\n{}\n}}", fields.join(",\n"))?;
        } else {
            for f in fields.iter().filter(|f| !f.label.is_empty() && !f.text.is_empty()) {
                writeln!(out, "{:<16}{}", f.label, f.text)?;
            }
        }
        Ok(())
    })
}

pub fn attach(sources: &Sources) -> Result<(), Failure> {
    sources.with_pool(|pool, _| {
        pool.attach()?;
        say_state(&pool.refresh()?)
    })
}

pub fn detach(sources: &Sources) -> Result<(), Failure> {
    sources.with_pool(|pool, _| {
        pool.detach()?;
        say_state(&pool.refresh()?)
    })
}

fn say_state(status: &PoolStatus) -> Result<(), Failure> {
    let waiting = count(status.queue_entries, "entry", "entries");
    writeln!(std::io::stdout(), "{}, {waiting} in the queue", status.mirror_state)?;
    Ok(())
}

/// One thing that is told. An empty label keeps it to JSON.
struct Field {
    label: &'static str,
    text: String,
    key: &'static str,
    json: String,
}

fn fields(status: &PoolStatus, options: &Options) -> Result<Vec<Field>, Failure> {
    let text = |label, key, text: &str| {
        let text = one_line(text);
        Field { label, json: json(&text), text, key }
    };
    let number = |key, n: u64| Field { label: "", text: String::new(), key, json: n.to_string() };
    let answers = if status.mirror_reachable { "yes" } else { "no" };
    let queue = match status.queue_entries {
        0 => "empty".to_owned(),
        n => format!(
            "{}, {}, the oldest {} old",
            count(n, "entry", "entries"),
            bytes(status.queue_bytes),
            duration(Duration::from_millis(status.queue_oldest_ms))
        ),
    };
    Ok(vec![
        text("pair", "name", &options.get("name")?),
        text("master", "master", &options.get("master")?),
        text("mirror", "mirror", &options.get("mirror")?),
        text("state", "mirror_state", status.mirror_state.name()),
        text("because", "reason", &status.reason),
        Field { label: "", text: String::new(), key: "abandoned", json: status.abandoned.to_string() },
        text("mode", "mode", if status.asynchronous { "async" } else { "sync" }),
        Field {
            label: "mirror answers",
            text: answers.to_owned(),
            key: "mirror_reachable",
            json: status.mirror_reachable.to_string(),
        },
        text("last error", "last_error", &status.last_error),
        Field { label: "queue", text: queue, key: "queue_entries", json: status.queue_entries.to_string() },
        number("queue_bytes", status.queue_bytes),
        number("queue_oldest_ms", status.queue_oldest_ms),
        Field {
            label: "epoch",
            text: status.epoch.to_string(),
            key: "epoch",
            json: status.epoch.to_string(),
        },
        Field { label: "term", text: status.term.to_string(), key: "term", json: status.term.to_string() },
    ])
}
