//! What is to happen: which transactions, and how much may go wrong.

use crate::rules::Rules;

pub const POOLS: usize = 2;
pub const SLOTS: usize = 4;
pub const ROWS: usize = 2;
pub const TRANSACTIONS: usize = 5;

/// One write transaction that some session will run.
#[derive(Clone, Copy, Debug)]
pub struct Planned {
    pub pool: u8,
    /// Slots are numbered through, over all pools.
    pub slot: u8,
    /// The slot's first transaction is 1.
    pub seq: u8,
    /// The rows it writes, as bits.
    pub rows: u8,
}

/// How often each fault may happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Faults {
    /// A process dies.
    pub process_crashes: u8,
    /// A mirror half loses its connection before its COMMIT, or the answer to it.
    pub mirror_losses: u8,
    /// The answer to a master COMMIT is lost; the COMMIT may still happen, or not.
    pub lost_answers: u8,
    /// The master crashes and is back at once: open transactions and locks are gone.
    pub master_crashes: u8,
    /// The mirror crashes; it may come back at any time.
    pub mirror_crashes: u8,
    /// A wait ends before what is waited for has come, though nothing has failed.
    pub timeouts: u8,
    /// The replayer loses its lock on the master and goes on without knowing.
    pub stale_replayers: u8,
    /// A reading of the state is held up between the database and the pool.
    pub late_readings: u8,
    /// A pool that does not look alive is removed by the other one.
    pub removals: u8,
    /// A pool's proof of life is lost although it lives.
    pub lost_liveness: u8,
    /// Another pool is opened. Without effect by the rules.
    pub openings: u8,
}

impl Faults {
    pub const NONE: Faults = Faults {
        process_crashes: 0,
        mirror_losses: 0,
        lost_answers: 0,
        master_crashes: 0,
        mirror_crashes: 0,
        timeouts: 0,
        stale_replayers: 0,
        late_readings: 0,
        removals: 0,
        lost_liveness: 0,
        openings: 0,
    };

    /// As often as one likes; nothing is counted.
    pub const ANY_NUMBER: u8 = u8::MAX;
}

/// A run of the model.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    pub name: &'static str,
    pub plan: &'static [Planned],
    pub faults: Faults,
    pub rules: Rules,
    /// States of higher epochs are not followed.
    pub epochs: u8,
    /// Slots whose rows do not exist before their first transaction, as bits.
    pub fresh_slots: u8,
    /// The mirror is away when everything begins.
    pub begins_queueing: bool,
    /// Also look for states from which nothing leads on.
    pub find_stuck: bool,
}

const fn planned(pool: u8, slot: u8, seq: u8, rows: u8) -> Planned {
    Planned { pool, slot, seq, rows }
}

/// Two pools; the first has two sessions, one of which runs two transactions. Conflicts within a pool,
/// across pools, and none.
pub const FOUR: &[Planned] =
    &[planned(0, 0, 1, 0b01), planned(0, 1, 1, 0b11), planned(1, 2, 1, 0b11), planned(0, 0, 2, 0b10)];

/// The same without the second transaction of a slot.
pub const THREE: &[Planned] = FOUR.split_at(3).0;

/// Two sessions of one pool that write the same row.
pub const SAME_POOL: &[Planned] = &[planned(0, 0, 1, 0b01), planned(0, 1, 1, 0b01)];

/// Two pools that write the same row.
pub const TWO_POOLS: &[Planned] = &[planned(0, 0, 1, 0b01), planned(1, 1, 1, 0b01)];

/// The same; the second pool's slot comes first where slots are read in order.
pub const TWO_POOLS_REVERSED: &[Planned] = &[planned(0, 1, 1, 0b01), planned(1, 0, 1, 0b01)];

/// Three transactions on one row: two of one pool, then one of another.
pub const CHAIN: &[Planned] = &[planned(0, 0, 1, 0b01), planned(0, 1, 1, 0b01), planned(1, 2, 1, 0b01)];

/// Three sessions of one pool on one row.
pub const CROWD: &[Planned] = &[planned(0, 0, 1, 0b01), planned(0, 1, 1, 0b01), planned(0, 2, 1, 0b01)];

/// Two pools on one row, and a session of the second that writes another.
pub const BYSTANDER: &[Planned] = &[planned(0, 0, 1, 0b01), planned(1, 1, 1, 0b01), planned(1, 2, 1, 0b10)];

/// One session, two transactions on one row.
pub const ONE_SLOT: &[Planned] = &[planned(0, 0, 1, 0b01), planned(0, 0, 2, 0b01)];

/// Each pool runs transactions on both rows, the second one session after the other.
pub const CROSSED: &[Planned] =
    &[planned(0, 0, 1, 0b01), planned(1, 1, 1, 0b11), planned(1, 1, 2, 0b10), planned(0, 2, 1, 0b10)];

impl Scenario {
    pub const fn new(name: &'static str, plan: &'static [Planned], faults: Faults) -> Scenario {
        Scenario {
            name,
            plan,
            faults,
            rules: Rules::ALL,
            epochs: 5,
            fresh_slots: 0,
            begins_queueing: false,
            find_stuck: false,
        }
    }
}
