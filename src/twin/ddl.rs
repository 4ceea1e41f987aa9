//! DDL on an engine that commits implicitly.
//!
//! Data and journal cannot share a transaction there. So an *intent* entry is committed to the queue first,
//! together with the flip to `queueing`; then the DDL runs on the master; then the intent is settled or
//! dropped. Replay goes no further than an unsettled intent, so nothing that uses the new table can overtake
//! it. The mirror always gets such DDL by replay. All of it under a lock that dies with the connection: see
//! [`intents`] for what a death in the middle leads to.

use std::sync::Arc;
use std::time::Duration;

use super::Executed;
use super::session::TwinSession;
use super::transaction::Tx;
use crate::error::{Class, Error, Result, Side, Status};
use crate::pair::intents::{self, Found, Known};
use crate::pair::locks;
use crate::pair::shared::{Fate, Intent, Pair, clip, now_text};
use crate::queue::trace::{Fingerprint, Standing, Trace};
use crate::queue::{Shipped, entry};
use crate::sql::ddl_objects;
use crate::value::Value;

/// How long a session waits for the DDL of others where no limit is set.
const LOCK_LIMIT: Duration = Duration::from_secs(60);

impl TwinSession {
    pub(super) fn ddl_by_intent(&mut self, sql: &str) -> Result<Executed> {
        let pair = Arc::clone(&self.pair);
        if let Some(refusal) = self.ddl_refusal(sql)? {
            return Err(refusal);
        }
        let name = intents::lock_name(&pair, Side::Master);
        let limit = pair.master_settings.lock_timeout.unwrap_or(LOCK_LIMIT);
        if !locks::hold(self.master()?, &name, limit)? {
            return Err(Error::new(
                Status::Retry,
                format!(
                    "execute: DDL of another session was still running after {} ms; try again",
                    limit.as_millis()
                ),
            ));
        }
        let done = self.ddl_under_lock(sql);
        if let Some(master) = self.master.as_mut().filter(|m| !m.is_lost())
            && let Err(e) = locks::let_go(master, &name)
        {
            // It goes with the connection.
            log::debug!(target: "twinpool::twin", "{}: {e}", pair.setup.name);
        }
        done
    }

    fn ddl_under_lock(&mut self, sql: &str) -> Result<Executed> {
        let pair = Arc::clone(&self.pair);
        // What the dead left is told by what their objects look like, which this statement may change.
        intents::settle_left(&pair)?;
        let explicit = self.tx.as_ref().is_some_and(|tx| tx.explicit);
        let seq = self.next_seq();
        let mut statements = Vec::new();
        let trace = self.trace(sql)?;
        statements.extend(trace.as_ref().map(Trace::write));
        statements.push(Arc::new(Shipped { sql: sql.into(), params: Vec::new(), expected: entry::DDL }));
        let payload = entry::encode(&self.settings, &statements, &pair.setup.spill)?;
        if payload.len() > pair.setup.part_bytes {
            return Err(Error::new(
                Status::Unsupported,
                "execute: a DDL statement longer than pending.part_bytes",
            ));
        }
        self.tx = Some(Tx::new(false));
        let intended = self.commit_intent(seq, &payload, sql);
        self.tx = None;
        let own = [Value::Text(pair.id.clone()), Value::Int(self.slot.index), Value::Int(seq as i64)];
        if let Err(e) = intended {
            if e.outcome_unknown() {
                // If it is there its DDL is not, and will not be.
                let _ = pair.settle(Intent { name: own, fate: Fate::Refused });
            }
            if let Some(master) = self.master.as_mut().filter(|m| !m.is_lost()) {
                let _ = master.rollback();
            }
            return Err(e);
        }
        let _ = pair.refresh();
        crate::failpoint!(&pair.setup.name, "intended");
        let done = self.master().and_then(|m| m.run_once(sql));
        crate::failpoint!(&pair.setup.name, "ddl_done");
        match trace {
            Some(trace) => {
                self.settle_traced(&Found::new(own, payload)?, trace.session, done.as_ref().err());
            }
            None => settle_untraced(&pair, own, sql, done.as_ref().err())?,
        }
        pair.wake();
        done?;
        pair.catalogue.forget();
        self.master()?.forget_statements();
        if explicit {
            self.tx = Some(Tx::new(true));
        }
        Ok(Executed { status: Status::Queued, affected: -1, rows: None })
    }

