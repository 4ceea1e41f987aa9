//! What both databases, the pools, their transactions and the replayers hold at one instant.

use crate::list::List;
use crate::scenario::{Faults, POOLS, ROWS, SLOTS, Scenario, TRANSACTIONS};

/// Number of a transaction in the scenario's plan.
pub type Tx = u8;

/// `twin_pending`: one slot's row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct PendingRow {
    pub exists: bool,
    /// The slot's last direct transaction, with its statements; none yet, or taken back.
    pub direct: Option<Tx>,
}

/// What stands committed in the master, and who holds which lock there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Master {
    /// The transactions that wrote each row, in the order of their COMMITs.
    pub history: [List; ROWS],
    pub row_locks: [Option<Tx>; ROWS],
    pub pending: [PendingRow; SLOTS],
    /// `invocation_queue`, in the order of ids.
    pub queue: List,
    pub next_id: u8,
    /// `twin_state`: whether `in_sync` (else `queueing`), and the epoch.
    pub in_sync: bool,
    pub epoch: u8,
    /// The transaction that has changed the state's row and not ended yet.
    pub state_lock: Option<Tx>,
    /// The replayer for which writers wait at their journals.
    pub drain_lock: Option<u8>,
    /// The replayer that holds the replay lock.
    pub replay_lock: Option<u8>,
    /// `twin_pool`.
    pub registered: [bool; POOLS],
    /// Whose proof of life is held.
    pub liveness: [bool; POOLS],
}

/// Who holds a lock on the mirror.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Holder {
    Half(Tx),
    Replayer(u8),
}

/// What stands committed in the mirror, and who holds which lock there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Mirror {
    pub up: bool,
    pub history: [List; ROWS],
    pub row_locks: [Option<Holder>; ROWS],
    /// `twin_applied`.
    pub positions: [Option<u8>; SLOTS],
    pub position_locks: [Option<Holder>; SLOTS],
    /// `twin_replayer`.
    pub lease: u8,
}

/// Which way a transaction goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Route {
    Direct(u8),
    /// The state was seen other than `in_sync`.
    Queued,
    /// Step 7: the mirror half is lost; the state is flipped together with the entry.
    GivenUp(u8),
}

/// How far the session is with a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    Planned,
    /// Done on the master; the mirror half is to run, or runs.
    Running,
    /// Rule S is satisfied.
    PassedS,
    /// The journal is written, in the open transaction.
    Journaled,
    /// Rule F is satisfied, and the half has failed: it is to run once more.
    PassedF,
    /// Rule F is satisfied, nobody else may give up the half any more.
    Sealed,
    /// On its way to the queue.
    ToQueue,
    /// Marker and entry are written, in the open transaction.
    Appended,
    /// The answer to COMMIT was lost; step 9 runs.
    Unresolved,
    /// Committed on the master; the mirror's answer is awaited.
    Between,
    /// The caller was told success.
    Committed,
    /// The caller was told that nothing was committed.
    RolledBack,
    /// The caller was told that the outcome is unknown; the slot is retired.
    Unknown,
    /// The process died and told nobody anything.
    Dead,
}

/// The mirror half.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Half {
    None,
    /// All statements done, the position written, locks held.
    Open,
    Failed,
    /// The pool gave it up because its epoch is over.
    Superseded,
    /// Its COMMIT was sent and nobody listens any more: it may happen, or not, at any time.
    Adrift,
}

/// What the open transaction has done to its slot's row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SlotRow {
    Untouched,
    /// It names this transaction as the last direct one.
    Journaled,
    /// It names none.
    TakenBack,
}

/// What the master's server has of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Server {
    Nothing,
    Open,
    Done,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Transaction {
    pub phase: Phase,
    pub route: Route,
    pub half: Half,
    /// The half has had its second run.
    pub rerun: bool,
    pub server: Server,
    pub row: SlotRow,
    /// The open transaction has changed `in_sync` to `queueing`.
    pub flips: bool,
    /// Pending rows of other pools that the journal saw.
    pub foreign: List,
    pub queue_id: u8,
}

/// What a pool has seen of `twin_state`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct View {
    pub in_sync: bool,
    pub epoch: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Pool {
    pub alive: bool,
    pub view: View,
    /// The highest epoch in which a mirror COMMIT failed; 0: none.
    pub marked: u8,
    /// A reading on its way.
    pub reading: Option<View>,
}

