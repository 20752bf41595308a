//! Every operation against the referee, element by element.

use aipot_domain_runtime::order::RecipeSchedule;
use aipot_domain_runtime::primitives::Beacon;
use aipot_domain_runtime::program::{
    Batch, Computation, DataInput, File, Function, Layout, Operand, Operation, Operator, Picker,
    Program, RateCourse, Reduction, SlotKind, View,
};
use aipot_kernels::chacha8::ChaChaStream;

use super::{Files, Machine, MachineError};
use crate::trace::fixtures::{
    check_step, constant, map, operator, slot, tiny_data, tiny_network, view,
};

/// Words of every slot of [`one_operator`], more than a tile and enough for two threads.
const WORDS: u32 = 20_000;
/// Elements that are compared when an output has more.
const COMPARED_MAX: u32 = 400;
/// Numbers at the edges of f32.
const EDGES: [u32; 14] = [
    0,
    1 << 31,
    1,
    0x8000_0001,
    0x007f_ffff,
    0x0080_0000,
    0x3f80_0000,
    0xbf80_0000,
    0x7f7f_ffff,
    0xff7f_ffff,
    0x7f80_0000,
    0xff80_0000,
    0x7fc0_0000,
    0x7fc0_0000,
];

/// Six slots of given words, then an output, a counter and a digest, and one operator.
fn one_operator(operator: Operator, output_count: u32) -> Computation {
    let names = ["a", "b", "c", "d", "e", "f"];
    let mut slots: Vec<_> =
        names.into_iter().map(|name| slot(name, SlotKind::Persistent, WORDS)).collect();
    let output_kind = SlotKind::Persistent;
    slots.push(slot("output", output_kind, output_count));
    let file = SlotKind::File { file: File::Train, byte_offset: 0 };
    slots.push(slot("data", file, 0));
    let step = Program { slots, operators: vec![operator] };
    let mut initial = step.clone();
    initial.operators = vec![];
    Computation { initial, step, step_count: 3 }
}

/// Numbers of all sizes, with edges between them.
fn numbers(counter: u64) -> Vec<u32> {
    let mut stream = ChaChaStream::derive(&[1; 32], "numbers", counter);
    let number = |stream: &mut ChaChaStream| match stream.next_u32() % 8 {
        0 => EDGES[usize::try_from(stream.next_u32()).unwrap() % EDGES.len()],
        1 => aipot_kernels::canonical::canonical(f32::from_bits(stream.next_u32())).to_bits(),
        _ => (stream.normal_f32() * 4.0).to_bits(),
    };
    (0..WORDS).map(|_| number(&mut stream)).collect()
}

/// Small integers.
fn integers(counter: u64, below: u32) -> Vec<u32> {
    let mut stream = ChaChaStream::derive(&[2; 32], "integers", counter);
    (0..WORDS).map(|_| stream.next_u32() % below).collect()
}

/// Compares one operator over six slots of numbers, of which some are replaced.
fn check(sides: &[u32], operation: Operation, replaced: &[(usize, Vec<u32>)]) {
    let output_count = sides.iter().product();
    let computation = one_operator(operator("tested", 6, sides, operation), output_count);
    let mut persistent: Vec<Vec<u32>> = (0..6).map(numbers).collect();
    persistent.push(numbers(6).into_iter().take(usize::try_from(output_count).unwrap()).collect());
    for (index, words) in replaced {
        persistent[*index].clone_from(words);
    }
    let data = tiny_data();
    let files = Files { train: &data, ..Files::default() };
    for step in 1..=3 {
        let mut machine = Machine::new(&computation, files);
        machine.restore(persistent.clone());
        check_step(&mut machine, files, step, COMPARED_MAX);
    }
}

fn dense(slot: u16) -> View {
    view(slot, 0, &[1])
}

