//! Tests of tokenizers: training is repeatable, text comes back, and tokens stay within the vocabulary.

use std::io::Cursor;
use std::sync::LazyLock;

use proptest::prelude::*;

use super::{Tokenized, Tokenizer, TokenizerError, train};
use crate::dataset::import::{
    Example, Examples, Input, JsonKeys, JsonLines, RunningText, Table, write_tokens,
};

const TEXT: &str = "To be, or not to be: that is the question.\nWhether 'tis nobler in the mind\n";

fn text(bytes: &[u8]) -> RunningText {
    RunningText::whole(Input::new("text", Cursor::new(bytes.to_vec())).unwrap())
}

static TRAINED: LazyLock<Tokenizer> = LazyLock::new(|| {
    let json = train(&mut text(TEXT.repeat(20).as_bytes()), 300).unwrap();
    Tokenizer::from_bytes(json.as_bytes()).unwrap()
});

fn lines(lines: &str) -> JsonLines {
    let keys = JsonKeys {
        is_text: true,
        example: "text".to_owned(),
        label: "label".to_owned(),
        ignores_others: false,
    };
    JsonLines::new(Input::new("lines", Cursor::new(lines.as_bytes().to_vec())).unwrap(), keys)
}

/// A vocabulary of words, padding first, with marks around each text as bert has them.
fn words() -> Tokenizer {
    let json = serde_json::json!({
        "version": "1.0",
        "truncation": { "direction": "Right", "max_length": 2, "strategy": "LongestFirst", "stride": 0 },
        "padding": null,
        "added_tokens": [],
        "normalizer": null,
        "pre_tokenizer": { "type": "Whitespace" },
        "post_processor": {
            "type": "BertProcessing", "sep": ["[SEP]", 2], "cls": ["[CLS]", 1],
        },
        "decoder": null,
        "model": {
            "type": "WordLevel",
            "vocab": { "[PAD]": 0, "[CLS]": 1, "[SEP]": 2, "[UNK]": 3, "good": 4, "bad": 5, "film": 65_535 },
            "unk_token": "[UNK]",
        },
    });
    Tokenizer::from_bytes(json.to_string().as_bytes()).unwrap()
}

#[test]
fn the_same_text_gives_the_same_tokenizer() {
    let make = || train(&mut text(TEXT.repeat(20).as_bytes()), 300).unwrap();
    assert_eq!(make(), make());
    let tokenizer = &*TRAINED;
    assert!(tokenizer.vocabulary() > 257 && tokenizer.vocabulary() <= 300);
    assert_eq!(tokenizer.value_bytes(), 2);
    let tokens = tokenizer.running("To be, or not to be").unwrap();
    assert!(tokens.len() < 19, "nothing was merged: {tokens:?}");
}

#[test]
fn running_text_becomes_its_tokens_in_the_file() {
    let tokenizer = &*TRAINED;
    let mut file = Vec::new();
    let count =
        write_tokens(&mut text(TEXT.as_bytes()), tokenizer, &mut file, &mut |_| {}).unwrap();
    let tokens: Vec<u32> =
        file.as_chunks().0.iter().map(|pair| u16::from_le_bytes(*pair).into()).collect();
    assert_eq!(u64::try_from(tokens.len()).unwrap(), count);
    assert_eq!(tokenizer.text(&tokens).unwrap(), TEXT);
}

#[test]
fn labelled_texts_are_cut_and_padded_to_one_length() {
    let tokenizer = words();
    let json = "{\"text\":\"good\",\"label\":1}\n{\"text\":\"bad bad film good\",\"label\":0}\n";
    let mut examples = Tokenized::new(lines(json), &tokenizer, 5).unwrap();
    let mut example = Example::default();
    assert!(examples.read(&mut example).unwrap());
    assert_eq!(example.features, [1.0, 4.0, 2.0, 0.0, 0.0]);
    assert!(examples.read(&mut example).unwrap());
    assert_eq!(example.features, [1.0, 5.0, 5.0, 65_535.0, 2.0]);
    assert_eq!((example.text.as_str(), example.label.to_bits()), ("", 0.0_f64.to_bits()));
    assert!(!examples.read(&mut example).unwrap());
}

#[test]
fn text_that_becomes_padding_is_refused_with_its_example() {
    let json = "{\"text\":\"good\",\"label\":1}\n{\"text\":\"PAD\",\"label\":0}\n";
    let renamed = serde_json::json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
        "pre_tokenizer": { "type": "Whitespace" }, "post_processor": null, "decoder": null,
        "model": { "type": "WordLevel", "vocab": { "PAD": 0, "good": 1 }, "unk_token": "PAD" },
    });
    let padding = Tokenizer::from_bytes(renamed.to_string().as_bytes()).unwrap();
    let mut examples = Tokenized::new(lines(json), &padding, 3).unwrap();
    let mut example = Example::default();
    assert!(examples.read(&mut example).unwrap());
    let error = examples.read(&mut example).unwrap_err().to_string();
    let expected = "lines, example 2: token 0 is made of text, but stands for padding";
    assert_eq!(error, expected);
}

#[test]
fn numbers_are_no_text() {
    let table = Input::new("lines", Cursor::new(b"1,0\n".to_vec())).unwrap();
    let table = Table::new(table, false, false).unwrap();
    let mut examples = Tokenized::new(table, &words(), 3).unwrap();
    let error = examples.read(&mut Example::default()).unwrap_err().to_string();
    assert_eq!(error, "lines, example 1: numbers, expected text, which the tokenizer takes apart");
}

#[test]
fn too_short_examples_and_wrong_vocabularies_are_refused() {
    let error = Tokenized::new(lines(""), &words(), 2).unwrap_err();
    assert!(matches!(error, TokenizerError::Context { context: 2, needed: 3 }), "{error}");
    for vocabulary in [256, 65_537] {
        let error = train(&mut text(b"text"), vocabulary).unwrap_err().to_string();
        assert_eq!(error, format!("a vocabulary of {vocabulary} tokens, allowed 257 to 65536"));
    }
    let error = Tokenizer::from_bytes(b"{}").unwrap_err();
    assert!(matches!(error, TokenizerError::Malformed { .. }));
    let error = TRAINED.text(&[1, 70_000]).unwrap_err().to_string();
    assert!(error.starts_with("token 70000, the vocabulary has "), "{error}");
}

#[test]
fn a_vocabulary_beyond_the_classes_of_an_order_is_refused_for_running_text() {
    let json = serde_json::json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
        "pre_tokenizer": null, "post_processor": null, "decoder": null,
        "model": { "type": "WordLevel", "vocab": { "a": 65_536 }, "unk_token": "a" },
    });
    let tokenizer = Tokenizer::from_bytes(json.to_string().as_bytes()).unwrap();
    assert_eq!((tokenizer.vocabulary(), tokenizer.value_bytes()), (65_537, 4));
    let error = tokenizer.class_count().unwrap_err().to_string();
    assert_eq!(error, "a vocabulary of 65537 tokens, allowed 2 to 65536");
    assert_eq!(words().class_count().unwrap(), 65_536);
}

#[test]
fn text_that_is_none_trains_nothing() {
    let error = train(&mut text(&[0xff, 0xfe]), 300).unwrap_err().to_string();
    assert_eq!(error, "text, byte 0: the text is not UTF-8");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn every_text_comes_back_from_its_tokens(text in "\\PC{0,60}") {
        let tokenizer = &*TRAINED;
        let tokens = tokenizer.running(&text).unwrap();
        prop_assert_eq!(tokenizer.text(&tokens).unwrap(), text);
    }
}
