//! The protocol holds with all its rules, and breaks without any one of them.
//!
//! A test that switches a rule off first walks through the same scenario with the rule on: so it is the rule
//! that makes the difference.

use twinpool_model::properties::{
    COMES_BACK, EQUAL, GOES_DIRECT, IN_ORDER, NOTHING_LOST, ONCE, TRUE_ANSWERS,
};
use twinpool_model::scenario::{
    BYSTANDER, CHAIN, CROSSED, CROWD, FOUR, ONE_SLOT, SAME_POOL, THREE, TWO_POOLS, TWO_POOLS_REVERSED,
};
use twinpool_model::{Faults, Rules, Scenario, check};

/// Nothing is violated, and the walk was not empty.
fn holds(scenario: &Scenario, met: &[&str]) {
    let found = check(scenario, 1);
    assert!(found.violation.is_none(), "{}: {:#?}", scenario.name, found.violation);
    for example in met {
        assert!(found.met.contains(example), "{}: never met: {example}", scenario.name);
    }
}

/// It holds, and with a rule switched off one of these promises is broken.
fn breaks(scenario: Scenario, switch_off: fn(&mut Rules), promises: &[&str]) {
    holds(&scenario, &[]);
    let mut without = scenario;
    switch_off(&mut without.rules);
    let found = check(&without, 1);
    let Some((promise, way)) = found.violation else {
        panic!("{}: nothing breaks without the rule", scenario.name);
    };
    println!("{}: {promise}", scenario.name);
    way.iter().for_each(|action| println!("    {action:?}"));
    assert!(promises.contains(&promise), "{}: another promise broke: {promise}", scenario.name);
}

const ONE_LOSS: Faults = Faults { mirror_losses: 1, timeouts: 1, ..Faults::NONE };
const TWO_LOSSES: Faults = Faults { mirror_losses: 2, timeouts: 1, ..Faults::NONE };
const REMOVAL: Faults = Faults { removals: 1, lost_liveness: 1, mirror_losses: 1, ..Faults::NONE };

#[test]
fn it_holds_when_processes_die_and_mirror_connections_are_lost() {
    let faults = Faults { process_crashes: 1, mirror_losses: 1, ..Faults::NONE };
    holds(&Scenario::new("four transactions, a crash and a loss", FOUR, faults), &[COMES_BACK, GOES_DIRECT]);
    holds(&Scenario::new("crossed, a crash and a loss", CROSSED, faults), &[COMES_BACK, GOES_DIRECT]);
}

#[test]
fn it_holds_when_databases_crash_and_answers_are_lost() {
    let faults = Faults { lost_answers: 1, master_crashes: 1, mirror_crashes: 1, ..Faults::NONE };
    holds(&Scenario::new("both databases crash", CHAIN, faults), &[COMES_BACK, GOES_DIRECT]);
}

#[test]
fn it_holds_with_two_replayers() {
    let faults = Faults { mirror_losses: 1, stale_replayers: 1, ..Faults::NONE };
    holds(&Scenario::new("two replayers", CHAIN, faults), &[COMES_BACK]);
}

#[test]
fn it_holds_while_pools_are_removed() {
    let faults = Faults { stale_replayers: 1, ..REMOVAL };
    holds(&Scenario::new("removal and two replayers", TWO_POOLS, faults), &[COMES_BACK]);
    let faults = Faults { process_crashes: 1, timeouts: 1, ..REMOVAL };
    holds(&Scenario::new("removal and a crash", TWO_POOLS, faults), &[COMES_BACK]);
}

#[test]
fn no_state_is_stuck() {
    let faults = Faults { mirror_losses: 1, timeouts: Faults::ANY_NUMBER, ..Faults::NONE };
    let three = Scenario::new("stuck, three transactions", THREE, faults);
    holds(&Scenario { find_stuck: true, ..three }, &[COMES_BACK]);
    let faults = Faults { lost_answers: 1, mirror_crashes: 1, ..faults };
    let two = Scenario::new("stuck, with crashes", TWO_POOLS, faults);
    holds(&Scenario { find_stuck: true, ..two }, &[COMES_BACK]);
}

/// The large budgets: `cargo test -p twinpool-model --release --features soak`. About 35 million states.
#[test]
#[cfg_attr(not(feature = "soak"), ignore = "takes long: --features soak")]
fn it_holds_with_large_budgets() {
    let all = Faults { lost_answers: 1, master_crashes: 1, mirror_crashes: 1, ..Faults::NONE };
    let scenarios = [
        Scenario::new("four transactions, both databases crash", FOUR, all),
        Scenario::new(
            "chain, a loss, a crash, a lost answer",
            CHAIN,
            Faults { mirror_losses: 1, lost_answers: 1, mirror_crashes: 1, timeouts: 1, ..Faults::NONE },
        ),
        Scenario::new("bystander, removal and a crash", BYSTANDER, Faults { process_crashes: 1, ..REMOVAL }),
        Scenario::new(
            "removal, two replayers, a crash",
            TWO_POOLS,
            Faults { process_crashes: 1, stale_replayers: 1, timeouts: 1, ..REMOVAL },
        ),
    ];
    for scenario in &scenarios {
        let found = check(scenario, 2);
        assert!(found.violation.is_none(), "{}: {:#?}", scenario.name, found.violation);
    }
}

