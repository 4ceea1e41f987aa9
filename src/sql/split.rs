//! Cuts a script into statements at the semicolons that end one: not those in strings, comments, dollar
//! quotes, or the bodies of triggers and procedures.

use std::ops::Range;

use crate::link::Engine;

use super::scan::{Scan, TokenKind};

/// The statements of a script, each without its semicolon and with the comments before it. Empty ones are
/// left out. A string or comment that does not end makes all that follows one statement.
pub fn split(script: &str, engine: Engine) -> Vec<&str> {
    let scan = Scan::new(script, engine);
    let mut pieces = Vec::new();
    let ranges = statements(&scan, engine);
    for (n, range) in ranges.iter().enumerate() {
        // A statement reaches from the semicolon before it to its own; the last one, when something in it
        // does not end, to the end of the text.
        let from = if range.start == 0 { 0 } else { scan.tokens[range.start - 1].end as usize };
        let unended = scan.broken && n + 1 == ranges.len();
        let to = scan.tokens.get(range.end).filter(|_| !unended).map_or(script.len(), |t| t.start as usize);
        pieces.push(script[from..to].trim());
    }
    if ranges.is_empty() && scan.broken {
        pieces.push(script.trim());
    }
    pieces
}

/// The token ranges of the statements, semicolons excluded, empty ones left out.
pub(super) fn statements(scan: &Scan, engine: Engine) -> Vec<Range<usize>> {
    let mut found = Vec::with_capacity(1);
    let mut from = 0;
    while from < scan.len() {
        let to = end(scan, engine, from);
        if to > from {
            found.push(from..to);
        }
        from = to + 1;
    }
    found
}

/// The place of the semicolon that ends the statement that begins at `from`, or the end of the text.
fn end(scan: &Scan, engine: Engine, from: usize) -> usize {
    let body = Body::of(scan, engine, from);
    let mut blocks = 0usize;
    let mut parens = 0usize;
    for i in from..scan.len() {
        match scan.kind(i) {
            Some(TokenKind::Punct(b'(')) => parens += 1,
            Some(TokenKind::Punct(b')')) => parens = parens.saturating_sub(1),
            Some(TokenKind::Punct(b';')) => {
                // PostgreSQL's CREATE RULE … DO (a; b). Elsewhere a parenthesis keeps no statement open.
                let inside = blocks > 0 || (engine == Engine::Postgres && parens > 0 && body == Body::Rule);
                if !inside {
                    return i;
                }
            }
            Some(TokenKind::Word) if body.has_blocks() => match body.step(scan, i, from) {
                Step::Opens => blocks += 1,
                Step::Closes => blocks = blocks.saturating_sub(1),
                Step::Neither => {}
            },
            _ => {}
        }
    }
    scan.len()
}

/// What may hold semicolons inside a statement.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Body {
    None,
    /// SQLite's triggers: `BEGIN … END`, with `CASE … END` in them.
    Trigger,
    /// MariaDB's triggers, procedures, functions, events and compound statements.
    Program,
    /// PostgreSQL's `BEGIN ATOMIC … END`.
    Atomic,
    /// PostgreSQL's `CREATE RULE`.
    Rule,
}

enum Step {
    Opens,
    Closes,
    Neither,
}

