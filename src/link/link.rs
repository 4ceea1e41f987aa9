//! One connection to one node.

use std::sync::{Arc, Weak};
use std::time::Duration;

use odbc_api::sys;
use parking_lot::MutexGuard;

use super::catalog::{ObjectKind, TableFacts};
use super::connect::{self, FileIdentity};
use super::core::{Called, Core};
use super::dialects::{Driver, Greeting};
use super::handles::Stmt;
use super::statement::{self, Prepared, Shape};
use super::{Cursor, Dialect, Engine, LinkSettings, Outcome, TxState, batch};
use crate::error::{Class, Error, Result, Side, Status};
use crate::thread::coarse;
use crate::value::{Block, Value};

/// One connection to one node. Send, not Sync: one thread at a time.
#[derive(Debug)]
pub struct Link {
    /// For transaction statements and questions of our own.
    pub(super) control: Option<Control>,
    pub(super) core: Arc<Core>,
    pub(super) file: Option<FileIdentity>,
    greeting: Greeting,
    session_sql: Vec<String>,
    lock_timeout: Option<Duration>,
    /// Statements the server keeps under names of ours.
    pub(super) named: super::named::Named,
    /// Nothing has been run yet in the open transaction.
    pub(super) fresh: bool,
    /// Settings that end with the transaction are in effect.
    pub(super) local_settings: bool,
}

pub(super) struct Control(pub(super) Arc<Stmt>);

impl std::fmt::Debug for Control {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Control")
    }
}

impl Link {
    /// Connects, within `settings.connect_timeout` whatever the driver does.
    pub fn open(side: Side, connection_string: &str, settings: &LinkSettings) -> Result<Link> {
        connect::open(side, connection_string, settings)
    }

    pub(super) fn assemble(core: Arc<Core>, file: Option<FileIdentity>) -> Link {
        Link {
            control: None,
            core,
            file,
            greeting: Greeting::default(),
            session_sql: Vec::new(),
            lock_timeout: None,
            named: super::named::Named::default(),
            fresh: false,
            local_settings: false,
        }
    }

    pub(super) fn core(&self) -> &Arc<Core> {
        &self.core
    }

