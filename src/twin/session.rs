//! What the pool keeps: a master connection, a slot, and a mirror half while the mirror is in step. The way
//! of one statement through it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::half::Half;
use super::keys::Keys;
use super::transaction::{Route, Tx};
use super::{Canceller, Executed, Isolation};
use crate::config::Validation;
use crate::error::{Error, Result, Status};
use crate::link::{Engine, Link, Outcome, TxState};
use crate::pair::shared::{Pair, Slot, outdated};
use crate::pair::{limits, restored};
use crate::queue::{Shipped, entry};
use crate::sql::{Analysis, Begin, Kind, Plan, Planned, SessionKind};
use crate::value::Value;

/// How often a statement is planned, where others change its table all the time.
const PLANS: usize = 3;

/// A session as the pool keeps it.
pub struct TwinSession {
    pub(super) pair: Arc<Pair>,
    /// None: lost, and made anew before the next statement outside a transaction.
    pub(super) master: Option<Link>,
    pub(super) half: Option<Half>,
    pub(super) slot: Slot,
    /// Its last outcome is unknown: the slot must not be used again.
    pub(super) retired: bool,
    pub(super) tx: Option<Tx>,
    /// Session statements in effect; they precede whatever is replayed.
    pub(super) settings: Vec<String>,
    /// Positions of other pools' slots that this half's mirror is known to have.
    pub(super) known_applied: HashMap<(String, i64), u64>,
    pub(super) autocommit: bool,
    pub(super) isolation: Isolation,
    pub(super) read_only: bool,
    pub(super) network_timeout: Option<Duration>,
    pub(super) schema: Option<String>,
    pub(super) keys: Keys,
    /// It may have temporary tables.
    pub(super) own_tables: bool,
    /// How many of `settings` come from the options.
    own_settings: usize,
    /// The last failure was that tables are not what they were known as.
    pub(super) facts_were_old: bool,
    /// Leads whoever wants to cancel to the connection that there is now.
    pub(super) canceller: Canceller,
}

impl TwinSession {
    /// Connects, by `deadline`.
    pub fn connect(pair: &Arc<Pair>, deadline: Instant) -> Result<TwinSession> {
        let mut master = pair.open_master_by(deadline)?;
        let slot = pair.take_slot(&mut master, deadline)?;
        restored::look_at_slot(pair, &mut master, slot.index, slot.done)?;
        let mut session = TwinSession {
            network_timeout: pair.master_settings.call_timeout,
            pair: Arc::clone(pair),
            master: Some(master),
            half: None,
            slot,
            retired: false,
            tx: None,
            settings: Vec::new(),
            known_applied: HashMap::new(),
            autocommit: true,
            isolation: Isolation::ReadCommitted,
            read_only: false,
            schema: None,
            keys: Keys::default(),
            own_tables: false,
            own_settings: 0,
            facts_were_old: false,
            canceller: Canceller::default(),
        };
        session.renew_canceller();
        if let Err(e) = session.apply_defaults() {
            session.close();
            return Err(e);
        }
        let limit = session.network_timeout;
        session.set_network_timeout(limit)?;
        Ok(session)
    }

    /// What the options say of every session that leaves the pool.
    fn apply_defaults(&mut self) -> Result<()> {
        let pair = Arc::clone(&self.pair);
        if self.isolation != pair.setup.isolation {
            self.set_isolation(pair.setup.isolation)?;
        }
        self.read_only = pair.setup.read_only;
        if let Some(schema) = &pair.setup.schema {
            self.set_schema(schema)?;
        }
        self.own_settings = self.settings.len();
        Ok(())
    }

    /// The master connection; an error where it was lost and a transaction is open.
    pub(super) fn master(&mut self) -> Result<&mut Link> {
        let open = self.tx.is_some();
        self.master.as_mut().filter(|m| open || !m.is_lost()).ok_or_else(|| {
            Error::new(Status::Unreachable, "the connection to the master is lost; roll back and try again")
        })
    }

