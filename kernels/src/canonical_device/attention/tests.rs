//! Attention on a device has the bits of its written order.

use super::super::tests::{assert_same, awkward, product_of, size, with_operators};
use super::*;
use crate::canonical::canonical;
use crate::reduction::sum_portable;
use crate::softmax::softmax;

/// What goes in.
struct Case {
    shape: AttentionShape,
    packed: Vec<f32>,
    gradient: Vec<f32>,
}

/// Output, probabilities, and the gradient of what went in.
type Results = [Vec<f32>; 3];

/// Values and where a head lies in them: offset and distance of rows.
type Place<'values> = (&'values [f32], usize, usize);

/// A dense matrix cut out of rows.
struct Dense {
    values: Vec<f32>,
    rows: usize,
    columns: usize,
}

impl Dense {
    fn cut((values, offset, stride): Place<'_>, (rows, columns): (usize, usize)) -> Self {
        let rows_of = (0..rows).map(|row| &values[offset + row * stride..][..columns]);
        Self { values: rows_of.flatten().copied().collect(), rows, columns }
    }

    fn paste(&self, values: &mut [f32], offset: usize, stride: usize) {
        for (row, from) in self.values.chunks(self.columns).enumerate() {
            values[offset + row * stride..][..self.columns].copy_from_slice(from);
        }
    }

    fn transposed(&self) -> Self {
        let places = (0..self.columns).flat_map(|row| (0..self.rows).map(move |at| (at, row)));
        let values = places.map(|(row, column)| self.values[row * self.columns + column]);
        Self { values: values.collect(), rows: self.columns, columns: self.rows }
    }

    fn times(&self, right: &Self) -> Self {
        let turned = right.transposed();
        let rows = self.values.chunks(self.columns);
        let pairs =
            rows.flat_map(|row| turned.values.chunks(turned.columns).map(move |to| (row, to)));
        let terms =
            |(row, to): (&[f32], &[f32])| row.iter().copied().zip(to.iter().copied()).collect();
        let values = pairs.map(|pair| product_of(&[terms(pair)])).collect();
        Self { values, rows: self.rows, columns: right.columns }
    }
}

/// Output, probabilities, and the gradients of queries, keys and values of one head.
fn one_head([queries, keys, values, behind]: [&Dense; 4]) -> [Dense; 5] {
    let tokens = queries.rows;
    let scale = 1.0 / f32::from(u16::try_from(queries.columns).unwrap()).sqrt();
    let mut shares = queries.times(&keys.transposed());
    for (at, score) in shares.values.iter_mut().enumerate() {
        let is_ahead = at % tokens > at / tokens;
        *score = if is_ahead { f32::NEG_INFINITY } else { canonical(*score * scale) };
    }
    shares.values = softmax(&shares.values, tokens).unwrap();
    let output = shares.times(values);
    let mut of_scores = behind.times(&values.transposed());
    let rows = of_scores.values.chunks_mut(tokens).zip(shares.values.chunks(tokens));
    for (gradients, shares) in rows {
        let products: Vec<f32> = gradients.iter().zip(shares).map(|(d, p)| d * p).collect();
        let sum = sum_portable(&products);
        for (gradient, share) in gradients.iter_mut().zip(shares) {
            *gradient = canonical((share * (*gradient - sum)) * scale);
        }
    }
    let of_queries = of_scores.times(keys);
    let of_keys = of_scores.transposed().times(queries);
    let of_values = shares.transposed().times(behind);
    [output, shares, of_queries, of_keys, of_values]
}

impl Case {
    fn expected(&self) -> Results {
        let [batch, tokens, heads, depth] =
            [self.shape.batch, self.shape.tokens, self.shape.heads, self.shape.head_width]
                .map(size);
        let width = heads * depth;
        let mut output = vec![0.0; self.gradient.len()];
        let mut probabilities = Vec::new();
        let mut of_packed = vec![0.0; self.packed.len()];
        for (example, head) in (0..batch).flat_map(|at| (0..heads).map(move |head| (at, head))) {
            let first = example * tokens;
            let part = |part: usize| (first * 3 + part) * width + head * depth;
            let cut = |number| Dense::cut((&self.packed, part(number), 3 * width), (tokens, depth));
            let (queries, keys, values) = (cut(0), cut(1), cut(2));
            let place = first * width + head * depth;
            let behind = Dense::cut((&self.gradient, place, width), (tokens, depth));
            let [forward, shares, parts @ ..] = one_head([&queries, &keys, &values, &behind]);
            forward.paste(&mut output, place, width);
            probabilities.extend(shares.values);
            for (number, gradient) in parts.iter().enumerate() {
                gradient.paste(&mut of_packed, part(number), 3 * width);
            }
        }
        [output, probabilities, of_packed]
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