#[test]
fn functions_have_the_bits_of_the_referee() {
    let one = 1.0_f32.to_bits();
    let tenth = 0.1_f32.to_bits();
    let functions = [
        (Function::Copy, 1),
        (Function::Add, 2),
        (Function::Subtract, 2),
        (Function::Multiply, 2),
        (Function::Divide, 2),
        (Function::MultiplyAdd, 3),
        (Function::NegativeMultiplyAdd, 3),
        (Function::Negate, 1),
        (Function::Relu, 1),
        (Function::ReluGradient, 2),
        (Function::Gelu, 1),
        (Function::GeluGradient, 2),
        (Function::Silu, 1),
        (Function::SiluGradient, 2),
        (Function::Exponential, 2),
        (Function::LogProbability, 3),
        (Function::InverseDeviation { epsilon: tenth }, 1),
        (Function::PoolMaximum, 4),
        (Function::PoolPosition, 4),
        (Function::FirstMoment { beta: tenth }, 2),
        (Function::SecondMoment { beta: tenth }, 2),
        (Function::AdamWeight { epsilon: tenth }, 6),
        (Function::Velocity { momentum: tenth }, 2),
        (Function::MomentumWeight, 4),
        (Function::LionWeight { beta: tenth }, 5),
        (Function::Kept { decay: one }, 1),
        (Function::CorrectedRate, 2),
        (Function::CorrectionRoot, 1),
        (Function::LossQ16, 2),
    ];
    for (function, operand_count) in functions {
        let operands: Vec<View> = (0..operand_count).map(dense).collect();
        check(&[WORDS], map(function, &operands), &[]);
    }
}

#[test]
fn functions_of_integers_have_the_bits_of_the_referee() {
    let words = |count: u16| (0..count).map(dense).collect::<Vec<_>>();
    let equal = [(0, integers(0, 3)), (1, integers(1, 3))];
    check(&[WORDS], map(Function::IsEqual, &words(2)), &equal);
    check(&[WORDS], map(Function::Select, &words(3)), &equal);
    check(&[WORDS], map(Function::LossQ16, &words(2)), &equal);
    check(&[WORDS], map(Function::Choose, &words(4)), &[(0, integers(0, 4))]);
    let causal = Function::CausalScale { scale: 0.3_f32.to_bits() };
    let index = |strides| Operand::Index { offset: 0, strides };
    let operands = vec![
        Operand::Slot(view(0, 3, &[400, 20, 1])),
        index([0, 1, 0, 0, 0, 0]),
        index([0, 0, 1, 0, 0, 0]),
    ];
    check(&[30, 20, 20], Operation::Map { function: causal, operands }, &[]);
}

#[test]
fn views_may_be_transposed_and_repeated() {
    let transposed = view(0, 7, &[1, 100, 0]);
    let repeated = view(1, 0, &[0, 0, 3]);
    check(&[100, 150, 2], map(Function::Add, &[transposed, repeated]), &[]);
}

#[test]
fn products_have_the_bits_of_the_referee() {
    let cases: [(&[u32], View, View, u32); 6] = [
        // A plain product, one with its sides swapped, one column, one row.
        (&[30, 40], view(0, 5, &[300, 0]), view(1, 9, &[0, 400]), 300),
        (&[30, 40], view(0, 5, &[0, 300]), view(1, 9, &[400, 0]), 300),
        (&[30, 1], view(0, 0, &[512, 0]), view(1, 0, &[0, 512]), 512),
        (&[1, 30], view(0, 0, &[0, 0]), view(1, 0, &[0, 512]), 512),
        // Heads between rows and columns, and products of single elements.
        (&[2, 9, 4, 8], view(0, 0, &[900, 20, 200, 0]), view(1, 0, &[900, 0, 100, 11]), 10),
        (&[50], view(0, 0, &[100]), view(1, 0, &[70]), 60),
    ];
    for (sides, left, right, depth) in cases {
        check(sides, Operation::Product { left, right, depth }, &[]);
    }
}

