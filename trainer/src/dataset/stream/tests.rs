//! Tests of batches out of a file: the bits of the file in memory, refusals with their place, and order.

use std::io::Cursor;

use aipot_domain_runtime::order::{DataFormat, DataSpecification};
use aipot_domain_runtime::primitives::Commitment;
use proptest::prelude::*;

use super::{BatchPlan, BatchStream, StreamError, survey_disk};
use crate::batch_order::BatchOrder;
use crate::dataset::{DatasetError, data_file, survey};

fn specification(bytes: &[u8], format: DataFormat, features: u32) -> DataSpecification {
    let mut data = DataSpecification {
        train: data_file(bytes),
        format,
        train_example_count: 1,
        test_example_count: 2,
        feature_count: features,
        feature_divisor: 1,
        class_count: 200,
        test_commitment: Commitment::default(),
    };
    let length = u64::try_from(bytes.len()).unwrap();
    let shared = data.example_bytes() - data.example_stride();
    data.train_example_count = u32::try_from((length - shared) / data.example_stride()).unwrap();
    data
}

/// Bytes below 200, so that they are labels and tokens.
fn bytes(count: usize) -> Vec<u8> {
    (0..count).map(|place| u8::try_from(place * 31 % 199).unwrap()).collect()
}

/// The batch of a step out of the bytes in memory.
fn expected(data: &DataSpecification, bytes: &[u8], plan: BatchPlan, step: u64) -> Vec<u8> {
    let mut order = BatchOrder::new(plan.seed, data.train_example_count, plan.batch_size);
    let examples = order.batch(step).iter();
    let range = |example: &usize| {
        let range = data.example_range(u32::try_from(*example).unwrap());
        usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()
    };
    examples.flat_map(|example| bytes[range(example)].to_vec()).collect()
}

fn stream(data: &DataSpecification, bytes: &[u8], plan: BatchPlan) -> BatchStream {
    BatchStream::new(data, plan, Cursor::new(bytes.to_vec())).unwrap()
}

const PLAN: BatchPlan = BatchPlan { seed: 5, batch_size: 7 };

#[test]
fn batches_are_those_of_the_file_in_memory() {
    let records = DataFormat::Records { value_bytes: 1 };
    // Examples within a block, across blocks, and longer than one.
    for (format, features, count) in [
        (records, 9, 600),
        (records, 999, 30_000),
        (records, 5000, 100_020),
        (DataFormat::Text, 64, 9000),
    ] {
        let bytes = bytes(
            count / usize::try_from(features + 1).unwrap() * usize::try_from(features + 1).unwrap(),
        );
        let data = specification(&bytes, format, features);
        let mut stream = stream(&data, &bytes, PLAN);
        for step in [0, 1, 2, 3, 3, 9, 10, 0, 1] {
            assert_eq!(stream.take(step).unwrap(), expected(&data, &bytes, PLAN, step), "{step}");
        }
    }
}

#[test]
fn another_file_is_refused_before_the_first_step() {
    let good = bytes(100);
    let data = specification(&good, DataFormat::Records { value_bytes: 1 }, 9);
    let mut other = good.clone();
    other[50] ^= 1;
    let error = BatchStream::new(&data, PLAN, Cursor::new(other)).unwrap_err();
    assert!(matches!(error, StreamError::File { source: DatasetError::WrongRoot { .. } }));
    let error = BatchStream::new(&data, PLAN, Cursor::new(good[..99].to_vec())).unwrap_err();
    let source = DatasetError::WrongByteCount { expected: 100, found: 99 };
    assert_eq!(error.to_string(), StreamError::File { source }.to_string());
}

#[test]
fn a_label_that_is_no_class_is_refused_with_its_example() {
    let mut wrong = bytes(100);
    wrong[39] = 255;
    let data = specification(&wrong, DataFormat::Records { value_bytes: 1 }, 9);
    let plan = BatchPlan { batch_size: 10, ..PLAN };
    let error = stream(&data, &wrong, plan).take(0).unwrap_err();
    assert_eq!(error.to_string(), "example 3 of the training file: byte 9: 255 is above 199");
}

