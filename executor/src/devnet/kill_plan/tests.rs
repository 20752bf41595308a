//! The plan kills once in each phase, and the same ones for the same seed.

use aipot_domain_runtime::window::PHASES;

use super::*;

fn all_victims(seed: u64) -> Vec<Vec<usize>> {
    let scenario = Scenario::new(1, 2, 3).unwrap();
    let mut plan = KillPlan::new(seed);
    PHASES.into_iter().map(|phase| plan.victims(phase, &scenario)).collect()
}

#[test]
fn each_phase_kills_one_provider_and_one_validator() {
    for victims in all_victims(3) {
        assert_eq!(victims.len(), 2);
        assert!((1..=2).contains(&victims[0]) && (3..=5).contains(&victims[1]));
    }
}

#[test]
fn the_same_seed_kills_the_same_and_another_seed_others() {
    assert_eq!(all_victims(3), all_victims(3));
    assert_ne!(all_victims(3), all_victims(4));
}

#[test]
fn a_phase_that_stays_kills_nobody() {
    let scenario = Scenario::new(1, 2, 3).unwrap();
    let mut plan = KillPlan::new(1);
    assert_eq!(plan.victims(Phase::Train, &scenario).len(), 2);
    assert!(plan.victims(Phase::Train, &scenario).is_empty());
    assert!(plan.victims(Phase::Open, &scenario).is_empty());
}
