//! UPDATE and DELETE: as text when the statement names its rows by a whole unique key, else by keys.

use std::ops::Range;

use sqlparser::ast::{Expr, Value as Literal};

use crate::link::Engine;
use crate::link::catalog::{ColumnFacts, DefaultKind, TableFacts};

use super::classify::Statement;
use super::determinate::Checker;
use super::keys::{self, KeyPlan};
use super::named::rows_named;
use super::parse;
use super::plan::{Condition, Plan, TextPlan, Unsafe};
use super::reads;
use super::rows::{self, RowsPlan, Way};
use super::scan::{Scan, TokenKind};
use super::target::{self, AliasRule, Target};

/// An UPDATE or DELETE taken apart: ranges of tokens.
pub(super) struct Dml<'s, 'a> {
    pub scan: &'s Scan<'a>,
    pub engine: Engine,
    /// `WITH …` in front.
    pub prefix: Option<Range<usize>>,
    pub deletes: bool,
    pub target: Target,
    /// The target as written, with ONLY and alias.
    pub target_tokens: Range<usize>,
    /// From the verb up to what is replaced by keys.
    pub head: Range<usize>,
    set: Vec<Assignment>,
    /// The tables behind FROM or USING.
    pub from: Option<Range<usize>>,
    /// The condition behind WHERE.
    pub predicate: Option<Range<usize>>,
    /// `ORDER BY …`, `LIMIT …`, with their keywords.
    pub order: Option<Range<usize>>,
    /// `RETURNING …`, with its keyword.
    pub returning: Option<Range<usize>>,
    /// SQLite's `UPDATE OR …`.
    or_action: Option<String>,
    /// The whole statement.
    whole: Range<usize>,
}

pub(super) struct Assignment {
    /// Places of the column names: more than one in `(a, b) = (1, 2)`.
    pub columns: Vec<usize>,
    /// Only a part of the column is written: `tags[2] = …`, `address.street = …`.
    pub part: bool,
    pub value: Range<usize>,
}

const TAKEN_APART: &str = "write it as one plain statement on one table, or use a hint";

fn odd(what: &str) -> Unsafe {
    Unsafe::new(format!("{what} is not understood"), TAKEN_APART)
}

/// Takes the statement in `s` apart.
pub(super) fn read<'s, 'a>(s: Statement<'s, 'a>) -> Result<Dml<'s, 'a>, Unsafe> {
    let (scan, engine) = (s.scan, s.engine);
    let verb = match scan.is(s.from, "WITH") {
        true => reads::main_statement(s).ok_or_else(|| odd("the WITH clause"))?,
        false => s.from,
    };
    let prefix = (verb > s.from).then_some(s.from..verb);
    let deletes = scan.is(verb, "DELETE");
    let mut i = verb + 1;
    let mut or_action = None;
    if deletes {
        if !scan.is(i, "FROM") {
            return Err(several_tables_or(scan, i));
        }
        i += 1;
    } else if scan.is(i, "OR") && engine == Engine::Sqlite {
        or_action = Some(scan.str(i + 1).to_ascii_uppercase());
        i += 2;
    }
    if engine == Engine::MariaDb && scan.is_any(i, &["LOW_PRIORITY", "IGNORE", "QUICK"]) {
        return Err(several_tables_or(scan, i));
    }
    let target_from = i;
    if engine == Engine::Postgres && scan.is(i, "ONLY") {
        i += 1;
    }
    let (target, after) =
        Target::read(scan, engine, i, AliasRule::Any).ok_or_else(|| odd("the name of the table"))?;
    let target_tokens = target_from..after;
    i = after;
    let mut set = Vec::new();
    if !deletes {
        if !scan.is(i, "SET") {
            return Err(several_tables_or(scan, i));
        }
        i += 1;
    }
    let body = i;
    let clauses = Clauses::find(scan, body, s.to, deletes)?;
    let head = verb..clauses.first;
    if deletes && clauses.first != body {
        return Err(several_tables_or(scan, body));
    }
    if !deletes {
        set = assignments(scan, body..clauses.first, engine).ok_or_else(|| odd("an assignment"))?;
    }
    if engine == Engine::MariaDb && clauses.from.is_some() {
        return Err(several_tables());
    }
    Ok(Dml {
        scan,
        engine,
        prefix,
        deletes,
        target,
        target_tokens,
        head,
        set,
        from: clauses.from,
        predicate: clauses.predicate,
        order: clauses.order,
        returning: clauses.returning,
        or_action,
        whole: s.from..s.to,
    })
}

