//! The first programs of README.md are the examples, and run: taken out of the page, not out of the folder.

use std::path::Path;
use std::process::Command;

use crate::hosts::{Host, Hosts, Library, succeed};

/// The code of the page's block in a language that begins with `start`.
fn block(language: &str, start: &str) -> String {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let fence = format!("```{language}\n{start}");
    let at =
        page.find(&fence).unwrap_or_else(|| panic!("README.md has no {language} that begins with {start}"));
    let code = &page[at + language.len() + 4..];
    code[..code.find("\n```").unwrap() + 1].to_owned()
}

/// Runs a program on two new files in a folder of its own.
fn run(folder: &Path, command: &mut Command) -> Vec<String> {
    for file in ["a.db", "b.db"] {
        let _ = std::fs::remove_file(folder.join(file));
    }
    let text = succeed(command.current_dir(folder).args(["a.db", "b.db"]));
    text.lines().map(str::to_owned).collect()
}

#[test]
fn the_first_program_of_the_readme_does_the_same_in_c_python_and_java() {
    let hosts = Hosts::build();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = hosts.folder();
    let programs = [
        ("c", "/*\n", "first.c", "examples/c/first.c"),
        ("python", "\"\"\"A first", "first.py", "examples/python/first.py"),
        ("java", "import", "First.java", "examples/java/First.java"),
    ]
    .map(|(language, start, file, example)| {
        let code = block(language, start);
        assert_eq!(code, std::fs::read_to_string(root.join(example)).unwrap(), "{example} and README.md");
        std::fs::write(folder.join(file), code).unwrap();
        file
    });
    hosts.compile_c(&["-std=c99", "-o", "first"], &[folder.join(programs[0])]);

    let c = run(folder, hosts.with_library(&mut Command::new("./first"), Library::Built));
    assert_eq!(c[..3], ["committed on both databases", "1  bolt   0.35", "2  nut    no price"]);
    assert!(c[3].starts_with("mirror in sync, 0 entries in the queue"), "{c:?}");
    let mut python = hosts.host_command(Host::Python, Library::Built);
    assert_eq!(run(folder, python.arg(programs[1])), c);
    let mut java = hosts.host_command(Host::Java, Library::Built);
    assert_eq!(run(folder, java.arg(programs[2])), c);
}
