//! INSERT and REPLACE: as text when every value is determinate and none is left to the database.

use std::ops::Range;

use crate::link::Engine;
use crate::link::catalog::{ColumnFacts, DefaultKind, TableFacts};

use super::classify::Statement;
use super::determinate::Checker;
use super::keys;
use super::parse;
use super::plan::{Condition, Plan, TextPlan, Unsafe};
use super::reads;
use super::rows::{self, OnConflict, RowsPlan};
use super::scan::{Scan, TokenKind};
use super::target::{self, AliasRule, Target};
use super::update::{self, commas};

/// An INSERT or REPLACE taken apart.
pub(super) struct Insert<'s, 'a> {
    scan: &'s Scan<'a>,
    engine: Engine,
    pub target: Target,
    replaces: bool,
    ignores: bool,
    /// SQLite's `INSERT OR …`.
    or_action: Option<String>,
    /// Places of the column names, if they are given.
    columns: Option<Vec<usize>>,
    /// `OVERRIDING USER VALUE`: given identities are thrown away.
    overridden: bool,
    source: Source,
    /// The tokens of the source.
    values: Range<usize>,
    conflicts: Vec<Conflict>,
    returning: Option<Range<usize>>,
    /// `WITH …` in front.
    prefix: Range<usize>,
    /// The whole statement.
    whole: Range<usize>,
}

enum Source {
    /// `VALUES (…), (…)`; one range for each value.
    Rows(Vec<Vec<Range<usize>>>),
    /// `DEFAULT VALUES`.
    Defaults,
    /// A query.
    Query,
}

enum Conflict {
    Nothing,
    Update {
        target: bool,
        set: Range<usize>,
        condition: Option<Range<usize>>,
    },
    /// MariaDB's `ON DUPLICATE KEY UPDATE`.
    Duplicate {
        set: Range<usize>,
    },
}

fn odd(what: &str) -> Unsafe {
    Unsafe::new(format!("{what} is not understood"), "write a plain INSERT with VALUES, or use a hint")
}

pub(super) fn read<'s, 'a>(s: Statement<'s, 'a>) -> Result<Insert<'s, 'a>, Unsafe> {
    let (scan, engine) = (s.scan, s.engine);
    let verb = match scan.is(s.from, "WITH") {
        true => reads::main_statement(s).ok_or_else(queries)?,
        false => s.from,
    };
    let mut i = verb + 1;
    let mut out = Insert {
        scan,
        engine,
        target: Target { schema: None, name: String::new(), alias: None, called: String::new() },
        replaces: scan.is(verb, "REPLACE"),
        ignores: false,
        or_action: None,
        columns: None,
        overridden: false,
        source: Source::Query,
        values: 0..0,
        conflicts: Vec::new(),
        returning: None,
        prefix: s.from..verb,
        whole: s.from..s.to,
    };
    if engine == Engine::MariaDb {
        while scan.is_any(i, &["LOW_PRIORITY", "DELAYED", "HIGH_PRIORITY", "IGNORE"]) {
            if scan.is(i, "DELAYED") {
                return Err(Unsafe::new("INSERT DELAYED writes at some later time", "leave DELAYED out"));
            }
            out.ignores |= scan.is(i, "IGNORE");
            i += 1;
        }
    }
    if engine == Engine::Sqlite && scan.is(i, "OR") {
        match scan.str(i + 1).to_ascii_uppercase().as_str() {
            "REPLACE" => out.replaces = true,
            "IGNORE" => out.ignores = true,
            "ABORT" => {}
            other => out.or_action = Some(other.to_string()),
        }
        i += 2;
    }
    if scan.is(i, "INTO") {
        i += 1;
    }
    let (target, after) =
        Target::read(scan, engine, i, AliasRule::Explicit).ok_or_else(|| odd("the name of the table"))?;
    out.target = target;
    i = after;
    if scan.punct(i, b'(') && !scan.is_any(i + 1, &["SELECT", "WITH", "VALUES"]) {
        let close = scan.after_parens(i);
        let mut columns = Vec::new();
        for part in commas(scan, i + 1..close - 1) {
            if part.len() != 1 {
                return Err(odd("the list of columns"));
            }
            columns.push(part.start);
        }
        // MariaDB's `INSERT INTO t () VALUES ()` names none.
        out.columns = Some(columns);
        i = close;
    }
    if scan.is(i, "OVERRIDING") {
        out.overridden = scan.is(i + 1, "USER");
        i += 3;
    }
    let from = i;
    i = out.source(i, s.to)?;
    if matches!(out.source, Source::Query) {
        i = out.query_end(i, s.to);
    }
    if verb > s.from {
        out.source = Source::Query;
    }
    out.values = from..i;
    out.rest(i, s.to)?;
    Ok(out)
}

