//! Attention over packed rows, masked or not: `[token, query | key | value]`, each of them `[head, head width]`.

use super::loss::Exponentials;
use super::tokens::present_counts;
use crate::float::Float;
use crate::program::builder::{Builder, Product, index, of};
use crate::program::error::ProgramError;
use crate::program::{Function, Operand, Reduction, SlotIndex, View};

/// Sides of an attention.
#[derive(Clone, Copy)]
pub(in crate::program) struct Attention {
    pub(in crate::program) batch: u32,
    pub(in crate::program) context: u32,
    pub(in crate::program) heads: u32,
    pub(in crate::program) head_width: u32,
}

/// Which keys a query sees.
#[derive(Clone, Copy)]
pub(in crate::program) enum Mask {
    /// All of them.
    None,
    /// Those that do not come after it.
    Causal,
    /// Those whose id is not 0: `[batch, context]`, integers; all where all are 0.
    Padding(SlotIndex),
}

/// What an attention leaves for the way back.
#[derive(Clone, Copy)]
pub(in crate::program) struct Attended {
    /// `[batch, context, head, head width]`.
    pub(in crate::program) output: SlotIndex,
    /// `[batch, head, query, key]`.
    probabilities: SlotIndex,
}

/// Queries, keys and values in a packed row.
#[derive(Clone, Copy)]
enum Part {
    Query,
    Key,
    Value,
}

impl Attention {
    const fn width(self) -> u32 {
        self.heads.saturating_mul(self.head_width)
    }

    /// Elements from a packed row to the next.
    const fn packed(self) -> u32 {
        self.width().saturating_mul(3)
    }

    /// `1 / sqrt(head width)`, a root and a division.
    fn scale(self) -> u32 {
        Float::ONE.divide(Float::from_u32(self.head_width).square_root()).0
    }

    /// `[batch, head, context, context]`.
    const fn score_shape(self) -> [u32; 4] {
        [self.batch, self.heads, self.context, self.context]
    }

    /// The scores as rows.
    const fn score_rows(self) -> [u32; 2] {
        let rows = self.batch.saturating_mul(self.heads).saturating_mul(self.context);
        [rows, self.context]
    }

    /// Strides of packed rows for batch, head, token and place in the head.
    const fn packed_strides(self) -> [u32; 4] {
        let packed = self.packed();
        [packed.saturating_mul(self.context), self.head_width, packed, 1]
    }

    /// Strides of rows of the width for batch, head, token and place in the head.
    const fn plain_strides(self) -> [u32; 4] {
        let width = self.width();
        [width.saturating_mul(self.context), self.head_width, width, 1]
    }

    /// Strides of `[batch, head, context, context]` for batch, head and row.
    const fn score_strides(self) -> [u32; 3] {
        let plane = self.context.saturating_mul(self.context);
        [plane.saturating_mul(self.heads), plane, self.context]
    }

    fn part(self, packed: SlotIndex, part: Part, strides: &[u32]) -> View {
        let before = match part {
            Part::Query => 0,
            Part::Key => self.width(),
            Part::Value => self.width().saturating_mul(2),
        };
        View::new(packed, strides).shifted(before)
    }

    /// Rows of heads, paired over the head width: `[batch, head, query, key]`.
    fn pairs(
        self,
        builder: &mut Builder,
        name: &'static str,
        left: View,
        right: View,
    ) -> Result<SlotIndex, ProgramError> {
        let shape = self.score_shape();
        builder.product(&Product { name, shape: &shape, left, right, depth: self.head_width })
    }

    /// The tokens of each place of a head one after the other: `[batch, head, head width, context]`.
    fn by_place(
        self,
        builder: &mut Builder,
        name: &'static str,
        view: View,
    ) -> Result<SlotIndex, ProgramError> {
        let [batch, head, token, place, ..] = view.strides;
        let shape = [self.batch, self.heads, self.head_width, self.context];
        let strides = [batch, head, place, token];
        let turned = View { strides: View::new(view.slot, &strides).strides, ..view };
        builder.copy(name, &shape, turned)
    }

    /// Rows of scores times what stands in [`Self::by_place`] order: `[batch, context, head, head width]`.
    fn weighted(
        self,
        builder: &mut Builder,
        name: &'static str,
        scores: SlotIndex,
        by_place: SlotIndex,
    ) -> Result<SlotIndex, ProgramError> {
        let [batch, head, row] = self.score_strides();
        let place = self.context;
        let of_head = place.saturating_mul(self.head_width);
        let of_batch = of_head.saturating_mul(self.heads);
        builder.product(&Product {
            name,
            shape: &[self.batch, self.context, self.heads, self.head_width],
            left: View::new(scores, &[batch, row, head, 0]),
            right: View::new(by_place, &[of_batch, 0, of_head, place]),
            depth: self.context,
        })
    }

    /// # Shapes
    /// `packed`: `[batch, context, 3, head, head width]`.
    pub(in crate::program) fn forward(
        self,
        builder: &mut Builder,
        packed: SlotIndex,
        mask: Mask,
    ) -> Result<Attended, ProgramError> {
        let [batch, head, token, place] = self.packed_strides();
        let queries = self.part(packed, Part::Query, &[batch, head, token, 0]);
        let keys = self.part(packed, Part::Key, &[batch, head, 0, token]);
        let scores = self.pairs(builder, "attention products", queries, keys)?;
        let masked = self.masked(builder, scores, mask)?;
        builder.release(scores);
        let parts = Exponentials::new(builder, masked, self.score_rows())?;
        let probabilities = parts.softmax(builder, self.score_rows())?;
        builder.release(masked);
        let values = self.part(packed, Part::Value, &[batch, head, token, place]);
        let values = self.by_place(builder, "attention values by place", values)?;
        let output = self.weighted(builder, "attention", probabilities, values)?;
        builder.release(values);
        Ok(Attended { output, probabilities })
    }

