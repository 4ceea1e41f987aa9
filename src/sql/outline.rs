//! A statement without its values, for logs and reports.

use crate::link::Engine;

use super::scan::{Scan, TokenKind};

/// How long an outline gets, in characters.
const LENGTH: usize = 300;

/// The statement on one line, each literal a `?`, comments left out. Where it cannot be told for certain what is a
/// literal (the text is cut off, or has backslashes that settings of the server give their meaning), it ends with `…`.
pub fn outline(sql: &str, engine: Engine) -> String {
    let scan = Scan::new(sql, engine);
    let mut out = String::new();
    // Where the token before ended, and whether it was a literal.
    let (mut end, mut after_literal) = (0, false);
    for (i, token) in scan.tokens.iter().enumerate() {
        let text = scan.str(i);
        let adjacent = i > 0 && end == token.start;
        end = token.end;
        // The two readings of a backslash differ from here on.
        if out.chars().count() >= LENGTH || token.kind == TokenKind::Str && text.contains('\\') {
            out.push('…');
            return out;
        }
        let literal = match token.kind {
            TokenKind::Str | TokenKind::Number => true,
            // `0b101`: a number and a word.
            TokenKind::Word if adjacent && after_literal => continue,
            TokenKind::Quoted => may_be_string(&scan, i, engine),
            _ => false,
        };
        if literal && adjacent && i > 0 && is_prefix(&scan, i - 1, token.kind) {
            out.truncate(out.len() - scan.str(i - 1).len());
        } else if !adjacent && !out.is_empty() {
            out.push(' ');
        }
        if literal {
            out.push('?');
        } else {
            out.extend(text.chars().map(|c| if c.is_control() { ' ' } else { c }));
        }
        after_literal = literal;
    }
    if scan.broken {
        out.push('…');
    }
    out
}

/// `E'…'`, `x'…'`, `_utf8'…'`.
fn is_prefix(scan: &Scan<'_>, i: usize, next: TokenKind) -> bool {
    next == TokenKind::Str && scan.kind(i) == Some(TokenKind::Word)
}

/// SQLite takes `"…"` for a string where there is no such column. Beside a dot, and where a table is named, there can
/// be no string.
fn may_be_string(scan: &Scan<'_>, i: usize, engine: Engine) -> bool {
    engine == Engine::Sqlite
        && scan.str(i).starts_with('"')
        && !scan.punct(i + 1, b'.')
        && !(i > 0
            && (scan.punct(i - 1, b'.') || scan.is_any(i - 1, &["FROM", "INTO", "UPDATE", "JOIN", "TABLE"])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_of_each_engine_are_left_out() {
        use Engine::*;
        for (engine, sql, shown) in [
            (Postgres, "SELECT 'it''s', 12.5e3, $$a b$$ FROM \"t x\"", "SELECT ?, ?, ? FROM \"t x\""),
            (
                Postgres,
                "SELECT E'hidden', U&'hidden', 0xFF, 0b101 WHERE a=-7",
                "SELECT ?, U&?, ?, ? WHERE a=-?",
            ),
            (
                MariaDb,
                "INSERT INTO t VALUES (\"hidden\", x'AB', _utf8'hidden', b'1')",
                "INSERT INTO t VALUES (?, ?, ?, ?)",
            ),
            (Sqlite, "SELECT \"hidden\", \"t\".\"a\" FROM \"t\"", "SELECT ?, \"t\".\"a\" FROM \"t\""),
            (
                Sqlite,
                "UPDATE t\n SET a = ? -- hidden\n WHERE b = :name /* hidden */",
                "UPDATE t SET a = ? WHERE b = :name",
            ),
        ] {
            assert_eq!(outline(sql, engine), shown);
        }
    }

    #[test]
    fn what_is_not_certain_is_left_out() {
        // With NO_BACKSLASH_ESCAPES the first string ends at its first quote.
        assert_eq!(outline(r"SELECT 1, 'a\', ' , hidden, '", Engine::MariaDb), "SELECT ?,…");
        // Cut off inside a string.
        for engine in [Engine::Sqlite, Engine::Postgres, Engine::MariaDb] {
            assert_eq!(outline("INSERT INTO t VALUES ('hidd", engine), "INSERT INTO t VALUES (?…");
        }
        let long = outline(&"SELECT a, ".repeat(100), Engine::Sqlite);
        assert!(long.ends_with('…') && long.chars().count() < 320, "{long}");
    }
}
