//! A runner at work: a process that takes a command a line and answers with lines, the last of which begins with `=`.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

/// An answer that takes longer is none. Much for one command; a busy machine opens fifty pools in a minute.
const LIMIT: Duration = Duration::from_secs(180);

pub struct Runner {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
}

/// Memory and file descriptors of a process.
#[derive(Clone, Debug)]
pub struct Usage {
    pub kib: u64,
    /// Number and what it leads to.
    pub descriptors: Vec<String>,
}

impl Runner {
    pub fn start(mut command: Command) -> Result<Runner, String> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|e| format!("{command:?}: {e}"))?;
        let (out, input) = (child.stdout.take().unwrap(), child.stdin.take());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Ok(Runner { child, input, lines })
    }

    /// The next answer.
    pub fn answer(&mut self) -> Result<Vec<String>, String> {
        let mut found = Vec::new();
        loop {
            match self.lines.recv_timeout(LIMIT) {
                Ok(line) => {
                    let last = line.starts_with('=');
                    found.push(line);
                    if last {
                        return Ok(found);
                    }
                }
                Err(RecvTimeoutError::Timeout) => return Err(format!("no answer within {LIMIT:?}")),
                Err(RecvTimeoutError::Disconnected) => return Err(self.last_words(&found)),
            }
        }
    }

    /// What a runner that has ended said, on both ways, and how it ended.
    fn last_words(&mut self, found: &[String]) -> String {
        self.input = None;
        let mut errors = String::new();
        if let Some(mut stderr) = self.child.stderr.take() {
            let _ = stderr.read_to_string(&mut errors);
        }
        let status = self.child.wait().map_or_else(|e| e.to_string(), |s| s.to_string());
        format!("ended ({status}): {}{errors}", found.join("\n"))
    }

    pub fn ask(&mut self, command: &str) -> Result<Vec<String>, String> {
        let input = self.input.as_mut().ok_or("has ended")?;
        // What a dead runner did not read shows in its last words.
        let _ = writeln!(input, "{command}").and_then(|()| input.flush());
        self.answer()
    }

    pub fn usage(&self) -> Usage {
        let process = format!("/proc/{}", self.child.id());
        let status = std::fs::read_to_string(format!("{process}/status")).unwrap_or_default();
        let rss = status.lines().find_map(|l| l.strip_prefix("VmRSS:"));
        let kib = rss.and_then(|l| l.trim().trim_end_matches("kB").trim().parse().ok()).unwrap_or(0);
        let names = std::fs::read_dir(format!("{process}/fd")).into_iter().flatten().flatten();
        let target = |at: std::fs::DirEntry| {
            let target =
                std::fs::read_link(at.path()).map_or_else(|e| e.to_string(), |t| t.display().to_string());
            format!("{} {target}", at.file_name().display())
        };
        let descriptors = names.map(target).collect();
        Usage { kib, descriptors }
    }

    /// The end of its input is the end of a runner, in good order.
    pub fn finish(mut self) -> Result<(), String> {
        self.input = None;
        let ended = twinpool_testkit::within(Duration::from_secs(30), || {
            matches!(self.child.try_wait(), Ok(Some(_)))
        });
        if !ended {
            return Err("did not end within 30 s after its last command".into());
        }
        let words = self.last_words(&[]);
        if words == "ended (exit status: 0): " { Ok(()) } else { Err(words) }
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
