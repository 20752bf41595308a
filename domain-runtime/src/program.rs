//! What a step computes, as data: operators over slots, derived from the order alone.
//!
//! A slot is a row of 32-bit words, mostly the bits of f32 values. An operator writes one slot, and each
//! element of it is a small function of a few elements of other slots, so that the referee can
//! compute any single element from a handful of opened words. A fast engine may fuse as it likes, as long
//! as the bits are those of the operators one after the other.

use alloc::vec::Vec;

use crate::primitives::DataRoot;

/// Sides of an operator's output, the slowest first; unused ones are 1.
pub const RANK: usize = 6;
/// Most operands of one function.
pub const OPERANDS_MAX: usize = 6;
/// Most operators of a program: three rounds of a bisection into 16 parts locate one of them.
pub const OPERATORS_MAX: usize = 4_096;
/// Most elements of a slot: two rounds of a descent into 128 children locate one of its chunks.
pub const ELEMENTS_MAX: u32 = 1 << 22;
/// Most elements that one element of an output sums or compares, so that a leaf stays small.
pub const ROW_ELEMENTS_MAX: u32 = 1_024;
/// Most elements of K in one operator: a block of the canonical product.
pub const BLOCK_ELEMENTS: u32 = 512;

/// Place of a slot in its program.
pub type SlotIndex = u16;

/// A file that a program reads.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum File {
    /// The training data of the order.
    Train,
    /// The revealed test data.
    Test,
    /// The model that is evaluated.
    Model,
}

/// Where the words of a slot are kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SlotKind {
    /// They survive the step: weights, moments, counters. These slots come first in a program.
    Persistent,
    /// They do not survive the step. These slots come second.
    Scratch,
    /// They stand in a file from `byte_offset` on and never change. These slots come last.
    File {
        /// Which file.
        file: File,
        /// First byte of the slot within it.
        byte_offset: u64,
    },
}

/// A row of words.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Slot {
    /// What it holds, for people.
    pub name: &'static str,
    /// Of which layer, for people.
    pub layer: u16,
    /// Where it is kept.
    pub kind: SlotKind,
    /// Words; of a data file 0, because its records are read by the byte.
    pub element_count: u32,
}

/// Some elements of a slot, seen in the shape of an operator's output: element `i` of the output belongs
/// to element `offset + sum(i[side] * strides[side])` of the slot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct View {
    /// Which slot.
    pub slot: SlotIndex,
    /// Element that belongs to the output's first.
    pub offset: u32,
    /// Distance in elements for each side of the output; 0 repeats.
    pub strides: [u32; RANK],
}

/// An input of a function.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operand {
    /// An element of a slot.
    Slot(View),
    /// The integer `offset + sum(i[side] * strides[side])` itself.
    Index {
        /// Its value at the output's first element.
        offset: u32,
        /// Its growth for each side of the output.
        strides: [u32; RANK],
    },
    /// The same word everywhere.
    Constant(u32),
}

/// A function of single elements. Every operation is rounded for itself, nothing is contracted, and a NaN
/// is the canonical one. Constants are the bits of f32 values.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Function {
    /// `a`, whatever it is.
    Copy,
    /// `a + b`.
    Add,
    /// `a - b`.
    Subtract,
    /// `a * b`.
    Multiply,
    /// `a / b`.
    Divide,
    /// `fma(a, b, c)`.
    MultiplyAdd,
    /// `fma(-a, b, c)`.
    NegativeMultiplyAdd,
    /// `-a`, or the canonical NaN.
    Negate,
    /// `a` above zero, else +0.
    Relu,
    /// Gradient `a` where the output `b` is above zero, else +0.
    ReluGradient,
    /// `(0.5 a) (1 + erf(a * sqrt(1/2)))`.
    Gelu,
    /// Gradient `a` times the derivative of the former at `b`.
    GeluGradient,
    /// `exp(a - b)`.
    Exponential,
    /// `(a - b) - log(c)`.
    LogProbability,
    /// `rsqrt(a + epsilon)`.
    InverseDeviation {
        /// Keeps the root from zero.
        epsilon: u32,
    },
    /// `a * scale` unless the column `c` is after the row `b` (integers); then minus infinity.
    CausalScale {
        /// The factor.
        scale: u32,
    },
    /// 1.0 when the words `a` and `b` are equal, else +0.
    IsEqual,
    /// The largest of four, the first of them among equals; a NaN before everything else.
    PoolMaximum,
    /// The position 0 to 3 of the former, as an integer.
    PoolPosition,
    /// `c` when the words `a` and `b` are equal, else +0.
    Select,
    /// `beta * a + (1 - beta) * b`.
    FirstMoment {
        /// The share that stays.
        beta: u32,
    },
    /// `beta * a + ((1 - beta) * b) * b`.
    SecondMoment {
        /// The share that stays.
        beta: u32,
    },
    /// Weight `a`, moments `b` and `c`, kept share `d`, rate `e`, root of the correction `f`:
    /// `d * a - e * (b / (sqrt(c) / f + epsilon))`.
    AdamWeight {
        /// Keeps the division from zero.
        epsilon: u32,
    },
    /// `momentum * a + b`.
    Velocity {
        /// The share that stays.
        momentum: u32,
    },
    /// Weight `a`, velocity `b`, kept share `c`, rate `d`: `c * a - d * b`.
    MomentumWeight,
    /// `1 - a * decay`.
    Kept {
        /// The weight decay.
        decay: u32,
    },
    /// `a / (1 - b)`.
    CorrectedRate,
    /// `sqrt(1 - a)`.
    CorrectionRoot,
    /// The loss `a` in Q16.16, as an integer, when the integer `b` is not zero; else 0.
    LossQ16,
}

