//! Local runs: every optimizer and schedule, stopping, being killed, going on, refusals.

use std::process::{Command, Stdio};

use serde_json::Value;

use super::{DIGITS, Desk};

const TRAIN: [&str; 4] = ["train", "order.toml", "--data", DIGITS];

fn trained(desk: &Desk, arguments: &[&str]) -> Value {
    desk.json(&[&TRAIN[..], arguments].concat(), 0)
}

fn refused(arguments: &[&str]) -> String {
    Desk::new().refusal(&[&TRAIN[..], arguments].concat())
}

#[test]
fn every_optimizer_and_schedule_can_be_chosen() {
    let desk = Desk::new();
    let mut roots = Vec::new();
    for optimizer in ["sgd", "momentum", "nesterov", "adamw", "lion", "muon"] {
        let value = trained(&desk, &["--steps", "20", "--optimizer", optimizer]);
        assert!(value["final_loss"].as_f64().unwrap() < 2.4, "{optimizer}: {value}");
        roots.push(value["model_root"].to_string());
    }
    for schedule in ["constant", "warmup", "cosine", "one-cycle"] {
        let value = trained(&desk, &["--steps", "20", "--warmup", "3", "--schedule", schedule]);
        roots.push(value["model_root"].to_string());
    }
    for choice in [["--clip", "0.1"], ["--ema", "0.9"], ["--accumulate", "2"], ["--batch", "7"]] {
        let value = trained(&desk, &[&["--steps", "20"][..], &choice].concat());
        roots.push(value["model_root"].to_string());
    }
    let count = roots.len();
    roots.sort();
    roots.dedup();
    assert_eq!(roots.len(), count, "every choice makes a difference");
}

#[test]
fn micro_batches_change_no_bit() {
    let desk = Desk::new();
    let whole = trained(&desk, &["--steps", "9"]);
    let pieces = trained(&desk, &["--steps", "9", "--micro-batch", "5"]);
    assert_eq!(pieces["model_root"], whole["model_root"]);
    assert!(refused(&["--micro-batch", "0"]).contains("--micro-batch"));
}

#[test]
fn a_stopped_run_goes_on_to_the_same_model() {
    let desk = Desk::new();
    let run = ["--steps", "30", "--optimizer", "muon", "--ema", "0.9", "--accumulate", "2"];
    let whole = trained(&desk, &run);
    let kept = ["--checkpoint", "run.checkpoint"];
    let stopped = trained(&desk, &[&run[..], &kept, &["--stop-after", "11"]].concat());
    assert_eq!((&stopped["next_step"], &stopped["is_finished"]), (&11.into(), &false.into()));
    let resumed = trained(&desk, &[&kept[..], &["--resume", "--out", "model"]].concat());
    assert_eq!((&resumed["first_step"], &resumed["next_step"]), (&11.into(), &30.into()));
    assert_eq!(resumed["model_root"], whole["model_root"]);
    assert!(desk.path("model").exists());
}

#[test]
fn a_killed_run_goes_on_to_the_same_model() {
    let desk = Desk::new();
    let run = ["--steps", "600", "--checkpoint-steps", "1"];
    let whole = trained(&desk, &["--steps", "600"]);
    let kept = ["--checkpoint", "run.checkpoint"];
    let mut command = Command::new(env!("CARGO_BIN_EXE_aipot"));
    command.current_dir(desk.folder.path()).args(TRAIN).args(run).args(kept);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while !desk.path("run.checkpoint").exists() {
        assert_eq!(child.try_wait().unwrap(), None, "the run ended without a checkpoint");
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let resumed = trained(&desk, &[&kept[..], &["--resume"]].concat());
    assert!(resumed["first_step"].as_u64().unwrap() > 0, "{resumed}");
    assert_eq!(resumed["model_root"], whole["model_root"]);
}

#[test]
fn a_run_that_diverges_names_the_step_and_the_last_checkpoint() {
    let desk = Desk::new();
    let run = ["--steps", "50", "--optimizer", "sgd", "--schedule", "constant"];
    let wild = ["--learning-rate", "1e20", "--checkpoint", "run.checkpoint"];
    let kept = ["--checkpoint-steps", "1"];
    let value = desk.json(&[&TRAIN[..], &run, &wild, &kept].concat(), 1);
    let sentence = value["error"].as_str().unwrap();
    assert!(sentence.contains("in step") && sentence.contains("last checkpoint"), "{sentence}");
}

#[test]
fn choices_that_make_no_run_are_refused() {
    assert!(refused(&["--learning-rate", "0"]).contains("learning rate 0"));
    assert!(refused(&["--ema", "1"]).contains("average share 1"));
    assert!(refused(&["--accumulate", "0"]).contains("batches"));
    assert!(refused(&["--backend", "cuda"]).contains("training kernels"));
    let missing = refused(&["--checkpoint", "none", "--resume"]);
    assert!(missing.contains("none does not exist"), "{missing}");
    let desk = Desk::new();
    std::fs::write(desk.path("other"), b"no checkpoint").unwrap();
    let foreign = [&TRAIN[..], &["--checkpoint", "other", "--resume"]].concat();
    assert!(desk.refusal(&foreign).contains("no checkpoint of this version"));
}
