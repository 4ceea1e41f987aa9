//! Transactions: SQL text to the driver, and a state of our own that decides what a COMMIT is worth.

use super::dialects::{Aftermath, Ask};
use super::link::Link;
use super::{Engine, Outcome, TxState};
use crate::error::{Class, Error, Result, Status};
use crate::value::{Block, Value};

impl Link {
    /// Opens a transaction; `write` tells SQLite to take its write lock now (`BEGIN IMMEDIATE`).
    pub fn begin(&mut self, write: bool) -> Result<()> {
        self.core.check()?;
        match self.tx() {
            TxState::Idle => {}
            TxState::Open => return Err(self.wrong_state("begin: a transaction is already open")),
            TxState::Failed => {
                return Err(self.wrong_state("begin: a failed transaction has to be rolled back first"));
            }
            TxState::Lost => return Err(self.core.lost_error()),
        }
        self.check_file()?;
        let sql = self.driver().begin(write);
        if let Err(e) = self.waiting(|link| link.control(sql)) {
            // It may have begun all the same; an open transaction that nobody knows of would hold its locks.
            if !self.is_lost() {
                let _ = self.control("ROLLBACK");
            }
            return Err(e);
        }
        self.core.set_tx(TxState::Open);
        self.fresh = !write;
        Ok(())
    }

    /// Commits. In state `Failed` or `Lost` it does not ask the driver: it rolls back and answers an error.
    /// A connection lost under COMMIT gives class `OutcomeUnknown`. After any other answer no transaction
    /// is open.
    pub fn commit(&mut self) -> Result<()> {
        self.core.check()?;
        match self.tx() {
            TxState::Open => {}
            TxState::Idle => return Err(self.wrong_state("commit: no transaction is open")),
            TxState::Lost => return Err(self.core.lost_error()),
            TxState::Failed => {
                // psqlODBC would report success here, and the server would have rolled back.
                self.rollback()?;
                let text =
                    format!("commit on the {}: the transaction had failed and was rolled back", self.side());
                return Err(Error::new(Status::TxFailed, text));
            }
        }
        let Err(error) = self.control("COMMIT") else {
            self.core.set_tx(TxState::Idle);
            self.forget_local_settings();
            return Ok(());
        };
        if self.is_lost() {
            let text =
                format!("commit on the {}: the connection was lost before the answer came", self.side());
            let text = format!("{text}: {}", error.message());
            return Err(Error::database(self.side(), Class::OutcomeUnknown, text, error.records().to_vec()));
        }
        if self.engine() == Engine::Sqlite {
            // What it refuses stays open. Where nothing is open behind an error (a disk that fails, or is full)
            // the transaction was rolled back or it was not: who cares has to look.
            let rolled_back = self.control("ROLLBACK");
            if rolled_back.is_ok() || rolled_back.as_ref().is_err_and(says_no_transaction) {
                self.core.set_tx(TxState::Idle);
            } else {
                self.core.mark_lost();
            }
            if rolled_back.is_ok() {
                return Err(error);
            }
            let text = format!("commit on the {}: {}", self.side(), error.message());
            return Err(Error::database(self.side(), Class::OutcomeUnknown, text, error.records().to_vec()));
        }
        // The server has said no; nothing of the transaction may stay open behind it.
        self.core.set_tx(TxState::Failed);
        self.rollback()?;
        Err(error)
    }

    /// Never fails in a way that matters: a lost connection has rolled back by itself.
    pub fn rollback(&mut self) -> Result<()> {
        if !self.core.dbc.is_ours() {
            return self.core.check();
        }
        match self.tx() {
            TxState::Idle | TxState::Lost => return Ok(()),
            TxState::Failed if self.core.is_rolled_back() => {}
            TxState::Open | TxState::Failed => {
                if let Err(error) = self.control("ROLLBACK")
                    && !(self.engine() == Engine::Sqlite && says_no_transaction(&error))
                {
                    // Whatever it was: nobody may go on in a transaction of unknown state.
                    self.core.mark_lost();
                    log::warn!("rollback on the {}: {error}; the connection is given up", self.side());
                    return Ok(());
                }
            }
        }
        self.core.set_tx(TxState::Idle);
        self.forget_local_settings();
        Ok(())
    }

