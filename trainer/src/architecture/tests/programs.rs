//! The programs of an order give the bits of the engine: weights at the start, steps, evaluations, and the
//! header of the model file.

use crate::architecture::initial_parameters;
use crate::dataset::digits::digits;
use crate::dataset::{Dataset, data_file, pack_csv, split};
use crate::fixtures::plain_evaluation;
use crate::model_file::write_model;
use crate::optimizer::OptimizerOptions;
use crate::parameters::Parameters;
use crate::run::{Trainer, TrainingFile, TrainingOptions};
use crate::schedule::Schedule;
use crate::specification::{TestFacts, parse_order_toml};
use aipot_domain_runtime::order::{Architecture, OrderSpecification, Recipe};
use aipot_domain_runtime::primitives::Salt;
use aipot_domain_runtime::program::{
    Computation, Program, SlotIndex, SlotKind, evaluation, model_header, training,
};
use aipot_domain_runtime::progress::TestSource;
use aipot_domain_runtime::referee::{Memory, Unread, element};
use aipot_kernels::blake3_tree;

/// An order with a hidden layer wider than a block of K, and a fixed recipe.
const ORDER: &str = r#"
version = 1
[model]
architecture = "mlp"
hidden = [600, 16]
initial = { seed = 7 }
[data]
divisor = 16
[train]
parameters_max = 100_000
batch = 24
recipe = { steps = 3, optimizer = "momentum", learning_rate = 0.05, weight_decay = 0.01, schedule = "cosine", warmup_steps = 2 }
[pay]
reward = "100"
"#;

/// Tensors of the order's model.
const TENSORS: usize = 6;

/// An order for the digits, with its two files.
struct Case {
    order: OrderSpecification,
    train: Vec<u8>,
    test: Vec<u8>,
}

fn case() -> Case {
    let files = split(digits(), 70, 3).unwrap();
    let (train, test) = (pack_csv(&files.train).unwrap(), pack_csv(&files.test).unwrap());
    let hidden = TestFacts::new(test.facts, &Salt([9; 32]));
    let draft = parse_order_toml(ORDER).unwrap();
    let order = draft.complete(Some(&train.facts), Some(&hidden)).unwrap();
    Case { order, train: train.bytes.into_owned(), test: test.bytes.into_owned() }
}

/// All slots of a program, and its files.
struct Machine<'run> {
    program: &'run Program,
    words: Vec<Vec<u32>>,
    data: &'run [u8],
    model: &'run [u8],
}

impl Memory for Machine<'_> {
    fn word(&mut self, slot: SlotIndex, element: u32) -> Result<u32, Unread> {
        let place = usize::try_from(element).unwrap();
        if let SlotKind::File { byte_offset, .. } = self.program.slots[usize::from(slot)].kind {
            let first = usize::try_from(byte_offset).unwrap() + 4 * place;
            return Ok(u32::from_le_bytes(self.model[first..first + 4].try_into().unwrap()));
        }
        let word = self.words[usize::from(slot)].get(place).copied();
        word.ok_or(Unread { slot, offset: u64::from(element) * 4 })
    }

    fn bytes(&mut self, _slot: SlotIndex, offset: u64, count: u8) -> Result<u32, Unread> {
        let first = usize::try_from(offset).unwrap();
        let bytes = &self.data[first..first + usize::from(count)];
        Ok(bytes.iter().rev().fold(0, |value, byte| value << 8 | u32::from(*byte)))
    }

    fn root(&mut self, slot: SlotIndex) -> Result<[u8; 32], Unread> {
        let words = self.words[usize::from(slot)].iter();
        Ok(blake3_tree::root(&words.flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>()))
    }
}

