//! Proofs of a single move: files that are no models, and models that are not what was trained.

use aipot_domain_runtime::bounded::BoundedVec;
use aipot_domain_runtime::call::Call;
use aipot_domain_runtime::challenge::proof::{OtherWeights, Proof, ProofError};
use aipot_domain_runtime::challenge::{ChallengeError, Subject};
use aipot_domain_runtime::chunk::prove_chunk;
use aipot_domain_runtime::event::Event;
use aipot_domain_runtime::primitives::{AccountId, OrderId};
use aipot_domain_runtime::progress::AccessError;
use aipot_domain_runtime::refusal::Refusal;
use aipot_domain_runtime::trace::list_path;
use aipot_domain_runtime::window::Phase;

use crate::harness::people::validators;
use crate::harness::play::misjudge;
use crate::harness::{CLIENT, Model, OUTSIDER, World, person, recipe_specification, refusal};

/// An order in which the model of the first provider is `model`, and the first validator says of the model
/// that it judges first the contrary of the truth.
fn misjudged(model: &Model) -> (World, OrderId, Subject, Subject) {
    let mut world = World::new();
    let order = world.submit(1);
    world.advance_to(&order, Phase::Train);
    for provider in &world.committee(&order).providers {
        let call = world.claim_call(&order, provider, model);
        world.accept(provider, call);
    }
    world.play_until(&order, Phase::EvaluationCommit);
    let drawn = world.committee(&order).validators;
    let entries = misjudge(&world.truth(&order, &drawn[0]));
    let provider = entries[0].provider;
    world.commit_to(&order, &drawn[0], entries);
    world.play_until(&order, Phase::Challenge);
    let subject = |validator| Subject::Evaluation { validator, provider };
    (world, order, subject(drawn[0]), subject(drawn[1]))
}

fn no_model() -> Model {
    Model::new(48, 1).without_header()
}

fn stranger(world: &World, order: &OrderId) -> AccountId {
    let drawn = world.committee(order).validators;
    let mut others = validators().map(person).filter(|account| !drawn.contains(account));
    others.next().expect("more validators than are drawn")
}

fn refused(world: &mut World, who: &AccountId, call: Call) -> ChallengeError {
    match refusal(world.call(who, call)) {
        Refusal::Challenge(error) => error,
        other => panic!("{other:?}"),
    }
}

/// Proves `wrong` and checks that the same proof does not touch `right`.
fn convict(model: &Model) {
    let (mut world, order, wrong, right) = misjudged(model);
    let accuser = stranger(&world, &order);
    let proof = world.header_proof(&order, wrong).expect("there is a model");
    let prove = |subject| Call::Prove { order, subject, proof: proof.clone() };
    let error = refused(&mut world, &accuser, prove(right));
    assert_eq!(error, ChallengeError::BadProof(ProofError::OtherKind));
    let own_proof = world.header_proof(&order, right).expect("there is a model");
    let call = Call::Prove { order, subject: right, proof: own_proof };
    let error = refused(&mut world, &accuser, call);
    assert_eq!(error, ChallengeError::BadProof(ProofError::NoContradiction));
    world.accept(&accuser, prove(wrong));
    let stake = crate::harness::specification(1).pay.validator_stake_min.0;
    assert_eq!(world.slashed(&wrong.responder()), stake);
    assert_eq!(world.slashed(&right.responder()), 0);
    let error = refused(&mut world, &accuser, prove(wrong));
    assert_eq!(error, ChallengeError::DoesNotStand { subject: wrong });
    let proven = world.happened(|event| match event {
        Event::ProofAccepted { subject, accuser, .. } => Some((*subject, *accuser)),
        _ => None,
    });
    assert_eq!(proven, [(wrong, accuser)]);
}

#[test]
fn who_scores_a_file_that_is_no_model_is_slashed() {
    convict(&no_model());
}

#[test]
fn who_says_that_a_model_is_none_is_slashed() {
    convict(&Model::new(48, 1));
}

#[test]
fn an_evaluation_that_knows_no_model_needs_a_proof_and_no_game() {
    let (mut world, order, wrong, _) = misjudged(&Model::new(48, 1));
    let challenger = stranger(&world, &order);
    let call = Call::Challenge { order, subject: wrong };
    let error = refused(&mut world, &challenger, call);
    assert_eq!(error, ChallengeError::NeedsProof { subject: wrong });
}

#[test]
fn who_may_prove_and_when() {
    let (mut world, order, wrong, _) = misjudged(&no_model());
    let proof = world.header_proof(&order, wrong).expect("there is a model");
    let call = Call::Prove { order, subject: wrong, proof };
    let account = person(OUTSIDER);
    let error = refused(&mut world, &account, call.clone());
    assert_eq!(error, ChallengeError::NotOperator { account });
    let account = wrong.responder();
    let error = refused(&mut world, &account, call.clone());
    assert_eq!(error, ChallengeError::OwnResult { account });
    let accuser = stranger(&world, &order);
    world.settle(&order);
    let late = refusal(world.call(&accuser, call));
    assert_eq!(late, Refusal::Access(AccessError::NotRunning { order }));
}

