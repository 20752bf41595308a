//! Tests of data files: what is read, what is refused and where, and how files are split.

use aipot_domain_runtime::order::{DataFormat, DataSpecification};
use aipot_domain_runtime::primitives::{Commitment, DataRoot};
use proptest::prelude::*;

use super::digits::digits;
use super::{Dataset, DatasetError, SplitError, data_file, pack_csv, split, survey};

/// Three records of two features in four bytes each.
const SMALL: [u32; 9] = [1, 2, 0, 3, 16_777_216, 1, 5, 6, 2];

fn bytes(values: &[u32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn small() -> Vec<u8> {
    bytes(&SMALL)
}

fn specification(bytes: &[u8]) -> DataSpecification {
    DataSpecification {
        train: data_file(bytes),
        format: DataFormat::Records { value_bytes: 4 },
        train_example_count: u32::try_from(bytes.len() / 12).unwrap(),
        test_example_count: 2,
        feature_count: 2,
        feature_divisor: 4,
        class_count: 3,
        test_commitment: Commitment::default(),
    }
}

fn text_specification(bytes: &[u8], context: u32) -> DataSpecification {
    let facts = survey(bytes, DataFormat::Text, context).unwrap();
    DataSpecification {
        format: DataFormat::Text,
        train_example_count: facts.example_count,
        feature_count: context,
        feature_divisor: 1,
        class_count: 256,
        ..specification(bytes)
    }
}

fn read(bytes: &[u8]) -> Result<Dataset, DatasetError> {
    Dataset::read_train(bytes, &specification(bytes))
}

#[test]
fn features_are_divided_and_labels_are_kept() {
    let data = read(&small()).unwrap();
    assert_eq!(data.features(), [0.25, 0.5, 0.75, 4_194_304.0, 1.25, 1.5]);
    assert_eq!(data.labels(), [0, 1, 2]);
    assert_eq!((data.example_count(), data.feature_count(), data.class_count()), (3, 2, 3));
    assert!(data.tokens(0).is_empty());
}

#[test]
fn every_width_of_records_is_read() {
    let values = [1_u8, 2, 0, 3, 255, 1, 5, 6, 2];
    let mut read = Vec::new();
    for value_bytes in [1_u8, 2, 4] {
        let wide = |value: &u8| u32::from(*value).to_le_bytes().into_iter();
        let bytes: Vec<u8> =
            values.iter().flat_map(|value| wide(value).take(usize::from(value_bytes))).collect();
        let mut data = specification(&bytes);
        data.format = DataFormat::Records { value_bytes };
        data.train_example_count = 3;
        let dataset = Dataset::read_train(&bytes, &data).unwrap();
        read.push((dataset.features().to_vec(), dataset.labels().to_vec()));
    }
    assert_eq!(read[0].0, [0.25, 0.5, 0.75, 63.75, 1.25, 1.5]);
    assert_eq!(read[0].1, [0, 1, 2]);
    assert!(read.iter().all(|other| *other == read[0]));
}

#[test]
fn an_example_of_text_is_its_tokens_and_the_one_behind_them() {
    let text = b"to be or not";
    let data = Dataset::read_train(text, &text_specification(text, 4)).unwrap();
    assert_eq!((data.example_count(), data.feature_count(), data.class_count()), (2, 4, 256));
    assert_eq!(data.tokens(0), b"to be".map(u32::from));
    assert_eq!(data.tokens(1), b"e or ".map(u32::from));
    assert!(data.tokens(2).is_empty() && data.tokens(usize::MAX).is_empty());
    assert!(data.features().is_empty() && data.labels().is_empty());
}

#[test]
fn the_values_of_an_example_lie_where_the_chain_says() {
    let (records, text) = (small(), b"the quick brown fox".as_slice());
    let dataset = read(&records).unwrap();
    let data = specification(&records);
    for example in 0..3_u32 {
        let value = |place| {
            let range = data.value_range(example, place).unwrap();
            let range = usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap();
            aipot_domain_runtime::order::layout::value(&records[range]).unwrap()
        };
        let index = usize::try_from(example).unwrap();
        let first = f64::from(dataset.features()[index * 2]) * 4.0;
        assert_eq!(first.to_bits(), f64::from(value(0)).to_bits());
        assert_eq!(dataset.labels()[index], value(2));
    }
    let data = text_specification(text, 5);
    let dataset = Dataset::read_train(text, &data).unwrap();
    for example in 0..3_u32 {
        let range = data.example_range(example);
        let range = usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap();
        let expected: Vec<u32> = text[range].iter().copied().map(u32::from).collect();
        assert_eq!(dataset.tokens(usize::try_from(example).unwrap()), expected);
    }
}

#[test]
fn the_wrong_file_is_refused_with_both_roots() {
    let bytes = small();
    let mut data = specification(&bytes);
    data.train.root = DataRoot([1; 32]);
    let (expected, found) = (data.train.root, data_file(&bytes).root);
    let error = Dataset::read_train(&bytes, &data).unwrap_err();
    assert_eq!(error, DatasetError::WrongRoot { expected, found });
    data.train.byte_count = 5;
    let error = Dataset::read_train(&bytes, &data).unwrap_err();
    assert_eq!(error, DatasetError::WrongByteCount { expected: 5, found: 36 });
}

#[test]
fn wrong_values_are_named_with_their_offset() {
    let with = |place: usize, value| {
        let mut values = SMALL;
        values[place] = value;
        read(&bytes(&values)).unwrap_err()
    };
    let max = 16_777_216;
    let too_large = |offset, value, max| DatasetError::ValueTooLarge { offset, value, max };
    assert_eq!(with(4, max + 1), too_large(16, max + 1, max));
    assert_eq!(with(8, 3), too_large(32, 3, 2));
    assert_eq!(with(2, u32::MAX), too_large(8, u32::MAX, 2));
    let partial = DatasetError::PartialRecord { found: 35, record_bytes: 12 };
    assert_eq!(read(&small()[..35]).unwrap_err(), partial);
}

#[test]
fn shapes_that_no_order_has_are_refused() {
    let bytes = small();
    let with = |change: fn(&mut DataSpecification)| {
        let mut data = specification(&bytes);
        change(&mut data);
        Dataset::read_train(&bytes, &data).unwrap_err()
    };
    let max = 65_536;
    let found = with(|data| data.format = DataFormat::Records { value_bytes: 3 });
    assert_eq!(found, DatasetError::ValueBytes { found: 3 });
    assert_eq!(with(|data| data.feature_count = 0), DatasetError::FeatureCount { found: 0, max });
    let found = with(|data| data.feature_count = u32::MAX);
    assert_eq!(found, DatasetError::FeatureCount { found: u32::MAX, max });
    let found = with(|data| data.class_count = 0);
    assert_eq!(found, DatasetError::ValueTooLarge { offset: 20, value: 1, max: 0 });
}

#[test]
fn other_counts_than_the_orders_are_refused() {
    let bytes = small();
    let mut data = specification(&bytes);
    for expected in [2, 4] {
        data.train_example_count = expected;
        let error = Dataset::read_train(&bytes, &data).unwrap_err();
        assert_eq!(error, DatasetError::WrongExampleCount { expected, found: 3 });
    }
    let error = Dataset::read_test(b"", &data).unwrap_err();
    assert_eq!(error, DatasetError::WrongExampleCount { expected: 2, found: 0 });
    data.format = DataFormat::Text;
    let error = Dataset::read_test(b"abcdefg", &data).unwrap_err();
    assert_eq!(error, DatasetError::WrongExampleCount { expected: 2, found: 3 });
}

#[test]
fn a_survey_says_what_a_file_holds() {
    let four = DataFormat::Records { value_bytes: 4 };
    let facts = survey(&small(), four, 2).unwrap();
    assert_eq!((facts.example_count, facts.feature_count, facts.class_count), (3, 2, 3));
    assert_eq!((facts.file, facts.format), (data_file(&small()), four));
    let none = DatasetError::WrongExampleCount { expected: 1, found: 0 };
    assert_eq!(survey(b"", four, 2), Err(none.clone()));
    assert_eq!(survey(b"four", DataFormat::Text, 4), Err(none));
    assert_eq!(survey(b"four!", DataFormat::Text, 4).unwrap().example_count, 1);
}

#[test]
fn the_digits_are_what_their_page_says() {
    assert_eq!(
        data_file(digits()).root.to_string(),
        "f84230aa70dfb2e9da69c9c09d8c1fb7fb743a0cce3676204f3b3933c2115f15"
    );
    let file = pack_csv(digits()).unwrap();
    let facts = file.facts;
    assert_eq!((facts.example_count, facts.feature_count, facts.class_count), (1797, 64, 10));
    assert_eq!(facts.format, DataFormat::Records { value_bytes: 1 });
    let records = || file.bytes.chunks(65);
    assert!(records().all(|record| record[..64].iter().all(|value| *value <= 16)));
    let of_class = |class| records().filter(|record| record[64] == class).count();
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
        let found = split(b"1,2,0\n3,4,1\n5,6,2\n", test_count, 0).unwrap_err();
        assert_eq!(found, SplitError::Count { test_count, example_count: 3 });
    }
}

proptest! {
    /// No bytes make the reader panic; what is read has the shape it states.
    #[test]
    fn no_bytes_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..200), feature_count in 0_u32..5, value_bytes in 0_u8..6,
    ) {
        for format in [DataFormat::Records { value_bytes }, DataFormat::Text] {
            let Ok(facts) = survey(&bytes, format, feature_count) else { continue };
            let mut data = specification(&bytes);
            (data.format, data.feature_count) = (format, feature_count);
            (data.train_example_count, data.class_count) = (facts.example_count, facts.class_count);
            let read = Dataset::read_train(&bytes, &data).unwrap();
            prop_assert_eq!(read.format(), format);
            if format == DataFormat::Text {
                prop_assert!((0..read.example_count()).all(|one| read.tokens(one).len() == read.feature_count() + 1));
            } else {
                prop_assert_eq!(read.features().len(), read.example_count() * read.feature_count());
                prop_assert!(read.labels().iter().all(|label| *label < read.class_count()));
            }
        }
    }

    /// Written numbers are read back, divided once.
    #[test]
    fn features_are_exact(values in prop::collection::vec((0..=1_u32 << 24, 0_u32..3), 1..20)) {
        let flat: Vec<u32> = values.iter().flat_map(|(value, label)| [*value, *value, *label]).collect();
        let data = read(&bytes(&flat)).unwrap();
        for (index, (value, label)) in values.iter().enumerate() {
            let found = f64::from(data.features()[index * 2]) * 4.0;
            prop_assert_eq!(found.to_bits(), f64::from(*value).to_bits());
            prop_assert_eq!(data.labels()[index], *label);
        }
    }
}