    pub(super) fn driver(&self) -> &'static dyn Driver {
        self.core.driver
    }

    /// Asks what every session is asked first.
    pub(super) fn greet(&mut self) -> Result<Greeting> {
        let Some(sql) = self.driver().greeting_sql() else { return Ok(Greeting::default()) };
        let rows = self.query(sql, &[])?;
        let row = rows.first().map(Vec::as_slice).unwrap_or_default();
        Ok(self.driver().greeting(row))
    }

    pub(super) fn set_greeting(&mut self, greeting: Greeting) {
        self.greeting = greeting;
    }

    pub(super) fn start_session(&mut self, session_sql: Vec<String>, settings: &LinkSettings) -> Result<()> {
        self.session_sql = session_sql;
        self.lock_timeout = settings.lock_timeout;
        self.restart_session()
    }

    /// Sets the session to what it was set to when it was opened; for use behind
    /// [`Dialect::reset_sql`].
    pub fn restart_session(&mut self) -> Result<()> {
        self.named.clear();
        for i in 0..self.session_sql.len() {
            let sql = self.session_sql[i].clone();
            match self.run_once(&sql) {
                Ok(_) => {}
                // Another connection is changing the journal mode, or reads in the old one.
                Err(error) if error.class() == Class::Retryable => log::warn!("{sql}: {error}"),
                Err(error) => return Err(error.context("starting the session")),
            }
        }
        Ok(())
    }

    pub fn side(&self) -> Side {
        self.core.side
    }
    pub fn engine(&self) -> Engine {
        self.core.driver.engine()
    }
    pub fn dialect(&self) -> &'static dyn Dialect {
        self.core.driver
    }
    /// The server's number for this session (backend pid, connection id); 0 where there is none.
    pub fn session_id(&self) -> u64 {
        self.greeting.session_id
    }
    /// Why commits here are less durable than they should be, where the session cannot change it:
    /// `innodb_flush_log_at_trx_commit`, `fsync`. One line for a warning.
    pub fn durability(&self) -> Option<String> {
        self.greeting.durability.clone()
    }
    pub fn tx(&self) -> TxState {
        self.core.tx()
    }
    /// Whether the connection is known to be gone. Local knowledge, never a round trip.
    pub fn is_lost(&self) -> bool {
        self.core.is_lost()
    }

    /// Whether an error has come after which `LinkSettings::evict` wants it to be thrown away.
    pub fn is_worn(&self) -> bool {
        self.core.is_worn()
    }

    /// Asks the server, within `limit`.
    pub fn ping(&mut self, limit: Duration) -> Result<()> {
        self.core.check()?;
        self.check_file()?;
        let before = self.core.call_timeout();
        self.core.set_call_timeout(Some(limit));
        let sql = "SELECT 1";
        let answer = match self.driver().must_be_prepared(sql) {
            true => self.execute(sql, &[], true).and_then(Outcome::first_value).map(drop),
            false => self.control(sql),
        };
        self.core.set_call_timeout(before);
        match answer {
            // Inside a failed transaction the server refuses, but it does answer.
            Err(error) if !self.is_lost() && error.class() == Class::Refused => Ok(()),
            other => other,
        }
    }

    /// A database file that has been removed or replaced counts as a lost connection.
    pub(super) fn check_file(&self) -> Result<()> {
        match &self.file {
            Some(file) if !file.holds() => {
                self.core.mark_lost();
                let text = format!("the database file of the {} has been removed or replaced", self.side());
                Err(Error::database(self.side(), Class::Unreachable, text, Vec::new()))
            }
            _ => Ok(()),
        }
    }

    pub fn call_timeout(&self) -> Option<Duration> {
        self.core.call_timeout()
    }

    /// Limit of each following call; `None`: none. Past it the connection is cut and lost; SQLite's call is
    /// interrupted, or gives up its wait for a lock, and the connection stays.
    pub fn set_call_timeout(&mut self, limit: Option<Duration>) {
        self.core.set_call_timeout(limit);
    }

    /// Limit of lock waits on this session; `None`: the engine's default.
    pub fn set_lock_timeout(&mut self, limit: Option<Duration>) -> Result<()> {
        if let Some(sql) = self.driver().lock_timeout(limit) {
            self.run_once(&sql)?;
        }
        self.lock_timeout = limit;
        Ok(())
    }

    /// Does `act` again while SQLite is busy and nothing is lost by trying: outside a transaction, and for the
    /// first statement in one. Later, the transaction's view may be old, which no waiting cures.
    pub(super) fn waiting<T>(&mut self, mut act: impl FnMut(&mut Link) -> Result<T>) -> Result<T> {
        let Some(default) = self.driver().waits_outside() else { return act(self) };
        let started = coarse();
        loop {
            let result = act(self);
            let busy = result.as_ref().is_err_and(|e| e.class() == Class::Retryable) && !self.core.is_lost();
            if !busy || !(self.core.tx() == TxState::Idle || self.fresh) {
                self.fresh &= result.is_err();
                return result;
            }
            // Within the limit of the call, so that it is the wait that ends and not the watchdog that ends it.
            let call = self.core.call_timeout().map_or(Duration::MAX, |limit| limit * 3 / 4);
            if Duration::from_nanos(coarse() - started) >= self.lock_timeout.unwrap_or(default).min(call) {
                return result;
            }
        }
    }

    /// Runs one statement with `?` markers, prepared through the link's statement cache.
    pub fn run(&mut self, sql: &str, params: &[Value]) -> Result<Outcome> {
        self.check_usable()?;
        let result = self.waiting(|link| link.execute(sql, params, true));
        self.settle(result)
    }

    /// Runs one statement directly, without cache or parameters (DDL, session statements).
    pub fn run_once(&mut self, sql: &str) -> Result<Outcome> {
        self.check_usable()?;
        let result = match self.driver().must_be_prepared(sql) {
            true => self.execute(sql, &[], false),
            false => self.waiting(|link| link.execute_direct(sql)),
        };
        self.settle(result)
    }

    /// Whether the driver can be given this text: with some it crashes the process.
    pub fn takes(&self, sql: &str) -> bool {
        statement::screen(&self.core, sql).is_ok()
    }

    /// Runs and collects all rows: for our own small queries.
    pub fn query(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Vec<Value>>> {
        let outcome = self.run(sql, params)?;
        Link::collect(outcome)
    }

    /// The same without parameters and without a statement that is kept.
    pub fn query_once(&mut self, sql: &str) -> Result<Vec<Vec<Value>>> {
        let outcome = self.run_once(sql)?;
        Link::collect(outcome)
    }

    fn collect(outcome: Outcome) -> Result<Vec<Vec<Value>>> {
        let mut rows = Vec::new();
        if let Some(mut cursor) = outcome.rows {
            let mut block = Block::default();
            while cursor.next_block(1000, &mut block)? {
                rows.append(&mut block.to_rows());
            }
            cursor.close()?;
        }
        Ok(rows)
    }

    /// Runs and gives row by row, until `take` says no: for results that are not to be in memory as a whole.
    pub fn each(
        &mut self,
        sql: &str,
        params: &[Value],
        mut take: impl FnMut(Vec<Value>) -> Result<bool>,
    ) -> Result<()> {
        let Some(mut cursor) = self.run(sql, params)?.rows else { return Ok(()) };
        let mut block = Block::default();
        while cursor.next_block(1, &mut block)? {
            let row = block.to_rows().into_iter().next().unwrap_or_default();
            // Or the next row could not be put where this one's long values are.
            block = Block::default();
            if !take(row)? {
                break;
            }
        }
        cursor.close()
    }

    /// Like [`Link::run`], for results that may be larger than memory: rows come from the server as they
    /// are read (PostgreSQL: through a cursor of the driver's; SQLite: step by step). No other statement
    /// should run on the link until the result is closed. MariaDB's driver always reads the whole result.
    /// On SQLite, columns that are expressions are delivered as text.
    pub fn run_streaming(&mut self, sql: &str, params: &[Value]) -> Result<Outcome> {
        /// `SQL_ATTR_PGOPT_USE_DECLAREFETCH` of psqlODBC.
        const USE_DECLARE_FETCH: i32 = 65539;
        self.check_usable()?;
        match self.engine() {
            Engine::MariaDb => self.run(sql, params),
            Engine::Postgres => {
                self.core.dbc.set_attribute(USE_DECLARE_FETCH, 1);
                let result = self.execute(sql, params, false);
                self.core.dbc.set_attribute(USE_DECLARE_FETCH, 0);
                self.settle(result)
            }
            Engine::Sqlite => {
                // The driver steps only through statements without parameters.
                let text = batch::inline(self.driver(), sql, params)?;
                let result = self.execute_stepping(&text);
                self.settle(result)
            }
        }
    }

    /// Runs many row-less statements in as few round trips as the driver allows; the affected rows of each,
    /// or the index of the one that failed.
    ///
    /// Meant for use inside a transaction. On PostgreSQL and MariaDB the values travel as literals, so that
    /// hundreds of statements make one round trip.
    pub fn run_many(&mut self, statements: &[(&str, &[Value])]) -> Result<Vec<i64>, (usize, Error)> {
        batch::run_many(self, statements)
    }

    /// The same without knowing which one failed: whatever fails, the transaction is of no more use.
    pub fn run_batch(&mut self, statements: &[(&str, &[Value])]) -> Result<Vec<i64>> {
        batch::run_batch(self, statements)
    }

    /// Runs a statement that changes the session. MariaDB runs a prepared statement in the database in which it
    /// was prepared, whatever `USE` has said since: all are prepared anew.
    pub fn run_session(&mut self, sql: &str) -> Result<Outcome> {
        let outcome = self.run_once(sql)?;
        self.forget_statements();
        Ok(outcome)
    }

    /// Runs a statement whose setting ends with the transaction: what was prepared before it, or is prepared
    /// while it holds, may have read its literals under another one.
    pub fn run_for_transaction(&mut self, sql: &str) -> Result<Outcome> {
        self.local_settings = true;
        let outcome = self.run_once(sql)?;
        self.forget_prepared();
        Ok(outcome)
    }

    /// The transaction is over, or a part of it undone.
    pub(super) fn forget_local_settings(&mut self) {
        if self.local_settings {
            self.local_settings = self.tx() == TxState::Open;
            self.forget_prepared();
        }
    }

    /// Forgets all prepared statements: after DDL, or when the server was told to deallocate them.
    pub fn forget_statements(&mut self) {
        self.named.clear();
        self.forget_prepared();
    }

    fn forget_prepared(&mut self) {
        if self.core.dbc.is_ours() {
            let _busy = self.core.busy.lock();
            let gone = self.core.cache.lock().clear();
            drop(gone);
        }
    }

    /// Ends a running call from any thread.
    pub fn canceller(&self) -> Canceller {
        Canceller { core: Arc::downgrade(&self.core) }
    }

    /// Names of all user tables (not views, not system tables) the session sees: (schema, name), sorted.
    pub fn list_tables(&mut self) -> Result<Vec<(String, String)>> {
        self.driver().list_tables(self)
    }

    /// The catalogue's facts of a table, resolved as the session's search path does when `schema` is None.
    pub fn describe_table(&mut self, schema: Option<&str>, name: &str) -> Result<Option<TableFacts>> {
        self.driver().describe_table(self, schema, name)
    }

    /// The definition of an object as text; see `Driver::definition`.
    pub fn definition(&mut self, kind: ObjectKind, schema: &str, name: &str) -> Result<Option<String>> {
        self.driver().definition(self, kind, schema, name)
    }

    /// Whether what these facts say beside what their version covers is still so; on most engines the version
    /// covers everything.
    pub fn uncovered_facts_hold(&mut self, facts: &TableFacts) -> Result<bool> {
        self.driver().uncovered_facts_hold(self, facts)
    }

    // ---- how statements are executed ----

    pub(super) fn check_usable(&self) -> Result<()> {
        self.core.check()?;
        if self.core.tx() == TxState::Failed {
            let text =
                format!("the transaction on the {} has failed; only a rollback is possible", self.side());
            return Err(Error::new(Status::TxFailed, text));
        }
        Ok(())
    }

    /// Prepared, and prepared once more where the plan has become stale.
    pub(super) fn execute(&mut self, sql: &str, params: &[Value], keep: bool) -> Result<Outcome> {
        let core = self.core.clone();
        let bound = super::params::Params::new(core.driver, params)?;
        let mut busy = core.busy.lock();
        let mut kept = Prepared::kept(&core, sql, params);
        if kept.is_none() {
            drop(busy);
            self.refresh_schema(sql)?;
            busy = core.busy.lock();
        }
        let mut again = true;
        let (prepared, called) = loop {
            let mut prepared = match kept.take().map_or_else(|| Prepared::new(&core, sql, params), Ok) {
                Ok(prepared) => prepared,
                Err(error)
                    if params.is_empty()
                        && error.records().iter().any(|r| core.driver.is_unpreparable(r)) =>
                {
                    drop(busy);
                    return self.execute_direct(sql);
                }
                Err(error) => return Err(error),
            };
            let stmt = prepared.stmt.clone();
            if let Err(ret) = bound.attach(stmt.handle(), &mut prepared.slots) {
                let called = Called { ret, timed_out: false };
                return Err(core.failure(&stmt, &called, "SQLBindParameter"));
            }
            let called = core.call(&stmt, || unsafe { sys::SQLExecute(stmt.handle()) });
            if called.ok() {
                break (prepared, called);
            }
            let error = core.failure(&stmt, &called, "SQLExecute");
            // Inside a PostgreSQL transaction the failure has ended it: no second attempt there.
            let alive = core.tx() == TxState::Idle || core.driver.engine() != Engine::Postgres;
            let stale = error.records().iter().any(|r| core.driver.is_stale_plan(r, prepared.writes));
            if stale && alive && again && !core.is_lost() {
                again = false;
                drop(prepared);
                let gone = core.cache.lock().clear();
                drop(gone);
                continue;
            }
            // A violated constraint says nothing against the plan. But libmaodbc 3.1 waits for ever for the
            // answer when a statement that gives rows is executed again after an error.
            let spoilt = core.driver.engine() == Engine::MariaDb && core.driver.must_be_prepared(sql);
            if error.sqlstate().starts_with("23") && !core.is_lost() && !spoilt {
                statement::close(&core, &stmt);
                prepared.put_back(&core);
            }
            return Err(error);
        };
        outcome(&core, busy, prepared, &called, keep)
    }

    /// libsqliteodbc counts the columns of `SELECT *` before SQLite has noticed that another connection
    /// has changed the table.
    pub(super) fn refresh_schema(&mut self, sql: &str) -> Result<()> {
        if self.driver().guesses_types() && statement::selects_all(sql) {
            return self.control("SELECT 1 FROM sqlite_master LIMIT 1");
        }
        Ok(())
    }

    fn execute_direct(&mut self, sql: &str) -> Result<Outcome> {
        let core = self.core.clone();
        self.refresh_schema(sql)?;
        statement::screen(&core, sql)?;
        let busy = core.busy.lock();
        let stmt = statement::allocate(&core)?;
        let called = direct(&core, &stmt, &core.driver.prepare(sql));
        if !called.ok() {
            return Err(core.failure(&stmt, &called, "SQLExecDirect"));
        }
        let whole = core.driver.engine() == Engine::Sqlite;
        let prepared = Prepared::once(&core, stmt, sql, whole);
        outcome(&core, busy, prepared, &called, false)
    }

    fn execute_stepping(&mut self, sql: &str) -> Result<Outcome> {
        self.refresh_schema(sql)?;
        let core = self.core.clone();
        let busy = core.busy.lock();
        let stmt = statement::allocate(&core)?;
        stmt.set_attribute(sys::StatementAttribute::CursorType, 0);
        let called = direct(&core, &stmt, &core.driver.prepare(sql));
        if !called.ok() {
            return Err(core.failure(&stmt, &called, "SQLExecDirect"));
        }
        let prepared = Prepared::once(&core, stmt, sql, false);
        outcome(&core, busy, prepared, &called, false)
    }

    /// Executes a statement of our own on the control handle, without rows.
    pub(super) fn control(&mut self, sql: &str) -> Result<()> {
        let core = self.core.clone();
        core.check()?;
        let _busy = core.busy.lock();
        let stmt = match &self.control {
            Some(control) => control.0.clone(),
            None => {
                let stmt = statement::allocate(&core)?;
                self.control = Some(Control(stmt.clone()));
                stmt
            }
        };
        let called = direct(&core, &stmt, sql);
        if !called.ok() {
            let error = core.failure(&stmt, &called, "SQLExecDirect");
            self.control = None;
            return Err(error);
        }
        statement::close(&core, &stmt);
        Ok(())
    }
}

