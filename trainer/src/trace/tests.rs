//! Real networks: the machine against the referee, and disputes about their training.

use aipot_domain_runtime::dispute::{Dispute, LEAF_BYTES_MAX, Reason, Side};
use aipot_domain_runtime::order::OrderSpecification;
use aipot_domain_runtime::primitives::{Beacon, Salt};
use aipot_domain_runtime::program::{Computation, evaluation, training};
use aipot_domain_runtime::progress::TestSource;
use aipot_kernels::chacha8::ChaChaStream;
use parity_scale_codec::Encode;

use super::fixtures::check_step;
use super::leaf::open_leaf;
use super::machine::{Files, Machine};
use super::play::{PlayError, file_roots, play};
use super::prover::Prover;
use super::recorder::Snapshots;
use super::replay::{Change, Replay};
use crate::dataset::data_file;
use crate::dataset::synthetic::Part;
use crate::model_file::write_model;
use crate::parameters::Parameters;
use crate::specification::{TestFacts, parse_order_toml};

const RECORDS: &str =
    "synthetic = { seed = 3 }\ntrain_examples = 50\ntest_examples = 9\nfeatures = 64\nclasses = 5";
const TEXT: &str = "synthetic = { seed = 3 }\ntrain = { format = \"text\" }\ntrain_examples = 20\n\
                    test_examples = 9\nfeatures = 6\nclasses = 256";
const MLP: &str = "architecture = \"mlp\"\nhidden = [9, 600]";
const CNN: &str = "architecture = \"cnn\"\nimage = [1, 8, 8]\n\
                   convolutions = [{ outputs = 3, kernel = 3 }]\nhidden = [7]";
const GPT: &str = "architecture = \"gpt\"\nwidth = 8\nlayers = 2\nheads = 2\ncontext = 6";
const ADAMW: &str =
    "optimizer = \"adamw\", learning_rate = 0.01, schedule = \"cosine\", warmup_steps = 2";
const MOMENTUM: &str = "optimizer = \"momentum\", learning_rate = 0.01, weight_decay = 0.1";

/// An order with its data and its computation.
struct Network {
    specification: OrderSpecification,
    data: Vec<u8>,
    computation: Computation,
}

impl Network {
    fn new(model: &str, data: &str, recipe: &str, batch: u32) -> Self {
        let order = format!(
            "version = 1\n[model]\n{model}\ninitial = {{ seed = 7 }}\n[data]\n{data}\n\
             [train]\nloss = \"cross_entropy\"\nmetric = \"accuracy\"\nparameters_max = 5_000_000\n\
             batch = {batch}\nrecipe = {{ steps = 5, {recipe}, checkpoint_interval = 2 }}\n\
             [pay]\nreward = \"100\"\nmetric_min = 0.9\n"
        );
        let draft = parse_order_toml(&order).unwrap();
        let bytes = |part| draft.data.synthetic(part).unwrap().unwrap();
        let (train, test) = (bytes(Part::Train), bytes(Part::Test));
        let shape = draft.data.shape();
        let facts = |bytes: &[u8]| {
            let (file, _) = crate::dataset::prepare(&shape, Some(bytes), None).unwrap();
            file.unwrap().facts
        };
        let (known, hidden) = (facts(&train), TestFacts::new(facts(&test), &Salt([1; 32])));
        let specification = draft.complete(Some(&known), Some(&hidden)).unwrap();
        let computation = training(&specification).unwrap();
        Self { specification, data: train, computation }
    }

    fn files(&self) -> Files<'_> {
        Files { train: &self.data, ..Files::default() }
    }

    fn machine(&self) -> Machine<'_> {
        Machine::new(&self.computation, self.files())
    }

    fn replay(&self, changes: Vec<Change>) -> Replay<'_, Machine<'_>> {
        let given = (&self.computation, self.files());
        Replay::new(given, self.machine(), changes, Snapshots::default())
    }
}

