//! Prepared statements kept by a link, and one-time statements.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use odbc_api::sys::{self, CDataType, Desc, FreeStmtOption, Nullability, SqlDataType, SqlReturn};

use super::core::Core;
use super::dialects::{Described, Fetch};
use super::handles::{Stmt, succeeded};
use super::params;
use crate::error::{Result, Side};
use crate::value::{ColumnInfo, Value};

/// A prepared statement. It is in its link's cache, or checked out by whoever executes or reads it.
pub(crate) struct Prepared {
    key: u64,
    sql: Box<str>,
    /// The markers' forms: the same text with other parameter types is another statement to the server.
    forms: Box<[&'static str]>,
    pub stmt: Arc<Stmt>,
    /// Where its parameters are bound.
    pub slots: Box<[params::Slot]>,
    /// What is known of the result's columns, where it stays true.
    pub shape: Option<Arc<Shape>>,
    /// INSERT, UPDATE and the like: the row count means something.
    pub writes: bool,
    /// Its text may ask for all columns of a table.
    selects_all: bool,
    /// All rows lie in this process once it is executed: fetching them waits for nobody.
    pub whole: bool,
    generation: u64,
}

/// The columns of a result and how they are read.
#[derive(Debug)]
pub(crate) struct Shape {
    pub columns: Arc<[ColumnInfo]>,
    pub fetch: Vec<Fetch>,
    /// Bytes that hold any value of the column, where all columns have such a bound.
    pub bounds: Option<Vec<usize>>,
    /// Some column is an expression: it has no declared type.
    pub expressions: bool,
}

impl Shape {
    /// Whether the driver says the same of each column as it did. Where types are guessed, nothing of an expression's
    /// stays true; what else there is to know follows from this.
    pub(crate) fn still_holds(&self, stmt: &Stmt) -> bool {
        let mut text = [0u8; NAME_ROOM];
        !self.expressions
            && self.columns.iter().zip(1..).all(|(column, number)| {
                let Some(now) = describe_column(stmt, number, &mut text) else { return false };
                now.name == column.name.as_bytes()
                    && now.sql_type.0 == column.sql_type
                    && now.size as u64 == column.size
                    && now.digits == column.digits
                    && now.nullable == column.nullable
            })
    }
}

/// Least recently used last out. Small enough to be searched from one end to the other.
pub(crate) struct Cache {
    capacity: usize,
    /// The most recently used is the last.
    entries: Vec<Prepared>,
    /// Counts up when all kept statements become void.
    generation: u64,
    hasher: RandomState,
}

impl Cache {
    pub(crate) fn new(capacity: usize) -> Cache {
        Cache { capacity, entries: Vec::new(), generation: 0, hasher: RandomState::new() }
    }

    fn key(&self, sql: &str) -> u64 {
        self.hasher.hash_one(sql)
    }