impl Body {
    fn of(scan: &Scan, engine: Engine, from: usize) -> Body {
        if scan.is(from, "CREATE") {
            // OR REPLACE, TEMP, DEFINER = user@host, AGGREGATE … come between.
            let kind = (from + 1..(from + 12).min(scan.len())).find_map(|i| match () {
                _ if scan.punct(i, b';') => Some(Body::None),
                _ if scan.is_any(i, &["TABLE", "VIEW", "INDEX"]) => Some(Body::None),
                _ if scan.is(i, "TRIGGER") && engine == Engine::Sqlite => Some(Body::Trigger),
                _ if engine == Engine::Sqlite => None,
                _ if scan.is_any(i, &["PROCEDURE", "FUNCTION"]) => Some(match engine {
                    Engine::Postgres => Body::Atomic,
                    _ => Body::Program,
                }),
                _ if engine == Engine::Postgres && scan.is(i, "RULE") => Some(Body::Rule),
                _ if engine == Engine::MariaDb && scan.is_any(i, &["TRIGGER", "EVENT", "PACKAGE"]) => {
                    Some(Body::Program)
                }
                _ => None,
            });
            return kind.unwrap_or(Body::None);
        }
        let compound = engine == Engine::MariaDb
            && ((scan.is(from, "BEGIN") && scan.is(from + 1, "NOT"))
                || scan.is_any(from, &["IF", "CASE", "LOOP", "WHILE", "REPEAT", "FOR"]));
        if compound { Body::Program } else { Body::None }
    }

    fn has_blocks(self) -> bool {
        matches!(self, Body::Trigger | Body::Program | Body::Atomic)
    }

    fn step(self, scan: &Scan, i: usize, from: usize) -> Step {
        if i > from && scan.punct(i - 1, b'.') {
            return Step::Neither;
        }
        match self {
            Body::Atomic if scan.is(i, "BEGIN") && scan.is(i + 1, "ATOMIC") => Step::Opens,
            Body::Trigger if scan.is(i, "BEGIN") => Step::Opens,
            Body::Program if scan.is(i, "BEGIN") => Step::Opens,
            _ if scan.is(i, "CASE") => match i > from && scan.is(i - 1, "END") {
                true => Step::Neither,
                false => Step::Opens,
            },
            _ if scan.is(i, "END") => Step::Closes,
            Body::Program if begins_block(scan, i, from) => Step::Opens,
            _ => Step::Neither,
        }
    }
}

/// MariaDB: whether the `IF`, `LOOP`, … at `i` begins a statement; the same words are also functions, and
/// parts of `DROP TABLE IF EXISTS`, `END IF` and `FOR UPDATE`.
fn begins_block(scan: &Scan, i: usize, from: usize) -> bool {
    if !scan.is_any(i, &["IF", "LOOP", "WHILE", "REPEAT", "FOR"]) {
        return false;
    }
    if i == from {
        return true;
    }
    let p = i - 1;
    // CASE … ELSE IF(a, b, c) END
    if scan.is_any(p, &["THEN", "ELSE"]) && scan.punct(i + 1, b'(') && !reaches_then(scan, i + 1) {
        return false;
    }
    match scan.kind(p) {
        Some(TokenKind::Punct(b';' | b':')) => true,
        // The end of a parameter list, behind which the body may stand; but not `(SELECT …) FOR UPDATE`.
        Some(TokenKind::Punct(b')')) => !scan.is(i, "FOR"),
        Some(TokenKind::Word) => scan.is_any(
            p,
            &[
                "BEGIN",
                "THEN",
                "ELSE",
                "DO",
                "LOOP",
                "REPEAT",
                "ROW",
                "DETERMINISTIC",
                "DATA",
                "SQL",
                "INVOKER",
                "DEFINER",
            ],
        ),
        _ => false,
    }
}

