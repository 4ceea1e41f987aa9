//! Everything that can happen, and the model that the checker walks through.

use stateright::{Model, Property};

use crate::properties;
use crate::rules::Rules;
use crate::scenario::{POOLS, Planned, Scenario};
use crate::state::{State, Tx};

/// One step of a session, a pool, a replayer or a server; or a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    Start(Tx),
    RunHalf(Tx),
    HalfFails(Tx),
    PassS(Tx),
    Journal(Tx),
    FollowTheState(Tx),
    PassF(Tx),
    Seal(Tx),
    GiveUp(Tx),
    Append(Tx),
    CommitMaster(Tx),
    CommitMirror(Tx),
    MirrorCommitFails(Tx),
    Resolve(Tx),
    ResolveInVain(Tx),
    ServerCommits(Tx),
    ServerEnds(Tx),

    Observe(u8),
    FlipMarked(u8),
    StartReplay(u8),
    ProveLife(u8),

    ReadFirst(u8),
    ReadSecond(u8),
    Apply(u8),
    CommitBatch(u8),
    Purge(u8),
    BeginDrain(u8),
    EndDrain(u8),
    BreakOffDrain(u8),

    BeginRemoval(u8),
    CommitRemoval,
    BreakOffRemoval,
    ForgetPositions,

    ProcessDies(u8),
    HalfIsLost(Tx),
    MirrorAnswerIsLost(Tx),
    AdriftCommits(Tx),
    AdriftEnds(Tx),
    AnswerIsLost(Tx),
    MasterCrashes,
    MirrorCrashes,
    MirrorComesBack,
    ReplayLockIsLost,
    ReadingStarts(u8),
    ReadingArrives(u8),
    LivenessIsLost(u8),
    PoolOpens,
}

impl Action {
    /// Whether the protocol brings it about by itself; the rest is misfortune, on which no way out may rest.
    pub fn is_progress(self) -> bool {
        use Action::*;
        !matches!(
            self,
            HalfFails(_)
                | ProcessDies(_)
                | HalfIsLost(_)
                | MirrorAnswerIsLost(_)
                | AnswerIsLost(_)
                | MasterCrashes
                | MirrorCrashes
                | ReplayLockIsLost
                | ReadingStarts(_)
                | LivenessIsLost(_)
                | PoolOpens
        )
    }
}

/// The protocol in one scenario.
#[derive(Clone, Debug)]
pub struct Protocol {
    pub scenario: Scenario,
}

impl Protocol {
    pub(crate) fn rules(&self) -> &Rules {
        &self.scenario.rules
    }

    pub(crate) fn plan(&self, t: Tx) -> &'static Planned {
        &self.scenario.plan[usize::from(t)]
    }

    pub(crate) fn transactions(&self) -> impl Iterator<Item = Tx> + use<> {
        0..self.scenario.plan.len() as u8
    }

    fn perform(&self, s: &mut State, action: Action) -> Option<()> {
        use Action::*;
        match action {
            Start(t) => self.start(s, t),
            RunHalf(t) => self.run_half(s, t),
            HalfFails(t) => self.half_fails(s, t),
            PassS(t) => self.pass_s(s, t),
            Journal(t) => self.journal(s, t),
            FollowTheState(t) => self.follow_the_state(s, t),
            PassF(t) => self.pass_f(s, t),
            Seal(t) => self.seal(s, t),
            GiveUp(t) => self.give_up(s, t),
            Append(t) => self.append(s, t),
            CommitMaster(t) => self.commit_master(s, t),
            CommitMirror(t) => self.commit_mirror(s, t),
            MirrorCommitFails(t) => self.mirror_commit_fails(s, t),
            Resolve(t) => self.resolve(s, t),
            ResolveInVain(t) => self.resolve_in_vain(s, t),
            ServerCommits(t) => self.server_commits(s, t),
            ServerEnds(t) => self.server_ends(s, t),
            Observe(p) => self.observe(s, p),
            FlipMarked(p) => self.flip_marked(s, p),
            StartReplay(p) => self.start_replay(s, p),
            ProveLife(p) => self.prove_life(s, p),
            ReadFirst(r) => self.read_first(s, r),
            ReadSecond(r) => self.read_second(s, r),
            Apply(r) => self.apply(s, r),
            CommitBatch(r) => self.commit_batch(s, r),
            Purge(r) => self.purge(s, r),
            BeginDrain(r) => self.begin_drain(s, r),
            EndDrain(r) => self.end_drain(s, r),
            BreakOffDrain(r) => self.break_off_drain(s, r),
            BeginRemoval(p) => self.begin_removal(s, p),
            CommitRemoval => self.commit_removal(s),
            BreakOffRemoval => self.break_off_removal(s),
            ForgetPositions => self.forget_positions(s),
            ProcessDies(p) => self.process_dies(s, p),
            HalfIsLost(t) => self.half_is_lost(s, t),
            MirrorAnswerIsLost(t) => self.mirror_answer_is_lost(s, t),
            AdriftCommits(t) => self.adrift_commits(s, t),
            AdriftEnds(t) => self.adrift_ends(s, t),
            AnswerIsLost(t) => self.answer_is_lost(s, t),
            MasterCrashes => self.master_crashes(s),
            MirrorCrashes => self.mirror_crashes(s),
            MirrorComesBack => self.mirror_comes_back(s),
            ReplayLockIsLost => self.replay_lock_is_lost(s),
            ReadingStarts(p) => self.reading_starts(s, p),
            ReadingArrives(p) => self.reading_arrives(s, p),
            LivenessIsLost(p) => self.liveness_is_lost(s, p),
            PoolOpens => self.pool_opens(s),
        }
    }

    /// All actions, possible or not.
    pub(crate) fn all_actions(&self, actions: &mut Vec<Action>) {
        use Action::*;
        for t in self.transactions() {
            actions.extend(
                [
                    Start,
                    RunHalf,
                    HalfFails,
                    PassS,
                    Journal,
                    FollowTheState,
                    PassF,
                    Seal,
                    GiveUp,
                    Append,
                    CommitMaster,
                    CommitMirror,
                    MirrorCommitFails,
                    Resolve,
                    ResolveInVain,
                    ServerCommits,
                    ServerEnds,
                    HalfIsLost,
                    MirrorAnswerIsLost,
                    AdriftCommits,
                    AdriftEnds,
                    AnswerIsLost,
                ]
                .map(|action| action(t)),
            );
        }
        for p in 0..POOLS as u8 {
            actions.extend(
                [
                    Observe,
                    FlipMarked,
                    StartReplay,
                    ProveLife,
                    BeginRemoval,
                    ProcessDies,
                    ReadingStarts,
                    ReadingArrives,
                    LivenessIsLost,
                ]
                .map(|action| action(p)),
            );
        }
        for r in 0..2 {
            actions.extend(
                [ReadFirst, ReadSecond, Apply, CommitBatch, Purge, BeginDrain, EndDrain, BreakOffDrain]
                    .map(|action| action(r)),
            );
        }
        actions.extend([
            CommitRemoval,
            BreakOffRemoval,
            ForgetPositions,
            MasterCrashes,
            MirrorCrashes,
            MirrorComesBack,
            ReplayLockIsLost,
            PoolOpens,
        ]);
    }
}

impl Model for Protocol {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State::first(&self.scenario)]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if !properties::is_broken(self, state) {
            self.all_actions(actions);
        }
    }

    fn next_state(&self, before: &State, action: Action) -> Option<State> {
        let mut s = *before;
        self.perform(&mut s, action)?;
        (s != *before && s.master.epoch <= self.scenario.epochs).then_some(s)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::all()
    }
}
