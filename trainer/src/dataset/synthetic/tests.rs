//! Tests of invented data: the same everywhere, of the wanted shape, and worth learning.

use aipot_domain_runtime::order::DataFormat;
use aipot_kernels::blake3_tree;
use proptest::prelude::*;

use super::{Part, SyntheticError, SyntheticShape, synthetic_file};
use crate::dataset::survey;

const RECORDS: SyntheticShape = SyntheticShape {
    format: DataFormat::Records { value_bytes: 1 },
    feature_count: 64,
    class_count: 10,
};
const TEXT: SyntheticShape =
    SyntheticShape { format: DataFormat::Text, feature_count: 32, class_count: 256 };

#[test]
fn the_bytes_are_those_of_the_golden_vector() {
    // Origin: printed by this code when it was written. Integers only, so equal on every machine.
    let roots = [(RECORDS, Part::Train), (RECORDS, Part::Test), (TEXT, Part::Train)].map(
        |(shape, part)| {
            let bytes = synthetic_file(&shape, 7, part, 100).unwrap();
            blake3::Hash::from(blake3_tree::root(&bytes)).to_string()
        },
    );
    let expected = [
        "4cf96788fe2904676ceee4e6dc650795a633a1f61151e33c765517e58f6d48fa",
        "09049e7f0810f0847f3a8127b009c01c456136a05419e7e1c42f79f999a96dab",
        "17332b7407616350622197bf83f9834df1b872dc169a2edcd26e0d0b0331886e",
    ];
    assert_eq!(roots, expected);
}

#[test]
fn parts_and_seeds_differ() {
    for shape in [RECORDS, TEXT] {
        let with = |seed, part| synthetic_file(&shape, seed, part, 50).unwrap();
        assert_eq!(with(1, Part::Train), with(1, Part::Train));
        assert_ne!(with(1, Part::Train), with(1, Part::Test));
        assert_ne!(with(1, Part::Train), with(2, Part::Train));
    }
}

/// The squared distance of two examples.
fn distance(left: &[u8], right: &[f64]) -> f64 {
    left.iter().zip(right).map(|(left, right)| (f64::from(*left) - right).powi(2)).sum()
}

#[test]
fn the_classes_of_records_can_be_told_apart_on_unseen_examples() {
    let train = synthetic_file(&RECORDS, 7, Part::Train, 1_000).unwrap();
    let mut means = vec![vec![0.0; 64]; 10];
    let mut counts = [0.0; 10];
    for record in train.chunks(65) {
        let label = usize::from(record[64]);
        counts[label] += 1.0;
        means[label].iter_mut().zip(record).for_each(|(sum, value)| *sum += f64::from(*value));
    }
    assert!(counts.iter().all(|count| (60.0..140.0).contains(count)), "{counts:?}");
    for (mean, count) in means.iter_mut().zip(counts) {
        for sum in mean {
            *sum /= count;
        }
    }
    let test = synthetic_file(&RECORDS, 7, Part::Test, 500).unwrap();
    let is_nearest = |record: &&[u8]| {
        let distances = means.iter().map(|mean| distance(&record[..64], mean));
        let nearest = distances.enumerate().min_by(|left, right| left.1.total_cmp(&right.1));
        nearest.unwrap().0 == usize::from(record[64])
    };
    let correct = test.chunks(65).filter(is_nearest).count();
    assert!(correct >= 475, "{correct} of 500");
    assert!(train.chunks(65).any(|record| distance(record, &means[usize::from(record[64])]) > 1e4));
}

#[test]
fn text_says_what_comes_next_but_not_for_certain() {
    let text = synthetic_file(&TEXT, 7, Part::Train, 10_000).unwrap();
    let mut pairs = std::collections::BTreeMap::<(u8, u8), u32>::new();
    for pair in text.windows(2) {
        *pairs.entry((pair[0], pair[1])).or_default() += 1;
    }
    let successors = |byte| pairs.range((byte, 0)..=(byte, 255)).count();
    assert!((0..=255).all(|byte| (1..=4).contains(&successors(byte))));
    assert!(pairs.len() > 3 * 256, "most bytes have several successors");
}

#[test]
fn shapes_that_cannot_be_invented_are_refused() {
    let refused = |shape: SyntheticShape, examples| {
        synthetic_file(&shape, 7, Part::Train, examples).unwrap_err()
    };
    let wide = SyntheticShape { format: DataFormat::Records { value_bytes: 2 }, ..RECORDS };
    assert_eq!(refused(wide, 1), SyntheticError::ValueBytes { found: 2 });
    for found in [0, 257] {
        let shape = SyntheticShape { class_count: found, ..RECORDS };
        assert_eq!(refused(shape, 1), SyntheticError::ClassCount { found, min: 1, max: 256 });
    }
    let shape = SyntheticShape { class_count: 10, ..TEXT };
    assert_eq!(refused(shape, 1), SyntheticError::ClassCount { found: 10, min: 256, max: 256 });
    let shape = SyntheticShape { feature_count: 0, ..RECORDS };
    assert!(matches!(refused(shape, 1), SyntheticError::Features(_)));
    let found = refused(RECORDS, u32::MAX);
    assert!(matches!(found, SyntheticError::TooLarge { max: 1_073_741_824, .. }));
}

proptest! {
    /// What is invented is what was asked for.
    #[test]
    fn files_have_the_wanted_shape(
        seed: u64, feature_count in 1_u32..40, class_count in 1_u32..=256, count in 1_u32..60, is_text: bool,
    ) {
        let shape = if is_text {
            SyntheticShape { feature_count, ..TEXT }
        } else {
            SyntheticShape { feature_count, class_count, ..RECORDS }
        };
        let bytes = synthetic_file(&shape, seed, Part::Test, count).unwrap();
        let facts = survey(&bytes, shape.format, feature_count).unwrap();
        prop_assert_eq!((facts.example_count, facts.feature_count), (count, feature_count));
        prop_assert!(facts.class_count <= shape.class_count);
    }
}