/// How many become one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reduction {
    /// The sum by 32 lanes and a fixed fold.
    Sum,
    /// The former over the count.
    Mean,
    /// The largest.
    Maximum,
}

/// Which example of a file stands in a row of a batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Picker {
    /// A fresh permutation for every pass over the file.
    Shuffled {
        /// Seed of the permutations.
        seed: u64,
    },
    /// One after the other; beyond the last there is none.
    Sequence,
    /// One after the other in the permutation that a beacon draws.
    Split {
        /// The beacon.
        beacon: crate::primitives::Beacon,
        /// Examples of the file from which are drawn.
        file_example_count: u32,
    },
}

/// The examples that a batch takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Batch {
    /// In which order.
    pub picker: Picker,
    /// Rows of a batch.
    pub rows: u32,
    /// Examples in all.
    pub example_count: u32,
}

/// The layout of a data file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Layout {
    /// Little-endian integers of `value_bytes`: the features of an example, then its label.
    Records {
        /// Bytes of an integer.
        value_bytes: u8,
        /// Features of an example.
        feature_count: u32,
    },
    /// Bytes; an example is `context + 1` of them, each beginning with the last of the one before.
    Text {
        /// Bytes that predict another.
        context: u32,
    },
}

/// A data file of a program.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DataInput {
    /// Its slot.
    pub slot: SlotIndex,
    /// Its layout.
    pub layout: Layout,
    /// What a batch takes of it.
    pub batch: Batch,
}

/// How the learning rate changes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RateCourse {
    /// Its peak, the bits of an f32.
    pub peak: u32,
    /// Steps of the rise before half a cosine; `None` for a constant rate.
    pub warmup_step_count: Option<u64>,
    /// Steps of the run.
    pub step_count: u64,
}

