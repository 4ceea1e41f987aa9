//! Replay: what is pending and what is queued, applied on the mirror; and the final drain.

use crate::action::Protocol;
use crate::list::List;
use crate::require;
use crate::scenario::SLOTS;
use crate::state::{Holder, Replayer, Stage, State, Tx};

impl Protocol {
    /// Whether the mirror has it, by its position.
    pub(crate) fn is_applied(&self, s: &State, t: Tx) -> bool {
        let me = self.plan(t);
        s.mirror.positions[usize::from(me.slot)].is_some_and(|seq| seq >= me.seq)
    }

    pub(crate) fn pending(&self, s: &State) -> List {
        s.master.pending.iter().filter_map(|row| row.direct).filter(|t| !self.is_applied(s, *t)).collect()
    }

    /// A pool takes the replay lock on the master and the next lease number on the mirror.
    pub(crate) fn start_replay(&self, s: &mut State, pool: u8) -> Option<()> {
        require(s.pools[usize::from(pool)].alive && !s.master.in_sync && s.mirror.up)?;
        require(s.master.replay_lock.is_none() && !s.lease_is_locked())?;
        let place = s.replayers.iter().position(Option::is_none)?;
        s.mirror.lease += 1;
        s.master.replay_lock = Some(place as u8);
        s.replayers[place] = Some(Replayer {
            pool,
            lease: s.mirror.lease,
            stage: Stage::Resting,
            due: List::default(),
            draining: false,
            cut: false,
        });
        Some(())
    }

    /// Rule P, first reading: the queue. In a drain, where nothing can come between, both at once.
    pub(crate) fn read_first(&self, s: &mut State, r: u8) -> Option<()> {
        let mut me = self.working(s, r)?;
        require(me.stage == Stage::Resting)?;
        if me.draining {
            require(s.mirror.up)?;
            me.due = self.in_order(self.pending(s), s.master.queue);
            require(!me.due.is_empty())?;
            me.stage = Stage::Read;
        } else {
            me.due = if self.rules().queue_read_first { s.master.queue } else { self.pending(s) };
            me.stage = Stage::HalfRead;
        }
        s.replayers[usize::from(r)] = Some(me);
        Some(())
    }

    /// Rule P, second reading: the pending rows, and what of them is applied.
    pub(crate) fn read_second(&self, s: &mut State, r: u8) -> Option<()> {
        let mut me = self.working(s, r)?;
        require(me.stage == Stage::HalfRead && s.mirror.up)?;
        me.due = if self.rules().queue_read_first {
            self.in_order(self.pending(s), me.due)
        } else {
            self.in_order(me.due, s.master.queue)
        };
        me.stage = if me.due.is_empty() { Stage::Resting } else { Stage::Read };
        s.replayers[usize::from(r)] = Some(me);
        Some(())
    }

    /// Rule P: what is pending goes before what is queued.
    fn in_order(&self, pending: List, queue: List) -> List {
        let queue: List = queue.iter().filter(|t| !pending.contains(*t)).collect();
        if self.rules().pending_first {
            pending.iter().chain(queue.iter()).collect()
        } else {
            queue.iter().chain(pending.iter()).collect()
        }
    }

    /// Rule 2, the mirror's transaction: the lease, the positions (waiting for whoever holds them), the
    /// statements of what is not applied yet.
    pub(crate) fn apply(&self, s: &mut State, r: u8) -> Option<()> {
        let me = s.replayers[usize::from(r)]?;
        require(me.stage == Stage::Read && s.mirror.up && !s.lease_is_locked())?;
        if self.rules().lease && s.mirror.lease != me.lease {
            self.stop(s, r);
            return Some(());
        }
        for t in me.due.iter() {
            require(s.mirror.position_locks[usize::from(self.plan(t).slot)].is_none())?;
        }
        for t in self.fresh(s, me.due).iter() {
            for row in self.rows(t) {
                let lock = &mut s.mirror.row_locks[row];
                require(lock.is_none_or(|l| l == Holder::Replayer(r)))?;
                *lock = Some(Holder::Replayer(r));
            }
        }
        for t in me.due.iter() {
            s.mirror.position_locks[usize::from(self.plan(t).slot)] = Some(Holder::Replayer(r));
        }
        s.replayers[usize::from(r)] = Some(Replayer { stage: Stage::Applying, ..me });
        Some(())
    }

