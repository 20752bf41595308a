//! The command line as a stranger meets it: good input gives the promised JSON, bad input a sentence that
//! names field, value and what is allowed, and an exit code.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "command_line/data.rs"]
mod data;
#[path = "command_line/devices.rs"]
mod devices;
#[path = "command_line/plotting.rs"]
mod plotting;
#[path = "command_line/traces.rs"]
mod traces;
#[path = "command_line/training.rs"]
mod training;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

const ORDER: &str = include_str!("../src/devnet/order.toml");
const DIGITS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../trainer/data/digits/digits.csv");

/// A folder with an order, and the program run in it.
struct Desk {
    folder: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        Self::with(ORDER)
    }

    fn with(order: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("order.toml"), order).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_aipot"));
        command.current_dir(self.folder.path()).args(arguments).env_remove("AIPOT_NODE");
        command.output().unwrap()
    }

    /// The object on the last line of a run that must end with `code`.
    fn json(&self, arguments: &[&str], code: i32) -> Value {
        let output = self.run(&[arguments, &["--json"]].concat());
        let text = String::from_utf8(output.stdout).unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}{said}");
        serde_json::from_str(text.lines().last().unwrap()).unwrap()
    }

    /// The sentence with which wrong input is refused.
    fn refusal(&self, arguments: &[&str]) -> String {
        let value = self.json(arguments, 2);
        assert_eq!(value["kind"], "input", "{value}");
        value["error"].as_str().unwrap().to_owned()
    }

    /// Trains a small model and returns its root.
    fn train(&self, threads: &str, seed: &str, out: &str) -> Value {
        let steps = ["--steps", "30", "--threads", threads, "--seed", seed, "--out", out];
        self.json(&[&["train", "order.toml", "--data", DIGITS][..], &steps].concat(), 0)
    }
}

fn check(order: &str) -> String {
    let data = ["order", "check", "order.toml", "--data", DIGITS, "--test", DIGITS];
    Desk::with(order).refusal(&data)
}

fn changed(from: &str, to: &str) -> String {
    assert!(ORDER.contains(from), "{from}");
    ORDER.replacen(from, to, 1)
}

#[test]
fn check_says_parameters_memory_price_and_time() {
    let data = ["order", "check", "order.toml", "--data", DIGITS, "--test", DIGITS];
    let value = Desk::new().json(&data, 0);
    assert_eq!(value["parameters"], 64 * 128 + 128 + 128 * 64 + 64 + 64 * 10 + 10);
    assert_eq!(value["total_price"], "120");
    for field in ["flops_per_step", "peak_memory_bytes", "estimated_training_ms"] {
        assert!(value[field].as_u64().unwrap() > 0, "{field}: {value}");
    }
}

#[test]
fn the_same_seed_trains_the_same_model_on_any_number_of_threads() {
    let desk = Desk::new();
    let once = desk.train("1", "5", "one.safetensors");
    for threads in ["2", "3"] {
        assert_eq!(desk.train(threads, "5", "more.safetensors")["model_root"], once["model_root"]);
    }
    let other = desk.train("1", "6", "other.safetensors");
    assert_ne!(other["model_root"], once["model_root"]);
}

#[test]
fn an_evaluation_has_the_same_bits_on_any_number_of_threads() {
    let desk = Desk::new();
    desk.train("1", "5", "model.safetensors");
    let evaluate = |threads: &str| {
        let files = ["model", "evaluate", "model.safetensors", "--order", "order.toml"];
        desk.json(&[&files[..], &["--data", DIGITS, "--threads", threads]].concat(), 0)
    };
    let once = evaluate("1");
    assert!(once["accuracy"].as_f64().unwrap() > 0.5, "{once}");
    for threads in ["2", "3", "7"] {
        assert_eq!(evaluate(threads), once);
    }
}

