//! Tests of packing: lines become records, all else stays, and errors name their place.

use aipot_domain_runtime::order::{DataFormat, DataSpecification};
use aipot_domain_runtime::primitives::Commitment;
use proptest::prelude::*;

use super::{FileFormat, FileShape, PrepareError, pack_csv, pack_for, prepare};
use crate::dataset::{DatasetError, data_file};

const CSV: FileShape = FileShape { format: FileFormat::Csv, feature_count: None, train_root: None };

/// Files that already lie in records.
fn records(value_bytes: u8) -> FileShape {
    let format = FileFormat::Exact(DataFormat::Records { value_bytes });
    FileShape { format, feature_count: Some(2), ..CSV }
}

#[test]
fn lines_are_packed_into_the_narrowest_records() {
    for (largest, value_bytes) in [(255, 1), (256, 2), (65_535, 2), (65_536, 4), (1 << 24, 4)] {
        let file = pack_csv(format!("1,{largest},0\n3,4,1\n").as_bytes()).unwrap();
        assert_eq!(file.facts.format, DataFormat::Records { value_bytes });
        let values = [1_u32, largest, 0, 3, 4, 1];
        let width = usize::from(value_bytes);
        let expected: Vec<u8> =
            values.iter().flat_map(|value| value.to_le_bytes().into_iter().take(width)).collect();
        assert_eq!(*file.bytes, expected);
        assert_eq!(file.facts.file, data_file(&expected));
        assert_eq!((file.facts.example_count, file.facts.feature_count), (2, 2));
        assert_eq!(file.facts.class_count, 2);
    }
}

#[test]
fn both_files_get_the_width_of_the_wider_one() {
    let (train, test) = prepare(&CSV, Some(b"1,2,0\n3,4,1\n"), Some(b"1,300,0\n")).unwrap();
    let format = DataFormat::Records { value_bytes: 2 };
    let (train, test) = (train.unwrap(), test.unwrap());
    assert_eq!((train.facts.format, test.facts.format), (format, format));
    assert_eq!(*test.bytes, [1, 0, 44, 1, 0, 0]);
}

#[test]
fn line_ends_of_either_kind_and_a_missing_last_one_are_read() {
    let unix = pack_csv(b"1,2,0\n3,4,1\n").unwrap();
    for bytes in [&b"1,2,0\r\n3,4,1\r\n"[..], b"1,2,0\n3,4,1"] {
        assert_eq!(pack_csv(bytes).unwrap(), unix);
    }
}

#[test]
fn records_and_text_stay_as_they_are() {
    let bytes = [1, 2, 0, 3, 255, 1];
    let (train, test) = prepare(&records(1), Some(&bytes), Some(&bytes[..3])).unwrap();
    assert_eq!((&*train.unwrap().bytes, &*test.unwrap().bytes), (&bytes[..], &bytes[..3]));
    let text = FileShape { format: FileFormat::Exact(DataFormat::Text), ..records(1) };
    let (train, _) = prepare(&text, Some(b"1,2,0\n"), None).unwrap();
    let train = train.unwrap();
    assert_eq!((&*train.bytes, train.facts.example_count), (&b"1,2,0\n"[..], 2));
    assert_eq!(train.facts.class_count, 256);
}

#[test]
fn lines_for_an_order_of_records_are_packed_into_just_these() {
    let (train, _) = prepare(&records(2), Some(b"1,2,0\n"), None).unwrap();
    assert_eq!(*train.unwrap().bytes, [1, 0, 2, 0, 0, 0]);
    let found = prepare(&records(1), Some(b"1,2,0\n1,256,0\n"), None).unwrap_err();
    let source = DatasetError::OutOfRange { line: 2, column: 2, value: 256, min: 0, max: 255 };
    assert_eq!(found, PrepareError::File { file: "training", source });
}

#[test]
fn the_very_file_of_the_order_is_never_taken_for_lines() {
    let bytes = b"1,2,0\n";
    let shape = FileShape { train_root: Some(data_file(bytes).root), ..records(1) };
    let (train, _) = prepare(&shape, Some(bytes), None).unwrap();
    let train = train.unwrap();
    assert_eq!((&*train.bytes, train.facts.example_count), (&bytes[..], 2));
}

#[test]
fn a_file_for_a_known_order_is_packed_when_it_is_lines() {
    let data = DataSpecification {
        train: data_file(b""),
        format: DataFormat::Records { value_bytes: 2 },
        train_example_count: 1,
        test_example_count: 1,
        feature_count: 2,
        feature_divisor: 1,
        class_count: 2,
        test_commitment: Commitment::default(),
    };
    assert_eq!(*pack_for(b"1,2,0\n", &data).unwrap(), [1, 0, 2, 0, 0, 0]);
    assert_eq!(*pack_for(&[1, 0, 2, 0, 0, 0], &data).unwrap(), [1, 0, 2, 0, 0, 0]);
    assert!(pack_for(b"1,65536,0\n", &data).is_err());
    let text = DataSpecification { format: DataFormat::Text, ..data };
    assert_eq!(&*pack_for(b"1,2,0\n", &text).unwrap(), b"1,2,0\n");
}

