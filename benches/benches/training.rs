//! The three workloads of `benches/orders`, trained by the engine and by `PyTorch` from the same weights over
//! the same batches: processor time of a step on one thread, wall time on two, and the losses.
//!
//! `AIPOT_PEER_PYTHON` names a Python that has torch; without it the engine runs alone. Medians of the
//! steps of three turns, in which engine and peer take turns.

#![expect(clippy::print_stdout, reason = "the table is what this program is for")]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use aipot_domain_runtime::order::OrderSpecification;
use aipot_domain_runtime::primitives::Salt;
use aipot_domain_runtime::program;
use aipot_trainer::dataset::prepare;
use aipot_trainer::dataset::synthetic::Part;
use aipot_trainer::engine::FastEngine;
use aipot_trainer::model_file::write_model;
use aipot_trainer::parameters::Parameters;
use aipot_trainer::specification::{TestFacts, parse_order_toml};
use aipot_trainer::trace::replay::Engine;
use rustix::time::{ClockId, clock_gettime};
use serde_json::Value;

/// Steps whose losses are compared, and after which the clock starts.
const WARM_STEPS: u32 = 20;
/// How often engine and peer take turns.
const TURNS: usize = 3;
/// Environment variable with the peer's interpreter.
const PEER_PYTHON: &str = "AIPOT_PEER_PYTHON";

/// A workload, and how many steps of it are timed in a turn.
const WORKLOADS: [(&str, &str, u32); 3] = [
    ("mlp", include_str!("../orders/mlp.toml"), 150),
    ("cnn", include_str!("../orders/cnn.toml"), 40),
    ("gpt", include_str!("../orders/gpt.toml"), 12),
];

/// What one side's steps took.
#[derive(Default)]
struct Figures {
    losses: Vec<f64>,
    cpu_ms: Vec<f64>,
    wall_ms: Vec<f64>,
}

fn main() {
    // Cargo hands over flags of the usual harness; a name among them picks a workload.
    let names: Vec<String> =
        std::env::args().skip(1).filter(|name| !name.starts_with('-')).collect();
    println!(
        "| workload | threads | side | cpu ms a step | wall ms a step | loss of step {WARM_STEPS} |"
    );
    println!("| --- | --- | --- | --- | --- | --- |");
    for (name, text, count) in WORKLOADS {
        if names.is_empty() || names.iter().any(|wanted| wanted == name) {
            let (specification, train) = order(text);
            let folder = tempfile::tempdir().expect("a temporary folder");
            write_inputs(&specification, &train, folder.path());
            for threads in [1, 2] {
                compare((name, count, threads), &specification, &train, folder.path());
            }
        }
    }
}

/// The completed order and its training file.
fn order(text: &str) -> (OrderSpecification, Vec<u8>) {
    let draft = parse_order_toml(text).expect("an order of this repository");
    let file = |part| draft.data.synthetic(part).expect("bounded sizes").expect("synthetic data");
    let (train, test) = (file(Part::Train), file(Part::Test));
    let shape = draft.data.shape();
    let prepared = prepare(&shape, Some(train.as_slice()), Some(test.as_slice()));
    let (facts, test) = prepared.expect("files of this shape");
    let test = TestFacts::new(test.expect("a test file").facts, &Salt([1; 32]));
    let facts = facts.expect("a training file").facts;
    (draft.complete(Some(&facts), Some(&test)).expect("an order that fits its data"), train)
}

/// Writes the weights before the first step and the batches of the first steps.
fn write_inputs(specification: &OrderSpecification, train: &[u8], folder: &Path) {
    let computation = program::training(specification).expect("an order with a recipe");
    let mut engine = FastEngine::new(specification, &computation, train).expect("its own data");
    engine.step(0).expect("the first state");
    let weights = Parameters::new(specification, engine.weights().to_vec()).expect("its weights");
    let (mut features, mut tokens, mut labels) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..WARM_STEPS {
        let batch = engine.batch(number).expect("its own data");
        features.extend(batch.features.iter().flat_map(|value| value.to_le_bytes()));
        tokens.extend(batch.tokens.iter().flat_map(|value| value.to_le_bytes()));
        labels.extend(batch.labels.iter().flat_map(|value| value.to_le_bytes()));
    }
    let write = |name: &str, bytes: &[u8]| {
        std::fs::write(folder.join(name), bytes).expect("room in the temporary folder");
    };
    write("weights.safetensors", &write_model(&weights));
    write("labels.bin", &labels);
    let name = if tokens.is_empty() { "features.bin" } else { "tokens.bin" };
    write(name, if tokens.is_empty() { &features } else { &tokens });
}

