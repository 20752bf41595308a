//! The engine against the program that it must equal, for all three networks.

mod images;
mod language;
mod pieces;

use aipot_domain_runtime::order::OrderSpecification;
use aipot_domain_runtime::primitives::Salt;
use aipot_domain_runtime::program;

use super::*;
use crate::dataset::prepare;
use crate::dataset::synthetic::Part;
use crate::specification::{TestFacts, parse_order_toml};
use crate::trace::recorder::Snapshots;
use crate::trace::replay::{Replay, Walk};
use crate::trace::state::persistent_root;

/// An order over synthetic data, and its training file.
pub(crate) fn order(model: &str, data: &str, recipe: &str) -> (OrderSpecification, Vec<u8>) {
    order_of(6, model, data, recipe)
}

/// [`order`] over batches of another size.
fn order_of(batch: u32, model: &str, data: &str, recipe: &str) -> (OrderSpecification, Vec<u8>) {
    let text = format!(
        "version = 1\n[model]\n{model}\ninitial = {{ seed = 11 }}\n[data]\nsynthetic = {{ seed = 3 }}\n\
         {data}\n[train]\nloss = \"cross_entropy\"\nmetric = \"accuracy\"\nparameters_max = 1_000_000\n\
         batch = {batch}\nrecipe = {recipe}\n[pay]\nreward = \"100\"\nmetric_min = 0.5\n"
    );
    let draft = parse_order_toml(&text).unwrap();
    let file = |part| draft.data.synthetic(part).unwrap().unwrap();
    let (train, test) = (file(Part::Train), file(Part::Test));
    let shape = draft.data.shape();
    let (facts, test) = prepare(&shape, Some(train.as_slice()), Some(test.as_slice())).unwrap();
    let test = TestFacts::new(test.unwrap().facts, &Salt([1; 32]));
    (draft.complete(Some(&facts.unwrap().facts), Some(&test)).unwrap(), train)
}

pub(crate) const ADAMW: &str = "{ steps = 4, optimizer = \"adamw\", learning_rate = 0.01, schedule = \"cosine\", \
                     warmup_steps = 2, checkpoint_interval = 2 }";
const MOMENTUM: &str = "{ steps = 4, optimizer = \"momentum\", learning_rate = 0.05, \
                        weight_decay = 0.01, checkpoint_interval = 2 }";
const LION: &str = "{ steps = 4, optimizer = \"lion\", learning_rate = 0.002, \
                    schedule = \"one_cycle\", checkpoint_interval = 2 }";
pub(crate) const RECORDS: &str =
    "train_examples = 20\ntest_examples = 10\nfeatures = 144\nclasses = 5";
pub(crate) const TEXT: &str =
    "train_examples = 20\ntest_examples = 10\nfeatures = 24\ntrain = { format = \"text\" }";
pub(crate) const MLP: &str = "architecture = \"mlp\"\nhidden = [33, 17]";
pub(crate) const CNN: &str = "architecture = \"cnn\"\nimage = [1, 12, 12]\nhidden = [19]\n\
                   convolutions = [{ outputs = 5, kernel = 3 }, { outputs = 7, kernel = 2 }]";
pub(crate) const GPT: &str =
    "architecture = \"gpt\"\nwidth = 16\nlayers = 2\nheads = 2\ncontext = 24";

/// Few enough values that batches of more than a block of rows cost little.
const SMALL_MLP: &str = "architecture = \"mlp\"\nhidden = [5]";
const SMALL_RECORDS: &str = "train_examples = 64\ntest_examples = 10\nfeatures = 3\nclasses = 2";

/// Runs program and engine side by side and compares every word that survives a step.
fn check(model: &str, data: &str, recipe: &str) {
    check_batch(model, data, recipe, 6);
}

/// [`check`] over batches of another size.
fn check_batch(model: &str, data: &str, recipe: &str, batch: u32) {
    let (specification, train) = order_of(batch, model, data, recipe);
    check_over(&specification, (&train, &[]));
}

/// As [`check`], over given data and a base file, which may be empty.
fn check_over(specification: &OrderSpecification, files: (&[u8], &[u8])) {
    let loss_nats = compare(specification, files);
    assert!(loss_nats.is_finite(), "{loss_nats}");
}

/// Runs program and engine side by side, compares every word that survives a step, and gives the last
/// loss.
fn compare(specification: &OrderSpecification, (train, base): (&[u8], &[u8])) -> f32 {
    let computation = program::training(specification).unwrap();
    let files = Files { train, base, ..Files::default() };
    let mut machine = Machine::new(&computation, files);
    let mut engine = FastEngine::new(specification, &computation, files).unwrap();
    for step in 0..computation.steps() {
        machine.step(step).unwrap();
        engine.step(step).unwrap();
        let (expected, found) = (machine.persistent(), engine.persistent());
        assert_eq!(expected.len(), found.len(), "slots");
        for (slot, (expected, found)) in expected.iter().zip(&found).enumerate() {
            let name = computation.step.slots[slot].name;
            let differs = expected.iter().zip(found).position(|(left, right)| left != right);
            assert_eq!(differs, None, "step {step}, slot {slot} ({name}) differs");
        }
    }
    engine.loss_nats()
}

