//! The prototypes of the header, as rows for the table of bad inputs in `tests/c/bad_input.c`.

use std::fmt::Write;

/// One exported function.
pub struct Function {
    pub name: String,
    result: char,
    parameters: Vec<(char, String)>,
}

/// Reads every `TWIN_API` declaration. A parameter of a shape that is not known here fails the test: somebody has
/// to say which bad inputs it can have.
pub fn of(header: &str) -> Vec<Function> {
    let mut bare = String::new();
    let mut rest = header;
    while let Some(at) = rest.find("/*") {
        bare.push_str(&rest[..at]);
        rest = rest[at..].find("*/").map_or("", |end| &rest[at + end + 2..]);
    }
    bare.push_str(rest);
    let bare = bare.lines().filter(|l| !l.trim_start().starts_with('#')).collect::<Vec<_>>().join(" ");
    let found = bare.split("TWIN_API ").skip(1).map(|d| d.split(';').next().unwrap());
    found.map(function).filter(|f| !f.name.starts_with("twin_test_")).collect()
}

fn function(declaration: &str) -> Function {
    let (head, parameters) = declaration.trim_end().trim_end_matches(')').split_once('(').unwrap();
    let (result, name) = split_name(head);
    let result = match result.as_str() {
        "twin_status" => 'S',
        "void" => 'V',
        "const char *" => 'T',
        "int32_t" | "uint32_t" | "int64_t" => 'I',
        other => panic!("{name}: a result of type {other}"),
    };
    let list: Vec<(String, String)> =
        parameters.split(',').filter(|p| p.trim() != "void").map(split_name).collect();
    let kinds = list.iter().enumerate().map(|(i, (kind, called))| {
        let before = i.checked_sub(1).map_or("", |b| list[b].0.as_str());
        (parameter(&name, kind, called, before), called.clone())
    });
    Function { parameters: kinds.collect(), name, result }
}

/// `const char *text` is (`const char *`, `text`).
fn split_name(text: &str) -> (String, String) {
    let text = text.trim();
    let at = text.rfind([' ', '*']).unwrap() + 1;
    (text[..at].split_whitespace().collect::<Vec<_>>().join(" "), text[at..].to_owned())
}

fn parameter(function: &str, kind: &str, name: &str, before: &str) -> char {
    match (kind, name) {
        (_, "err") => 'e',
        (_, "user") => 'u',
        ("twin_options *", _) => 'O',
        ("twin_pool *", _) => 'P',
        ("twin_conn *", _) => 'C',
        ("twin_stmt *", _) => 'S',
        ("twin_rows *", _) => 'R',
        ("twin_cancel *", _) => 'X',
        ("twin_error *" | "const twin_error *", _) => 'E',
        ("const char *", _) => 't',
        ("const uint8_t *", "data") => 'b',
        ("size_t", _) if matches!(before, "const char *" | "const uint8_t *") => 'l',
        ("char *" | "void *", "buffer") => 'B',
        ("size_t", "capacity") if matches!(before, "char *" | "void *") => 'c',
        ("twin_pool_info *" | "twin_metrics *" | "twin_column_info *", _) => 's',
        ("const twin_block *", _) => 'k',
        ("const uint8_t *" | "const twin_date *" | "const twin_time *" | "const twin_timestamp *", _) => 'd',
        ("double", _) => 'f',
        ("int32_t" | "int64_t" | "uint64_t" | "size_t" | "twin_status", _) => 'v',
        (callback, _) if callback.ends_with("_callback") => 'g',
        (pointer, _) if pointer.starts_with("twin_") && pointer.ends_with("**") => 'h',
        (pointer, _) if pointer.ends_with('*') => 'o',
        _ => panic!(
            "{function}: a parameter `{kind} {name}` of a shape that tests/capi/prototypes.rs does not know"
        ),
    }
}

/// The rows in C.
pub fn rows(functions: &[Function]) -> String {
    let mut text = String::new();
    for f in functions {
        let kinds: String = f.parameters.iter().map(|p| p.0).collect();
        let names: Vec<String> = f.parameters.iter().map(|p| format!("\"{}\"", p.1)).collect();
        let names = if names.is_empty() { "NULL".to_owned() } else { names.join(", ") };
        let name = &f.name;
        let _ = writeln!(
            text,
            "{{\"{name}\", (any)(void (*)(void)){name}, '{}', \"{kinds}\", {{{names}}}}},",
            f.result
        );
    }
    text
}