fn several_tables() -> Unsafe {
    Unsafe::new(
        "it writes or joins several tables",
        "write one statement for each table, with a subquery in WHERE in place of the join",
    )
}

fn several_tables_or(scan: &Scan, i: usize) -> Unsafe {
    match scan.str(i).to_ascii_uppercase().as_str() {
        word @ ("IGNORE" | "LOW_PRIORITY" | "QUICK" | "PARTITION" | "INDEXED" | "NOT") => {
            Unsafe::new(format!("{word} is not mirrored"), format!("leave {word} out"))
        }
        _ => several_tables(),
    }
}

/// The clauses behind SET or behind the target of a DELETE.
struct Clauses {
    /// Where the first one begins.
    first: usize,
    from: Option<Range<usize>>,
    predicate: Option<Range<usize>>,
    order: Option<Range<usize>>,
    returning: Option<Range<usize>>,
}

impl Clauses {
    fn find(scan: &Scan, body: usize, to: usize, deletes: bool) -> Result<Clauses, Unsafe> {
        let mut starts: Vec<(usize, u8)> = Vec::new();
        let mut depth = 0usize;
        for i in body..to {
            match scan.kind(i) {
                Some(TokenKind::Punct(b'(' | b'[')) => depth += 1,
                Some(TokenKind::Punct(b')' | b']')) => depth = depth.saturating_sub(1),
                Some(TokenKind::Word) if depth == 0 => {
                    let rank = match () {
                        _ if scan.is(i, "FROM") && !deletes && !scan.is(i - 1, "DISTINCT") => 1,
                        _ if scan.is(i, "USING") && deletes => 1,
                        _ if scan.is(i, "WHERE") => 2,
                        _ if scan.is(i, "ORDER") && scan.is(i + 1, "BY") => 3,
                        _ if scan.is(i, "LIMIT") => 4,
                        _ if scan.is(i, "RETURNING") => 5,
                        _ => continue,
                    };
                    starts.push((i, rank));
                }
                _ => {}
            }
        }
        // SQLite has RETURNING before ORDER BY, MariaDB after LIMIT.
        let mut ranks: Vec<u8> = starts.iter().map(|s| s.1).collect();
        ranks.sort_unstable();
        if ranks.windows(2).any(|w| w[0] == w[1]) {
            return Err(odd("the order of the clauses"));
        }
        let clause = |rank: u8| {
            let at = starts.iter().position(|s| s.1 == rank)?;
            Some(starts[at].0..starts.get(at + 1).map_or(to, |s| s.0))
        };
        let inside = |range: Option<Range<usize>>| match range {
            Some(r) if r.len() < 2 => Err(odd("an empty clause")),
            Some(r) => Ok(Some(r.start + 1..r.end)),
            None => Ok(None),
        };
        let order = match (clause(3), clause(4)) {
            (Some(order), Some(limit)) if order.end == limit.start => Some(order.start..limit.end),
            (Some(_), Some(_)) => return Err(odd("the order of the clauses")),
            (order, limit) => order.or(limit),
        };
        Ok(Clauses {
            first: starts.first().map_or(to, |s| s.0),
            from: inside(clause(1))?,
            predicate: inside(clause(2))?,
            order,
            returning: clause(5),
        })
    }
}

impl Dml<'_, '_> {
    /// The statement with these columns behind its RETURNING.
    fn returned(&self, columns: &str) -> String {
        let (from, to) = (self.whole.start, self.whole.end);
        let text = |range: Range<usize>| parse::text(self.scan, range);
        match (&self.returning, &self.order) {
            (Some(returning), _) => {
                format!("{}, {columns} {}", text(from..returning.end), text(returning.end..to))
            }
            // SQLite has RETURNING before ORDER BY.
            (None, Some(order)) => {
                format!("{} RETURNING {columns} {}", text(from..order.start), text(order.start..to))
            }
            (None, None) => format!("{} RETURNING {columns}", text(from..to)),
        }
    }
}

