//! A script cut into statements that know their line.

use twinpool::link::Engine;

/// One statement of a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Statement<'a> {
    /// With the comments before it: they may hold hints.
    pub text: &'a str,
    /// The line of its first word, from 1.
    pub line: usize,
    /// Without the comments before it.
    bare: &'a str,
}

impl Statement<'_> {
    /// Its first words, for messages.
    pub fn summary(&self) -> String {
        const LENGTH: usize = 60;
        let summary = twinpool::sql::summary(self.bare);
        match summary.char_indices().nth(LENGTH) {
            Some((at, _)) => format!("{}…", summary[..at].trim_end_matches(['…', ' '])),
            None => summary,
        }
    }
}

pub fn statements(script: &str, engine: Engine) -> Vec<Statement<'_>> {
    let script = script.strip_prefix('\u{feff}').unwrap_or(script);
    let mut counted = 0;
    let mut line = 1;
    let mut found = Vec::new();
    for text in twinpool::sql::split(script, engine) {
        let bare = skip_comments(text, engine);
        let at = bare.as_ptr() as usize - script.as_ptr() as usize;
        line += script.as_bytes()[counted..at].iter().filter(|b| **b == b'\n').count();
        counted = at;
        found.push(Statement { text, line, bare });
    }
    found
}

/// What follows leading blanks and comments; MariaDB's executable comments are no comments.
fn skip_comments(text: &str, engine: Engine) -> &str {
    let mut rest = text;
    loop {
        rest = rest.trim_start();
        let after = if rest.starts_with("--") || (engine == Engine::MariaDb && rest.starts_with('#')) {
            rest.find('\n').map(|at| at + 1)
        } else if rest.starts_with("/*") && !rest.starts_with("/*!") && !rest.starts_with("/*M!") {
            rest.find("*/").map(|at| at + 2)
        } else {
            None
        };
        match after {
            Some(at) => rest = &rest[at..],
            None => return rest,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_knows_the_line_of_its_first_word() {
        let script = "\u{feff}-- head\n\nSELECT 1;\n/* two\nlines */ INSERT\n INTO t VALUES (';\n');;\n\n-- x\nDELETE FROM t";
        let found = statements(script, Engine::Sqlite);
        let lines: Vec<_> = found.iter().map(|s| (s.line, s.summary())).collect();
        let expected = [(3, "SELECT 1"), (5, "INSERT INTO t VALUES ('; ')"), (10, "DELETE FROM t")];
        assert_eq!(lines, expected.map(|(n, s)| (n, s.to_owned())));
        assert!(found[0].text.starts_with("-- head"));
    }

    #[test]
    fn a_long_statement_is_summed_up() {
        let script = format!("SELECT '{}'", "ä".repeat(300));
        let summary = statements(&script, Engine::Postgres)[0].summary();
        assert_eq!(summary.chars().count(), 61);
        assert!(summary.ends_with("ä…"));
    }
}