#[test]
fn a_proof_before_the_challenge_phase_is_refused() {
    let mut world = World::new();
    let order = world.submit(1);
    world.play_until(&order, Phase::Availability);
    let provider = world.committee(&order).providers[0];
    let accuser = stranger(&world, &order);
    let subject = Subject::Training { provider };
    let proof = world.header_proof(&order, subject).expect("there is a model");
    let early = refusal(world.call(&accuser, Call::Prove { order, subject, proof }));
    assert!(matches!(early, Refusal::Access(AccessError::OutsidePhase { .. })));
}

/// A Recipe order whose first provider reveals another file than it has trained.
fn swapped(change: impl FnOnce(&mut Vec<u8>)) -> (World, OrderId, Subject, AccountId) {
    let mut world = World::new();
    let specification = recipe_specification(1);
    let order = world.submit_as(&person(CLIENT), specification.clone());
    world.advance_to(&order, Phase::Train);
    let provider = world.committee(&order).providers[0];
    let subject = Subject::Training { provider };
    let player = world.player(&order, subject).expect("the order has a recipe");
    let mut model = Model::trained(&specification, &player);
    change(&mut model.bytes);
    world.claim(&order, &provider, &model);
    world.play_until(&order, Phase::Challenge);
    let accuser = stranger(&world, &order);
    (world, order, subject, accuser)
}

/// The proof that slot `slot` of the trace and the file of the same provider differ.
fn other_weights(world: &World, order: &OrderId, subject: Subject, slot: u16) -> OtherWeights {
    let player = world.player(order, subject).expect("the order has a recipe");
    let words = player.final_words();
    let bytes_of =
        |words: &Vec<u32>| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>();
    let roots: Vec<[u8; 32]> =
        words.iter().map(|words| *blake3::hash(&bytes_of(words)).as_bytes()).collect();
    let place = usize::from(slot);
    let model = world
        .read::<aipot_domain_runtime::claim::Claim>(&(*order, subject.provider()))
        .and_then(|claim| claim.model)
        .expect("the model is revealed");
    let file = &world.models[&model.root].bytes;
    OtherWeights {
        slot,
        root: roots[place],
        path: BoundedVec::try_from(list_path(&roots, place).expect("it exists")).expect("few"),
        weights: prove_chunk(&bytes_of(&words[place]), 0).expect("it exists"),
        file: prove_chunk(file, 0).expect("it exists"),
    }
}

#[test]
fn a_file_that_does_not_hold_what_was_trained_voids_the_claim() {
    let (mut world, order, subject, accuser) = swapped(|bytes| {
        let last = bytes.last_mut().expect("there are weights");
        *last ^= 1;
    });
    // The last weight stands in the last of the four tensors.
    let proof = other_weights(&world, &order, subject, 3);
    for slot in 0..3 {
        let right = other_weights(&world, &order, subject, slot);
        let call = Call::Prove { order, subject, proof: Proof::OtherWeights(right) };
        let error = refused(&mut world, &accuser, call);
        assert_eq!(error, ChallengeError::BadProof(ProofError::NoContradiction));
    }
    world.accept(&accuser, Call::Prove { order, subject, proof: Proof::OtherWeights(proof) });
    let stake = recipe_specification(1).pay.provider_stake_min.0;
    assert_eq!(world.slashed(&subject.provider()), stake);
    world.settle(&order);
    let outcome = world.order(&order).outcome.expect("the order is settled");
    assert!(outcome.standings.iter().all(|one| one.provider != subject.provider()));
}

#[test]
fn a_trained_model_without_its_header_voids_the_claim() {
    let (mut world, order, subject, accuser) = swapped(|bytes| bytes[40] ^= 1);
    let proof = world.header_proof(&order, subject).expect("there is a model");
    world.accept(&accuser, Call::Prove { order, subject, proof });
    assert!(world.slashed(&subject.provider()) > 0);
}

#[test]
fn weights_that_are_not_opened_prove_nothing() {
    let (mut world, order, subject, accuser) = swapped(|_| ());
    let right = other_weights(&world, &order, subject, 3);
    let call = |proof| Call::Prove { order, subject, proof: Proof::OtherWeights(proof) };
    let source = |error| match error {
        ChallengeError::BadProof(source) => source,
        other => panic!("{other:?}"),
    };
    let error = refused(&mut world, &accuser, call(right.clone()));
    assert_eq!(source(error), ProofError::NoContradiction);
    let mut wrong = right.clone();
    wrong.root[0] ^= 1;
    let error = refused(&mut world, &accuser, call(wrong));
    assert_eq!(source(error), ProofError::WrongPath { slot: 3 });
    let mut wrong = right.clone();
    wrong.weights.bytes.as_mut_slice()[0] ^= 1;
    let error = refused(&mut world, &accuser, call(wrong));
    assert_eq!(source(error), ProofError::WrongChunk { chunk_index: 0, of: "slot" });
    let mut wrong = right;
    wrong.file.bytes.as_mut_slice()[0] ^= 1;
    let error = refused(&mut world, &accuser, call(wrong));
    assert_eq!(source(error), ProofError::WrongChunk { chunk_index: 0, of: "file" });
    // A moment is no weight: nothing of it stands in the file.
    let moment = other_weights(&world, &order, subject, 4);
    let error = refused(&mut world, &accuser, call(moment));
    assert_eq!(source(error), ProofError::NoSuchWeight { slot: 4 });
}
