//! `aipot data`: files of other formats become those of an order, which is then accepted with them.

use serde_json::Value;

use super::Desk;

/// Two-by-two images of two classes, as idx: the class is which row is bright.
fn images(count: u32) -> (Vec<u8>, Vec<u8>) {
    let sides = [count, 2, 2].map(u32::to_be_bytes).concat();
    let mut images = [&[0, 0, 8, 3], sides.as_slice()].concat();
    let mut labels = [&[0, 0, 8, 1], count.to_be_bytes().as_slice()].concat();
    for place in 0..count {
        let (noise, label) = (u8::try_from(place % 50).unwrap(), u8::try_from(place % 2).unwrap());
        let bright = if label == 0 { [200, 201, noise, 0] } else { [0, noise, 201, 255] };
        images.extend(bright);
        labels.push(label);
    }
    (images, labels)
}

fn write(desk: &Desk, name: &str, bytes: impl AsRef<[u8]>) {
    std::fs::write(desk.path(name), bytes).unwrap();
}

fn prepare(desk: &Desk, arguments: &[&str]) -> Value {
    desk.json(&[&["data", "prepare", "--out", "made"], arguments].concat(), 0)
}

fn refused(desk: &Desk, arguments: &[&str]) -> String {
    desk.refusal(&[&["data", "prepare", "--out", "made"], arguments].concat())
}

const IDX: [&str; 6] = ["--format", "idx", "--train", "images", "--labels", "labels"];

fn with_images() -> Desk {
    let desk = Desk::new();
    let (images, labels) = images(60);
    write(&desk, "images", images);
    write(&desk, "labels", labels);
    desk
}

#[test]
fn images_become_records_and_a_section_that_an_order_takes() {
    let desk = with_images();
    let arguments = [&IDX[..], &["--test-share", "0.2"]].concat();
    let value = prepare(&desk, &arguments);
    assert_eq!(value["format"], "records");
    assert_eq!((&value["features"], &value["classes"]), (&4.into(), &2.into()));
    assert_eq!(value["train"]["bytes"], 48 * 5);
    assert_eq!(value["test"]["examples"], 12);
    assert_eq!(prepare(&desk, &arguments), value);

    let output = desk.run(&[&["data", "prepare", "--out", "made"], &arguments[..]].concat());
    let section = String::from_utf8(output.stdout).unwrap();
    let order = super::ORDER.split("\n[data]\n").next().unwrap();
    let rest = super::ORDER.find("\n[train]\n").unwrap();
    write(&desk, "images.toml", format!("{order}\n{section}{}", &super::ORDER[rest..]));
    let checked = desk.json(&["order", "check", "images.toml"], 0);
    assert!(checked["parameters"].as_u64().unwrap() > 0, "{checked}");
    let train = ["train", "images.toml", "--steps", "30", "--seed", "5"];
    let memory = desk.json(&train, 0)["model_root"].clone();
    assert_eq!(desk.json(&[&train[..], &["--stream"]].concat(), 0)["model_root"], memory);
    let csv = ["train", "order.toml", "--data", super::DIGITS, "--stream"];
    assert!(
        desk.refusal(&csv).starts_with("data.train.format is csv, which --stream does not read")
    );
}

