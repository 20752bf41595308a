//! Tests of the files of an order: they hold the examples, and what no layout holds is refused.

use aipot_domain_runtime::order::{DataFormat, DataSpecification};
use aipot_domain_runtime::primitives::Commitment;
use proptest::prelude::*;

use super::super::{
    Example, Examples, ImportError, Layout, Rounding, Survey, Table, TestChoice, Written, agree,
    survey, write,
};
use super::{input, refusal};
use crate::dataset::{Dataset, data_file};

fn table(text: &str) -> Table {
    Table::new(input(text), false, false).unwrap()
}

fn surveyed(text: &str) -> Result<Survey, ImportError> {
    survey(&mut table(text), None, &mut |_, _| {})
}

/// The training and the test file.
fn written(
    text: &str,
    choice: &TestChoice,
    layout: Layout,
    rounding: Rounding,
) -> Result<(Vec<u8>, Vec<u8>), ImportError> {
    let (mut train, mut test) = (Vec::new(), Vec::new());
    let (train_file, test_file) = (&mut train, &mut test);
    let mut files = Written { layout, rounding, label_max: 9, train: train_file, test: test_file };
    write(&mut table(text), choice, &mut files, &mut |_, _| {})?;
    Ok((train, test))
}

/// Values that no text says, such as those of an array.
struct Fixed(Option<Example>);

impl Examples for Fixed {
    fn name(&self) -> &'static str {
        "file"
    }

    fn progress(&self) -> (u64, u64) {
        (0, 1)
    }

    fn read(&mut self, example: &mut Example) -> Result<bool, ImportError> {
        let next = self.0.take();
        let is_some = next.is_some();
        *example = next.unwrap_or_default();
        Ok(is_some)
    }
}

fn fixed(value: f64, label: f64) -> Fixed {
    Fixed(Some(Example { features: vec![value], text: String::new(), label }))
}

#[test]
fn whole_numbers_become_the_narrowest_records_and_others_floats() {
    for (value, layout) in [
        ("255", Layout::Records { value_bytes: 1 }),
        ("256", Layout::Records { value_bytes: 2 }),
        ("65536", Layout::Records { value_bytes: 4 }),
        ("16777216", Layout::Records { value_bytes: 4 }),
        ("16777217", Layout::Floats),
        ("-1", Layout::Floats),
        ("0.5", Layout::Floats),
    ] {
        assert_eq!(surveyed(&format!("1,{value},0\n")).unwrap().layout(), layout, "{value}");
    }
    assert_eq!(surveyed("1,300\n").unwrap().layout(), Layout::Records { value_bytes: 2 });
    let minus_zero = survey(&mut fixed(-0.0, 0.0), None, &mut |_, _| {}).unwrap();
    assert_eq!(minus_zero.layout(), Layout::Floats);
}

#[test]
fn labels_that_are_no_classes_are_refused_with_their_example() {
    let refused = |label: &str| refusal(surveyed(&format!("1,0\n2,{label}\n")));
    let expected = |label: &str| {
        format!("file, example 2: label {label}, allowed are whole numbers from 0 to 65535")
    };
    for label in ["-1", "0.5", "65536"] {
        assert_eq!(refused(label), expected(label));
    }
    assert_eq!(refused("nan"), expected("NaN"));
    let told = refusal(survey(&mut table("1,3\n"), Some(2), &mut |_, _| {}));
    assert_eq!(told, "file, example 1: label 3, allowed are whole numbers from 0 to 2");
}

#[test]
fn features_that_are_no_numbers_are_refused_with_their_place() {
    for (value, shown) in [("nan", "NaN"), ("inf", "inf"), ("-1e39", "-inf")] {
        let expected =
            format!("file, example 1, value 2: {shown} is no number that can be trained on");
        assert_eq!(refusal(surveyed(&format!("1,{value},0\n"))), expected);
    }
}

#[test]
fn a_file_without_examples_is_refused() {
    assert_eq!(refusal(surveyed("")), "file: 0 examples, allowed 1 to 100000000");
    assert_eq!(refusal(surveyed("5\n")), "file, example 1: 0 features, expected 1");
}

