//! Tests of running text: nothing is lost, cuts lie at ends of lines, and bytes that are no text are found.

use proptest::prelude::*;

use super::super::{RunningText, write_text};
use super::{input, refusal};

fn pieces(mut text: RunningText) -> Vec<String> {
    let mut found = Vec::new();
    loop {
        match text.text().unwrap() {
            "" => return found,
            piece => found.push(piece.to_owned()),
        }
    }
}

#[test]
fn long_text_is_cut_at_ends_of_lines() {
    let line = format!("{}\n", "word é ".repeat(100));
    let text = line.repeat(200);
    let found = pieces(RunningText::whole(input(text.as_str())));
    assert!(found.len() > 2);
    assert!(found.iter().all(|piece| piece.ends_with('\n')));
    assert_eq!(found.concat(), text);
}

#[test]
fn text_without_lines_is_cut_between_characters() {
    let text = "é".repeat(100_000);
    assert_eq!(pieces(RunningText::whole(input(format!("a{text}")))).concat(), format!("a{text}"));
}

#[test]
fn the_test_begins_at_a_line() {
    let text = "one\ntwo\nthree\nfour\n";
    let (mut train, mut test) = RunningText::parts(input(text), 9, input(text)).unwrap();
    let (mut first, mut second) = (Vec::new(), Vec::new());
    assert_eq!(write_text(&mut train, &mut first).unwrap(), 14);
    assert_eq!(write_text(&mut test, &mut second).unwrap(), 5);
    assert_eq!(
        (first.as_slice(), second.as_slice()),
        (b"one\ntwo\nthree\n".as_slice(), b"four\n".as_slice())
    );
    let (train, test) = RunningText::parts(input(text), 9, input(text)).unwrap();
    assert_eq!(pieces(train).concat(), "one\ntwo\nthree\n");
    assert_eq!(pieces(test).concat(), "four\n");
}

#[test]
fn bytes_that_are_no_text_are_refused_with_the_offset() {
    let mut bytes = "é\n".repeat(30_000).into_bytes();
    bytes[80_000] = 0xff;
    let mut text = RunningText::whole(input(bytes));
    let error = loop {
        match text.text() {
            Ok("") => panic!("it was read"),
            Ok(_) => {}
            Err(error) => break error.to_string(),
        }
    };
    assert!(
        error == "file, byte 80000: the text is not UTF-8"
            || error == "file, byte 79999: the text is not UTF-8",
        "{error}"
    );
    let cut = RunningText::whole(input(&"é".as_bytes()[..1])).text().map(str::to_owned);
    assert_eq!(refusal(cut), "file, byte 0: the text is not UTF-8");
}

proptest! {
    #[test]
    fn both_parts_together_are_the_text(text in "[a-zé\n]{1,300}", share in 0_u64..100) {
        let near = u64::try_from(text.len()).unwrap() * share / 100;
        let (train, test) = RunningText::parts(input(text.as_str()), near, input(text.as_str())).unwrap();
        prop_assert_eq!([pieces(train), pieces(test)].concat().concat(), text);
    }
}