    fn take(&mut self, sql: &str, forms: impl Fn(&[&'static str]) -> bool) -> Option<Prepared> {
        let same = |e: &Prepared| *e.sql == *sql && forms(&e.forms);
        // The same one again, as in a loop.
        if self.entries.last().is_some_and(same) {
            return self.entries.pop();
        }
        let key = self.key(sql);
        let found = self.entries.iter().rposition(|e| e.key == key && same(e))?;
        Some(self.entries.remove(found))
    }

    /// Keeps a statement for its next use; returns what has to go instead.
    fn put(&mut self, prepared: Prepared) -> Option<Prepared> {
        if self.capacity == 0 || prepared.generation != self.generation {
            return Some(prepared);
        }
        self.entries.push(prepared);
        (self.entries.len() > self.capacity).then(|| self.entries.remove(0))
    }

    pub(crate) fn clear(&mut self) -> Vec<Prepared> {
        self.generation += 1;
        std::mem::take(&mut self.entries)
    }
}

/// A fresh statement with the attributes that all of ours have.
pub(crate) fn allocate(core: &Core) -> Result<Arc<Stmt>> {
    let stmt =
        Stmt::new(&core.dbc, core.side).map_err(|records| core.judge(records, false, "SQLAllocHandle"))?;
    if core.driver.engine() == super::Engine::Sqlite {
        // Static: all rows at once, types of expressions known. See `Link::run_streaming`.
        stmt.set_attribute(sys::StatementAttribute::CursorType, 3);
    }
    Ok(Arc::new(stmt))
}

impl Prepared {
    /// From the cache. `busy` is held.
    pub(crate) fn kept(core: &Core, sql: &str, values: &[Value]) -> Option<Prepared> {
        let same = |forms: &[&'static str]| {
            forms.len() == values.len()
                && forms.iter().zip(values).all(|(form, v)| *form == core.driver.marker(v))
        };
        core.cache.lock().take(sql, same)
    }

    /// Prepared now. `busy` is held.
    pub(crate) fn new(core: &Core, sql: &str, values: &[Value]) -> Result<Prepared> {
        let driver = core.driver;
        let (key, generation) = {
            let cache = core.cache.lock();
            (cache.key(sql), cache.generation)
        };
        let text = params::mark(driver, sql, values)?;
        screen(core, sql)?;
        let stmt = allocate(core)?;
        // A NUL behind the text: not every driver honours the length.
        let text = format!("{text}\0");
        let called = core.call(&stmt, || unsafe {
            sys::SQLPrepare(stmt.handle(), text.as_ptr(), (text.len() - 1) as i32)
        });
        if !called.ok() {
            return Err(core.failure(&stmt, &called, "SQLPrepare"));
        }
        Ok(Prepared {
            key,
            sql: sql.into(),
            forms: values.iter().map(|v| driver.marker(v)).collect(),
            stmt,
            slots: Box::default(),
            shape: None,
            writes: writes(core, sql),
            selects_all: selects_all(sql),
            whole: core.driver.engine() == super::Engine::Sqlite,
            generation,
        })
    }

    /// Whether the statement may serve again after giving a result of this shape. libsqliteodbc takes the
    /// types of expressions from the first row of the first execution, and the number of columns from the
    /// preparation, whatever has become of the table since.
    pub(crate) fn may_serve_again(&self, core: &Core, shape: &Shape) -> bool {
        !core.driver.guesses_types() || !(shape.expressions || self.selects_all)
    }

    /// Back into the cache. `busy` is held; the statement has no open result.
    pub(crate) fn put_back(self, core: &Core) {
        let gone = core.cache.lock().put(self);
        drop(gone);
    }
}

/// Whether a text may contain a `*` for all columns. Rather too often than not often enough.
pub(crate) fn selects_all(sql: &str) -> bool {
    let mut rest = sql;
    while let Some(i) = rest.find('*') {
        if !(rest[..i].ends_with('(') && rest[i + 1..].starts_with(')')) {
            return true;
        }
        rest = &rest[i + 1..];
    }
    false
}

/// Refuses text that would crash the driver.
pub(crate) fn screen(core: &Core, sql: &str) -> Result<()> {
    match core.driver.screen(sql) {
        Some(why) => Err(crate::error::Error::new(
            crate::error::Status::Unsupported,
            format!("the statement cannot be sent to the {}: {why}", core.side),
        )),
        None => Ok(()),
    }
}

/// Whether a driver's row count can be believed after this statement: SQLite's is that of the last write.
pub(crate) fn writes(core: &Core, sql: &str) -> bool {
    let mut words = core.driver.lexis().words(sql);
    matches!(
        words.next().unwrap_or_default().as_str(),
        "INSERT" | "UPDATE" | "DELETE" | "REPLACE" | "MERGE" | "WITH" | "COPY" | "CALL" | "EXECUTE" | "LOAD"
    ) || (core.driver.lexis().first_word(sql) == "SET" && words.next().is_some_and(|w| w == "STATEMENT"))
}

/// Rows affected by what has just been executed.
pub(crate) fn row_count(stmt: &Stmt) -> i64 {
    let mut count: isize = -1;
    let ret = unsafe { sys::SQLRowCount(stmt.handle(), &mut count) };
    if succeeded(ret) { count as i64 } else { -1 }
}

pub(crate) fn column_count(stmt: &Stmt) -> usize {
    let mut count: i16 = 0;
    let ret = unsafe { sys::SQLNumResultCols(stmt.handle(), &mut count) };
    if succeeded(ret) { count.max(0) as usize } else { 0 }
}

/// Ends a statement's result. Drivers that read row by row may talk to the server here.
pub(crate) fn close(core: &Core, stmt: &Arc<Stmt>) {
    let _ =
        core.call_unless_local(stmt, || unsafe { sys::SQLFreeStmt(stmt.handle(), FreeStmtOption::Close) });
}

/// Room for a column's name.
const NAME_ROOM: usize = 512;

/// What `SQLDescribeCol` tells of a column.
struct ColumnText<'a> {
    name: &'a [u8],
    sql_type: SqlDataType,
    size: usize,
    digits: i16,
    nullable: bool,
}

fn describe_column<'a>(stmt: &Stmt, number: u16, text: &'a mut [u8; NAME_ROOM]) -> Option<ColumnText<'a>> {
    let (mut length, mut sql_type, mut size) = (0i16, SqlDataType(0), 0usize);
    let (mut digits, mut nullable) = (0i16, Nullability::UNKNOWN);
    let ret = unsafe {
        sys::SQLDescribeCol(
            stmt.handle(),
            number,
            text.as_mut_ptr(),
            text.len() as i16,
            &mut length,
            &mut sql_type,
            &mut size,
            &mut digits,
            &mut nullable,
        )
    };
    let name = text.get(..(length.max(0) as usize).min(NAME_ROOM - 1))?;
    let nullable = nullable != Nullability::NO_NULLS;
    succeeded(ret).then_some(ColumnText { name, sql_type, size, digits, nullable })
}

