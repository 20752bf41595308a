//! Tests of data files: what is read, what is refused and where, and how files are split.

use aipot_domain_runtime::order::{DataFormat, DataSpecification};
use aipot_domain_runtime::primitives::{Beacon, Commitment, DataRoot, OrderId};
use proptest::prelude::*;

use super::digits::{DIGITS_DIVISOR, digits};
use super::{Dataset, DatasetError, SplitError, beacon_split, data_file, split};

const SMALL: &[u8] = b"1,2,0\n-3,16777216,1\n5,6,2\n";

fn specification(bytes: &[u8]) -> DataSpecification {
    let lines = u32::try_from(super::csv::lines(bytes).count()).unwrap();
    DataSpecification {
        train: data_file(bytes),
        format: DataFormat::Csv,
        train_example_count: lines,
        test_example_count: 2,
        feature_count: 2,
        feature_divisor: 4,
        class_count: 3,
        test_commitment: Commitment::default(),
    }
}

fn read(bytes: &[u8]) -> Result<Dataset, DatasetError> {
    Dataset::read_train(bytes, &specification(bytes))
}

#[test]
fn features_are_divided_and_labels_are_kept() {
    let data = read(SMALL).unwrap();
    assert_eq!(data.features(), [0.25, 0.5, -0.75, 4_194_304.0, 1.25, 1.5]);
    assert_eq!(data.labels(), [0, 1, 2]);
    assert_eq!((data.example_count(), data.feature_count(), data.class_count()), (3, 2, 3));
}

#[test]
fn line_ends_of_either_kind_and_a_missing_last_one_are_read() {
    let unix = read(b"1,2,0\n3,4,1\n").unwrap();
    for bytes in [&b"1,2,0\r\n3,4,1\r\n"[..], b"1,2,0\n3,4,1"] {
        let other = read(bytes).unwrap();
        assert_eq!((other.features(), other.labels()), (unix.features(), unix.labels()));
    }
}

#[test]
fn the_wrong_file_is_refused_with_both_roots() {
    let mut data = specification(SMALL);
    data.train.root = DataRoot([1; 32]);
    let (expected, found) = (data.train.root, data_file(SMALL).root);
    let error = Dataset::read_train(SMALL, &data).unwrap_err();
    assert_eq!(error, DatasetError::WrongRoot { expected, found });
    data.train.byte_count = 5;
    let error = Dataset::read_train(SMALL, &data).unwrap_err();
    assert_eq!(error, DatasetError::WrongByteCount { expected: 5, found: 26 });
}

#[test]
fn wrong_values_are_named_with_line_and_column() {
    let not_a_number =
        |line, column, text: &str| DatasetError::NotANumber { line, column, text: text.to_owned() };
    let label = |value| DatasetError::OutOfRange { line: 2, column: 3, value, min: 0, max: 2 };
    let feature = |value| {
        let max = 16_777_216;
        DatasetError::OutOfRange { line: 1, column: 2, value, min: -max, max }
    };
    let columns = |line, found| DatasetError::WrongColumnCount { line, expected: 3, found };
    let long = "9".repeat(100_000);
    let cases: Vec<(&str, DatasetError)> = vec![
        ("1,2,0\n1,2,3\n", label(3)),
        ("1,2,0\n1,2,-1\n", label(-1)),
        ("1,16777217,0\n", feature(16_777_217)),
        ("1,-16777217,0\n", feature(-16_777_217)),
        ("1,2,0\n1,x,2\n", not_a_number(2, 2, "x")),
        ("1,2,0\n1,,2\n", not_a_number(2, 2, "")),
        ("1, 2,0\n", not_a_number(1, 2, " 2")),
        ("1,+2,0\n", not_a_number(1, 2, "+2")),
        ("1,2.5,0\n", not_a_number(1, 2, "2.5")),
        ("1,2,0\n\n1,2,0\n", columns(2, 1)),
        ("1,2\n", columns(1, 2)),
        ("1,2,3,0\n", columns(1, 4)),
    ];
    for (text, expected) in cases {
        assert_eq!(read(text.as_bytes()).unwrap_err(), expected, "{text:?}");
    }
    let error = read(format!("{long},1,0\n").as_bytes()).unwrap_err();
    assert_eq!(error, not_a_number(1, 1, &long[..32]));
}

#[test]
fn other_counts_than_the_orders_are_refused() {
    let mut data = specification(SMALL);
    data.train_example_count = 2;
    let error = Dataset::read_train(SMALL, &data).unwrap_err();
    assert_eq!(error, DatasetError::WrongExampleCount { expected: 2, found: 3 });
    data.train_example_count = 4;
    let error = Dataset::read_train(SMALL, &data).unwrap_err();
    assert_eq!(error, DatasetError::WrongExampleCount { expected: 4, found: 3 });
    let error = Dataset::read_test(b"", &data).unwrap_err();
    assert_eq!(error, DatasetError::WrongExampleCount { expected: 2, found: 0 });
}

