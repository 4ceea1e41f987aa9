//! What a statement does.