    /// What the objects of the statement look like before it. `None`: they cannot be named, or not be seen.
    fn trace(&mut self, sql: &str) -> Result<Option<Trace>> {
        let Some(objects) = ddl_objects(self.pair.tables.engine, sql) else { return Ok(None) };
        let master = self.master()?;
        let (session, database) = (master.session_id(), intents::database(master)?);
        // On a connection whose settings are always the same: they change how definitions are shown.
        match self.pair.control(|link| Fingerprint::take(link, &objects, &database)) {
            Ok(before) => {
                Ok(Some(Trace { session, database, before, after: None, standing: Standing::Open }))
            }
            Err(e) if e.class() == Class::Refused => {
                log::debug!(target: "twinpool::twin", "{}: DDL goes without a trace: {e}", self.pair.setup.name);
                Ok(None)
            }
            Err(e) => Err(e),
        }
    }

    /// What cannot be settled now is settled by whoever replays, or runs DDL next.
    fn settle_traced(&mut self, intent: &Found, session: u64, error: Option<&Error>) {
        let pair = Arc::clone(&self.pair);
        let name = intents::lock_name(&pair, Side::Master);
        let known = match error.map(Error::class) {
            None => Known::Happened,
            Some(Class::Refused) => Known::Refused,
            Some(_) => Known::Nothing,
        };
        let has_ended = self.master().and_then(|master| locks::holds(master, &name));
        let settled = match has_ended {
            Ok(true) => intents::settle(&pair, intent, known).map(drop),
            // The server may still be at it: the lock goes when it has stopped.
            _ => pair.control(|link| intents::end(link, &name, session)),
        };
        if let Err(e) = settled {
            log::info!(target: "twinpool::twin", "{}: DDL is settled later: {e}", pair.setup.name);
        }
    }

    /// Why this engine's DDL cannot be mirrored, if so.
    pub(super) fn ddl_refusal(&mut self, sql: &str) -> Result<Option<Error>> {
        if !self.master()?.dialect().ddl_commits() {
            return Ok(None);
        }
        if self.tx.as_ref().is_some_and(|tx| tx.begun) {
            return Ok(Some(Error::new(
                Status::Unsupported,
                "execute: this engine's DDL commits what is open; commit or roll back first",
            )));
        }
        // Writers that are open when it is asked for commit behind its entry and before its effect.
        let truncates = sql.trim_start().get(..8).is_some_and(|word| word.eq_ignore_ascii_case("truncate"));
        Ok(truncates.then(|| {
            Error::new(
                Status::Unsafe,
                "the statement cannot be mirrored: TRUNCATE has no place among open transactions on this engine; instead: DELETE FROM the table",
            )
        }))
    }

    fn commit_intent(&mut self, seq: u64, payload: &[u8], sql: &str) -> Result<()> {
        let pair = Arc::clone(&self.pair);
        self.ensure_begun(true)?;
        self.mark_own_row(seq)?;
        let row = [
            Value::Text(pair.id.clone()),
            Value::Int(self.slot.index),
            Value::Int(seq as i64),
            Value::Int(1),
            Value::Int(0),
            Value::Int(pair.view().epoch as i64),
            Value::Text(now_text()),
            Value::Int(1),
            Value::Text(crate::sql::summary(sql)),
            Value::Bytes(payload.to_vec()),
        ];
        self.master()?.run(&pair.tables.append, &row)?;
        let why = [
            Value::Text("DDL waits for the mirror".to_owned()),
            Value::Text(now_text()),
            Value::Text(pair.id.clone()),
        ];
        self.master()?.run(&pair.tables.flip, &why)?;
        self.commit_master(seq)
    }
}

/// Of what has no trace nobody but this process can say what became of it.
fn settle_untraced(pair: &Pair, name: [Value; 3], sql: &str, error: Option<&Error>) -> Result<()> {
    let fate = match error {
        None => Fate::Happened,
        // It may or may not have happened: nothing is guessed, the entry waits for an operator.
        Some(e) if e.is_lost() || e.class() == Class::TimedOut => Fate::Unknown(clip(&format!(
            "a DDL statement was cut short on the master, look whether it happened: {sql}"
        ))),
        Some(_) => Fate::Refused,
    };
    pair.settle(Intent { name, fate })
}
