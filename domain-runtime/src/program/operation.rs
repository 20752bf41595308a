//! What an operator does.

use alloc::vec::Vec;

use super::{Batch, DataInput, Function, Operand, RateCourse, SlotIndex, View};

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
        /// Elements of K, at most [`super::BLOCK_ELEMENTS`].
        depth: u32,
    },
    /// As `Product` with ones on the right: `sum = sum + input[k]`.
    ChainSum {
        /// The first element.
        input: View,
        /// Elements, at most [`super::BLOCK_ELEMENTS`].
        depth: u32,
    },
    /// Neighbouring elements become one.
    Reduce {
        /// How.
        reduction: Reduction,
        /// The first element.
        input: View,
        /// Elements, at most [`super::ROW_ELEMENTS_MAX`].
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
    /// The old element plus an element of a window that lies on a part of the plane; others stay as they
    /// are. Sides 2 and 3 of the output are the plane's; the view is seen from within the window. The
    /// rows and columns of the window stand `stride` apart on the plane.
    AddWindow {
        /// What is added.
        added: View,
        /// First row and column of the window.
        origin: [u32; 2],
        /// Rows and columns of the window.
        size: [u32; 2],
        /// Distance of two of its rows or columns on the plane, at least 1.
        stride: u32,
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
    /// What dropout keeps of the elements of a batch: 1 where the word of a `ChaCha8` stream is at least the
    /// threshold, else 0, as integers.
    Kept {
        /// Seed of the order.
        seed: u64,
        /// The layer's place in the network; node and step number the stream.
        node: u32,
        /// Words below it are left out.
        threshold: u32,
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
        /// Logits of a row, at most [`super::ROW_ELEMENTS_MAX`].
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
        /// How many, at most [`super::ROW_ELEMENTS_MAX`].
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
