//! The three hosts: what has to be built for them, and how their runners are started.

use std::path::{Path, PathBuf};
use std::process::Command;

use twinpool_testkit::Folder;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Host {
    C,
    Python,
    Java,
}

/// Which library a runner finds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Library {
    Built,
    /// None at all.
    Missing,
    /// One that says it has another ABI.
    Old,
}

impl Host {
    pub const ALL: [Host; 3] = [Host::C, Host::Python, Host::Java];

    pub fn name(self) -> &'static str {
        match self {
            Host::C => "c",
            Host::Python => "python",
            Host::Java => "java",
        }
    }
}

/// What the runners are started from.
pub struct Hosts {
    folder: Folder,
    java_classes: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The newest `libtwinpool.so` of this build: cargo leaves it beside the test binaries or one folder above.
fn built_library() -> PathBuf {
    let exe = std::env::current_exe().unwrap();
    let deps = exe.parent().unwrap();
    [deps.join("libtwinpool.so"), deps.with_file_name("libtwinpool.so")]
        .into_iter()
        .filter(|p| p.exists())
        .max_by_key(|p| p.metadata().and_then(|m| m.modified()).unwrap())
        .expect("libtwinpool.so is built together with its tests")
}

pub fn succeed(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{command:?}: {}\n{text}{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    text
}

impl Hosts {
    pub fn build() -> Hosts {
        let folder = Folder::new("hosts");
        install(folder.path());
        build_old(folder.path());
        build_c(folder.path());
        let java_classes = build_java(folder.path());
        Hosts { folder, java_classes }
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The command that starts a host's runner.
    pub fn runner(&self, host: Host, library: Library) -> Command {
        let mut command = self.host_command(host, library);
        match host {
            Host::C => {}
            Host::Python => drop(command.arg(root().join("tests/scenarios/python/runner.py"))),
            Host::Java => drop(command.arg("Runner")),
        }
        command
    }

    /// The command to which the name of a program is added; in C it is the runner itself.
    pub fn host_command(&self, host: Host, library: Library) -> Command {
        let mut command = match host {
            Host::C => Command::new(self.folder.join("runner")),
            Host::Python => {
                let mut python = Command::new("python3");
                // -X dev: every warning is shown, but for handles that a scenario leaves to the collector.
                python.args(["-X", "dev", "-W", "ignore::ResourceWarning"]);
                python.env("PYTHONPATH", root().join("bindings/python")).env("PYTHONDONTWRITEBYTECODE", "1");
                python
            }
            Host::Java => {
                let mut java = Command::new("java");
                // A small heap, touched at the start, so that the test of leaks sees growth that is not the heap's.
                java.args(["-Xmx64m", "-Xms64m", "-XX:+UseSerialGC", "-XX:+AlwaysPreTouch", "-cp"]);
                java.arg(&self.java_classes);
                java
            }
        };
        self.with_library(&mut command, library);
        command
    }

    pub fn with_library<'a>(&self, command: &'a mut Command, library: Library) -> &'a mut Command {
        let libraries = match library {
            Library::Built => self.folder.join("lib"),
            Library::Missing => self.folder.join("nowhere"),
            Library::Old => self.folder.join("old"),
        };
        let named = libraries.join("libtwinpool.so");
        command.env("LD_LIBRARY_PATH", &libraries).env("TWINPOOL_LIBRARY", named)
    }

    /// Compiles C in the folder, with what pkg-config says of the installed library.
    pub fn compile_c(&self, flags: &[&str], sources: &[PathBuf]) {
        compile_c(self.folder.path(), flags, sources);
    }
}

/// Puts the library where `make install` would put it below a prefix.
fn install(prefix: &Path) {
    let lib = prefix.join("lib");
    std::fs::create_dir_all(lib.join("pkgconfig")).unwrap();
    std::fs::create_dir_all(prefix.join("include")).unwrap();
    std::fs::copy(built_library(), lib.join("libtwinpool.so.0")).unwrap();
    std::os::unix::fs::symlink("libtwinpool.so.0", lib.join("libtwinpool.so")).unwrap();
    std::fs::copy(root().join("include/twinpool.h"), prefix.join("include/twinpool.h")).unwrap();
    let pc = std::fs::read_to_string(root().join("twinpool.pc.in"))
        .unwrap()
        .replace("@PREFIX@", prefix.to_str().unwrap())
        .replace("@LIBDIR@", lib.to_str().unwrap())
        .replace("@INCLUDEDIR@", prefix.join("include").to_str().unwrap())
        .replace("@VERSION@", env!("CARGO_PKG_VERSION"));
    std::fs::write(lib.join("pkgconfig/twinpool.pc"), pc).unwrap();
}

/// A library of another ABI.
fn build_old(prefix: &Path) {
    let old = prefix.join("old");
    std::fs::create_dir_all(&old).unwrap();
    let source = old.join("old.c");
    std::fs::write(&source, "unsigned twin_abi_version(void) { return 4711; }\n").unwrap();
    succeed(
        Command::new("cc")
            .args(["-shared", "-fPIC", "-Wl,-soname,libtwinpool.so.0", "-o"])
            .arg(old.join("libtwinpool.so.0"))
            .arg(&source),
    );
    std::os::unix::fs::symlink("libtwinpool.so.0", old.join("libtwinpool.so")).unwrap();
}

fn build_c(prefix: &Path) {
    let sources = ["runner.c", "commands.c", "values.c", "batch.c"];
    let sources = sources.map(|file| root().join("tests/scenarios/c").join(file));
    // Bound lazily, or a library without our functions would fail before the check of its ABI.
    compile_c(prefix, &["-std=c11", "-D_GNU_SOURCE", "-pthread", "-Wl,-z,lazy", "-o", "runner"], &sources);
}

fn compile_c(prefix: &Path, flags: &[&str], sources: &[PathBuf]) {
    let installed = succeed(
        Command::new("pkg-config")
            .args(["--cflags", "--libs", "twinpool"])
            .env("PKG_CONFIG_PATH", prefix.join("lib/pkgconfig")),
    );
    succeed(
        Command::new("cc")
            .current_dir(prefix)
            .args(["-pedantic", "-Wall", "-Wextra", "-Werror", "-Wno-format-truncation", "-g"])
            .args(flags)
            .args(sources)
            .args(installed.split_whitespace()),
    );
}

/// Gives the class path.
fn build_java(prefix: &Path) -> String {
    let java = root().join("bindings/java");
    let library = built_library();
    succeed(Command::new(java.join("build.sh")).arg(library.parent().unwrap()));
    let jars = std::fs::read_dir(java.join("target/lib")).unwrap().map(|j| j.unwrap().path());
    let mut path: Vec<_> = jars.collect();
    path.push(java.join("target/classes"));
    let path = path.iter().map(|p| p.to_str().unwrap()).collect::<Vec<_>>().join(":");
    let classes = prefix.join("classes");
    succeed(
        Command::new("javac")
            .args(["-Xlint:all", "-Werror", "-cp", &path, "-d"])
            .arg(&classes)
            .arg(root().join("tests/scenarios/java/Runner.java")),
    );
    format!("{path}:{}", classes.to_str().unwrap())
}
