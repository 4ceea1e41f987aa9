//! A session.
pub struct Session {}