#[test]
fn a_survey_says_what_a_file_holds() {
    let data = Dataset::survey(SMALL, DataFormat::Csv, 1).unwrap();
    let facts = data.facts();
    assert_eq!((facts.example_count, facts.feature_count, facts.class_count), (3, 2, 3));
    assert_eq!(data.class_count(), 3);
    assert!(Dataset::survey(b"", DataFormat::Csv, 1).is_err());
    assert!(Dataset::survey(b"5\n", DataFormat::Csv, 1).is_err());
    assert!(Dataset::survey(&vec![b','; 70_000], DataFormat::Csv, 1).is_err());
}

#[test]
fn the_digits_are_what_their_page_says() {
    let data = Dataset::survey(digits(), DataFormat::Csv, DIGITS_DIVISOR).unwrap();
    let facts = data.facts();
    assert_eq!((facts.example_count, facts.feature_count, facts.class_count), (1797, 64, 10));
    assert_eq!(
        facts.file.root.to_string(),
        "f84230aa70dfb2e9da69c9c09d8c1fb7fb743a0cce3676204f3b3933c2115f15"
    );
    assert!(data.features().iter().all(|value| (0.0..=1.0).contains(value)));
    let of_class = |class| data.labels().iter().filter(|label| **label == class).count();
    let counts: Vec<usize> = (0..10).map(of_class).collect();
    assert_eq!(counts, [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]);
}

#[test]
fn a_split_keeps_every_line_once() {
    let parts = split(digits(), 360, 1).unwrap();
    let sorted = |bytes: &[u8]| {
        let mut lines: Vec<Vec<u8>> = super::csv::lines(bytes).map(<[u8]>::to_vec).collect();
        lines.sort();
        lines
    };
    let both = [parts.train.as_slice(), &parts.test].concat();
    assert_eq!(sorted(&both), sorted(digits()));
    assert_eq!(sorted(&parts.test).len(), 360);
    assert_eq!(parts, split(digits(), 360, 1).unwrap());
    assert_ne!(parts, split(digits(), 360, 2).unwrap());
}

#[test]
fn a_split_without_one_of_its_parts_is_refused() {
    for test_count in [0, 3, 4] {
        let found = split(SMALL, test_count, 0).unwrap_err();
        assert_eq!(found, SplitError::Count { test_count, example_count: 3 });
    }
}

#[test]
fn a_beacon_split_is_drawn_from_the_training_file_by_order_and_beacon() {
    let lines: Vec<String> = (0..50).map(|line| format!("{line},0,{}", line % 3)).collect();
    let text = lines.join("\n");
    let mut data = specification(text.as_bytes());
    data.test_example_count = 20;
    let draw = |order, beacon| {
        let (order, beacon) = (OrderId([order; 32]), Beacon([beacon; 32]));
        beacon_split(order, beacon, text.as_bytes(), &data).unwrap()
    };
    let first = draw(1, 1);
    let mut seen: Vec<f32> = first.features().iter().step_by(2).map(|value| value * 4.0).collect();
    seen.sort_by(f32::total_cmp);
    seen.dedup();
    assert_eq!(seen.len(), 20, "no example twice");
    assert_eq!(first, draw(1, 1));
    assert_ne!(first, draw(1, 2));
    assert_ne!(first, draw(2, 1));
    data.test_example_count = 80;
    let all = beacon_split(OrderId([1; 32]), Beacon([1; 32]), text.as_bytes(), &data).unwrap();
    assert_eq!(all.example_count(), 50, "not more than there are");
}

#[test]
fn a_beacon_split_of_the_wrong_file_is_refused() {
    let found =
        beacon_split(OrderId::default(), Beacon::default(), b"1,2,0\n", &specification(SMALL));
    assert!(matches!(found, Err(DatasetError::WrongByteCount { .. })));
}

proptest! {
    /// No bytes make the reader panic; what is read has the shape it states.
    #[test]
    fn no_bytes_panic(text in "[0-9,\\-\\n\\r x]{0,200}") {
        if let Ok(data) = Dataset::survey(text.as_bytes(), DataFormat::Csv, 3) {
            prop_assert_eq!(data.features().len(), data.example_count() * data.feature_count());
            prop_assert!(data.labels().iter().all(|label| *label < data.class_count()));
        }
        let found = Dataset::read_test(text.as_bytes(), &specification(SMALL));
        prop_assert!(found.is_err() || found.is_ok_and(|data| data.example_count() == 2));
    }

    /// Written numbers are read back, divided once.
    #[test]
    fn features_are_exact(values in prop::collection::vec((-(1 << 24)..=1_i32 << 24, 0_u32..3), 1..20)) {
        let lines = values.iter().map(|(value, label)| format!("{value},{value},{label}"));
        let text = lines.collect::<Vec<_>>().join("
");
        let data = read(text.as_bytes()).unwrap();
        for (index, (value, label)) in values.iter().enumerate() {
            let found = f64::from(data.features()[index * 2]) * 4.0;
            prop_assert_eq!(found.to_bits(), f64::from(*value).to_bits());
            prop_assert_eq!(data.labels()[index], *label);
        }
    }
}