#[test]
fn without_rule_s_the_mirror_overtakes() {
    breaks(Scenario::new("rule S", SAME_POOL, ONE_LOSS), |r| r.same_pool = false, &[IN_ORDER]);
}

#[test]
fn without_rule_f_the_mirror_overtakes() {
    breaks(Scenario::new("rule F", TWO_POOLS, ONE_LOSS), |r| r.foreign = false, &[IN_ORDER]);
}

#[test]
fn without_the_dead_in_rule_f_the_mirror_overtakes() {
    let faults = Faults { process_crashes: 1, ..Faults::NONE };
    let scenario = Scenario::new("rule F and the dead", TWO_POOLS, faults);
    breaks(scenario, |r| r.foreign_counts_the_dead = false, &[IN_ORDER]);
}

#[test]
fn without_rule_e_the_mirror_overtakes() {
    breaks(Scenario::new("rule E", TWO_POOLS, ONE_LOSS), |r| r.epoch = false, &[IN_ORDER, EQUAL]);
}

#[test]
fn without_rule_p_the_mirror_overtakes() {
    breaks(Scenario::new("rule P", SAME_POOL, ONE_LOSS), |r| r.pending_first = false, &[IN_ORDER, EQUAL]);
}

#[test]
fn when_replay_reads_the_queue_last_the_mirror_overtakes() {
    let scenario = Scenario::new("order of reading", BYSTANDER, TWO_LOSSES);
    breaks(scenario, |r| r.queue_read_first = false, &[IN_ORDER]);
}

#[test]
fn a_flip_by_epoch_leaves_an_entry_behind_in_sync() {
    let scenario = Scenario::new("flip on the state", BYSTANDER, TWO_LOSSES);
    breaks(scenario, |r| r.flip_on_state = false, &[IN_ORDER, EQUAL, NOTHING_LOST]);
}

#[test]
fn a_journal_that_is_not_taken_back_overtakes() {
    let scenario = Scenario::new("unjournal", TWO_POOLS_REVERSED, ONE_LOSS);
    breaks(scenario, |r| r.take_back_journal = false, &[IN_ORDER]);
}

#[test]
fn a_mark_that_a_late_reading_clears_is_no_mark() {
    let faults = Faults { mirror_losses: 2, late_readings: 1, ..Faults::NONE };
    let scenario = Scenario { epochs: 3, ..Scenario::new("mark", CROWD, faults) };
    breaks(scenario, |r| r.mark_keeps_its_epoch = false, &[IN_ORDER]);
}

#[test]
fn an_epoch_that_opening_a_pool_raises_hides_a_failed_commit() {
    let faults = Faults { openings: 1, ..ONE_LOSS };
    let scenario = Scenario::new("registration", SAME_POOL, faults);
    breaks(scenario, |r| r.only_drains_renew = false, &[IN_ORDER]);
}

#[test]
fn a_missing_position_that_reads_as_applied_loses() {
    let scenario =
        Scenario { begins_queueing: true, ..Scenario::new("missing position", ONE_SLOT, Faults::NONE) };
    breaks(scenario, |r| r.missing_is_zero = false, &[NOTHING_LOST, EQUAL]);
}

#[test]
fn without_positions_replay_doubles() {
    breaks(Scenario::new("positions", ONE_SLOT, ONE_LOSS), |r| r.positions = false, &[ONCE, IN_ORDER, EQUAL]);
}

#[test]
fn without_a_marker_in_queued_transactions_the_answer_is_wrong() {
    let faults = Faults { lost_answers: 1, ..Faults::NONE };
    let scenario = Scenario { begins_queueing: true, ..Scenario::new("marker", ONE_SLOT, faults) };
    breaks(scenario, |r| r.marker_in_every_transaction = false, &[TRUE_ANSWERS]);
}

#[test]
fn a_removal_without_locks_loses() {
    let scenario = Scenario::new("removal under locks", TWO_POOLS, REMOVAL);
    breaks(scenario, |r| r.removal_locks = false, &[NOTHING_LOST, IN_ORDER, EQUAL]);
}

#[test]
fn without_the_lease_a_removed_pool_is_applied_twice() {
    let scenario = Scenario::new("lease", TWO_POOLS, REMOVAL);
    breaks(scenario, |r| r.lease = false, &[ONCE, IN_ORDER]);
}

#[test]
fn a_removal_that_leaves_the_lease_alone_is_applied_twice() {
    let scenario = Scenario::new("removal raises the lease", TWO_POOLS, REMOVAL);
    breaks(scenario, |r| r.removal_raises_lease = false, &[ONCE, IN_ORDER]);
}

#[test]
fn a_slot_taken_beside_a_removal_doubles() {
    let scenario =
        Scenario { fresh_slots: 0b11, ..Scenario::new("slots and registration", TWO_POOLS, REMOVAL) };
    breaks(scenario, |r| r.slots_need_registration = false, &[ONCE, IN_ORDER, NOTHING_LOST]);
}
