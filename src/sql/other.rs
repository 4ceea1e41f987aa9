//! Plans of what is no INSERT, UPDATE or DELETE.

use crate::error::Result;
use crate::link::Engine;

use super::classifier::FactsOf;
use super::classify::{SessionKind, Statement, Verb};
use super::functions::{self, Effect};
use super::plan::{Plan, Unsafe};
use super::reads;
use super::scan::TokenKind;
use super::target::{AliasRule, Target};

/// Session statements: what shipped statements can depend on goes to both connections.
pub(super) fn session(kind: SessionKind, s: Statement) -> Plan {
    use SessionKind::*;
    match kind {
        Set | SetLocal | Transaction | Autocommit(_) | Schema | Pragma => Plan::Session,
        Variable | Server | Cursor | Prepared | Listen | TempTable => Plan::Local,
        LockTables if s.scan.is(s.from, "UNLOCK") => Plan::Local,
        LockTables => Plan::refuse(
            "LOCK TABLES shuts the session out of the tables of the queue",
            "SELECT … FOR UPDATE on the rows, or GET_LOCK()",
        ),
        Attach => Plan::refuse(
            "an attached database has no mirror",
            "the hint /*twin:local*/ attaches it on the master only; do not write to it",
        ),
        Reset => Plan::refuse(
            "it undoes settings that the session itself relies on",
            "reset single settings; all are reset when the connection is released",
        ),
    }
}

/// Why a write that is no plain statement on a table cannot be shipped.
pub(super) fn refusal(verb: Verb, s: Statement) -> Unsafe {
    match verb {
        Verb::Select => {
            let found = reads::refusal(s).unwrap_or_else(|| Unsafe::new("the query may write", ""));
            let instead = match found.reason.contains(" inside ") {
                true => found.instead,
                false => "the hint /*twin:read*/ if the query only reads, /*twin:write*/ if it writes the same on both \
                          sides"
                    .into(),
            };
            Unsafe { instead, ..found }
        }
        Verb::Merge => Unsafe::new(
            "MERGE decides by other rows which row it writes",
            "INSERT … ON CONFLICT, or UPDATE and INSERT by key",
        ),
        Verb::Call => Unsafe::new(
            "what a procedure, a prepared statement or a block does cannot be seen",
            "its statements one by one, or the hint /*twin:write*/ if it does the same on both sides",
        ),
        Verb::Load => {
            Unsafe::new("COPY and LOAD read their rows from elsewhere", "INSERT with parameters, as a batch")
        }
        _ if s.scan.executable_comment => Unsafe::new(
            "an executable comment /*! … */ may hold any SQL",
            "write the SQL without the comment",
        ),
        _ => Unsafe::new(
            "the statement is not understood",
            "the hint /*twin:read*/, /*twin:write*/ or /*twin:local*/ says what it does",
        ),
    }
}

/// DDL is the same text on both sides, unless it fills rows with values of its own.
pub(super) fn ddl(s: Statement, facts: &mut FactsOf) -> Result<Plan> {
    let named = |schema: &str| (s.from + 1..s.to).any(|i| s.scan.is(i, schema) && s.scan.punct(i + 1, b'.'));
    // What stands in the schema of temporary objects is the master's own: DROP TRIGGER temp.t.
    let own = match s.engine {
        Engine::Sqlite => named("temp"),
        Engine::Postgres => named("pg_temp"),
        Engine::MariaDb => false,
    };
    if own && s.scan.is_any(s.from, &["DROP", "ALTER", "COMMENT"]) {
        return Ok(Plan::Local);
    }
    let mut temporary = 0;
    let targets = targets(s);
    for target in &targets {
        if facts(target.schema.as_deref(), &target.name)?.is_some_and(|f| f.is_temporary) {
            temporary += 1;
        }
    }
    if temporary > 0 {
        return Ok(match temporary == targets.len() {
            true => Plan::Local,
            false => Plan::refuse("it names temporary and other tables", "write one statement for each"),
        });
    }
    if let Some(u) = fills_rows(s) {
        return Ok(Plan::Unsafe(u));
    }
    Ok(Plan::Ddl)
}

/// The tables that a DDL statement changes, where a temporary one can stand.
fn targets(s: Statement) -> Vec<Target> {
    let scan = s.scan;
    let mut i = s.from + 1;
    let mut found = Vec::new();
    match () {
        _ if scan.is(s.from, "TRUNCATE") => i += usize::from(scan.is(i, "TABLE")),
        _ if scan.is_any(s.from, &["DROP", "ALTER"]) && scan.is_any(i, &["TABLE", "VIEW"]) => i += 1,
        _ if scan.is(s.from, "CREATE") && (scan.is(i, "INDEX") || scan.is(i + 1, "INDEX")) => {
            match (i..s.to).find(|&j| scan.is(j, "ON")) {
                Some(on) => i = on + 1,
                None => return found,
            }
        }
        _ => return found,
    }
    if scan.is(i, "IF") {
        i += if scan.is(i + 1, "NOT") { 3 } else { 2 };
    }
    loop {
        i += usize::from(scan.is(i, "ONLY"));
        match Target::read(scan, s.engine, i, AliasRule::None) {
            Some((target, next)) => {
                found.push(target);
                i = next;
            }
            None => return found,
        }
        if !scan.punct(i, b',') || scan.is(s.from, "ALTER") {
            return found;
        }
        i += 1;
    }
}

