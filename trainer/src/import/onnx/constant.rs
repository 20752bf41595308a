//! Tensors whose values stand in the file.

use super::message::Tensor;
use crate::import::ImportError;

/// Types of elements.
///
/// # Source
/// `TensorProto.DataType` of the ONNX specification.
const FLOAT: i32 = 1;
const INT64: i32 = 7;
const FLOAT16: i32 = 10;
const BFLOAT16: i32 = 16;
/// Most sides of a tensor.
const SIDES_MAX: usize = 8;

/// A tensor.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Constant {
    pub(super) name: String,
    pub(super) sides: Vec<usize>,
    pub(super) numbers: Numbers,
}

/// The values of a tensor.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Numbers {
    Reals(Vec<f32>),
    Integers(Vec<i64>),
}

impl Constant {
    /// Reads a tensor; what it holds is counted before it is copied.
    pub(super) fn read(tensor: Tensor) -> Result<Self, ImportError> {
        let Tensor { name, sides, data_type, reals, integers, raw, external, location } = tensor;
        let wrong = |what, found: String, allowed: &str| {
            let (name, allowed) = (name.clone(), allowed.to_owned());
            ImportError::Tensor { name, what, found, allowed }
        };
        if location != 0 || !external.is_empty() {
            return Err(wrong("the place", "another file".to_owned(), "values in the file itself"));
        }
        let count = value_count(&sides).ok_or_else(|| {
            wrong("the shape", format!("{sides:?}"), "at most 8 sides that fit into memory")
        })?;
        let (found, numbers) = match (data_type, raw) {
            (FLOAT, None) => (reals.len(), Numbers::Reals(reals)),
            (INT64, None) => (integers.len(), Numbers::Integers(integers)),
            (FLOAT, Some(raw)) => words(&raw, |word| f32::from_le_bytes(*word)),
            (FLOAT16, Some(raw)) => words(&raw, |word| half(u16::from_le_bytes(*word))),
            (BFLOAT16, Some(raw)) => words(&raw, |word| brain(u16::from_le_bytes(*word))),
            (INT64, Some(raw)) => {
                let (words, rest) = raw.as_chunks();
                let numbers = words.iter().map(|word| i64::from_le_bytes(*word)).collect();
                (words.len() + usize::from(!rest.is_empty()), Numbers::Integers(numbers))
            }
            (other, _) => {
                let allowed = "f32, and f16, bf16 and i64 as raw bytes";
                return Err(wrong("the type", format!("number {other}"), allowed));
            }
        };
        if found != count {
            return Err(wrong("the number of values", found.to_string(), &count.to_string()));
        }
        let sides = sides.iter().filter_map(|side| usize::try_from(*side).ok()).collect();
        Ok(Self { name, sides, numbers })
    }

    /// The values as real numbers of a given shape; `None` is any length.
    pub(super) fn reals(&self, sides: &[Option<usize>]) -> Result<&[f32], ImportError> {
        let is_fitting = self.sides.len() == sides.len()
            && self
                .sides
                .iter()
                .zip(sides)
                .all(|(found, side)| side.is_none_or(|side| side == *found));
        match &self.numbers {
            Numbers::Reals(values) if is_fitting => Ok(values),
            Numbers::Reals(_) => {
                let side =
                    |side: &Option<usize>| side.map_or("any".to_owned(), |side| side.to_string());
                let allowed: Vec<String> = sides.iter().map(side).collect();
                Err(self.wrong("the shape", format!("{:?}", self.sides), &allowed.join(" x ")))
            }
            Numbers::Integers(_) => Err(self.wrong("the type", "i64".to_owned(), "real numbers")),
        }
    }

    /// The values as integers.
    pub(super) fn integers(&self) -> Result<&[i64], ImportError> {
        match &self.numbers {
            Numbers::Integers(values) => Ok(values),
            Numbers::Reals(_) => Err(self.wrong("the type", "real".to_owned(), "i64")),
        }
    }

    /// The only value, if there is but one.
    pub(super) fn scalar(&self) -> Option<f32> {
        match &self.numbers {
            Numbers::Reals(values) if values.len() == 1 => values.first().copied(),
            Numbers::Reals(_) | Numbers::Integers(_) => None,
        }
    }

    /// Rows and columns of a matrix the other way round.
    pub(super) fn transposed(&self) -> Result<Self, ImportError> {
        let values = self.reals(&[None, None])?;
        let (rows, columns) = (self.sides[0], self.sides[1]);
        let numbers = (0..columns).flat_map(|column| (0..rows).map(move |row| (row, column)));
        let numbers = numbers.map(|(row, column)| values[row * columns + column]).collect();
        let sides = vec![columns, rows];
        Ok(Self { name: self.name.clone(), sides, numbers: Numbers::Reals(numbers) })
    }

    fn wrong(&self, what: &'static str, found: String, allowed: &str) -> ImportError {
        let (name, allowed) = (self.name.clone(), allowed.to_owned());
        ImportError::Tensor { name, what, found, allowed }
    }
}

/// The product of the sides, if there are not too many and none is negative.
fn value_count(sides: &[i64]) -> Option<usize> {
    if sides.len() > SIDES_MAX {
        return None;
    }
    let mut sides = sides.iter().map(|side| usize::try_from(*side).ok());
    sides.try_fold(1_usize, |count, side| count.checked_mul(side?))
}

fn words<const BYTES: usize>(raw: &[u8], read: impl Fn(&[u8; BYTES]) -> f32) -> (usize, Numbers) {
    let (words, rest) = raw.as_chunks::<BYTES>();
    // Bytes that are left over make one value too many.
    (words.len() + usize::from(!rest.is_empty()), Numbers::Reals(words.iter().map(read).collect()))
}

/// A half in 32 bits.
///
/// # Source
/// IEEE 754, binary16.
pub(in crate::import) fn half(bits: u16) -> f32 {
    let (sign, exponent) = (u32::from(bits >> 15) << 31, (bits >> 10) & 0x1f);
    let fraction = u32::from(bits & 0x3ff);
    let magnitude = match exponent {
        0 => (f32::from(bits & 0x3ff) * (-24_f32).exp2()).to_bits(),
        0x1f => 0x7f80_0000 | fraction << 13,
        _ => (u32::from(exponent) + 112) << 23 | fraction << 13,
    };
    f32::from_bits(sign | magnitude)
}

/// The upper half of the bits of an f32.
pub(in crate::import) fn brain(bits: u16) -> f32 {
    f32::from_bits(u32::from(bits) << 16)
}
