//! Programs written by hand, and memory that the referee reads, for tests of traces.

use aipot_domain_runtime::program::{
    Batch, Computation, DataInput, File, Function, Layout, Operand, Operation, Operator, Picker,
    Program, RANK, Reduction, Slot, SlotIndex, SlotKind, View,
};
use aipot_domain_runtime::referee::{Memory, Unread, element};

use super::machine::{Files, Machine};
use super::state::slot_root;

/// Rows of a batch, features of an example, classes.
pub(crate) const ROWS: u32 = 4;
pub(crate) const FEATURES: u32 = 6;
pub(crate) const CLASSES: u32 = 300;
/// Examples of [`tiny_data`].
pub(crate) const EXAMPLES: u32 = 9;
/// Slots of [`tiny_network`].
pub(crate) const WEIGHT: SlotIndex = 0;

/// Memory of whole slots.
pub(crate) struct Plain<'memory> {
    pub(crate) program: &'memory Program,
    pub(crate) slots: &'memory [Vec<u32>],
    pub(crate) files: Files<'memory>,
}

impl Memory for Plain<'_> {
    fn word(&mut self, slot: SlotIndex, element: u32) -> Result<u32, Unread> {
        let words = &self.slots[usize::from(slot)];
        let word = words.get(usize::try_from(element).unwrap()).copied();
        word.ok_or(Unread { slot, offset: u64::from(element) * 4 })
    }

    fn bytes(&mut self, slot: SlotIndex, offset: u64, count: u8) -> Result<u32, Unread> {
        let SlotKind::File { file, .. } = self.program.slots[usize::from(slot)].kind else {
            return Err(Unread { slot, offset });
        };
        let begin = usize::try_from(offset).unwrap();
        let bytes = self.files.get(file).get(begin..begin + usize::from(count));
        let bytes = bytes.ok_or(Unread { slot, offset })?;
        Ok(bytes.iter().rev().fold(0, |value, byte| value << 8 | u32::from(*byte)))
    }

    fn root(&mut self, slot: SlotIndex) -> Result<[u8; 32], Unread> {
        Ok(slot_root(&self.slots[usize::from(slot)]))
    }
}

/// Runs a step and compares what each operator writes with the referee, at so many places and at the last.
pub(crate) fn check_step(
    machine: &mut Machine<'_>,
    files: Files<'_>,
    step: u32,
    compared_max: u32,
) {
    machine.begin(step).unwrap();
    let (program, number) = machine.computation().program(step).unwrap();
    for (index, operator) in program.operators.iter().enumerate() {
        let before = machine.slots().to_vec();
        machine.run(index).unwrap();
        let found = &machine.slots()[usize::from(operator.output)];
        let count = u32::try_from(found.len()).unwrap();
        let distance = count.div_ceil(compared_max);
        for place in (0..count).step_by(usize::try_from(distance).unwrap()).chain([count - 1]) {
            let mut memory = Plain { program, slots: &before, files };
            let expected = element((program, operator), number, place, &mut memory).unwrap();
            let found = found[usize::try_from(place).unwrap()];
            assert_eq!(found, expected, "{} {place}: {found:08x} {expected:08x}", operator.name);
        }
    }
}

/// A slot of some words.
pub(crate) fn slot(name: &'static str, kind: SlotKind, element_count: u32) -> Slot {
    Slot { name, layer: 0, kind, element_count }
}

/// A view of a slot with the strides of the first sides; the others repeat.
pub(crate) fn view(slot: SlotIndex, offset: u32, first_strides: &[u32]) -> View {
    let mut strides = [0; RANK];
    strides[..first_strides.len()].copy_from_slice(first_strides);
    View { slot, offset, strides }
}

/// An operator over the first sides; the others are 1.
pub(crate) fn operator(
    name: &'static str,
    output: SlotIndex,
    sides: &[u32],
    operation: Operation,
) -> Operator {
    let mut shape = [1; RANK];
    shape[..sides.len()].copy_from_slice(sides);
    Operator { name, layer: 0, output, shape, operation }
}

/// A function of views.
pub(crate) fn map(function: Function, operands: &[View]) -> Operation {
    let operands = operands.iter().map(|view| Operand::Slot(*view)).collect();
    Operation::Map { function, operands }
}

/// A constant everywhere.
pub(crate) fn constant(value: f32) -> Operation {
    let operands = vec![Operand::Constant(value.to_bits())];
    Operation::Map { function: Function::Copy, operands }
}

/// Records of [`tiny_network`]: features, then the label.
pub(crate) fn tiny_data() -> Vec<u8> {
    let example = |example: u32| {
        let features = (0..FEATURES).map(move |feature| example * 37 + feature * 11);
        features.chain([example]).map(|value| u8::try_from(value % 256).unwrap())
    };
    (0..EXAMPLES).flat_map(example).collect()
}

