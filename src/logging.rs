//! Log records to standard error, only where the host asks for it.
//!
//! The library speaks through the `log` facade. A host that has a logger of its own hears it there; nothing is
//! installed unless `log.stderr=on` or the variable `TWINPOOL_LOG` is set, and never twice.

use std::sync::Once;

use log::LevelFilter;

use crate::config::LogSettings;

/// A level (`debug`) for the library, or `module=level,…`. Setting it switches the log on.
pub const VARIABLE: &str = "TWINPOOL_LOG";

static STARTED: Once = Once::new();

/// Starts logging if the settings or the environment ask for it. Later calls change nothing.
pub fn start(settings: &LogSettings) {
    if let Some(filter) = filter(settings, std::env::var(VARIABLE).ok().as_deref()) {
        STARTED.call_once(|| {
            // A host that uses this crate from Rust may have a logger already: it stays.
            let _ = env_logger::Builder::new().parse_filters(&filter).try_init();
        });
    }
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
