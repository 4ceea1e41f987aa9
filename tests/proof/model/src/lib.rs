//! The replication protocol as a model: every step of `docs/protocol.md` is an action, every rule a switch.
//!
//! A checker takes the actions in every possible order, with faults in between, and looks at what is promised
//! after each. `tests/protocol.rs` has two kinds of tests: with all rules on nothing is ever violated; with
//! one rule switched off something is, and the shortest way there is printed.
//!
//! What a reader needs first: [`scenario`] (what is to happen), [`state`] (what both databases and the
//! processes hold), [`transaction`] (steps 1 to 9), [`replay`], [`removal`], [`faults`], [`properties`].
//!
//! A step of the model is what a database does at once: one statement, one COMMIT. Statements whose order
//! among each other cannot matter (all rows of a transaction, all positions of a batch) are taken as one: a
//! lock that is waited for while others are held is given back when the wait ends in vain, so such a state
//! differs from one before the first lock only in what it forbids.

pub mod action;
pub mod check;
pub mod faults;
pub mod list;
pub mod properties;
pub mod removal;
pub mod replay;
pub mod rules;
pub mod scenario;
pub mod state;
pub mod transaction;

pub use action::Protocol;
pub use check::{Finding, check};
pub use rules::Rules;
pub use scenario::{Faults, Planned, Scenario};

/// A step is possible only where its conditions hold; `None` is "not now".
pub(crate) fn require(condition: bool) -> Option<()> {
    condition.then_some(())
}