fn queries() -> Unsafe {
    Unsafe::new(
        "the rows come from a query, which reads other rows",
        "read the rows first and insert them as parameters",
    )
}

impl Insert<'_, '_> {
    fn source(&mut self, mut i: usize, to: usize) -> Result<usize, Unsafe> {
        let scan = self.scan;
        if scan.are(i, &["DEFAULT", "VALUES"]) {
            self.source = Source::Defaults;
            return Ok(i + 2);
        }
        if scan.is_any(i, &["VALUES", "VALUE"]) {
            i += 1;
            let mut rows = Vec::new();
            loop {
                if scan.is(i, "ROW") {
                    i += 1;
                }
                if !scan.punct(i, b'(') {
                    return Err(odd("the list of values"));
                }
                let close = scan.after_parens(i);
                if !scan.punct(close.wrapping_sub(1), b')') || close > to {
                    return Err(odd("the list of values"));
                }
                rows.push(commas(scan, i + 1..close - 1));
                i = close;
                if !scan.punct(i, b',') {
                    break;
                }
                i += 1;
            }
            self.source = Source::Rows(rows);
            return Ok(i);
        }
        if scan.is(i, "SET") && self.engine == Engine::MariaDb && self.columns.is_none() {
            let end = (i..to).find(|&j| scan.is(j, "ON") || scan.is(j, "RETURNING")).unwrap_or(to);
            let set =
                update::assignments(scan, i + 1..end, self.engine).ok_or_else(|| odd("an assignment"))?;
            let mut columns = Vec::new();
            let mut row = Vec::new();
            for assignment in set {
                match assignment.columns.as_slice() {
                    [column] => columns.push(*column),
                    _ => return Err(odd("an assignment")),
                }
                row.push(assignment.value);
            }
            self.columns = Some(columns);
            self.source = Source::Rows(vec![row]);
            return Ok(end);
        }
        if !scan.is_any(i, &["SELECT", "WITH", "TABLE"]) && !scan.punct(i, b'(') {
            return Err(odd("what follows the table"));
        }
        Ok(i)
    }

    /// Where a query that gives the rows ends.
    fn query_end(&self, from: usize, to: usize) -> usize {
        let scan = self.scan;
        let mut depth = 0usize;
        for i in from..to {
            match scan.kind(i) {
                Some(TokenKind::Punct(b'(')) => depth += 1,
                Some(TokenKind::Punct(b')')) => depth = depth.saturating_sub(1),
                Some(TokenKind::Word) if depth == 0 => {
                    let conflict = scan.are(i, &["ON", "CONFLICT"]) && self.engine != Engine::MariaDb;
                    let duplicate = scan.are(i, &["ON", "DUPLICATE", "KEY", "UPDATE"]);
                    if conflict || duplicate || scan.is(i, "RETURNING") {
                        return i;
                    }
                }
                _ => {}
            }
        }
        to
    }

