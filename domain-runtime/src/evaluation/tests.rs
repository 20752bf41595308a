//! What follows from a tally: the score and the state in which the evaluation ends.

use super::*;
use crate::program::evaluation;
use crate::progress::TestSource;
use crate::reference::{Files, Party};
use crate::trace::UNSET;

fn tally(correct_count: u64, loss_sum_q16: u64) -> Tally {
    Tally { correct_count, loss_sum_q16, digest: EvaluationDigest([7; 32]) }
}

#[test]
fn a_mean_is_rounded_down() {
    assert_eq!(tally(9, 19).score(Metric::Accuracy, 10), Score::accuracy(9, 1));
    assert_eq!(tally(9, 20).score(Metric::Loss, 10), Score::loss(2));
}

#[test]
fn numbers_that_no_score_can_hold_are_kept_at_its_end() {
    let huge = tally(u64::MAX, u64::MAX);
    assert_eq!(huge.score(Metric::Accuracy, 1), Score::accuracy(u32::MAX, u32::MAX));
    assert_eq!(huge.score(Metric::Loss, 0), Score::loss(u32::MAX));
}

#[test]
fn the_first_state_of_an_evaluation_is_that_of_an_empty_tally() {
    let specification = crate::order::tests::specification();
    let data = specification.data.train;
    let source = TestSource::Revealed(data);
    let computation = evaluation(&specification, &data, &source, [1; 32]).unwrap();
    let files = Files::default();
    let empty = Tally { digest: EvaluationDigest(UNSET), ..tally(0, 0) };
    assert_eq!(Party::honest(&computation, &files).root(1), empty.final_root());
}

#[test]
fn every_count_is_part_of_the_state() {
    let one = tally(3, 4);
    let others =
        [tally(4, 4), tally(3, 5), Tally { digest: EvaluationDigest([8; 32]), ..one }, tally(4, 3)];
    assert!(others.iter().all(|other| other.final_root() != one.final_root()));
}
