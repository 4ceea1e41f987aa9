//! The C border as C sees it: programs compiled against the header and the built library, run plain and
//! under valgrind.

mod prototypes;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use twinpool_testkit::{Pair, on_all_engines};

/// A program to compile and run.
struct Program {
    exe: PathBuf,
    library: PathBuf,
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

/// A folder for this test with the library in it under the names that the linker and the loader look for.
fn folder(test: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("capi").join(test);
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).unwrap();
    let library = built_library();
    let exports = succeed(Command::new("nm").args(["-D", "--defined-only"]).arg(&library));
    // A build without hooks writes to the same place, and cargo does not see that.
    assert!(
        exports.contains("twin_test_panic"),
        "the library was built without test-hooks: touch src/lib.rs and run again"
    );
    for name in ["libtwinpool.so", "libtwinpool.so.0"] {
        std::os::unix::fs::symlink(&library, dir.join(name)).unwrap();
    }
    dir
}

fn run(command: &mut Command) -> Output {
    command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"))
}

fn succeed(command: &mut Command) -> String {
    let output = run(command);
    let text =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {}\n{text}", output.status);
    text
}

impl Program {
    fn compile(test: &str, source: &str, compiler: &[&str]) -> Program {
        Program::compile_with(&folder(test), &root().join("include"), test, source, compiler)
    }

    fn compile_with(library: &Path, include: &Path, name: &str, source: &str, compiler: &[&str]) -> Program {
        let exe = library.join(name);
        let header = std::fs::read_to_string(include.join("twinpool.h")).unwrap();
        std::fs::write(library.join("prototypes.h"), prototypes::rows(&prototypes::of(&header))).unwrap();
        succeed(
            Command::new(compiler[0])
                .args(&compiler[1..])
                .args(["-pedantic", "-Wall", "-Wextra", "-Werror", "-g"])
                .arg("-I")
                .arg(include)
                .arg("-I")
                .arg(library)
                .arg(root().join(source))
                .arg("-L")
                .arg(library)
                .args(["-ltwinpool", "-pthread", "-o"])
                .arg(&exe),
        );
        Program { exe, library: library.to_owned() }
    }

    fn c99(test: &str, source: &str) -> Program {
        // With its hooks: cargo builds the library so for tests.
        Program::compile(test, source, &["cc", "-std=c99", "-DTWIN_TEST_HOOKS"])
    }

    fn plain(&self, args: &[&str]) -> String {
        succeed(
            Command::new(&self.exe)
                .args(args)
                .current_dir(&self.library)
                .env("LD_LIBRARY_PATH", &self.library),
        )
    }

    /// Memory that is lost, or used where it may not be, is an error.
    fn valgrind(&self, args: &[&str]) -> String {
        succeed(
            Command::new("valgrind")
                .args(["--quiet", "--leak-check=full", "--errors-for-leak-kinds=definite,indirect"])
                .args(["--show-leak-kinds=definite,indirect", "--error-exitcode=99"])
                .arg(&self.exe)
                .args(args)
                .current_dir(&self.library)
                .env("LD_LIBRARY_PATH", &self.library),
        )
    }
}

fn symbols() -> String {
    std::fs::read_to_string(root().join("abi/twinpool.symbols")).unwrap()
}

/// Arguments of the programs that work on a pair.
fn arguments(pair: &Pair) -> [String; 2] {
    [pair.master.connection_string(), pair.mirror.connection_string()]
}

fn program_on(pair: &Pair, name: &str, more: &[&str]) -> String {
    let engine = format!("{:?}", pair.engine()).to_lowercase();
    let program = Program::c99(&format!("{name}_{engine}"), &format!("tests/c/{name}.c"));
    let [master, mirror] = arguments(pair);
    program.plain(&[&[engine.as_str(), &master, &mirror], more].concat())
}

/// Runs a program of ours on the pair; afterwards both sides hold the same.
fn on_pair(pair: &Pair, name: &str) {
    let text = program_on(pair, name, &[]);
    assert!(text.contains(" 0 failed"), "{text}");
    println!("{text}");
    pair.assert_equal();
}

