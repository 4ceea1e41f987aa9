//! Many statements in one round trip: values as literals, results walked one by one.

use super::core::Core;
use super::dialects::Driver;
use super::lexis::Piece;
use super::link::{Link, direct};
use super::statement;
use super::{Engine, TxState};
use crate::error::{Class, Error, Result, Status};
use crate::value::Value;

/// One round trip carries at most this much.
const MOST_STATEMENTS: usize = 200;
const MOST_BYTES: usize = 256 << 10;

/// The text with its values in place of the markers.
pub(super) fn inline(driver: &dyn Driver, sql: &str, values: &[Value]) -> Result<String> {
    let mut text = String::with_capacity(sql.len() + values.len() * 16);
    let mut next = values.iter();
    let mut markers = 0;
    for (piece, part) in driver.lexis().pieces(sql) {
        match piece {
            Piece::Marker => {
                markers += 1;
                if let Some(value) = next.next() {
                    // Blanks: `=?AND` must not become `=5AND`.
                    text.push(' ');
                    driver.literal(value, &mut text)?;
                    text.push(' ');
                }
            }
            Piece::Comment => text.push(' '),
            _ => text.push_str(part),
        }
    }
    if markers != values.len() {
        let text =
            format!("the statement has {markers} parameter markers and {} values were given", values.len());
        return Err(Error::new(Status::BadArgument, text));
    }
    Ok(text)
}

/// Whether a statement gives exactly one result and can stand among others.
fn can_join(driver: &dyn Driver, text: &str) -> bool {
    let words_ok =
        !matches!(driver.lexis().first_word(text).as_str(), "CALL" | "COPY" | "BEGIN" | "CREATE" | "");
    words_ok && driver.lexis().pieces(text).all(|(piece, _)| piece != Piece::Semicolon)
}

pub(super) fn run_many(link: &mut Link, statements: &[(&str, &[Value])]) -> Result<Vec<i64>, (usize, Error)> {
    link.check_usable().map_err(|e| (0, e))?;
    let mut affected = Vec::with_capacity(statements.len());
    // Outside a transaction a server may take the whole text for one.
    if link.engine() == Engine::Sqlite || link.tx() != TxState::Open {
        return one_by_one(link, statements, 0, affected);
    }
    let mut at = 0;
    while at < statements.len() {
        let (text, count) = gather(link, &statements[at..]).map_err(|(i, e)| (at + i, e))?;
        if count < 2 {
            affected = one_by_one(link, &statements[at..at + 1], at, affected)?;
            at += 1;
            continue;
        }
        affected = match link.engine() {
            Engine::Postgres => in_savepoint(link, &text, &statements[at..at + count], at, affected)?,
            _ => match together(link, &text, count) {
                Ok(counts) => {
                    affected.extend(counts);
                    affected
                }
                Err((index, error)) => return Err((at + index, settled(link, error))),
            },
        };
        at += count;
    }
    Ok(affected)
}

/// For whoever gives the transaction up when anything fails: no savepoint, no second way.
pub(super) fn run_batch(link: &mut Link, statements: &[(&str, &[Value])]) -> Result<Vec<i64>> {
    link.check_usable()?;
    let mut affected = Vec::with_capacity(statements.len());
    let mut at = 0;
    while at < statements.len() {
        let count = if link.engine() == Engine::Sqlite || link.tx() != TxState::Open {
            0
        } else {
            let (text, count) = gather(link, &statements[at..]).map_err(|(_, e)| e)?;
            if count >= 2 {
                match together(link, &text, count) {
                    Ok(counts) => affected.extend(counts),
                    Err((_, error)) => return Err(settled(link, error)),
                }
            }
            count
        };
        if count < 2 {
            let one = &statements[at..at + 1];
            affected = one_by_one(link, one, at, affected).map_err(|(_, e)| e)?;
        }
        at += count.max(1);
    }
    Ok(affected)
}

