//! Layers of language models: the bits of their programs, in batches and in pieces; what is left out at
//! random; bases.

use aipot_domain_runtime::order::tensors::base_tensors;
use aipot_domain_runtime::order::{
    Architecture, BertShape, LlamaShape, LoraBase, LoraShape, LoraTarget,
};
use aipot_domain_runtime::primitives::Beacon;
use aipot_domain_runtime::progress::TestSource;
use aipot_kernels::chacha8::ChaChaStream;

use super::pieces::run;
use super::*;
use crate::dataset::data_file;
use crate::evaluation::{Evaluation, evaluate, evaluate_order};
use crate::memory::training_memory;
use crate::run::{TrainError, Trainer, TrainingFile, TrainingOptions};

/// Nine tokens of an example.
const FEATURES: usize = 9;
const TOKENS: &str = "train_examples = 20\ntest_examples = 10\nfeatures = 9\nclasses = 5";

/// Every layer of language models once, with each mask.
const EVERY: &str = "architecture = \"graph\"\ninput = \"tokens\"\nlayer = [\n\
    { operation = \"embedding\", vocabulary = 256, width = 12 },\n\
    { operation = \"rms_norm\" },\n{ operation = \"linear\", outputs = 36 },\n\
    { operation = \"rope\", heads = 3 },\n\
    { operation = \"attention\", heads = 3, mask = \"padding\", inputs = [4, 0] },\n\
    { operation = \"dropout\", rate = 0.25 },\n\
    { operation = \"linear\", outputs = 36, bias = \"no\" },\n\
    { operation = \"attention\", heads = 2 },\n{ operation = \"silu\" },\n\
    { operation = \"multiply\", inputs = [9, 2] },\n{ operation = \"scale\", factor = 1.5 },\n\
    { operation = \"first_token\" },\n{ operation = \"mean_tokens\", inputs = [11, 0] },\n\
    { operation = \"mean_tokens\", inputs = [11] },\n\
    { operation = \"multiply\", inputs = [12, 14] },\n{ operation = \"dropout\", rate = 0.5 },\n\
    { operation = \"add\", inputs = [16, 13] },\n{ operation = \"linear\", outputs = 5 },\n]";
const BERT: &str = "architecture = \"bert\"\nvocabulary = 256\npositions = 12\nwidth = 12\n\
    hidden_width = 20\nlayers = 2\nheads = 3";
const LLAMA: &str =
    "architecture = \"llama\"\nwidth = 12\nhidden_width = 20\nlayers = 2\nheads = 3";

/// An order over tokens of which many are padding, all of them in the first example.
fn padded(batch: u32, model: &str, recipe: &str) -> (OrderSpecification, Vec<u8>) {
    let (specification, mut train) = order_of(batch, model, TOKENS, recipe);
    for (example, record) in train.chunks_mut(FEATURES + 1).enumerate() {
        let present = example * 7 % (FEATURES + 1);
        record[present..FEATURES].fill(0);
    }
    (specification, train)
}

/// The file of a base whose weights are drawn.
fn drawn_base(order: &OrderSpecification) -> Vec<u8> {
    let mut file = program::base_header(order).unwrap();
    let mut stream = ChaChaStream::derive(&[3; 32], "base", 0);
    let tensors = base_tensors(order).unwrap();
    let count: u64 = tensors.iter().map(|tensor| tensor.value_count().unwrap()).sum();
    (0..count).for_each(|_| file.extend((0.3 * stream.normal_f32()).to_le_bytes()));
    file
}

/// Adapters on a drawn base of the same shapes, and the base's file.
fn adapted(base: LoraBase, mut order: OrderSpecification) -> (OrderSpecification, Vec<u8>) {
    let targets = vec![LoraTarget::AttentionInput, LoraTarget::PerceptronOutput];
    let shape =
        LoraShape { base, rank: 3, alpha: 6.0_f32.to_bits(), targets: targets.try_into().unwrap() };
    order.model.architecture = Architecture::Lora(shape);
    let file = drawn_base(&order);
    order.model.base = Some(data_file(&file));
    (order, file)
}