/// Takes `a = 1, (b, c) = (2, 3)` apart.
pub(super) fn assignments(scan: &Scan, range: Range<usize>, engine: Engine) -> Option<Vec<Assignment>> {
    let mut found = Vec::new();
    for part in commas(scan, range) {
        let mut i = part.start;
        let mut columns = Vec::new();
        let mut partly = false;
        if scan.punct(i, b'(') {
            let close = scan.after_parens(i);
            for name in commas(scan, i + 1..close.checked_sub(1)?) {
                (name.len() == 1).then(|| columns.push(name.start))?;
            }
            i = close;
        } else {
            // `t.a` and `s.t.a` name the column last; in PostgreSQL `a.b` is a field of column a.
            while engine != Engine::Postgres && scan.punct(i + 1, b'.') {
                i += 2;
            }
            columns.push(i);
            i += 1;
            while scan.punct(i, b'.') && engine == Engine::Postgres {
                partly = true;
                i += 2;
            }
            while scan.punct(i, b'[') && engine == Engine::Postgres {
                // What picks the element must be plain: it is looked at no further.
                let end = (i + 1..part.end).find(|&j| scan.punct(j, b']'))?;
                (i + 1..end)
                    .all(|j| {
                        matches!(
                            scan.kind(j),
                            Some(TokenKind::Number | TokenKind::Str | TokenKind::Punct(b':'))
                        )
                    })
                    .then_some(())?;
                partly = true;
                i = end + 1;
            }
        }
        if !scan.punct(i, b'=') || i + 1 >= part.end || columns.is_empty() {
            return None;
        }
        found.push(Assignment { columns, part: partly, value: i + 1..part.end });
    }
    (!found.is_empty()).then_some(found)
}

/// The parts of a range between the commas that stand in no parentheses.
pub(super) fn commas(scan: &Scan, range: Range<usize>) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    let mut depth = 0usize;
    let mut from = range.start;
    for i in range.clone() {
        match scan.kind(i) {
            Some(TokenKind::Punct(b'(' | b'[')) => depth += 1,
            Some(TokenKind::Punct(b')' | b']')) => depth = depth.saturating_sub(1),
            Some(TokenKind::Punct(b',')) if depth == 0 => {
                parts.push(from..i);
                from = i + 1;
            }
            _ => {}
        }
    }
    if from < range.end || !parts.is_empty() {
        parts.push(from..range.end);
    }
    parts
}

/// Plans an UPDATE or DELETE on a table that is neither view nor temporary and has no triggers.
pub(super) fn plan(dml: &Dml, facts: &TableFacts) -> Plan {
    match try_plan(dml, facts) {
        Ok(plan) => plan,
        Err(u) => Plan::Unsafe(u),
    }
}

