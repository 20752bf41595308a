//! Tests of the layout: examples fill the file, values fill the examples.

use proptest::prelude::*;

use super::*;
use crate::order::tests::specification;

/// Data of a format and a number of features.
fn data(format: DataFormat, feature_count: u32) -> DataSpecification {
    DataSpecification { format, feature_count, ..specification().data }
}

#[test]
fn records_follow_each_other_with_the_label_last() {
    let data = data(DataFormat::Records { value_bytes: 2 }, 3);
    assert_eq!(data.example_bytes(), 8);
    assert_eq!(data.file_bytes(5), 40..=40);
    assert_eq!(data.example_range(4), 32..40);
    assert_eq!(data.value_range(4, 0), Some(32..34));
    assert_eq!(data.value_range(4, 3), Some(38..40));
    assert_eq!(data.value_range(4, 4), None);
}

#[test]
fn an_example_of_text_begins_with_the_last_token_of_the_one_before() {
    let data = data(DataFormat::Text, 4);
    assert_eq!(data.example_range(0), 0..5);
    assert_eq!(data.example_range(1), 4..9);
    assert_eq!(data.file_bytes(2), 9..=12);
    assert_eq!(data.value_range(1, 0), Some(4..5));
    assert_eq!(data.value_range(1, 4), Some(8..9));
    assert_eq!(data.value_range(1, 5), None);
}

#[test]
fn values_are_little_endian_and_have_at_most_four_bytes() {
    assert_eq!(value(&[]), Some(0));
    assert_eq!(value(&[7]), Some(7));
    assert_eq!(value(&[1, 2]), Some(0x0201));
    assert_eq!(value(&[1, 2, 3, 4]), Some(0x0403_0201));
    assert_eq!(value(&[0; 5]), None);
}

proptest! {
    /// The values of an example fill it without a gap, and the last example ends in the file.
    #[test]
    fn values_fill_examples_and_examples_fill_files(
        width in 0_usize..4, feature_count in 1_u32..2_000, example_count in 1_u32..100_000,
    ) {
        let format = VALUE_BYTES
            .get(width)
            .map_or(DataFormat::Text, |bytes| DataFormat::Records { value_bytes: *bytes });
        let data = data(format, feature_count);
        let last = data.example_range(example_count - 1);
        prop_assert_eq!(last.end, *data.file_bytes(example_count).start());
        prop_assert!(data.file_bytes(example_count).end() < data.file_bytes(example_count + 1).start());
        let mut end = last.start;
        for place in 0..=feature_count {
            let range = data.value_range(example_count - 1, place).unwrap();
            prop_assert_eq!(range.start, end);
            prop_assert_eq!(range.end - range.start, data.value_bytes());
            end = range.end;
        }
        prop_assert_eq!(end, last.end);
    }

    /// Whatever an order from outside says, nothing panics.
    #[test]
    fn no_numbers_panic(value_bytes: u8, feature_count: u32, example: u32, place: u32) {
        for format in [DataFormat::Records { value_bytes }, DataFormat::Text] {
            let data = data(format, feature_count);
            prop_assert!(data.example_range(example).start <= data.example_range(example).end);
            prop_assert_eq!(data.value_range(example, place).is_some(), place <= feature_count);
            prop_assert!(!data.file_bytes(example).is_empty() || feature_count == 0);
        }
    }
}
