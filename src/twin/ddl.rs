//! DDL on an engine that commits implicitly.
//!
//! Data and journal cannot share a transaction there. So an *intent* entry is committed to the queue first,
//! together with the flip to `queueing`; then the DDL runs on the master; then the intent is settled or
//! dropped. Replay goes no further than an unsettled intent, so nothing that uses the new table can overtake
//! it. The mirror always gets such DDL by replay.

use std::sync::Arc;

use super::Executed;
use super::session::TwinSession;
use super::transaction::Tx;
use crate::error::{Class, Error, Result, Status};
use crate::pair::shared::{Fate, Intent, clip, now_text};
use crate::queue::{Shipped, entry};
use crate::value::Value;

impl TwinSession {
    pub(super) fn ddl_by_intent(&mut self, sql: &str) -> Result<Executed> {
        let pair = Arc::clone(&self.pair);
        if let Some(refusal) = self.ddl_refusal(sql)? {
            return Err(refusal);
        }
        let explicit = self.tx.as_ref().is_some_and(|tx| tx.explicit);
        let seq = self.next_seq();
        let shipped = Arc::new(Shipped { sql: sql.into(), params: Vec::new(), expected: entry::DDL });
        let payload = entry::encode(&self.settings, std::slice::from_ref(&shipped), &pair.setup.spill)?;
        if payload.len() > pair.setup.part_bytes {
            return Err(Error::new(
                Status::Unsupported,
                "execute: a DDL statement longer than pending.part_bytes",
            ));
        }
        self.tx = Some(Tx::new(false));
        let intended = self.commit_intent(seq, &payload, sql);
        self.tx = None;
        if let Err(e) = intended {
            if let Some(master) = self.master.as_mut().filter(|m| !m.is_lost()) {
                let _ = master.rollback();
            }
            return Err(e);
        }
        let _ = pair.refresh();
        let own = [Value::Text(pair.id.clone()), Value::Int(self.slot.index), Value::Int(seq as i64)];
        crate::failpoint!(&pair.setup.name, "intended");
        let done = self.master().and_then(|m| m.run_once(sql));
        crate::failpoint!(&pair.setup.name, "ddl_done");
        match &done {
            Ok(_) => pair.settle(Intent { name: own, fate: Fate::Happened })?,
            // It may or may not have happened: nothing is guessed, the entry waits for an operator.
            Err(e) if e.is_lost() || e.class() == Class::TimedOut => {
                let reason = clip(&format!(
                    "a DDL statement was cut short on the master, look whether it happened: {sql}"
                ));
                pair.settle(Intent { name: own, fate: Fate::Unknown(reason) })?;
            }
            Err(_) => pair.settle(Intent { name: own, fate: Fate::Refused })?,
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