/// Whether a `THEN` follows before the expression that begins at `i` must have ended.
fn reaches_then(scan: &Scan, mut i: usize) -> bool {
    while i < scan.len() {
        if scan.punct(i, b'(') {
            i = scan.after_parens(i);
            continue;
        }
        if scan.is(i, "THEN") {
            return true;
        }
        if scan.punct(i, b';') || scan.is_any(i, &["END", "ELSE", "WHEN"]) {
            return false;
        }
        i += 1;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use Engine::*;

    #[test]
    fn semicolons_end_statements() {
        for engine in [Sqlite, Postgres, MariaDb] {
            assert_eq!(split("a; b ;c", engine), ["a", "b", "c"]);
            assert_eq!(split(";;a;; ;b;;", engine), ["a", "b"]);
            assert_eq!(split("a;\n", engine), ["a"]);
            assert_eq!(split(" \n-- only this\n", engine), Vec::<&str>::new());
            assert_eq!(
                split("a ';' b; \"c;\" /* ; */ -- ;\n d", engine),
                ["a ';' b", "\"c;\" /* ; */ -- ;\n d"]
            );
            assert_eq!(
                split("/*twin:local*/ a; /*twin:read*/ b", engine),
                ["/*twin:local*/ a", "/*twin:read*/ b"]
            );
        }
        assert_eq!(split("a $$ ; $$; b", Postgres), ["a $$ ; $$", "b"]);
        assert_eq!(split("a [;] `;`; b", Sqlite), ["a [;] `;`", "b"]);
        assert_eq!(split(r"a 'it\';'; b", MariaDb), [r"a 'it\';'", "b"]);
        assert_eq!(split(r"a 'it\'; b", Postgres), [r"a 'it\'", "b"]);
        assert_eq!(split("a; 'b; c", Postgres), ["a", "'b; c"]);
        assert_eq!(split("a # ;\n; b", MariaDb), ["a # ;", "b"]);
    }

    #[test]
    fn the_bodies_of_triggers_and_procedures_stay_whole() {
        let whole = [
            (
                Sqlite,
                "CREATE TRIGGER t AFTER INSERT ON a BEGIN UPDATE b SET x = CASE WHEN 1 THEN 2 END; DELETE FROM c; END",
            ),
            (Sqlite, "CREATE TEMP TRIGGER IF NOT EXISTS t BEFORE UPDATE ON a BEGIN SELECT 1; END"),
            (
                MariaDb,
                "CREATE PROCEDURE p() BEGIN IF a THEN b; ELSEIF c THEN d; END IF; SELECT IF(1, 2, 3); END",
            ),
            (MariaDb, "CREATE DEFINER = `a`@`%` TRIGGER t BEFORE INSERT ON a FOR EACH ROW SET NEW.x = 1"),
            (MariaDb, "CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW IF NEW.x THEN SET NEW.x = 1; END IF"),
            (MariaDb, "CREATE PROCEDURE p() l: LOOP WHILE a DO b; END WHILE; LEAVE l; END LOOP l"),
            (
                MariaDb,
                "CREATE FUNCTION f(a INT) RETURNS INT DETERMINISTIC BEGIN CASE a WHEN 1 THEN RETURN 2; END CASE; END",
            ),
            (
                MariaDb,
                "CREATE PROCEDURE p() BEGIN DROP TABLE IF EXISTS t; SELECT a FROM t FOR UPDATE; REPEAT x; UNTIL 1 END REPEAT; END",
            ),
            (
                MariaDb,
                "CREATE PROCEDURE p() BEGIN SET @x = CASE WHEN a THEN 1 ELSE IF(b, 2, 3) END; IF (a) AND (b) THEN c; END IF; END",
            ),
            (MariaDb, "BEGIN NOT ATOMIC a; b; END"),
            (Postgres, "CREATE FUNCTION f() RETURNS int AS $$ BEGIN RETURN 1; END $$ LANGUAGE plpgsql"),
            (
                Postgres,
                "CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END",
            ),
            (Postgres, "CREATE RULE r AS ON INSERT TO t DO ALSO (DELETE FROM a; DELETE FROM b)"),
        ];
        for (engine, sql) in whole {
            assert_eq!(split(sql, engine), [sql], "{engine:?}");
            let script = format!("SELECT 1; {sql}; SELECT 2;");
            assert_eq!(split(&script, engine), ["SELECT 1", sql, "SELECT 2"], "{engine:?}");
        }
    }

    #[test]
    fn a_transaction_is_not_a_body() {
        for engine in [Sqlite, Postgres, MariaDb] {
            assert_eq!(split("BEGIN; a; END; b", engine), ["BEGIN", "a", "END", "b"]);
        }
        assert_eq!(split("CREATE TABLE t (\"begin\" int, begin int); b", Sqlite).len(), 2);
    }
}
