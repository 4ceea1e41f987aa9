//! A PostgreSQL or MariaDB server of our own: started, killed, stopped, let go on, started again.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::folder::Folder;
use crate::ports::Port;
use crate::process::{cont_family, kill_family, spawn, stop_family};
use crate::wait::within;
use crate::{Engine, mariadb, postgres};

/// What a server is tuned for.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Whether a commit waits for the disk. Off in tests: a killed server loses nothing even so, because what
    /// it wrote is with the kernel. On in benches.
    pub durable: bool,
    /// Memory for data pages.
    pub buffers_mb: u32,
    /// More options of the engine, as `name=value`.
    pub extra: Vec<String>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings { durable: false, buffers_mb: 32, extra: Vec::new() }
    }
}

impl Settings {
    /// For measuring: fsync on, more memory.
    pub fn for_bench() -> Settings {
        Settings { durable: true, buffers_mb: 256, extra: Vec::new() }
    }
}

/// What a server's own module has to say of it.
pub(crate) struct Launch<'a> {
    pub data: &'a Path,
    pub port: u16,
    pub settings: &'a Settings,
}

/// A running (or killed, or stopped) server. Ends with the value.
pub struct Server {
    engine: Engine,
    settings: Settings,
    state: Mutex<State>,
    folder: Folder,
}

struct State {
    port: Port,
    /// `None`: killed.
    child: Option<Child>,
    stopped: bool,
}

impl Server {
    pub fn start(engine: Engine, label: &str, settings: &Settings) -> Server {
        assert!(engine.has_server(), "SQLite has no server");
        let folder = Folder::new(label);
        let template = match engine {
            Engine::Postgres => postgres::template(),
            _ => mariadb::template(),
        };
        folder.give_to_server();
        copy(template, &folder.join("data"));
        // The reservation holds against our own kind only: a stranger may take the port in between.
        let mut attempt = 1;
        loop {
            let port = Port::reserve();
            match launch(engine, &folder, port.number(), settings) {
                Ok(child) => {
                    let state = Mutex::new(State { port, child: Some(child), stopped: false });
                    return Server { engine, settings: settings.clone(), state, folder };
                }
                Err(log) if attempt < 5 && log.contains("in use") => attempt += 1,
                Err(log) => panic!("{engine} does not start:\n{log}"),
            }
        }
    }

    pub fn engine(&self) -> Engine {
        self.engine
    }

    pub fn port(&self) -> u16 {
        self.state().port.number()
    }

    /// The process id of the server, unless it is killed.
    pub fn pid(&self) -> Option<u32> {
        self.state().child.as_ref().map(Child::id)
    }

    pub fn log_path(&self) -> PathBuf {
        self.folder.join("log")
    }

    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// SIGKILL for the server and all its backends; returns when they are gone. Works on a stopped one.
    pub fn kill(&self) {
        let mut state = self.state();
        if let Some(mut child) = state.child.take() {
            kill_family(&mut child);
            self.sweep();
        }
        state.stopped = false;
    }

    /// An orderly end, as an administrator would do it.
    pub fn shut_down(&self) {
        let mut state = self.state();
        if let Some(mut child) = state.child.take() {
            if state.stopped {
                cont_family(child.id());
            }
            // PostgreSQL: "fast", ends sessions and writes everything out. MariaDB: its normal end.
            let signal = if self.engine == Engine::Postgres { libc::SIGINT } else { libc::SIGTERM };
            crate::process::signal(child.id(), signal);
            if !within(Duration::from_secs(30), || matches!(child.try_wait(), Ok(Some(_)))) {
                kill_family(&mut child);
            }
            self.sweep();
        }
        state.stopped = false;
    }

    /// SIGSTOP for the server and all its backends: the kernel still accepts connections, nobody answers.
    pub fn stop(&self) {
        let mut state = self.state();
        if let Some(child) = &state.child {
            stop_family(child.id());
            state.stopped = true;
        }
    }

