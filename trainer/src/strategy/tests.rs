//! Searches: the same seed chooses the same, no budget is exceeded, what is best stays, and a search that is
//! stopped anywhere ends like one that is not.

use aipot_domain_runtime::order::OrderSpecification;
use proptest::prelude::*;

use super::*;
use crate::engine::tests::{RECORDS, order};
use crate::optimizer::OptimizerOptions;
use crate::schedule::Schedule;

const MLP: &str = "architecture = \"mlp\"\nhidden = [8]";
const GPT: &str = "architecture = \"gpt\"\nwidth = 8\nlayers = 1\nheads = 2\ncontext = 12";
const TEXT: &str =
    "train_examples = 20\ntest_examples = 10\nfeatures = 12\ntrain = { format = \"text\" }";

fn records() -> (OrderSpecification, Vec<u8>) {
    let data = RECORDS.replace("train_examples = 20", "train_examples = 80");
    order(MLP, &data, "\"free\"")
}

fn division() -> Division {
    let (specification, train) = records();
    Division::new(&specification, &train, 5).unwrap()
}

fn options(candidate_count: u32, budget_examples: u64) -> SearchOptions {
    SearchOptions { seed: 5, candidate_count, budget_examples }
}

fn run(search: &mut Search<'_>) -> Vec<SearchEvent> {
    std::iter::from_fn(|| search.advance().unwrap()).collect()
}

fn judgments(events: &[SearchEvent]) -> Vec<(usize, f64, bool)> {
    let judged = |event: &SearchEvent| match event {
        SearchEvent::Judged { candidate, loss_nats, is_best } => {
            Some((*candidate, *loss_nats, *is_best))
        }
        _ => None,
    };
    events.iter().filter_map(judged).collect()
}

#[test]
fn the_same_seed_makes_the_same_choices() {
    let division = division();
    let of = |seed| {
        let options = SearchOptions { seed, ..options(8, 6000) };
        let mut search = Search::new(&division, options).unwrap();
        let events = run(&mut search);
        (events, search.best().cloned())
    };
    assert_eq!(of(5), of(5));
    assert_ne!(of(5), of(6));
}

#[test]
fn the_better_half_survives_and_the_best_model_is_kept() {
    let division = division();
    let mut search = Search::new(&division, options(8, 12_000)).unwrap();
    let counts: Vec<usize> =
        search.plan().rungs().iter().map(|rung| rung.candidate_count).collect();
    assert_eq!(counts, [8, 4, 2, 1]);
    let mut expected: Vec<usize> = (0..8).collect();
    for rung in counts {
        assert_eq!(search.survivors(), expected);
        let mut judged = Vec::new();
        while judged.len() < rung {
            let event = search.advance().unwrap().unwrap();
            judged.extend(judgments(&[event]));
        }
        judged.sort_by(|one, two| one.1.total_cmp(&two.1));
        expected = judged[..(rung / 2).max(1)].iter().map(|one| one.0).collect();
    }
    assert_eq!(search.advance().unwrap(), None);
    assert!(search.is_finished());
    let mut again = Search::new(&division, options(8, 12_000)).unwrap();
    let losses = judgments(&run(&mut again));
    let smallest = losses.iter().map(|one| one.1).fold(f64::INFINITY, f64::min);
    let best = search.best().unwrap();
    assert_eq!(best.loss_nats.to_bits(), smallest.to_bits());
    // Five classes: guessing costs 1.6 nats.
    assert!(smallest < 1.2, "{smallest}");
}

#[test]
fn every_improvement_is_said_and_only_those() {
    let division = division();
    let mut search = Search::new(&division, options(6, 6000)).unwrap();
    let mut least = f64::INFINITY;
    for (_, loss, is_best) in judgments(&run(&mut search)) {
        assert_eq!(is_best, loss < least);
        least = least.min(loss);
    }
}

#[test]
fn a_candidate_that_diverges_is_out_and_costs_the_others_nothing() {
    let division = division();
    let mut search = Search::new(&division, options(4, 6000)).unwrap();
    search.candidates[2].options = TrainingOptions {
        learning_rate: 1e30,
        schedule: Schedule::Constant,
        optimizer: OptimizerOptions::DESCENT,
        ..search.candidates[2].options
    };
    let events = run(&mut search);
    assert!(events.contains(&SearchEvent::Diverged { candidate: 2 }));
    assert!(search.best().is_some_and(|best| best.candidate != 2));
    assert!(search.spent_examples() <= 6000);
}