    /// What follows the rows: ON CONFLICT, ON DUPLICATE KEY, RETURNING.
    fn rest(&mut self, mut i: usize, to: usize) -> Result<(), Unsafe> {
        let scan = self.scan;
        while i < to {
            if scan.is(i, "RETURNING") {
                self.returning = Some(i..to);
                return Ok(());
            }
            if scan.are(i, &["ON", "DUPLICATE", "KEY", "UPDATE"]) && self.engine == Engine::MariaDb {
                let end = self.clause_end(i + 4, to);
                self.conflicts.push(Conflict::Duplicate { set: i + 4..end });
                i = end;
                continue;
            }
            if !scan.are(i, &["ON", "CONFLICT"]) || self.engine == Engine::MariaDb {
                return Err(odd("what follows the values"));
            }
            i += 2;
            let mut target = false;
            if scan.is(i, "ON") {
                target = true;
                i += 3;
            } else if scan.punct(i, b'(') {
                target = true;
                i = scan.after_parens(i);
                while i < to && !scan.is(i, "DO") {
                    i += 1;
                }
            }
            if scan.are(i, &["DO", "NOTHING"]) {
                self.conflicts.push(Conflict::Nothing);
                i += 2;
            } else if scan.are(i, &["DO", "UPDATE", "SET"]) {
                let end = self.clause_end(i + 3, to);
                let wherever = (i + 3..end).find(|&j| scan.is(j, "WHERE") && self.at_top(i + 3, j));
                let set = i + 3..wherever.unwrap_or(end);
                let condition = wherever.map(|w| w + 1..end);
                self.conflicts.push(Conflict::Update { target, set, condition });
                i = end;
            } else {
                return Err(odd("ON CONFLICT"));
            }
        }
        Ok(())
    }

    /// Whether no parenthesis opened since `from` is open at `at`.
    fn at_top(&self, from: usize, at: usize) -> bool {
        let count = |c: u8| (from..at).filter(|&j| self.scan.punct(j, c)).count();
        count(b'(') == count(b')')
    }

    fn clause_end(&self, from: usize, to: usize) -> usize {
        (from..to)
            .find(|&j| {
                (self.scan.is(j, "RETURNING") || self.scan.are(j, &["ON", "CONFLICT"]))
                    && self.at_top(from, j)
            })
            .unwrap_or(to)
    }

    /// Whether it leaves this column's value to the database, in its first row.
    fn leaves_out(&self, column: &ColumnFacts, facts: &TableFacts) -> bool {
        let place = match &self.columns {
            Some(named) => named.iter().position(|&i| {
                target::column_at(facts, self.engine, self.scan, i).is_some_and(|c| c.name == column.name)
            }),
            None => facts.columns.iter().position(|c| c.name == column.name),
        };
        match (&self.source, place) {
            (Source::Defaults, _) | (_, None) => true,
            (Source::Query, Some(_)) => self.overridden,
            (Source::Rows(rows), Some(place)) => {
                let value = rows.first().and_then(|row| row.get(place));
                self.overridden || value.is_none_or(|v| v.len() == 1 && self.scan.is(v.start, "DEFAULT"))
            }
        }
    }

    fn row_count(&self) -> usize {
        match &self.source {
            Source::Rows(rows) => rows.len(),
            _ => 1,
        }
    }
}

/// Plans an INSERT into a table that is neither view nor temporary and has no triggers.
pub(super) fn plan(insert: &Insert, facts: &TableFacts) -> Plan {
    match conditions(insert, facts) {
        Ok(conditions) if conditions.is_empty() => Plan::Text(TextPlan { conditions, otherwise: None }),
        Ok(conditions) => {
            let otherwise = captured(insert, facts).ok().map(|rows| Box::new(Plan::Rows(rows)));
            Plan::Text(TextPlan { conditions, otherwise })
        }
        // Where the rows cannot be captured either, that is the reason to name.
        Err(_) => captured(insert, facts).map_or_else(Plan::Unsafe, Plan::Rows),
    }
}

/// The rows that the INSERT wrote are captured: it may do what it likes, but write elsewhere.
fn captured(insert: &Insert, facts: &TableFacts) -> Result<RowsPlan, Unsafe> {
    let (scan, engine) = (insert.scan, insert.engine);
    let part = |range: Range<usize>| Statement { scan, engine, from: range.start, to: range.end };
    let mut parts = vec![insert.prefix.clone(), insert.values.clone()];
    for conflict in &insert.conflicts {
        match conflict {
            Conflict::Nothing => {}
            Conflict::Update { set, condition, .. } => {
                parts.push(set.clone());
                parts.extend(condition.clone());
            }
            Conflict::Duplicate { set } => parts.push(set.clone()),
        }
    }
    if let Some(u) = parts.into_iter().find_map(|range| reads::capture_refusal(part(range))) {
        return Err(u);
    }
    if let Some(u) = insert.returning.clone().and_then(|range| reads::refusal(part(range))) {
        return Err(u);
    }
    if let Some(action) = &insert.or_action {
        return Err(update::or_action(action));
    }
    if insert.replaces && facts.has_cascades {
        return Err(update::cascades());
    }
    let conflict = captured_conflict(insert, facts)?;
    let table = rows::table_text(&insert.target, engine);
    let returning = insert.returning.is_some();
    let text = parse::text(scan, insert.whole.clone());
    let leaves_out = |column: &ColumnFacts| insert.leaves_out(column, facts);
    Ok(RowsPlan::insert(facts, engine, &table, &conflict, returning, leaves_out, |columns| match returning {
        true => format!("{text}, {columns}"),
        false => format!("{text} RETURNING {columns}"),
    }))
}

