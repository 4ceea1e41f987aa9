//! Runs the checker on a scenario and says what it found.

use std::time::Instant;

use stateright::{Checker, HasDiscoveries, Model};

use crate::action::{Action, Protocol};
use crate::properties::{COMES_BACK, GOES_DIRECT};
use crate::scenario::Scenario;

/// What the checker found.
#[derive(Debug)]
pub struct Finding {
    pub scenario: &'static str,
    pub states: usize,
    /// The promise that is broken and the way there, about the shortest.
    pub violation: Option<(&'static str, Vec<Action>)>,
    /// Examples that were met of what should be possible.
    pub met: Vec<&'static str>,
}

/// Walks through every state of the scenario, or until a promise is broken.
pub fn check(scenario: &Scenario, threads: usize) -> Finding {
    let begun = Instant::now();
    let checker = Protocol { scenario: *scenario }
        .checker()
        .threads(threads)
        .finish_when(HasDiscoveries::AnyFailures)
        .spawn_bfs()
        .join();
    let mut finding = Finding {
        scenario: scenario.name,
        states: checker.unique_state_count(),
        violation: None,
        met: Vec::new(),
    };
    for (name, path) in checker.discoveries() {
        if [COMES_BACK, GOES_DIRECT].contains(&name) {
            finding.met.push(name);
        } else {
            let way = path.into_actions();
            // Of several that broke at once, the shortest way; by name where they are equally long.
            let shorter = |(other, best): &(&str, Vec<Action>)| (way.len(), name) < (best.len(), other);
            if finding.violation.as_ref().is_none_or(shorter) {
                finding.violation = Some((name, way));
            }
        }
    }
    println!(
        "{}: {} states, {} steps deep, {:.1} s{}",
        scenario.name,
        finding.states,
        checker.max_depth(),
        begun.elapsed().as_secs_f32(),
        finding
            .violation
            .as_ref()
            .map_or(String::new(), |(name, way)| { format!("; violated after {} steps: {name}", way.len()) })
    );
    finding
}
