//! Dishonest providers.

use aipot_domain_runtime::call::Call;
use aipot_domain_runtime::chunk::{ChunkError, ChunkTarget, chunk_count, prove_chunk};
use aipot_domain_runtime::claim::{Claim, ClaimError};
use aipot_domain_runtime::event::{Event, VoidReason};
use aipot_domain_runtime::payment::PayoutRole;
use aipot_domain_runtime::primitives::{AccountId, OrderId, Score};
use aipot_domain_runtime::progress::AccessError;
use aipot_domain_runtime::refusal::Refusal;
use aipot_domain_runtime::reveal::RevealError;
use aipot_domain_runtime::window::Phase;

use crate::harness::{CLIENT, Model, OUTSIDER, PARAMETERS, World, person, refusal, specification};

/// A world with an order in its training phase, and the drawn providers.
fn training() -> (World, OrderId, Vec<AccountId>) {
    let mut world = World::new();
    let order = world.submit(1);
    world.advance_to(&order, Phase::Train);
    let providers = world.committee(&order).providers.to_vec();
    (world, order, providers)
}

fn voided(world: &World) -> Vec<(AccountId, VoidReason)> {
    world.happened(|event| match event {
        Event::ClaimVoided { provider, reason, .. } => Some((*provider, *reason)),
        _ => None,
    })
}

/// Deposits of claims: whose, how much, and whether it came back.
fn released(world: &World) -> Vec<(AccountId, u128, bool)> {
    world.happened(|event| match event {
        Event::DepositReleased { provider, amount, returned, .. } => {
            Some((*provider, amount.0, *returned))
        }
        _ => None,
    })
}

fn amount_paid(world: &World, order: &OrderId, account: &AccountId) -> u128 {
    let outcome = world.order(order).outcome.expect("the order is settled");
    let payouts = outcome.payouts.iter().filter(|payout| payout.account == *account);
    payouts.map(|payout| payout.amount.0).sum()
}

#[test]
fn a_copied_claim_cannot_be_revealed() {
    let (mut world, order, providers) = training();
    let (honest, copycat) = (providers[0], providers[1]);
    let model = Model::new(48, 1);
    let call = world.claim_call(&order, &honest, &model);
    world.accept(&honest, call.clone());
    world.accept(&copycat, call);
    world.advance_to(&order, Phase::Reveal);
    world.reveal(&order, &honest);
    let opening = world.reveal_call(&order, &honest).expect("there is a claim");
    let refused = refusal(world.call(&copycat, opening));
    assert!(matches!(refused, Refusal::Reveal(RevealError::CommitmentMismatch { .. })));
    let free = world.free(&copycat);
    world.play(&order);
    assert_eq!(voided(&world), [(copycat, VoidReason::NotRevealed)]);
    assert_eq!(amount_paid(&world, &order, &copycat), 0);
    assert_eq!(world.free(&copycat), free, "the deposit is gone");
}

#[test]
fn one_model_of_two_identities_is_paid_once_to_the_earlier_claim() {
    let (mut world, order, providers) = training();
    let model = Model::new(48, 1);
    world.claim(&order, &providers[2], &model);
    world.claim(&order, &providers[0], &model);
    world.advance_to(&order, Phase::Reveal);
    world.play(&order);
    let outcome = world.order(&order).outcome.expect("the order is settled");
    assert_eq!(outcome.standings.len(), 1);
    assert_eq!(outcome.winner().map(|one| one.provider), Some(providers[2]));
    assert_eq!(amount_paid(&world, &order, &providers[0]), 0);
}

#[test]
fn a_replaced_claim_loses_its_rank() {
    let (mut world, order, providers) = training();
    let model = Model::new(48, 1);
    world.claim(&order, &providers[0], &Model::new(1, 1));
    world.claim(&order, &providers[1], &model);
    world.claim(&order, &providers[0], &model);
    world.advance_to(&order, Phase::Reveal);
    world.play(&order);
    let outcome = world.order(&order).outcome.expect("the order is settled");
    assert_eq!(outcome.winner().map(|one| one.provider), Some(providers[1]));
}

#[test]
fn an_older_claim_does_not_replace_a_later_one() {
    let (mut world, order, providers) = training();
    let early = world.claim_call(&order, &providers[0], &Model::new(1, 1));
    let late = world.claim_call(&order, &providers[0], &Model::new(2, 2));
    world.accept(&providers[0], late);
    let refused = refusal(world.call(&providers[0], early));
    assert_eq!(refused, Refusal::Claim(ClaimError::OldSequence { sequence: 0, last: 1 }));
}