#[test]
fn rows_have_the_bits_of_the_referee() {
    let sum = |depth| Operation::ChainSum { input: view(0, 2, &[30, 512]), depth };
    check(&[17, 30], sum(511), &[]);
    check(&[17, 30], sum(0), &[]);
    for reduction in [Reduction::Sum, Reduction::Mean, Reduction::Maximum] {
        for length in [1, 31, 33, 1024] {
            let input = view(3, 1, &[19]);
            check(&[900], Operation::Reduce { reduction, input, length }, &[]);
        }
    }
}

#[test]
fn entries_beyond_a_table_are_no_numbers() {
    let gather =
        Operation::Gather { table: view(0, 4, &[0, 1]), index: view(1, 0, &[1, 0]), stride: 8 };
    check(&[2_000, 8], gather, &[(1, integers(1, 3_000))]);
}

#[test]
fn windows_are_added_where_they_lie() {
    let added = view(0, 3, &[200, 40, 5, 1]);
    let windows = [
        ([0, 0], [5, 5], 1),
        ([2, 1], [4, 5], 1),
        ([5, 3], [9, 9], 1),
        ([0, 0], [4, 3], 2),
        ([1, 2], [3, 2], 2),
        ([1, 0], [9, 2], 3),
        ([6, 5], [1, 1], 7),
    ];
    for (origin, size, stride) in windows {
        check(&[3, 4, 7, 6], Operation::AddWindow { added, origin, size, stride }, &[]);
    }
    let added = view(0, 3, &[200, 40, 5, 2, 1]);
    let operation = Operation::AddWindow { added, origin: [1, 1], size: [3, 2], stride: 2 };
    check(&[3, 4, 7, 6, 2], operation, &[]);
}

#[test]
fn data_is_read_as_the_referee_reads_it() {
    let pickers = [
        Picker::Shuffled { seed: 9 },
        Picker::Sequence,
        Picker::Split { beacon: Beacon([4; 32]), file_example_count: 9 },
    ];
    for picker in pickers {
        let batch = Batch { picker, rows: 3, example_count: 8 };
        let layout = Layout::Records { value_bytes: 1, feature_count: 6 };
        let data = DataInput { slot: 7, layout, batch };
        check(&[3, 6], Operation::Feature { data, divisor: 7 }, &[]);
        check(&[3], Operation::Label { data }, &[]);
        check(&[12], Operation::IsPresent { batch, repeat: 4 }, &[]);
        let data = DataInput { layout: Layout::Text { context: 5, token_bytes: 1 }, ..data };
        for shift in [0, 1] {
            check(&[3, 5], Operation::Token { data, shift }, &[]);
        }
    }
    let two_bytes = Layout::Records { value_bytes: 2, feature_count: 2 };
    let batch = Batch { picker: Picker::Sequence, rows: 3, example_count: 10 };
    let data = DataInput { slot: 7, layout: two_bytes, batch };
    check(&[3, 2], Operation::Feature { data, divisor: 65_535 }, &[]);
}

#[test]
fn layers_of_language_have_the_bits_of_the_referee() {
    let one = 1.5_f32.to_bits();
    let operands = [dense(0), dense(1), dense(2)];
    for ids in [2, 3] {
        let replaced = [(1, integers(1, 2)), (2, integers(ids, 2))];
        check(&[WORDS], map(Function::PaddingScale { scale: one }, &operands), &replaced);
    }
    let replaced = [(1, integers(1, 3))];
    check(&[WORDS], map(Function::Dropout { factor: one }, &operands[..2]), &replaced);
    let operands: Vec<View> = (0..5).map(dense).collect();
    check(&[WORDS], map(Function::Rotate, &operands), &[(0, integers(1, 6))]);
    for (base, width) in [(0x461c_4000, 64), (one, 2), (u32::MAX, 6), (0, 0)] {
        let replaced = [(0, integers(3, 1 << 20)), (1, integers(4, 40))];
        let operands = [dense(0), dense(1)];
        check(&[WORDS], map(Function::RotationCosine { base, width }, &operands), &replaced);
        check(&[WORDS], map(Function::RotationSine { base, width }, &operands), &replaced);
    }
    for threshold in [0, 1 << 31, u32::MAX] {
        check(&[100, 100], Operation::Kept { seed: 11, node: 3, threshold }, &[]);
    }
}

