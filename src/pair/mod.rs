//! What the two nodes are to each other: tables, states, epoch, health; and [`TwinPool`], one process's
//! handle on them.

mod adopt;
mod between;
pub mod catalogue;
mod figures;
mod gate;
pub mod intents;
pub mod limits;
pub mod locks;
mod monitor;
mod open;
mod operator;
pub mod restored;
pub mod shared;
pub mod state;
pub mod tables;
mod twin_pool;
mod uninstall;
mod verify;

use std::sync::Arc;

pub use adopt::{Adoption, adopt};
pub use figures::PoolMetrics;
pub use gate::{Turn, Waiter};
pub use operator::QueueEntry;
pub use state::MirrorState;
pub use twin_pool::{PoolStatus, TwinPool};
pub use uninstall::uninstall;
pub use verify::TableComparison;

/// Progress of a replay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    pub done: u64,
    pub left: u64,
}

/// News for the host, delivered on a library thread.
#[derive(Clone, Debug)]
pub enum Event {
    MirrorLost {
        reason: String,
    },
    MirrorBack,
    Replay(Progress),
    Diverged {
        reason: String,
    },
    LeakSuspected {
        description: String,
    },
    /// The queue has grown beyond a limit.
    QueueLimit {
        description: String,
    },
}

pub type Listener = Arc<dyn Fn(&Event) + Send + Sync>;