#[test]
fn a_near_copy_of_a_revealed_model_comes_too_late() {
    let (mut world, order, providers) = training();
    world.claim(&order, &providers[0], &Model::new(48, 1));
    world.advance_to(&order, Phase::Reveal);
    world.reveal(&order, &providers[0]);
    let near_copy = Model::new(49, 1);
    let call = world.claim_call(&order, &providers[1], &near_copy);
    let refused = refusal(world.call(&providers[1], call));
    let Refusal::Access(AccessError::OutsidePhase { phase, allowed, .. }) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!((phase, allowed), (Phase::Reveal, Phase::Train));
}

#[test]
fn a_late_reveal_is_refused_and_the_deposit_burned() {
    let (mut world, order, providers) = training();
    world.all_claim(&order);
    world.advance_to(&order, Phase::Reveal);
    world.reveal(&order, &providers[1]);
    world.reveal(&order, &providers[2]);
    world.advance_to(&order, Phase::Availability);
    let call = world.reveal_call(&order, &providers[0]).expect("there is a claim");
    let refused = refusal(world.call(&providers[0], call));
    assert!(matches!(refused, Refusal::Access(AccessError::OutsidePhase { .. })));
    world.play(&order);
    let released = released(&world);
    let deposit = PARAMETERS.claim_deposit.0;
    assert!(released.contains(&(providers[0], deposit, false)));
    assert!(released.contains(&(providers[1], deposit, true)));
    let outcome = world.order(&order).outcome.expect("the order is settled");
    assert_eq!(outcome.winner().map(|one| one.provider), Some(providers[1]));
}

#[test]
fn a_claim_is_opened_once() {
    let (mut world, order, providers) = training();
    world.play_until(&order, Phase::Reveal);
    world.reveal(&order, &providers[0]);
    let again = world.reveal_call(&order, &providers[0]).expect("there is a claim");
    let refused = refusal(world.call(&providers[0], again));
    assert_eq!(refused, Refusal::Reveal(RevealError::AlreadyRevealed { order }));
}

#[test]
fn a_model_of_another_length_is_refused() {
    let (mut world, order, providers) = training();
    world.play_until(&order, Phase::Reveal);
    let opening = world.reveal_call(&order, &providers[0]).expect("there is a claim");
    for wrong in [0, u64::MAX, Model::new(48, 1).byte_count() - 1] {
        let mut call = opening.clone();
        if let Call::Reveal { byte_count, .. } = &mut call {
            *byte_count = wrong;
        }
        let refused = refusal(world.call(&providers[0], call));
        assert!(matches!(refused, Refusal::Reveal(RevealError::WrongLength { .. })));
    }
}

#[test]
fn who_was_not_drawn_cannot_claim() {
    let (mut world, order, _) = training();
    let validator = world.committee(&order).validators[0];
    for stranger in [person(OUTSIDER), person(CLIENT), validator] {
        let call = world.claim_call(&order, &stranger, &Model::new(48, 1));
        let refused = refusal(world.call(&stranger, call));
        assert!(matches!(refused, Refusal::Access(AccessError::NotDrawn { role: "provider", .. })));
    }
}

/// A world in the availability phase where a validator has asked for chunk 1 of the first model.
fn chunk_requested() -> (World, OrderId, AccountId, ChunkTarget) {
    let (mut world, order, providers) = training();
    world.play_until(&order, Phase::Availability);
    let target = ChunkTarget::Model(providers[0]);
    let validator = world.committee(&order).validators[0];
    world.accept(&validator, Call::RequestChunk { order, target, chunk_index: 1 });
    (world, order, providers[0], target)
}

fn served(world: &World, order: &OrderId, provider: &AccountId, chunk_index: u64) -> Call {
    let claim = world.read::<Claim>(&(*order, *provider)).expect("there is a claim");
    let model = &world.models[&claim.model.expect("it is revealed").root];
    let proof = prove_chunk(&model.bytes, chunk_index).expect("there is such a chunk");
    Call::ServeChunk { order: *order, target: ChunkTarget::Model(*provider), proof }
}

#[test]
fn a_withheld_model_is_void_and_its_provider_slashed_once() {
    let (mut world, order, provider, target) = chunk_requested();
    let validators = world.committee(&order).validators;
    for chunk_index in [0, 2] {
        world.accept(&validators[1], Call::RequestChunk { order, target, chunk_index });
    }
    let stake = world.stake(&provider);
    let requester = world.free(&validators[0]);
    world.advance_to(&order, Phase::TestReveal);
    let at_risk = specification(1).pay.provider_stake_min.0;
    assert_eq!(world.slashed(&provider), at_risk);
    assert_eq!(world.stake(&provider), stake - at_risk);
    assert_eq!(world.free(&validators[0]), requester + at_risk * 2 / 5);
    world.play(&order);
    assert_eq!(voided(&world), [(provider, VoidReason::Withheld)]);
    assert_eq!(world.slashed(&provider), at_risk);
    assert_eq!(amount_paid(&world, &order, &provider), 0);
    assert!(released(&world).contains(&(provider, PARAMETERS.claim_deposit.0, false)));
}

