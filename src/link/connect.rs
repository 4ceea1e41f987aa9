//! Connecting within a limit, whatever the driver does.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use odbc_api::sys::InfoType;
use parking_lot::Mutex;

use super::connstr::Attributes;
use super::core::Core;
use super::diagnostics::{self, Secrets};
use super::dialects::{self, Driver, Engine};
use super::handles::Dbc;
use super::link::Link;
use super::socket::Sockets;
use super::watchdog::{self, Slot};
use super::{LinkSettings, process};
use crate::error::{Class, Error, Record, Result, Side, Status};
use crate::value::Value;

/// Connects that nobody waits for any more but whose driver has not come back. More of them would only
/// pile up threads.
static ABANDONED: AtomicUsize = AtomicUsize::new(0);
const MOST_ABANDONED: usize = 64;

/// Whoever connects through a Unix socket does so alone: the new socket is found by being new.
static UNIX_CONNECT: Mutex<()> = Mutex::new(());

/// A database file as it was when it was opened.
#[derive(Clone, Debug)]
pub(super) struct FileIdentity {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl FileIdentity {
    fn of(path: &Path) -> Option<FileIdentity> {
        let meta = std::fs::metadata(path).ok()?;
        Some(FileIdentity { path: path.to_owned(), device: meta.dev(), inode: meta.ino() })
    }

    /// False when the file has been removed or replaced: SQLite goes on happily with what has no name.
    pub(super) fn holds(&self) -> bool {
        std::fs::metadata(&self.path).is_ok_and(|m| m.dev() == self.device && m.ino() == self.inode)
    }
}

pub(super) fn open(side: Side, connection_string: &str, settings: &LinkSettings) -> Result<Link> {
    let attributes = Attributes::parse(connection_string)?;
    let deadline = Instant::now() + settings.connect_timeout;
    // Made here: the child of a fork in the other thread would be a puzzle.
    process::stamp();
    if ABANDONED.load(Ordering::Relaxed) >= MOST_ABANDONED {
        let text =
            format!("connect to the {side}: {MOST_ABANDONED} earlier connects still hang in their drivers");
        return Err(Error::database(side, Class::Unreachable, text, Vec::new()));
    }
    let (sender, receiver) = mpsc::sync_channel(1);
    let settings_there = settings.clone();
    // 0: awaited, 1: abandoned, 2: the driver has come back.
    let abandoned = Arc::new(AtomicUsize::new(0));
    let abandoned_there = abandoned.clone();
    let started = watchdog::detached("twin-connect", move || {
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            attempt(side, attributes, &settings_there, deadline)
        }));
        let outcome = outcome.unwrap_or_else(|_| Err(Error::new(Status::Internal, "connecting panicked")));
        // A link that comes too late is closed here, by this thread.
        let late = sender.send(outcome);
        if abandoned_there.swap(2, Ordering::AcqRel) == 1 {
            ABANDONED.fetch_sub(1, Ordering::Relaxed);
        }
        drop(late);
    });
    if !started {
        return Err(Error::new(Status::Exhausted, format!("connect to the {side}: no thread to be had")));
    }
    match receiver.recv_timeout(settings.connect_timeout) {
        Ok(outcome) => outcome,
        Err(RecvTimeoutError::Timeout) => {
            ABANDONED.fetch_add(1, Ordering::Relaxed);
            if abandoned.compare_exchange(0, 1, Ordering::AcqRel, Ordering::Acquire).is_err() {
                ABANDONED.fetch_sub(1, Ordering::Relaxed);
            }
            let limit = settings.connect_timeout.as_millis();
            let text = format!("connect to the {side}: no answer within {limit} ms");
            Err(Error::database(side, Class::Unreachable, text, Vec::new()))
        }
        Err(RecvTimeoutError::Disconnected) => {
            Err(Error::new(Status::Internal, "the connecting thread has gone"))
        }
    }
}

fn attempt(side: Side, attributes: Attributes, settings: &LinkSettings, deadline: Instant) -> Result<Link> {
    let secrets = Secrets::of(&attributes);
    let Some(guess) = dialects::guess(&attributes) else {
        // A data source by name: its driver shows on connecting, and then we know what it needs.
        let (dbc, _) = connect(side, &attributes, None, &secrets, settings, deadline)?;
        let name = dbc.info(InfoType::DbmsName);
        let driver = dialects::by_name(&name).ok_or_else(|| unknown_engine(side, &name))?;
        drop(dbc);
        return attempt_as(side, attributes, driver, secrets, settings, deadline);
    };
    attempt_as(side, attributes, guess, secrets, settings, deadline)
}