/// What a replayer does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    Resting,
    /// One of the two tables is read.
    HalfRead,
    Read,
    /// Statements and positions are written, in the mirror's open transaction.
    Applying,
    Applied,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Replayer {
    pub pool: u8,
    pub lease: u8,
    pub stage: Stage,
    /// What is to be applied, in order.
    pub due: List,
    pub draining: bool,
    /// Its connection to the master is gone.
    pub cut: bool,
}

/// The removal of a dead pool by the other one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Removal {
    pub of: u8,
    /// The master's part is committed; the mirror's positions remain to be forgotten.
    pub committed: bool,
    /// Slots that were seen, as bits.
    pub slots: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct State {
    pub master: Master,
    pub mirror: Mirror,
    pub pools: [Pool; POOLS],
    pub tx: [Transaction; TRANSACTIONS],
    pub replayers: [Option<Replayer>; 2],
    pub removal: Option<Removal>,
    /// What may still go wrong.
    pub faults: Faults,
}

impl State {
    pub fn first(scenario: &Scenario) -> State {
        let idle = Transaction {
            phase: Phase::Planned,
            route: Route::Queued,
            half: Half::None,
            rerun: false,
            server: Server::Nothing,
            row: SlotRow::Untouched,
            flips: false,
            foreign: List::default(),
            queue_id: 0,
        };
        let view = View { in_sync: !scenario.begins_queueing, epoch: 1 };
        let mut pending = [PendingRow::default(); SLOTS];
        let mut positions = [None; SLOTS];
        for slot in 0..SLOTS {
            pending[slot].exists = scenario.fresh_slots >> slot & 1 == 0;
            positions[slot] = (pending[slot].exists && view.in_sync).then_some(0);
        }
        State {
            master: Master {
                history: Default::default(),
                row_locks: [None; ROWS],
                pending,
                queue: List::default(),
                next_id: 1,
                in_sync: view.in_sync,
                epoch: view.epoch,
                state_lock: None,
                drain_lock: None,
                replay_lock: None,
                registered: [true; POOLS],
                liveness: [true; POOLS],
            },
            mirror: Mirror {
                up: true,
                history: Default::default(),
                row_locks: [None; ROWS],
                positions,
                position_locks: [None; SLOTS],
                lease: 0,
            },
            pools: [Pool { alive: true, view, marked: 0, reading: None }; POOLS],
            tx: [idle; TRANSACTIONS],
            replayers: [None; 2],
            removal: None,
            faults: scenario.faults,
        }
    }

    pub fn tx(&self, t: Tx) -> &Transaction {
        &self.tx[usize::from(t)]
    }

    pub fn tx_mut(&mut self, t: Tx) -> &mut Transaction {
        &mut self.tx[usize::from(t)]
    }

    /// Whether the open transaction has written its slot's row: a drain waits for it, and so does step 9.
    pub fn holds_slot_row(&self, t: Tx) -> bool {
        let tx = self.tx(t);
        tx.server == Server::Open && (tx.row != SlotRow::Untouched || tx.queue_id > 0)
    }

    /// Lets go of what is held on the mirror.
    pub fn release_on_mirror(&mut self, holder: Holder) {
        let m = &mut self.mirror;
        for lock in m.row_locks.iter_mut().chain(m.position_locks.iter_mut()) {
            if *lock == Some(holder) {
                *lock = None;
            }
        }
    }

    /// Lets go of what is held on the master, and forgets what was written there but not committed.
    pub fn release_on_master(&mut self, t: Tx) {
        for lock in &mut self.master.row_locks {
            if *lock == Some(t) {
                *lock = None;
            }
        }
        if self.master.state_lock == Some(t) {
            self.master.state_lock = None;
        }
        let tx = self.tx_mut(t);
        tx.row = SlotRow::Untouched;
        tx.flips = false;
        tx.queue_id = 0;
        tx.foreign = List::default();
    }

    /// The mirror half is rolled back, or was lost; an adrift one is out of reach.
    pub fn end_half(&mut self, t: Tx, how: Half) {
        if self.tx(t).half == Half::Open {
            self.release_on_mirror(Holder::Half(t));
        }
        if self.tx(t).half != Half::Adrift {
            self.tx_mut(t).half = how;
        }
    }

    /// Somebody works in a mirror transaction that holds the lease's row.
    pub fn lease_is_locked(&self) -> bool {
        self.replayers.iter().flatten().any(|r| r.stage == Stage::Applying)
    }
}
