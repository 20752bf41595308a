//! Proofs that need no game, about results that are right and results that are wrong.
//!
//! A proof may only hit a wrong result, whatever it shows.

use std::{collections::BTreeMap, sync::LazyLock};

use aipot_domain_runtime::{
    bounded::BoundedVec,
    challenge::{
        Subject,
        proof::{OtherWeights, Proof, SameHeader, prove},
    },
    chunk::{CHUNK_BYTES, ChunkRequests, prefix::prove_prefix, prove_chunk},
    claim::{Claim, RevealedModel},
    evaluation::{Evaluation, EvaluationEntry},
    order::OrderSpecification,
    primitives::{Amount, At, Beacon, BlockNumber, Commitment, ModelRoot},
    program::model_header,
    progress::{Committee, OrderRecord, Progress, TestSource},
    state::State,
    trace::list_path,
    window::Phase,
};
use parity_scale_codec::{Decode, DecodeAll, Encode};

use crate::targets::game::{final_words, honest_trace, recipe_order};

use super::{NETWORK, TALLY, account, test_file};

/// Trained as the order says.
const HONEST: u8 = 1;
/// Has revealed other weights than those of its trace.
const SWAPPER: u8 = 2;
/// Has revealed a file that is no model.
const SCRIBBLER: u8 = 3;
/// Calls every file a model.
const GENEROUS: u8 = 4;
/// Calls no file a model.
const STRICT: u8 = 5;
/// Who accuses.
const ACCUSER: u8 = 7;

/// What somebody shows about the result with an index.
#[derive(Debug, Encode, Decode)]
struct Accusation {
    subject_index: u8,
    proof: Proof,
}

/// Every result, and whether it is wrong.
const RESULTS: [(Statement, bool); 9] = [
    (Statement::Training(HONEST), false),
    (Statement::Training(SWAPPER), true),
    (Statement::Training(SCRIBBLER), true),
    (Statement::Evaluation(GENEROUS, HONEST), false),
    (Statement::Evaluation(GENEROUS, SWAPPER), false),
    (Statement::Evaluation(GENEROUS, SCRIBBLER), true),
    (Statement::Evaluation(STRICT, HONEST), true),
    (Statement::Evaluation(STRICT, SWAPPER), true),
    (Statement::Evaluation(STRICT, SCRIBBLER), false),
];

/// What somebody stands by, with numbers for accounts.
#[derive(Clone, Copy, Debug)]
enum Statement {
    Training(u8),
    Evaluation(u8, u8),
}

impl Statement {
    fn subject(self) -> Subject {
        match self {
            Self::Training(provider) => Subject::Training { provider: account(provider) },
            Self::Evaluation(validator, provider) => {
                let [validator, provider] = [validator, provider].map(account);
                Subject::Evaluation { validator, provider }
            }
        }
    }
}

/// A network with an order whose results can be challenged.
static STORE: LazyLock<BTreeMap<Vec<u8>, Vec<u8>>> = LazyLock::new(|| {
    let mut state = State::new(&NETWORK.store);
    put_order(&mut state);
    for provider in [HONEST, SWAPPER, SCRIBBLER] {
        put_claim(&mut state, provider);
    }
    for validator in [GENEROUS, STRICT] {
        put_evaluation(&mut state, validator);
    }
    state.keep();
    let (changes, _) = state.finish();
    let changed = changes.into_iter().filter_map(|(key, value)| Some((key, value?)));
    NETWORK.store.clone().into_iter().chain(changed).collect()
});

fn put_order(state: &mut State<'_>) {
    let accounts = |numbers: &[u8]| numbers.iter().copied().map(account).collect::<Vec<_>>();
    let committee = Committee {
        providers: accounts(&[HONEST, SWAPPER, SCRIBBLER]).try_into().expect("three"),
        validators: accounts(&[GENEROUS, STRICT]).try_into().expect("two"),
    };
    let specification = recipe_order();
    let id = specification.id();
    let progress = Progress {
        submitted_at: BlockNumber(0),
        committee: Some(committee),
        claim_count: 3,
        test: None,
        test_requests: ChunkRequests::new(),
        test_source: Some(TestSource::Revealed(test_file())),
        evaluation_beacon: Some(Beacon([0; 32])),
        challenge_count: 0,
        open_challenge_count: 0,
    };
    state.put(&id, &OrderRecord { specification, client: account(0), outcome: None });
    state.put(&id, &progress);
}

fn put_claim(state: &mut State<'_>, provider: u8) {
    let bytes = model(provider);
    let root = ModelRoot(*blake3::hash(&bytes).as_bytes());
    let claim = Claim {
        commitment: Commitment([provider; 32]),
        sequence: 1,
        rank: provider.into(),
        deposit: Amount(0),
        model: Some(RevealedModel { root, byte_count: bytes.len() as u64 }),
        trace: Some(honest_trace().trace.opening()),
        requests: ChunkRequests::new(),
        is_void: false,
    };
    state.put(&(recipe_order().id(), account(provider)), &claim);
}