    /// SIGCONT after [`Server::stop`].
    pub fn cont(&self) {
        let mut state = self.state();
        if let Some(child) = &state.child {
            cont_family(child.id());
        }
        state.stopped = false;
    }

    /// Starts the server again on the same port and data, killing it first when it still runs.
    pub fn restart(&self) {
        self.kill();
        let mut state = self.state();
        match launch(self.engine, &self.folder, state.port.number(), &self.settings) {
            Ok(child) => state.child = Some(child),
            Err(log) => panic!("{} does not start again:\n{log}", self.engine),
        }
    }

    /// Takes a copy of its files, as a backup does that stops the server. It is up again afterwards.
    pub fn save(&self) {
        self.shut_down();
        let saved = self.folder.join("saved");
        let _ = fs::remove_dir_all(&saved);
        copy(&self.data(), &saved);
        self.restart();
    }

    /// Puts the copy of [`Server::save`] in place of its files. It is up afterwards.
    pub fn put_back(&self) {
        self.kill();
        fs::remove_dir_all(self.data()).expect("the data of a killed server can be removed");
        copy(&self.folder.join("saved"), &self.data());
        self.restart();
    }

    /// Whether it answers a client's first words within a second.
    pub fn is_up(&self) -> bool {
        answers(self.engine, self.port(), Duration::from_secs(1))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a killed server leaves lying about. Only ever called when all its processes are gone.
    fn sweep(&self) {
        match self.engine {
            Engine::Postgres => postgres::sweep(&self.data()),
            _ => mariadb::sweep(&self.data()),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            println!(
                "the last lines of the {} server on port {}:\n{}",
                self.engine,
                self.port(),
                tail(&self.log_path(), 15)
            );
        }
    }
}

fn answers(engine: Engine, port: u16, limit: Duration) -> bool {
    match engine {
        Engine::Postgres => postgres::answers(port, limit),
        _ => mariadb::answers(port, limit),
    }
}

/// Starts the process and waits until it serves. Err is its log.
fn launch(engine: Engine, folder: &Folder, port: u16, settings: &Settings) -> Result<Child, String> {
    let log_path = folder.join("log");
    let log = File::options().create(true).append(true).open(&log_path).map_err(|e| e.to_string())?;
    let errors = log.try_clone().map_err(|e| e.to_string())?;
    let what = Launch { data: &folder.join("data"), port, settings };
    let mut command: Command = match engine {
        Engine::Postgres => postgres::server_command(&what),
        _ => mariadb::server_command(&what),
    };
    command.stdin(std::process::Stdio::null()).stdout(log).stderr(errors);
    let program = command.get_program().to_string_lossy().into_owned();
    let mut child =
        spawn(command).map_err(|e| format!("{program}: {e} (scripts/setup.sh test installs it)"))?;
    let mut ended = None;
    let up = within(Duration::from_secs(60), || {
        ended = child.try_wait().ok().flatten();
        // Asked in this order: an answer counts only when our own process is still there after it.
        ended.is_some()
            || (answers(engine, port, Duration::from_secs(1)) && matches!(child.try_wait(), Ok(None)))
    });
    if up && ended.is_none() {
        return Ok(child);
    }
    if ended.is_none() {
        kill_family(&mut child);
    }
    let how = ended.map_or("not ready within 60 s".into(), |status| status.to_string());
    Err(format!("{how}\n{}", tail(&log_path, 40)))
}

fn tail(log: &Path, lines: usize) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

/// A whole folder with owners and holes kept; `cp` knows both.
fn copy(from: &Path, to: &Path) {
    let result =
        Command::new("cp").args(["-a", "--reflink=auto", "--sparse=auto", "--"]).arg(from).arg(to).output();
    match result {
        Ok(output) if output.status.success() => {}
        Ok(output) => panic!("cp of {}: {}", from.display(), String::from_utf8_lossy(&output.stderr)),
        Err(error) => panic!("cp: {error}"),
    }
}