on_all_engines! {
    fn a_c_program_does_the_main_job(pair: &Pair) {
        on_pair(pair, "session");
    }

    /// 64 MiB in one value. What the sides hold is compared by the library's own verify and by lengths.
    fn large_values_pass_both_ways_directly_and_through_the_queue(pair: &Pair) {
        let text = program_on(pair, "streams", &[]);
        assert!(text.contains(" 0 failed"), "{text}");
        for node in pair.nodes() {
            let length = pair.pick("length(raw)", "octet_length(raw)", "octet_length(raw)");
            assert_eq!(node.count(&format!("SELECT sum({length}) FROM big WHERE id IN (6, 7, 40)")), 3 << 26);
        }
    }

    fn the_pool_does_what_its_options_and_calls_say(pair: &Pair) {
        on_pair(pair, "pooling");
    }

    /// Promise 8. The table is printed; each function of the list has a line in it.
    fn no_bad_input_crashes_the_host(pair: &Pair) {
        let text = program_on(pair, "bad_input", &[]);
        for symbol in symbols().lines() {
            assert!(text.contains(&format!("\n{symbol} ")), "{symbol} has no line in\n{text}");
        }
        assert!(text.contains(" 0 failed"), "{text}");
        println!("{text}");
    }

    fn every_type_comes_back_as_it_went_in(pair: &Pair) {
        on_pair(pair, "types");
    }

    fn objects_die_in_any_order_and_the_host_lives_on(pair: &Pair) {
        let engine = format!("{:?}", pair.engine()).to_lowercase();
        let lifetime = Program::c99(&format!("lifetime_{engine}"), "tests/c/lifetime.c");
        let [master, mirror] = arguments(pair);
        let text = lifetime.plain(&[&master, &mirror]);
        assert!(text.contains(" 0 failed"), "{text}");
        pair.assert_equal();
    }
}

#[test]
fn the_first_program_runs_clean_on_a_new_pair_of_files() {
    let first = Program::c99("first", "examples/c/first.c");
    for text in [first.plain(&["a.db", "b.db"]), first.valgrind(&["a.db", "b.db"])] {
        assert!(text.contains("committed on both databases"), "{text}");
        assert!(text.contains("1  bolt   0.35") && text.contains("2  nut    no price"), "{text}");
        assert!(text.contains("mirror in sync, 0 entries"), "{text}");
    }
}

#[test]
fn a_session_leaks_and_overruns_no_memory() {
    let pair = Pair::shared(twinpool_testkit::Engine::Sqlite, "a_session_under_valgrind");
    let [master, mirror] = arguments(&pair);
    let session = Program::c99("session_valgrind", "tests/c/session.c");
    assert!(session.valgrind(&["sqlite", &master, &mirror]).contains(" 0 failed"));
    for name in ["types", "streams", "bad_input"] {
        let pair = Pair::shared(twinpool_testkit::Engine::Sqlite, &format!("{name}_under_valgrind"));
        let [master, mirror] = arguments(&pair);
        let program = Program::c99(&format!("{name}_valgrind"), &format!("tests/c/{name}.c"));
        let mebibytes = if name == "streams" { &["1"][..] } else { &[] };
        let text = program.valgrind(&[&["sqlite", &master, &mirror], mebibytes].concat());
        assert!(text.contains(" 0 failed"), "{text}");
    }
    let pair = Pair::shared(twinpool_testkit::Engine::Sqlite, "lifetimes_under_valgrind");
    let [master, mirror] = arguments(&pair);
    let lifetime = Program::c99("lifetime_valgrind", "tests/c/lifetime.c");
    assert!(lifetime.valgrind(&[&master, &mirror, "quick"]).contains(" 0 failed"));
}

