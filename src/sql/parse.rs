//! Expressions as syntax trees. Statements are taken apart by their tokens; only the expressions in them
//! go through `sqlparser`, so that a clause it does not know spoils nothing.

use std::ops::Range;

use sqlparser::ast::{BinaryOperator, Expr, Ident, Value as Literal};
use sqlparser::dialect::{Dialect, MySqlDialect, PostgreSqlDialect, SQLiteDialect};
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, Tokenizer};

use crate::link::Engine;

use super::scan::{Scan, TokenKind, unquote};

/// Operators that may follow each other without a comma. A syntax tree leans as deep as the chain is long,
/// and is walked and dropped by recursion.
const LONGEST_CHAIN: usize = 300;

/// The expression in the tokens of `range`; `None`: not understood. Placeholders come out as `?1`, `?2`, …,
/// counted from the beginning of the scan.
pub(super) fn expression(scan: &Scan, range: Range<usize>, engine: Engine) -> Option<Expr> {
    if let Some(found) = simple(scan, range.clone()) {
        return Some(found);
    }
    if range.is_empty() || chain(scan, range.clone()) > LONGEST_CHAIN {
        return None;
    }
    let (postgres, mysql, sqlite) = (PostgreSqlDialect {}, MySqlDialect {}, SQLiteDialect {});
    let dialect: &dyn Dialect = match engine {
        Engine::Postgres => &postgres,
        Engine::MariaDb => &mysql,
        Engine::Sqlite => &sqlite,
    };
    let first = scan.markers_before(range.start);
    let mut marker = first;
    let text = text(scan, range.clone());
    let mut tokens = if engine == Engine::Postgres {
        // PostgreSQL has operators made with `?`: a marker must not become part of one.
        let start = scan.tokens[range.start].start as usize;
        let mut numbered = String::with_capacity(text.len() + 16);
        let mut from = 0;
        for t in scan.tokens[range.clone()].iter().filter(|t| t.kind == TokenKind::Marker) {
            marker += 1;
            numbered.push_str(&text[from..t.start as usize - start]);
            numbered.push_str(&format!(" ${marker} "));
            from = t.end as usize - start;
        }
        numbered.push_str(&text[from..]);
        Tokenizer::new(dialect, &numbered).tokenize_with_location().ok()?
    } else {
        Tokenizer::new(dialect, text).tokenize_with_location().ok()?
    };
    let mut seen = first;
    for token in &mut tokens {
        if let Token::Placeholder(name) = &mut token.token {
            seen += 1;
            match engine {
                Engine::Postgres if *name == format!("${seen}") => {}
                Engine::MariaDb | Engine::Sqlite if name == "?" => marker += 1,
                _ => return None,
            }
            *name = format!("?{seen}");
        }
    }
    if seen != marker || seen != scan.markers_before(range.end) {
        return None;
    }
    let mut parser = Parser::new(dialect).with_tokens_with_locations(tokens);
    let expr = parser.parse_expr().ok()?;
    (parser.peek_token().token == Token::EOF).then_some(expr)
}

/// What most expressions are: `?`, `5`, `a + ?`, `a = ? AND b = 5`. They need no parser, which takes ten
/// times as long.
fn simple(scan: &Scan, range: Range<usize>) -> Option<Expr> {
    let mut i = range.start;
    if range.len() == 1 {
        return constant(scan, i);
    }
    let mut found: Option<Expr> = None;
    loop {
        let (left, next) = name(scan, i)?;
        let op = match scan.kind(next)? {
            TokenKind::Punct(b'=') => BinaryOperator::Eq,
            TokenKind::Punct(b'<') => BinaryOperator::Lt,
            TokenKind::Punct(b'>') => BinaryOperator::Gt,
            TokenKind::Punct(b'+') if found.is_none() => BinaryOperator::Plus,
            TokenKind::Punct(b'-') if found.is_none() => BinaryOperator::Minus,
            _ => return None,
        };
        let arithmetic = matches!(op, BinaryOperator::Plus | BinaryOperator::Minus);
        let pair = binary(left, op, constant(scan, next + 1)?);
        found = Some(match found {
            None => pair,
            Some(before) => binary(before, BinaryOperator::And, pair),
        });
        i = next + 2;
        if i >= range.end {
            return if i == range.end { found } else { None };
        }
        // A chain of many is as deep as it is long: the parser's limit counts it.
        if arithmetic || !scan.is(i, "AND") || i > range.start + 100 {
            return None;
        }
        i += 1;
    }
}

fn binary(left: Expr, op: BinaryOperator, right: Expr) -> Expr {
    Expr::BinaryOp { left: Box::new(left), op, right: Box::new(right) }
}

fn constant(scan: &Scan, i: usize) -> Option<Expr> {
    match scan.kind(i)? {
        TokenKind::Marker => {
            Some(Expr::value(Literal::Placeholder(format!("?{}", scan.markers_before(i) + 1))))
        }
        TokenKind::Number => Some(Expr::value(Literal::Number(scan.str(i).to_string(), false))),
        _ => None,
    }
}

