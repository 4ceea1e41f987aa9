//! A driver that does on demand what no real driver does: hang, fail at a given call, lie about a COMMIT, crash.
//! It is SQLite's driver with a script in front of it, see `stub/driver.c`.

use std::ffi::{CString, c_char, c_int, c_long, c_void};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::folder::Folder;

/// One copy of the stub driver with a script of its own.
pub struct Stub {
    path: PathBuf,
    library: *mut c_void,
    _folder: Folder,
}

// SAFETY: the driver locks what its functions share.
unsafe impl Send for Stub {}
unsafe impl Sync for Stub {}

impl Stub {
    /// Builds the driver, once in a process, and loads a copy of it.
    pub fn new() -> Stub {
        static BUILT: OnceLock<(Folder, PathBuf)> = OnceLock::new();
        let (_, built) = BUILT.get_or_init(|| {
            let folder = Folder::new("stub");
            let path = folder.join("built.so");
            build(&path);
            (folder, path)
        });
        let folder = Folder::new("stub");
        let path = folder.join("libtwinstub.so");
        std::fs::copy(built, &path).expect("the folder is ours");
        let name = CString::new(path.to_str().expect("our names are UTF-8")).expect("without NUL");
        // SAFETY: a library of our own; its constructor only loads the real driver.
        let library = unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
        assert!(!library.is_null(), "the stub driver cannot be loaded");
        Stub { path, library, _folder: folder }
    }

    /// A connection string for a SQLite file through this driver.
    pub fn connection_string(&self, file: &Path) -> String {
        format!("Driver={};Database={}", self.path.display(), file.display())
    }

    fn symbol(&self, name: &str) -> *mut c_void {
        let name = CString::new(name).expect("without NUL");
        // SAFETY: the library stays loaded as long as the process runs.
        let found = unsafe { libc::dlsym(self.library, name.as_ptr()) };
        assert!(!found.is_null(), "the stub driver lacks {name:?}");
        found
    }

    /// The `nth` call of the function from now on does `what`; with 0, every call. `what` is one of
    /// `delay MICROSECONDS`, `fail SQLSTATE NATIVE MESSAGE`, `fail_after …` (the call is made, then it fails),
    /// `hang` and `crash`.
    #[track_caller]
    pub fn plan(&self, function: &str, nth: u32, what: &str) {
        let (f, w) = (CString::new(function).expect("no NUL"), CString::new(what).expect("no NUL"));
        type Plan = unsafe extern "C" fn(*const c_char, c_long, *const c_char) -> c_int;
        // SAFETY: the signature in stub/driver.c.
        let done = unsafe {
            let plan: Plan = std::mem::transmute(self.symbol("stub_plan"));
            plan(f.as_ptr(), c_long::from(nth), w.as_ptr())
        };
        assert_eq!(done, 0, "the stub driver cannot plan {function} {what}");
    }

    /// Nothing is planned for the function any more.
    pub fn forget(&self, function: &str) {
        let f = CString::new(function).expect("no NUL");
        type Plan = unsafe extern "C" fn(*const c_char, c_long, *const c_char) -> c_int;
        // SAFETY: the signature in stub/driver.c.
        unsafe {
            let plan: Plan = std::mem::transmute(self.symbol("stub_plan"));
            plan(f.as_ptr(), 0, std::ptr::null());
        }
    }

    /// Calls that hang go on.
    pub fn release(&self) {
        // SAFETY: the signature in stub/driver.c.
        unsafe {
            let release: unsafe extern "C" fn() = std::mem::transmute(self.symbol("stub_release"));
            release();
        }
    }

    /// How many calls hang now.
    pub fn hanging(&self) -> usize {
        // SAFETY: the signature in stub/driver.c.
        let count = unsafe {
            let hanging: unsafe extern "C" fn() -> c_long = std::mem::transmute(self.symbol("stub_hanging"));
            hanging()
        };
        usize::try_from(count).unwrap_or(0)
    }

    /// How often the function was called.
    pub fn calls(&self, function: &str) -> u64 {
        let f = CString::new(function).expect("no NUL");
        // SAFETY: the signature in stub/driver.c.
        let count = unsafe {
            let calls: unsafe extern "C" fn(*const c_char) -> c_long =
                std::mem::transmute(self.symbol("stub_calls"));
            calls(f.as_ptr())
        };
        u64::try_from(count).expect("a function of ODBC")
    }
}

impl Default for Stub {
    fn default() -> Stub {
        Stub::new()
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        // Nobody is left hanging; the library itself stays loaded, its code may still be running.
        self.release();
    }
}

/// Debian keeps drivers out of the linker's way.
fn real_driver() -> PathBuf {
    let below = std::fs::read_dir("/usr/lib").expect("readable").flatten();
    let found = below.map(|e| e.path().join("odbc/libsqlite3odbc.so")).find(|p| p.exists());
    found.expect("libsqlite3odbc.so is installed (scripts/setup.sh)")
}

fn build(path: &Path) {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/stub/driver.c");
    let real = format!("-DSTUB_REAL=\"{}\"", real_driver().display());
    let status = Command::new("cc")
        .args(["-std=gnu99", "-Wall", "-Wextra", "-Werror", "-O1", "-shared", "-fPIC", "-fvisibility=hidden"])
        .args([real.as_str(), "-o"])
        .args([path, Path::new(source)])
        .args(["-ldl", "-pthread"])
        .status()
        .expect("cc runs (scripts/setup.sh installs it)");
    assert!(status.success(), "the stub driver does not compile");
}
