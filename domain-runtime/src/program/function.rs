//! Functions of single elements.

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
    /// `a / (1 + exp(-a))`.
    Silu,
    /// Gradient `a` times the derivative of the former at `b`: `a * (s * fma(b, 1 - s, 1))` with
    /// `s = 1 / (1 + exp(-b))`.
    SiluGradient,
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
    /// `a * scale` unless the integer `b` is 0 and the word `c` is not; then minus infinity. `b` is the id
    /// of a key, where 0 is padding, and `c` counts the ids of its example that are none.
    PaddingScale {
        /// The factor.
        scale: u32,
    },
    /// The cosine of the angle of the pair `b` at the position `a` (integers).
    RotationCosine {
        /// What frequencies are powers of, the bits of an f32 above 1.
        base: u32,
        /// Numbers of a head.
        width: u32,
    },
    /// The sine of the same angle.
    RotationSine {
        /// What frequencies are powers of, the bits of an f32 above 1.
        base: u32,
        /// Numbers of a head.
        width: u32,
    },
    /// A number of a packed row of queries, keys and values. With x = `b`, y = `c`, cosine `d` and sine
    /// `e`: `fma(-y, e, x * d)`, the first of a pair of a query or key, when the integer `a` is even and below 4;
    /// `fma(x, e, y * d)`, the second, when it is odd and below 4; of values `b` when it is 4, else `c`.
    Rotate,
    /// `a * factor` when the integer `b` is not 0, else +0.
    Dropout {
        /// What kept numbers grow by.
        factor: u32,
    },
    /// 1.0 when the words `a` and `b` are equal, else +0.
    IsEqual,
    /// The largest of four, the first of them among equals; a NaN before everything else.
    PoolMaximum,
    /// The position 0 to 3 of the former, as an integer.
    PoolPosition,
    /// `c` when the words `a` and `b` are equal, else +0.
    Select,
    /// `b`, `c` or `d`, as the integer `a` is 0, 1 or more.
    Choose,
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
    /// Weight `a`, momentum `b`, gradient `c`, kept share `d`, rate `e`:
    /// `d * a - e * sign(beta * b + (1 - beta) * c)`, where the sign of a zero or of a NaN is itself.
    LionWeight {
        /// The share of the momentum.
        beta: u32,
    },
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

impl Function {
    /// Operands that the function takes.
    #[must_use]
    pub const fn operand_count(self) -> usize {
        match self {
            Self::Copy
            | Self::Negate
            | Self::Relu
            | Self::Gelu
            | Self::Silu
            | Self::InverseDeviation { .. }
            | Self::Kept { .. }
            | Self::CorrectionRoot => 1,
            Self::Add
            | Self::Subtract
            | Self::Multiply
            | Self::Divide
            | Self::ReluGradient
            | Self::GeluGradient
            | Self::SiluGradient
            | Self::RotationCosine { .. }
            | Self::RotationSine { .. }
            | Self::Dropout { .. }
            | Self::Exponential
            | Self::IsEqual
            | Self::FirstMoment { .. }
            | Self::SecondMoment { .. }
            | Self::Velocity { .. }
            | Self::CorrectedRate
            | Self::LossQ16 => 2,
            Self::MultiplyAdd
            | Self::NegativeMultiplyAdd
            | Self::LogProbability
            | Self::CausalScale { .. }
            | Self::PaddingScale { .. }
            | Self::Select => 3,
            Self::Choose | Self::PoolMaximum | Self::PoolPosition | Self::MomentumWeight => 4,
            Self::LionWeight { .. } | Self::Rotate => 5,
            Self::AdamWeight { .. } => 6,
        }
    }
}
