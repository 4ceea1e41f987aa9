//! What is generated from `Status::TABLE` and `Cargo.toml`: the constants in `generated.rs` and
//! `docs/errors.md`. The tests compare; `TWINPOOL_RENEW=1 cargo test --lib capi::documents` writes.

use std::fmt::Write as _;

use crate::error::Status;

fn sentence(doc: &str) -> String {
    doc.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn constants() -> String {
    let mut out = String::from(
        "//! Version and statuses, generated from `Cargo.toml` and `Status::TABLE`. Do not edit: see `documents.rs`.\n",
    );
    let [major, minor, patch] =
        [env!("CARGO_PKG_VERSION_MAJOR"), env!("CARGO_PKG_VERSION_MINOR"), env!("CARGO_PKG_VERSION_PATCH")]
            .map(|n| n.parse::<u32>().unwrap());
    for (name, value) in [("MAJOR", major), ("MINOR", minor), ("PATCH", patch)] {
        let _ = write!(out, "\n/// Version of this header.\npub const TWIN_VERSION_{name}: u32 = {value};");
    }
    let number = major * 1_000_000 + minor * 1_000 + patch;
    let _ = writeln!(
        out,
        "\n/// major * 1000000 + minor * 1000 + patch.\npub const TWIN_VERSION_NUMBER: u32 = {number};"
    );
    out += "\n/// What every call that can fail gives: 0 is success, positive is success with news, negative is an error.\n\
            /// Ask with `TWIN_FAILED(status)`. The families: -1xx the caller, -2xx the pool and timeouts, -3xx the\n\
            /// database, -4xx mirror and queue, -9xx internal. A number once used is never used for something else.\n\
            pub type twin_status = i32;\n\n";
    for (status, name, meaning, cause, cure) in Status::TABLE {
        for (what, text) in [("", meaning), ("Cause: ", cause), ("Cure: ", cure)] {
            if !text.is_empty() {
                let _ = writeln!(out, "/// {what}{}", sentence(text));
            }
        }
        let _ = writeln!(out, "pub const {name}: twin_status = {};", *status as i32);
    }
    out += "\n/// Names for `twin_status_name`.\npub(super) const NAMES: &[(twin_status, &std::ffi::CStr)] = &[\n";
    for (_, name, ..) in Status::TABLE {
        let _ = writeln!(out, "    ({name}, c\"{name}\"),");
    }
    out += "];\n";
    out
}

fn errors_md() -> String {
    let mut out = String::from(
        "# Statuses\n\n\
         Every call of the C API that can fail gives one of these; bindings carry the same number and name. 0 is\n\
         success, a positive number is success with news, a negative number is an error: ask with `TWIN_FAILED(status)`,\n\
         because a caller who compares with `TWIN_OK` would repeat work that is committed and queued.\n\n\
         An error object tells more: one line for people, whether the whole transaction may be repeated\n\
         (`twin_error_retryable`), whether the outcome of a commit is unknown (`twin_error_outcome_unknown`), and the\n\
         driver's own records with SQLSTATE, native code, text and side.\n\n\
         This page is generated from the table in `src/error.rs`.\n",
    );
    let family = |n: i32| match n {
        0.. => "Success",
        -199..=-100 => "The caller (-1xx)",
        -299..=-200 => "The pool and timeouts (-2xx)",
        -399..=-300 => "The database (-3xx)",
        -499..=-400 => "Mirror and queue (-4xx)",
        _ => "Internal (-9xx)",
    };
    let mut last = "";
    for (status, name, meaning, cause, cure) in Status::TABLE {
        let number = *status as i32;
        if family(number) != last {
            last = family(number);
            let _ = write!(
                out,
                "\n## {last}\n\n| status | number | meaning | cause | cure |\n|---|---|---|---|---|\n"
            );
        }
        let cell = |s: &str| sentence(s).replace('|', "\\|");
        let _ =
            writeln!(out, "| `{name}` | {number} | {} | {} | {} |", cell(meaning), cell(cause), cell(cure));
    }
    out
}

fn current(path: &str, wanted: &str) {
    let full = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("TWINPOOL_RENEW").is_some() {
        std::fs::write(&full, wanted).unwrap();
    }
    let found = std::fs::read_to_string(&full).unwrap_or_default();
    assert!(found == wanted, "{path} is not current: run TWINPOOL_RENEW=1 cargo test --lib capi::documents");
}

#[test]
fn the_constants_are_those_of_the_status_table() {
    current("src/capi/generated.rs", &constants());
}

#[test]
fn the_page_of_errors_is_current() {
    current("docs/errors.md", &errors_md());
}

#[test]
fn every_status_has_its_own_number_and_name_in_its_family() {
    let mut numbers = std::collections::HashSet::new();
    let mut names = std::collections::HashSet::new();
    for (status, name, meaning, cause, cure) in Status::TABLE {
        let n = *status as i32;
        assert!(numbers.insert(n) && names.insert(name), "{name} {n}");
        assert_eq!(n < 0, name.starts_with("TWIN_ERR_"), "{name}");
        assert!(n >= 0 || matches!(n / 100, -4..=-1 | -9), "{name}");
        assert!(!meaning.trim().is_empty(), "{name}");
        assert!(n >= 0 || !cause.is_empty() && (!cure.is_empty() || n == Status::Cancelled as i32), "{name}");
    }
}