fn try_plan(dml: &Dml, facts: &TableFacts) -> Result<Plan, Unsafe> {
    let engine = dml.engine;
    if dml.predicate.as_ref().is_some_and(|p| dml.scan.are(p.start, &["CURRENT", "OF"])) {
        return Err(Unsafe::new(
            "the row is that of a cursor, which the mirror has not",
            "name the row by its key",
        ));
    }
    for (what, range) in [
        ("the WITH clause", &dml.prefix),
        ("the FROM clause", &dml.from),
        ("the condition", &dml.predicate),
        ("ORDER BY or LIMIT", &dml.order),
        ("RETURNING", &dml.returning),
    ] {
        if let Some(range) = range {
            only_reads(dml, range.clone(), what)?;
        }
    }
    let mut checker = Checker {
        engine,
        facts,
        target: &dml.target,
        columns: true,
        excluded: false,
        assigned: None,
        conditions: Vec::new(),
    };
    let written = match set(dml.scan, &dml.set, &mut checker) {
        Ok(written) => written,
        Err(why) => return captured(dml, facts, why).map(Plan::Rows),
    };
    let touches_key = written.iter().any(|c| is_key_column(facts, c));
    if facts.has_cascades && (dml.deletes || touches_key) {
        return Err(cascades());
    }
    if !dml.deletes
        && let Err(why) = on_update(facts, &written)
    {
        return captured(dml, facts, why).map(Plan::Rows);
    }
    let set_conditions = std::mem::take(&mut checker.conditions);

    let named = match (&dml.predicate, &dml.prefix, &dml.from, &dml.order) {
        // A subquery is not determinate: no need to look further.
        (Some(predicate), ..) if predicate.clone().any(|i| dml.scan.is(i, "SELECT")) => None,
        (Some(predicate), None, None, None) => parse::expression(dml.scan, predicate.clone(), engine)
            .and_then(|e| rows_named(&e, facts, &mut checker)),
        _ => None,
    };
    let keys = key_plan(dml, facts, touches_key, set_conditions.clone());
    let Some(named) = named else { return keys.map(Plan::Keys) };
    if named.many && touches_key {
        return Err(Unsafe::new(
            "it changes key columns of several rows, whose order may decide whether they collide",
            "change the key of one row at a time",
        ));
    }
    match dml.or_action.as_deref() {
        None | Some("ABORT") => {}
        Some("IGNORE" | "REPLACE" | "FAIL") if !named.many && !facts.has_cascades => {}
        Some(action) => return Err(or_action(action)),
    }
    // A row that is not there is locked by nobody: of several keys one that has no row here may have one on the mirror,
    // of a transaction that commits first. So the mirror is told of those that were there. Of a single key there is
    // nothing to tell.
    if named.many {
        return keys.map(Plan::Keys);
    }
    // The condition's own demands: where they do not hold, the keys still can be captured.
    let own = std::mem::take(&mut checker.conditions);
    let otherwise = match own.is_empty() {
        true => None,
        false => keys.ok().map(|k| Box::new(Plan::Keys(k))),
    };
    let conditions = own.into_iter().chain(set_conditions).collect();
    Ok(Plan::Text(TextPlan { conditions, otherwise }))
}

/// What SET asks for is not known to be determinate: the values that the rows got are captured. `why`: the
/// reason to name where that will not do.
fn captured(dml: &Dml, facts: &TableFacts, why: Unsafe) -> Result<RowsPlan, Unsafe> {
    let (scan, engine) = (dml.scan, dml.engine);
    let written = written(scan, &dml.set, facts, engine)?;
    for Range { start, end } in dml.set.iter().map(|assignment| assignment.value.clone()) {
        if let Some(u) = reads::capture_refusal(Statement { scan, engine, from: start, to: end }) {
            return Err(u);
        }
    }
    if written.iter().any(|c| is_key_column(facts, c)) {
        return Err(why);
    }
    if let Some(action) = dml.or_action.as_deref().filter(|a| *a != "ABORT") {
        return Err(or_action(action));
    }
    // Rows go one after the other: on their way two could be the same to a unique index.
    let unique = match &facts.unique_columns {
        Some(columns) => written.iter().any(|c| columns.contains(&c.name)),
        None => true,
    };
    if unique && !names_one(dml, facts) {
        return Err(Unsafe::new(
            format!("{}, and a unique index may see the rows in another order", why.reason),
            "name one row by equality on its whole key",
        ));
    }
    if dml.from.is_some() || dml.prefix.is_some() {
        returns_own(dml, facts)?;
    }
    // What is carried with its type names its row also where it is a floating point number or an instant.
    let key = match (engine, facts.row_key()) {
        (Engine::Postgres | Engine::Sqlite, Some(key)) => key,
        _ => keys::row_key(facts, engine)?,
    };
    let table = rows::table_text(&dml.target, engine);
    let returning = dml.returning.is_some();
    let keyed = match engine {
        Engine::MariaDb => Some(keys::build(dml, facts, Vec::new())?),
        _ => None,
    };
    Ok(RowsPlan::update(facts, engine, table.clone(), &written, key, returning, |read| match keyed {
        Some(keys) => {
            Way::Keyed { keys: Box::new(keys), read: format!("SELECT {} FROM {table}", read(None)) }
        }
        None => {
            // Other tables of the statement may have columns of the same name; SQLite sees its own only.
            let called = dml.target.called.as_str();
            let sql = dml.returned(&read((engine == Engine::Postgres).then_some(called)));
            Way::Returned(rows::giving_rows(engine, sql))
        }
    }))
}