/// Small networks of every architecture, trained by every optimizer.
fn networks() -> [Network; 4] {
    [
        Network::new(MLP, RECORDS, ADAMW, 4),
        Network::new(MLP, RECORDS, MOMENTUM, 4),
        Network::new(CNN, RECORDS, ADAMW, 3),
        Network::new(GPT, TEXT, ADAMW, 2),
    ]
}

#[test]
fn networks_train_with_the_bits_of_the_referee() {
    for network in networks() {
        let mut machine = network.machine();
        for step in 0..=2 {
            check_step(&mut machine, network.files(), step, 20);
        }
    }
}

#[test]
fn whoever_forged_a_network_loses_and_whoever_did_not_wins() {
    let mut stream = ChaChaStream::derive(&[8; 32], "forgeries", 0);
    for network in networks() {
        let computation = &network.computation;
        let roots = file_roots(network.files());
        let mut convicted = 0;
        while convicted < 6 {
            let mut below = |bound: usize| stream.next_u32() % u32::try_from(bound).unwrap();
            let step = below(6);
            let (program, _) = computation.program(step).unwrap();
            let operator = below(program.operators.len());
            let output = program.operators[usize::try_from(operator).unwrap()].output;
            let element =
                below(program.slots[usize::from(output)].element_count.try_into().unwrap());
            // Low bits are often rounded away before they reach a weight.
            let change =
                Change { step, operator, element, bit: 20 + u8::try_from(below(12)).unwrap() };
            let mut forger = Prover::new(network.replay(vec![change]));
            let mut honest = Prover::new(network.replay(vec![]));
            let apply = |dispute: &mut Dispute, side, action: &_| {
                dispute.apply(side, action, computation, &roots)
            };
            let outcome = match play(computation, &mut forger, &mut honest, apply) {
                Err(PlayError::Agreement) => continue,
                outcome => outcome.unwrap(),
            };
            assert_eq!((outcome.step, outcome.operator), (step, operator), "{change:?}");
            assert_eq!(outcome.decision.winner, Side::Challenger, "{change:?}");
            let Reason::Computed { element: found, .. } = outcome.decision.reason else {
                panic!("{outcome:?}");
            };
            assert_eq!(found, element);
            let outcome = play(computation, &mut honest, &mut forger, apply).unwrap();
            assert_eq!((outcome.step, outcome.operator), (step, operator), "{change:?}");
            assert_eq!(outcome.decision.winner, Side::Responder, "{change:?}");
            convicted += 1;
        }
    }
}

/// Opens a word of every operator of some steps and says the size of the largest leaf.
fn largest_leaf(network: &Network, steps: &[u32]) -> usize {
    let mut stream = ChaChaStream::derive(&[9; 32], "leaves", 0);
    let mut largest = 0;
    for step in steps {
        let mut walk = network.replay(vec![]).walk(*step).unwrap();
        let (program, number) = network.computation.program(*step).unwrap();
        for operator in &program.operators {
            let count = program.slots[usize::from(operator.output)].element_count;
            let element = stream.next_u32() % count;
            let leaf = open_leaf(&walk, number, network.files(), element).unwrap();
            largest = largest.max(leaf.encoded_size());
            walk.advance().unwrap();
        }
    }
    largest
}

#[test]
fn every_operator_fits_a_leaf() {
    for network in networks() {
        let largest = largest_leaf(&network, &[0, 1]);
        assert!((1..=LEAF_BYTES_MAX).contains(&largest), "{largest}");
    }
}

#[test]
fn an_evaluation_is_disputed_like_a_run() {
    for network in networks() {
        let mut machine = network.machine();
        machine.step(0).unwrap();
        let weights = Parameters::from_state(&network.specification, machine.persistent());
        let model = write_model(&weights.unwrap());
        let source = TestSource::BeaconSplit(Beacon([3; 32]));
        let file = data_file(&network.data);
        let computation = evaluation(&network.specification, &file, &source, [5; 32]).unwrap();
        let files = Files { train: &network.data, model: &model, ..Files::default() };
        let mut machine = Machine::new(&computation, files);
        for step in 0..computation.steps() {
            check_step(&mut machine, files, step, 20);
        }
        // The last operators make losses integers, count them and right answers, and hash the logits.
        let operators = u32::try_from(computation.step.operators.len()).unwrap();
        for operator in operators - 4..operators {
            let change = Change { step: 1, operator, element: 0, bit: 24 };
            let prover = |changes| {
                let (given, engine) = ((&computation, files), Machine::new(&computation, files));
                Prover::new(Replay::new(given, engine, changes, Snapshots::default()))
            };
            let roots = file_roots(files);
            let (mut forger, mut honest) = (prover(vec![change]), prover(vec![]));
            let outcome = play(&computation, &mut forger, &mut honest, |dispute, side, action| {
                dispute.apply(side, action, &computation, &roots)
            })
            .unwrap();
            assert_eq!((outcome.step, outcome.operator), (1, operator));
            assert_eq!(outcome.decision.winner, Side::Challenger);
        }
    }
}

