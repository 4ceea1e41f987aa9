//! Log records to standard error or to a function of the host, only where the host asks for it.
//!
//! The library speaks through the `log` facade. A Rust host that has a logger of its own hears it there; nothing
//! is installed unless `log.stderr=on` or the variable `TWINPOOL_LOG` is set, or somebody listens. What goes through
//! here is limited: see `limit`.

mod limit;

use std::sync::OnceLock;

use log::{LevelFilter, Log, Metadata, Record};
use parking_lot::RwLock;

use self::limit::Limit;
use crate::config::LogSettings;
use crate::error::{Error, Result, Status};

/// A level (`debug`) for the library, or `module=level,…`. Setting it switches the log on.
pub const VARIABLE: &str = "TWINPOOL_LOG";

/// Hears records up to its level, on whatever thread they come from, also on several at once.
pub struct Listener {
    pub level: LevelFilter,
    pub tell: Box<dyn Fn(&Record<'_>) + Send + Sync>,
}

/// The one logger of the library, for both ways out.
struct Logger {
    stderr: OnceLock<env_logger::Logger>,
    /// Readers are inside `tell`; who replaces the listener waits for them.
    listener: RwLock<Option<Listener>>,
    limit: Limit,
}

static LOGGER: Logger = Logger { stderr: OnceLock::new(), listener: RwLock::new(None), limit: Limit::new() };

thread_local! {
    /// Whether this thread is inside `tell`: what that logs would be told to it again.
    static TELLING: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.stderr.get().is_some_and(|l| l.enabled(metadata)) || metadata.level() <= log::max_level()
    }

    fn log(&self, record: &Record<'_>) {
        match self.limit.admit(record) {
            None => {}
            Some(0) => self.tell(record),
            Some(n) => self.tell(
                &Record::builder()
                    .metadata(record.metadata().clone())
                    .module_path_static(record.module_path_static())
                    .file_static(record.file_static())
                    .line(record.line())
                    .args(format_args!("{} ({n} more of these were left out)", record.args()))
                    .build(),
            ),
        }
    }

    fn flush(&self) {}
}

impl Logger {
    fn tell(&self, record: &Record<'_>) {
        if let Some(stderr) = self.stderr.get() {
            stderr.log(record);
        }
        if TELLING.get() {
            return;
        }
        let listener = self.listener.read();
        if let Some(listener) = listener.as_ref().filter(|l| record.level() <= l.level) {
            TELLING.set(true);
            (listener.tell)(record);
            TELLING.set(false);
        }
    }
}

/// Starts logging to standard error if the settings or the environment ask for it. Later calls change nothing.
pub fn start(settings: &LogSettings) {
    if let Some(filter) = filter(settings, std::env::var(VARIABLE).ok().as_deref()) {
        LOGGER.stderr.get_or_init(|| env_logger::Builder::new().parse_filters(&filter).build());
        // A host that uses this crate from Rust may have a logger already: it stays.
        let _ = install();
    }
}

/// Names who hears the log from now on, or nobody. When this returns, the one before is not being told anything
/// and will not be. Fails where a Rust host has a logger of its own.
pub fn listen(listener: Option<Listener>) -> Result<()> {
    if TELLING.get() {
        return Err(Error::new(
            Status::BadState,
            "who hears the log cannot be changed while it is being told",
        ));
    }
    *LOGGER.listener.write() = listener;
    install()
}

fn install() -> Result<()> {
    static INSTALLED: OnceLock<bool> = OnceLock::new();
    if !INSTALLED.get_or_init(|| log::set_logger(&LOGGER).is_ok()) {
        return Err(Error::new(
            Status::BadState,
            "the host has a logger of its own, which hears this library",
        ));
    }
    let stderr = LOGGER.stderr.get().map_or(LevelFilter::Off, env_logger::Logger::filter);
    let listener = LOGGER.listener.read().as_ref().map_or(LevelFilter::Off, |l| l.level);
    log::set_max_level(stderr.max(listener));
    Ok(())
}

/// What is logged, in env_logger's words; `None`: nothing.
fn filter(settings: &LogSettings, variable: Option<&str>) -> Option<String> {
    match variable.map(str::trim).filter(|v| !v.is_empty()) {
        Some(v) if v.parse::<LevelFilter>().is_ok() => Some(format!("twinpool={v}")),
        Some(v) if v.contains('=') => Some(v.to_owned()),
        // Neither a level nor a filter (`TWINPOOL_LOG=1`): on, at the option's level.
        Some(_) => Some(format!("twinpool={}", settings.level)),
        None if settings.stderr => Some(format!("twinpool={}", settings.level)),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_logged_until_it_is_asked_for() {
        let off = LogSettings { stderr: false, level: LevelFilter::Warn };
        let on = LogSettings { stderr: true, ..off };
        assert_eq!(filter(&off, None), None);
        assert_eq!(filter(&off, Some(" ")), None);
        assert_eq!(filter(&on, None).as_deref(), Some("twinpool=WARN"));
        assert_eq!(filter(&off, Some("debug")).as_deref(), Some("twinpool=debug"));
        assert_eq!(filter(&off, Some("1")).as_deref(), Some("twinpool=WARN"));
        assert_eq!(filter(&off, Some("twinpool::pool=trace")).as_deref(), Some("twinpool::pool=trace"));
    }

    #[test]
    fn a_host_that_did_not_ask_keeps_its_logger() {
        start(&LogSettings { stderr: false, level: LevelFilter::Trace });
        assert!(std::env::var_os(VARIABLE).is_some() || log::max_level() == LevelFilter::Off);
    }
}