/// The C side under AddressSanitizer: what the library writes into its caller's memory lies where it may.
/// `scripts/check-asan.sh` has the library itself under it too.
#[test]
fn nothing_is_written_where_it_may_not_be() {
    for name in ["session", "types", "streams", "bad_input"] {
        let pair = Pair::shared(twinpool_testkit::Engine::Sqlite, &format!("{name}_under_asan"));
        let [master, mirror] = arguments(&pair);
        let compiler = ["cc", "-std=c99", "-DTWIN_TEST_HOOKS", "-fsanitize=address,undefined"];
        let program = Program::compile(&format!("{name}_asan"), &format!("tests/c/{name}.c"), &compiler);
        let symbols = succeed(Command::new("nm").arg("-D").arg(&program.exe));
        assert!(symbols.contains("__asan_init"), "{name} was built without AddressSanitizer");
        let mebibytes = if name == "streams" { &["4"][..] } else { &[] };
        let text = program.plain(&[&["sqlite", &master, &mirror], mebibytes].concat());
        assert!(text.contains(" 0 failed") && !text.contains("runtime error"), "{text}");
    }
}

/// A program that was built with the header of a release runs with this library.
#[test]
fn a_program_built_with_a_recorded_header_runs() {
    let recorded = root().join("tests/c/recorded");
    let mut found = 0;
    for entry in std::fs::read_dir(&recorded).unwrap() {
        let header = entry.unwrap().path();
        let version = header.file_stem().unwrap().to_str().unwrap().replace('.', "_");
        let pair = Pair::shared(twinpool_testkit::Engine::Sqlite, &format!("old_{version}"));
        let [master, mirror] = arguments(&pair);
        for name in ["session", "types"] {
            let own = folder(&format!("{name}_{version}"));
            std::fs::copy(&header, own.join("twinpool.h")).unwrap();
            let program =
                Program::compile_with(&own, &own, name, &format!("tests/c/{name}.c"), &["cc", "-std=c99"]);
            let text = program.plain(&["sqlite", &master, &mirror]);
            assert!(text.contains(" 0 failed"), "{}: {text}", header.display());
        }
        found += 1;
    }
    assert!(found > 0, "no header is recorded in {}", recorded.display());
}

#[test]
fn bad_handles_and_bad_text_give_errors_and_no_crash() {
    let smoke = Program::c99("smoke", "tests/c/smoke.c");
    assert!(smoke.plain(&[]).contains(" 0 failed"));
    assert!(smoke.valgrind(&[]).contains(" 0 failed"));
}

#[test]
fn the_header_is_cpp_17_too() {
    let text = Program::compile("smoke_cpp", "tests/c/header.cpp", &["c++", "-std=c++17"]).plain(&[]);
    assert!(text.contains("TWIN_QUEUED"), "{text}");
}

#[test]
fn each_exported_symbol_is_in_the_list_and_the_other_way_round() {
    let nm = succeed(Command::new("nm").args(["-D", "--defined-only"]).arg(built_library()));
    let mut exported: Vec<_> = nm.lines().filter_map(|l| l.split_whitespace().nth(2)).collect();
    exported.retain(|s| !s.starts_with("twin_test_"));
    exported.sort_unstable();
    let list = std::fs::read_to_string(root().join("abi/twinpool.symbols")).unwrap();
    assert_eq!(exported, list.lines().collect::<Vec<_>>());
    let header = std::fs::read_to_string(root().join("include/twinpool.h")).unwrap();
    for symbol in exported {
        assert!(header.contains(&format!("{symbol}(")), "{symbol} is not in the header");
    }
}

#[test]
fn each_function_is_called_by_a_program_that_uses_it() {
    let programs: String = ["session", "types", "streams", "pooling", "lifetime", "smoke"]
        .map(|name| std::fs::read_to_string(root().join(format!("tests/c/{name}.c"))).unwrap())
        .concat();
    for symbol in symbols().lines() {
        assert!(programs.contains(&format!("{symbol}(")), "no program in tests/c calls {symbol}");
    }
}

#[test]
fn a_panic_in_the_built_library_becomes_a_status() {
    let panic = Program::c99("panic", "tests/c/panic.c");
    let text = panic.plain(&[]);
    assert!(text.contains(" 0 failed") && !text.contains("panicked"), "{text}");
    assert!(panic.valgrind(&[]).contains(" 0 failed"));
}
