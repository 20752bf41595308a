//! Causal attention on a device, over packed rows `[token, 3 * width]` of queries, keys and values.

use aipot_shaders::canonical;

use super::{
    Bias, Layout, Operand, OperatorError, Operators, ProductShape, RowShape, Tensor, WORKGROUP,
    kernel, volume,
};
use crate::device::{ComputeDevice, Kernel};
use crate::elementary::rsqrt;

const MASK: Kernel = kernel("canonical_mask", canonical::MASK);
const ATTENTION_GRADIENT: Kernel =
    kernel("canonical_attention_gradient", canonical::ATTENTION_GRADIENT);

/// Queries, keys and values lie side by side in a packed row.
const PARTS: u32 = 3;

/// Sizes of attention.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttentionShape {
    /// Sequences.
    pub batch: u32,
    /// Tokens of a sequence.
    pub tokens: u32,
    /// Heads.
    pub heads: u32,
    /// Values of a head.
    pub head_width: u32,
}

/// What attention's gradient needs of the way forward.
#[derive(Debug)]
pub struct AttentionPast<'tensor, D: ComputeDevice> {
    /// `[batch, tokens, 3 * width]`: what went in.
    pub packed: &'tensor Tensor<D>,
    /// `[batch, heads, tokens, tokens]`.
    pub probabilities: &'tensor Tensor<D>,
}

/// What attention's gradient gives.
#[derive(Debug)]
pub struct AttentionGradients<'tensor, D: ComputeDevice> {
    /// `[batch, tokens, 3 * width]`: of what went in.
    pub packed: &'tensor Tensor<D>,
    /// `[batch, heads, tokens, tokens]`: of the scores.
    pub scores: &'tensor Tensor<D>,
}

/// The lengths and layouts that follow from an [`AttentionShape`].
struct Plan {
    output_count: u32,
    packed_count: u32,
    score_count: u32,
    /// Queries, keys and values of each head.
    parts: [Layout; 3],
    output: Layout,
    scores: Layout,
    /// Rows of all matrices of scores.
    rows: RowShape,
    scale: f32,
}

impl AttentionShape {
    fn plan(&self) -> Result<Plan, OperatorError> {
        let Self { batch, tokens, heads, head_width } = *self;
        let operator = "attention";
        let width = volume(operator, &[heads, head_width])?;
        let packed_width = volume(operator, &[PARTS, width])?;
        let square = volume(operator, &[tokens, tokens])?;
        let of_rows = |row_width: u32| Layout {
            outer_stride: tokens.saturating_mul(row_width),
            inner_stride: head_width,
            ..Layout::dense(row_width)
        };
        let part = |number: u32| Layout { offset: number * width, ..of_rows(packed_width) };
        Ok(Plan {
            output_count: volume(operator, &[batch, tokens, width])?,
            packed_count: volume(operator, &[batch, tokens, packed_width])?,
            score_count: volume(operator, &[batch, heads, square])?,
            parts: [part(0), part(1), part(2)],
            output: of_rows(width),
            scores: Layout {
                outer_stride: heads.saturating_mul(square),
                inner_stride: square,
                ..Layout::dense(tokens)
            },
            rows: RowShape { rows: volume(operator, &[batch, heads, tokens])?, length: tokens },
            scale: rsqrt(as_f32(head_width)),
        })
    }

    /// Products of every head, with so many columns over a depth.
    fn product(&self, depth: u32, columns: u32) -> ProductShape {
        let batch = [self.batch, self.heads];
        ProductShape { batch, ..ProductShape::single(self.tokens, depth, columns) }
    }
}