/// The words of the persistent slots after all steps.
fn run(computation: &Computation, data: &[u8], model: &[u8]) -> Vec<Vec<u32>> {
    let mut state = Vec::new();
    for step in 0..computation.steps() {
        let (program, number) = computation.program(step).unwrap();
        let mut words = state;
        words.resize(program.slots.len(), Vec::new());
        let mut machine = Machine { program, words, data, model };
        for operator in &program.operators {
            let output = usize::from(operator.output);
            let count = program.slots[output].element_count;
            let words = (0..count)
                .map(|place| element((program, operator), number, place, &mut machine).unwrap());
            machine.words[output] = words.collect();
        }
        state = machine.words;
        state.truncate(program.persistent_count());
    }
    state
}

fn bits(parameters: &Parameters) -> Vec<Vec<u32>> {
    let tensors = parameters.tensors().iter();
    tensors.map(|tensor| tensor.values().iter().map(|value| value.to_bits()).collect()).collect()
}

/// Options that say what the order's recipe says.
fn options(order: &OrderSpecification) -> TrainingOptions {
    TrainingOptions {
        seed: order.model.initial_seed,
        step_count: 3,
        learning_rate: 0.05,
        schedule: Schedule::Cosine { warmup_step_count: 2 },
        optimizer: OptimizerOptions::Momentum { momentum: 0.9, weight_decay: 0.01 },
        ..TrainingOptions::recipe(order, 0)
    }
}

#[test]
fn a_program_trains_to_the_bits_of_the_engine() {
    let Case { order, train, .. } = case();
    let computation = training(&order).unwrap();
    computation.check().unwrap();
    let file = TrainingFile::new(&train, &order).unwrap();
    let mut trainer = Trainer::new(&order, file, options(&order)).unwrap();
    while !trainer.is_finished() {
        trainer.step().unwrap();
    }
    let found = run(&computation, &train, &[]);
    assert_eq!(found.len(), 2 * TENSORS);
    assert!(found[..TENSORS] == bits(&trainer.parameters().unwrap()), "other weights");
}

#[test]
fn a_program_counts_what_the_evaluation_counts() {
    let Case { order, test, .. } = case();
    let parameters = initial_parameters(&order, 5).unwrap();
    let data = Dataset::read_test(&test, &order.data).unwrap();
    let (correct, losses) = plain_evaluation(&parameters, &data);
    let file = data_file(&test);
    let computation = evaluation(&order, &file, &TestSource::Revealed(file), [1; 32]).unwrap();
    let state = run(&computation, &test, &write_model(&parameters));
    let wide = |words: &[u32]| u64::from(words[1]) << 32 | u64::from(words[0]);
    assert_eq!((wide(&state[0]), wide(&state[1])), (correct, losses));
}

#[test]
fn a_program_starts_and_a_file_begins_as_the_engine_says_in_every_architecture() {
    let Case { mut order, .. } = case();
    let cnn = r"
        image = [1, 8, 8]
        convolutions = [{ outputs = 3, kernel = 3 }]
        hidden = [9]";
    for (name, keys) in [
        ("mlp", "hidden = [5]"),
        ("cnn", cnn),
        ("gpt", "width = 6\nlayers = 2\nheads = 2\ncontext = 16"),
    ] {
        let text =
            ORDER.replace("hidden = [600, 16]", keys).replace("\"mlp\"", &format!("\"{name}\""));
        order.model = parse_order_toml(&text).unwrap().model;
        if let Architecture::Gpt { context, .. } = order.model.architecture {
            order.data.format = aipot_domain_runtime::order::DataFormat::Text;
            order.data.feature_count = context;
            order.data.class_count = 256;
        }
        let parameters = initial_parameters(&order, order.model.initial_seed).unwrap();
        let header = model_header(&order).unwrap();
        let file = write_model(&parameters);
        assert!(file.starts_with(&header), "{name}");
        assert_eq!(file.len(), header.len() + 4 * parameters.value_count(), "{name}");
        assert!(matches!(order.train.recipe, Recipe::Fixed(_)));
        let mut computation = training(&order).unwrap();
        computation.step_count = 0;
        let state = run(&computation, &[], &[]);
        assert!(state[..parameters.tensors().len()] == bits(&parameters), "{name}");
    }
}
