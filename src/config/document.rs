//! `docs/configuration.md`, written from the option table.

use std::fmt::Write;

use super::hikari;
use super::options::{Kind, Row, TABLE};

const HEAD: &str = "\
# Configuration

<!-- Written from the option table: cargo run --example configuration > docs/configuration.md -->

Options are texts with a name. They are given

- one by one: `twin_options_set(options, \"pool.max\", TWIN_NTS, \"8\", TWIN_NTS, &err)`;
- as a line: `pool.max=8; master={Driver=SQLite3;Database=a.db}; mirror='DSN=b;PWD=it''s'`. A value that holds `;`
  stands in braces, which may be nested, or in quotes, where a doubled quote is a quote;
- in a TOML file, where tables are the parts of the names. `connection` in `[master]` and `[mirror]` is the option
  `master` or `mirror` itself; `[master.properties]` may be a table of attributes; statements and SQLSTATEs may be
  lists:

  ```toml
  name = \"orders\"

  [master]
  connection = \"Driver={PostgreSQL Unicode};Server=db1;Database=orders\"
  user = \"app\"

  [mirror]
  connection = \"Driver={PostgreSQL Unicode};Server=db2;Database=orders\"
  user = \"app\"
  timeout_ms = 1000

  [pool]
  max = 8
  init_sql = [\"SET application_name = 'orders'\"]
  ```

- in the environment: `TWINPOOL_POOL_MAX=8` is `pool.max`, `TWINPOOL_MASTER_PASSWORD` is `master.password`.

What is set later replaces what was set before. An unknown name is an error that names the nearest known one; so is
a value of the wrong kind. Numbers outside their range and other nonsense are repaired with a warning in the log;
options that contradict each other are refused when the pool opens. Passwords are shown as `***` wherever options
are read back, logged or reported.

*Live* options can be changed while the pool is open (`twin_pool_set`). Times are in milliseconds.
";

const SECTIONS: &[(&str, &str)] = &[
    ("", "The pair"),
    ("master", "The master"),
    ("mirror", "The mirror"),
    ("pool", "The pool"),
    ("statement", "Statements"),
    ("catalogue", "What is known of tables"),
    ("replay", "Replay"),
    ("queue", "The queue"),
    ("commit", "Commit"),
    ("verify", "Comparing"),
    ("pending", "Records of transactions"),
    ("value", "Large values"),
    ("tables", "twinpool's own tables"),
    ("log", "Log"),
];

pub fn document() -> String {
    let mut d = HEAD.to_owned();
    for (section, title) in SECTIONS {
        let _ = write!(
            d,
            "\n## {title}\n\n| option | takes | default | live | since | what it does |\n|---|---|---|---|---|---|\n"
        );
        for row in TABLE.iter().filter(|r| section_of(r) == *section) {
            let _ = writeln!(
                d,
                "| `{}` | {} | {} | {} | {} | {} |",
                row.name,
                takes(row.kind),
                if row.default.is_empty() { String::new() } else { format!("`{}`", row.default) },
                if row.live { "yes" } else { "" },
                row.since,
                row.description
            );
        }
    }
    hikari::write(&mut d);
    d
}

fn section_of(row: &Row) -> &'static str {
    // `master` and `mirror` themselves stand with their sections.
    match row.name {
        "master" => "master",
        "mirror" => "mirror",
        name => name.split_once('.').map_or("", |(section, _)| section),
    }
}

fn takes(kind: Kind) -> String {
    match kind {
        Kind::Text => "text".into(),
        Kind::Connection => "text; passwords in it are masked".into(),
        Kind::Secret => "text; masked".into(),
        Kind::Switch => "on, off".into(),
        Kind::Number { min, max } => format!("{min} to {max}"),
        Kind::Millis { min, max, off: false } => format!("ms, {min} to {max}"),
        Kind::Millis { min, max, off: true } => format!("ms, {min} to {max}, or 0"),
        Kind::MillisOrMinus1 { max } => format!("ms, 0 to {max}, or -1"),
        Kind::Bytes { min, max } => format!("bytes (also `64KiB`, `1MiB`), {min} to {max}"),
        Kind::Fraction { min, max } => format!("{min} to {max}"),
        Kind::Choice(words) => words.join(", "),
        Kind::Sqlstates => "SQLSTATEs or classes, `57,42501,!57014`".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn the_committed_documentation_is_that_of_the_table() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/configuration.md");
        let committed = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            committed == document(),
            "renew it: cargo run --example configuration > docs/configuration.md"
        );
    }

    #[test]
    fn every_option_is_documented_once_and_has_a_variable_of_its_own() {
        let text = document();
        for row in TABLE {
            assert_eq!(text.matches(&format!("\n| `{}` |", row.name)).count(), 1, "{}", row.name);
            assert!(!row.description.contains('|'), "{}", row.name);
        }
        assert_eq!(TABLE.iter().map(|r| r.name).collect::<HashSet<_>>().len(), TABLE.len());
        assert_eq!(TABLE.iter().map(Row::env).collect::<HashSet<_>>().len(), TABLE.len());
    }
}