fn captured_conflict<'f>(insert: &Insert, facts: &'f TableFacts) -> Result<OnConflict<'f>, Unsafe> {
    let mut written: Vec<&ColumnFacts> = Vec::new();
    for conflict in &insert.conflicts {
        let (Conflict::Update { set, .. } | Conflict::Duplicate { set }) = conflict else { continue };
        let assignments = update::assignments(insert.scan, set.clone(), insert.engine)
            .ok_or_else(|| odd("an assignment"))?;
        for (n, column) in
            update::written(insert.scan, &assignments, facts, insert.engine)?.into_iter().enumerate()
        {
            if update::is_key_column(facts, column) && !keeps_key(insert.scan, assignments.get(n)) {
                return Err(Unsafe::new(
                    "it changes key columns of rows found by conflict",
                    "change the key of one row at a time, in a statement of its own",
                ));
            }
            if !written.iter().any(|w| w.name == column.name) {
                written.push(column);
            }
        }
    }
    let takes_time = |c: &&ColumnFacts| c.on_update && !written.iter().any(|w| w.name == c.name);
    let times: Vec<&ColumnFacts> = facts.columns.iter().filter(takes_time).collect();
    let duplicate = insert.conflicts.iter().any(|c| matches!(c, Conflict::Duplicate { .. }));
    let rereads = duplicate && !written.is_empty() && !times.is_empty();
    let key = if written.is_empty() { &[] } else { keys::row_key(facts, insert.engine)? };
    if rereads {
        let instant = |c: &&ColumnFacts| target::family(c, insert.engine) == target::Family::Instant;
        if facts.columns.iter().filter(|c| key.contains(&c.name)).any(|c| instant(&c)) {
            update::on_update(facts, &written)?;
        }
        written.extend(times);
    }
    Ok(match () {
        _ if !written.is_empty() => OnConflict::Updates { key, written, rereads },
        _ if insert.replaces => OnConflict::Replaces,
        _ => OnConflict::Fails,
    })
}

/// MariaDB's `id = LAST_INSERT_ID(id)`: the row's own key, told to the session.
fn keeps_key(scan: &Scan, assignment: Option<&update::Assignment>) -> bool {
    let Some(update::Assignment { columns, value, .. }) = assignment else { return false };
    value.len() == 4
        && scan.is(value.start, "LAST_INSERT_ID")
        && scan.punct(value.start + 1, b'(')
        && matches!(columns.as_slice(), [own] if scan.name(*own) == scan.name(value.start + 2))
}

fn conditions(insert: &Insert, facts: &TableFacts) -> Result<Vec<Condition>, Unsafe> {
    let mut checker = Checker {
        engine: insert.engine,
        facts,
        target: &insert.target,
        columns: false,
        excluded: false,
        assigned: None,
        conditions: Vec::new(),
    };
    if let Some(returning) = &insert.returning {
        let part =
            Statement { scan: insert.scan, engine: insert.engine, from: returning.start, to: returning.end };
        if let Some(u) = reads::refusal(part) {
            return Err(u);
        }
    }
    if insert.replaces && facts.has_cascades {
        return Err(update::cascades());
    }
    if let Some(action) = &insert.or_action
        && (action != "FAIL" || insert.row_count() > 1)
    {
        return Err(update::or_action(action));
    }
    rows(insert, &mut checker)?;
    for conflict in &insert.conflicts {
        on_conflict(insert, conflict, &mut checker)?;
    }
    if insert.ignores && insert.row_count() > 1 {
        return Err(skipped_rows());
    }
    Ok(checker.conditions)
}

