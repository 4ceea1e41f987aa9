//! What goes wrong: processes, databases and connections that end at any instant.

use crate::action::Protocol;
use crate::require;
use crate::state::{Half, Phase, Server, Stage, State, Tx, View};

fn spend(budget: &mut u8) -> Option<()> {
    *budget = budget.checked_sub(1)?;
    Some(())
}

impl Protocol {
    /// A process dies with its sessions, its replayer and its connections. A COMMIT that was sent may still
    /// happen.
    pub(crate) fn process_dies(&self, s: &mut State, pool: u8) -> Option<()> {
        require(s.pools[usize::from(pool)].alive)?;
        spend(&mut s.faults.process_crashes)?;
        s.pools[usize::from(pool)].alive = false;
        s.pools[usize::from(pool)].reading = None;
        s.master.liveness[usize::from(pool)] = false;
        for t in self.transactions().filter(|t| self.plan(*t).pool == pool) {
            match s.tx(t).phase {
                Phase::Committed | Phase::RolledBack | Phase::Unknown => {}
                Phase::Unresolved => {
                    s.end_half(t, Half::None);
                    s.tx_mut(t).phase = Phase::Dead;
                }
                _ => {
                    let server = s.tx(t).server;
                    self.roll_back(s, t, Phase::Dead);
                    if server == Server::Done {
                        s.tx_mut(t).server = server;
                    }
                }
            }
        }
        for r in 0..2 {
            if s.replayers[usize::from(r)].is_some_and(|me| me.pool == pool) {
                self.stop(s, r);
            }
        }
        s.removal = s.removal.filter(|r| r.of == pool);
        Some(())
    }

    /// The connection of an open half is lost, and with it what the half has done.
    pub(crate) fn half_is_lost(&self, s: &mut State, t: Tx) -> Option<()> {
        require(s.tx(t).half == Half::Open)?;
        spend(&mut s.faults.mirror_losses)?;
        s.end_half(t, Half::Failed);
        Some(())
    }

    /// The mirror's COMMIT was sent and the answer does not come in time (step 8).
    pub(crate) fn mirror_answer_is_lost(&self, s: &mut State, t: Tx) -> Option<()> {
        require(s.tx(t).phase == Phase::Between && s.tx(t).half == Half::Open)?;
        spend(&mut s.faults.mirror_losses)?;
        s.tx_mut(t).half = Half::Adrift;
        Some(())
    }

    /// That COMMIT happens all the same.
    pub(crate) fn adrift_commits(&self, s: &mut State, t: Tx) -> Option<()> {
        require(s.tx(t).half == Half::Adrift && s.mirror.up)?;
        self.commit_half(s, t);
        if s.tx(t).phase == Phase::Between {
            // The session does not know.
            s.tx_mut(t).half = Half::Failed;
        }
        Some(())
    }

    /// Or the mirror's server ends the session.
    pub(crate) fn adrift_ends(&self, s: &mut State, t: Tx) -> Option<()> {
        require(s.tx(t).half == Half::Adrift)?;
        s.tx_mut(t).half = Half::Open;
        s.end_half(t, Half::Failed);
        Some(())
    }

    /// The master's COMMIT was sent and the connection is gone (step 9).
    pub(crate) fn answer_is_lost(&self, s: &mut State, t: Tx) -> Option<()> {
        require(s.pools[usize::from(self.plan(t).pool)].alive)?;
        require(matches!(s.tx(t).phase, Phase::Sealed | Phase::Appended))?;
        spend(&mut s.faults.lost_answers)?;
        s.tx_mut(t).phase = Phase::Unresolved;
        Some(())
    }

