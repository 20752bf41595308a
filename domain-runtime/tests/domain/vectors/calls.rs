//! One fixed call of each kind, signed and unsigned.

use aipot_domain_runtime::bounded::BoundedVec;
use aipot_domain_runtime::call::{Call, SignedCall};
use aipot_domain_runtime::challenge::Subject;
use aipot_domain_runtime::challenge::proof::{OtherWeights, Proof, SameHeader};
use aipot_domain_runtime::chunk::{ChunkProof, ChunkTarget};
use aipot_domain_runtime::dispute::{Leaf, Move, SlotOpening};
use aipot_domain_runtime::evaluation::{EvaluationEntries, EvaluationEntry, Tally};
use aipot_domain_runtime::operator::Roles;
use aipot_domain_runtime::order::{DataFile, Metric};
use aipot_domain_runtime::primitives::{
    AccountId, Amount, Commitment, DataRoot, EvaluationDigest, GenesisHash, ModelRoot, OrderId,
    Salt,
};
use aipot_domain_runtime::trace::TraceOpening;
use parity_scale_codec::Encode;

use super::Vector;
use crate::harness::people::keypair;
use crate::harness::{CLIENT, person, specification};

/// The order of all vectors.
pub(super) const ORDER: OrderId = OrderId([0x11; 32]);
/// The salt of all vectors.
pub(super) const SALT: Salt = Salt([0x22; 32]);
/// The network of all vectors.
pub(super) const GENESIS: GenesisHash = GenesisHash([0x33; 32]);

/// Two entries, ascending by provider.
pub(super) fn entries() -> EvaluationEntries {
    let digest = EvaluationDigest([0x42; 32]);
    let tally = Tally { correct_count: 480, loss_sum_q16: 1_500_499, digest };
    let provider = AccountId([0x41; 32]);
    let evaluated = EvaluationEntry::evaluated(provider, tally, (Metric::Accuracy, 500));
    let entries = vec![evaluated, EvaluationEntry::no_model(AccountId([0x51; 32]))];
    BoundedVec::try_from(entries).expect("two entries fit")
}

pub(super) fn vectors() -> Vec<Vector> {
    let transfer = money_calls().remove(0).1;
    let signer = person(CLIENT);
    let signed = SignedCall::sign(&keypair(CLIENT), &GENESIS, 7, transfer.clone());
    let mut vectors: Vec<Vector> = money_calls()
        .into_iter()
        .chain(training_calls())
        .chain(evaluation_calls())
        .chain(game_calls())
        .chain(chunk_calls())
        .map(|(name, call)| (name, call.encode()))
        .collect();
    vectors.push(("signature/signer", signer.0.to_vec()));
    vectors.push(("signature/payload", SignedCall::payload(&GENESIS, &signer, 7, &transfer)));
    vectors.push(("signature/bytes", signed.signature.0.to_vec()));
    vectors.push(("signature/call", signed.encode()));
    vectors
}

fn money_calls() -> Vec<(&'static str, Call)> {
    let amount = Amount(1_000_000_007);
    let roles = Roles { provider: true, validator: false };
    vec![
        ("call/transfer", Call::Transfer { to: AccountId([0x44; 32]), amount }),
        ("call/register_operator", Call::RegisterOperator { stake: amount, roles }),
        ("call/add_stake", Call::AddStake { amount }),
        ("call/unstake", Call::Unstake { amount }),
        ("call/withdraw", Call::Withdraw),
        ("call/submit_order", Call::SubmitOrder { specification: specification(7) }),
    ]
}

fn training_calls() -> Vec<(&'static str, Call)> {
    let reveal = Call::Reveal {
        order: ORDER,
        model_root: ModelRoot([0x66; 32]),
        byte_count: 3_000,
        trace: None,
        salt: SALT,
    };
    let trace = TraceOpening { checkpoints_root: [0x67; 32], final_root: [0x68; 32] };
    let mut reveal_trained = reveal.clone();
    if let Call::Reveal { trace: opened, .. } = &mut reveal_trained {
        *opened = Some(trace);
    }
    let commitment = Commitment([0x55; 32]);
    vec![
        ("call/claim", Call::Claim { order: ORDER, commitment, sequence: 3 }),
        ("call/reveal", reveal),
        ("call/reveal_trained", reveal_trained),
    ]
}

