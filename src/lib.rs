//! twinpool keeps two databases in step from inside the application.
//!
//! A [`TwinPool`] is one process's handle on a *pair* of databases reached through ODBC: a master and its
//! mirror. What a [`Session`] commits lands in both. While the mirror is away its share waits in the table
//! `invocation_queue` in the master, written in the user's own transaction, and is replayed exactly once
//! and in order when the mirror returns.
//!
//! The way of a statement, from top to bottom:
//!
//! | module | what it is |
//! |---|---|
//! | `capi` | the C border: `include/twinpool.h` |
//! | [`config`] | one table of options |
//! | [`pool`] | keeping sessions: the bag, waiters, the keeper |
//! | [`twin`] | a session: transaction, mirror half, comparing outcomes |
//! | [`sql`] | what a statement does |
//! | [`queue`] | `invocation_queue`: entries, append, replay |
//! | [`pair`] | what the two nodes are to each other: tables, state, epoch, monitor |
//! | [`link`] | the only place that knows ODBC |
//! | [`large`] | values that are too long for memory |
//! | [`metrics`] | counting and timing, for all of these |

pub mod config;
pub mod error;
pub mod failpoint;
pub mod large;
pub mod link;
pub mod logging;
pub mod metrics;
pub mod pair;
pub mod pool;
pub mod queue;
pub mod sql;
mod sync;
pub mod thread;
mod tick;
pub mod twin;
pub mod value;

mod capi;

pub use config::Options;
pub use error::{Class, Error, Record, Result, Side, Status};
pub use pair::{MirrorState, PoolStatus, TwinPool};
pub use twin::Session;
pub use value::{Block, Column, ColumnData, ColumnInfo, Isolation, Type, Value};
