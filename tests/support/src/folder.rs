//! Temporary folders: one for the whole test process, one inside it for each thing.

use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::guardian;
use crate::process::server_user;

/// A folder that goes when the value goes. Below the folder of the test process, which goes with the process.
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// `label` is for people who look into the folder while a test runs.
    pub fn new(label: &str) -> Folder {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        // Short, because PostgreSQL and MariaDB put sockets below it and their paths end at 107 bytes.
        let label: String = label.chars().take(20).collect();
        let path = of_this_process().join(format!("{number}-{label}"));
        make(&path);
        Folder { path }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Hands the folder to the user the servers run as.
    pub fn give_to_server(&self) {
        if let Some((uid, gid)) = server_user() {
            chown(&self.path, Some(uid), Some(gid)).expect("root may give a folder away");
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A process on its way out may still write; the guardian has the last word.
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

/// The folder of this test process; its name is also the mark by which our servers are known.
pub fn of_this_process() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| {
        let nanos = std::time::UNIX_EPOCH.elapsed().map_or(0, |t| t.subsec_nanos());
        let path =
            std::env::temp_dir().join(format!("twinpool-{}-{:06x}", std::process::id(), nanos & 0xff_ffff));
        make(&path);
        guardian::watch_over(&path);
        path
    })
}

/// `twinpool-PID-RANDOM`: stands in the command line of every server of this process.
pub fn mark() -> &'static str {
    of_this_process().file_name().and_then(|n| n.to_str()).unwrap_or("twinpool")
}

fn make(path: &Path) {
    let made = std::fs::create_dir(path)
        .and_then(|()| std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)));
    if let Err(error) = made {
        panic!("cannot make the temporary folder {}: {error}", path.display());
    }
}