    /// The master crashes and is back: what was not committed is gone, and every lock with it.
    pub(crate) fn master_crashes(&self, s: &mut State) -> Option<()> {
        spend(&mut s.faults.master_crashes)?;
        for t in self.transactions().filter(|t| s.tx(*t).server == Server::Open).collect::<Vec<_>>() {
            if matches!(s.tx(t).phase, Phase::Unresolved | Phase::Unknown | Phase::Dead) {
                s.release_on_master(t);
                s.tx_mut(t).server = Server::Nothing;
            } else {
                self.roll_back(s, t, Phase::RolledBack);
            }
        }
        for r in 0..2 {
            let Some(me) = s.replayers[usize::from(r)] else { continue };
            self.stop(s, r);
            if me.stage == Stage::Applying {
                // Its mirror transaction does not know and may still commit.
                self.keep_cut(s, r, me);
            }
        }
        s.removal = s.removal.filter(|r| r.committed);
        if s.faults.removals > 0 {
            s.master.liveness = [false; 2];
        }
        Some(())
    }

    fn keep_cut(&self, s: &mut State, r: u8, me: crate::state::Replayer) {
        use crate::state::Holder::Replayer;
        s.replayers[usize::from(r)] = Some(crate::state::Replayer { cut: true, draining: false, ..me });
        for t in me.due.iter() {
            s.mirror.position_locks[usize::from(self.plan(t).slot)] = Some(Replayer(r));
            if !self.is_applied(s, t) {
                for row in self.rows(t) {
                    s.mirror.row_locks[row] = Some(Replayer(r));
                }
            }
        }
    }

    /// The mirror crashes: open halves and the replayer's batch are gone.
    pub(crate) fn mirror_crashes(&self, s: &mut State) -> Option<()> {
        require(s.mirror.up)?;
        spend(&mut s.faults.mirror_crashes)?;
        s.mirror.up = false;
        for t in self.transactions() {
            match s.tx(t).half {
                Half::Open => s.end_half(t, Half::Failed),
                Half::Adrift => self.adrift_ends(s, t)?,
                _ => {}
            }
        }
        for r in 0..2 {
            if s.replayers[usize::from(r)].is_some_and(|me| me.stage == Stage::Applying) {
                self.stop(s, r);
            }
        }
        Some(())
    }

    pub(crate) fn mirror_comes_back(&self, s: &mut State) -> Option<()> {
        require(!s.mirror.up)?;
        s.mirror.up = true;
        Some(())
    }

    /// The replayer's lock on the master goes, and it does not notice.
    pub(crate) fn replay_lock_is_lost(&self, s: &mut State) -> Option<()> {
        require(s.master.replay_lock.is_some())?;
        spend(&mut s.faults.stale_replayers)?;
        s.master.replay_lock = None;
        Some(())
    }

    /// A reading of the state leaves the database and is held up.
    pub(crate) fn reading_starts(&self, s: &mut State, pool: u8) -> Option<()> {
        let p = usize::from(pool);
        require(s.pools[p].alive && s.pools[p].reading.is_none())?;
        let view = View { in_sync: s.master.in_sync, epoch: s.master.epoch };
        spend(&mut s.faults.late_readings)?;
        s.pools[p].reading = Some(view);
        Some(())
    }

    pub(crate) fn reading_arrives(&self, s: &mut State, pool: u8) -> Option<()> {
        let view = s.pools[usize::from(pool)].reading.take()?;
        self.take_in(s, pool, view);
        Some(())
    }

    /// The connection that proves a pool alive is lost.
    pub(crate) fn liveness_is_lost(&self, s: &mut State, pool: u8) -> Option<()> {
        require(s.master.liveness[usize::from(pool)] && s.faults.removals > 0)?;
        spend(&mut s.faults.lost_liveness)?;
        s.master.liveness[usize::from(pool)] = false;
        Some(())
    }

    /// Somebody opens a pool.
    pub(crate) fn pool_opens(&self, s: &mut State) -> Option<()> {
        require(!self.rules().only_drains_renew && s.master.state_lock.is_none())?;
        spend(&mut s.faults.openings)?;
        s.master.epoch += 1;
        Some(())
    }
}