#[test]
fn wrong_lines_are_named_with_line_and_column() {
    let not_a_number =
        |line, column, text: &str| DatasetError::NotANumber { line, column, text: text.to_owned() };
    let outside =
        |line, column, value, max| DatasetError::OutOfRange { line, column, value, min: 0, max };
    let columns = |line, found| DatasetError::WrongColumnCount { line, expected: 3, found };
    let long = "9".repeat(100_000);
    let cases: Vec<(&str, DatasetError)> = vec![
        ("1,2,0\n1,2,65536\n", outside(2, 3, 65_536, 65_535)),
        ("1,2,0\n1,2,-1\n", outside(2, 3, -1, 65_535)),
        ("1,16777217,0\n", outside(1, 2, 16_777_217, 16_777_216)),
        ("1,-1,0\n", outside(1, 2, -1, 16_777_216)),
        ("1,2,0\n1,x,2\n", not_a_number(2, 2, "x")),
        ("1,2,0\n1,,2\n", not_a_number(2, 2, "")),
        ("1, 2,0\n", not_a_number(1, 2, " 2")),
        ("1,+2,0\n", not_a_number(1, 2, "+2")),
        ("1,2.5,0\n", not_a_number(1, 2, "2.5")),
        ("1,2,0\n\n1,2,0\n", columns(2, 1)),
        ("1,2\n", columns(1, 2)),
        ("1,2,3,0\n", columns(1, 4)),
    ];
    // An order of records says the same of lines, for they are surely meant to be some.
    for shape in [FileShape { feature_count: Some(2), ..CSV }, records(4)] {
        for (text, expected) in &cases {
            let found = prepare(&shape, Some(text.as_bytes()), None).unwrap_err();
            let source = expected.clone();
            assert_eq!(found, PrepareError::File { file: "training", source }, "{text:?}");
        }
    }
    let error = pack_csv(format!("{long},1,0\n").as_bytes()).unwrap_err();
    assert_eq!(error, not_a_number(1, 1, &long[..32]));
    for bytes in [Vec::new(), b"5\n".to_vec(), vec![b','; 70_000]] {
        assert!(matches!(pack_csv(&bytes), Err(DatasetError::WrongColumnCount { .. })));
    }
}

#[test]
fn wrong_records_are_named_with_the_file() {
    let shape = FileShape { feature_count: None, ..records(1) };
    assert_eq!(prepare(&shape, Some(&[1, 2, 0]), None), Err(PrepareError::FeatureCount));
    let found = prepare(&records(1), Some(&[1, 2, 0]), Some(&[1, 2])).unwrap_err();
    let source = DatasetError::PartialRecord { found: 2, record_bytes: 3 };
    assert_eq!(found, PrepareError::File { file: "test", source });
}

proptest! {
    /// No bytes make packing panic; what is packed holds the numbers of the lines.
    #[test]
    fn no_bytes_panic(text in "[0-9,\\-\\n\\r x]{0,200}") {
        if let Ok(file) = pack_csv(text.as_bytes()) {
            let numbers = text.split(['\n', ',']).filter(|part| !part.trim().is_empty());
            prop_assert_eq!(
                numbers.count() * usize::try_from(file.facts.file.byte_count).unwrap() / file.bytes.len(),
                usize::try_from(file.facts.example_count * (file.facts.feature_count + 1)).unwrap()
            );
        }
        if let Ok((Some(file), _)) = prepare(&records(2), Some(text.as_bytes()), None) {
            prop_assert_eq!(file.bytes.len() % 6, 0);
        }
    }

    /// Numbers that are packed are read back.
    #[test]
    fn packed_numbers_are_the_numbers_of_the_lines(
        rows in prop::collection::vec((0..=1_u32 << 24, 0..=65_535_u32), 1..20),
    ) {
        let lines: Vec<String> = rows.iter().map(|(value, label)| format!("{value},{label}")).collect();
        let file = pack_csv(lines.join("\n").as_bytes()).unwrap();
        let DataFormat::Records { value_bytes } = file.facts.format else { panic!() };
        let mut values = file
            .bytes
            .chunks(usize::from(value_bytes))
            .map(|bytes| aipot_domain_runtime::order::layout::value(bytes).unwrap());
        for (value, label) in rows {
            prop_assert_eq!((values.next(), values.next()), (Some(value), Some(label)));
        }
        prop_assert_eq!(values.next(), None);
    }
}