fn fills_rows(s: Statement) -> Option<Unsafe> {
    let scan = s.scan;
    if scan.are(s.from, &["CREATE", "MATERIALIZED", "VIEW"]) {
        return (s.from..s.to)
            .find(|&i| {
                let call = scan.punct(i + 1, b'(');
                match functions::effect(s.engine, &scan.name(i)) {
                    Some(Effect::Clock | Effect::Sequence | Effect::Locks) => {
                        scan.kind(i) == Some(TokenKind::Word)
                    }
                    Some(Effect::Reads) => call && is_other_each_time(&scan.name(i)),
                    _ => false,
                }
            })
            .map(|i| {
                Unsafe::new(
                    format!("{} gives other rows on each side", scan.str(i)),
                    "a plain view, or a table that is filled by INSERT … SELECT",
                )
            });
    }
    let creates_table = scan.is(s.from, "CREATE")
        && (s.from + 1..s.to.min(s.from + 5)).any(|i| scan.is(i, "TABLE"))
        && !scan.is(s.from + 1, "VIEW");
    if creates_table {
        let mut depth = 0usize;
        for i in s.from..s.to {
            match scan.kind(i) {
                Some(TokenKind::Punct(b'(')) => depth += 1,
                Some(TokenKind::Punct(b')')) => depth = depth.saturating_sub(1),
                _ => {}
            }
            // Also `CREATE TABLE t AS (SELECT …)`.
            let after_as = depth == 1 && scan.is(i.wrapping_sub(2), "AS");
            if (depth == 0 || after_as) && scan.is_any(i, &["SELECT", "EXECUTE"]) {
                return Some(Unsafe::new(
                    "it fills the new table from a query",
                    "CREATE TABLE first, then INSERT the rows as parameters",
                ));
            }
        }
        return None;
    }
    if !(scan.is(s.from, "ALTER") && scan.is(s.from + 1, "TABLE")) {
        return None;
    }
    let mut adds = false;
    for i in s.from..s.to {
        adds |= scan.is_any(i, &["ADD", "USING", "MODIFY", "CHANGE"]);
        if !adds {
            continue;
        }
        let generated = scan.is_any(i, &["SERIAL", "BIGSERIAL", "SMALLSERIAL", "AUTO_INCREMENT", "IDENTITY"]);
        let call = scan.punct(i + 1, b'(');
        let effect = functions::effect(s.engine, &scan.name(i));
        let differs = match effect {
            Some(Effect::Clock | Effect::Sequence | Effect::Locks) => scan.kind(i) == Some(TokenKind::Word),
            Some(Effect::Reads) => call && !is_type(&scan.name(i)) && scan.kind(i) == Some(TokenKind::Word),
            _ => false,
        };
        let unknown_default =
            call && effect.is_none() && scan.is_any(i.wrapping_sub(1), &["DEFAULT", "USING"]);
        if (generated && s.engine != Engine::Sqlite) || differs || unknown_default {
            return Some(Unsafe::new(
                format!("{} gives the rows that are there values of their own on each side", scan.str(i)),
                "add the column without it, fill the rows with parameters, then set the default",
            ));
        }
    }
    None
}

/// Of the functions that read: those that never give the same again.
fn is_other_each_time(name: &str) -> bool {
    matches!(name, "random" | "gen_random_uuid" | "pg_backend_pid" | "txid_current" | "pg_current_xact_id")
}

/// Type names stand among the functions that only read: they are functions of PostgreSQL too.
fn is_type(name: &str) -> bool {
    matches!(
        name,
        "bigint"
            | "binary"
            | "bit"
            | "blob"
            | "bool"
            | "boolean"
            | "bpchar"
            | "bytea"
            | "character"
            | "datetime"
            | "dec"
            | "decimal"
            | "double"
            | "float"
            | "int"
            | "integer"
            | "nchar"
            | "number"
            | "numeric"
            | "nvarchar"
            | "real"
            | "signed"
            | "smallint"
            | "text"
            | "timestamp"
            | "timestamptz"
            | "timetz"
            | "tinyint"
            | "unsigned"
            | "uuid"
            | "varbinary"
            | "varbit"
            | "varchar"
            | "varying"
            | "year"
            | "time"
            | "point"
            | "polygon"
    )
}