/// Rows left out because they were there already are not locked: on the mirror they may be gone.
fn skipped_rows() -> Unsafe {
    Unsafe::new(
        "which of several rows are left out depends on other transactions",
        "insert one row with each statement",
    )
}

fn rows(insert: &Insert, checker: &mut Checker) -> Result<(), Unsafe> {
    let (facts, engine) = (checker.facts, insert.engine);
    let named: Option<Vec<&ColumnFacts>> = match &insert.columns {
        None => None,
        Some(places) => Some(
            places
                .iter()
                .map(|&i| {
                    target::column_at(facts, engine, insert.scan, i).ok_or_else(|| {
                        Unsafe::new(
                            format!("{} is not a column of table {}", insert.scan.name(i), facts.name),
                            "name a column of the table",
                        )
                    })
                })
                .collect::<Result<_, _>>()?,
        ),
    };
    let rows = match &insert.source {
        Source::Query => return Err(queries()),
        Source::Defaults => &[Vec::new()][..],
        Source::Rows(rows) => rows.as_slice(),
    };
    // MariaDB's `VALUES ()` is all defaults.
    let columns = named.unwrap_or_else(|| {
        facts.columns.iter().filter(|c| engine != Engine::Sqlite || !c.computed).collect()
    });
    for row in rows {
        let given = columns.get(..row.len()).ok_or_else(|| odd("the number of values"))?;
        let fewer = row.len() < columns.len() && !row.is_empty();
        if fewer && (insert.columns.is_some() || engine != Engine::Postgres) {
            return Err(Unsafe::new(
                "the number of values is not that of the columns",
                "give a value for each column",
            ));
        }
        for (value, column) in row.iter().zip(given) {
            given_value(insert, value.clone(), column, checker)?;
        }
    }
    // A row with fewer values than others is an error to the engine: any row tells what is left out.
    let count = rows.first().map_or(0, Vec::len);
    let given = &columns[..count.min(columns.len())];
    for column in facts.columns.iter().filter(|c| !given.iter().any(|g| g.name == c.name)) {
        left_out(column)?;
    }
    Ok(())
}

/// A column that the INSERT does not name.
fn left_out(column: &ColumnFacts) -> Result<(), Unsafe> {
    match column.default {
        DefaultKind::None | DefaultKind::Constant => Ok(()),
        DefaultKind::Generated if !column.computed => Err(Unsafe::new(
            format!("the value of column {} is generated, another one on the mirror", column.name),
            format!("give the value of column {} explicitly", column.name),
        )),
        DefaultKind::Volatile if !column.computed => Err(Unsafe::new(
            format!("the default of column {} is another value on the mirror", column.name),
            format!("give the value of column {} explicitly", column.name),
        )),
        _ => Ok(()),
    }
}

fn given_value<'f>(
    insert: &Insert,
    value: Range<usize>,
    column: &'f ColumnFacts,
    checker: &mut Checker<'f>,
) -> Result<(), Unsafe> {
    let (scan, engine) = (insert.scan, insert.engine);
    let i = value.start;
    if value.len() == 1 && scan.is(i, "DEFAULT") {
        return if column.computed { Ok(()) } else { left_out(column) };
    }
    if insert.overridden && column.default == DefaultKind::Generated {
        return left_out(column);
    }
    // Where NULL (or 0) would make the engine find a value of its own.
    let generates = match (engine, &column.default) {
        (Engine::MariaDb, DefaultKind::Generated) => Some(true),
        (Engine::Sqlite, DefaultKind::Generated) => Some(false),
        (Engine::MariaDb, DefaultKind::Volatile) if !column.nullable => Some(false),
        (Engine::Sqlite, DefaultKind::Volatile) if !column.nullable && insert.replaces => Some(false),
        _ => None,
    };
    checker.assigned = Some(column);
    let checked = single(insert, value.clone(), column, generates, checker).unwrap_or_else(|| {
        if generates.is_some() {
            return Err(Unsafe::new(
                format!(
                    "the value for column {} may be one that makes the database generate another",
                    column.name
                ),
                format!("give the value of column {} as a plain constant or parameter", column.name),
            ));
        }
        let expr = parse::expression(scan, value, engine).ok_or_else(|| {
            Unsafe::new(
                format!("the value for column {} is not understood", column.name),
                "pass the value as a parameter",
            )
        })?;
        checker.check(&expr)
    });
    checker.assigned = None;
    checked
}