    pub fn savepoint(&mut self, name: &str) -> Result<()> {
        self.in_transaction("savepoint")?;
        let sql = format!("SAVEPOINT {}", self.dialect().quote_ident(name));
        let result = self.control(&sql);
        self.settle(result)
    }

    /// Undoes everything since the savepoint. On PostgreSQL it revives a failed transaction.
    pub fn rollback_to(&mut self, name: &str) -> Result<()> {
        self.core.check()?;
        match self.tx() {
            TxState::Open => {}
            TxState::Failed if !self.core.is_rolled_back() && self.engine() == Engine::Postgres => {}
            _ => self.in_transaction("rollback to a savepoint")?,
        }
        let sql = format!("ROLLBACK TO SAVEPOINT {}", self.dialect().quote_ident(name));
        match self.control(&sql) {
            Ok(()) => {
                self.core.set_tx(TxState::Open);
                self.forget_local_settings();
                Ok(())
            }
            Err(error) => self.settle(Err(error)),
        }
    }

    pub fn release_savepoint(&mut self, name: &str) -> Result<()> {
        self.in_transaction("release a savepoint")?;
        let sql = format!("RELEASE SAVEPOINT {}", self.dialect().quote_ident(name));
        let result = self.control(&sql);
        self.settle(result)
    }

    fn in_transaction(&self, what: &str) -> Result<()> {
        self.core.check()?;
        match self.tx() {
            TxState::Open => Ok(()),
            TxState::Idle => Err(self.wrong_state(&format!("{what}: no transaction is open"))),
            TxState::Lost => Err(self.core.lost_error()),
            TxState::Failed => {
                let text = format!("{what} on the {}: the transaction has failed", self.side());
                Err(Error::new(Status::TxFailed, text))
            }
        }
    }

    fn wrong_state(&self, text: &str) -> Error {
        Error::new(Status::BadState, format!("{text} on the {}", self.side()))
    }

    /// Passes a result on; of an error it first settles what is left of the transaction.
    pub(super) fn settle<T>(&mut self, result: Result<T>) -> Result<T> {
        if let Err(error) = &result {
            // Refusals of our own have touched nothing.
            let ours = error.records().is_empty() && error.class() == Class::Refused;
            if !ours {
                match self.core.settle(error) {
                    Aftermath::Open | Aftermath::Failed => {}
                    Aftermath::RollBack => self.roll_back_now(),
                    Aftermath::Ask => self.ask(),
                }
            }
        }
        result
    }

    /// The transaction is over, and its locks are not to wait for its owner's rollback.
    fn roll_back_now(&mut self) {
        self.core.set_tx(TxState::Failed);
        match self.control("ROLLBACK") {
            Ok(()) => self.core.set_rolled_back(),
            Err(error) if self.engine() == Engine::Sqlite && says_no_transaction(&error) => {
                self.core.set_rolled_back();
            }
            Err(error) => log::debug!("rolling back a failed transaction: {error}"),
        }
    }

    /// Finds out whether the failed statement has ended the transaction: `INSERT OR ROLLBACK`, a trigger's
    /// `RAISE(ROLLBACK)`, an engine's own rollback. What followed would run outside of it.
    fn ask(&mut self) {
        match self.driver().ask() {
            Ask::Never => {}
            Ask::Begin(sql) => match self.control(sql) {
                Ok(()) => self.roll_back_now(),
                Err(error) if error.message().contains("within a transaction") => {
                    self.core.set_tx(TxState::Open)
                }
                Err(_) => self.roll_back_now(),
            },
            Ask::Query(sql) => {
                self.core.set_tx(TxState::Open);
                // Not `query`: an error of this question must not lead back here.
                let answer = self.execute(sql, &[], true).and_then(Outcome::first_value);
                if !matches!(answer, Ok(Some(Value::Int(1)))) {
                    self.roll_back_now();
                }
            }
        }
    }
}

fn says_no_transaction(error: &Error) -> bool {
    error.message().contains("no transaction is active")
}

impl Outcome {
    /// An outcome without rows.
    pub fn affected(affected: i64) -> Outcome {
        Outcome { affected, rows: None }
    }

    pub(super) fn first_value(self) -> Result<Option<Value>> {
        let Some(mut cursor) = self.rows else { return Ok(None) };
        let mut block = Block::default();
        Ok(cursor.next_block(1, &mut block)?.then(|| block.value(0, 0)))
    }
}