#[test]
fn a_changed_model_file_is_refused() {
    let desk = Desk::new();
    let root = desk.train("1", "5", "model.safetensors")["model_root"].as_str().unwrap().to_owned();
    let verify = |file: &str| {
        let files = ["model", "verify", file, "--order", "order.toml", "--data", DIGITS];
        [&files[..], &["--root", &root]].concat().into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let words = verify("model.safetensors");
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    assert_eq!(desk.json(&words, 0)["valid"], true);
    let on_device = [&words[..], &["--backend", "wgpu"]].concat();
    assert_eq!(desk.json(&on_device, 0)["model_root"], root, "a device computes the same root");
    let mut bytes = std::fs::read(desk.path("model.safetensors")).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(desk.path("flipped.safetensors"), &bytes).unwrap();
    let words = verify("flipped.safetensors");
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    assert!(desk.refusal(&words).contains(&root));
    bytes.truncate(100);
    std::fs::write(desk.path("flipped.safetensors"), &bytes).unwrap();
    assert!(desk.refusal(&words).contains("header"));
}

#[test]
fn an_unknown_key_is_refused_with_a_hint() {
    let sentence = check(&changed("epochs = 40", "epoch = 40"));
    assert!(sentence.contains("train.epoch") && sentence.contains("epochs"), "{sentence}");
}

#[test]
fn impossible_sizes_are_refused_by_name() {
    for (from, to, field) in [
        ("hidden = [128, 64]", "hidden = [0]", "model"),
        ("hidden = [128, 64]", "hidden = [4294967295]", "model"),
        ("hidden = [128, 64]", "hidden = [65536, 65536]", "parameters"),
        ("batch = 32", "batch = 0", "train.batch"),
        ("epochs = 40", "epochs = 100001", "train.epochs"),
        ("divisor = 16", "divisor = 0", "data.divisor"),
        ("providers = 2", "providers = 33", "committee.providers"),
        ("open = 4", "open = 0", "windows.open"),
        ("challenge = 16", "challenge = 14401", "windows.challenge"),
        ("reward = \"100\"", "reward = \"0.5\"", "pay.reward"),
        ("client_bond = \"20\"", "client_bond = \"1\"", "pay.client_bond"),
        ("metric_min = 0.9", "metric_min = 1.5", "metric_min"),
    ] {
        let sentence = check(&changed(from, to));
        assert!(sentence.contains(field) && sentence.contains("allowed"), "{to}: {sentence}");
    }
}

#[test]
fn windows_beyond_the_horizon_are_refused() {
    let sentence = check(&changed("challenge = 16", "challenge = 14400"));
    assert!(sentence.contains("14400") && sentence.contains("settlement"), "{sentence}");
}

#[test]
fn data_of_another_hash_is_refused_with_both_hashes() {
    let blob = format!("blob = \"blake3:{}\", format", "ab".repeat(32));
    let sentence = check(&changed("format", &blob));
    assert!(sentence.contains("data.train.blob") && sentence.contains("abab"), "{sentence}");
}

#[test]
fn broken_data_is_refused_with_line_and_column() {
    let desk = Desk::new();
    std::fs::write(desk.path("bad.csv"), "1,2,3\n1,x,3\n").unwrap();
    let sentence = desk.refusal(&["train", "order.toml", "--data", "bad.csv", "--steps", "1"]);
    assert!(sentence.contains("line 2, column 2"), "{sentence}");
}

#[test]
fn records_train_the_same_model_as_the_lines_they_were_packed_from() {
    let desk = Desk::new();
    let lines = std::fs::read_to_string(DIGITS).unwrap();
    let records: Vec<u8> = lines
        .lines()
        .flat_map(|line| line.split(','))
        .map(|number| number.parse().unwrap())
        .collect();
    std::fs::write(desk.path("digits.records"), &records).unwrap();
    let known = "train = { path = \"digits.records\", format = \"records\" }\nfeatures = 64";
    let order = changed("train = { format = \"csv\" }", known);
    std::fs::write(desk.path("records.toml"), order).unwrap();
    let steps = ["--steps", "10", "--seed", "5"];
    let from_lines =
        desk.json(&[&["train", "order.toml", "--data", DIGITS][..], &steps].concat(), 0);
    for files in [&["train", "records.toml"][..], &["train", "records.toml", "--data", DIGITS]] {
        let value = desk.json(&[files, &steps].concat(), 0);
        assert_eq!(value["model_root"], from_lines["model_root"]);
    }
}

#[test]
fn a_synthetic_order_needs_no_files() {
    let synthetic = "synthetic = { seed = 7 }\nfeatures = 20\ntrain_examples = 400\n\
                     test_examples = 100";
    let order = changed("train = { format = \"csv\" }\ndivisor = 16", synthetic);
    let desk = Desk::with(&order);
    assert_eq!(desk.json(&["order", "check", "order.toml"], 0)["parameters"], 11_594);
    let train = ["train", "order.toml", "--steps", "60", "--seed", "5"];
    let value = desk.json(&train, 0);
    // Guessing among ten classes costs ln 10 = 2.3 nats.
    assert!(value["final_loss"].as_f64().unwrap() < 1.2, "{value}");
    assert_eq!(desk.json(&train, 0)["model_root"], value["model_root"]);
}

#[test]
fn an_order_without_data_says_where_it_could_be_named() {
    let sentence = Desk::new().refusal(&["train", "order.toml"]);
    assert!(sentence.contains("--data") && sentence.contains("data.synthetic"), "{sentence}");
}

#[test]
fn a_missing_file_and_a_wrong_order_id_are_named() {
    let desk = Desk::new();
    assert!(desk.refusal(&["order", "check", "nothing.toml"]).contains("nothing.toml"));
    let asked = ["order", "explain", "xyz", "--node", "ws://127.0.0.1:1"];
    assert!(desk.refusal(&asked).contains("64 hexadecimal digits"));
}

#[test]
fn a_node_that_does_not_answer_has_its_own_exit_code() {
    let desk = Desk::new();
    let value = desk.json(&["state", "root", "--node", "ws://127.0.0.1:1"], 4);
    assert_eq!(value["kind"], "unreachable");
    assert!(value["error"].as_str().unwrap().contains("127.0.0.1:1"), "{value}");
}

#[test]
fn a_used_folder_is_not_overwritten() {
    let desk = Desk::new();
    let value = desk.json(&["devnet", "--folder", "."], 1);
    assert!(value["error"].as_str().unwrap().contains("--folder"), "{value}");
    assert!(Path::new(&desk.path("order.toml")).exists());
}

#[test]
fn every_command_has_help_with_an_example() {
    let desk = Desk::new();
    for words in [
        &["devnet"][..],
        &["node"],
        &["order", "check"],
        &["order", "submit"],
        &["order", "watch"],
        &["order", "fetch"],
        &["order", "explain"],
        &["model", "verify"],
        &["model", "evaluate"],
        &["train"],
        &["trace", "corrupt"],
        &["trace", "dispute"],
        &["state", "root"],
        &["state", "show"],
        &["plot", "table"],
        &["plot", "prove"],
        &["plot", "verify-proof"],
        &["plot", "sector"],
        &["plot", "verify"],
        &["plot", "bench"],
        &["plotter"],
        &["device", "list"],
        &["device", "bench"],
        &["doctor"],
    ] {
        let output = desk.run(&[words, &["--help"]].concat());
        assert!(output.status.success(), "{words:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains("Example"), "{words:?}: {text}");
        assert!(text.contains("--json"), "{words:?}: {text}");
    }
}

#[test]
fn a_bench_of_the_arithmetic_compares_every_shape_on_every_number_of_threads() {
    let desk = Desk::new();
    let words = ["device", "bench", "--arithmetic", "--samples", "3", "--threads", "1,2"];
    let shapes = ["--shape", "8x16x24", "--shape", "64x64x64"];
    let value = desk.json(&[&words[..], &shapes].concat(), 0);
    let products = value["products"].as_array().unwrap();
    let name = |product: &Value| (product["shape"].clone(), product["threads"].clone());
    let measured: Vec<(Value, Value)> = products.iter().map(name).collect();
    let expected = [("8x16x24", 1), ("64x64x64", 1), ("8x16x24", 2), ("64x64x64", 2)];
    assert_eq!(measured, expected.map(|(shape, threads)| (shape.into(), threads.into())));
    for product in products {
        let figure = |name: &str| product[name].as_f64().unwrap();
        assert!(figure("ours_ns") > 0.0 && figure("candle_ns") > 0.0, "{product}");
        let ratio = figure("ours_ns") / figure("candle_ns");
        assert!((figure("ratio") - ratio).abs() < 1e-9, "{product}");
        assert!(figure("ratio") <= value["worst_ratio"].as_f64().unwrap(), "{product}");
    }
    let impossible = [&words[..], &["--shape", "8x16x24", "--ratio-max", "0.000001"]].concat();
    assert_eq!(desk.json(&impossible, 1)["products"].as_array().unwrap().len(), 2);
}

#[test]
fn a_bench_of_no_threads_is_refused() {
    let desk = Desk::new();
    let refusal = desk.refusal(&["device", "bench", "--arithmetic", "--threads", "0"]);
    assert_eq!(refusal, "--threads is 0, allowed 1 to 1024");
    let output = desk.run(&["device", "bench", "--arithmetic", "--shape", "64x64"]);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("three sizes from 1 to 8192 like 64x800x576"), "{said}");
}