    /// The products of queries and keys scaled; minus infinity where the key is hidden.
    fn masked(
        self,
        builder: &mut Builder,
        scores: SlotIndex,
        mask: Mask,
    ) -> Result<SlotIndex, ProgramError> {
        let [of_batch, of_head, row] = self.score_strides();
        let (name, shape, scale) = ("attention scores", self.score_shape(), self.scale());
        let score = of(scores, &[of_batch, of_head, row, 1]);
        match mask {
            Mask::None => {
                let operands = [score, Operand::Constant(scale)];
                builder.map(name, &shape, Function::Multiply, &operands)
            }
            Mask::Causal => {
                let operands = [score, index(&[0, 0, 1]), index(&[0, 0, 0, 1])];
                builder.map(name, &shape, Function::CausalScale { scale }, &operands)
            }
            Mask::Padding(ids) => {
                let counts = present_counts(builder, ids, [self.batch, self.context])?;
                let operands = [score, of(ids, &[self.context, 0, 0, 1]), of(counts, &[1])];
                let function = Function::PaddingScale { scale };
                let masked = builder.map(name, &shape, function, &operands)?;
                builder.release(counts);
                Ok(masked)
            }
        }
    }

    /// # Shapes
    /// `gradient`: as the output; the result: as `packed`.
    pub(in crate::program) fn backward(
        self,
        builder: &mut Builder,
        (packed, attended): (SlotIndex, Attended),
        gradient: SlotIndex,
    ) -> Result<SlotIndex, ProgramError> {
        let probabilities = attended.probabilities;
        let scores = self.score_gradient(builder, packed, (probabilities, gradient))?;
        let strides = self.packed_strides();
        let keys = self.part(packed, Part::Key, &strides);
        let keys = self.by_place(builder, "attention keys by place", keys)?;
        let query = self.weighted(builder, "query gradient", scores, keys)?;
        builder.release(keys);
        let queries = self.part(packed, Part::Query, &strides);
        let queries = self.by_place(builder, "attention queries by place", queries)?;
        let turned = self.turned(builder, "attention score gradient transposed", scores)?;
        builder.release(scores);
        let key = self.weighted(builder, "key gradient", turned, queries)?;
        builder.release(queries);
        builder.release(turned);
        let outputs = View::new(gradient, &self.plain_strides());
        let outputs = self.by_place(builder, "attention gradient by place", outputs)?;
        let turned = self.turned(builder, "attention probabilities transposed", probabilities)?;
        let value = self.weighted(builder, "value gradient", turned, outputs)?;
        builder.release(outputs);
        builder.release(turned);
        self.pack(builder, [query, key, value])
    }

    /// The gradient of the products of queries and keys, `[batch, head, query, key]`.
    fn score_gradient(
        self,
        builder: &mut Builder,
        packed: SlotIndex,
        (probabilities, gradient): (SlotIndex, SlotIndex),
    ) -> Result<SlotIndex, ProgramError> {
        let [batch, head, token, _] = self.packed_strides();
        let [plain_batch, plain_head, plain_token, _] = self.plain_strides();
        let left = View::new(gradient, &[plain_batch, plain_head, plain_token, 0]);
        let right = self.part(packed, Part::Value, &[batch, head, 0, token]);
        let pairs = self.pairs(builder, "probability gradient", left, right)?;
        let shape = self.score_rows();
        let [_, length] = shape;
        let all = |slot| of(slot, &[length, 1]);
        let operands = [all(pairs), all(probabilities)];
        let weighted =
            builder.map("weighted probability gradient", &shape, Function::Multiply, &operands)?;
        let sums = builder.reduce("probability gradient sums", Reduction::Sum, weighted, shape)?;
        builder.release(weighted);
        let operands = [all(pairs), of(sums, &[1])];
        let centred =
            builder.map("centred probability gradient", &shape, Function::Subtract, &operands)?;
        builder.release(pairs);
        builder.release(sums);
        let operands = [all(probabilities), all(centred)];
        let unscaled = builder.map("softmax gradient", &shape, Function::Multiply, &operands)?;
        builder.release(centred);
        let operands = [all(unscaled), Operand::Constant(self.scale())];
        let scores =
            builder.map("attention score gradient", &shape, Function::Multiply, &operands)?;
        builder.release(unscaled);
        Ok(scores)
    }

    /// Queries and keys change places: `[batch, head, key, query]`.
    fn turned(
        self,
        builder: &mut Builder,
        name: &'static str,
        scores: SlotIndex,
    ) -> Result<SlotIndex, ProgramError> {
        let [batch, head, row] = self.score_strides();
        builder.copy(name, &self.score_shape(), View::new(scores, &[batch, head, 1, row]))
    }

    /// The three gradients side by side: `[batch * context, 3, width]`.
    fn pack(self, builder: &mut Builder, parts: [SlotIndex; 3]) -> Result<SlotIndex, ProgramError> {
        let width = self.width();
        let shape = [self.batch.saturating_mul(self.context), 3, width];
        let [query, key, value] = parts.map(|slot| of(slot, &[width, 0, 1]));
        let operands = [index(&[0, 1]), query, key, value];
        let packed = builder.map("packed gradient", &shape, Function::Choose, &operands)?;
        for slot in parts {
            builder.release(slot);
        }
        Ok(packed)
    }
}
