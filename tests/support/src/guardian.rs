//! Sees to it that no server and no folder outlives the test process, also when that is killed.
//!
//! Destructors do not run for statics, nor after SIGKILL, and the parent-death signal reaches a server but not
//! the backends that it forked and a test may have stopped. So a shell waits at the end of a pipe: when the
//! test process is gone, for whatever reason, it kills what carries our mark and removes the folder.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;

/// `$1` is the folder, `$2` the mark. The programs are named because an editor or a `tail -f` on a log
/// carries the mark too. A killed PostgreSQL leaves its small System V segment: line 7 of its pid file.
const SCRIPT: &str = r#"
cat >/dev/null
for round in 1 2 3; do
    found=
    for file in $(grep -alsF -- "$2" /proc/[0-9]*/cmdline); do
        dir=${file%/cmdline}
        case $(cat "$dir/comm" 2>/dev/null) in
        postgres|psql|initdb|mariadbd|mysqld|mariadb|mysql|sqlite3) kill -KILL "${dir#/proc/}" 2>/dev/null && found=1 ;;
        esac
    done
    [ -n "$found" ] || break
    sleep 0.1
done
for file in "$1"/*/data/postmaster.pid; do
    [ -f "$file" ] || continue
    set -- "$1" "$2" $(sed -n 7p "$file")
    [ -n "$4" ] && ipcrm -m "$4" 2>/dev/null
done
rm -rf -- "$1"
"#;

pub fn watch_over(folder: &Path) {
    static PIPE: OnceLock<(Child, ChildStdin)> = OnceLock::new();
    let mark = folder.file_name().unwrap_or_default();
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(SCRIPT).arg("twinpool-guardian").arg(folder).arg(mark).current_dir("/");
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    // Ctrl-C goes to the whole process group: the guardian must survive it.
    command.process_group(0);
    let mut child = command.spawn().expect("/bin/sh starts");
    let stdin = child.stdin.take().expect("the pipe was asked for");
    let _ = PIPE.set((child, stdin));
}
