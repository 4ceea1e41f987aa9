//! A write transaction from its first statement to the caller's answer: steps 1 to 9 of `docs/protocol.md`.

use crate::action::Protocol;
use crate::list::List;
use crate::require;
use crate::scenario::{Faults, ROWS};
use crate::state::{Half, Holder, Phase, Pool, Route, Server, SlotRow, State, Tx, View};

impl Protocol {
    pub(crate) fn rows(&self, t: Tx) -> impl Iterator<Item = usize> + use<> {
        let rows = self.plan(t).rows;
        (0..ROWS).filter(move |r| rows >> r & 1 == 1)
    }

    fn pool_of(&self, s: &State, t: Tx) -> Pool {
        s.pools[usize::from(self.plan(t).pool)]
    }

    fn slot_of(&self, t: Tx) -> usize {
        usize::from(self.plan(t).slot)
    }

    /// Nothing may stay direct that began in an epoch in which a mirror COMMIT of this pool has failed.
    fn is_marked(&self, s: &State, t: Tx, epoch: u8) -> bool {
        let marked = self.pool_of(s, t).marked;
        if self.rules().mark_keeps_its_epoch { epoch <= marked } else { marked > 0 }
    }

    fn mark(&self, s: &mut State, t: Tx) {
        let Route::Direct(epoch) = s.tx(t).route else { return };
        let pool = &mut s.pools[usize::from(self.plan(t).pool)];
        pool.marked = pool.marked.max(epoch);
    }

    /// Transactions of the same pool whose master COMMIT was sent and whose mirror COMMIT has no answer yet.
    fn somebody_is_between(&self, s: &State, t: Tx) -> bool {
        self.transactions().any(|u| {
            u != t
                && self.plan(u).pool == self.plan(t).pool
                && match s.tx(u).phase {
                    Phase::Between => true,
                    Phase::Unresolved => matches!(s.tx(u).route, Route::Direct(_)),
                    _ => false,
                }
        })
    }

    /// Steps 1 and 2, the master's half of them: the rows are written and locked on the master.
    pub(crate) fn start(&self, s: &mut State, t: Tx) -> Option<()> {
        let me = *self.plan(t);
        let pool = self.pool_of(s, t);
        require(pool.alive && s.tx(t).phase == Phase::Planned)?;
        // One transaction at a time in a slot, and none after one whose outcome is unknown.
        for u in self.transactions().filter(|u| self.plan(*u).slot == me.slot && self.plan(*u).seq < me.seq) {
            require(matches!(s.tx(u).phase, Phase::Committed | Phase::RolledBack))?;
        }
        self.take_slot(s, t)?;
        require(self.rows(t).all(|r| s.master.row_locks[r].is_none()))?;
        for r in self.rows(t) {
            s.master.row_locks[r] = Some(t);
        }
        let direct = pool.view.in_sync && !self.is_marked(s, t, pool.view.epoch);
        let tx = s.tx_mut(t);
        tx.server = Server::Open;
        (tx.route, tx.phase) = if direct {
            (Route::Direct(pool.view.epoch), Phase::Running)
        } else {
            (Route::Queued, Phase::ToQueue)
        };
        Some(())
    }

    /// A session's first transaction makes the slot's row, under the registration of its pool.
    fn take_slot(&self, s: &mut State, t: Tx) -> Option<()> {
        let me = *self.plan(t);
        if me.seq > 1 || s.master.pending[usize::from(me.slot)].exists {
            return Some(());
        }
        // Rows that were there at the beginning and are not any more: the journal will say so.
        let fresh = self.scenario.fresh_slots >> me.slot & 1 == 1;
        if fresh && self.rules().slots_need_registration {
            require(s.master.registered[usize::from(me.pool)])?;
            let being_removed = s.removal.is_some_and(|r| r.of == me.pool && !r.committed);
            require(!(being_removed && self.rules().removal_locks))?;
        }
        if fresh {
            s.master.pending[usize::from(me.slot)].exists = true;
        }
        Some(())
    }