#[test]
fn a_test_file_must_agree_with_the_training_file() {
    let train = surveyed("1,2,0\n3,4,1\n").unwrap();
    let narrow = surveyed("1,0\n").unwrap();
    let unseen = surveyed("1,2,2\n").unwrap();
    assert_eq!(refusal(agree(&train, &narrow, "test")), "test: 1 features, expected 2");
    let expected = "test: label 2 in the test, but the labels of the training end at 1";
    assert_eq!(refusal(agree(&train, &unseen, "test")), expected);
    let wide = surveyed("300,2,0\n").unwrap();
    assert_eq!(agree(&train, &wide, "test").unwrap().layout(), Layout::Records { value_bytes: 2 });
}

#[test]
fn doubles_that_are_no_floats_are_refused_unless_rounding_is_wanted() {
    let encode = |rounding, value| {
        let (mut train, mut test) = (Vec::new(), Vec::new());
        let (layout, label_max) = (Layout::Floats, 1);
        let mut files = Written { layout, rounding, label_max, train: &mut train, test: &mut test };
        write(&mut fixed(value, 1.0), &TestChoice::none(), &mut files, &mut |_, _| {})?;
        Ok(train)
    };
    let expected =
        "file, example 1, value 1: 0.1 is not exactly an f32; --round takes the nearest one";
    assert_eq!(refusal(encode(Rounding::Refuse, 0.1)), expected);
    let bytes = encode(Rounding::Nearest, 0.1).unwrap();
    assert_eq!(bytes, [0.1_f32.to_le_bytes(), [1, 0, 0, 0]].concat());
    assert_eq!(encode(Rounding::Refuse, 0.5).unwrap()[..4], 0.5_f32.to_le_bytes());
    assert!(refusal(encode(Rounding::Nearest, 1e300)).contains("is not exactly an f32"));
}

#[test]
fn the_files_are_read_by_the_trainer() {
    let text = "1.5,-2,1\n0.25,8,0\n";
    let (train, test) =
        written(text, &TestChoice::none(), Layout::Floats, Rounding::Refuse).unwrap();
    assert!(test.is_empty());
    let data = DataSpecification {
        train: data_file(&train),
        format: DataFormat::Floats,
        train_example_count: 2,
        test_example_count: 1,
        feature_count: 2,
        feature_divisor: 1,
        class_count: 2,
        test_commitment: Commitment::default(),
    };
    let dataset = Dataset::read_train(&train, &data).unwrap();
    assert_eq!(dataset.features(), [1.5, -2.0, 0.25, 8.0]);
    assert_eq!(dataset.labels(), [1, 0]);
    let layout = Layout::Records { value_bytes: 2 };
    let (records, _) = written("1,300,2\n", &TestChoice::none(), layout, Rounding::Refuse).unwrap();
    assert_eq!(records, [1, 0, 44, 1, 2, 0]);
}

#[test]
fn a_layout_that_does_not_hold_a_value_is_refused() {
    let layout = Layout::Records { value_bytes: 1 };
    let found = refusal(written("1,0\n256,0\n", &TestChoice::none(), layout, Rounding::Refuse));
    assert_eq!(found, "file, example 2, value 1: 256 is not exactly a whole number of the records");
}

proptest! {
    #[test]
    fn every_example_lands_in_one_of_the_files(seed: u64, count in 2_u32..200, share in 1_u32..199) {
        let test_count = share.min(count - 1);
        let lines: Vec<_> = (0..count).map(|value| format!("{value},1\n")).collect();
        let text = lines.concat();
        let choice = TestChoice::draw(seed, count, test_count);
        let layout = Layout::Records { value_bytes: 1 };
        let (train, test) = written(&text, &choice, layout, Rounding::Refuse).unwrap();
        prop_assert_eq!(test.len(), usize::try_from(test_count).unwrap() * 2);
        let mut values: Vec<u8> = [train, test].concat().chunks(2).map(|row| row[0]).collect();
        values.sort_unstable();
        prop_assert!(values.iter().copied().eq(0..u8::try_from(count).unwrap()));
    }
}