#[test]
fn one_served_chunk_does_not_answer_for_another() {
    let (mut world, order, provider, target) = chunk_requested();
    let validator = world.committee(&order).validators[1];
    world.accept(&validator, Call::RequestChunk { order, target, chunk_index: 2 });
    let call = served(&world, &order, &provider, 1);
    world.accept(&provider, call);
    world.play(&order);
    assert_eq!(voided(&world), [(provider, VoidReason::Withheld)]);
}

#[test]
fn a_served_chunk_saves_the_model() {
    let (mut world, order, provider, _) = chunk_requested();
    // Anybody who has the model may serve it.
    let call = served(&world, &order, &provider, 1);
    world.accept(&person(OUTSIDER), call);
    world.play(&order);
    assert_eq!((voided(&world), world.slashed(&provider)), (Vec::new(), 0));
    let outcome = world.order(&order).outcome.expect("the order is settled");
    assert_eq!(outcome.winner().map(|one| one.provider), Some(provider));
}

#[test]
fn a_wrong_chunk_does_not_answer_a_request() {
    let (mut world, order, provider, target) = chunk_requested();
    let Call::ServeChunk { mut proof, .. } = served(&world, &order, &provider, 1) else {
        panic!("a chunk is served");
    };
    proof.bytes.as_mut_slice()[7] ^= 1;
    let refused = refusal(world.call(&provider, Call::ServeChunk { order, target, proof }));
    assert_eq!(refused, Refusal::Chunk(ChunkError::WrongProof { chunk_index: 1 }));
    let call = served(&world, &order, &provider, 0);
    let refused = refusal(world.call(&provider, call));
    assert_eq!(refused, Refusal::Chunk(ChunkError::NotRequested { chunk_index: 0 }));
}

#[test]
fn requests_for_chunks_are_bounded_and_leave_time_for_the_answer() {
    let (mut world, order, provider, target) = chunk_requested();
    let validator = world.committee(&order).validators[0];
    let ask = |chunk_index| Call::RequestChunk { order, target, chunk_index };
    let count = chunk_count(Model::new(1, 1).byte_count());
    let refused = refusal(world.call(&validator, ask(count)));
    assert_eq!(refused, Refusal::Chunk(ChunkError::NoSuchChunk { chunk_index: count, count }));
    for chunk_index in [0, 1, 2] {
        world.accept(&validator, ask(chunk_index));
    }
    let refused = refusal(world.call(&validator, ask(0)));
    assert_eq!(refused, Refusal::Chunk(ChunkError::TooManyRequests { count: 4, max: 4 }));
    let refused = refusal(world.call(&provider, ask(0)));
    assert!(matches!(refused, Refusal::Chunk(ChunkError::NotAllowed { .. })));
    world.advance(2);
    let refused = refusal(world.call(&person(CLIENT), ask(0)));
    assert_eq!(refused, Refusal::Chunk(ChunkError::TooLate));
}

#[test]
fn a_chunk_cannot_be_asked_for_when_no_block_is_left_to_serve_it() {
    for availability in 1..6 {
        let mut world = World::new();
        let mut specification = specification(1);
        specification.windows.availability = availability;
        let order = world.submit_as(&person(CLIENT), specification);
        world.play_until(&order, Phase::Availability);
        let provider = world.committee(&order).providers[0];
        let target = ChunkTarget::Model(provider);
        // The last block in which a request is accepted must not be the last of the phase.
        let mut last_request = 0;
        let mut block = 0;
        while world.phase(&order) == Phase::Availability {
            block += 1;
            let call = Call::RequestChunk { order, target, chunk_index: 0 };
            match world.call(&person(CLIENT), call) {
                aipot_domain_runtime::transition::Applied::Accepted => last_request = block,
                applied => assert_eq!(refusal(applied), Refusal::Chunk(ChunkError::TooLate)),
            }
            world.advance(1);
        }
        assert_eq!(block, availability);
        assert!(last_request < block, "request in block {last_request} of {block}");
    }
}

#[test]
fn a_file_that_is_no_model_is_never_paid() {
    let mut world = World::new();
    let mut specification = specification(1);
    specification.pay.metric_min_millionths = 0;
    let order = world.submit_as(&person(CLIENT), specification);
    world.advance_to(&order, Phase::Train);
    let providers = world.committee(&order).providers.to_vec();
    world.claim(&order, &providers[0], &Model::new(48, 1).without_header());
    world.advance_to(&order, Phase::Reveal);
    world.play_until(&order, Phase::EvaluationCommit);
    let validator = world.committee(&order).validators[0];
    assert_eq!(world.truth(&order, &validator)[0].score, Score::default());
    world.play(&order);
    let outcome = world.order(&order).outcome.expect("the order is settled");
    assert_eq!(outcome.winner(), None);
    assert!(outcome.payouts.iter().all(|payout| payout.role != PayoutRole::Winner));
}
