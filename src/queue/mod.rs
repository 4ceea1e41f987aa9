//! `invocation_queue`: the mirror's share of transactions while it is away. Appended in the user's own
//! transaction, replayed in order, purged when the mirror has it durably.

pub mod entry;
pub mod replay;
pub mod trace;

pub use entry::{Entry, Shipped};
