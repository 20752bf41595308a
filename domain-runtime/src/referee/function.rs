//! Functions of single elements.

use super::RefereeError;
use crate::float::Float;
use crate::float::elementary::{erf, exp, log, reciprocal_square_root};
use crate::float::rotation;
use crate::program::Function;

/// 1/sqrt(2), the nearest f32.
const HALF_ROOT: Float = Float(0x3f35_04f3);
/// 1/sqrt(2 pi), the nearest f32.
const NORMAL_PEAK: Float = Float(0x3ecc_422a);
/// -0.5.
const MINUS_HALF: Float = Float(0xbf00_0000);
/// Candidates of a 2x2 pool.
const WINDOW: usize = 4;

/// Applies `function` to its operands, `a` first.
pub(super) fn apply(function: Function, words: &[u32]) -> Result<u32, RefereeError> {
    let word = |operand: usize| word(words, operand);
    let float = |operand: usize| word(operand).map(Float);
    let value = match function {
        Function::Copy => return word(0),
        Function::IsEqual => where_equal(words, Float::ONE)?,
        Function::Select => where_equal(words, float(2)?)?,
        Function::Choose => match word(0)? {
            0 => return word(1),
            1 => return word(2),
            _ => return word(3),
        },
        Function::CausalScale { scale } => {
            let is_later = word(2)? > word(1)?;
            let scaled = float(0)?.multiply(Float(scale));
            if is_later { Float::NEGATIVE_INFINITY } else { scaled }
        }
        Function::PaddingScale { scale } => padding_scale(words, Float(scale))?,
        Function::RotationCosine { base, width } => rotation::cosine(turn(words, base, width)?),
        Function::RotationSine { base, width } => rotation::sine(turn(words, base, width)?),
        Function::Rotate => rotate(words)?,
        Function::Dropout { factor } => {
            let kept = float(0)?.multiply(Float(factor));
            if word(1)? == 0 { Float::ZERO } else { kept }
        }
        Function::LossQ16 => {
            let is_counted = word(1)? != 0;
            return Ok(if is_counted { float(0)?.to_q16() } else { 0 });
        }
        Function::PoolPosition => return Ok(pool(words)?.0),
        Function::PoolMaximum => pool(words)?.1,
        Function::Add => float(0)?.add(float(1)?),
        Function::Subtract => float(0)?.subtract(float(1)?),
        Function::Multiply => float(0)?.multiply(float(1)?),
        Function::Divide => float(0)?.divide(float(1)?),
        Function::MultiplyAdd => float(0)?.multiply_add(float(1)?, float(2)?),
        Function::NegativeMultiplyAdd => float(0)?.negate().multiply_add(float(1)?, float(2)?),
        Function::Negate => float(0)?.negate(),
        Function::Relu => relu(float(0)?),
        Function::ReluGradient => relu_gradient(float(0)?, float(1)?),
        Function::Gelu => gelu(float(0)?),
        Function::Silu => silu(float(0)?),
        Function::SiluGradient => float(0)?.multiply(silu_derivative(float(1)?)),
        Function::GeluGradient => float(0)?.multiply(gelu_derivative(float(1)?)),
        Function::Exponential => exp(float(0)?.subtract(float(1)?)),
        Function::LogProbability => float(0)?.subtract(float(1)?).subtract(log(float(2)?)),
        Function::InverseDeviation { epsilon } => {
            reciprocal_square_root(float(0)?.add(Float(epsilon)))
        }
        Function::FirstMoment { beta } => first_moment(Float(beta), float(0)?, float(1)?),
        Function::SecondMoment { beta } => second_moment(Float(beta), float(0)?, float(1)?),
        Function::AdamWeight { epsilon } => {
            let size = float(2)?.square_root().divide(float(5)?).add(Float(epsilon));
            let change = float(4)?.multiply(float(1)?.divide(size));
            float(3)?.multiply(float(0)?).subtract(change)
        }
        Function::Velocity { momentum } => Float(momentum).multiply(float(0)?).add(float(1)?),
        Function::MomentumWeight => {
            float(2)?.multiply(float(0)?).subtract(float(3)?.multiply(float(1)?))
        }
        Function::LionWeight { beta } => {
            let direction = sign(first_moment(Float(beta), float(1)?, float(2)?));
            float(3)?.multiply(float(0)?).subtract(float(4)?.multiply(direction))
        }
        Function::Kept { decay } => Float::ONE.subtract(float(0)?.multiply(Float(decay))),
        Function::CorrectedRate => float(0)?.divide(Float::ONE.subtract(float(1)?)),
        Function::CorrectionRoot => Float::ONE.subtract(float(0)?).square_root(),
    };
    Ok(value.canonical().0)
}