    /// Outside a transaction a lost master connection is replaced, once per call.
    pub(super) fn ensure_master(&mut self) -> Result<()> {
        if self.pair.fenced.load(Ordering::SeqCst) {
            return Err(Error::new(
                Status::Fenced,
                "this pool's registration is gone: another process removed it; open the pool again",
            ));
        }
        let format = self.pair.outdated.load(Ordering::SeqCst);
        if format != 0 {
            return Err(outdated(format));
        }
        if self.retired {
            return Err(Error::new(
                Status::BadState,
                "the outcome of this session's last COMMIT is unknown; release it and acquire another",
            ));
        }
        if self.tx.is_none() && self.master.as_ref().is_none_or(Link::is_lost) {
            self.master = None;
            let mut link = self.pair.open_master()?;
            link.set_call_timeout(self.network_timeout);
            restored::look_at_slot(&self.pair, &mut link, self.slot.index, self.slot.done)?;
            if self.isolation != Isolation::ReadCommitted {
                link.set_isolation(self.isolation)?;
            }
            for sql in &self.settings {
                link.run_once(sql)?;
            }
            self.master = Some(link);
            self.renew_canceller();
        }
        Ok(())
    }

    pub fn execute(&mut self, sql: &str, params: &[Value]) -> Result<Executed> {
        let pair = Arc::clone(&self.pair);
        let analysis = pair.classifier.analyse(sql);
        self.execute_analysed(sql, params, &analysis)
    }

    /// One row of a batch. Where any error fails the whole transaction, a savepoint keeps the other rows.
    pub fn execute_row(&mut self, sql: &str, params: &[Value]) -> Result<i64> {
        const ROW: &str = "twin_batch_row";
        let guarded = self.tx.is_some() && self.master()?.dialect().error_fails_transaction();
        if guarded {
            self.savepoint(ROW)?;
        }
        let done = self.execute(sql, params).map(|done| done.affected);
        if guarded {
            match &done {
                Ok(_) => self.release_savepoint(ROW)?,
                Err(e) if e.is_lost() => {}
                Err(_) => self.rollback_to(ROW)?,
            }
        }
        done
    }

    pub(super) fn execute_analysed(
        &mut self,
        sql: &str,
        params: &[Value],
        analysis: &Analysis,
    ) -> Result<Executed> {
        let plain = |status| Executed { status, affected: -1, rows: None };
        match &analysis.kind {
            Kind::Empty => Err(Error::new(Status::BadArgument, "execute: the statement is empty")),
            Kind::Begin(how) => self.begin_as(how).map(|()| plain(Status::Ok)),
            Kind::Commit { chain: true } | Kind::Rollback { chain: true } => Err(Error::new(
                Status::Unsupported,
                "execute: AND CHAIN is not supported; begin the next transaction by itself",
            )),
            Kind::Commit { .. } => self.commit().map(plain),
            Kind::Rollback { .. } => self.rollback().map(|()| plain(Status::Ok)),
            Kind::Savepoint(name) => self.savepoint(name).map(|()| plain(Status::Ok)),
            Kind::RollbackTo(name) => self.rollback_to(name).map(|()| plain(Status::Ok)),
            Kind::Release(name) => self.release_savepoint(name).map(|()| plain(Status::Ok)),
            Kind::Multi => self.execute_several(sql, params),
            _ => {
                self.ensure_master()?;
                self.check_tx()?;
                if self.tx.is_none() && !self.autocommit {
                    self.tx = Some(Tx::new(true));
                }
                match &analysis.kind {
                    Kind::Read => self.read(sql, params),
                    Kind::Session(kind) => self.session_statement(sql, params, *kind),
                    _ if analysis.alone => self.run_alone(sql, params),
                    _ => self.write(sql, params, analysis),
                }
            }
        }
    }

    /// What the engine runs outside transactions only, `VACUUM` for one: care of this node, nothing to ship.
    fn run_alone(&mut self, sql: &str, params: &[Value]) -> Result<Executed> {
        let analysis = self.pair.classifier.analyse(sql);
        match self.plan(&analysis)?.plan {
            Plan::Local => {}
            Plan::Ddl if !self.master()?.dialect().ddl_commits() => return Err(alone()),
            _ => return self.write(sql, params, &analysis),
        }
        if self.read_only {
            return Err(Error::new(Status::BadState, "execute: this connection is set read-only"));
        }
        if self.tx.as_ref().is_some_and(|tx| tx.begun) {
            return Err(Error::new(
                Status::BadState,
                "execute: the database runs this outside transactions only",
            ));
        }
        let outcome = self.master()?.run(sql, params)?;
        Ok(Executed { status: Status::Ok, affected: outcome.affected, rows: outcome.rows })
    }

