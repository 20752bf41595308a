//! What is removed after a settlement, and what stays.

use aipot_domain_runtime::bounded::BoundedVec;
use aipot_domain_runtime::claim::RevealedModel;
use aipot_domain_runtime::order::DataFile;
use aipot_domain_runtime::outcome::{Outcome, Standing};
use aipot_domain_runtime::primitives::{DataRoot, ModelRoot, Salt, Score};

use super::super::client::ClientSecret;
use super::super::tests::small_specification;
use super::*;

const CLIENT: AccountId = AccountId([1; 32]);
const OTHER: AccountId = AccountId([2; 32]);
const WINNER: [u8; 32] = [10; 32];
const LOSER: [u8; 32] = [11; 32];
const TEST: DataFile = DataFile { root: DataRoot([12; 32]), byte_count: 5 };

fn record() -> OrderRecord {
    let model = RevealedModel { root: ModelRoot(WINNER), byte_count: 9 };
    let standing = Standing { provider: OTHER, model, score: Score(1) };
    let outcome = Outcome {
        standings: BoundedVec::try_from(vec![standing]).unwrap(),
        test_source: Some(TestSource::Revealed(TEST)),
        payouts: BoundedVec::new(),
    };
    let specification = small_specification();
    OrderRecord { specification, client: CLIENT, outcome: Some(outcome) }
}

fn knowledge() -> Knowledge {
    let models_seen = BTreeSet::from([ModelRoot(WINNER), ModelRoot(LOSER)]);
    Knowledge { models_seen, ..Knowledge::default() }
}

#[test]
fn everything_but_the_winning_model_is_removed() {
    let train = small_specification().data.train.root.0;
    let expected = [LOSER, TEST.root.0, train].map(ContentHash);
    assert_eq!(prunable(&record(), &knowledge(), &OTHER), BTreeSet::from(expected));
}

#[test]
fn the_node_of_the_client_keeps_the_data() {
    let expected = BTreeSet::from([ContentHash(LOSER)]);
    assert_eq!(prunable(&record(), &knowledge(), &CLIENT), expected);
    let secret = Some(ClientSecret { file: TEST, salt: Salt([0; 32]) });
    let knowledge = Knowledge { secret, ..knowledge() };
    assert_eq!(prunable(&record(), &knowledge, &OTHER), expected);
}

#[test]
fn nothing_of_a_running_order_is_removed() {
    let record = OrderRecord { outcome: None, ..record() };
    assert_eq!(prunable(&record, &knowledge(), &OTHER), BTreeSet::new());
    let needed = needed(&record.specification, &knowledge());
    assert!(needed.contains(&ContentHash(LOSER)));
    assert!(needed.contains(&ContentHash(record.specification.data.train.root.0)));
}
