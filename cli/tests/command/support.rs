//! Runs the command on a pair.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use twinpool_testkit::{Folder, Pair};

/// What a run of the command left.
pub struct Ran {
    pub status: i32,
    pub out: String,
    pub err: String,
}

impl Ran {
    /// It ended well.
    #[track_caller]
    pub fn ok(self) -> Ran {
        assert_eq!(self.status, 0, "exit status {}\n{}\n{}", self.status, self.out, self.err);
        self
    }

    /// It ended with `status` and one line of error; the line without `twinpool: `.
    #[track_caller]
    pub fn failed(&self, status: i32) -> &str {
        assert_eq!(self.status, status, "{}\n{}", self.out, self.err);
        let lines: Vec<_> = self.err.lines().filter_map(|l| l.strip_prefix("twinpool: ")).collect();
        assert_eq!(lines.len(), 1, "one line of error: {:?}", self.err);
        lines[0]
    }
}

/// A folder, and the command with nothing of the pair's options in its environment.
pub struct Bench {
    pub folder: Folder,
    arguments: Vec<String>,
}

impl Bench {
    /// Without any options.
    pub fn bare(name: &str) -> Bench {
        Bench { folder: Folder::new(name), arguments: Vec::new() }
    }

    /// With the connection strings of a pair, and pauses that suit tests.
    pub fn new(pair: &Pair) -> Bench {
        let arguments = vec![
            format!("master={}", pair.master.connection_string()),
            format!("mirror={}", pair.mirror.connection_string()),
            "mirror.timeout_ms=1500".to_owned(),
            "mirror.retry_min_ms=50".to_owned(),
            "mirror.retry_max_ms=200".to_owned(),
            "mirror.poll_ms=100".to_owned(),
        ];
        Bench { folder: Folder::new(pair.name()), arguments }
    }

    pub fn run(&self, arguments: &[&str]) -> Ran {
        self.run_with(arguments, &[], "")
    }

    /// A script on standard input.
    pub fn sql(&self, script: &str) -> Ran {
        self.run_with(&["run"], &[], script)
    }

    pub fn run_with(&self, arguments: &[&str], environment: &[(&str, &str)], input: &str) -> Ran {
        let mut command = Command::new(env!("CARGO_BIN_EXE_twinpool"));
        for (key, _) in std::env::vars_os().filter(|(k, _)| k.to_string_lossy().starts_with("TWINPOOL_")) {
            command.env_remove(key);
        }
        command.args(&self.arguments).args(arguments).envs(environment.iter().copied());
        command.current_dir(self.folder.path());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the command starts");
        let mut stdin = child.stdin.take().expect("the pipe was asked for");
        // A command that fails early does not read its input.
        let _ = stdin.write_all(input.as_bytes());
        drop(stdin);
        let output = child.wait_with_output().expect("the command ends");
        Ran {
            status: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).expect("UTF-8"),
            err: String::from_utf8(output.stderr).expect("UTF-8"),
        }
    }

    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.join(name), text).expect("the folder can be written");
    }
}

/// The project's root.
pub fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// A table with a key that all engines take.
pub const ITEMS: &str =
    "CREATE TABLE items (id INTEGER NOT NULL PRIMARY KEY, name VARCHAR(200), n INTEGER NOT NULL DEFAULT 0)";
