//! The harness itself: outages are real, comparison sees every difference, nothing stays behind.

mod comparing;
mod leftovers;
mod outages;
mod proxying;