#[test]
fn text_becomes_text_and_with_a_trained_tokenizer_tokens() {
    let desk = Desk::new();
    write(&desk, "text", "to be or not to be, that is the question\n".repeat(200));
    let text = ["--format", "text", "--train", "text", "--test-share", "0.1", "--context", "16"];
    let value = prepare(&desk, &text);
    assert_eq!((&value["format"], &value["classes"]), (&"text".into(), &256.into()));
    assert_eq!(
        value["train"]["bytes"].as_u64().unwrap() + value["test"]["bytes"].as_u64().unwrap(),
        8200
    );
    let train = [
        "data",
        "tokenizer",
        "train",
        "--vocabulary",
        "280",
        "--text",
        "text",
        "--out",
        "tokenizer.json",
    ];
    let vocabulary = desk.json(&train, 0)["vocabulary"].clone();
    let value = prepare(&desk, &[&text[..], &["--tokenizer", "tokenizer.json"]].concat());
    assert_eq!((&value["format"], &value["classes"]), (&"tokens".into(), &vocabulary));
    assert_eq!(value["value_bytes"], 2);
    assert!(value["train"]["bytes"].as_u64().unwrap() < 8200);

    write(
        &desk,
        "lines",
        "{\"text\":\"to be\",\"label\":1}\n{\"text\":\"not to be\",\"label\":0}\n",
    );
    let lines = ["--format", "jsonl", "--train", "lines", "--test", "lines", "--context", "8"];
    let value = prepare(&desk, &[&lines[..], &["--tokenizer", "tokenizer.json"]].concat());
    assert_eq!((&value["format"], &value["features"]), (&"records".into(), &8.into()));
    assert_eq!((&value["divisor"], &value["vocabulary"]), (&1.into(), &vocabulary));
}

#[test]
fn decimals_become_floats() {
    let desk = Desk::new();
    write(&desk, "numbers.csv", "x,y,label\n0.5,1,0\n-1,2,1\n3,4,0\n");
    let csv = ["--format", "csv", "--titles", "--train", "numbers.csv", "--test", "numbers.csv"];
    let value = prepare(&desk, &csv);
    assert_eq!((&value["format"], &value["value_bytes"]), (&"floats".into(), &Value::Null));
    let file = std::fs::read(desk.path("made/train.floats")).unwrap();
    assert_eq!(file[..12], [0, 0, 0, 63, 0, 0, 128, 63, 0, 0, 0, 0]);
}

#[test]
fn wrong_data_is_refused_with_file_and_place_and_leaves_nothing_behind() {
    let desk = with_images();
    let (_, labels) = images(59);
    write(&desk, "few", labels);
    let few = ["--format", "idx", "--train", "images", "--labels", "few", "--test-share", "0.5"];
    assert_eq!(refused(&desk, &few), "images and few: 60 examples, but 59 labels");
    let classes = [&IDX[..], &["--test-share", "0.5", "--classes", "1"]].concat();
    let expected = "images, example 2: label 1, allowed are whole numbers from 0 to 0";
    assert_eq!(refused(&desk, &classes), expected);
    let no_labels = ["--format", "idx", "--train", "images", "--test-share", "0.5"];
    assert!(refused(&desk, &no_labels).starts_with("--labels is missing: "));
    let share = [&IDX[..], &["--test-share", "1.5"]].concat();
    assert_eq!(
        refused(&desk, &share),
        "--test-share is \"1.5\", expected a number between 0 and 1"
    );
    let little = [&IDX[..], &["--test-share", "0.001"]].concat();
    let expected = "--test-share 0.001 of 60 examples leaves one of the files empty";
    assert_eq!(refused(&desk, &little), expected);
    write(&desk, "text", "short");
    let text = ["--format", "text", "--train", "text", "--test", "text", "--context", "5"];
    assert_eq!(refused(&desk, &text), "--context is 5, allowed 1 to 4");
    let labelled = [&text[..], &["--labels", "labels"]].concat();
    assert!(refused(&desk, &labelled).starts_with("--labels says nothing here: "));
    write(&desk, "wrong.json", "{}");
    let tokens = [&text[..], &["--tokenizer", "wrong.json"]].concat();
    assert!(refused(&desk, &tokens).starts_with("wrong.json cannot be used: it is no tokenizer: "));
    let left: Vec<_> = std::fs::read_dir(desk.path("made")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
#[cfg(not(feature = "parquet"))]
fn parquet_is_refused_by_a_program_that_was_built_without_it() {
    let desk = with_images();
    let parquet = ["--format", "parquet", "--train", "images", "--test-share", "0.5"];
    let expected = "this aipot reads no parquet: build it with --features parquet";
    assert_eq!(refused(&desk, &parquet), expected);
}
