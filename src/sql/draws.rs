//! The sequences that a statement draws from by name: `nextval('s')`, `NEXT VALUE FOR s`.

use crate::link::Engine;

use super::scan::{Scan, TokenKind};

/// Their names, as [`Dialect::sequence_sql`](crate::link::Dialect::sequence_sql) takes them: PostgreSQL's as the
/// text that the function is given, MariaDB's quoted. A name that is computed is not found.
pub(super) fn draws(scan: &Scan, engine: Engine) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for i in 0..scan.len() {
        let name = match engine {
            Engine::Sqlite => return found,
            Engine::Postgres if scan.is(i, "NEXTVAL") && scan.punct(i + 1, b'(') => text(scan.str(i + 2)),
            Engine::MariaDb if scan.is(i, "NEXTVAL") && scan.punct(i + 1, b'(') => quoted(scan, i + 2),
            Engine::MariaDb if scan.are(i, &["NEXT", "VALUE", "FOR"]) => quoted(scan, i + 3),
            _ => None,
        };
        if let Some(name) = name.filter(|name| !found.contains(name)) {
            found.push(name);
        }
    }
    found
}

/// A plain literal.
fn text(literal: &str) -> Option<String> {
    let inner = literal.strip_prefix('\'')?.strip_suffix('\'')?;
    Some(inner.replace("''", "'"))
}

fn quoted(scan: &Scan, mut i: usize) -> Option<String> {
    // Words as they are written: names of tables may be told apart by their case.
    let part = |i: usize| match scan.kind(i) {
        Some(TokenKind::Word) => Some(super::target::quote(scan.str(i), Engine::MariaDb)),
        Some(TokenKind::Quoted) => Some(super::target::quote(&scan.name(i), Engine::MariaDb)),
        _ => None,
    };
    let mut name = part(i)?;
    while scan.punct(i + 1, b'.') {
        i += 2;
        name = format!("{name}.{}", part(i)?);
    }
    Some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_are_found_by_the_names_they_are_drawn_by() {
        let found = |sql, engine| draws(&Scan::new(sql, engine), engine).join(" ");
        assert_eq!(
            found("SELECT nextval('s'), NEXTVAL ( 'a.\"B c\"'::regclass ), nextval('s')", Engine::Postgres),
            "s a.\"B c\""
        );
        assert_eq!(found("SELECT nextval($1), 'nextval(''s'')', currval('s')", Engine::Postgres), "");
        assert_eq!(
            found("SELECT NEXT VALUE FOR S, nextval(d.`t u`), NEXTVAL(`S`)", Engine::MariaDb),
            "`S` `d`.`t u`"
        );
        assert_eq!(found("SELECT nextval('s')", Engine::Sqlite), "");
    }
}