impl<D: ComputeDevice> Operators<'_, D> {
    /// Attention of every head.
    ///
    /// # Shapes
    /// `packed`: `[batch, tokens, 3 * width]`, `probabilities`: `[batch, heads, tokens, tokens]`, `output`:
    /// `[batch, tokens, width]`.
    ///
    /// # Errors
    /// [`OperatorError::WrongLength`] when a tensor has another shape; as [`Self::product`].
    pub fn attention(
        &self,
        shape: AttentionShape,
        packed: &Tensor<D>,
        probabilities: &Tensor<D>,
        output: &Tensor<D>,
    ) -> Result<(), OperatorError> {
        let plan = shape.plan()?;
        plan.check([packed, probabilities, output])?;
        let [queries, keys, values] = plan.parts.map(|layout| Operand::new(packed, layout));
        let keys = Operand::new(packed, keys.layout.transposed());
        let scores = || Operand::new(probabilities, plan.scores);
        let (tokens, head_width) = (shape.tokens, shape.head_width);
        let of_scores = shape.product(head_width, tokens);
        self.product(of_scores, [queries, keys], Bias::None, scores())?;
        let matrices = shape.batch.saturating_mul(shape.heads);
        let sizes = [matrices, tokens, plan.scale.to_bits()];
        let workgroup_count = plan.score_count.div_ceil(WORKGROUP);
        self.run_over(&MASK, &sizes, &[&probabilities.words], workgroup_count)?;
        self.softmax(plan.rows, probabilities, probabilities)?;
        let place = Operand::new(output, plan.output);
        self.product(shape.product(tokens, head_width), [scores(), values], Bias::None, place)
    }

    /// The gradient before [`Self::attention`], from the one behind it.
    ///
    /// # Shapes
    /// `gradient`: `[batch, tokens, width]`.
    ///
    /// # Errors
    /// As [`Self::attention`].
    pub fn attention_gradient(
        &self,
        shape: AttentionShape,
        past: &AttentionPast<'_, D>,
        gradient: &Tensor<D>,
        results: &AttentionGradients<'_, D>,
    ) -> Result<(), OperatorError> {
        let plan = shape.plan()?;
        plan.check([past.packed, past.probabilities, gradient])?;
        plan.check([results.packed, results.scores, gradient])?;
        let (tokens, head_width) = (shape.tokens, shape.head_width);
        let past_part = |part: usize| Operand::new(past.packed, plan.parts[part]);
        let place = |part: usize| Operand::new(results.packed, plan.parts[part]);
        let behind = || Operand::new(gradient, plan.output);
        let scores = |layout| Operand::new(results.scores, layout);

        let values = Operand::new(past.packed, plan.parts[2].transposed());
        let of_scores = shape.product(head_width, tokens);
        self.product(of_scores, [behind(), values], Bias::None, scores(plan.scores))?;
        let sizes = [plan.rows.rows, tokens, plan.scale.to_bits()];
        let operands = [&past.probabilities.words, &results.scores.words];
        self.run_over(&ATTENTION_GRADIENT, &sizes, &operands, plan.rows.workgroup_count())?;

        let of_heads = shape.product(tokens, head_width);
        let turned = plan.scores.transposed();
        let probabilities = Operand::new(past.probabilities, turned);
        self.product(of_heads, [scores(plan.scores), past_part(1)], Bias::None, place(0))?;
        self.product(of_heads, [scores(turned), past_part(0)], Bias::None, place(1))?;
        self.product(of_heads, [probabilities, behind()], Bias::None, place(2))
    }
}

impl Plan {
    /// Refuses packed rows, scores and outputs of other lengths.
    fn check<D: ComputeDevice>(
        &self,
        [packed, scores, output]: [&Tensor<D>; 3],
    ) -> Result<(), OperatorError> {
        packed.check("attention", "packed", self.packed_count)?;
        scores.check("attention", "scores", self.score_count)?;
        output.check("attention", "output", self.output_count)
    }
}

/// The f32 nearest to a size.
#[expect(clippy::cast_precision_loss, reason = "widths of heads are far below 2^24")]
fn as_f32(size: u32) -> f32 {
    size as f32
}

#[cfg(any(feature = "cuda", feature = "cuda-emulation"))]
#[cfg(test)]
mod tests;
