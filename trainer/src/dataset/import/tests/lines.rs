//! Tests of lines of numbers and of JSON objects.

use std::fmt::Write;

use proptest::prelude::*;

use super::super::lines::LINE_BYTES_MAX;
use super::super::{Example, Examples, ImportError, JsonKeys, JsonLines, Table};
use super::{all, input, refusal};

type Found = Result<Vec<(Vec<f64>, f64)>, ImportError>;

fn table(text: &str) -> Found {
    all(Table::new(input(text), false, false).unwrap())
}

fn json(is_text: bool, text: &str) -> JsonLines {
    let example = if is_text { "text" } else { "features" };
    let (example, label) = (example.to_owned(), "label".to_owned());
    JsonLines::new(input(text), JsonKeys { is_text, example, label, ignores_others: false })
}

#[test]
fn lines_of_numbers_are_features_and_a_label() {
    let found = table("1, 2.5,0\r\n-3,1e2,1\n").unwrap();
    assert_eq!(found, [(vec![1.0, 2.5], 0.0), (vec![-3.0, 100.0], 1.0)]);
    let titled = all(Table::new(input("label,a\n1,2\n"), true, true).unwrap()).unwrap();
    assert_eq!(titled, [(vec![2.0], 1.0)]);
    assert_eq!(table("").unwrap(), []);
}

#[test]
fn a_decimal_is_the_nearest_f32_and_a_whole_number_itself() {
    let found = table("0.1,16777217,0\n").unwrap();
    assert_eq!(found, [(vec![f64::from(0.1_f32), 16_777_217.0], 0.0)]);
}

#[test]
fn malformed_lines_are_refused_with_line_and_column() {
    let refused = |text: &str| refusal(table(text));
    assert_eq!(refused("1,2,0\n1,two,0\n"), "file, line 2, column 2: \"two\" is not a number");
    assert_eq!(refused("1,,0\n"), "file, line 1, column 2: \"\" is not a number");
    assert_eq!(refused("1,2,0\n1,0\n"), "file, line 2: 1 features, expected 2");
    assert_eq!(refused("1,2,0\n\n1,2,0"), "file, line 2, column 1: \"\" is not a number");
    let long = "7".repeat(65);
    let expected = format!("file, line 1, column 1: \"{}\" is not a number", "7".repeat(32));
    assert_eq!(refused(&format!("{long},0\n")), expected);
    let endless = "1,".repeat(usize::try_from(LINE_BYTES_MAX).unwrap());
    assert_eq!(refused(&endless), "file, line 1: 4194305 bytes long, allowed at most 4194304");
}

#[test]
fn lines_of_json_are_texts_or_numbers_with_a_label() {
    let numbers =
        all(json(false, "{\"features\":[1,2.5],\"label\":3}\n{\"label\":0,\"features\":[0.1,-1]}"));
    let expected = [(vec![1.0, 2.5], 3.0), (vec![f64::from(0.1_f32), -1.0], 0.0)];
    assert_eq!(numbers.unwrap(), expected);
    let (mut texts, mut example) =
        (json(true, "{\"text\":\"ab\\u00e9\",\"label\":1}\n"), Example::default());
    assert!(texts.read(&mut example).unwrap());
    assert_eq!((example.text.as_str(), example.label.to_bits()), ("abé", 1.0_f64.to_bits()));
    assert!(!texts.read(&mut example).unwrap());
}

#[test]
fn malformed_json_is_refused_with_line_and_key() {
    let refused = |text: &str| refusal(all(json(false, text)));
    for (text, expected) in [
        ("{\"features\":[1]}", "file, line 1, key \"label\": it is not in the file, which has []"),
        (
            "{\"label\":1,\"x\":2}",
            "file, line 1, key \"features\": it is not in the file, which has [\"label\", \"x\"]",
        ),
        (
            "{\"features\":[1],\"label\":1,\"id\":7}",
            "file, line 1, key \"id\": unknown, expected [\"features\", \"label\"]",
        ),
        (
            "{\"features\":[1],\"label\":\"one\"}",
            "file, line 1, key \"label\": a text, expected a number",
        ),
        (
            "{\"features\":[null],\"label\":1}",
            "file, line 1, key \"features\": null, expected a number",
        ),
        (
            "{\"features\":\"a\",\"label\":1}",
            "file, line 1, key \"features\": a text, expected a list of numbers",
        ),
        (
            "{\"features\":[1],\"label\":1}\n{\"features\":[1,2],\"label\":1}",
            "file, line 2, key \"features\": 2 features, expected 1",
        ),
        ("[1]", "file, line 1: invalid type: sequence, expected a map at line 1 column 0"),
        (
            "{\"features\":[1e400],\"label\":1}",
            "file, line 1: number out of range at line 1 column 18",
        ),
    ] {
        assert_eq!(refused(text), expected);
    }
    assert!(refused("{\"features\":[1],\"label\"").starts_with("file, line 1: EOF while parsing"));
    let text = refusal(all(json(true, "{\"text\":5,\"label\":1}")));
    assert_eq!(text, "file, line 1, key \"text\": a number, expected a text");
}

#[test]
fn other_keys_are_passed_over_when_told() {
    let keys = JsonKeys {
        is_text: false,
        example: "x".to_owned(),
        label: "y".to_owned(),
        ignores_others: true,
    };
    let found = all(JsonLines::new(input("{\"x\":[1],\"y\":0,\"id\":7}\n"), keys)).unwrap();
    assert_eq!(found, [(vec![1.0], 0.0)]);
}

proptest! {
    #[test]
    fn floats_come_back_from_lines_of_both_kinds(
        rows in proptest::collection::vec((proptest::collection::vec(-1e30_f32..1e30, 3), 0_u16..9), 1..20),
    ) {
        let expected: Vec<(Vec<f64>, f64)> = rows
            .iter()
            .map(|(row, label)| (row.iter().map(|value| f64::from(*value)).collect(), f64::from(*label)))
            .collect();
        let comma = |row: &[f32]| row.iter().map(f32::to_string).collect::<Vec<_>>().join(",");
        let (mut lines, mut objects) = (String::new(), String::new());
        for (row, label) in &rows {
            let row = comma(row);
            writeln!(lines, "{row},{label}").unwrap();
            writeln!(objects, "{{\"features\":[{row}],\"label\":{label}}}").unwrap();
        }
        prop_assert_eq!(&table(&lines).unwrap(), &expected);
        prop_assert_eq!(&all(json(false, &objects)).unwrap(), &expected);
    }
}