fn lora_of_bert() -> (OrderSpecification, Vec<u8>, Vec<u8>) {
    let (order, train) = padded(6, BERT, ADAMW);
    let base = BertShape {
        vocabulary: 256,
        positions: 12,
        width: 12,
        hidden_width: 20,
        layer_count: 2,
        head_count: 3,
    };
    let (order, file) = adapted(LoraBase::Bert(base), order);
    (order, train, file)
}

fn lora_of_llama() -> (OrderSpecification, Vec<u8>, Vec<u8>) {
    let (order, train) = order_of(6, LLAMA, TEXT, ADAMW);
    let rope_base = 10_000.0_f32.to_bits();
    let base = LlamaShape { width: 12, hidden_width: 20, layer_count: 2, head_count: 3, rope_base };
    let (order, file) = adapted(LoraBase::Llama(base), order);
    (order, train, file)
}

#[test]
fn layers_of_language_models_have_the_bits_of_their_programs() {
    for recipe in [ADAMW, MOMENTUM] {
        let (order, train) = padded(6, EVERY, recipe);
        check_over(&order, (&train, &[]));
        let (order, train) = padded(6, BERT, recipe);
        check_over(&order, (&train, &[]));
        check(LLAMA, TEXT, recipe);
    }
}

#[test]
fn adapters_have_the_bits_of_their_programs() {
    for (order, train, base) in [lora_of_bert(), lora_of_llama()] {
        check_over(&order, (&train, &base));
    }
}

#[test]
fn pieces_of_language_models_train_the_bits_of_the_whole_batch() {
    // 80 examples of 9 tokens are 720 rows, of texts of 24 bytes 30 are.
    for model in [EVERY, BERT] {
        let (order, train) = padded(80, model, ADAMW);
        let whole = run(&order, &train, 80);
        for rows in [1, 7, 57, 60] {
            assert!(run(&order, &train, rows) == whole, "{model}: pieces of {rows}");
        }
    }
    let (order, train) = order_of(30, LLAMA, TEXT, ADAMW);
    let whole = run(&order, &train, 30);
    for rows in [1, 7, 22] {
        assert!(run(&order, &train, rows) == whole, "llama: pieces of {rows}");
    }
}

#[test]
fn the_memory_of_language_models_is_known_before_it_is_taken() {
    for (order, train) in [padded(80, EVERY, ADAMW), padded(80, BERT, ADAMW)] {
        let computation = program::training(&order).unwrap();
        for rows in [1, 60, 80] {
            let engine = FastEngine::with_micro_batch(&order, &computation, &train, rows).unwrap();
            let memory = training_memory(&order, rows).unwrap();
            assert_eq!(memory.total(), engine.taken_bytes(), "pieces of {rows}");
        }
    }
}

#[test]
fn every_tensor_is_trained_and_a_base_stays_as_it_is() {
    let moved = |engine: &FastEngine<'_>, before: &[Vec<f32>]| {
        let pairs = engine.weights().iter().zip(before);
        pairs.map(|(after, before)| after != before).collect::<Vec<_>>()
    };
    for (order, train, base) in
        [padded_with_nothing(EVERY), padded_with_nothing(BERT), lora_of_bert(), lora_of_llama()]
    {
        let computation = program::training(&order).unwrap();
        let files = Files { train: &train, base: &base, ..Files::default() };
        let mut engine = FastEngine::new(&order, &computation, files).unwrap();
        engine.step(0).unwrap();
        let before = engine.weights().to_vec();
        // The first matrix of an adapter moves once the second is no longer zero.
        (1..4).for_each(|step| engine.step(step).unwrap());
        assert!(moved(&engine, &before).into_iter().all(|is_moved| is_moved));
    }
}

fn padded_with_nothing(model: &str) -> (OrderSpecification, Vec<u8>, Vec<u8>) {
    let (order, train) = padded(6, model, ADAMW);
    (order, train, Vec::new())
}

#[test]
fn a_base_of_other_shapes_is_refused() {
    let (order, train, base) = lora_of_llama();
    let computation = program::training(&order).unwrap();
    let with = |base: &[u8]| {
        let files = Files { train: &train, base, ..Files::default() };
        FastEngine::new(&order, &computation, files).map(|_| ())
    };
    assert!(with(&base).is_ok());
    for wrong in [&base[..base.len() - 4], &base[1..], &[base.as_slice(), &[0]].concat(), &[]] {
        assert!(matches!(with(wrong), Err(EngineError::Base(_))));
    }
}