/// A value that is one parameter or constant, most of them: needs no syntax tree. `None`: it is not.
fn single(
    insert: &Insert,
    value: Range<usize>,
    column: &ColumnFacts,
    generates: Option<bool>,
    checker: &mut Checker,
) -> Option<Result<(), Unsafe>> {
    let scan = insert.scan;
    let signed = value.len() == 2 && (scan.punct(value.start, b'-') || scan.punct(value.start, b'+'));
    if value.len() != 1 && !signed {
        return None;
    }
    let i = value.end - 1;
    let text = scan.str(i);
    match scan.kind(i)? {
        TokenKind::Marker if !signed => {
            let parameter = scan.markers_before(i);
            if let Some(zero) = generates {
                checker.add(Condition::Given { parameter, column: column.name.clone(), zero });
            }
            checker.parameter(parameter, true);
            Some(Ok(()))
        }
        TokenKind::Number => {
            let zero = text.bytes().all(|b| matches!(b, b'0' | b'.' | b'x' | b'X' | b'_'));
            Some(if generates == Some(true) && zero { left_out_by_value(column) } else { Ok(()) })
        }
        TokenKind::Word if scan.is(i, "NULL") && !signed => {
            Some(if generates.is_some() { left_out_by_value(column) } else { Ok(()) })
        }
        TokenKind::Word if scan.is_any(i, &["TRUE", "FALSE"]) && !signed && generates.is_none() => {
            Some(Ok(()))
        }
        TokenKind::Str if !signed && generates.is_none() && insert.engine != Engine::Postgres => Some(Ok(())),
        _ => None,
    }
}

fn left_out_by_value(column: &ColumnFacts) -> Result<(), Unsafe> {
    Err(Unsafe::new(
        format!("the value of column {} is left to the database", column.name),
        format!("give the value of column {} explicitly", column.name),
    ))
}

fn on_conflict<'f>(insert: &Insert, conflict: &Conflict, checker: &mut Checker<'f>) -> Result<(), Unsafe> {
    let facts = checker.facts;
    let (set, condition) = match conflict {
        Conflict::Nothing if insert.row_count() > 1 => return Err(skipped_rows()),
        Conflict::Nothing => return Ok(()),
        Conflict::Update { target: false, .. } => {
            return Err(Unsafe::new(
                "ON CONFLICT DO UPDATE without a target may find its row by any unique key",
                "name the key columns: ON CONFLICT (columns)",
            ));
        }
        Conflict::Update { set, condition, .. } => (set, condition),
        Conflict::Duplicate { set } => {
            let keys = usize::from(!facts.primary_key.is_empty()) + facts.unique_keys.len();
            if keys != 1 || facts.other_unique {
                return Err(Unsafe::new(
                    "ON DUPLICATE KEY UPDATE may find its row by any of several unique keys",
                    "update the row by its primary key, and insert it when no row was found",
                ));
            }
            (set, &None)
        }
    };
    checker.columns = true;
    checker.excluded = true;
    let assignments =
        update::assignments(insert.scan, set.clone(), insert.engine).ok_or_else(|| odd("an assignment"))?;
    let written = update::set(insert.scan, &assignments, checker)?;
    if written.iter().any(|c| update::is_key_column(facts, c))
        && (facts.has_cascades || insert.row_count() > 1)
    {
        return Err(Unsafe::new(
            "it changes key columns of rows found by conflict",
            "change the key of one row at a time, in a statement of its own",
        ));
    }
    update::on_update(facts, &written)?;
    if let Some(condition) = condition {
        let expr = parse::expression(insert.scan, condition.clone(), insert.engine)
            .ok_or_else(|| odd("the condition of DO UPDATE"))?;
        checker.check(&expr)?;
    }
    checker.columns = false;
    checker.excluded = false;
    Ok(())
}