impl Drop for Link {
    /// Results may live on; the statements kept for later go now, under the lock.
    fn drop(&mut self) {
        if self.core.dbc.is_ours() {
            let _busy = self.core.busy.lock();
            self.control = None;
            let gone = self.core.cache.lock().clear();
            drop(gone);
        }
    }
}

/// `SQLExecDirect`, with a NUL behind the text.
pub(super) fn direct(core: &Core, stmt: &Arc<Stmt>, sql: &str) -> Called {
    let text = format!("{sql}\0");
    core.call(stmt, || unsafe { sys::SQLExecDirect(stmt.handle(), text.as_ptr(), (text.len() - 1) as i32) })
}

/// Ends a running call of its link from any thread. Clone and Send.
#[derive(Clone, Debug)]
pub struct Canceller {
    core: Weak<Core>,
}

impl Canceller {
    /// Asks the server to stop the running statement; does nothing when none runs. Never blocks the caller.
    pub fn cancel(&self) {
        if let Some(core) = self.core.upgrade() {
            core.cancel();
        }
    }
    /// Shuts the connection's socket down: whatever call hangs on it comes back with `Unreachable`.
    pub fn cut(&self) {
        if let Some(core) = self.core.upgrade() {
            core.cut();
        }
    }
}

/// What an executed statement has given.
fn outcome(
    core: &Arc<Core>,
    busy: MutexGuard<'_, ()>,
    prepared: Prepared,
    called: &Called,
    keep: bool,
) -> Result<Outcome> {
    // Behind the lock, so that in case of an error the statement is freed under it.
    let mut prepared = prepared;
    let stmt = prepared.stmt.clone();
    // An UPDATE … RETURNING that found nothing has columns and no result: the driver manager refuses to
    // describe what psqlODBC answered SQL_NO_DATA to.
    let nothing = called.ret == sys::SqlReturn::NO_DATA;
    let columns = if nothing { 0 } else { statement::column_count(&stmt) };
    if columns > 0 {
        let holds = |s: &Arc<Shape>| {
            core.driver.keeps_metadata() || core.driver.guesses_types() && s.still_holds(&stmt)
        };
        let shape = match prepared.shape.take().filter(|s| s.columns.len() == columns && holds(s)) {
            Some(shape) => shape,
            None => Arc::new(statement::describe(core, &stmt, columns, core.side)?),
        };
        prepared.shape = Some(shape.clone());
        let keep = keep && prepared.may_serve_again(core, &shape);
        let affected = if prepared.writes { statement::row_count(&stmt) } else { -1 };
        drop(busy);
        return Ok(Outcome { affected, rows: Some(Cursor::new(core.clone(), prepared, keep, shape)) });
    }
    let affected = match () {
        // PostgreSQL and SQLite: nothing found to change.
        () if called.ret == sys::SqlReturn::NO_DATA => 0,
        () if prepared.writes => statement::row_count(&stmt),
        () => 0,
    };
    // The rest of a text with several statements: its errors are this statement's.
    let mut later_rows = false;
    loop {
        match statement::more_results(core, &stmt) {
            Ok(true) if statement::column_count(&stmt) > 0 => {
                later_rows = true;
                break;
            }
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => return Err(error),
        }
    }
    if later_rows {
        let columns = statement::column_count(&stmt);
        let shape = Arc::new(statement::describe(core, &stmt, columns, core.side)?);
        drop(busy);
        return Ok(Outcome { affected, rows: Some(Cursor::new(core.clone(), prepared, false, shape)) });
    }
    statement::close(core, &stmt);
    if keep {
        prepared.put_back(core);
    }
    Ok(Outcome { affected, rows: None })
}
