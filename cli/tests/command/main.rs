//! The `twinpool` command, run as people run it.

mod examples;
mod making;
mod options;
mod queue;
mod run;
mod status;
mod support;
mod verify;