#[test]
fn random_numbers_and_rates_have_the_bits_of_the_referee() {
    let normal = Operation::Normal { seed: 11, counter: 2, deviation: 0.02_f32.to_bits() };
    check(&[100, 100], normal, &[]);
    let cosine = |warmup_step_count| RecipeSchedule::Cosine { warmup_step_count };
    for schedule in [RecipeSchedule::Constant, cosine(0), cosine(2), RecipeSchedule::OneCycle] {
        let course = RateCourse { peak: 0.3_f32.to_bits(), schedule, step_count: 3 };
        check(&[1], Operation::LearningRate { course }, &[]);
    }
}

#[test]
fn counts_have_the_bits_of_the_referee() {
    let (label, is_present) = (view(1, 0, &[1]), view(2, 0, &[1]));
    let logits = view(0, 0, &[10]);
    let correct = Operation::IsCorrect { logits, class_count: 10, label, is_present };
    check(&[900], correct, &[(1, integers(1, 3)), (2, integers(2, 2))]);
    let count = Operation::CountUp { input: view(0, 5, &[0]), length: 1_000 };
    check(&[2], count, &[]);
    check(&[8], Operation::Digest { key: [6; 32], slot: 2 }, &[]);
}

#[test]
fn a_network_trains_with_the_bits_of_the_referee() {
    let computation = tiny_network(4);
    let data = tiny_data();
    let files = Files { train: &data, ..Files::default() };
    let mut machine = Machine::new(&computation, files);
    let steps = computation.steps();
    (0..steps).for_each(|step| check_step(&mut machine, files, step, COMPARED_MAX));
    assert_eq!(machine.begin(steps), Err(MachineError::NoStep { step: 5, step_count: 5 }));
}

#[test]
fn programs_that_are_not_sound_are_refused() {
    let fails = |operator: Operator| {
        let computation = one_operator(operator, 4);
        let mut machine = Machine::new(&computation, Files::default());
        machine.restore((0..6).map(numbers).collect());
        machine.begin(1).unwrap();
        machine.run(0).unwrap_err()
    };
    let wrong = fails(operator("sides", 6, &[5], constant(1.0)));
    assert!(matches!(wrong, MachineError::WrongShape { .. }), "{wrong}");
    let wrong = fails(operator("slot", 99, &[4], constant(1.0)));
    assert!(matches!(wrong, MachineError::NoSlot { slot: 99 }), "{wrong}");
    let wrong = fails(operator("unset", 6, &[4], map(Function::Copy, &[dense(6)])));
    assert!(matches!(wrong, MachineError::Unset { .. }), "{wrong}");
    let beyond = view(0, WORDS - 3, &[1]);
    let wrong = fails(operator("beyond", 6, &[4], map(Function::Copy, &[beyond])));
    assert!(matches!(wrong, MachineError::OutOfBounds { .. }), "{wrong}");
    let wrong = fails(operator("operands", 6, &[4], map(Function::Add, &[dense(0)])));
    assert!(matches!(wrong, MachineError::OperandCount { .. }), "{wrong}");
    let batch = Batch { picker: Picker::Sequence, rows: 4, example_count: 8 };
    let layout = Layout::Records { value_bytes: 1, feature_count: 6 };
    let label = Operation::Label { data: DataInput { slot: 7, layout, batch } };
    let wrong = fails(operator("data", 6, &[4], label));
    assert!(matches!(wrong, MachineError::FileTooShort { .. }), "{wrong}");
}