fn evaluation_calls() -> Vec<(&'static str, Call)> {
    let file = DataFile { root: DataRoot([0x77; 32]), byte_count: 2_500 };
    let commitment = Commitment([0x55; 32]);
    vec![
        ("call/reveal_test", Call::RevealTest { order: ORDER, file, salt: SALT }),
        ("call/commit_evaluation", Call::CommitEvaluation { order: ORDER, commitment }),
        (
            "call/reveal_evaluation",
            Call::RevealEvaluation { order: ORDER, entries: entries(), salt: SALT },
        ),
    ]
}

fn game_calls() -> Vec<(&'static str, Call)> {
    let (validator, provider) = (AccountId([0x88; 32]), AccountId([0x99; 32]));
    let subject = Subject::Evaluation { validator, provider };
    let roots = BoundedVec::try_from(vec![[0xaa; 32], [0xab; 32]]).expect("two fit");
    let path = BoundedVec::try_from(vec![[0xac; 32]]).expect("one fits");
    let (old, new) = ([0xad; 32], [0xae; 32]);
    let chunks = BoundedVec::try_from(vec![chunk()]).expect("one fits");
    let opening = SlotOpening { slot: 7, root: old, path: path.clone(), chunks };
    let openings = BoundedVec::try_from(vec![opening]).expect("one fits");
    let bytes = BoundedVec::try_from(vec![1, 2, 3, 4]).expect("four fit");
    let moves = [
        ("call/bisect", Move::Bisect { roots: roots.clone() }),
        ("call/pick", Move::Pick { part: 5 }),
        ("call/enter_step", Move::EnterStep { scratch_root: old, roots: roots.clone() }),
        ("call/output", Move::Output { old, new, path }),
        ("call/children", Move::Children { values: vec![old, new].try_into().expect("two fit") }),
        ("call/chunk", Move::Chunk { bytes }),
        ("call/leaf", Move::Leaf(Leaf { word: 9, openings })),
    ];
    let moves = moves.map(|(name, action)| {
        (name, Call::Move { order: ORDER, challenge: 2, move_index: 3, action })
    });
    let training = Subject::Training { provider };
    let mut calls = vec![
        ("call/challenge", Call::Challenge { order: ORDER, subject }),
        ("call/challenge_training", Call::Challenge { order: ORDER, subject: training }),
    ];
    calls.extend(moves);
    calls
        .extend(proofs().map(|(name, proof)| (name, Call::Prove { order: ORDER, subject, proof })));
    calls
}

fn proofs() -> [(&'static str, Proof); 3] {
    let path = BoundedVec::try_from(vec![[0xac; 32]]).expect("one fits");
    let rest = BoundedVec::try_from(b"weights".to_vec()).expect("it is short");
    let values = BoundedVec::try_from(vec![[0xaf; 32]]).expect("one fits");
    let (weights, file) = (chunk(), chunk());
    let other = OtherWeights { slot: 3, root: [0xad; 32], path, weights, file };
    [
        ("call/prove_other_weights", Proof::OtherWeights(other)),
        ("call/prove_other_header", Proof::OtherHeader { chunk: chunk() }),
        ("call/prove_same_header", Proof::SameHeader(SameHeader { rest, values })),
    ]
}

fn chunk() -> ChunkProof {
    ChunkProof {
        chunk_index: 5,
        bytes: BoundedVec::try_from(b"the last chunk".to_vec()).expect("it is short"),
        path: BoundedVec::try_from(vec![[0xcc; 32], [0xdd; 32]]).expect("it is short"),
    }
}

fn chunk_calls() -> Vec<(&'static str, Call)> {
    let target = ChunkTarget::Model(AccountId([0xbb; 32]));
    let proof = chunk();
    vec![
        ("call/request_chunk", Call::RequestChunk { order: ORDER, target, chunk_index: 5 }),
        ("call/serve_chunk", Call::ServeChunk { order: ORDER, target: ChunkTarget::Test, proof }),
    ]
}