#[test]
fn the_first_candidate_is_what_the_order_would_get_anyway() {
    let division = division();
    let search = Search::new(&division, options(8, 12_000)).unwrap();
    let first = search.candidates().next().unwrap();
    let steps = first.step_count;
    let expected = TrainingOptions::recipe(&division.train.specification, 5);
    assert_eq!(
        TrainingOptions { step_count: steps, schedule: expected.schedule, ..*first },
        TrainingOptions { step_count: steps, ..expected }
    );
    assert!(search.candidates().all(|candidate| candidate.check().is_ok()));
}

#[test]
fn budgets_and_counts_that_make_no_search_are_refused() {
    let division = division();
    let refused = Search::new(&division, options(0, 6000));
    assert!(matches!(refused, Err(SearchError::CandidateCount { found: 0 })));
    let refused = Search::new(&division, options(CANDIDATES_MAX + 1, 6000));
    assert!(matches!(refused, Err(SearchError::CandidateCount { .. })));
    let refused = Search::new(&division, options(4, 3));
    assert!(matches!(refused, Err(SearchError::Budget { found: 3, .. })));
    let few = Search::new(&division, options(64, 200)).unwrap();
    assert!(few.plan().candidate_count() < 64);
}

#[test]
fn held_out_records_are_none_of_those_trained_on_and_all_are_there() {
    let (specification, train) = records();
    let division = Division::new(&specification, &train, 9).unwrap();
    let width = usize::try_from(specification.data.example_bytes()).unwrap();
    let (kept, held_out) = (&division.train.bytes, &division.held_out.bytes);
    assert_eq!(held_out.len(), 8 * width);
    let mut both: Vec<&[u8]> = kept.chunks(width).chain(held_out.chunks(width)).collect();
    let mut whole: Vec<&[u8]> = train.chunks(width).collect();
    both.sort_unstable();
    whole.sort_unstable();
    assert_eq!(both, whole);
    let other = Division::new(&specification, &train, 10).unwrap();
    assert_ne!(other.held_out.bytes, division.held_out.bytes);
    assert!(Division::new(&specification, &train[1..], 9).is_err());
}

#[test]
fn running_text_is_divided_at_its_end_and_can_be_searched_over() {
    let (specification, train) = order(GPT, TEXT, "\"free\"");
    let division = Division::new(&specification, &train, 9).unwrap();
    let (kept, held_out) = (&division.train.bytes, &division.held_out.bytes);
    assert_eq!([kept.len(), held_out.len()], [18 * 12 + 1, train.len() - 18 * 12]);
    assert_eq!(train[..kept.len()], kept[..]);
    assert_eq!(train[18 * 12..], held_out[..]);
    let mut search = Search::new(&division, options(4, 2000)).unwrap();
    run(&mut search);
    // 256 classes: guessing costs 5.5 nats.
    assert!(search.best().unwrap().loss_nats < 5.5);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Whatever the budget, it is not exceeded.
    #[test]
    fn no_budget_is_exceeded(candidates in 1_u32..12, budget in 20_u64..4000, seed: u64) {
        let division = division();
        let options = SearchOptions { seed, candidate_count: candidates, budget_examples: budget };
        let Ok(mut search) = Search::new(&division, options) else {
            prop_assert!(budget < 100);
            return Ok(());
        };
        run(&mut search);
        prop_assert!(search.spent_examples() <= budget);
    }

    /// A search that is stopped after any move ends like one that is not.
    #[test]
    fn a_stopped_search_goes_on_to_the_same_end(moves in 0_usize..200) {
        let division = division();
        let options = options(6, 3000);
        let mut whole = Search::new(&division, options).unwrap();
        let events = run(&mut whole);
        let mut first = Search::new(&division, options).unwrap();
        for _ in 0..moves {
            first.advance().unwrap();
        }
        let bytes = first.to_bytes().unwrap();
        let mut second = Search::from_bytes(&bytes, &division).unwrap();
        prop_assert_eq!(second.to_bytes().unwrap(), bytes);
        let rest = run(&mut second);
        prop_assert_eq!(&rest[..], &events[moves.min(events.len())..]);
        prop_assert_eq!(second.best(), whole.best());
        prop_assert_eq!(second.spent_examples(), whole.spent_examples());
    }

    /// Damage is seen.
    #[test]
    fn damaged_bytes_are_refused(place: prop::sample::Index, change in 1_u8..) {
        let division = division();
        let mut search = Search::new(&division, options(2, 600)).unwrap();
        search.advance().unwrap();
        let mut bytes = search.to_bytes().unwrap();
        let place = place.index(bytes.len());
        bytes[place] ^= change;
        let found = Search::from_bytes(&bytes, &division);
        prop_assert!(matches!(found, Err(SavedSearchError::Foreign)));
    }
}