/// What an operator does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Operation {
    /// A function of single elements.
    Map {
        /// The function.
        function: Function,
        /// Its operands, `a` first.
        operands: Vec<Operand>,
    },
    /// A block of a product: `sum = fma(left[k], right[k], sum)` from +0 for ascending k, where element k
    /// stands k elements after the view's.
    Product {
        /// One side.
        left: View,
        /// The other side.
        right: View,
        /// Elements of K, at most [`BLOCK_ELEMENTS`].
        depth: u32,
    },
    /// As `Product` with ones on the right: `sum = sum + input[k]`.
    ChainSum {
        /// The first element.
        input: View,
        /// Elements, at most [`BLOCK_ELEMENTS`].
        depth: u32,
    },
    /// Neighbouring elements become one.
    Reduce {
        /// How.
        reduction: Reduction,
        /// The first element.
        input: View,
        /// Elements, at most [`ROW_ELEMENTS_MAX`].
        length: u32,
    },
    /// An element of the table, `index * stride` elements after the view's.
    Gather {
        /// The table.
        table: View,
        /// The index, an integer; beyond the table the result is the canonical NaN.
        index: View,
        /// Distance of two entries.
        stride: u32,
    },
    /// The old element plus an element of a window that covers a part of the plane; others stay as they
    /// are. Sides 2 and 3 of the output are the plane's; the view is seen from within the window.
    AddWindow {
        /// What is added.
        added: View,
        /// First row and column of the window.
        origin: [u32; 2],
        /// Rows and columns of the window.
        size: [u32; 2],
    },
    /// Features of a batch over the divisor: `[row, feature]`. A row without an example is zeros.
    Feature {
        /// The file.
        data: DataInput,
        /// What features are divided by, an integer.
        divisor: u32,
    },
    /// Labels of a batch as integers: `[row]`.
    Label {
        /// The file.
        data: DataInput,
    },
    /// Bytes of a batch of texts as integers: `[row, position]`.
    Token {
        /// The file.
        data: DataInput,
        /// 0 for the text, 1 for what follows each byte.
        shift: u32,
    },
    /// 1 for a row with an example, 0 for one without, as integers; `repeat` elements for each row.
    IsPresent {
        /// The batch.
        batch: Batch,
        /// Elements for each row.
        repeat: u32,
    },
    /// Normal numbers of a `ChaCha8` stream times a deviation: element i takes words 2i and 2i + 1.
    Normal {
        /// Seed of the order.
        seed: u64,
        /// Number of the stream: the tensor's place in the layout.
        counter: u64,
        /// The factor, the bits of an f32.
        deviation: u32,
    },
    /// The learning rate of the step.
    LearningRate {
        /// Its course.
        course: RateCourse,
    },
    /// 1 where the first of the largest logits of a row is the label and the row is present, else 0.
    IsCorrect {
        /// First logit of the row.
        logits: View,
        /// Logits of a row, at most [`ROW_ELEMENTS_MAX`].
        class_count: u32,
        /// The label, an integer.
        label: View,
        /// Whether the row counts, an integer.
        is_present: View,
    },
    /// The old integer of two words (low, high) plus the sum of integers.
    CountUp {
        /// The first integer.
        input: View,
        /// How many, at most [`ROW_ELEMENTS_MAX`].
        length: u32,
    },
    /// `keyed_hash(key, old digest ++ root of the slot)`, as eight little-endian words.
    Digest {
        /// The key.
        key: [u8; 32],
        /// The slot.
        slot: SlotIndex,
    },
}

/// One step of a program: writes every element of one slot.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Operator {
    /// What it computes, for people.
    pub name: &'static str,
    /// Of which layer, for people.
    pub layer: u16,
    /// The slot that it writes.
    pub output: SlotIndex,
    /// Sides of the output; their product is the slot's element count.
    pub shape: [u32; RANK],
    /// What it does.
    pub operation: Operation,
}

/// Operators over slots.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Program {
    /// Persistent slots, then scratch slots, then files.
    pub slots: Vec<Slot>,
    /// What is done, in order.
    pub operators: Vec<Operator>,
}

/// A whole computation: a first step that makes the state, and one program for every step after it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Computation {
    /// Step 0.
    pub initial: Program,
    /// Steps 1 to `step_count`.
    pub step: Program,
    /// Steps after the first.
    pub step_count: u32,
}

/// The contents of files that a computation reads.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct FileRoots {
    /// Root and length of the training data.
    pub train: Option<(DataRoot, u64)>,
    /// Root and length of the test data.
    pub test: Option<(DataRoot, u64)>,
    /// Root and length of the model.
    pub model: Option<([u8; 32], u64)>,
}

impl Computation {
    /// The program of a step and the number that its operators see: step 0 makes the state, step s + 1 is
    /// step s of the run. `None` beyond the last.
    #[must_use]
    pub fn program(&self, step: u32) -> Option<(&Program, u32)> {
        match step.checked_sub(1) {
            None => Some((&self.initial, 0)),
            Some(number) if number < self.step_count => Some((&self.step, number)),
            Some(_) => None,
        }
    }

    /// Steps in all, the first included.
    #[must_use]
    pub fn steps(&self) -> u32 {
        self.step_count.saturating_add(1)
    }
}

impl Program {
    /// Slots that survive a step.
    pub fn persistent_count(&self) -> usize {
        self.slots.iter().filter(|slot| slot.kind == SlotKind::Persistent).count()
    }

    /// Slots that do not.
    pub fn scratch_count(&self) -> usize {
        self.slots.iter().filter(|slot| slot.kind == SlotKind::Scratch).count()
    }
}

impl FileRoots {
    /// Root and length of a file.
    #[must_use]
    pub fn get(&self, file: File) -> Option<([u8; 32], u64)> {
        match file {
            File::Train => self.train.map(|(root, length)| (root.0, length)),
            File::Test => self.test.map(|(root, length)| (root.0, length)),
            File::Model => self.model,
        }
    }
}
