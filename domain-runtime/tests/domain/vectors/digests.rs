//! Identities, commitments, keys of records, drawings, and the state after a fixed life.

use aipot_domain_runtime::account::{Account, Totals};
use aipot_domain_runtime::agenda::Agenda;
use aipot_domain_runtime::challenge::{Challenge, OpenGames, Subject};
use aipot_domain_runtime::chunk::prove_chunk;
use aipot_domain_runtime::claim::{Claim, ClaimOpening, claim_commitment};
use aipot_domain_runtime::evaluation::{
    Evaluation, EvaluationOpening, evaluation_commitment, evaluation_key,
};
use aipot_domain_runtime::genesis::{Network, Parameters};
use aipot_domain_runtime::operator::{Operator, OperatorAt, OperatorCount};
use aipot_domain_runtime::order::{DataFile, test_commitment};
use aipot_domain_runtime::primitives::{
    AccountId, Amount, Beacon, BlockNumber, Commitment, DataRoot, ModelRoot, TraceRoot,
};
use aipot_domain_runtime::progress::{OrderRecord, Progress};
use aipot_domain_runtime::selection::{Candidate, draw};
use aipot_domain_runtime::state::record_key;
use aipot_domain_runtime::submission::OrdersInBlock;
use aipot_domain_runtime::window::Phase;
use parity_scale_codec::Encode;

use super::Vector;
use super::calls::{GENESIS, ORDER, SALT, entries};
use crate::harness::setting::genesis;
use crate::harness::{Model, PARAMETERS, World, lie, specification};

/// Somebody in the keys of records.
const ACCOUNT: AccountId = AccountId([0x44; 32]);

pub(super) fn vectors() -> Vec<Vector> {
    [identities(), commitments(), keys(), derived(), life()].concat()
}

fn identities() -> Vec<Vector> {
    let specification = specification(7);
    vec![
        ("order/specification", specification.encode()),
        ("order/id", specification.id().0.to_vec()),
        ("genesis/parameters", PARAMETERS.encode()),
        ("genesis/bytes", genesis(PARAMETERS).encode()),
        ("genesis/hash", genesis(PARAMETERS).hash().0.to_vec()),
    ]
}

fn commitments() -> Vec<Vector> {
    let opening = ClaimOpening {
        genesis: GENESIS,
        order: ORDER,
        operator: ACCOUNT,
        registration_epoch: 1,
        sequence: 2,
        model_root: ModelRoot([0x66; 32]),
        trace_root: TraceRoot([0; 32]),
        salt: SALT,
    };
    let entries = entries();
    let evaluation = EvaluationOpening {
        genesis: GENESIS,
        order: ORDER,
        validator: ACCOUNT,
        entries: &entries,
        salt: SALT,
    };
    let file = DataFile { root: DataRoot([0x77; 32]), byte_count: 2_500 };
    let key = evaluation_key(&ACCOUNT, &Beacon([0x12; 32]), &Commitment([0x55; 32]));
    vec![
        ("commitment/claim", claim_commitment(&opening).0.to_vec()),
        ("commitment/test", test_commitment(&file, &SALT).0.to_vec()),
        ("commitment/evaluation", evaluation_commitment(&evaluation).0.to_vec()),
        ("evaluation/key", key.to_vec()),
    ]
}

fn keys() -> Vec<Vector> {
    let pair = (ORDER, ACCOUNT);
    let training = Subject::Training { provider: ACCOUNT };
    vec![
        ("record_key/parameters", record_key::<Parameters>(&())),
        ("record_key/totals", record_key::<Totals>(&())),
        ("record_key/account", record_key::<Account>(&ACCOUNT)),
        ("record_key/operator", record_key::<Operator>(&ACCOUNT)),
        ("record_key/operator_at", record_key::<OperatorAt>(&7)),
        ("record_key/operator_count", record_key::<OperatorCount>(&())),
        ("record_key/order", record_key::<OrderRecord>(&ORDER)),
        ("record_key/claim", record_key::<Claim>(&pair)),
        ("record_key/evaluation", record_key::<Evaluation>(&pair)),
        ("record_key/challenge", record_key::<Challenge>(&(ORDER, 3))),
        ("record_key/open_games", record_key::<OpenGames>(&(ORDER, training))),
        ("record_key/agenda", record_key::<Agenda>(&BlockNumber(258))),
        ("record_key/progress", record_key::<Progress>(&ORDER)),
        ("record_key/orders_in_block", record_key::<OrdersInBlock>(&())),
        ("record_key/network", record_key::<Network>(&())),
    ]
}

fn derived() -> Vec<Vector> {
    let candidates = (1..=9_u8)
        .map(|byte| Candidate { id: AccountId([byte; 32]), stake: Amount(u128::from(byte)) })
        .collect();
    let drawn = draw(candidates, 4, &Beacon([0x12; 32]), b"purpose");
    let proof = prove_chunk(&Model::new(48, 1).bytes, 2).expect("the model has three chunks");
    vec![
        ("selection/drawn", drawn.iter().map(|account| account.0[0]).collect()),
        ("chunk/proof", proof.encode()),
    ]
}

/// An order with a lie, and a game about it of which the first moves are made.
fn life() -> Vec<Vector> {
    let mut world = World::new();
    let order = world.submit(7);
    world.play_until(&order, Phase::EvaluationCommit);
    let liar = world.committee(&order).validators[0];
    let lies = lie(&world.truth(&order, &liar));
    let provider = lies[0].provider;
    world.commit_to(&order, &liar, lies);
    world.play_until(&order, Phase::Challenge);
    let honest = world.committee(&order).validators[1];
    let subject = Subject::Evaluation { validator: liar, provider };
    let number = world.challenge(&order, &honest, subject);
    let player = world.player(&order, subject).expect("the model is one");
    for _ in 0..3 {
        let due = world.next_move(&order, number, (&player, &player));
        let (mover, call) = due.expect("the game is open");
        world.accept(&mover, call);
    }
    let during = state_hash(&world);
    world.settle(&order);
    world.advance(PARAMETERS.order_limits.settlement_max_blocks);
    let events: Vec<_> = world.events.iter().collect();
    vec![
        ("life/state_while_challenged", during),
        ("life/state_when_settled", state_hash(&world)),
        ("life/events", blake3::hash(&events.encode()).as_bytes().to_vec()),
    ]
}

/// BLAKE3 of all keys and values in the order of the keys.
fn state_hash(world: &World) -> Vec<u8> {
    let pairs: Vec<_> = world.store.iter().collect();
    blake3::hash(&pairs.encode()).as_bytes().to_vec()
}
