//! Functions of single elements over a tile of operands.

use aipot_domain_runtime::program::{Function, OPERANDS_MAX};
use aipot_kernels::canonical::{CANONICAL_NAN_BITS, canonical, canonicalize};
use aipot_kernels::elementary::{erf_slice, exp_slice, log_slice, rsqrt_slice};
use aipot_kernels::rotation::{cosine, frequency, rotate_portable, sine};

use std::f32::consts::FRAC_1_SQRT_2;

/// Elements that are computed together.
pub(super) const TILE: usize = 512;

/// The density of the normal distribution at 0, `1 / sqrt(2 pi)`, rounded to f32.
const FRAC_1_SQRT_2_PI: f32 = f32::from_bits(0x3ecc_422a);

/// One nat in Q16.16.
const Q16_ONE: f32 = 65_536.0;

/// Operands of neighbouring elements, `a` first.
pub(super) struct Tile {
    words: [[u32; TILE]; OPERANDS_MAX],
    length: usize,
}

impl Tile {
    /// Room for `length` elements, at most [`TILE`].
    pub(super) fn new(length: usize) -> Self {
        Self { words: [[0; TILE]; OPERANDS_MAX], length: length.min(TILE) }
    }

    /// The words of operand `index`.
    pub(super) fn operand_mut(&mut self, index: usize) -> &mut [u32] {
        &mut self.words[index][..self.length]
    }

    fn words(&self, index: usize) -> &[u32] {
        &self.words[index][..self.length]
    }

    fn floats(&self, index: usize) -> &[f32] {
        bytemuck::cast_slice(self.words(index))
    }

    /// The function of each element.
    pub(super) fn apply(&self, function: Function, output: &mut [u32]) {
        match function {
            Function::Copy => output.copy_from_slice(self.words(0)),
            Function::IsEqual => self.each_pair(output, |a, b| if a == b { 1.0 } else { 0.0 }),
            Function::CausalScale { scale } => self.causal_scale(f32::from_bits(scale), output),
            Function::PaddingScale { scale } => self.padding_scale(f32::from_bits(scale), output),
            Function::RotationCosine { base, width } => self.angles((base, width), cosine, output),
            Function::RotationSine { base, width } => self.angles((base, width), sine, output),
            Function::Rotate => self.rotate(output),
            Function::Dropout { factor } => self.dropout(f32::from_bits(factor), output),
            Function::PoolPosition => self.pool(output, |position, _| position),
            Function::PoolMaximum => self.pool(output, |_, value| canonical(value).to_bits()),
            Function::Select => self.select(output),
            Function::Choose => self.choose(output),
            Function::LossQ16 => self.loss_q16(output),
            function => self.apply_floats(function, bytemuck::cast_slice_mut(output)),
        }
    }