/// The text of as many statements as one round trip takes; less than two where the first goes alone.
fn gather(link: &mut Link, statements: &[(&str, &[Value])]) -> Result<(String, usize), (usize, Error)> {
    let driver = link.driver();
    let mut text = String::new();
    let mut count = 0;
    for (sql, values) in statements.iter().take(MOST_STATEMENTS) {
        let sql = sql.trim_end_matches(|c: char| c.is_whitespace() || c == ';');
        statement::screen(link.core(), sql).map_err(|e| (count, e))?;
        // As literals they would be there twice over, and in memory.
        let long = values.iter().map(Value::size).sum::<usize>() > MOST_BYTES;
        if !can_join(driver, sql) || long || text.len() >= MOST_BYTES {
            break;
        }
        let named = if link.engine() == Engine::Postgres { link.by_name(sql, values) } else { None };
        let one = match named {
            Some(text) => text,
            None => inline(driver, sql, values).map_err(|e| (count, e))?,
        };
        if count > 0 {
            text.push(';');
        }
        text.push_str(&one);
        count += 1;
    }
    Ok((text, count))
}

/// psqlODBC does not tell which of several statements failed. They stand behind a savepoint, and after a
/// refusal they are run again from there one by one: the failure shows itself, or does not come again.
fn in_savepoint(
    link: &mut Link,
    text: &str,
    statements: &[(&str, &[Value])],
    first: usize,
    mut affected: Vec<i64>,
) -> Result<Vec<i64>, (usize, Error)> {
    const SAVEPOINT: &str = "twinpool_batch";
    let whole = format!("SAVEPOINT {SAVEPOINT};{text};RELEASE SAVEPOINT {SAVEPOINT}");
    match together(link, &whole, statements.len() + 2) {
        Ok(counts) => {
            affected.extend(&counts[1..counts.len() - 1]);
            Ok(affected)
        }
        Err((_, error)) => {
            let error = settled(link, error);
            if error.class() != Class::Refused || link.rollback_to(SAVEPOINT).is_err() {
                return Err((first, error));
            }
            let affected = one_by_one(link, statements, first, affected)?;
            link.release_savepoint(SAVEPOINT).map_err(|e| (first, e))?;
            Ok(affected)
        }
    }
}

/// The error, after it has done to the transaction what it does.
fn settled(link: &mut Link, error: Error) -> Error {
    match link.settle::<()>(Err(error)) {
        Err(error) => error,
        Ok(()) => Error::new(Status::Internal, "run_many: an error was lost"),
    }
}

fn one_by_one(
    link: &mut Link,
    statements: &[(&str, &[Value])],
    first: usize,
    mut affected: Vec<i64>,
) -> Result<Vec<i64>, (usize, Error)> {
    for (i, (sql, values)) in statements.iter().enumerate() {
        let outcome = link.run(sql, values).map_err(|e| (first + i, e))?;
        affected.push(outcome.affected);
        if let Some(rows) = outcome.rows {
            rows.close().map_err(|e| (first + i, e))?;
        }
    }
    Ok(affected)
}

/// Executes `count` statements in one text.
fn together(link: &mut Link, text: &str, count: usize) -> Result<Vec<i64>, (usize, Error)> {
    let core = link.core().clone();
    let _busy = core.busy.lock();
    let stmt = statement::allocate(&core).map_err(|e| (0, e))?;
    let called = direct(&core, &stmt, text);
    if !called.ok() {
        return Err((0, core.failure(&stmt, &called, "SQLExecDirect")));
    }
    let mut counts = vec![count_of(&core, &stmt)];
    loop {
        match statement::more_results(&core, &stmt) {
            Ok(true) => counts.push(count_of(&core, &stmt)),
            Ok(false) => break,
            Err(error) => return Err((counts.len().min(count - 1), error)),
        }
    }
    statement::close(&core, &stmt);
    if counts.len() != count {
        let text = format!("{count} statements gave {} results", counts.len());
        return Err((0, Error::new(Status::Internal, text)));
    }
    Ok(counts)
}

fn count_of(core: &Core, stmt: &super::handles::Stmt) -> i64 {
    let _ = core;
    statement::row_count(stmt).max(0)
}
