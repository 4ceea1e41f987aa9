//! Whether a query only reads: no writing keyword anywhere, and every function called is known to write
//! nothing. Works on tokens, so it also holds for what the parser does not understand.

use crate::link::Engine;

use super::classify::{Statement, Verb};
use super::determinate::by_effect;
use super::functions::{self, Effect};
use super::plan::Unsafe;
use super::scan::TokenKind;

/// What a query does besides giving rows. In rising order: the worst part counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verdict {
    Read,
    /// Locks rows or names.
    Lock,
    /// Draws numbers from sequences.
    Sequence,
    /// Puts something into the session's variables or into a file of the server.
    Variable,
    /// May write.
    Writes(Verb),
}

/// Looks at the tokens of a query.
pub(super) fn verdict(s: Statement) -> Verdict {
    let worst = (s.from..s.to).map(|i| token(s, i)).max().unwrap_or(Verdict::Read);
    match worst {
        Verdict::Writes(_) => Verdict::Writes(main_verb(s)),
        other => other,
    }
}

fn token(s: Statement, i: usize) -> Verdict {
    match s.scan.kind(i) {
        Some(TokenKind::Word) => word(s, i),
        Some(TokenKind::Quoted) if opens(s, i + 1) && !names_columns(s, i) => call(s, i),
        // `@x := 5` sets a variable.
        Some(TokenKind::Punct(b':')) if s.scan.punct(i + 1, b'=') && s.engine == Engine::MariaDb => {
            Verdict::Variable
        }
        Some(TokenKind::Punct(b'{')) => escape(s, i),
        _ => Verdict::Read,
    }
}

/// The verb behind the common table expressions of `WITH … INSERT`, else `Select`.
pub(super) fn main_verb(s: Statement) -> Verb {
    if !s.scan.is(s.from, "WITH") {
        return Verb::Select;
    }
    match main_statement(s) {
        Some(i) if s.scan.is(i, "INSERT") => Verb::Insert,
        Some(i) if s.scan.is(i, "REPLACE") => Verb::Replace,
        Some(i) if s.scan.is(i, "UPDATE") => Verb::Update,
        Some(i) if s.scan.is(i, "DELETE") => Verb::Delete,
        Some(i) if s.scan.is(i, "MERGE") => Verb::Merge,
        _ => Verb::Select,
    }
}

/// Where the statement behind `WITH a AS (…), b AS (…)` begins.
pub(super) fn main_statement(s: Statement) -> Option<usize> {
    let mut i = s.from;
    while i < s.to {
        if s.scan.punct(i, b'(') {
            i = s.scan.after_parens(i);
            if s.scan
                .is_any(i, &["SELECT", "INSERT", "UPDATE", "DELETE", "REPLACE", "MERGE", "VALUES", "TABLE"])
                && !s.scan.is(i.wrapping_sub(1), "AS")
            {
                return Some(i);
            }
        } else {
            i += 1;
        }
    }
    None
}

fn opens(s: Statement, i: usize) -> bool {
    i < s.to && s.scan.punct(i, b'(')
}

fn word(s: Statement, i: usize) -> Verdict {
    let text = s.scan.str(i);
    // A name behind a dot is a column, whatever it spells; `.f(` is a call.
    if !(2..=9).contains(&text.len()) && !opens(s, i + 1) {
        return Verdict::Read;
    }
    let mut buffer = [0u8; 16];
    let upper = super::classify::uppercase(text, &mut buffer);
    let call_form = opens(s, i + 1);
    match upper {
        "INSERT" | "REPLACE" if call_form => {}
        "INTO" if s.engine == Engine::MariaDb => {
            let outside =
                s.scan.str(i + 1).starts_with('@') || s.scan.is_any(i + 1, &["OUTFILE", "DUMPFILE"]);
            return if outside { Verdict::Variable } else { Verdict::Writes(Verb::Select) };
        }
        "INSERT" | "REPLACE" | "DELETE" | "MERGE" | "INTO" => return Verdict::Writes(Verb::Select),
        "UPDATE" => {
            let prev = i.wrapping_sub(1);
            let locks = s.scan.is(prev, "FOR")
                || (s.scan.is(prev, "KEY")
                    && s.scan.is(i.wrapping_sub(2), "NO")
                    && s.scan.is(i.wrapping_sub(3), "FOR"));
            return if locks && i >= s.from + 2 { Verdict::Lock } else { Verdict::Writes(Verb::Select) };
        }
        "SHARE" if s.scan.is_any(i.wrapping_sub(1), &["FOR", "KEY", "IN"]) => return Verdict::Lock,
        // MariaDB: NEXT VALUE FOR s
        "VALUE" if s.scan.is_any(i.wrapping_sub(1), &["NEXT", "PREVIOUS"]) && s.scan.is(i + 1, "FOR") => {
            return Verdict::Sequence;
        }
        _ => {}
    }
    if call_form && !is_no_call(s, i, upper) { call(s, i) } else { Verdict::Read }
}