    /// Functions of floats to floats.
    fn apply_floats(&self, function: Function, output: &mut [f32]) {
        let constant = f32::from_bits;
        match function {
            Function::Add => self.two(output, |a, b| a + b),
            Function::Subtract => self.two(output, |a, b| a - b),
            Function::Multiply => self.two(output, |a, b| a * b),
            Function::Divide => self.two(output, |a, b| a / b),
            Function::MultiplyAdd => self.three(output, f32::mul_add),
            Function::NegativeMultiplyAdd => self.three(output, |a, b, c| (-a).mul_add(b, c)),
            Function::Negate => self.one(output, |a| -a),
            // A NaN is not above zero, but stays one.
            Function::Relu => self.one(output, |a| if a > 0.0 || a.is_nan() { a } else { 0.0 }),
            Function::ReluGradient => self.two(output, |a, b| match b {
                _ if b.is_nan() => b,
                _ if b > 0.0 => a,
                _ => 0.0,
            }),
            Function::Gelu => self.gelu(output),
            Function::GeluGradient => self.gelu_gradient(output),
            Function::Silu => self.silu(output),
            Function::SiluGradient => self.silu_gradient(output),
            Function::Exponential => {
                self.two(output, |a, b| a - b);
                exp_slice(output);
            }
            Function::LogProbability => self.log_probability(output),
            Function::InverseDeviation { epsilon } => {
                self.one(output, |a| a + constant(epsilon));
                rsqrt_slice(output);
            }
            Function::FirstMoment { beta } => {
                let (beta, rest) = (constant(beta), 1.0 - constant(beta));
                self.two(output, |a, b| beta * a + rest * b);
            }
            Function::SecondMoment { beta } => {
                let (beta, rest) = (constant(beta), 1.0 - constant(beta));
                self.two(output, |a, b| beta * a + (rest * b) * b);
            }
            Function::AdamWeight { epsilon } => self.adam_weight(constant(epsilon), output),
            Function::Velocity { momentum } => {
                self.two(output, |a, b| constant(momentum) * a + b);
            }
            Function::MomentumWeight => self.momentum_weight(output),
            Function::LionWeight { beta } => self.lion_weight(constant(beta), output),
            Function::Kept { decay } => self.one(output, |a| 1.0 - a * constant(decay)),
            Function::CorrectedRate => self.two(output, |a, b| a / (1.0 - b)),
            Function::CorrectionRoot => self.one(output, |a| (1.0 - a).sqrt()),
            // `apply` has taken these.
            Function::Copy
            | Function::IsEqual
            | Function::CausalScale { .. }
            | Function::PaddingScale { .. }
            | Function::RotationCosine { .. }
            | Function::RotationSine { .. }
            | Function::Rotate
            | Function::Dropout { .. }
            | Function::PoolMaximum
            | Function::PoolPosition
            | Function::Select
            | Function::Choose
            | Function::LossQ16 => {}
        }
        canonicalize(output);
    }

    fn one(&self, output: &mut [f32], function: impl Fn(f32) -> f32) {
        output.iter_mut().zip(self.floats(0)).for_each(|(output, a)| *output = function(*a));
    }

    fn two(&self, output: &mut [f32], function: impl Fn(f32, f32) -> f32) {
        let pairs = self.floats(0).iter().zip(self.floats(1));
        output.iter_mut().zip(pairs).for_each(|(output, (a, b))| *output = function(*a, *b));
    }

    fn three(&self, output: &mut [f32], function: impl Fn(f32, f32, f32) -> f32) {
        let operands = self.floats(0).iter().zip(self.floats(1)).zip(self.floats(2));
        for (output, ((a, b), c)) in output.iter_mut().zip(operands) {
            *output = function(*a, *b, *c);
        }
    }

    fn each_pair(&self, output: &mut [u32], function: impl Fn(u32, u32) -> f32) {
        let pairs = self.words(0).iter().zip(self.words(1));
        for (output, (a, b)) in output.iter_mut().zip(pairs) {
            *output = function(*a, *b).to_bits();
        }
    }

    fn causal_scale(&self, scale: f32, output: &mut [u32]) {
        let places = self.words(1).iter().zip(self.words(2));
        for (output, (a, (row, column))) in output.iter_mut().zip(self.floats(0).iter().zip(places))
        {
            let value = if column > row { f32::NEG_INFINITY } else { canonical(a * scale) };
            *output = value.to_bits();
        }
    }

    fn padding_scale(&self, scale: f32, output: &mut [u32]) {
        let ids = self.words(1).iter().zip(self.words(2));
        for (output, (a, (id, count))) in output.iter_mut().zip(self.floats(0).iter().zip(ids)) {
            let is_hidden = *id == 0 && *count != 0;
            let value = if is_hidden { f32::NEG_INFINITY } else { canonical(a * scale) };
            *output = value.to_bits();
        }
    }

    fn angles(&self, (base, width): (u32, u32), function: fn(u32) -> f32, output: &mut [u32]) {
        let places = self.words(0).iter().zip(self.words(1));
        for (output, (position, pair)) in output.iter_mut().zip(places) {
            *output = function(position.wrapping_mul(frequency(base, width, *pair))).to_bits();
        }
    }