    /// Steps 2 and 3, the mirror's half: the same statements there, and the position. It runs on a thread of
    /// its own, so at any time before the session has to wait for it; a second time behind rule F.
    pub(crate) fn run_half(&self, s: &mut State, t: Tx) -> Option<()> {
        require(self.half_is_to_run(s, t) && s.mirror.up)?;
        let (slot, me) = (self.slot_of(t), self.plan(t));
        require(!self.half_would_wait(s, t))?;
        for r in self.rows(t) {
            s.mirror.row_locks[r] = Some(Holder::Half(t));
        }
        // The slot's row is made outside the transaction, before the first statement.
        let position = *s.mirror.positions[slot].get_or_insert(0);
        let tx = s.tx_mut(t);
        tx.rerun |= tx.phase == Phase::PassedF;
        if position >= me.seq {
            tx.half = Half::Failed;
            s.release_on_mirror(Holder::Half(t));
            return Some(());
        }
        tx.half = Half::Open;
        s.mirror.position_locks[slot] = Some(Holder::Half(t));
        Some(())
    }

    fn half_is_to_run(&self, s: &State, t: Tx) -> bool {
        let tx = s.tx(t);
        let to_run = match tx.phase {
            Phase::Running | Phase::PassedS | Phase::Journaled => tx.half == Half::None,
            // Step 7, first part: it failed, perhaps because it was too early.
            Phase::PassedF => tx.half == Half::Failed && !tx.rerun,
            _ => false,
        };
        self.pool_of(s, t).alive && to_run
    }

    fn half_would_wait(&self, s: &State, t: Tx) -> bool {
        self.rows(t).any(|r| s.mirror.row_locks[r].is_some())
            || s.mirror.position_locks[self.slot_of(t)].is_some()
    }

    /// The mirror is away, or something there is locked for longer than the session waits.
    pub(crate) fn half_fails(&self, s: &mut State, t: Tx) -> Option<()> {
        require(self.half_is_to_run(s, t))?;
        if s.mirror.up {
            require(self.half_would_wait(s, t))?;
            self.time_out(s)?;
        }
        let tx = s.tx_mut(t);
        tx.rerun |= tx.phase == Phase::PassedF;
        tx.half = Half::Failed;
        Some(())
    }

    /// Step 4, rule S. The half may still be at work, here and until rule F is asked.
    pub(crate) fn pass_s(&self, s: &mut State, t: Tx) -> Option<()> {
        let tx = *s.tx(t);
        require(self.pool_of(s, t).alive && tx.phase == Phase::Running && tx.half != Half::Superseded)?;
        let Route::Direct(epoch) = tx.route else { return None };
        if self.rules().same_pool {
            require(!self.somebody_is_between(s, t) && !self.is_marked(s, t, epoch))?;
        }
        s.tx_mut(t).phase = Phase::PassedS;
        Some(())
    }

    /// Step 5: the last statement before COMMIT, with rule E in it, and the reading for rule F.
    pub(crate) fn journal(&self, s: &mut State, t: Tx) -> Option<()> {
        require(self.pool_of(s, t).alive && s.tx(t).phase == Phase::PassedS)?;
        let Route::Direct(epoch) = s.tx(t).route else { return None };
        if !self.may_write_slot_row(s, t)? {
            return Some(());
        }
        let renewed = !s.master.in_sync || s.master.epoch != epoch;
        if self.rules().epoch && renewed {
            self.reroute(s, t);
            return Some(());
        }
        let own = self.plan(t).pool;
        let foreign: List = (0..s.master.pending.len())
            .filter_map(|slot| s.master.pending[slot].direct)
            .filter(|u| self.rules().foreign && self.plan(*u).pool != own)
            .filter(|u| {
                self.rules().foreign_counts_the_dead || s.pools[usize::from(self.plan(*u).pool)].alive
            })
            .collect();
        let tx = s.tx_mut(t);
        tx.row = SlotRow::Journaled;
        tx.foreign = foreign;
        tx.phase = Phase::Journaled;
        Some(())
    }

    /// What journal and marker have in common: they wait for a drain and for a removal; where the slot's row
    /// is gone the pool is fenced. `Some(false)`: the transaction is over.
    fn may_write_slot_row(&self, s: &mut State, t: Tx) -> Option<bool> {
        if !s.holds_slot_row(t) {
            require(s.master.drain_lock.is_none())?;
            let being_removed = s.removal.is_some_and(|r| r.of == self.plan(t).pool && !r.committed);
            require(!(being_removed && self.rules().removal_locks))?;
        }
        if !s.master.pending[self.slot_of(t)].exists {
            self.roll_back(s, t, Phase::RolledBack);
            return Some(false);
        }
        Some(true)
    }

