//! The rules of the protocol, each with a switch. All on is the protocol; a test that switches one off must
//! find a way to break a promise.

/// Which rules are followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// **S**: a transaction waits for those of its own pool that are between their two COMMITs, and does not
    /// stay direct when one of them failed there.
    pub same_pool: bool,
    /// **F**: every pending row of other pools must be applied on the mirror before a transaction commits
    /// directly.
    pub foreign: bool,
    /// **F** counts the rows of pools that have died as well.
    pub foreign_counts_the_dead: bool,
    /// **E**: the journal checks that state and epoch are those the transaction began with.
    pub epoch: bool,
    /// **P**: what is pending is applied before what is queued.
    pub pending_first: bool,
    /// Replay reads the queue before it reads the pending rows, where it does not read both at once.
    pub queue_read_first: bool,
    /// Step 7 and step 8 flip where the state is `in_sync`, whatever the epoch. Off: where the epoch is the
    /// transaction's.
    pub flip_on_state: bool,
    /// A transaction that goes to the queue after its journal takes the journal back.
    pub take_back_journal: bool,
    /// The mark of a failed mirror COMMIT holds for every transaction up to the epoch in which it failed.
    /// Off: it is a flag that any reading of a state other than `in_sync` clears, however late it comes.
    pub mark_keeps_its_epoch: bool,
    /// Only a drain leads to a higher epoch in `in_sync`. Off: opening a pool raises the epoch too.
    pub only_drains_renew: bool,
    /// A position row that is missing on the mirror counts as zero. Off: as "applied already".
    pub missing_is_zero: bool,
    /// Every transaction locks and marks its slot's row, queued ones too, so that step 9 can wait for it.
    pub marker_in_every_transaction: bool,
    /// A transaction's own position must be lower than its number: replay and halves skip what is applied.
    pub positions: bool,
    /// Replay looks at its lease number in the mirror's transaction.
    pub lease: bool,
    /// The removal of a dead pool locks its rows before it looks at them.
    pub removal_locks: bool,
    /// The removal of a dead pool raises the lease before it forgets positions.
    pub removal_raises_lease: bool,
    /// A new slot is taken only under the registration of its pool, and removal goes no further where it finds
    /// one.
    pub slots_need_registration: bool,
}

impl Rules {
    pub const ALL: Rules = Rules {
        same_pool: true,
        foreign: true,
        foreign_counts_the_dead: true,
        epoch: true,
        pending_first: true,
        queue_read_first: true,
        flip_on_state: true,
        take_back_journal: true,
        mark_keeps_its_epoch: true,
        only_drains_renew: true,
        missing_is_zero: true,
        marker_in_every_transaction: true,
        positions: true,
        lease: true,
        removal_locks: true,
        removal_raises_lease: true,
        slots_need_registration: true,
    };
}
