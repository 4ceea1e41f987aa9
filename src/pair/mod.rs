//! What the two nodes are to each other: tables, states, epoch, health; and [`TwinPool`], one process's
//! handle on them.

use std::sync::Arc;
use std::time::Duration;

use crate::config::Options;
use crate::error::Result;
use crate::twin::Session;

/// Where the mirror stands. The numbers are those of `TWIN_MIRROR_…` in C.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum MirrorState {
    InSync = 1,
    Queueing = 2,
    Replaying = 3,
    Diverged = 4,
    Detached = 5,
}

/// What a pool knows of itself and of the pair. Kept in memory; asking never blocks.
#[derive(Clone, Debug)]
pub struct PoolStatus {
    pub mirror_state: MirrorState,
    /// Why the state is what it is, one line; empty in `InSync`.
    pub reason: String,
    /// `mirror.mode` is `async`.
    pub asynchronous: bool,
    /// Whether the mirror answered when last asked.
    pub mirror_reachable: bool,
    pub epoch: u64,
    pub term: u64,
    /// Entries waiting in the queue, their bytes, and the age of the oldest, as last seen by the monitor.
    pub queue_entries: u64,
    pub queue_bytes: u64,
    pub queue_oldest_ms: u64,
    pub total: u32,
    pub idle: u32,
    pub active: u32,
    pub waiting: u32,
    /// Transactions of this pool since it was opened.
    pub direct: u64,
    pub queued: u64,
    pub replayed: u64,
    pub failed: u64,
}

/// Progress of a replay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    pub done: u64,
    pub left: u64,
}

/// News for the host, delivered on a library thread.
#[derive(Clone, Debug)]
pub enum Event {
    MirrorLost { reason: String },
    MirrorBack,
    Replay(Progress),
    Diverged { reason: String },
    LeakSuspected { description: String },
}

pub type Listener = Arc<dyn Fn(&Event) + Send + Sync>;

/// One line of the queue, for people and tools.
#[derive(Clone, Debug)]
pub struct QueueEntry {
    pub id: i64,
    pub pool: String,
    pub slot: i64,
    pub seq: i64,
    pub parts: i64,
    pub created_at: String,
    pub statements: i64,
    pub bytes: i64,
    pub summary: String,
}

/// What `verify` found for one table.
#[derive(Clone, Debug)]
pub struct TableComparison {
    pub table: String,
    pub master_rows: u64,
    pub mirror_rows: u64,
    /// Rows that differ or stand on one side only.
    pub different: u64,
    /// The first few differences, by key, for people.
    pub examples: Vec<String>,
}

/// One process's handle on the pair. Clones share it; any thread may use it.
#[derive(Clone)]
pub struct TwinPool {}

impl TwinPool {
    /// Opens the pool: connects, checks that the two are a pair, makes our tables if they are missing,
    /// registers, starts the monitor. The mirror may be away if the pair is established.
    pub fn open(_options: &Options) -> Result<TwinPool> {
        todo!()
    }
    /// A session, within `timeout` (`None`: `pool.acquire_timeout_ms`).
    pub fn acquire(&self, _timeout: Option<Duration>) -> Result<Session> {
        todo!()
    }
    /// Refuses new sessions, waits for those that are out, closes. Past the timeout an error; the rest is
    /// closed as it comes back.
    pub fn close(&self, _timeout: Duration) -> Result<()> {
        todo!()
    }
    pub fn suspend(&self, _fail_fast: bool) -> Result<()> {
        todo!()
    }
    pub fn resume(&self) -> Result<()> {
        todo!()
    }
    /// Closes idle sessions; those in use go when they are released.
    pub fn evict(&self) {
        todo!()
    }
    pub fn status(&self) -> PoolStatus {
        todo!()
    }
    /// Changes one of the live options.
    pub fn set(&self, _key: &str, _value: &str) -> Result<()> {
        todo!()
    }
    /// The effective value of an option, secrets masked.
    pub fn get(&self, _key: &str) -> Result<String> {
        todo!()
    }
    pub fn listen(&self, _listener: Listener) {
        todo!()
    }
    /// Replays until the queue is empty and the pair in step (in async mode: until the queue is empty), at
    /// most `timeout`. `progress` is called from this thread.
    pub fn replay(&self, _timeout: Duration, _progress: &mut dyn FnMut(Progress)) -> Result<()> {
        todo!()
    }
    /// Switches the mirror off on purpose; transactions go on being queued.
    pub fn detach(&self) -> Result<()> {
        todo!()
    }
    /// Ends `detached` (and, after an operator's repair, `diverged`): the queue is replayed.
    pub fn attach(&self) -> Result<()> {
        todo!()
    }
    /// The first `limit` entries of the queue, in order.
    pub fn queue_list(&self, _limit: u64) -> Result<Vec<QueueEntry>> {
        todo!()
    }
    /// The statements of one entry, as text for people (values included: it is the operator's own data).
    pub fn queue_show(&self, _id: i64) -> Result<Vec<String>> {
        todo!()
    }
    /// Moves one entry to `twin_quarantine`; the way out of `diverged` together with `attach`.
    pub fn queue_skip(&self, _id: i64) -> Result<()> {
        todo!()
    }
    /// Compares all tables row by row. `progress` is called with each table's name and rows compared.
    pub fn verify(&self, _progress: &mut dyn FnMut(&str, u64)) -> Result<Vec<TableComparison>> {
        todo!()
    }
}