/// Reads what the driver knows of the result's columns.
pub(crate) fn describe(core: &Core, stmt: &Stmt, count: usize, side: Side) -> Result<Shape> {
    let mut columns = Vec::with_capacity(count);
    let mut fetch = Vec::with_capacity(count);
    let mut bounds = Vec::with_capacity(count);
    let mut expressions = false;
    let mut text = [0u8; NAME_ROOM];
    for number in 1..=count as u16 {
        let Some(ColumnText { name, sql_type, size, digits, nullable }) =
            describe_column(stmt, number, &mut text)
        else {
            return Err(core.judge(stmt.records(side, "SQLDescribeCol"), false, "SQLDescribeCol"));
        };
        let name = String::from_utf8_lossy(name).into_owned();
        let type_name = attribute_text(stmt, number, Desc::TypeName);
        // Asked only where somebody wants to know.
        expressions |=
            core.driver.guesses_types() && attribute_text(stmt, number, Desc::BaseTableName).is_empty();
        let unsigned = attribute(stmt, number, Desc::Unsigned) == Some(1);
        let described = Described { sql_type, type_name: &type_name, size, unsigned };
        let kind = core.driver.kind(&described);
        fetch.push(core.driver.fetch(kind, &described));
        bounds.push(core.driver.bound(kind, &described));
        columns.push(ColumnInfo { name, kind, sql_type: sql_type.0, size: size as u64, digits, nullable });
    }
    Ok(Shape { columns: columns.into(), fetch, bounds: bounds.into_iter().collect(), expressions })
}

fn attribute(stmt: &Stmt, number: u16, what: Desc) -> Option<isize> {
    let mut value: isize = 0;
    let ret = unsafe {
        sys::SQLColAttribute(
            stmt.handle(),
            number,
            what,
            std::ptr::null_mut(),
            0,
            std::ptr::null_mut(),
            &mut value,
        )
    };
    succeeded(ret).then_some(value)
}

fn attribute_text(stmt: &Stmt, number: u16, what: Desc) -> String {
    let mut text = [0u8; 128];
    let mut length = 0i16;
    let mut unused: isize = 0;
    let ret = unsafe {
        sys::SQLColAttribute(
            stmt.handle(),
            number,
            what,
            text.as_mut_ptr().cast(),
            text.len() as i16,
            &mut length,
            &mut unused,
        )
    };
    if !succeeded(ret) {
        return String::new();
    }
    let length = (length.max(0) as usize).min(text.len() - 1);
    String::from_utf8_lossy(&text[..length]).into_owned()
}

/// The next result of a statement: true when there is one. Errors of later statements of one text show here.
pub(crate) fn more_results(core: &Core, stmt: &Arc<Stmt>) -> Result<bool> {
    if core.driver.gives_one_result() {
        return Ok(false);
    }
    let called = core.call_unless_local(stmt, || unsafe { sys::SQLMoreResults(stmt.handle()) });
    if called.ret == SqlReturn::NO_DATA {
        return Ok(false);
    }
    if called.ok() {
        return Ok(true);
    }
    Err(core.failure(stmt, &called, "SQLMoreResults"))
}

/// How a kind of column is asked for.
pub(crate) fn c_type(fetch: Fetch) -> CDataType {
    match fetch {
        Fetch::Int => CDataType::SBigInt,
        Fetch::Double => CDataType::Double,
        Fetch::Text => CDataType::Char,
        Fetch::Bytes => CDataType::Binary,
    }
}

impl Prepared {
    /// A statement that was executed without preparation, in the form that results expect.
    pub(crate) fn once(core: &Core, stmt: Arc<Stmt>, sql: &str, whole: bool) -> Prepared {
        let writes = writes(core, sql);
        Prepared {
            key: 0,
            sql: Box::default(),
            forms: Box::default(),
            stmt,
            slots: Box::default(),
            shape: None,
            writes,
            selects_all: false,
            whole,
            generation: 0,
        }
    }
}