    /// Rule E: the transaction goes the way that the state wants now.
    fn reroute(&self, s: &mut State, t: Tx) {
        s.end_half(t, Half::None);
        let (in_sync, epoch) = (s.master.in_sync, s.master.epoch);
        let tx = s.tx_mut(t);
        tx.rerun = false;
        (tx.route, tx.phase) =
            if in_sync { (Route::Direct(epoch), Phase::Running) } else { (Route::Queued, Phase::ToQueue) };
    }

    /// The half was given up because its epoch is over: rule E again, by a reading of its own.
    pub(crate) fn follow_the_state(&self, s: &mut State, t: Tx) -> Option<()> {
        let tx = *s.tx(t);
        require(self.pool_of(s, t).alive && tx.half == Half::Superseded)?;
        require(is_early(tx.phase))?;
        s.tx_mut(t).half = Half::None;
        self.reroute(s, t);
        Some(())
    }

    /// Rule F: every row that the journal saw is applied. The pipeline is empty by now, one way or the other.
    pub(crate) fn pass_f(&self, s: &mut State, t: Tx) -> Option<()> {
        let tx = *s.tx(t);
        require(self.pool_of(s, t).alive && tx.phase == Phase::Journaled)?;
        require(matches!(tx.half, Half::Open | Half::Failed))?;
        require(s.mirror.up && self.foreign_is_applied(s, t))?;
        let tx = s.tx_mut(t);
        tx.foreign = List::default();
        tx.phase = if tx.half == Half::Open { Phase::Sealed } else { Phase::PassedF };
        Some(())
    }

    /// Behind the second run of a half.
    pub(crate) fn seal(&self, s: &mut State, t: Tx) -> Option<()> {
        let tx = *s.tx(t);
        require(self.pool_of(s, t).alive && tx.phase == Phase::PassedF && tx.half == Half::Open)?;
        s.tx_mut(t).phase = Phase::Sealed;
        Some(())
    }

    fn foreign_is_applied(&self, s: &State, t: Tx) -> bool {
        s.tx(t).foreign.iter().all(|u| self.is_applied(s, u))
    }

    /// Step 7: what was waited for did not come, or the half is lost.
    pub(crate) fn give_up(&self, s: &mut State, t: Tx) -> Option<()> {
        let tx = *s.tx(t);
        require(self.pool_of(s, t).alive)?;
        let Route::Direct(epoch) = tx.route else { return None };
        let (possible, patient) = match tx.phase {
            Phase::Running => (true, self.rules().same_pool && self.somebody_is_between(s, t)),
            Phase::Journaled => (true, s.mirror.up && !self.foreign_is_applied(s, t)),
            Phase::PassedS | Phase::PassedF => (true, false),
            _ => (false, false),
        };
        require(possible && tx.half != Half::Superseded)?;
        let marked = self.rules().same_pool && tx.phase == Phase::Running && self.is_marked(s, t, epoch);
        if tx.half != Half::Failed && !marked {
            require(patient)?;
            self.time_out(s)?;
        }
        s.end_half(t, Half::None);
        let tx = s.tx_mut(t);
        tx.foreign = List::default();
        tx.route = Route::GivenUp(epoch);
        tx.phase = Phase::ToQueue;
        Some(())
    }

    /// Marker and entry, and with a lost half the flip behind them.
    pub(crate) fn append(&self, s: &mut State, t: Tx) -> Option<()> {
        require(self.pool_of(s, t).alive && s.tx(t).phase == Phase::ToQueue)?;
        if !self.may_write_slot_row(s, t)? {
            return Some(());
        }
        match s.tx(t).route {
            Route::GivenUp(mine) => {
                require(s.master.state_lock.is_none())?;
                let hit = s.master.in_sync && (self.rules().flip_on_state || s.master.epoch == mine);
                s.tx_mut(t).flips = hit;
                s.master.state_lock = hit.then_some(t);
            }
            _ if s.master.in_sync => {
                self.reroute(s, t);
                return Some(());
            }
            _ => {}
        }
        let id = s.master.next_id;
        s.master.next_id += 1;
        let tx = s.tx_mut(t);
        if tx.row == SlotRow::Journaled && self.rules().take_back_journal {
            tx.row = SlotRow::TakenBack;
        }
        tx.queue_id = id;
        tx.phase = Phase::Appended;
        Some(())
    }

