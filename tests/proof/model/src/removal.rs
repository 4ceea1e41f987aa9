//! A pool that does not look alive is removed by the other one.

use crate::action::Protocol;
use crate::require;
use crate::scenario::SLOTS;
use crate::state::{Removal, State};

impl Protocol {
    fn slots_of(&self, pool: u8) -> impl Iterator<Item = usize> + use<'_> {
        (0..SLOTS).filter(move |slot| {
            self.scenario.plan.iter().any(|p| p.pool == pool && usize::from(p.slot) == *slot)
        })
    }

    /// The proof of life is free. The pool's rows are locked; that waits for its journals.
    pub(crate) fn begin_removal(&self, s: &mut State, of: u8) -> Option<()> {
        require(s.faults.removals > 0 && s.removal.is_none())?;
        let by = 1 - usize::from(of);
        require(s.pools[by].alive && s.master.registered[usize::from(of)])?;
        require(!s.master.liveness[usize::from(of)])?;
        if self.rules().removal_locks {
            require(s.master.drain_lock.is_none())?;
            require(!self.transactions().any(|t| self.plan(t).pool == of && s.holds_slot_row(t)))?;
        }
        let seen = self.slots_of(of).filter(|slot| s.master.pending[*slot].exists);
        let slots = seen.fold(0, |bits, slot| bits | 1 << slot);
        s.faults.removals -= 1;
        s.removal = Some(Removal { of, committed: false, slots });
        if !self.rules().removal_locks {
            require(self.nothing_is_left(s, of))?;
        }
        Some(())
    }

    fn nothing_is_left(&self, s: &State, of: u8) -> bool {
        let slots = s.removal.map_or(0, |r| r.slots);
        s.mirror.up
            && self.slots_of(of).filter(|slot| slots >> slot & 1 == 1).all(|slot| {
                s.mirror.position_locks[slot].is_none()
                    && s.master.pending[slot].direct.is_none_or(|t| self.is_applied(s, t))
            })
            && !s.master.queue.iter().any(|t| self.plan(t).pool == of)
    }

    /// All of it is applied: its rows go, in the master. The registration stays until the end, so that others
    /// can finish what a death interrupts here.
    pub(crate) fn commit_removal(&self, s: &mut State) -> Option<()> {
        let removal = s.removal.filter(|r| !r.committed)?;
        require(s.pools[1 - usize::from(removal.of)].alive)?;
        require(!self.rules().removal_locks || self.nothing_is_left(s, removal.of))?;
        for slot in self.slots_of(removal.of).filter(|slot| removal.slots >> slot & 1 == 1) {
            s.master.pending[slot] = Default::default();
        }
        s.removal = Some(Removal { committed: true, ..removal });
        Some(())
    }

    /// Something of it is not applied, or somebody waits: not now. What is unapplied is left to replay.
    pub(crate) fn break_off_removal(&self, s: &mut State) -> Option<()> {
        let removal = s.removal.filter(|r| !r.committed)?;
        let pending = self.pending(s).iter().any(|t| self.plan(t).pool == removal.of);
        if pending && s.master.in_sync {
            require(s.master.state_lock.is_none())?;
            s.master.in_sync = false;
            s.master.epoch += 1;
        }
        s.removal = None;
        Some(())
    }

    /// Then, under the lock of the registration, its positions on the mirror: behind a new lease, so that no
    /// older list is applied any more. A pool that lives after all and has taken a new slot meanwhile stays.
    pub(crate) fn forget_positions(&self, s: &mut State) -> Option<()> {
        let removal = s.removal.filter(|r| r.committed)?;
        require(s.pools[1 - usize::from(removal.of)].alive && s.mirror.up)?;
        let mut slots = self.slots_of(removal.of);
        if self.rules().slots_need_registration && slots.any(|slot| s.master.pending[slot].exists) {
            s.removal = None;
            return Some(());
        }
        require(self.slots_of(removal.of).all(|slot| s.mirror.position_locks[slot].is_none()))?;
        if self.rules().removal_raises_lease {
            require(!s.lease_is_locked())?;
            s.mirror.lease += 1;
        }
        for slot in self.slots_of(removal.of) {
            s.mirror.positions[slot] = None;
        }
        s.master.registered[usize::from(removal.of)] = false;
        s.removal = None;
        Some(())
    }

    /// A living pool takes its proof of life again.
    pub(crate) fn prove_life(&self, s: &mut State, pool: u8) -> Option<()> {
        let p = usize::from(pool);
        require(s.pools[p].alive && !s.master.liveness[p])?;
        // Who removes it holds the proof meanwhile.
        require(s.removal.is_none_or(|r| r.of != pool))?;
        s.master.liveness[p] = true;
        Some(())
    }
}