    fn rotate(&self, output: &mut [u32]) {
        let [first, second, cosines, sines] = [1, 2, 3, 4].map(|operand| self.floats(operand));
        for (index, (output, place)) in output.iter_mut().zip(self.words(0)).enumerate() {
            let pair = [first[index], second[index]];
            let turned = rotate_portable(pair, cosines[index], sines[index]);
            let [even, odd] = if *place < 4 { turned } else { pair.map(canonical) };
            let is_second = *place > 4 || place % 2 == 1;
            *output = (if is_second { odd } else { even }).to_bits();
        }
    }

    fn dropout(&self, factor: f32, output: &mut [u32]) {
        let pairs = self.floats(0).iter().zip(self.words(1));
        for (output, (a, is_kept)) in output.iter_mut().zip(pairs) {
            *output = if *is_kept == 0 { 0 } else { canonical(a * factor).to_bits() };
        }
    }

    /// Position and value of the largest of four, by `take`.
    fn pool(&self, output: &mut [u32], take: impl Fn(u32, f32) -> u32) {
        let [first, second, third, fourth] = [0, 1, 2, 3].map(|operand| self.floats(operand));
        for (index, output) in output.iter_mut().enumerate() {
            let others = [second[index], third[index], fourth[index]];
            let (position, best) = (1..).zip(others).fold((0, first[index]), larger);
            *output = take(position, best);
        }
    }

    fn select(&self, output: &mut [u32]) {
        let pairs = self.words(0).iter().zip(self.words(1));
        for (output, ((a, b), c)) in output.iter_mut().zip(pairs.zip(self.floats(2))) {
            *output = if a == b { canonical(*c).to_bits() } else { 0 };
        }
    }

    fn choose(&self, output: &mut [u32]) {
        let candidates = [1, 2, 3].map(|operand| self.words(operand));
        for (index, (output, choice)) in output.iter_mut().zip(self.words(0)).enumerate() {
            let candidate = usize::try_from(*choice).unwrap_or(usize::MAX).min(2);
            *output = candidates[candidate][index];
        }
    }

    fn loss_q16(&self, output: &mut [u32]) {
        let pairs = self.floats(0).iter().zip(self.words(1));
        for (output, (loss, is_present)) in output.iter_mut().zip(pairs) {
            *output = if *is_present == 0 { 0 } else { q16(*loss) };
        }
    }

    fn gelu(&self, output: &mut [f32]) {
        self.one(output, |a| a * FRAC_1_SQRT_2);
        erf_slice(output);
        for (output, a) in output.iter_mut().zip(self.floats(0)) {
            *output = (0.5 * a) * (1.0 + *output);
        }
    }

    fn gelu_gradient(&self, output: &mut [f32]) {
        let mut densities = [0.0_f32; TILE];
        let densities = &mut densities[..self.length];
        let points = self.floats(1);
        for ((output, density), x) in output.iter_mut().zip(densities.iter_mut()).zip(points) {
            *output = x * FRAC_1_SQRT_2;
            *density = (x * x) * -0.5;
        }
        erf_slice(output);
        exp_slice(densities);
        let operands = self.floats(0).iter().zip(points).zip(densities);
        for (output, ((gradient, x), density)) in output.iter_mut().zip(operands) {
            let share = 0.5 * (1.0 + *output);
            *output = gradient * (x * FRAC_1_SQRT_2_PI).mul_add(*density, share);
        }
    }

    fn silu(&self, output: &mut [f32]) {
        self.one(output, |a| -a);
        exp_slice(output);
        for (output, a) in output.iter_mut().zip(self.floats(0)) {
            *output = a / (1.0 + *output);
        }
    }

    fn silu_gradient(&self, output: &mut [f32]) {
        let points = self.floats(1);
        output.iter_mut().zip(points).for_each(|(output, x)| *output = -x);
        exp_slice(output);
        for (output, (gradient, x)) in output.iter_mut().zip(self.floats(0).iter().zip(points)) {
            let sigmoid = 1.0 / (1.0 + *output);
            *output = gradient * (sigmoid * x.mul_add(1.0 - sigmoid, 1.0));
        }
    }