    /// In a failed transaction only a rollback means anything.
    fn check_tx(&self) -> Result<()> {
        let Some(tx) = &self.tx else { return Ok(()) };
        match self.master.as_ref().map(Link::tx) {
            _ if !tx.begun => Ok(()),
            Some(TxState::Open) => Ok(()),
            Some(TxState::Failed) => Err(Error::new(
                Status::TxFailed,
                "the transaction has failed; roll back, or roll back to a savepoint",
            )),
            Some(TxState::Idle) => {
                Err(Error::new(Status::TxFailed, "the database ended the transaction; roll back"))
            }
            Some(TxState::Lost) | None => Err(Error::new(
                Status::Unreachable,
                "the connection to the master was lost in the transaction; roll back and repeat it",
            )),
        }
    }

    /// BEGIN goes out with the first statement, when it is known whether it writes.
    pub(super) fn ensure_begun(&mut self, write: bool) -> Result<()> {
        let Some(tx) = self.tx.as_mut() else { return Ok(()) };
        if write && tx.turn.is_none() {
            tx.turn = self.pair.turn_for(self.canceller.waiter())?;
        }
        if !tx.begun {
            self.master()?.begin(write)?;
            if let Some(tx) = self.tx.as_mut() {
                tx.begun = true;
            }
        }
        Ok(())
    }

    fn read(&mut self, sql: &str, params: &[Value]) -> Result<Executed> {
        self.ensure_begun(false)?;
        let outcome = self.master()?.run(sql, params)?;
        Ok(Executed { status: Status::Ok, affected: outcome.affected, rows: outcome.rows })
    }

    /// `SET` and its kin: on both connections, remembered for a half that is made anew and for replay.
    fn session_statement(&mut self, sql: &str, params: &[Value], kind: SessionKind) -> Result<Executed> {
        let refuse = |what: &str| Err(Error::new(Status::Unsupported, format!("execute: {what}")));
        if let Some(why) = self.session_refusal(sql, kind) {
            return refuse(why);
        }
        match kind {
            SessionKind::SetLocal if !is_constraints(sql) => return self.set_local(sql, params),
            // Temporary tables are on the master only: nothing that is shipped ever reads them.
            SessionKind::TempTable => {
                self.ensure_begun(false)?;
                let outcome = self.master()?.run_session(sql)?;
                self.own_tables = true;
                return Ok(Executed { status: Status::Ok, affected: outcome.affected, rows: outcome.rows });
            }
            // Of no concern to the mirror, or only to this transaction on the master.
            SessionKind::Variable
            | SessionKind::Server
            | SessionKind::Cursor
            | SessionKind::Prepared
            | SessionKind::Listen
            | SessionKind::SetLocal => {
                self.ensure_begun(false)?;
                if let Some(tx) = self.tx.as_mut() {
                    tx.deferred = true;
                }
                let outcome = self.master()?.run(sql, params)?;
                return Ok(Executed { status: Status::Ok, affected: outcome.affected, rows: outcome.rows });
            }
            _ => {}
        }
        if !params.is_empty() {
            return refuse("a session statement takes no parameters here");
        }
        let outcome = self.master()?.run_session(sql)?;
        if outcome.rows.is_none() {
            self.settings.retain(|s| s != sql);
            self.settings.push(sql.to_owned());
            if let Some(half) = &self.half {
                half.session(sql);
            }
        }
        Ok(Executed { status: Status::Ok, affected: outcome.affected, rows: outcome.rows })
    }