fn put_evaluation(state: &mut State<'_>, validator: u8) {
    let entry = |provider| match validator {
        GENEROUS => EvaluationEntry::evaluated(
            account(provider),
            TALLY,
            (recipe_order().train.metric, recipe_order().data.test_example_count.into()),
        ),
        _ => EvaluationEntry::no_model(account(provider)),
    };
    let entries = [HONEST, SWAPPER, SCRIBBLER].map(entry).to_vec();
    let evaluation = Evaluation {
        commitment: Commitment([validator; 32]),
        entries: entries.try_into().expect("three"),
        is_revealed: true,
        is_struck: false,
    };
    state.put(&(recipe_order().id(), account(validator)), &evaluation);
}

/// The file that a provider has revealed.
fn model(provider: u8) -> Vec<u8> {
    let header = header(&recipe_order());
    let mut bytes = header.clone();
    let weights = final_words().into_iter().take(WEIGHT_SLOTS).flatten();
    bytes.extend(weights.flat_map(u32::to_le_bytes));
    match provider {
        SWAPPER => bytes[header.len()] ^= 1,
        SCRIBBLER => bytes.fill(7),
        _ => {}
    }
    bytes
}

/// Slots of weights: a matrix and a bias for each of two layers.
const WEIGHT_SLOTS: usize = 4;

fn header(order: &OrderSpecification) -> Vec<u8> {
    model_header(order).expect("the order is small")
}

/// Shows something about a result; only a wrong one may fall.
pub(crate) fn accepts_proof(mut bytes: &[u8]) -> bool {
    let Ok(accusation) = Accusation::decode_all(&mut bytes) else { return false };
    let known = RESULTS.get(usize::from(accusation.subject_index));
    let Some((result, is_wrong)) = known else { return false };
    let order = recipe_order();
    let block = order.windows.start(Phase::Challenge, BlockNumber(0));
    let at = At { block, beacon: Beacon([0; 32]) };
    let mut state = State::new(&*STORE);
    let about = (&order.id(), result.subject());
    let show =
        |state: &mut State<'_>| prove(state, &account(ACCUSER), about, &accusation.proof, at);
    let proven = show(&mut state);
    if let Err(refusal) = proven {
        assert!(!format!("{refusal:?}").contains("Fault"), "the machine stops: {refusal:?}");
        state.keep();
        let (changes, events) = state.finish();
        assert!(changes.is_empty() && events.is_empty(), "refused, but something changed");
        return false;
    }
    assert!(is_wrong, "{result:?} is right, but a proof says that it is wrong");
    assert!(show(&mut state).is_err(), "{result:?} falls twice");
    true
}

/// Every kind of proof against what it refutes.
pub(crate) fn proofs() -> Vec<Vec<u8>> {
    let accusation = |(subject_index, proof)| Accusation { subject_index, proof }.encode();
    let chunk = prove_chunk(&model(SCRIBBLER), 0).expect("the file has three chunks");
    [
        (1, Proof::OtherWeights(other_weights())),
        (2, Proof::OtherHeader { chunk: chunk.clone() }),
        (5, Proof::OtherHeader { chunk }),
        (6, Proof::SameHeader(same_header(HONEST))),
        (7, Proof::SameHeader(same_header(SWAPPER))),
    ]
    .map(accusation)
    .to_vec()
}

fn other_weights() -> OtherWeights {
    let words = final_words();
    let bytes = |words: &Vec<u32>| words.iter().flat_map(|word| word.to_le_bytes()).collect();
    let slots: Vec<Vec<u8>> = words.iter().map(bytes).collect();
    let roots: Vec<[u8; 32]> = slots.iter().map(|slot| *blake3::hash(slot).as_bytes()).collect();
    let file_chunk = (header(&recipe_order()).len() / CHUNK_BYTES) as u64;
    OtherWeights {
        slot: 0,
        root: roots[0],
        path: BoundedVec::try_from(list_path(&roots, 0).expect("there is a slot")).expect("few"),
        weights: prove_chunk(&slots[0], 0).expect("the slot has a chunk"),
        file: prove_chunk(&model(SWAPPER), file_chunk).expect("the file is longer"),
    }
}

fn same_header(provider: u8) -> SameHeader {
    let bytes = model(provider);
    let header = header(&recipe_order()).len();
    let known = header.next_multiple_of(CHUNK_BYTES).min(bytes.len());
    let rest = bytes[header..known].to_vec();
    SameHeader {
        rest: rest.try_into().expect("less than a chunk"),
        values: prove_prefix(&bytes, known).try_into().expect("the file is small"),
    }
}

#[cfg(test)]
mod tests;