/// Whether the condition names a single row.
fn names_one(dml: &Dml, facts: &TableFacts) -> bool {
    let mut checker = Checker {
        engine: dml.engine,
        facts,
        target: &dml.target,
        columns: true,
        excluded: false,
        assigned: None,
        conditions: Vec::new(),
    };
    dml.predicate
        .clone()
        .and_then(|p| parse::expression(dml.scan, p, dml.engine))
        .and_then(|e| rows_named(&e, facts, &mut checker))
        .is_some_and(|named| !named.many && checker.conditions.is_empty())
}

/// The columns that assignments write, as far as they can be given a captured value: a computed column makes
/// its own, and an identity that is always generated takes nothing but DEFAULT.
pub(super) fn written<'f>(
    scan: &Scan,
    set: &[Assignment],
    facts: &'f TableFacts,
    engine: Engine,
) -> Result<Vec<&'f ColumnFacts>, Unsafe> {
    let mut found = Vec::new();
    for assignment in set {
        for &i in &assignment.columns {
            let column = target::column_at(facts, engine, scan, i).ok_or_else(|| {
                Unsafe::new(format!("{} is not a column of the table", scan.name(i)), "name a column")
            })?;
            if column.default == DefaultKind::Generated
                && assignment.value.clone().any(|i| scan.is(i, "DEFAULT"))
            {
                default_of(column)?;
            }
            if !column.computed {
                found.push(column);
            }
        }
    }
    Ok(found)
}

fn only_reads(dml: &Dml, range: Range<usize>, what: &str) -> Result<(), Unsafe> {
    let part = Statement { scan: dml.scan, engine: dml.engine, from: range.start, to: range.end };
    match reads::refusal(part) {
        None => Ok(()),
        Some(u) => Err(Unsafe { reason: format!("{} (in {what})", u.reason), ..u }),
    }
}

/// Checks assignments; gives the columns they write.
pub(super) fn set<'f>(
    scan: &Scan,
    set: &[Assignment],
    checker: &mut Checker<'f>,
) -> Result<Vec<&'f ColumnFacts>, Unsafe> {
    let (facts, engine) = (checker.facts, checker.engine);
    let mut written = Vec::new();
    for assignment in set {
        let mut columns = Vec::new();
        for &i in &assignment.columns {
            let column = target::column_at(facts, engine, scan, i).ok_or_else(|| {
                Unsafe::new(format!("{} is not a column of the table", scan.name(i)), "name a column")
            })?;
            columns.push(column);
        }
        let value = assignment.value.clone();
        let expr = if value.len() == 1 && scan.is(value.start, "DEFAULT") {
            None
        } else {
            Some(parse::expression(scan, value.clone(), engine).ok_or_else(|| {
                Unsafe::new(
                    format!("the value for column {} is not understood", columns[0].name),
                    "pass the value as a parameter",
                )
            })?)
        };
        match (&expr, columns.as_slice()) {
            (None, columns) => columns.iter().try_for_each(|c| default_of(c))?,
            (Some(e), [_]) if assignment.part => checker.check(e)?,
            (Some(e), [column]) => {
                checker.assigned = Some(column);
                checker.check(e)?;
                takes_no_default(e, column, checker)?;
            }
            (Some(Expr::Tuple(values)), columns) if values.len() == columns.len() => {
                for (e, column) in values.iter().zip(columns) {
                    checker.assigned = Some(column);
                    match e {
                        Expr::Identifier(name)
                            if name.quote_style.is_none() && name.value.eq_ignore_ascii_case("DEFAULT") =>
                        {
                            default_of(column)?;
                        }
                        e => checker.check(e)?,
                    }
                }
            }
            (Some(e), _) => {
                checker.assigned = None;
                checker.check(e)?;
            }
        }
        checker.assigned = None;
        written.extend(columns);
    }
    Ok(written)
}

/// `column = DEFAULT`.
pub(super) fn default_of(column: &ColumnFacts) -> Result<(), Unsafe> {
    use crate::link::catalog::DefaultKind::*;
    match column.default {
        None | Constant => Ok(()),
        Generated | Volatile => Err(Unsafe::new(
            format!("the default of column {} is another value on the mirror", column.name),
            format!("give the value of column {} explicitly", column.name),
        )),
    }
}