#[test]
fn a_token_beyond_the_vocabulary_is_refused_with_its_example() {
    let mut wrong = bytes(66);
    wrong[20] = 255;
    let data = specification(&wrong, DataFormat::Tokens { value_bytes: 2 }, 4);
    let plan = BatchPlan { batch_size: 8, ..PLAN };
    let narrow = DataSpecification { class_count: 65_000, ..data };
    wrong[21] = 255;
    let narrow = DataSpecification { train: data_file(&wrong), ..narrow };
    let error = stream(&narrow, &wrong, plan).take(0).unwrap_err();
    assert_eq!(error.to_string(), "example 2 of the training file: byte 4: 65535 is above 64999");
}

/// A file that shrinks while it is read.
#[derive(Debug)]
struct Shrinking {
    bytes: Cursor<Vec<u8>>,
    passes: u32,
}

impl std::io::Read for Shrinking {
    fn read(&mut self, target: &mut [u8]) -> std::io::Result<usize> {
        if self.passes > 1 { Ok(0) } else { self.bytes.read(target) }
    }
}

impl std::io::Seek for Shrinking {
    fn seek(&mut self, place: std::io::SeekFrom) -> std::io::Result<u64> {
        self.passes += 1;
        self.bytes.seek(place)
    }
}

#[test]
fn a_disk_that_fails_later_is_an_error_of_the_step() {
    let good = bytes(100);
    let data = specification(&good, DataFormat::Records { value_bytes: 1 }, 9);
    let file = Shrinking { bytes: Cursor::new(good), passes: 0 };
    let mut stream = BatchStream::new(&data, PLAN, file).unwrap();
    assert!(matches!(stream.take(0).unwrap_err(), StreamError::Read { .. }));
}

#[test]
fn a_survey_of_the_disk_finds_what_one_of_the_memory_does() {
    let records = DataFormat::Records { value_bytes: 2 };
    let files = [
        (records, 3, bytes(8 * 500)),
        (records, 60_000, [[7, 0].repeat(60_000), vec![9, 1]].concat().repeat(20)),
        (DataFormat::Text, 64, bytes(9001)),
        (DataFormat::Tokens { value_bytes: 2 }, 16, bytes(3_000_002)),
        (DataFormat::Floats, 1, [0.5_f32.to_le_bytes(), [3, 0, 0, 0]].concat().repeat(300_000)),
        (records, 3, bytes(8 * 500 - 1)),
        (records, 3, vec![0xff; 8]),
        (DataFormat::Floats, 1, [[0; 4], [1, 0, 0, 0], [0xff; 4], [0; 4]].concat()),
        (DataFormat::Text, 64, bytes(64)),
        (records, 3, Vec::new()),
        (records, 0, bytes(2)),
    ];
    for (format, features, file) in files {
        let expected = survey(&file, format, features);
        let found = survey_disk(Cursor::new(file), format, features);
        let found = found.map_err(|error| match error {
            StreamError::File { source } => source,
            other => panic!("{other}"),
        });
        assert_eq!(found, expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn every_plan_gives_the_bits_of_the_file_in_memory(
        seed: u64, batch_size in 1_u32..40, features in 1_u32..50, examples in 1_usize..200, first in 0_u64..50,
    ) {
        let bytes = bytes(examples * usize::try_from(features + 1).unwrap());
        let data = specification(&bytes, DataFormat::Records { value_bytes: 1 }, features);
        let plan = BatchPlan { seed, batch_size };
        let mut stream = stream(&data, &bytes, plan);
        for step in first..first + 4 {
            prop_assert_eq!(stream.take(step).unwrap(), expected(&data, &bytes, plan, step));
        }
    }
}
