//! What the two nodes are to each other.
pub struct TwinPool {}
