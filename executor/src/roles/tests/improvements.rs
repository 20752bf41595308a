//! Better models are claimed as they come, and what was claimed in time is revealed.

use aipot_domain_runtime::event::Event;
use aipot_domain_runtime::primitives::AccountId;

use super::actor::Behavior;
use super::world::World;
use super::{challenge_count, drawn, refusals, settle, slashed};

fn sequences(world: &World, account: &AccountId) -> Vec<u32> {
    let accepted = |event: &Event| match event {
        Event::ClaimAccepted { provider, sequence, .. } if provider == account => Some(*sequence),
        _ => None,
    };
    world.events.iter().filter_map(accepted).collect()
}

fn is_revealed(world: &World, account: &AccountId) -> bool {
    let is_reveal = |event: &Event| matches!(event, Event::ModelRevealed { provider, .. } if provider == account);
    world.events.iter().any(is_reveal)
}

#[test]
fn a_better_model_is_claimed_in_place_of_the_first_and_revealed() {
    let (mut world, order, providers, _) = drawn();
    world.behave(&providers[0], Behavior::Improving);
    settle(&mut world, &order);
    assert_eq!(sequences(&world, &providers[0]), [1, 2]);
    assert_eq!(sequences(&world, &providers[1]), [1]);
    assert!(is_revealed(&world, &providers[0]));
    assert_eq!((slashed(&world), challenge_count(&world)), (vec![], 0));
    assert_eq!(refusals(&world), Vec::<String>::new());
}

#[test]
fn a_model_whose_better_one_came_too_late_is_revealed_all_the_same() {
    let (mut world, order, providers, _) = drawn();
    world.behave(&providers[0], Behavior::ImprovingLate);
    settle(&mut world, &order);
    assert_eq!(sequences(&world, &providers[0]), [1]);
    assert!(is_revealed(&world, &providers[0]));
    assert_eq!((slashed(&world), challenge_count(&world)), (vec![], 0));
    assert_eq!(refusals(&world), Vec::<String>::new());
}
