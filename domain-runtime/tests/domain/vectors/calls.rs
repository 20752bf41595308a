//! One fixed call of each kind, signed and unsigned.

use aipot_domain_runtime::bounded::BoundedVec;
use aipot_domain_runtime::call::{Call, SignedCall};
use aipot_domain_runtime::chunk::{ChunkProof, ChunkTarget};
use aipot_domain_runtime::evaluation::{EvaluationEntries, EvaluationEntry};
use aipot_domain_runtime::operator::Roles;
use aipot_domain_runtime::order::DataFile;
use aipot_domain_runtime::primitives::{
    AccountId, Amount, Commitment, DataRoot, EvaluationDigest, GenesisHash, ModelRoot, OrderId,
    Salt, Score, TraceRoot,
};
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
    let entry = |byte: u8, score| EvaluationEntry {
        provider: AccountId([byte; 32]),
        score,
        digest: EvaluationDigest([byte + 1; 32]),
    };
    let entries = vec![entry(0x41, Score::accuracy(480, 3_000)), entry(0x51, Score::loss(3_000))];
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
        trace_root: TraceRoot([0; 32]),
        salt: SALT,
    };
    let commitment = Commitment([0x55; 32]);
    vec![
        ("call/claim", Call::Claim { order: ORDER, commitment, sequence: 3 }),
        ("call/reveal", reveal),
    ]
}

fn evaluation_calls() -> Vec<(&'static str, Call)> {
    let file = DataFile { root: DataRoot([0x77; 32]), byte_count: 2_500 };
    let (validator, provider) = (AccountId([0x88; 32]), AccountId([0x99; 32]));
    let judge = Call::Judge {
        order: ORDER,
        challenge: 2,
        score: Score(0x0102_0304_0506_0708),
        digest: EvaluationDigest([0xaa; 32]),
    };
    let commitment = Commitment([0x55; 32]);
    vec![
        ("call/reveal_test", Call::RevealTest { order: ORDER, file, salt: SALT }),
        ("call/commit_evaluation", Call::CommitEvaluation { order: ORDER, commitment }),
        (
            "call/reveal_evaluation",
            Call::RevealEvaluation { order: ORDER, entries: entries(), salt: SALT },
        ),
        ("call/challenge", Call::Challenge { order: ORDER, validator, provider }),
        ("call/judge", judge),
    ]
}

fn chunk_calls() -> Vec<(&'static str, Call)> {
    let target = ChunkTarget::Model(AccountId([0xbb; 32]));
    let proof = ChunkProof {
        chunk_index: 5,
        bytes: BoundedVec::try_from(b"the last chunk".to_vec()).expect("it is short"),
        path: BoundedVec::try_from(vec![[0xcc; 32], [0xdd; 32]]).expect("it is short"),
    };
    vec![
        ("call/request_chunk", Call::RequestChunk { order: ORDER, target, chunk_index: 5 }),
        ("call/serve_chunk", Call::ServeChunk { order: ORDER, target: ChunkTarget::Test, proof }),
    ]
}