    /// Why a session statement is not carried, if it is not.
    pub(super) fn session_refusal(&self, sql: &str, kind: SessionKind) -> Option<&'static str> {
        use SessionKind::*;
        match kind {
            Transaction => Some("isolation and access mode are set by calls: set_isolation, set_read_only"),
            Autocommit(_) => Some("autocommit is set by a call: set_autocommit"),
            Reset => Some("it would undo what the session rests on; release the session instead"),
            LockTables => Some("LOCK TABLES commits what is open; lock rows with SELECT … FOR UPDATE"),
            Attach => Some("an attached database has no mirror; open a pool for it"),
            Set | Pragma if lowers_durability(sql) => {
                Some("durable commits are what nothing-is-lost rests on; see the option durability")
            }
            Set | SetLocal if loses_values(sql) => Some(
                "values are carried as text: keep extra_float_digits at 1 or more and DateStyle at ISO (its order is free)",
            ),
            Set if changes_characters(sql) => Some(
                "the driver rests on the character set that it has set itself; convert values with CONVERT … USING",
            ),
            Pragma if belongs_to_file(sql) => {
                Some("it belongs to the file: set it before the pool is opened")
            }
            // A rollback undoes it on some engines and not on others, and the half may have it or not.
            Set | Schema | Pragma if self.tx.as_ref().is_some_and(|tx| tx.begun) => {
                Some("session settings are changed outside a transaction")
            }
            _ => None,
        }
    }

    /// A statement that writes or locks. Outside a transaction it is one of its own.
    fn write(&mut self, sql: &str, params: &[Value], analysis: &Analysis) -> Result<Executed> {
        if self.read_only {
            return Err(Error::new(Status::BadState, "execute: this connection is set read-only"));
        }
        if self.tx.is_some() {
            return self.write_in_tx(sql, params, analysis);
        }
        let mut tries = 0;
        loop {
            tries += 1;
            self.facts_were_old = false;
            self.tx = Some(Tx::new(false));
            let done = match self.write_in_tx(sql, params, analysis) {
                // DDL that the engine commits by itself has settled everything.
                Ok(executed) if self.tx.is_none() => Ok(executed),
                Ok(executed) => self.commit_tx().map(|status| Executed { status, ..executed }),
                Err(e) => {
                    let _ = self.rollback();
                    Err(e)
                }
            };
            // Nothing of it is left: it is planned and run anew.
            if done.is_ok() || !self.facts_were_old || tries == PLANS {
                return done;
            }
        }
    }

    /// A statement that is refused or fails because of what was known of its table, and is no more, is planned
    /// anew where the transaction has survived that.
    fn write_in_tx(&mut self, sql: &str, params: &[Value], analysis: &Analysis) -> Result<Executed> {
        let mut tries = 0;
        loop {
            tries += 1;
            let planned = self.plan(analysis)?;
            let done = self.run_planned(sql, params, analysis, &planned);
            let Err(e) = done else {
                self.follow_draws(&planned)?;
                return done;
            };
            if tries == PLANS || e.is_lost() || !self.was_planned_by_old_facts(&planned, &e).unwrap_or(false)
            {
                return Err(e);
            }
            if self.check_tx().is_err() {
                return Err(self.planned_by_old_facts(&planned));
            }
        }
    }

    fn run_planned(
        &mut self,
        sql: &str,
        params: &[Value],
        analysis: &Analysis,
        planned: &Planned,
    ) -> Result<Executed> {
        let pair = Arc::clone(&self.pair);
        let own_names = self.has_own_names();
        let plan = match planned.plan.given(params) {
            Ok(plan) => plan,
            Err(why) => &Plan::Unsafe(why),
        };
        if let Plan::Unsafe(why) = plan {
            if pair.setup.refuse_unsafe {
                return Err(why.error());
            }
            log::warn!(target: "twinpool::sql", "{}: mirrored as text although unsafe: {why}", pair.setup.name);
        }
        // Early, so that a full queue costs no work; commit looks again.
        let queues = match self.tx.as_ref().map(|tx| tx.route) {
            Some(Route::Queued) => true,
            Some(Route::Direct { .. }) => false,
            _ => pair.direct_epoch().is_none(),
        };
        if queues
            && !matches!(plan, Plan::Local)
            && let Some(full) = limits::refusal(&pair, "execute")
        {
            return Err(full);
        }
        if matches!(plan, Plan::Ddl) {
            return self.ddl(sql);
        }
        self.ensure_begun(true)?;
        if let Some(tx) = self.tx.as_mut() {
            tx.deferred |= !matches!(plan, Plan::Text(_) | Plan::Keys(_) | Plan::Rows(_))
                || own_names
                || pair.any_deferred.load(Ordering::SeqCst);
        }
        if !matches!(plan, Plan::Unsafe(_)) {
            self.rest_on(planned);
        }
        match plan {
            Plan::Keys(plan) => {
                let picked: Vec<Value> =
                    plan.select_params.iter().filter_map(|i| params.get(*i).cloned()).collect();
                let keys = self.master()?.query(&plan.select, &picked)?;
                let statements = plan.statement(&keys, params).map_err(|why| why.error())?;
                if plan.returning && statements.len() > 1 {
                    return Err(Error::new(
                        Status::Unsupported,
                        "execute: RETURNING for so many rows by predicate; name fewer rows",
                    ));
                }
                let mut done = Executed { status: Status::Ok, affected: 0, rows: None };
                if plan.returning && statements.is_empty() {
                    let (sql, params) = plan.for_no_rows(params);
                    done.rows = self.master()?.run(&sql, &params)?.rows;
                }
                self.undone_together(statements.len() > 1, |session| {
                    for (sql, params) in statements {
                        let outcome = session.master()?.run(&sql, &params)?;
                        done.affected += outcome.affected.max(0);
                        let expected = session.expected(&outcome);
                        done.rows = outcome.rows;
                        if outcome.affected != 0 {
                            session.ship(Shipped { sql: sql.into(), params, expected });
                        }
                    }
                    Ok(done)
                })
            }
            Plan::Rows(plan) => self.write_rows(plan, params, &analysis.kind),
            plan => {
                self.forget_key(&analysis.kind)?;
                let outcome = self.master()?.run(sql, params)?;
                self.note_key(&analysis.kind, outcome.affected)?;
                let local = matches!(plan, Plan::Local);
                if local {
                    if let Some(tx) = self.tx.as_mut().filter(|_| analysis.kind != Kind::Lock) {
                        tx.wrote_local = true;
                    }
                } else if outcome.affected != 0 {
                    let expected = self.expected(&outcome);
                    self.ship(Shipped { sql: sql.into(), params: params.to_vec(), expected });
                }
                Ok(Executed { status: Status::Ok, affected: outcome.affected, rows: outcome.rows })
            }
        }
    }

    /// What the mirror must count. MariaDB's driver does not count alike what gives rows.
    fn expected(&self, outcome: &Outcome) -> i64 {
        match outcome.rows.is_some() && self.pair.classifier.engine() == Engine::MariaDb {
            true => entry::UNCOUNTED,
            false => outcome.affected,
        }
    }

    /// DDL runs as text on both.
    fn ddl(&mut self, sql: &str) -> Result<Executed> {
        if self.master()?.dialect().ddl_commits() {
            return self.ddl_by_intent(sql);
        }
        self.ensure_begun(true)?;
        // Behind it the master can no more tell whether they held.
        self.check_facts()?;
        if let Some(tx) = self.tx.as_mut() {
            tx.rests_on.clear();
            tx.own_ddl = true;
        }
        self.master()?.run_once(sql)?;
        if let Some(tx) = self.tx.as_mut() {
            tx.deferred = true;
        }
        self.master()?.forget_statements();
        self.ship(Shipped { sql: sql.into(), params: Vec::new(), expected: entry::DDL });
        Ok(Executed { status: Status::Ok, affected: -1, rows: None })
    }

    /// `BEGIN` as text, with what it asks for.
    fn begin_as(&mut self, how: &Begin) -> Result<()> {
        if self.begins_otherwise(how) {
            return Err(Error::new(
                Status::Unsupported,
                "execute: isolation and access mode are set by calls before BEGIN: set_isolation, set_read_only",
            ));
        }
        self.begin()
    }

    pub(super) fn begins_otherwise(&self, how: &Begin) -> bool {
        how.isolation.is_some_and(|level| level != self.isolation) || how.read_only == Some(true)
    }

    pub fn begin(&mut self) -> Result<()> {
        if self.tx.is_some() {
            return Err(Error::new(Status::BadState, "begin: a transaction is open already"));
        }
        self.ensure_master()?;
        self.tx = Some(Tx::new(true));
        Ok(())
    }

    pub fn commit(&mut self) -> Result<Status> {
        if self.tx.is_none() && self.autocommit {
            return Err(Error::new(Status::BadState, "commit: no transaction is open"));
        }
        if let Err(e) = self.check_tx() {
            let _ = self.rollback();
            return Err(e.context("commit: the transaction was rolled back"));
        }
        self.commit_tx()
    }

    pub fn rollback(&mut self) -> Result<()> {
        let Some(tx) = self.tx.take() else { return Ok(()) };
        if tx.route != Route::Open {
            self.rollback_half();
        }
        // A lost connection has rolled back by itself.
        match self.master.as_mut().filter(|m| tx.begun && !m.is_lost()) {
            Some(master) => master.rollback().or_else(|e| if e.is_lost() { Ok(()) } else { Err(e) }),
            None => Ok(()),
        }
    }

    fn in_tx(&mut self, call: &str) -> Result<&mut Tx> {
        self.tx
            .as_mut()
            .ok_or_else(|| Error::new(Status::BadState, format!("{call}: no transaction is open")))
    }

    pub fn savepoint(&mut self, name: &str) -> Result<()> {
        if self.tx.is_none() && !self.autocommit {
            self.ensure_master()?;
            self.tx = Some(Tx::new(true));
        }
        self.in_tx("savepoint")?;
        self.check_tx()?;
        self.ensure_begun(true)?;
        self.ship_locals();
        self.master()?.savepoint(name)?;
        let tx = self.in_tx("savepoint")?;
        tx.savepoints.push((name.to_owned(), tx.shipped.len()));
        Ok(())
    }

    pub fn rollback_to(&mut self, name: &str) -> Result<()> {
        let tx = self.in_tx("rollback_to")?;
        let Some(at) = tx.savepoints.iter().rposition(|s| s.0.eq_ignore_ascii_case(name)) else {
            return Err(Error::new(Status::BadState, format!("rollback_to: no savepoint {name}")));
        };
        self.master()?.rollback_to(name)?;
        let tx = self.in_tx("rollback_to")?;
        tx.savepoints.truncate(at + 1);
        let keep = tx.savepoints[at].1;
        if keep < tx.shipped.len() {
            tx.shipped.truncate(keep);
            // What moved the mirror's sequences on may be among what is cut off.
            tx.advanced.clear();
            // The half knows no savepoints: it begins anew with what is left.
            if let Route::Direct { epoch } = tx.route {
                self.run_half_again(epoch);
            }
        }
        Ok(())
    }

    pub fn release_savepoint(&mut self, name: &str) -> Result<()> {
        let tx = self.in_tx("release_savepoint")?;
        let Some(at) = tx.savepoints.iter().rposition(|s| s.0.eq_ignore_ascii_case(name)) else {
            return Err(Error::new(Status::BadState, format!("release_savepoint: no savepoint {name}")));
        };
        self.check_tx()?;
        self.master()?.release_savepoint(name)?;
        self.in_tx("release_savepoint")?.savepoints.truncate(at);
        Ok(())
    }

    /// Local knowledge only; the pool asks before every use.
    pub fn is_broken(&self) -> bool {
        self.retired || self.master.as_ref().is_none_or(Link::is_lost)
    }

    /// Asks the master, and lets the half ask the mirror, whether they are there.
    pub fn ping(&mut self, limit: Duration) -> Result<()> {
        let setup = &self.pair.setup;
        let Some(master) = self.master.as_mut() else {
            return Err(Error::new(Status::Unreachable, "the connection to the master is lost"));
        };
        if let (Some(half), None) = (&self.half, &self.tx) {
            half.ping(&setup.mirror_validation, setup.mirror_timeout);
        }
        let answer = validate(master, &setup.master_validation, limit);
        if let Err(e) = &answer {
            log::info!(target: "twinpool::pool", "a session is not valid any more: {e}");
        }
        answer
    }

    fn renew_canceller(&self) {
        self.canceller.lead_to(self.master.as_ref().map(Link::canceller));
    }

    /// Back to how a new session is. An error means: throw it away.
    pub fn reset(&mut self) -> Result<()> {
        // Whoever held it must not reach the next one's statements.
        std::mem::take(&mut self.canceller).lead_to(None);
        self.renew_canceller();
        self.rollback()?;
        if self.master.as_ref().is_some_and(Link::is_worn) {
            return Err(Error::new(
                Status::BadState,
                "an error that pool.evict_sqlstates names came up on it",
            ));
        }
        if self.retired {
            return Err(Error::new(Status::BadState, "the session's slot is retired"));
        }
        let pair = Arc::clone(&self.pair);
        if self.isolation != pair.setup.isolation {
            self.master()?.set_isolation(pair.setup.isolation)?;
            self.isolation = pair.setup.isolation;
        }
        self.autocommit = true;
        self.keys = Keys::default();
        self.read_only = pair.setup.read_only;
        if self.settings.len() != self.own_settings || self.schema != pair.setup.schema || self.own_tables {
            // The half's settings cannot be told apart from its successor's: a new one is made when needed.
            self.half = None;
            let dialect = self.master()?.dialect();
            if dialect.must_discard() {
                return Err(Error::new(Status::BadState, "session settings were changed"));
            }
            for sql in dialect.reset_sql() {
                self.master()?.run_once(sql)?;
            }
            self.master()?.restart_session()?;
            self.settings.clear();
            self.schema = None;
            self.own_tables = false;
            self.isolation = Isolation::ReadCommitted;
            self.apply_defaults()?;
        }
        let limit = self.pair.master_settings.call_timeout;
        if self.network_timeout != limit {
            self.network_timeout = limit;
            self.master()?.set_call_timeout(limit);
        }
        Ok(())
    }

    /// Gives the slot back and lets the connections go.
    pub fn close(mut self) {
        let _ = self.rollback();
        if !self.retired {
            self.pair.give_slot(self.slot);
        }
    }
}

