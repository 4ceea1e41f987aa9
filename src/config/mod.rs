//! Options: one table drives parsing, defaults, validation and `docs/configuration.md`.

/// The options of a pool, as key/value strings.
#[derive(Clone, Debug, Default)]
pub struct Options {}