/// Lets both sides take turns and prints a line for each.
fn compare(
    (name, count, threads): (&str, u32, usize),
    specification: &OrderSpecification,
    train: &[u8],
    folder: &Path,
) {
    let mut sides: BTreeMap<String, Figures> = BTreeMap::new();
    for _ in 0..TURNS {
        let own = run_engine(specification, train, threads, count);
        add(&mut sides, "aipot".to_owned(), own);
        for (setting, figures) in run_peer(folder, name, threads, count) {
            add(&mut sides, setting, figures);
        }
    }
    let own_loss = sides["aipot"].losses.last().copied().unwrap_or(f64::NAN);
    for (side, figures) in &mut sides {
        let (cpu, wall) = (median(&mut figures.cpu_ms), median(&mut figures.wall_ms));
        let loss = figures.losses.last().copied().unwrap_or(f64::NAN);
        let apart = ((loss - own_loss) / own_loss).abs();
        println!(
            "| {name} | {threads} | {side} | {cpu:.2} | {wall:.2} | {loss:.7} ({apart:.0e}) |"
        );
    }
    print_ratio((name, threads), &mut sides);
}

fn add(sides: &mut BTreeMap<String, Figures>, side: String, figures: Figures) {
    let known = sides.entry(side).or_default();
    known.losses = figures.losses;
    known.cpu_ms.extend(figures.cpu_ms);
    known.wall_ms.extend(figures.wall_ms);
}

/// Prints the engine's time over that of the peer's best setting.
fn print_ratio((name, threads): (&str, usize), sides: &mut BTreeMap<String, Figures>) {
    let Some(mut own) = sides.remove("aipot") else { return };
    let times = |figures: &mut Figures| {
        let times = if threads == 1 { &mut figures.cpu_ms } else { &mut figures.wall_ms };
        median(times)
    };
    if let Some(best) = sides.values_mut().map(times).min_by(f64::total_cmp) {
        let clock = if threads == 1 { "cpu" } else { "wall" };
        println!(
            "| {name} | {threads} | ratio to the best | {clock} {:.2} | | |",
            times(&mut own) / best
        );
    }
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn run_engine(
    specification: &OrderSpecification,
    train: &[u8],
    threads: usize,
    count: u32,
) -> Figures {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
    let computation = program::training(specification).expect("an order with a recipe");
    pool.install(|| {
        let mut engine = FastEngine::new(specification, &computation, train).expect("its own data");
        engine.step(0).expect("the first state");
        let mut figures = Figures::default();
        for step in 1..=WARM_STEPS + count {
            let (cpu, wall) = (cpu_ms(), Instant::now());
            engine.step(step).expect("a step of the recipe");
            if step <= WARM_STEPS {
                figures.losses.push(f64::from(engine.loss_nats()));
            } else {
                figures.cpu_ms.push(cpu_ms() - cpu);
                figures.wall_ms.push(wall.elapsed().as_secs_f64() * 1e3);
            }
        }
        figures
    })
}

/// Processor time of this process so far.
fn cpu_ms() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    #[expect(clippy::cast_precision_loss, reason = "a run takes less than 2^52 nanoseconds")]
    let nanoseconds = (time.tv_sec * 1_000_000_000 + time.tv_nsec) as f64;
    nanoseconds / 1e6
}

/// The figures of each of `PyTorch`'s settings; none without an interpreter.
fn run_peer(folder: &Path, name: &str, threads: usize, count: u32) -> Vec<(String, Figures)> {
    let Some(python) = std::env::var_os(PEER_PYTHON) else { return Vec::new() };
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/training.py");
    let output = Command::new(python)
        .args([Path::new(script), folder])
        .args([name, &threads.to_string(), &count.to_string()])
        .env("OMP_NUM_THREADS", threads.to_string())
        .output()
        .expect("the interpreter starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8_lossy(&output.stdout);
    let figures = lines.lines().map(|line| {
        let line: Value = serde_json::from_str(line).expect("a line of JSON");
        let values = |name: &str| {
            let values = line[name].as_array().into_iter().flatten();
            values.filter_map(Value::as_f64).collect()
        };
        let setting = format!(
            "PyTorch {}, {}",
            line["version"].as_str().unwrap_or_default(),
            line["setting"].as_str().unwrap_or_default()
        );
        let losses = values("losses");
        (setting, Figures { losses, cpu_ms: values("cpu_ms"), wall_ms: values("wall_ms") })
    });
    figures.collect()
}