/// Words before `(` that call nothing. All are reserved, so that no function can have such a name.
fn is_no_call(s: Statement, i: usize, upper: &str) -> bool {
    let before = |words: &[&str]| i > s.from && s.scan.is_any(i - 1, words);
    let behind_parens = i > s.from && s.scan.punct(i - 1, b')');
    match upper {
        "SELECT" | "FROM" | "WHERE" | "AND" | "OR" | "NOT" | "IN" | "EXISTS" | "ANY" | "ALL" | "SOME"
        | "AS" | "ON" | "USING" | "VALUES" | "UNION" | "EXCEPT" | "INTERSECT" | "CASE" | "WHEN" | "THEN"
        | "ELSE" | "BETWEEN" | "LIKE" | "ILIKE" | "HAVING" | "LIMIT" | "OFFSET" | "DISTINCT" | "LATERAL"
        | "JOIN" | "IS" | "FETCH" | "FOR" | "GROUP" | "WITH" | "ONLY" | "RETURNING" | "TO" | "CHECK" => true,
        "BY" => before(&["ORDER", "GROUP", "PARTITION"]),
        "CONFLICT" => before(&["ON"]),
        "OVER" => behind_parens || before(&["NULLS"]),
        "FILTER" | "AGAINST" => behind_parens,
        "SETS" => before(&["GROUPING"]),
        // JSON_TABLE(doc, 'path' COLUMNS (…))
        "COLUMNS" => i > s.from && s.scan.kind(i - 1) == Some(TokenKind::Str),
        "MATERIALIZED" => before(&["AS", "NOT"]),
        "DIV" | "XOR" | "RLIKE" | "INDEX" | "KEY" | "PARTITION" | "SET" | "DO" => s.engine == Engine::MariaDb,
        "MATCH" | "REGEXP" | "GLOB" => s.engine != Engine::Postgres,
        _ => names_columns(s, i) || before(&["TABLESAMPLE"]),
    }
}

/// `… AS t (a, b)`, `INTO t (a, b)`, `WITH t (a, b) AS (SELECT …`, and `CAST(x AS numeric (10, 2))`.
fn names_columns(s: Statement, i: usize) -> bool {
    if i > s.from && s.scan.is_any(i - 1, &["AS", "INTO", "ORDINALITY"]) {
        return true;
    }
    if names_query(s, i) {
        return true;
    }
    if i >= s.from + 3 && s.scan.punct(i - 1, b'.') && s.scan.is(i - 3, "INTO") {
        return true;
    }
    if i > s.from && !s.scan.is_any(i - 1, &["WITH", "RECURSIVE"]) && !s.scan.punct(i - 1, b',') {
        return false;
    }
    let mut j = s.scan.after_parens(i + 1);
    if !s.scan.is(j, "AS") {
        return false;
    }
    j += 1;
    while s.scan.is_any(j, &["NOT", "MATERIALIZED"]) {
        j += 1;
    }
    // A column definition list, `FROM f(x) AS (a int)`, cannot begin with a reserved word.
    opens(s, j)
        && (s.scan.is_any(j + 1, &["SELECT", "VALUES", "WITH", "INSERT", "UPDATE", "DELETE"])
            || opens(s, j + 1))
}

