//! Batches in pieces: the bits of the whole, in memory that is known before.

use proptest::prelude::*;

use super::*;
use crate::memory::training_memory;

/// Bits of weights, gradients and losses after some steps in pieces of `micro_rows`.
pub(super) fn run(
    specification: &OrderSpecification,
    train: &[u8],
    micro_rows: u32,
) -> Vec<Vec<u32>> {
    let computation = program::training(specification).unwrap();
    let engine = FastEngine::with_micro_batch(specification, &computation, train, micro_rows);
    let mut engine = engine.unwrap();
    let mut found = Vec::new();
    for step in 0..3.min(computation.steps()) {
        engine.step(step).unwrap();
        let bits = |values: &Vec<f32>| values.iter().map(|value| value.to_bits()).collect();
        found.extend(engine.gradients.iter().map(bits));
        found.push(vec![engine.loss_nats().to_bits()]);
    }
    found.extend(engine.persistent());
    found
}

/// Checks that pieces of these sizes give the bits of the whole batch.
pub(super) fn check_pieces(model: &str, data: &str, batch: u32, micro_rows: &[u32]) {
    let (specification, train) = order_of(batch, model, data, ADAMW);
    let whole = run(&specification, &train, batch);
    for &rows in micro_rows {
        assert!(run(&specification, &train, rows) == whole, "{model}: pieces of {rows} of {batch}");
    }
}

#[test]
fn pieces_of_any_size_train_the_bits_of_the_whole_batch() {
    check_pieces(MLP, RECORDS, 6, &[1, 3, 4, 0, 100]);
    check_pieces(CNN, RECORDS, 6, &[1, 3, 4]);
    check_pieces(GPT, TEXT, 6, &[1, 3, 4]);
}

#[test]
fn pieces_that_cut_a_block_of_rows_train_the_bits_of_the_whole_batch() {
    check_pieces(SMALL_MLP, SMALL_RECORDS, 1_000, &[1, 3, 511, 512, 513, 550]);
    // 24 positions a text: 30 texts are 720 rows.
    check_pieces(GPT, TEXT, 30, &[1, 7, 22]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn random_pieces_train_the_bits_of_the_whole_batch(
        batch in 1_u32..=1_024,
        micro_rows in 1_u32..=1_024,
    ) {
        let (specification, train) = order_of(batch, SMALL_MLP, SMALL_RECORDS, ADAMW);
        prop_assert!(
            run(&specification, &train, micro_rows) == run(&specification, &train, batch)
        );
    }

    #[test]
    fn random_pieces_of_images_and_texts_train_the_bits_of_the_whole_batch(
        batch in 1_u32..40,
        micro_rows in 1_u32..40,
        (model, data) in prop::sample::select(vec![(CNN, RECORDS), (GPT, TEXT)]),
    ) {
        let (specification, train) = order_of(batch, model, data, ADAMW);
        prop_assert!(
            run(&specification, &train, micro_rows) == run(&specification, &train, batch)
        );
    }
}

#[test]
fn the_memory_of_a_run_is_known_before_it_is_taken() {
    let cases =
        [(MLP, RECORDS, 6), (CNN, RECORDS, 6), (GPT, TEXT, 30), (SMALL_MLP, SMALL_RECORDS, 700)];
    for (model, data, batch) in cases {
        for recipe in [ADAMW, MOMENTUM] {
            let (specification, train) = order_of(batch, model, data, recipe);
            let computation = program::training(&specification).unwrap();
            let mut totals = Vec::new();
            for micro_rows in [1, 5, batch] {
                let engine =
                    FastEngine::with_micro_batch(&specification, &computation, &train, micro_rows);
                let memory = training_memory(&specification, micro_rows).unwrap();
                assert_eq!(memory.total(), engine.unwrap().taken_bytes(), "{model}: {micro_rows}");
                totals.push(memory.activations);
            }
            assert!(totals.is_sorted() && totals[0] < totals[2], "{model}: {totals:?}");
        }
    }
}

#[test]
fn a_second_batch_of_a_network_takes_no_more_memory() {
    let (specification, train) = order_of(700, SMALL_MLP, SMALL_RECORDS, ADAMW);
    let computation = program::training(&specification).unwrap();
    let mut engine =
        FastEngine::with_micro_batch(&specification, &computation, &train, 300).unwrap();
    let capacity = engine.network.open_capacity();
    assert!(capacity > 0);
    (0..3).for_each(|step| engine.step(step).unwrap());
    assert_eq!(engine.network.open_capacity(), capacity);
}