/// 1 or -1; a zero or a NaN itself.
fn sign(x: Float) -> Float {
    if x.is_greater(Float::ZERO) {
        Float::ONE
    } else if Float::ZERO.is_greater(x) {
        Float::ONE.negate()
    } else {
        x
    }
}

/// The word of an operand.
fn word(words: &[u32], operand: usize) -> Result<u32, RefereeError> {
    words.get(operand).copied().ok_or(RefereeError::MissingOperand { operand })
}

/// A value where the first two words are equal, else +0.
fn where_equal(words: &[u32], value: Float) -> Result<Float, RefereeError> {
    Ok(if word(words, 0)? == word(words, 1)? { value } else { Float::ZERO })
}

fn relu(x: Float) -> Float {
    if x.is_greater(Float::ZERO) || x.is_nan() { x } else { Float::ZERO }
}

/// The gradient behind, by what came out: a NaN stays one.
fn relu_gradient(gradient: Float, output: Float) -> Float {
    if output.is_nan() {
        Float::NAN
    } else if output.is_greater(Float::ZERO) {
        gradient
    } else {
        Float::ZERO
    }
}

fn gelu(x: Float) -> Float {
    let half = Float::HALF.multiply(x);
    half.multiply(Float::ONE.add(erf(x.multiply(HALF_ROOT))))
}

fn gelu_derivative(x: Float) -> Float {
    let share = Float::HALF.multiply(Float::ONE.add(erf(x.multiply(HALF_ROOT))));
    let bell = exp(x.multiply(x).multiply(MINUS_HALF));
    x.multiply(NORMAL_PEAK).multiply_add(bell, share)
}

fn silu(x: Float) -> Float {
    x.divide(Float::ONE.add(exp(x.negate())))
}

fn silu_derivative(x: Float) -> Float {
    let sigmoid = Float::ONE.divide(Float::ONE.add(exp(x.negate())));
    sigmoid.multiply(x.multiply_add(Float::ONE.subtract(sigmoid), Float::ONE))
}

/// The angle of a pair at a position, in 2^-32 of a turn.
fn turn(words: &[u32], base: u32, width: u32) -> Result<u32, RefereeError> {
    let frequency = rotation::frequency(Float(base), width, word(words, 1)?);
    Ok(word(words, 0)?.wrapping_mul(frequency))
}

/// One number of a pair that is turned, or of values, which are not.
fn rotate(words: &[u32]) -> Result<Float, RefereeError> {
    let float = |operand: usize| word(words, operand).map(Float);
    let (x, y, cosine, sine) = (float(1)?, float(2)?, float(3)?, float(4)?);
    Ok(match word(words, 0)? {
        0 | 2 => y.negate().multiply_add(sine, x.multiply(cosine)),
        1 | 3 => x.multiply_add(sine, y.multiply(cosine)),
        4 => x,
        _ => y,
    })
}

fn padding_scale(words: &[u32], scale: Float) -> Result<Float, RefereeError> {
    let is_hidden = word(words, 1)? == 0 && word(words, 2)? != 0;
    let scaled = Float(word(words, 0)?).multiply(scale);
    Ok(if is_hidden { Float::NEGATIVE_INFINITY } else { scaled })
}

fn first_moment(beta: Float, moment: Float, gradient: Float) -> Float {
    let new = Float::ONE.subtract(beta).multiply(gradient);
    beta.multiply(moment).add(new)
}

fn second_moment(beta: Float, moment: Float, gradient: Float) -> Float {
    let new = Float::ONE.subtract(beta).multiply(gradient).multiply(gradient);
    beta.multiply(moment).add(new)
}

/// Position and value of the largest of four, the first among equals; a NaN before everything else.
fn pool(words: &[u32]) -> Result<(u32, Float), RefereeError> {
    let window = words.first_chunk::<WINDOW>();
    let window = window.ok_or(RefereeError::MissingOperand { operand: words.len() })?;
    let [first, others @ ..] = window.map(Float);
    let mut best = (0, first);
    for (position, value) in (1_u32..).zip(others) {
        if value.is_greater(best.1) || (value.is_nan() && !best.1.is_nan()) {
            best = (position, value);
        }
    }
    Ok(best)
}