/// PostgreSQL's `FROM (VALUES …) t (a, b)`. Behind a parenthesis nothing is called but with `DISTINCT ON (…)`.
fn names_query(s: Statement, i: usize) -> bool {
    if s.engine != Engine::Postgres || i <= s.from || !s.scan.punct(i - 1, b')') {
        return false;
    }
    let mut depth = 0usize;
    let opening = (s.from..i).rev().find(|&j| {
        depth += usize::from(s.scan.punct(j, b')'));
        depth -= usize::from(s.scan.punct(j, b'('));
        depth == 0
    });
    opening.is_some_and(|j| s.scan.is_any(j + 1, &["VALUES", "SELECT", "WITH", "TABLE"]))
}

fn call(s: Statement, i: usize) -> Verdict {
    // A function of some schema is the user's own, but for the system's schema.
    if i >= s.from + 2 && s.scan.punct(i - 1, b'.') {
        let system = s.engine == Engine::Postgres && s.scan.name(i - 2) == "pg_catalog";
        if !system || (i >= s.from + 3 && s.scan.punct(i - 3, b'.')) {
            return Verdict::Writes(Verb::Select);
        }
    }
    match functions::effect(s.engine, &s.scan.name(i)) {
        Some(Effect::Determinate | Effect::Dates | Effect::Clock | Effect::Reads) => Verdict::Read,
        Some(Effect::Locks) => Verdict::Lock,
        Some(Effect::Sequence) => Verdict::Sequence,
        None => Verdict::Writes(Verb::Select),
    }
}

/// ODBC escapes inside a query: literals, outer joins and scalar functions, whose names are looked at as
/// any other's. All else may be anything.
fn escape(s: Statement, i: usize) -> Verdict {
    match s.scan.is_any(i + 1, &["D", "T", "TS", "OJ", "FN", "ESCAPE", "GUID"]) {
        true => Verdict::Read,
        false => Verdict::Writes(Verb::Select),
    }
}

/// Why this part of a statement does more than read and lock, if it does.
pub(super) fn refusal(s: Statement) -> Option<Unsafe> {
    (s.from..s.to).find_map(|i| refused(s, i))
}

/// The same for what runs on the master alone, where numbers may be drawn: what came of it is captured.
pub(super) fn capture_refusal(s: Statement) -> Option<Unsafe> {
    (s.from..s.to).find_map(|i| match token(s, i) {
        Verdict::Sequence => None,
        _ => refused(s, i),
    })
}

/// Why a statement that writes a table of the master's own does more than that and reading, if it does.
pub(super) fn local_refusal(s: Statement) -> Option<Unsafe> {
    let mut depth = 0usize;
    (s.from..s.to).find_map(|i| {
        if s.scan.punct(i, b'(') {
            depth += 1;
        } else if s.scan.punct(i, b')') {
            depth = depth.saturating_sub(1);
        }
        match token(s, i) {
            Verdict::Sequence | Verdict::Variable => None,
            // The statement's own INSERT INTO, or its DO UPDATE.
            _ if depth == 0 && !opens(s, i + 1) => None,
            _ => refused(s, i),
        }
    })
}

fn refused(s: Statement, i: usize) -> Option<Unsafe> {
    {
        let name = s.scan.str(i);
        let written = s.scan.is_any(i, &["INSERT", "UPDATE", "DELETE", "MERGE", "REPLACE", "INTO"]);
        match token(s, i) {
            Verdict::Read | Verdict::Lock => None,
            Verdict::Writes(_) if written && !opens(s, i + 1) => Some(Unsafe::new(
                format!("{} inside another statement", name.to_uppercase()),
                "write it as a statement of its own",
            )),
            Verdict::Writes(_) if s.scan.punct(i, b'{') => {
                Some(Unsafe::new("an ODBC escape is not understood", "write it in the engine's own SQL"))
            }
            Verdict::Writes(_) => Some(by_effect(name, None)),
            Verdict::Sequence => Some(by_effect(name, Some(Effect::Sequence))),
            Verdict::Variable => {
                Some(Unsafe::new("it sets a user variable", "set it in a statement of its own"))
            }
        }
    }
}
