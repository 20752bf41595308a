//! `aipot train --profile p0` and `aipot trace` as a client meets them: a run that is recorded, forged, and
//! convicted at the very bit.

use serde_json::Value;

use super::Desk;

const ORDER: &str = r#"
version = 1

[model]
architecture = "mlp"
hidden = [40]
initial = { seed = 7 }

[data]
synthetic = { seed = 7 }
features = 20
classes = 5
train_examples = 200
test_examples = 50

[train]
loss = "cross_entropy"
metric = "accuracy"
parameters_max = 100_000
batch = 16
recipe = { steps = 30, optimizer = "adamw", learning_rate = 0.01, checkpoint_interval = 10 }

[pay]
reward = "100"
metric_min = 0.5
"#;

/// Trains by the recipe and writes a trace.
fn train(desk: &Desk, threads: &str, trace: &str) -> Value {
    let recipe = ["train", "order.toml", "--profile", "p0", "--trace", trace];
    desk.json(&[&recipe[..], &["--threads", threads, "--out", "model"]].concat(), 0)
}

fn corrupt(desk: &Desk, place: [&str; 4], output: &str) -> Value {
    let [step, operator, element, bit] = place;
    let place = ["--step", step, "--operator", operator, "--element", element, "--bit", bit];
    desk.json(&[&["trace", "corrupt", "a.trace"], &place[..], &["--output", output]].concat(), 0)
}

#[test]
fn a_recipe_gives_the_same_trace_on_any_number_of_threads() {
    let desk = Desk::with(ORDER);
    let one = train(&desk, "1", "a.trace");
    assert_eq!(one["checkpoints"], 3);
    assert_eq!(one["diverged_at_step"], Value::Null);
    let first = std::fs::read(desk.path("a.trace")).unwrap();
    for threads in ["2", "3"] {
        let other = train(&desk, threads, "b.trace");
        for key in ["trace_root", "final_root", "model_root", "final_loss"] {
            assert_eq!(one[key], other[key], "{key}");
        }
        assert_eq!(first, std::fs::read(desk.path("b.trace")).unwrap());
    }
}

#[test]
fn a_forged_trace_is_convicted_at_the_very_bit() {
    let desk = Desk::with(ORDER);
    let honest = train(&desk, "2", "a.trace");
    let forged = corrupt(&desk, ["17", "3", "5", "30"], "forged.trace");
    assert_eq!(forged["honest_trace_root"], honest["trace_root"]);
    assert_ne!(forged["trace_root"], honest["trace_root"]);

    let found = desk.json(&["trace", "dispute", "a.trace", "forged.trace"], 0);
    assert_eq!(
        (&found["step"], &found["operator"], &found["element"]),
        (&17.into(), &3.into(), &5.into())
    );
    assert_eq!(found["operator_name"], forged["operator_name"]);
    assert_eq!((&found["verdict"], &found["loser"]), (&"convicted".into(), &"forged.trace".into()));
    assert!(found["rounds"].as_u64().unwrap() <= 10, "{found}");
    assert!(found["posted_bytes"].as_u64().unwrap() <= 4096, "{found}");
    assert!(found["leaf_bytes"].as_u64().unwrap() <= 10_240, "{found}");
    assert!(found["referee_microseconds"].as_f64().unwrap() > 0.0, "{found}");

    let false_challenge = desk.json(&["trace", "dispute", "forged.trace", "a.trace"], 0);
    assert_eq!(false_challenge["verdict"], "refuted");
    assert_eq!(false_challenge["loser"], "forged.trace");
    let nothing = desk.json(&["trace", "dispute", "a.trace", "a.trace"], 0);
    assert_eq!(nothing["verdict"], "agreement");
}

#[test]
fn what_is_no_trace_or_no_bit_of_it_is_refused() {
    let desk = Desk::with(ORDER);
    train(&desk, "2", "a.trace");
    let place = |step: &'static str, operator: &'static str, bit: &'static str| {
        let place = ["--step", step, "--operator", operator, "--bit", bit, "--output", "forged"];
        desk.refusal(&[&["trace", "corrupt", "a.trace"], &place[..]].concat())
    };
    assert!(place("31", "0", "0").contains("state 31"), "{}", place("31", "0", "0"));
    assert!(place("3", "9999", "0").contains("operator 9999 of step 3"));
    assert!(place("3", "0", "32").contains("bit 32"));
    let mut bytes = std::fs::read(desk.path("a.trace")).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(desk.path("damaged.trace"), bytes).unwrap();
    let damaged = desk.refusal(&["trace", "dispute", "a.trace", "damaged.trace"]);
    assert!(damaged.contains("damaged.trace") && damaged.contains("its hash is"), "{damaged}");
    let foreign = desk.refusal(&["trace", "dispute", "a.trace", "order.toml"]);
    assert!(foreign.contains("no trace of this version"), "{foreign}");
    let other = Desk::with(&ORDER.replace("initial = { seed = 7 }", "initial = { seed = 8 }"));
    train(&other, "2", "b.trace");
    std::fs::copy(other.path("b.trace"), desk.path("b.trace")).unwrap();
    let other = desk.refusal(&["trace", "dispute", "a.trace", "b.trace"]);
    assert!(other.contains("different orders"), "{other}");
}

#[test]
fn an_order_without_a_recipe_cannot_be_followed() {
    let recipe = ORDER.lines().find(|line| line.starts_with("recipe")).unwrap();
    let desk = Desk::with(&ORDER.replace(recipe, "recipe = \"free\""));
    let sentence = desk.refusal(&["train", "order.toml", "--profile", "p0"]);
    assert!(sentence.contains("recipe"), "{sentence}");
}
