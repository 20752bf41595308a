//! Who wins, who is right, and what satisfies an order.

use super::*;
use crate::bounded::BoundedVec;
use crate::chunk::ChunkRequests;
use crate::evaluation::EvaluationEntry;
use crate::order::tests::specification;
use crate::primitives::{Amount, Commitment};

fn account(byte: u8) -> AccountId {
    AccountId([byte; 32])
}

fn claim(rank: u32, root: u8) -> Claim {
    Claim {
        commitment: Commitment([0; 32]),
        sequence: 0,
        rank,
        deposit: Amount(1),
        model: Some(RevealedModel { root: ModelRoot([root; 32]), byte_count: 10 }),
        trace: None,
        requests: ChunkRequests::new(),
        is_void: false,
    }
}

fn evaluation(scores: &[(u8, u64)]) -> Evaluation {
    let entries: Vec<_> = scores
        .iter()
        .map(|(provider, score)| EvaluationEntry {
            provider: account(*provider),
            score: Score(*score),
            tally: None,
        })
        .collect();
    Evaluation {
        commitment: Commitment([0; 32]),
        entries: BoundedVec::try_from(entries).unwrap(),
        is_revealed: true,
        is_struck: false,
    }
}

fn ranked(claims: &[(u8, Claim)], evaluations: &[Evaluation]) -> Vec<(AccountId, u64)> {
    let standings = rank(&Recipe::Free, &by_account(claims), &numbered(evaluations));
    standings.iter().map(|standing| (standing.provider, standing.score.0)).collect()
}

fn by_account(claims: &[(u8, Claim)]) -> BTreeMap<AccountId, Claim> {
    claims.iter().map(|(byte, claim)| (account(*byte), claim.clone())).collect()
}

fn numbered(evaluations: &[Evaluation]) -> BTreeMap<AccountId, Evaluation> {
    (100..).map(account).zip(evaluations.iter().cloned()).collect()
}

#[test]
fn the_best_score_wins() {
    let claims = [(1, claim(0, 1)), (2, claim(1, 2))];
    let evaluations = [evaluation(&[(1, 5), (2, 7)])];
    assert_eq!(ranked(&claims, &evaluations), [(account(2), 7), (account(1), 5)]);
}

#[test]
fn ties_go_to_the_earlier_claim() {
    let claims = [(1, claim(1, 1)), (2, claim(0, 2))];
    let evaluations = [evaluation(&[(1, 5), (2, 5)])];
    assert_eq!(ranked(&claims, &evaluations), [(account(2), 5), (account(1), 5)]);
}

#[test]
fn of_equal_models_only_the_earlier_claim_counts() {
    let claims = [(1, claim(1, 7)), (2, claim(0, 7))];
    let evaluations = [evaluation(&[(1, 9), (2, 5)])];
    assert_eq!(ranked(&claims, &evaluations), [(account(2), 5)]);
}

#[test]
fn a_void_model_does_not_hide_an_equal_one() {
    let void = Claim { is_void: true, ..claim(0, 7) };
    let claims = [(1, claim(1, 7)), (2, void)];
    let evaluations = [evaluation(&[(1, 9), (2, 9)])];
    assert_eq!(ranked(&claims, &evaluations), [(account(1), 9)]);
}

#[test]
fn an_unrevealed_model_has_no_rank() {
    let claims = [(1, Claim { model: None, ..claim(0, 7) })];
    assert_eq!(ranked(&claims, &[evaluation(&[(1, 9)])]), []);
}

#[test]
fn the_score_of_most_validators_counts_and_of_equally_many_the_lower() {
    let claims = [(1, claim(0, 1))];
    let said = |scores: &[u64]| -> Vec<_> {
        scores.iter().map(|score| evaluation(&[(1, *score)])).collect()
    };
    assert_eq!(ranked(&claims, &said(&[9, 5, 9])), [(account(1), 9)]);
    assert_eq!(ranked(&claims, &said(&[9, 5])), [(account(1), 5)]);
}