/// `a` or `t.a`; keywords are none of them a column, which is found out later.
fn name(scan: &Scan, i: usize) -> Option<(Expr, usize)> {
    let ident = |i: usize| match scan.kind(i)? {
        TokenKind::Word if !scan.is_any(i, &["NOT", "NULL", "TRUE", "FALSE", "BINARY", "DEFAULT"]) => {
            Some(Ident::new(scan.str(i)))
        }
        TokenKind::Quoted => {
            let quote = scan.str(i).chars().next()?;
            Some(Ident::with_quote(quote, unquote(scan.str(i))))
        }
        _ => None,
    };
    let first = ident(i)?;
    match scan.punct(i + 1, b'.') {
        true => Some((Expr::CompoundIdentifier(vec![first, ident(i + 2)?]), i + 3)),
        false => Some((Expr::Identifier(first), i + 1)),
    }
}

/// The number, from 0, of the marker that a placeholder stands for.
pub(super) fn marker(placeholder: &str) -> Option<usize> {
    placeholder.strip_prefix('?')?.parse::<usize>().ok()?.checked_sub(1)
}

/// The text from the first to the last token of the range.
pub(super) fn text<'a>(scan: &Scan<'a>, range: Range<usize>) -> &'a str {
    match (scan.tokens.get(range.start), range.end.checked_sub(1).and_then(|i| scan.tokens.get(i))) {
        (Some(a), Some(b)) if a.start < b.end => &scan.text[a.start as usize..b.end as usize],
        _ => "",
    }
}

/// How deep the tree of an expression can be, about.
fn chain(scan: &Scan, range: Range<usize>) -> usize {
    /// One open parenthesis.
    #[derive(Default)]
    struct Level {
        /// Operators since the last comma, and the deepest of what is in parentheses since then.
        links: usize,
        inner: usize,
        /// The deepest before that comma.
        before: usize,
    }
    impl Level {
        fn depth(&self) -> usize {
            self.before.max(self.links + self.inner)
        }
    }
    const LINKS: [&str; 20] = [
        "AND",
        "OR",
        "NOT",
        "IS",
        "IN",
        "LIKE",
        "ILIKE",
        "BETWEEN",
        "COLLATE",
        "AT",
        "XOR",
        "DIV",
        "MOD",
        "ISNULL",
        "NOTNULL",
        "WHEN",
        "UNION",
        "EXCEPT",
        "INTERSECT",
        "JOIN",
    ];
    let mut open = vec![Level::default()];
    for i in range {
        let kind = scan.kind(i);
        if matches!(kind, Some(TokenKind::Punct(b'(' | b'['))) {
            open.push(Level::default());
            continue;
        }
        let mut closed = 0;
        if matches!(kind, Some(TokenKind::Punct(b')' | b']'))) && open.len() > 1 {
            closed = open.pop().map_or(0, |l| l.depth() + 1);
        }
        let Some(level) = open.last_mut() else { break };
        level.inner = level.inner.max(closed);
        match kind {
            Some(TokenKind::Punct(b',')) => {
                *level = Level { before: level.depth(), ..Level::default() };
            }
            Some(TokenKind::Punct(b'.')) => {}
            Some(TokenKind::Punct(_)) => level.links += 1,
            Some(TokenKind::Word) => level.links += usize::from(scan.is_any(i, &LINKS)),
            _ => {}
        }
    }
    open.iter().map(Level::depth).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_needs_no_parser_gives_the_same_tree_as_with_it() {
        for engine in [Engine::Sqlite, Engine::Postgres, Engine::MariaDb] {
            for sql in [
                "?",
                "5",
                "a + ?",
                "a - 1",
                "a = ? AND b > 5",
                "t.a = ?",
                "`A` = ? AND b = ? AND c = 7",
                "\"A b\" = 5",
            ] {
                let scan = Scan::new(sql, engine);
                let Some(quick) = simple(&scan, 0..scan.len()) else {
                    assert!(sql.contains(['`', '"']), "{sql}");
                    continue;
                };
                // Parentheses keep the quick way from being taken.
                let slow = format!("({sql})");
                let scan = Scan::new(&slow, engine);
                match expression(&scan, 0..scan.len(), engine) {
                    Some(Expr::Nested(inner)) => assert_eq!(*inner, quick, "{engine:?}: {sql}"),
                    other => panic!("{engine:?}: {sql}: {other:?}"),
                }
            }
            for sql in [
                "a = ? OR b = 5",
                "a = b",
                "a = -1",
                "a == 1",
                "a + 1 AND b = 2",
                "a = 1 AND",
                "NOT a = 1",
                "a + 1 + 2",
                "a = 1 COLLATE x",
                "a <> 1",
                "a <= 1",
            ] {
                let scan = Scan::new(sql, engine);
                assert!(simple(&scan, 0..scan.len()).is_none(), "{sql}");
            }
        }
    }
}