    /// What of a list is above the positions, in its order.
    fn fresh(&self, s: &State, due: List) -> List {
        let mut positions = [0; SLOTS];
        for (position, stored) in positions.iter_mut().zip(s.mirror.positions) {
            *position = stored.unwrap_or(if self.rules().missing_is_zero { 0 } else { u8::MAX });
        }
        let mut fresh = List::default();
        for t in due.iter() {
            let me = self.plan(t);
            let position = &mut positions[usize::from(me.slot)];
            if *position < me.seq || !self.rules().positions {
                *position = me.seq;
                fresh.push(t);
            }
        }
        fresh
    }

    /// Statements and positions become durable together.
    pub(crate) fn commit_batch(&self, s: &mut State, r: u8) -> Option<()> {
        let me = s.replayers[usize::from(r)]?;
        require(me.stage == Stage::Applying && s.mirror.up)?;
        for t in self.fresh(s, me.due).iter() {
            for row in self.rows(t) {
                s.mirror.history[row].push(t);
            }
            let plan = self.plan(t);
            s.mirror.positions[usize::from(plan.slot)] = Some(plan.seq);
        }
        s.release_on_mirror(Holder::Replayer(r));
        s.replayers[usize::from(r)] = Some(Replayer { stage: Stage::Applied, ..me });
        if me.cut {
            self.stop(s, r);
        }
        Some(())
    }

    /// What the mirror has durably leaves the queue: of each slot everything up to the number applied. In a
    /// drain that belongs to the drain's transaction and shows only when it commits.
    pub(crate) fn purge(&self, s: &mut State, r: u8) -> Option<()> {
        let me = self.working(s, r)?;
        require(me.stage == Stage::Applied)?;
        let done = |t: Tx| {
            me.due
                .iter()
                .any(|d| self.plan(d).slot == self.plan(t).slot && self.plan(d).seq >= self.plan(t).seq)
        };
        if !me.draining {
            s.master.queue.keep(|t| !done(t));
        }
        let rested = Replayer { stage: Stage::Resting, due: List::default(), ..me };
        s.replayers[usize::from(r)] = Some(rested);
        Some(())
    }

    /// Rule 3: from here on writers wait at their journals. The lock waits for those past theirs.
    pub(crate) fn begin_drain(&self, s: &mut State, r: u8) -> Option<()> {
        let me = self.working(s, r)?;
        require(me.stage == Stage::Resting && !me.draining && s.master.drain_lock.is_none())?;
        require(!self.transactions().any(|t| s.holds_slot_row(t)))?;
        require(!s.removal.is_some_and(|x| !x.committed))?;
        s.master.drain_lock = Some(r);
        s.replayers[usize::from(r)] = Some(Replayer { draining: true, ..me });
        Some(())
    }

    /// Nothing is left: the pair is in step, in a new epoch.
    pub(crate) fn end_drain(&self, s: &mut State, r: u8) -> Option<()> {
        let me = self.working(s, r)?;
        require(me.stage == Stage::Resting && me.draining && s.mirror.up)?;
        require(self.pending(s).is_empty() && s.master.queue.iter().all(|t| self.is_applied(s, t)))?;
        s.master.queue = List::default();
        if !s.master.in_sync {
            s.master.in_sync = true;
            s.master.epoch += 1;
        }
        self.stop(s, r);
        Some(())
    }

    /// The drain takes too long and lets the writers go on.
    pub(crate) fn break_off_drain(&self, s: &mut State, r: u8) -> Option<()> {
        let me = self.working(s, r)?;
        require(me.draining && matches!(me.stage, Stage::Resting | Stage::Read))?;
        s.master.drain_lock = None;
        let rested = Replayer { stage: Stage::Resting, due: List::default(), draining: false, ..me };
        s.replayers[usize::from(r)] = Some(rested);
        Some(())
    }

    /// A replayer that still has its connection to the master.
    fn working(&self, s: &State, r: u8) -> Option<Replayer> {
        s.replayers[usize::from(r)].filter(|me| !me.cut)
    }

    /// A replayer ends; what it had open is rolled back.
    pub(crate) fn stop(&self, s: &mut State, r: u8) {
        if s.master.drain_lock == Some(r) {
            s.master.drain_lock = None;
        }
        if s.master.replay_lock == Some(r) {
            s.master.replay_lock = None;
        }
        s.release_on_mirror(Holder::Replayer(r));
        s.replayers[usize::from(r)] = None;
    }
}