/// MariaDB sets a TIMESTAMP that is NOT NULL to the current time where it is given NULL.
fn takes_no_default(e: &Expr, column: &ColumnFacts, checker: &mut Checker) -> Result<(), Unsafe> {
    if checker.engine != Engine::MariaDb
        || column.nullable
        || !column.declared.to_lowercase().starts_with("timestamp")
    {
        return Ok(());
    }
    match e {
        Expr::Value(v) => match &v.value {
            Literal::Null => default_of(&ColumnFacts {
                default: crate::link::catalog::DefaultKind::Volatile,
                ..column.clone()
            }),
            Literal::Placeholder(p) => {
                if let Some(parameter) = parse::marker(p) {
                    checker.add(Condition::Given { parameter, column: column.name.clone(), zero: false });
                }
                Ok(())
            }
            _ => Ok(()),
        },
        _ => Ok(()),
    }
}

/// Columns that take the time of the update must be among those written.
pub(super) fn on_update(facts: &TableFacts, written: &[&ColumnFacts]) -> Result<(), Unsafe> {
    match facts.columns.iter().find(|c| c.on_update && !written.iter().any(|w| w.name == c.name)) {
        None => Ok(()),
        Some(c) => Err(Unsafe::new(
            format!("column {} takes the time of the update by itself", c.name),
            format!("set column {} explicitly", c.name),
        )),
    }
}

pub(super) fn cascades() -> Unsafe {
    Unsafe::new(
        "it may delete or change rows of other tables through foreign keys (CASCADE, SET NULL, SET DEFAULT)",
        "write the other tables first; the hint /*twin:write*/ ships the statement as it is",
    )
}

pub(super) fn or_action(action: &str) -> Unsafe {
    Unsafe::new(
        format!("OR {action} may leave another part of the rows written on the mirror"),
        format!("leave OR {action} out, or write one row at a time"),
    )
}

/// Whether a column belongs to the primary or a unique key, which others may refer to.
pub(super) fn is_key_column(facts: &TableFacts, column: &ColumnFacts) -> bool {
    facts.primary_key.iter().chain(facts.unique_keys.iter().flatten()).any(|k| *k == column.name)
}

fn key_plan(
    dml: &Dml,
    facts: &TableFacts,
    touches_key: bool,
    conditions: Vec<Condition>,
) -> Result<KeyPlan, Unsafe> {
    if touches_key {
        return Err(Unsafe::new(
            "it changes key columns of rows that it does not name by a whole key",
            "name the row by equality on its whole primary key",
        ));
    }
    if let Some(action) = dml.or_action.as_deref().filter(|a| *a != "ABORT") {
        return Err(or_action(action));
    }
    if dml.from.is_some() || dml.prefix.is_some() {
        returns_own(dml, facts)?;
    }
    keys::build(dml, facts, conditions)
}

/// What RETURNING gives must be the row's own where the statement for the keys has no other tables.
fn returns_own(dml: &Dml, facts: &TableFacts) -> Result<(), Unsafe> {
    let Some(returning) = &dml.returning else { return Ok(()) };
    let scan = dml.scan;
    let refused = || {
        Unsafe::new(
            "RETURNING may give columns of other tables",
            "return columns of the written table only, one by one",
        )
    };
    for item in commas(scan, returning.start + 1..returning.end) {
        let own_star = item.len() == 3
            && scan.punct(item.start + 1, b'.')
            && scan.punct(item.start + 2, b'*')
            && dml.target.is_called(scan.str(item.start), dml.engine);
        let name = match item.len() {
            1 => Some(item.start),
            3 if scan.is(item.start + 1, "AS") => Some(item.start),
            3 | 5
                if scan.punct(item.start + 1, b'.')
                    && dml.target.is_called(scan.str(item.start), dml.engine) =>
            {
                (item.len() == 3 || scan.is(item.start + 3, "AS")).then_some(item.start + 2)
            }
            _ => None,
        };
        let own_column = name.is_some_and(|i| target::column_at(facts, dml.engine, scan, i).is_some());
        if !own_star && !own_column {
            return Err(refused());
        }
    }
    Ok(())
}