#[test]
fn linear_layers_have_the_bits_of_their_program() {
    check(MLP, RECORDS, ADAMW);
    check(MLP, RECORDS, MOMENTUM);
    check(MLP, RECORDS, LION);
}

#[test]
fn convolutions_have_the_bits_of_their_program() {
    check(CNN, RECORDS, ADAMW);
    check(CNN, RECORDS, MOMENTUM);
    check(CNN, RECORDS, LION);
}

#[test]
fn decoders_have_the_bits_of_their_program() {
    check(GPT, TEXT, ADAMW);
    check(GPT, TEXT, MOMENTUM);
    check(GPT, TEXT, LION);
}

/// Branches, a value that three layers read, a layer without a bias, tables and an attention.
pub(crate) const GRAPH: &str = "architecture = \"graph\"\nlayer = [\n\
    { operation = \"linear\", outputs = 20 },\n{ operation = \"gelu\" },\n\
    { operation = \"layer_norm\" },\n{ operation = \"linear\", outputs = 20, bias = \"no\" },\n\
    { operation = \"relu\" },\n{ operation = \"add\", inputs = [5, 2] },\n\
    { operation = \"add\", inputs = [6, 2] },\n{ operation = \"add\", inputs = [7, 7] },\n\
    { operation = \"linear\", outputs = 5 },\n]";
pub(crate) const TOKEN_GRAPH: &str = "architecture = \"graph\"\ninput = \"tokens\"\nlayer = [\n\
    { operation = \"embedding\", vocabulary = 256, width = 8 },\n\
    { operation = \"position_embedding\", positions = 30 },\n\
    { operation = \"linear\", outputs = 24 },\n\
    { operation = \"attention\", heads = 2, mask = \"causal\" },\n\
    { operation = \"add\", inputs = [4, 2] },\n{ operation = \"layer_norm\", epsilon = 1e-6 },\n\
    { operation = \"linear\", outputs = 256 },\n]";

#[test]
fn declared_layers_have_the_bits_of_their_program() {
    check(GRAPH, RECORDS, ADAMW);
    check(TOKEN_GRAPH, TEXT, MOMENTUM);
}

#[test]
fn threads_change_no_bit() {
    for (model, data) in [(MLP, RECORDS), (CNN, RECORDS), (GPT, TEXT)] {
        let (specification, train) = order(model, data, ADAMW);
        let computation = program::training(&specification).unwrap();
        let run = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let mut engine = FastEngine::new(&specification, &computation, &train).unwrap();
                (0..computation.steps()).for_each(|step| engine.step(step).unwrap());
                persistent_root(&engine.persistent())
            })
        };
        let one = run(1);
        assert_eq!(one, run(2));
        assert_eq!(one, run(3));
    }
}

#[test]
fn a_run_whose_first_states_are_not_kept_is_replayed_from_its_start() {
    let (specification, train) = order(MLP, RECORDS, ADAMW);
    let computation = program::training(&specification).unwrap();
    let files = Files { train: &train, ..Files::default() };
    let mut engine = FastEngine::new(&specification, &computation, &train).unwrap();
    let mut kept = Snapshots::default();
    for step in 0..computation.steps() {
        engine.step(step).unwrap();
    }
    kept.insert(computation.steps(), engine.persistent());
    // The engine holds the last state, of which nothing may be left.
    let mut replay = Replay::new((&computation, files), engine, Vec::new(), kept);
    let machine = Machine::new(&computation, files);
    let nothing = Snapshots::default();
    let mut expected = Replay::new((&computation, files), machine, Vec::new(), nothing);
    for state in 0..=computation.steps() {
        assert_eq!(replay.root(state).unwrap(), expected.root(state).unwrap(), "state {state}");
    }
    let roots = |walk: Walk<'_>| walk.roots().root();
    assert_eq!(roots(replay.walk(0).unwrap()), roots(expected.walk(0).unwrap()));
}

#[test]
fn a_state_of_another_run_is_refused() {
    let (specification, train) = order(MLP, RECORDS, ADAMW);
    let computation = program::training(&specification).unwrap();
    let mut engine = FastEngine::new(&specification, &computation, &train).unwrap();
    let refused = engine.restore(&vec![vec![0; 3]]);
    assert!(matches!(refused, Err(EngineError::ForeignState { found: 1, .. })), "{refused:?}");
    engine.restore(&Vec::new()).unwrap();
    let short = FastEngine::new(&specification, &computation, &train[1..]);
    assert!(matches!(short, Err(EngineError::Data { .. })));
}

#[test]
fn the_loss_falls_over_data_that_can_be_learnt() {
    let recipe = ADAMW.replace("steps = 4", "steps = 60");
    for (model, data) in [(MLP, RECORDS), (CNN, RECORDS), (GPT, TEXT)] {
        let (specification, train) = order(model, data, &recipe);
        let computation = program::training(&specification).unwrap();
        let mut engine = FastEngine::new(&specification, &computation, &train).unwrap();
        let losses: Vec<f32> = (0..computation.steps())
            .map(|step| {
                engine.step(step).unwrap();
                engine.loss_nats()
            })
            .collect();
        let (first, last) = (losses[1], losses[losses.len() - 1]);
        assert!(last < 0.8 * first, "{model}: from {first} to {last}");
    }
}
