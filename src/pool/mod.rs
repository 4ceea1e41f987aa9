//! Keeping sessions.