#[test]
fn struck_and_closed_evaluations_do_not_count() {
    let claims = [(1, claim(0, 1))];
    let struck = Evaluation { is_struck: true, ..evaluation(&[(1, 9)]) };
    let closed = Evaluation { is_revealed: false, ..evaluation(&[(1, 9)]) };
    let evaluations = [struck, closed, evaluation(&[(1, 5)])];
    assert_eq!(ranked(&claims, &evaluations), [(account(1), 5)]);
    let standings = rank(&Recipe::Free, &by_account(&claims), &numbered(&evaluations));
    assert_eq!(correct_validators(&standings, &numbered(&evaluations)), [account(102)]);
}

#[test]
fn a_validator_is_right_about_every_ranked_model_or_not_at_all() {
    let claims = [(1, claim(0, 1)), (2, claim(1, 2))];
    let evaluations = numbered(&[
        evaluation(&[(1, 5), (2, 7)]),
        evaluation(&[(1, 5), (2, 7)]),
        evaluation(&[(1, 5), (2, 6)]),
        evaluation(&[(1, 5)]),
        evaluation(&[]),
    ]);
    let standings = rank(&Recipe::Free, &by_account(&claims), &evaluations);
    assert_eq!(correct_validators(&standings, &evaluations), [account(100), account(101)]);
}

#[test]
fn nobody_is_right_about_nothing() {
    let evaluations = numbered(&[evaluation(&[]), evaluation(&[])]);
    assert_eq!(correct_validators(&[], &evaluations), []);
}

#[test]
fn accuracy_satisfies_from_the_exact_share_on() {
    let specification = specification();
    assert_eq!(specification.pay.metric_min_millionths, 900_000);
    let is_enough = |correct| satisfies(&specification, Score::accuracy(correct, 0), 360);
    assert_eq!((is_enough(323), is_enough(324)), (false, true));
}

#[test]
fn loss_satisfies_up_to_the_exact_bound() {
    let mut specification = specification();
    specification.train.metric = Metric::Loss;
    specification.pay.metric_min_millionths = 500_000;
    let is_enough = |loss_q16| satisfies(&specification, Score::loss(loss_q16), 360);
    assert_eq!((is_enough(32_768), is_enough(32_769)), (true, false));
    assert!(!is_enough(u32::MAX));
}

#[test]
fn a_file_that_is_no_model_satisfies_nothing() {
    let mut specification = specification();
    specification.pay.metric_min_millionths = 0;
    assert!(!satisfies(&specification, Score(0), 360));
    assert!(satisfies(&specification, Score::accuracy(0, 1), 360));
}

#[test]
fn a_split_has_at_most_the_training_examples() {
    let mut specification = specification();
    specification.data.test_example_count = 500;
    specification.data.train_example_count = 300;
    let split = TestSource::BeaconSplit(crate::primitives::Beacon([1; 32]));
    assert_eq!(test_example_count(&specification, &split), 300);
    let revealed = TestSource::Revealed(specification.data.train);
    assert_eq!(test_example_count(&specification, &revealed), 500);
}

#[test]
fn equal_results_of_a_recipe_all_count() {
    use crate::order::{FixedRecipe, RecipeOptimizer, RecipeSchedule};
    let recipe = Recipe::Fixed(FixedRecipe {
        step_count: 1,
        optimizer: RecipeOptimizer::Momentum { momentum: 0, weight_decay: 0 },
        learning_rate: 1,
        schedule: RecipeSchedule::Constant,
        checkpoint_interval: 1,
    });
    let claims = by_account(&[(1, claim(1, 7)), (2, claim(0, 7))]);
    let evaluations = numbered(&[evaluation(&[(1, 5), (2, 5)])]);
    let providers = |recipe: &Recipe| -> Vec<AccountId> {
        let standings = rank(recipe, &claims, &evaluations);
        standings.iter().map(|standing| standing.provider).collect()
    };
    assert_eq!(providers(&recipe), [account(2), account(1)]);
    assert_eq!(providers(&Recipe::Free), [account(2)]);
}

#[test]
fn every_byte_of_a_text_is_an_answer() {
    let mut text = specification();
    let source = TestSource::Revealed(text.data.train);
    assert_eq!(answer_count(&text, &source), 360);
    text.data.format = crate::order::DataFormat::Text;
    assert_eq!(answer_count(&text, &source), 360 * 64);
}
