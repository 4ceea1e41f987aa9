//! A SQLite database and the ways in which it can be out of reach: locked by another process, or not there.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::client::{self, FIELD, NULL, RECORD, Rows};
use crate::folder::Folder;
use crate::process::spawn;

pub struct SqliteFile {
    path: PathBuf,
    state: Mutex<State>,
    _folder: Folder,
}

#[derive(Default)]
struct State {
    locker: Option<(Child, ChildStdin)>,
    away: bool,
}

/// The database and what SQLite keeps beside it: they only make sense together.
const PARTS: [&str; 4] = ["", "-wal", "-shm", "-journal"];

impl SqliteFile {
    /// An empty database in WAL mode.
    pub fn create(label: &str) -> SqliteFile {
        let folder = Folder::new(label);
        let path = folder.join("twin.db");
        let file = SqliteFile { path, state: Mutex::default(), _folder: folder };
        // A table, made and dropped, so that the file exists with its header and not with zero bytes.
        let made = file.run_sql("PRAGMA journal_mode=WAL; CREATE TABLE t (a); DROP TABLE t;", client::LIMIT);
        if let Err(error) = made {
            panic!("sqlite3: {error}");
        }
        file
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Another process takes the write lock and keeps it until [`SqliteFile::unlock`]. Readers go on (WAL).
    pub fn lock(&self) {
        let mut state = self.state();
        if state.locker.is_some() {
            return;
        }
        let mut command = Command::new("sqlite3");
        command.args(["-batch", "-bail", "-cmd", ".timeout 20000"]).arg(&self.path);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut child = spawn(command).expect("sqlite3 starts (scripts/setup.sh test installs it)");
        let mut stdin = child.stdin.take().expect("the pipe was asked for");
        let stdout = child.stdout.take().expect("the pipe was asked for");
        stdin.write_all(b"BEGIN EXCLUSIVE;\nSELECT 'locked';\n").expect("sqlite3 takes input");
        let mut line = String::new();
        let _ = BufReader::new(stdout).read_line(&mut line);
        assert_eq!(line.trim(), "locked", "sqlite3 could not lock {}", self.path.display());
        state.locker = Some((child, stdin));
    }

    /// Kills the process that holds the lock.
    pub fn unlock(&self) {
        if let Some((mut child, stdin)) = self.state().locker.take() {
            let _ = child.kill();
            let _ = child.wait();
            drop(stdin);
        }
    }

    /// Moves the database away. Who has it open goes on with the moved file, unless he looks at the path.
    pub fn away(&self) {
        let mut state = self.state();
        if !state.away {
            self.rename(".here", ".away");
            state.away = true;
        }
    }

    /// Moves it back.
    pub fn back(&self) {
        let mut state = self.state();
        if state.away {
            assert!(
                !self.path.exists(),
                "someone made a new database at {} while it was away",
                self.path.display()
            );
            for part in ["-wal", "-shm", "-journal"] {
                let _ = fs::remove_file(self.part(part, ".here"));
            }
            self.rename(".away", ".here");
            state.away = false;
        }
    }

    /// Takes a copy, as a backup does.
    pub fn save(&self) {
        let saved = self.part("", ".saved");
        let _ = fs::remove_file(&saved);
        let sql = format!("VACUUM INTO '{}';", saved.display());
        self.run(&sql, 5000, client::LIMIT).unwrap_or_else(|e| panic!("save: {e}"));
    }

    /// Puts the copy of [`SqliteFile::save`] in its place. Who has the old one open goes on with that, unless he
    /// looks at the path.
    pub fn put_back(&self) {
        self.away();
        fs::copy(self.part("", ".saved"), &self.path).expect("the copy can be put back");
        for part in PARTS {
            let _ = fs::remove_file(self.part(part, ".away"));
        }
        self.state().away = false;
    }

    /// Whether it is there and can be written to.
    pub fn is_up(&self) -> bool {
        self.path.exists() && self.run("BEGIN IMMEDIATE; ROLLBACK;", 0, Duration::from_secs(5)).is_ok()
    }

    pub fn run_sql(&self, sql: &str, limit: Duration) -> Result<Rows, String> {
        self.run(sql, 20_000, limit)
    }

    /// Also works while the file is away: then it looks where the file is now.
    fn run(&self, sql: &str, busy_ms: u32, limit: Duration) -> Result<Rows, String> {
        let path = if self.state().away { self.part("", ".away") } else { self.path.clone() };
        let mut command = Command::new("sqlite3");
        command.args(["-batch", "-bail", "-list", "-noheader", "-cmd", &format!(".timeout {busy_ms}")]);
        command.arg("-separator").arg(FIELD.to_string()).arg("-newline").arg(RECORD.to_string());
        command.arg("-nullvalue").arg(NULL).arg(path);
        client::run(command, sql, limit).map(|text| client::parse_separated(&text))
    }

    fn part(&self, part: &str, place: &str) -> PathBuf {
        let name = self.path.to_string_lossy();
        PathBuf::from(if place == ".here" { format!("{name}{part}") } else { format!("{name}{place}{part}") })
    }

    fn rename(&self, from: &str, to: &str) {
        for part in PARTS {
            let (from, to) = (self.part(part, from), self.part(part, to));
            match fs::rename(&from, &to) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound || part.is_empty() => {
                    panic!("{} cannot be moved: {error}", from.display())
                }
                _ => {}
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for SqliteFile {
    fn drop(&mut self) {
        self.unlock();
    }
}

pub fn connection_string(path: &Path) -> String {
    format!("Driver={{SQLite3}};Database={};", path.display())
}
