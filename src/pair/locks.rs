//! Locks that die with whoever holds them: proof that a pool is alive, and the replay lock.
//!
//! PostgreSQL: an advisory lock; MariaDB: `GET_LOCK`; both on a connection of their own. SQLite: a lock on
//! a file beside the database (`flock`), which the kernel drops with the process.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::shared::{int, text};
use crate::error::{Error, Result, Status};
use crate::link::{Engine, Link};
use crate::value::Value;

/// A held lock; dropping it lets go.
#[derive(Debug)]
pub enum Held {
    Session(Link),
    File { _file: File, path: PathBuf, remove: bool },
}

impl Held {
    /// Whether it is still held. Asks the server, so that an idle connection neither dies unnoticed nor is
    /// ended for idleness.
    pub fn is_sound(&mut self, limit: Duration) -> bool {
        match self {
            Held::Session(link) => !link.is_lost() && link.ping(limit).is_ok(),
            Held::File { .. } => true,
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Held::File { path, remove: true, .. } = self {
            // Still locked here, so nobody else can be between opening and locking it and rely on it.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// FNV-1a: the same number in every process and version, which std's hashers do not promise.
pub fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3))
}

/// Takes the lock `name` on the node of `link` if nobody holds it. On the servers the link is kept with the
/// lock; on SQLite it is only asked for the file's place. `lasting` locks keep their file.
pub fn try_lock(mut link: Link, name: &str, lasting: bool) -> Result<Option<Held>> {
    match link.engine() {
        Engine::Postgres => {
            // 'twin' in the upper half keeps clear of an application's own small numbers.
            let key = (hash(name) & 0xffff_ffff) as i64 | (0x7477_696e << 32);
            let rows =
                link.query("SELECT CASE WHEN pg_try_advisory_lock(?) THEN 1 ELSE 0 END", &[Value::Int(key)])?;
            Ok(is_one(&rows).then_some(Held::Session(link)))
        }
        Engine::MariaDb => {
            let rows = link.query("SELECT DATABASE()", &[])?;
            let database = rows.first().and_then(|r| r.first()).map(text).unwrap_or_default();
            let key = named(&format!("{database}\0{name}"));
            let rows = link.query("SELECT GET_LOCK(?, 0)", &[Value::Text(key)])?;
            Ok(is_one(&rows).then_some(Held::Session(link)))
        }
        Engine::Sqlite => {
            let path = sqlite_file(&mut link)?;
            lock_file(&beside(&path, name), !lasting)
        }
    }
}

/// Takes the lock on this connection itself, which goes on to work under it; waits for it, at most `limit`. Only
/// where DDL commits by itself.
pub fn hold(link: &mut Link, name: &str, limit: Duration) -> Result<bool> {
    // In small steps, which no limit of a call cuts short.
    let end = Instant::now() + limit;
    loop {
        let step = end.saturating_duration_since(Instant::now()).min(Duration::from_millis(250));
        let row = [Value::Text(named(name)), Value::Double(step.as_secs_f64())];
        if is_one(&link.query("SELECT GET_LOCK(?, ?)", &row)?) {
            return Ok(true);
        }
        if Instant::now() >= end {
            return Ok(false);
        }
    }
}

pub fn let_go(link: &mut Link, name: &str) -> Result<()> {
    link.query("SELECT RELEASE_LOCK(?)", &[Value::Text(named(name))]).map(drop)
}

/// The number of the session that holds it.
pub fn holder(link: &mut Link, name: &str) -> Result<Option<u64>> {
    let rows = link.query("SELECT COALESCE(IS_USED_LOCK(?), 0)", &[Value::Text(named(name))])?;
    Ok(rows.first().and_then(|r| r.first()).map(int).filter(|id| *id > 0).map(|id| id as u64))
}

/// Whether this connection has the lock. The answer also proves that nothing it was asked before is still running.
pub fn holds(link: &mut Link, name: &str) -> Result<bool> {
    let sql = "SELECT COALESCE(IS_USED_LOCK(?) = CONNECTION_ID(), 0)";
    Ok(is_one(&link.query(sql, &[Value::Text(named(name))])?))
}

/// Server-wide names: 64 characters at most.
fn named(name: &str) -> String {
    format!("twin:{:016x}", hash(name))
}

/// Waits for the lock, at most `limit`.
pub fn lock(open: impl Fn() -> Result<Link>, name: &str, lasting: bool, limit: Duration) -> Result<Held> {
    let end = Instant::now() + limit;
    loop {
        if let Some(held) = try_lock(open()?, name, lasting)? {
            return Ok(held);
        }
        if Instant::now() >= end {
            return Err(Error::new(
                Status::Retry,
                format!("the lock {name} was held by another process for {} ms", limit.as_millis()),
            ));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Removes the lock files of pools that died before they were registered, of which no table tells.
pub fn sweep(link: &mut Link, registered: &[String]) -> Result<()> {
    let database = sqlite_file(link)?;
    let (Some(folder), Some(name)) = (database.parent(), database.file_name()) else { return Ok(()) };
    let prefix = format!("{}-twin-", name.to_string_lossy());
    // A folder that cannot be read keeps its files.
    let Ok(files) = std::fs::read_dir(folder) else { return Ok(()) };
    for file in files.flatten() {
        let file_name = file.file_name();
        let id = file_name.to_str().and_then(|n| n.strip_prefix(&prefix)?.strip_suffix(".lock"));
        let ours = |id: &str| id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit());
        if id.is_some_and(|id| ours(id) && !registered.iter().any(|r| r == id)) {
            // Held by nobody: letting go of it removes it.
            drop(lock_file(&file.path(), true)?);
        }
    }
    Ok(())
}

/// Removes the files of the locks that belong to the pair, unless somebody holds them.
pub fn remove_lasting(link: &mut Link) -> Result<()> {
    let database = sqlite_file(link)?;
    for name in ["twin-replay", "twin-establish"] {
        let path = beside(&database, name);
        if path.exists() {
            drop(lock_file(&path, true)?);
        }
    }
    Ok(())
}

fn is_one(rows: &[Vec<Value>]) -> bool {
    rows.first().and_then(|r| r.first()).map(int) == Some(1)
}

/// Where the database of a SQLite connection lies.
pub fn sqlite_file(link: &mut Link) -> Result<PathBuf> {
    let rows = link.query("SELECT file FROM pragma_database_list WHERE name = 'main'", &[])?;
    let file = rows.first().and_then(|r| r.first()).map(text).unwrap_or_default();
    if file.is_empty() {
        return Err(Error::new(Status::NotAPair, format!("the {} is not a database file", link.side())));
    }
    Ok(PathBuf::from(file))
}

fn beside(database: &Path, name: &str) -> PathBuf {
    let mut file = database.as_os_str().to_owned();
    file.push(format!("-{name}.lock"));
    PathBuf::from(file)
}

fn lock_file(path: &Path, remove: bool) -> Result<Option<Held>> {
    let failed = |e: std::io::Error| Error::new(Status::Tables, format!("lock file {}: {e}", path.display()));
    loop {
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(e)) => return Err(failed(e)),
        }
        // The one who held it may have removed the file between our open and our lock.
        let same = match (file.metadata(), std::fs::metadata(path)) {
            (Ok(a), Ok(b)) => {
                use std::os::unix::fs::MetadataExt;
                a.dev() == b.dev() && a.ino() == b.ino()
            }
            _ => false,
        };
        if same {
            return Ok(Some(Held::File { _file: file, path: path.to_owned(), remove }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_lock_is_held_once_and_can_be_taken_again() {
        let dir = std::env::temp_dir().join(format!("twinpool-lock-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let path = dir.join("a.db-x.lock");
        let held = lock_file(&path, true).unwrap().unwrap();
        assert!(lock_file(&path, true).unwrap().is_none());
        drop(held);
        assert!(!path.exists());
        assert!(lock_file(&path, true).unwrap().is_some());
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