/// Asks a node by the means that the options name.
pub fn validate(link: &mut Link, validation: &Validation, limit: Duration) -> Result<()> {
    link.ping(limit)?;
    let Validation::Query(sql) = validation else { return Ok(()) };
    let before = link.call_timeout();
    link.set_call_timeout(Some(limit));
    let answer = link.run_once(sql).map(drop);
    link.set_call_timeout(before);
    let (side, engine) = (link.side(), link.engine());
    answer.map_err(|e| {
        let query = crate::sql::outline(sql, engine);
        e.context(format_args!("the {side}'s validation query '{query}' (option validation_query)"))
    })
}

fn alone() -> Error {
    Error::new(
        Status::Unsupported,
        "execute: the database runs this outside transactions only, where it has no place among those of the mirror; \
         leave CONCURRENTLY out, or run it on each database by itself (/*twin:local*/ on the master)",
    )
}

fn is_constraints(sql: &str) -> bool {
    sql.split_whitespace().nth(1).is_some_and(|word| word.eq_ignore_ascii_case("constraints"))
}

fn changes_characters(sql: &str) -> bool {
    let words: Vec<String> = sql.split_whitespace().skip(1).take(2).map(str::to_ascii_lowercase).collect();
    sql.to_ascii_lowercase().contains("character_set_")
        || matches!(words.as_slice(), [first, ..] if first == "charset")
        || matches!(words.as_slice(), [first, second] if first == "character" && second == "set")
}

/// PostgreSQL: whether values are shown so that they cannot be read back exactly: doubles cut short, instants
/// with a zone's abbreviation, which means several zones.
fn loses_values(sql: &str) -> bool {
    let sql = sql.to_ascii_lowercase();
    let words: Vec<&str> = sql
        .split(|c: char| !c.is_ascii_alphanumeric() && !"_-".contains(c))
        .filter(|w| !w.is_empty())
        .collect();
    let names = |name: &str| words.contains(&name);
    (names("datestyle") && ["sql", "postgres", "german"].iter().any(|style| names(style)))
        || (names("extra_float_digits")
            && words.last().and_then(|digits| digits.parse::<i32>().ok()).is_some_and(|digits| digits < 1))
}

fn belongs_to_file(sql: &str) -> bool {
    let sql = sql.to_ascii_lowercase();
    ["journal_mode", "locking_mode", "page_size", "auto_vacuum", "encoding"]
        .iter()
        .any(|name| sql.contains(name))
}

pub(super) fn lowers_durability(sql: &str) -> bool {
    let sql = sql.to_ascii_lowercase();
    sql.contains("synchronous_commit")
        || sql.contains("innodb_flush_log")
        || (sql.contains("pragma") && sql.contains("synchronous"))
}
