//! idx files, as MNIST has them: a magic, the sides, the values, all big-endian.
//!
//! # Source
//! `http://yann.lecun.com/exdb/mnist/`, "the IDX file format".

use super::array::{Element, Kind, SIDES_MAX};
use super::{Array, ImportError, Input, Place, Problem};

/// Opens the array of an idx file.
///
/// # Errors
/// [`ImportError`] for a wrong magic, an unknown type, sides that are none, and a file that is too short or too long.
pub fn read_idx(mut input: Input) -> Result<Array, ImportError> {
    let mut magic = [0; 4];
    input.header(&mut magic)?;
    let [0, 0, kind, side_count] = magic else {
        let expected = "00 00, the type of the values and the number of sides";
        return Err(input.error(Place::Offset(0), Problem::Magic { found: magic.into(), expected }));
    };
    let kind = match kind {
        0x08 => Kind::Unsigned8,
        0x09 => Kind::Signed8,
        0x0b => Kind::Signed16,
        0x0c => Kind::Signed32,
        0x0d => Kind::Float32,
        0x0e => Kind::Float64,
        other => {
            let found = format!("{other:#04x}");
            let allowed = "0x08 u1, 0x09 i1, 0x0b i2, 0x0c i4, 0x0d f4, 0x0e f8";
            return Err(input.error(Place::Offset(2), Problem::Element { found, allowed }));
        }
    };
    if !(1..=SIDES_MAX).contains(&usize::from(side_count)) {
        let problem = Problem::Header { found: format!("{side_count} sides"), expected: "1 to 8" };
        return Err(input.error(Place::Offset(3), problem));
    }
    let mut sides = Vec::with_capacity(usize::from(side_count));
    for _ in 0..side_count {
        let mut side = [0; 4];
        input.header(&mut side)?;
        sides.push(u64::from(u32::from_be_bytes(side)));
    }
    Array::new(input, Element { kind, is_big_endian: true }, sides, true)
}