    /// Step 6 (direct) or the end of step 7 (queued): COMMIT on the master, with its answer.
    pub(crate) fn commit_master(&self, s: &mut State, t: Tx) -> Option<()> {
        require(self.pool_of(s, t).alive && matches!(s.tx(t).phase, Phase::Sealed | Phase::Appended))?;
        self.commit_on_server(s, t);
        s.tx_mut(t).phase = self.after_master_commit(s, t);
        Some(())
    }

    fn after_master_commit(&self, s: &State, t: Tx) -> Phase {
        if matches!(s.tx(t).route, Route::Direct(_)) { Phase::Between } else { Phase::Committed }
    }

    /// What the master's COMMIT makes durable and visible.
    fn commit_on_server(&self, s: &mut State, t: Tx) {
        for r in self.rows(t) {
            s.master.history[r].push(t);
        }
        let tx = *s.tx(t);
        let pending = &mut s.master.pending[self.slot_of(t)];
        match tx.row {
            SlotRow::Untouched => {}
            SlotRow::Journaled => pending.direct = Some(t),
            SlotRow::TakenBack => pending.direct = None,
        }
        if tx.queue_id > 0 {
            let ids = s.tx.map(|u| u.queue_id);
            s.master.queue.insert_before(t, |u| ids[usize::from(u)] > tx.queue_id);
        }
        if tx.flips {
            s.master.in_sync = false;
            s.master.epoch += 1;
            // The session reads the state again right after.
            let view = View { in_sync: false, epoch: s.master.epoch };
            self.take_in(s, self.plan(t).pool, view);
        }
        s.release_on_master(t);
        let done = s.tx_mut(t);
        done.queue_id = tx.queue_id;
        done.server = Server::Done;
    }

    /// Step 6, second half: COMMIT on the mirror, with its answer.
    pub(crate) fn commit_mirror(&self, s: &mut State, t: Tx) -> Option<()> {
        let tx = *s.tx(t);
        require(self.pool_of(s, t).alive && tx.phase == Phase::Between && tx.half == Half::Open)?;
        require(s.mirror.up)?;
        self.commit_half(s, t);
        s.tx_mut(t).phase = Phase::Committed;
        Some(())
    }

    pub(crate) fn commit_half(&self, s: &mut State, t: Tx) {
        for r in self.rows(t) {
            s.mirror.history[r].push(t);
        }
        s.mirror.positions[self.slot_of(t)] = Some(self.plan(t).seq);
        s.release_on_mirror(Holder::Half(t));
        s.tx_mut(t).half = Half::None;
    }

    /// Step 8: the mirror COMMIT failed. The flip follows as an action of its own.
    pub(crate) fn mirror_commit_fails(&self, s: &mut State, t: Tx) -> Option<()> {
        let tx = *s.tx(t);
        require(self.pool_of(s, t).alive && tx.phase == Phase::Between && tx.half != Half::Open)?;
        self.mark(s, t);
        let tx = s.tx_mut(t);
        tx.phase = Phase::Committed;
        Some(())
    }

    /// Step 9: the slot's row is locked and read on a new connection; that waits for the old transaction.
    pub(crate) fn resolve(&self, s: &mut State, t: Tx) -> Option<()> {
        require(self.pool_of(s, t).alive && s.tx(t).phase == Phase::Unresolved)?;
        let waits = self.rules().marker_in_every_transaction || matches!(s.tx(t).route, Route::Direct(_));
        require(!waits || s.tx(t).server != Server::Open)?;
        if s.tx(t).server == Server::Done {
            s.tx_mut(t).phase = self.after_master_commit(s, t);
        } else {
            s.end_half(t, Half::None);
            s.tx_mut(t).phase = Phase::RolledBack;
        }
        Some(())
    }