    fn log_probability(&self, output: &mut [f32]) {
        let mut logarithms = [0.0_f32; TILE];
        let logarithms = &mut logarithms[..self.length];
        logarithms.copy_from_slice(self.floats(2));
        log_slice(logarithms);
        self.two(output, |a, b| a - b);
        output.iter_mut().zip(logarithms).for_each(|(output, logarithm)| *output -= *logarithm);
    }

    fn adam_weight(&self, epsilon: f32, output: &mut [f32]) {
        let [weights, firsts, seconds, kept, rates, roots] =
            [0, 1, 2, 3, 4, 5].map(|operand| self.floats(operand));
        for (index, output) in output.iter_mut().enumerate() {
            let size = seconds[index].sqrt() / roots[index] + epsilon;
            *output = kept[index] * weights[index] - rates[index] * (firsts[index] / size);
        }
    }

    fn momentum_weight(&self, output: &mut [f32]) {
        let [weights, velocities, kept, rates] = [0, 1, 2, 3].map(|operand| self.floats(operand));
        for (index, output) in output.iter_mut().enumerate() {
            *output = kept[index] * weights[index] - rates[index] * velocities[index];
        }
    }

    fn lion_weight(&self, beta: f32, output: &mut [f32]) {
        let [weights, momenta, gradients, kept, rates] =
            [0, 1, 2, 3, 4].map(|operand| self.floats(operand));
        for (index, output) in output.iter_mut().enumerate() {
            let mixture = beta * momenta[index] + (1.0 - beta) * gradients[index];
            let positive = if mixture > 0.0 { 1.0 } else { mixture };
            let sign = if mixture < 0.0 { -1.0 } else { positive };
            *output = kept[index] * weights[index] - rates[index] * sign;
        }
    }
}

/// The larger of two candidates, the first among equals; a NaN before everything else.
fn larger(best: (u32, f32), other: (u32, f32)) -> (u32, f32) {
    let is_larger = other.1 > best.1 || (other.1.is_nan() && !best.1.is_nan());
    if is_larger { other } else { best }
}

/// How many operands a function takes.
pub(super) fn operand_count(function: Function) -> usize {
    match function {
        Function::Copy
        | Function::Negate
        | Function::Relu
        | Function::Gelu
        | Function::Silu
        | Function::InverseDeviation { .. }
        | Function::Kept { .. }
        | Function::CorrectionRoot => 1,
        Function::Add
        | Function::Subtract
        | Function::Multiply
        | Function::Divide
        | Function::ReluGradient
        | Function::GeluGradient
        | Function::SiluGradient
        | Function::RotationCosine { .. }
        | Function::RotationSine { .. }
        | Function::Dropout { .. }
        | Function::Exponential
        | Function::IsEqual
        | Function::FirstMoment { .. }
        | Function::SecondMoment { .. }
        | Function::Velocity { .. }
        | Function::CorrectedRate
        | Function::LossQ16 => 2,
        Function::MultiplyAdd
        | Function::NegativeMultiplyAdd
        | Function::LogProbability
        | Function::CausalScale { .. }
        | Function::PaddingScale { .. }
        | Function::Select => 3,
        Function::PoolMaximum
        | Function::PoolPosition
        | Function::Choose
        | Function::MomentumWeight => 4,
        Function::LionWeight { .. } | Function::Rotate => 5,
        Function::AdamWeight { .. } => 6,
    }
}

/// A loss in Q16.16: rounded to the nearest, ties to even; the largest when it is not a number.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast keeps numbers outside 32 bits at the nearest end, which is what is wanted"
)]
pub(crate) fn q16(loss: f32) -> u32 {
    if loss.is_nan() { u32::MAX } else { (loss * Q16_ONE).round_ties_even() as u32 }
}

/// The canonical NaN as a word.
pub(super) const NAN: u32 = CANONICAL_NAN_BITS;
