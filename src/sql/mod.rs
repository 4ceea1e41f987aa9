//! What a statement does, and how it can be shipped to the mirror.
//!
//! A text goes two steps. [`Classifier::analyse`] says what *kind* of statement it is, from its tokens
//! alone: cheap, cached by text, and careful, so that what cannot be understood counts as a write.
//! [`Classifier::plan`] then says how a write's effect comes to the mirror, from its syntax tree and what
//! the catalogue says of its table. The rule behind every plan: what is shipped depends on nothing but
//! constants and the rows it writes, and names these rows by a whole unique key. Then the master's locks
//! order all that matters.

mod carry;
mod classifier;
mod classify;
mod determinate;
mod draws;
mod functions;
mod hints;
mod insert;
mod keys;
mod named;
mod objects;
mod other;
mod outline;
mod parse;
mod plan;
mod reads;
mod rows;
mod scan;
mod split;
mod summary;
mod target;
#[cfg(test)]
mod tests;
mod update;

pub use classifier::{Analysis, Classifier, FactsOf, Planned};
pub use classify::{Begin, BeginMode, Kind, SessionKind, Verb};
pub use hints::Hint;
pub use keys::KeyPlan;
pub use objects::{DdlObject, DdlObjects, ddl_objects};
pub use outline::outline;
pub use plan::{Condition, Plan, TextPlan, Unsafe};
pub use rows::{Repeat, RowsPlan, Way};
pub use split::split;
pub use summary::summary;