fn unknown_engine(side: Side, name: &str) -> Error {
    let text =
        format!("the {side} is a database named {name:?}; SQLite, PostgreSQL and MariaDB are supported");
    Error::new(Status::Unsupported, text)
}

fn attempt_as(
    side: Side,
    mut attributes: Attributes,
    driver: &'static dyn Driver,
    secrets: Secrets,
    settings: &LinkSettings,
    deadline: Instant,
) -> Result<Link> {
    driver.complete(&mut attributes, settings);
    let unix = driver.may_use_unix_socket(&attributes);
    let alone = if unix {
        let rest = deadline.saturating_duration_since(Instant::now());
        Some(UNIX_CONNECT.try_lock_for(rest).ok_or_else(|| late(side))?)
    } else {
        None
    };
    let (dbc, before) = connect(side, &attributes, Some(driver), &secrets, settings, deadline)?;
    let name = dbc.info(InfoType::DbmsName);
    let actual = dialects::by_name(&name).ok_or_else(|| unknown_engine(side, &name))?;
    if actual.engine() != driver.engine() {
        let text = format!("the driver for {} reached a database named {name:?}", driver.engine());
        return Err(Error::new(Status::Unsupported, text));
    }
    let dbc = Arc::new(dbc);
    let file = match driver.engine() {
        Engine::Sqlite => attributes.get("Database").and_then(|path| FileIdentity::of(Path::new(path))),
        _ => None,
    };
    let interrupt = match driver.engine() {
        Engine::Sqlite => {
            let stmt = super::handles::Stmt::new(&dbc, side)
                .map_err(|records| diagnostics::error(driver, side, "SQLAllocHandle", records, &secrets))?;
            Some(Arc::new(stmt))
        }
        _ => None,
    };
    let slot = Slot::new(interrupt);
    let core = Arc::new(Core::new(side, driver, dbc, secrets, slot, settings));
    let mut link = Link::assemble(core, file);
    // The first question is asked unwatched, for the socket is not known yet: this thread may hang, its
    // caller does not.
    let greeting = link.greet()?;
    if driver.engine() != Engine::Sqlite {
        // The server may see another port than we do (address translation), or none (Unix socket).
        let socket = greeting.client_port.and_then(|port| before.find_new(false, Some(port)));
        match socket.or_else(|| before.find_new(unix && greeting.client_port.is_none(), None)) {
            Some(socket) => link.core().set_socket(socket),
            None => {
                log::warn!("connection to the {side}: its socket was not found; calls on it cannot be cut")
            }
        }
    }
    drop(alone);
    let rest = deadline.saturating_duration_since(Instant::now());
    link.set_call_timeout(Some(rest.max(Duration::from_millis(1))));
    if driver.engine() == Engine::Postgres {
        check_encoding(&mut link)?;
    }
    link.start_session(driver.session_sql(&attributes, settings, &greeting), settings)?;
    link.set_greeting(greeting);
    for sql in &settings.init_sql {
        link.run_once(sql).map_err(|e| e.context("the session's initial SQL"))?;
    }
    link.set_call_timeout(settings.call_timeout);
    Ok(link)
}

/// psqlODBC takes text for text in the encoding of the process's locale, and converts it. Where that is not
/// UTF-8 it would quietly store every `ä` as two characters.
fn check_encoding(link: &mut Link) -> Result<()> {
    // The driver has just set the locale from the environment.
    let codeset = unsafe {
        let name = libc::nl_langinfo(libc::CODESET);
        if name.is_null() {
            String::new()
        } else {
            std::ffi::CStr::from_ptr(name).to_string_lossy().into_owned()
        }
    };
    if codeset.is_empty() || codeset.eq_ignore_ascii_case("UTF-8") || codeset.starts_with("ANSI_X3.4") {
        return Ok(());
    }
    let sql = "SELECT CASE getdatabaseencoding() WHEN 'SQL_ASCII' THEN 2 ELSE char_length(?) + char_length('ä') END";
    match link.query(sql, &[Value::Text("ä".into())]) {
        Ok(rows) if matches!(rows.first().map(Vec::as_slice), Some([Value::Int(2)])) => Ok(()),
        Ok(_) => {
            let text = format!(
                "connect to the {}: psqlODBC would convert all text from this process's locale ({codeset}); \
                 set PGCLIENTENCODING=UTF8 in its environment, or a UTF-8 locale",
                link.side()
            );
            Err(Error::new(Status::Unsupported, text))
        }
        // A database without this letter.
        Err(error) if !link.is_lost() => {
            log::warn!("checking the encoding: {error}");
            Ok(())
        }
        Err(error) => Err(error),
    }
}