#[test]
fn a_free_run_trains_beside_its_base_or_from_it() {
    let (order, train, base) = lora_of_llama();
    let options = TrainingOptions::steps(&order, 3, 40);
    let file = TrainingFile::new(&train, &order).unwrap();
    let refused = Trainer::new(&order, file, options);
    assert!(matches!(refused, Err(TrainError::Base(_))), "{refused:?}");
    let mut trainer = Trainer::new(&order, file.with_base(&base), options).unwrap();
    let losses: Vec<f32> = (0..40).map(|_| trainer.step().unwrap().loss_nats).collect();
    assert!(losses[39] < losses[0], "{losses:?}");

    // A decoder whose order names a base of its own shapes starts as it.
    let (mut order, train) = order_of(6, LLAMA, TEXT, ADAMW);
    let base = drawn_base(&order);
    order.model.base = Some(data_file(&base));
    check_over(&order, (&train, &base));
    let file = TrainingFile::new(&train, &order).unwrap().with_base(&base);
    let trainer = Trainer::new(&order, file, TrainingOptions::steps(&order, 3, 4)).unwrap();
    let values = trainer.model().iter().flatten().flat_map(|value| value.to_le_bytes());
    assert!(base.ends_with(&values.collect::<Vec<u8>>()));
}

/// The score of a model, by the evaluation program and by the engine alike.
fn evaluated(order: &OrderSpecification, weights: &[Vec<f32>], files: Files<'_>) -> Evaluation {
    let header = program::model_header(order).unwrap();
    let values = weights.iter().flatten().flat_map(|value| value.to_le_bytes());
    let model: Vec<u8> = header.into_iter().chain(values).collect();
    let files = Files { model: &model, ..files };
    let source = TestSource::BeaconSplit(Beacon([3; 32]));
    let computation = program::evaluation(order, &order.data.train, &source, [5; 32]).unwrap();
    let found = evaluate(&computation, files).unwrap();
    assert_eq!(evaluate_order(order, &computation, files).unwrap(), found);
    found
}

#[test]
fn evaluations_leave_nothing_out_and_see_the_base() {
    let cases =
        [padded_with_nothing(EVERY), padded_with_nothing(BERT), lora_of_bert(), lora_of_llama()];
    for (order, train, base) in cases {
        let computation = program::training(&order).unwrap();
        let mut machine =
            Machine::new(&computation, Files { train: &train, base: &base, ..Files::default() });
        machine.step(0).unwrap();
        let count = program::training(&order).unwrap().step.persistent_count();
        let tensors = layout(&order).unwrap().len();
        assert!(tensors < count);
        let weights: Vec<Vec<f32>> = machine.persistent()[..tensors]
            .iter()
            .map(|words| words.iter().map(|word| f32::from_bits(*word)).collect())
            .collect();
        let files = Files { train: &train, base: &base, ..Files::default() };
        assert!(evaluated(&order, &weights, files).loss_sum_q16 > 0);
    }
}

#[test]
fn models_over_tokens_learn_and_are_evaluated() {
    let recipe = ADAMW.replace("steps = 4", "steps = 60").replace("0.01", "0.03");
    let (bert, bert_data) = order_of(6, BERT, TOKENS, &recipe);
    let (llama, llama_data) = order_of(6, LLAMA, TEXT, &recipe);
    for (order, train) in [(bert, bert_data), (llama, llama_data)] {
        let computation = program::training(&order).unwrap();
        let mut engine = FastEngine::new(&order, &computation, &train).unwrap();
        let files = Files { train: &train, ..Files::default() };
        let score = |engine: &FastEngine<'_>| evaluated(&order, engine.weights(), files);
        engine.step(0).unwrap();
        let before = score(&engine);
        (1..computation.steps()).for_each(|step| engine.step(step).unwrap());
        let after = score(&engine);
        assert!(after.loss_sum_q16 < before.loss_sum_q16 * 8 / 10, "{before:?} {after:?}");
        assert!(after.correct_count > before.correct_count, "{before:?} {after:?}");
    }
}