#[test]
fn the_order_travels_with_its_trace() {
    let network = Network::new(MLP, RECORDS, ADAMW, 4);
    let trace = network.replay(vec![]).record(super::recorder::Trace::new(6, 2), 0).unwrap();
    let Network { specification, data: train, .. } = network;
    let file =
        super::file::TraceFile { specification, train, base: vec![], changes: vec![], trace };
    let read = super::file::TraceFile::from_bytes(&file.to_bytes()).unwrap();
    let computation = training(&read.specification).unwrap();
    assert_eq!(read.check(&computation), Ok(()));
    let change = Change { step: 3, operator: 9, element: 2, bit: 30 };
    let forged = read.corrupted(&computation, change).unwrap();
    let mut sides = (
        Prover::new(forged.replay(&computation).unwrap()),
        Prover::new(read.replay(&computation).unwrap()),
    );
    let roots = file_roots(read.files());
    let outcome = play(&computation, &mut sides.0, &mut sides.1, |dispute, side, action| {
        dispute.apply(side, action, &computation, &roots)
    })
    .unwrap();
    assert_eq!((outcome.step, outcome.operator), (3, 9));
}

/// The three workloads of the table in the documentation of training.
fn workloads() -> [(&'static str, Network); 3] {
    let images = "synthetic = { seed = 3 }\ntrain_examples = 2000\ntest_examples = 9\n\
                  features = 784\nclasses = 10";
    let text = "synthetic = { seed = 3 }\ntrain = { format = \"text\" }\ntrain_examples = 500\n\
                test_examples = 9\nfeatures = 128\nclasses = 256";
    let mlp = "architecture = \"mlp\"\nhidden = [512, 256]";
    let cnn = "architecture = \"cnn\"\nimage = [1, 28, 28]\n\
               convolutions = [{ outputs = 32, kernel = 5 }, { outputs = 64, kernel = 5 }]\n\
               hidden = [1024]";
    let gpt = "architecture = \"gpt\"\nwidth = 256\nlayers = 4\nheads = 4\ncontext = 128";
    [
        ("mlp", Network::new(mlp, images, ADAMW, 128)),
        ("cnn", Network::new(cnn, images, ADAMW, 64)),
        ("gpt", Network::new(gpt, text, ADAMW, 8)),
    ]
}

#[test]
#[ignore = "a minute or more: every operator of three workloads, against the referee and as a leaf"]
fn slow_workloads_have_the_bits_of_the_referee_and_fit_a_leaf() {
    for (name, network) in workloads() {
        let mut machine = network.machine();
        for step in 0..=2 {
            let start = std::time::Instant::now();
            machine.step(step).unwrap();
            println!("{name}: step {step} in {:?}", start.elapsed());
        }
        let persistent = machine.persistent().to_vec();
        check_step(&mut machine, network.files(), 3, 3);
        machine.restore(persistent);
        let operators = network.computation.step.operators.len();
        let start = std::time::Instant::now();
        let mut walk = network.replay(vec![]).walk(1).unwrap();
        while walk.advance().unwrap() {}
        println!("{name}: {operators} operators hashed in {:?}", start.elapsed());
        let largest = largest_leaf(&network, &[1]);
        println!("{name}: largest leaf {largest} bytes");
        assert!(largest <= LEAF_BYTES_MAX);
    }
}
