//! Attention on a device has the bits of the definitions.

use super::super::tests::{assert_same, awkward, size, with_operators};
use super::*;
use crate::attention::{
    AttentionOutput, Heads, Mask, attention_gradient_portable, attention_portable,
};

/// What goes in.
struct Case {
    shape: AttentionShape,
    packed: Vec<f32>,
    gradient: Vec<f32>,
}

/// Output, probabilities, and the gradient of what went in.
type Results = [Vec<f32>; 3];

impl Case {
    fn expected(&self) -> Results {
        let AttentionShape { batch, tokens, heads, head_width } = self.shape;
        let [batch, tokens, heads, head_width] = [batch, tokens, heads, head_width].map(size);
        let heads = Heads { batch, tokens, heads, head_width };
        let AttentionOutput { probabilities, output } =
            attention_portable(heads, Mask::Causal, &self.packed).unwrap();
        let of_packed =
            attention_gradient_portable(heads, &self.packed, &probabilities, &self.gradient);
        [output, probabilities, of_packed.unwrap()]
    }

    fn actual(&self) -> Results {
        let shape = self.shape;
        with_operators(|operators| {
            let [packed, gradient] =
                [&self.packed, &self.gradient].map(|values| operators.upload(values).unwrap());
            let score_count = shape.batch * shape.heads * shape.tokens * shape.tokens;
            let [probabilities, scores] = [0; 2].map(|_| operators.zeros(score_count).unwrap());
            let output = operators.zeros(gradient.value_count()).unwrap();
            let of_packed = operators.zeros(packed.value_count()).unwrap();
            operators.attention(shape, &packed, &probabilities, &output).unwrap();
            let past = AttentionPast { packed: &packed, probabilities: &probabilities };
            let results = AttentionGradients { packed: &of_packed, scores: &scores };
            operators.attention_gradient(shape, &past, &gradient, &results).unwrap();
            [&output, &probabilities, &of_packed].map(|tensor| operators.download(tensor).unwrap())
        })
    }
}

fn check([batch, tokens, heads, head_width]: [u32; 4], every: usize) {
    let count = batch * tokens * heads * head_width;
    let case = Case {
        shape: AttentionShape { batch, tokens, heads, head_width },
        packed: awkward(1, 3 * count, every),
        gradient: awkward(2, count, every),
    };
    let names = ["output", "probabilities", "gradient"];
    for (name, (actual, expected)) in names.iter().zip(case.actual().iter().zip(&case.expected())) {
        assert_same(actual, expected, &format!("{name} of {:?}, every {every}", case.shape));
    }
}

#[test]
fn cuda_attention_and_its_gradient_equal_the_definition() {
    for sizes in [[1, 1, 1, 1], [2, 3, 2, 4], [1, 33, 1, 31], [2, 40, 3, 5], [0, 3, 2, 4]] {
        check(sizes, 100_000);
    }
}

#[test]
fn cuda_attention_over_more_than_a_block_of_tokens_equals_the_definition() {
    check([1, 515, 1, 2], 100_000);
}

#[test]
fn cuda_attention_of_awkward_numbers_equals_the_definition() {
    for every in [7, 90, 400] {
        check([2, 20, 2, 6], every);
    }
}
