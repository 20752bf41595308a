//! Lives of orders and operators from which the fuzzer starts.

use std::ops::Range;

use aipot_domain_runtime::{
    call::{Call, SignedCall},
    challenge::{
        Subject,
        case::{Case, EvaluationSetting},
        proof::Proof,
    },
    chunk::{ChunkTarget, prove_chunk},
    claim::RevealedModel,
    dispute::{Bisection, Dispute, Move, Side, Stage},
    evaluation::EvaluationEntries,
    operator::Roles,
    primitives::{Amount, Beacon, Commitment, OrderId},
    program::Computation,
    progress::TestSource,
};
use parity_scale_codec::Encode;

use crate::targets::order::small_order;

use super::{
    MODEL, NETWORK, PROVIDERS, SALT, Step, TALLY, TEST_DATA, VALIDATORS, account, model_root,
    stand_in, test_file,
};

/// Stands for the last order that was accepted.
const LAST_ORDER: OrderId = OrderId([0; 32]);
/// Who says that a result is wrong.
const CHALLENGER: u8 = PROVIDERS.start + 1;
/// Stands for the right commitment.
const RIGHT: Commitment = Commitment([0; 32]);

/// A signed call of a stranger's, and one of the client's.
pub(crate) fn signed_calls() -> Vec<Vec<u8>> {
    let transfer = Call::Transfer { to: account(1), amount: Amount(5) };
    let order = Call::SubmitOrder { specification: small_order() };
    let sign = |call| SignedCall::sign(&NETWORK.keys[0], &NETWORK.genesis, 0, call).encode();
    vec![sign(transfer), sign(order)]
}

/// Lives of orders: paid, challenged, refuted, with silent validators, with a withheld model, without test
/// data; and of an operator.
pub(crate) fn call_sequences() -> Vec<Vec<u8>> {
    let lives = [
        paid_order(),
        challenged_order(),
        proven_order(),
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
        trace: None,
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

/// Three games: the first comes to the operator, in the second the challenger falls silent, in the third the
/// responder never speaks.
fn challenged_order() -> Vec<Step> {
    let challenge =
        |validator| Call::Challenge { order: LAST_ORDER, subject: evaluation_by(validator) };
    let mut steps = revealed_order();
    steps.extend(evaluation());
    steps.extend(VALIDATORS.map(|validator| by(CHALLENGER, challenge(validator))));
    let moves = located_operator();
    let ends = [(0, moves.len()), (1, 1)];
    for (challenge, end) in ends {
        for (move_index, action) in (0..).zip(moves[..end].iter().cloned()) {
            let (order, side) = (LAST_ORDER, action.side());
            let call = Call::Move { order, challenge, move_index, action };
            match side {
                Side::Challenger => steps.push(by(CHALLENGER, call)),
                Side::Responder => steps.extend(by_each(VALIDATORS, &call)),
            }
        }
    }
    steps.push(pass(21));
    steps
}

/// The evaluation of the first provider's model.
fn evaluation_by(validator: u8) -> Subject {
    let [validator, provider] = [validator, PROVIDERS.start].map(stand_in);
    Subject::Evaluation { validator, provider }
}

/// Moves to the first operator of the evaluation; the responder shows whatever has the right length.
fn located_operator() -> Vec<Move> {
    let case = evaluation_case();
    let mut dispute = Dispute::new(&case.computation, TALLY.final_root());
    let mut moves = Vec::new();
    while let Some(action) = blind_move(&dispute, &case.computation) {
        let side = action.side();
        dispute.apply(side, &action, &case.computation, &case.files).expect("it has its length");
        moves.push(action);
    }
    moves
}

fn blind_move(dispute: &Dispute, computation: &Computation) -> Option<Move> {
    let junk = |bisection: &Bisection| vec![[1; 32]; bisection.points().len()];
    match &dispute.stage {
        Stage::Steps(bisection) | Stage::Operators { bisection, .. }
            if bisection.posted.is_empty() =>
        {
            Some(Move::Bisect { roots: junk(bisection).try_into().expect("as many as wanted") })
        }
        Stage::Steps(_) | Stage::Operators { .. } => Some(Move::Pick { part: 0 }),
        Stage::Step { step, .. } => {
            let (program, _) = computation.program(*step).expect("the game found it");
            let count = u32::try_from(program.operators.len()).expect("a program is small");
            let roots = junk(&Bisection::new((0, [0; 32]), (count, [0; 32])));
            let roots = roots.try_into().expect("as many as wanted");
            Some(Move::EnterStep { scratch_root: [1; 32], roots })
        }
        Stage::Output { .. } | Stage::Chunks { .. } | Stage::Leaf { .. } | Stage::Decided(_) => {
            None
        }
    }
}

/// What a validator's evaluation is a matter of; who it is does not change the length of a move.
fn evaluation_case() -> Case {
    let setting = EvaluationSetting {
        validator: account(VALIDATORS.start),
        source: TestSource::Revealed(test_file()),
        beacon: Beacon([0; 32]),
        claim: RIGHT,
        model: RevealedModel { root: model_root(), byte_count: MODEL.len() as u64 },
    };
    Case::evaluation(&small_order(), &setting).expect("the order is small")
}

/// A model that is none is called one.
fn proven_order() -> Vec<Step> {
    let prove = |validator| {
        let chunk = prove_chunk(&MODEL, 0).expect("the model has three chunks");
        let proof = Proof::OtherHeader { chunk };
        by(CHALLENGER, Call::Prove { order: LAST_ORDER, subject: evaluation_by(validator), proof })
    };
    let mut steps = revealed_order();
    steps.extend(evaluation());
    steps.extend(VALIDATORS.map(prove));
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
