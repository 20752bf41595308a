//! Lives of orders and operators from which the fuzzer starts.

use std::ops::Range;

use aipot_domain_runtime::{
    call::{Call, SignedCall},
    chunk::{ChunkTarget, prove_chunk},
    evaluation::EvaluationEntries,
    operator::Roles,
    primitives::{Amount, Commitment, EvaluationDigest, OrderId, Score, TraceRoot},
};
use parity_scale_codec::Encode;

use crate::targets::order::small_order;

use super::{
    MODEL, NETWORK, PROVIDERS, SALT, Step, TEST_DATA, VALIDATORS, account, model_root, stand_in,
    test_file,
};

/// Stands for the last order that was accepted.
const LAST_ORDER: OrderId = OrderId([0; 32]);
/// Stands for the right commitment.
const RIGHT: Commitment = Commitment([0; 32]);

/// A signed call of a stranger's, and one of the client's.
pub(crate) fn signed_calls() -> Vec<Vec<u8>> {
    let transfer = Call::Transfer { to: account(1), amount: Amount(5) };
    let order = Call::SubmitOrder { specification: small_order() };
    let sign = |call| SignedCall::sign(&NETWORK.keys[0], &NETWORK.genesis, 0, call).encode();
    vec![sign(transfer), sign(order)]
}

/// Lives of orders: paid, challenged, with silent validators, with a withheld model, without test
/// data; and of an operator.
pub(crate) fn call_sequences() -> Vec<Vec<u8>> {
    let lives = [
        paid_order(),
        challenged_order(),
        silent_validators(),
        withheld_model(),
        hidden_test(),
        operator(),
    ];
    lives.iter().map(|steps| steps.iter().flat_map(Encode::encode).collect()).collect()
}

fn pass(blocks: u8) -> Step {
    Step { blocks, signer: 0, call: None }
}

/// Most windows are of two blocks.
fn next_phase() -> Step {
    pass(2)
}

fn by(signer: u8, call: Call) -> Step {
    Step { blocks: 0, signer, call: Some(Box::new(call)) }
}

/// Each of them makes the call; those who were not drawn for the order are refused.
fn by_each(signers: Range<u8>, call: &Call) -> Vec<Step> {
    signers.map(|signer| by(signer, call.clone())).collect()
}

/// From submission to the end of revelation.
fn revealed_order() -> Vec<Step> {
    let claim = Call::Claim { order: LAST_ORDER, commitment: RIGHT, sequence: 1 };
    let reveal = Call::Reveal {
        order: LAST_ORDER,
        model_root: model_root(),
        byte_count: MODEL.len() as u64,
        trace_root: TraceRoot([0; 32]),
        salt: SALT,
    };
    let mut steps = vec![by(0, Call::SubmitOrder { specification: small_order() })];
    steps.push(pass(3));
    steps.extend(by_each(PROVIDERS, &claim));
    steps.push(next_phase());
    steps.extend(by_each(PROVIDERS, &reveal));
    steps.push(next_phase());
    steps
}

/// From the revelation of the test data to the commitments to evaluations.
fn committed_evaluations() -> Vec<Step> {
    let commit = Call::CommitEvaluation { order: LAST_ORDER, commitment: RIGHT };
    let test = Call::RevealTest { order: LAST_ORDER, file: test_file(), salt: SALT };
    let mut steps = vec![next_phase(), by(0, test), next_phase(), next_phase()];
    steps.extend(by_each(VALIDATORS, &commit));
    steps.push(next_phase());
    steps
}

/// From the revelation of the test data to that of the evaluations.
fn evaluation() -> Vec<Step> {
    let entries = EvaluationEntries::new();
    let reveal = Call::RevealEvaluation { order: LAST_ORDER, entries, salt: SALT };
    let mut steps = committed_evaluations();
    steps.extend(by_each(VALIDATORS, &reveal));
    steps.push(next_phase());
    steps
}

fn silent_validators() -> Vec<Step> {
    let lives = [revealed_order(), committed_evaluations(), vec![pass(21)]];
    lives.into_iter().flatten().collect()
}

fn paid_order() -> Vec<Step> {
    [revealed_order(), evaluation(), vec![pass(11)]].into_iter().flatten().collect()
}

fn challenged_order() -> Vec<Step> {
    let challenge = |validator| Call::Challenge {
        order: LAST_ORDER,
        validator: stand_in(validator),
        provider: stand_in(PROVIDERS.start),
    };
    let judge = Call::Judge {
        order: LAST_ORDER,
        challenge: 0,
        score: Score::accuracy(91, 0),
        digest: EvaluationDigest([1; 32]),
    };
    let mut steps = revealed_order();
    steps.extend(evaluation());
    steps.extend(VALIDATORS.map(|validator| by(PROVIDERS.start + 1, challenge(validator))));
    steps.push(pass(1));
    steps.extend(by_each(VALIDATORS, &judge));
    steps.push(pass(21));
    steps
}

fn withheld_model() -> Vec<Step> {
    let mut steps = revealed_order();
    for provider in PROVIDERS {
        let target = ChunkTarget::Model(account(provider));
        let order = LAST_ORDER;
        steps.push(by(0, Call::RequestChunk { order, target, chunk_index: 1 }));
        let proof = prove_chunk(&MODEL, 1).expect("the model has three chunks");
        steps.push(by(provider, Call::ServeChunk { order, target, proof }));
    }
    let target = ChunkTarget::Model(account(PROVIDERS.start));
    steps.push(by(0, Call::RequestChunk { order: LAST_ORDER, target, chunk_index: 2 }));
    steps.push(pass(31));
    steps
}

fn hidden_test() -> Vec<Step> {
    let mut steps = revealed_order();
    let proof = prove_chunk(&TEST_DATA, 0).expect("the test data have two chunks");
    let (order, target) = (LAST_ORDER, ChunkTarget::Test);
    steps.push(by(3, Call::RequestChunk { order, target, chunk_index: 0 }));
    steps.push(by(0, Call::ServeChunk { order, target, proof }));
    steps.push(pass(41));
    steps
}

fn operator() -> Vec<Step> {
    let roles = Roles { provider: true, validator: false };
    vec![
        by(0, Call::RegisterOperator { stake: Amount(1_000), roles }),
        by(0, Call::AddStake { amount: Amount(500) }),
        by(0, Call::Unstake { amount: Amount(1_500) }),
        by(0, Call::Transfer { to: stand_in(3), amount: Amount(7) }),
        pass(121),
        by(0, Call::Withdraw),
    ]
}
