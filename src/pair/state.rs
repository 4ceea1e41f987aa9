//! The mirror's state as this pool knows it.
//!
//! ```text
//! in_sync ──flip──▶ queueing ◀──▶ replaying ──drained──▶ in_sync        (every arrow from or to in_sync
//!    │                 │              │                                  raises the epoch)
//!    │                 └── refused ───┴──▶ diverged ──attach──▶ queueing
//!    └──────── detach (from any) ─────────▶ detached ──attach──▶ queueing
//! ```
//!
//! The truth stands in `twin_state` in the master; what is kept here is only a hint for where to begin. The
//! journal checks it again inside the transaction (rule E).

/// Where the mirror stands. The numbers are those of `TWIN_MIRROR_…` in C.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum MirrorState {
    InSync = 1,
    Queueing = 2,
    Replaying = 3,
    Diverged = 4,
    Detached = 5,
}

impl MirrorState {
    pub const ALL: [MirrorState; 5] = [
        MirrorState::InSync,
        MirrorState::Queueing,
        MirrorState::Replaying,
        MirrorState::Diverged,
        MirrorState::Detached,
    ];

    pub fn name(self) -> &'static str {
        match self {
            MirrorState::InSync => "in_sync",
            MirrorState::Queueing => "queueing",
            MirrorState::Replaying => "replaying",
            MirrorState::Diverged => "diverged",
            MirrorState::Detached => "detached",
        }
    }

    /// Unknown names count as `Diverged`: nothing is done on its own in a state that is not understood.
    pub fn from_name(name: &str) -> MirrorState {
        match name {
            "in_sync" => MirrorState::InSync,
            "queueing" => MirrorState::Queueing,
            "replaying" => MirrorState::Replaying,
            "detached" => MirrorState::Detached,
            _ => MirrorState::Diverged,
        }
    }

    /// Whether replay may go on by itself.
    pub fn wants_replay(self) -> bool {
        matches!(self, MirrorState::Queueing | MirrorState::Replaying)
    }
}

impl std::fmt::Display for MirrorState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// One reading of `twin_state`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateRow {
    pub mirror_state: MirrorState,
    pub asynchronous: bool,
    pub epoch: u64,
    pub term: u64,
    pub role: String,
    pub node: String,
    pub peer: String,
    pub reason: String,
    pub format: i64,
}