fn late(side: Side) -> Error {
    let text = format!("connect to the {side}: the time was over before it could begin");
    Error::database(side, Class::Unreachable, text, Vec::new())
}

/// The bare connect; also the sockets that were there before it.
fn connect(
    side: Side,
    attributes: &Attributes,
    driver: Option<&'static dyn Driver>,
    secrets: &Secrets,
    settings: &LinkSettings,
    deadline: Instant,
) -> Result<(Dbc, Sockets)> {
    if Instant::now() >= deadline {
        return Err(late(side));
    }
    let dbc = Dbc::new()?;
    // Whole seconds; libmaodbc accepts and ignores it.
    let seconds = settings.connect_timeout.as_millis().div_ceil(1000).max(1) as usize;
    const LOGIN_TIMEOUT: i32 = 103;
    // psqlODBC refuses to connect when it is given twice and not the same.
    if !attributes.get("pqopt").is_some_and(|options| options.contains("connect_timeout")) {
        dbc.set_attribute(LOGIN_TIMEOUT, seconds);
    }
    let before = match driver.map(|d| d.engine()) {
        Some(Engine::Sqlite) => Sockets::none(),
        _ => Sockets::now(),
    };
    match dbc.connect(&attributes.text(), side) {
        Ok(()) => Ok((dbc, before)),
        Err(records) => Err(refusal(side, attributes, driver, records, secrets)),
    }
}

/// What a failed connect means.
fn refusal(
    side: Side,
    attributes: &Attributes,
    driver: Option<&'static dyn Driver>,
    records: Vec<Record>,
    secrets: &Secrets,
) -> Error {
    let fallback = dialects::of(Engine::Sqlite);
    let judge = driver.unwrap_or(fallback);
    let error = diagnostics::error(judge, side, "SQLDriverConnect", records, secrets);
    // The driver manager's own: 01000 with SQL_ERROR, IM002, IM003 ...
    let missing = error.records().iter().any(|r| {
        matches!(r.sqlstate.as_str(), "IM002" | "IM003" | "IM004") || r.message.contains("Can't open lib")
    });
    if missing {
        let what = match attributes.get("driver") {
            Some(name) => format!("the ODBC driver {name:?} is not installed"),
            None => format!("the ODBC data source {:?} is not defined", attributes.get("dsn").unwrap_or("")),
        };
        let package = driver.map(|d| format!(" (Debian package {})", d.package())).unwrap_or_default();
        let text =
            error.records().first().map(|r| format!(": {} ({})", r.message, r.sqlstate)).unwrap_or_default();
        let message = format!("connect to the {side}: {what}{package}{text}");
        let message = message.split_whitespace().collect::<Vec<_>>().join(" ");
        return Error::database(side, Class::Refused, message, error.records().to_vec())
            .with_status(Status::NoDriver);
    }
    let verdict = error.records().iter().find_map(|r| judge.connect_status(r));
    let (class, status) = match (verdict, error.class()) {
        (Some(verdict), _) => verdict,
        (None, Class::Exhausted) => (Class::Exhausted, Status::Exhausted),
        // Drivers call a server that is not there by many names.
        (None, Class::Unreachable | Class::TimedOut | Class::Retryable | Class::OutcomeUnknown) => {
            (Class::Unreachable, Status::Unreachable)
        }
        (None, Class::Refused) => (Class::Refused, Status::Login),
    };
    Error::database(
        side,
        class,
        error.message().replace("SQLDriverConnect on", "connect to"),
        error.records().to_vec(),
    )
    .with_status(status)
}