/// The examples of each step, in a seeded order.
pub(crate) fn tiny_input(slot: SlotIndex) -> DataInput {
    let layout = Layout::Records { value_bytes: 1, feature_count: FEATURES };
    let batch = Batch { picker: Picker::Shuffled { seed: 5 }, rows: ROWS, example_count: EXAMPLES };
    DataInput { slot, layout, batch }
}

/// A linear classifier trained by momentum: a weight of several chunks, every step a batch.
pub(crate) fn tiny_network(step_count: u32) -> Computation {
    let weights = CLASSES * FEATURES;
    let persistent = || {
        [
            slot("weight", SlotKind::Persistent, weights),
            slot("velocity", SlotKind::Persistent, weights),
            slot("rate", SlotKind::Persistent, 1),
        ]
    };
    let initial = Program {
        slots: persistent().into(),
        operators: vec![
            operator(
                "initial weight",
                WEIGHT,
                &[CLASSES, FEATURES],
                Operation::Normal { seed: 3, counter: 1, deviation: 0.5_f32.to_bits() },
            ),
            operator("initial velocity", 1, &[weights], constant(0.0)),
            operator("rate", 2, &[1], constant(0.125)),
        ],
    };
    let scratch = [
        ("features", ROWS * FEATURES),
        ("label", ROWS),
        ("logits", ROWS * CLASSES),
        ("largest", ROWS),
        ("powers", ROWS * CLASSES),
        ("sum", ROWS),
        ("gradient", CLASSES * ROWS),
        ("columns", FEATURES * ROWS),
        ("slope", weights),
    ];
    let scratch = scratch.map(|(name, count)| slot(name, SlotKind::Scratch, count));
    let file = SlotKind::File { file: File::Train, byte_offset: 0 };
    let slots = persistent().into_iter().chain(scratch).chain([slot("data", file, 0)]);
    let operators = forward().into_iter().chain(backward()).collect();
    let step = Program { slots: slots.collect(), operators };
    Computation { initial, step, step_count }
}

fn forward() -> Vec<Operator> {
    let data = tiny_input(12);
    let row = |slot| view(slot, 0, &[1, 0]);
    let table = |slot| view(slot, 0, &[CLASSES, 1]);
    vec![
        operator("features", 3, &[ROWS, FEATURES], Operation::Feature { data, divisor: 255 }),
        operator("label", 4, &[ROWS], Operation::Label { data }),
        operator(
            "logits",
            5,
            &[ROWS, CLASSES],
            Operation::Product {
                left: view(3, 0, &[FEATURES, 0]),
                right: view(WEIGHT, 0, &[0, FEATURES]),
                depth: FEATURES,
            },
        ),
        operator(
            "largest",
            6,
            &[ROWS],
            Operation::Reduce {
                reduction: Reduction::Maximum,
                input: view(5, 0, &[CLASSES]),
                length: CLASSES,
            },
        ),
        operator("powers", 7, &[ROWS, CLASSES], map(Function::Exponential, &[table(5), row(6)])),
        operator(
            "sum",
            8,
            &[ROWS],
            Operation::Reduce {
                reduction: Reduction::Sum,
                input: view(7, 0, &[CLASSES]),
                length: CLASSES,
            },
        ),
    ]
}

fn backward() -> Vec<Operator> {
    let weights = CLASSES * FEATURES;
    let flat = |slot| view(slot, 0, &[1]);
    let everywhere = |slot| view(slot, 0, &[0]);
    vec![
        // Transposed, so that the rows are K of the weight's gradient.
        operator(
            "gradient",
            9,
            &[CLASSES, ROWS],
            map(Function::Divide, &[view(7, 0, &[1, CLASSES]), view(8, 0, &[0, 1])]),
        ),
        operator(
            "columns",
            10,
            &[FEATURES, ROWS],
            map(Function::Copy, &[view(3, 0, &[1, FEATURES])]),
        ),
        operator(
            "slope",
            11,
            &[CLASSES, FEATURES],
            Operation::Product {
                left: view(9, 0, &[ROWS, 0]),
                right: view(10, 0, &[0, ROWS]),
                depth: ROWS,
            },
        ),
        operator(
            "velocity",
            1,
            &[weights],
            map(Function::Velocity { momentum: 0.5_f32.to_bits() }, &[flat(1), flat(11)]),
        ),
        operator(
            "weight",
            WEIGHT,
            &[weights],
            map(Function::MomentumWeight, &[flat(WEIGHT), flat(1), everywhere(2), everywhere(2)]),
        ),
    ]
}