    /// Step 9 runs out of time: nobody may follow directly, and the slot is not used again.
    pub(crate) fn resolve_in_vain(&self, s: &mut State, t: Tx) -> Option<()> {
        require(self.pool_of(s, t).alive && s.tx(t).phase == Phase::Unresolved)?;
        self.time_out(s)?;
        self.mark(s, t);
        s.end_half(t, Half::None);
        s.tx_mut(t).phase = Phase::Unknown;
        Some(())
    }

    /// A COMMIT whose answer nobody will see arrives at the server.
    pub(crate) fn server_commits(&self, s: &mut State, t: Tx) -> Option<()> {
        require(self.is_left_to_the_server(s, t))?;
        self.commit_on_server(s, t);
        Some(())
    }

    /// The server ends the session instead: it was told to, or noticed that nobody is there.
    pub(crate) fn server_ends(&self, s: &mut State, t: Tx) -> Option<()> {
        require(self.is_left_to_the_server(s, t))?;
        s.release_on_master(t);
        s.tx_mut(t).server = Server::Nothing;
        Some(())
    }

    fn is_left_to_the_server(&self, s: &State, t: Tx) -> bool {
        let left = match s.tx(t).phase {
            Phase::Unresolved | Phase::Unknown | Phase::Dead => true,
            // Only where step 9 did not wait.
            Phase::RolledBack => !self.rules().marker_in_every_transaction,
            _ => false,
        };
        left && s.tx(t).server == Server::Open
    }

    /// The transaction ends without a trace; the caller gets `phase` as the answer.
    pub(crate) fn roll_back(&self, s: &mut State, t: Tx, phase: Phase) {
        s.end_half(t, Half::None);
        s.release_on_master(t);
        let tx = s.tx_mut(t);
        tx.server = Server::Nothing;
        tx.phase = phase;
    }

    /// A pool takes in a reading of the state. Readings may come out of order; epochs never go back.
    pub(crate) fn take_in(&self, s: &mut State, pool: u8, view: View) {
        let p = &mut s.pools[usize::from(pool)];
        if view.epoch < p.view.epoch {
            return;
        }
        p.view = view;
        if !self.rules().mark_keeps_its_epoch && !view.in_sync {
            p.marked = 0;
        }
        // A half of an older epoch is given up, unless its session is past the point of no return.
        for t in self.transactions().filter(|t| self.plan(*t).pool == pool) {
            let tx = *s.tx(t);
            if is_early(tx.phase)
                && matches!(tx.route, Route::Direct(e) if e < view.epoch)
                && tx.half != Half::Failed
            {
                s.end_half(t, Half::Superseded);
            }
        }
    }

    /// The monitor reads the state.
    pub(crate) fn observe(&self, s: &mut State, pool: u8) -> Option<()> {
        let p = s.pools[usize::from(pool)];
        let view = View { in_sync: s.master.in_sync, epoch: s.master.epoch };
        require(p.alive && p.view != view)?;
        self.take_in(s, pool, view);
        Some(())
    }

    /// The flip of step 8, in a transaction of its own.
    pub(crate) fn flip_marked(&self, s: &mut State, pool: u8) -> Option<()> {
        let p = s.pools[usize::from(pool)];
        require(p.alive && p.marked > 0 && s.master.in_sync && s.master.state_lock.is_none())?;
        if self.rules().mark_keeps_its_epoch && self.rules().flip_on_state {
            require(s.master.epoch <= p.marked || !self.rules().only_drains_renew)?;
        }
        if self.rules().flip_on_state || p.view.epoch == s.master.epoch {
            s.master.in_sync = false;
            s.master.epoch += 1;
        } else if !self.rules().flip_on_state {
            // The pool believes that it has flipped.
            s.pools[usize::from(pool)].marked = 0;
        }
        self.take_in(s, pool, View { in_sync: s.master.in_sync, epoch: s.master.epoch });
        Some(())
    }

    pub(crate) fn time_out(&self, s: &mut State) -> Option<()> {
        if s.faults.timeouts < Faults::ANY_NUMBER {
            s.faults.timeouts = s.faults.timeouts.checked_sub(1)?;
        }
        Some(())
    }
}

/// Before the point of no return: the half may still be given up.
fn is_early(phase: Phase) -> bool {
    matches!(phase, Phase::Running | Phase::PassedS | Phase::Journaled | Phase::PassedF)
}
