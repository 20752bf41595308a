//! Arrays of numbers of one type, first side first: what idx, npy and safetensors files hold.

use std::fmt;
use std::io::{self, Read};

use super::{ImportError, Input, Place, Problem};

/// Most sides of an array.
pub(super) const SIDES_MAX: usize = 8;

/// Values decoded at a time.
const PIECE_VALUES: usize = 4096;

/// The types of numbers that are read.
pub(super) const ELEMENTS: &str = "u1 u2 u4 i1 i2 i4 i8 f4 f8";

/// The type of a number and the order of its bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Element {
    pub(super) kind: Kind,
    pub(super) is_big_endian: bool,
}

/// The type of a number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Unsigned8,
    Unsigned16,
    Unsigned32,
    Signed8,
    Signed16,
    Signed32,
    Signed64,
    Float32,
    Float64,
}

impl Kind {
    fn byte_count(self) -> usize {
        match self {
            Self::Unsigned8 | Self::Signed8 => 1,
            Self::Unsigned16 | Self::Signed16 => 2,
            Self::Unsigned32 | Self::Signed32 | Self::Float32 => 4,
            Self::Signed64 | Self::Float64 => 8,
        }
    }
}

impl Element {
    /// The number that little-endian bytes stand for; of eight-byte integers only those that f64 holds.
    fn value(self, little: [u8; 8]) -> Result<f64, i64> {
        let [a, b, c, d, ..] = little;
        Ok(match self.kind {
            Kind::Unsigned8 => f64::from(a),
            Kind::Unsigned16 => f64::from(u16::from_le_bytes([a, b])),
            Kind::Unsigned32 => f64::from(u32::from_le_bytes([a, b, c, d])),
            Kind::Signed8 => f64::from(i8::from_le_bytes([a])),
            Kind::Signed16 => f64::from(i16::from_le_bytes([a, b])),
            Kind::Signed32 => f64::from(i32::from_le_bytes([a, b, c, d])),
            Kind::Signed64 => return exact(i64::from_le_bytes(little)),
            Kind::Float32 => f64::from(f32::from_le_bytes([a, b, c, d])),
            Kind::Float64 => f64::from_le_bytes(little),
        })
    }
}

/// A whole number as f64, or itself when that would round it.
pub(super) fn exact(value: i64) -> Result<f64, i64> {
    const EXACT_MAX: u64 = 1 << f64::MANTISSA_DIGITS;
    #[expect(clippy::cast_precision_loss, reason = "compared with the largest exact number first")]
    if value.unsigned_abs() <= EXACT_MAX { Ok(value as f64) } else { Err(value) }
}

/// An array in a file, read value by value from its beginning.
pub struct Array {
    name: String,
    reader: Box<dyn Read + Send>,
    element: Element,
    sides: Vec<u64>,
    value_count: u64,
    read_count: u64,
    piece: Vec<u8>,
    piece_start: usize,
    data_offset: u64,
    ends_file: bool,
}

impl Array {
    /// An array whose values begin at the input's place.
    ///
    /// `ends_file` says that nothing may follow the last value.
    ///
    /// # Errors
    /// [`Problem::Sides`] for none, too many or too large sides; [`Problem::Truncated`] when the file is too short.
    pub(super) fn new(
        mut input: Input,
        element: Element,
        sides: Vec<u64>,
        ends_file: bool,
    ) -> Result<Self, ImportError> {
        let data_offset = input.position()?;
        let left = input.byte_count().saturating_sub(data_offset);
        let (name, reader) = input.into_parts();
        let mut array = Self::unsized_new(name, Box::new(reader), element, sides)?;
        let expected = array.byte_count();
        if expected > left {
            let problem = Problem::Truncated { expected, found: left };
            return Err(array.error(Place::Offset(data_offset), problem));
        }
        if ends_file && left > expected {
            let behind = data_offset.saturating_add(expected);
            return Err(array.error(Place::Offset(behind), Problem::Trailing));
        }
        (array.data_offset, array.ends_file) = (data_offset, ends_file);
        Ok(array)
    }

    /// An array out of a stream whose length nobody knows before its end.
    pub(super) fn unsized_new(
        name: String,
        reader: Box<dyn Read + Send>,
        element: Element,
        sides: Vec<u64>,
    ) -> Result<Self, ImportError> {
        let bytes = |values: u64| {
            values.checked_mul(u64::try_from(element.kind.byte_count()).unwrap_or(u64::MAX))
        };
        let value_count = sides.iter().try_fold(1_u64, |values, side| values.checked_mul(*side));
        let value_count = value_count.filter(|values| bytes(*values).is_some());
        let value_count = value_count.filter(|_| (1..=SIDES_MAX).contains(&sides.len()));
        let Some(value_count) = value_count else {
            let expected = "1 to 8 sides and less than 2^64 bytes";
            let problem = Problem::Sides { found: sides, expected };
            return Err(ImportError { file: name, place: Place::Whole, problem });
        };
        Ok(Self {
            name,
            reader,
            element,
            sides,
            value_count,
            read_count: 0,
            piece: Vec::new(),
            piece_start: 0,
            data_offset: 0,
            ends_file: true,
        })
    }

    /// What errors call the array.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The sides, the slowest first.
    pub fn sides(&self) -> &[u64] {
        &self.sides
    }

    /// How many values there are.
    pub fn value_count(&self) -> u64 {
        self.value_count
    }

    /// How many values were read.
    pub fn read_count(&self) -> u64 {
        self.read_count
    }

    /// The next value; `None` behind the last one.
    ///
    /// # Errors
    /// [`ImportError`] with the offset.
    pub fn read(&mut self) -> Result<Option<f64>, ImportError> {
        if self.read_count == self.value_count {
            return Ok(None);
        }
        let width = self.element.kind.byte_count();
        if self.piece_start == self.piece.len() {
            self.read_piece(width)?;
        }
        let mut little = [0; 8];
        let bytes = &self.piece[self.piece_start..][..width];
        little[..width].copy_from_slice(bytes);
        if self.element.is_big_endian {
            little[..width].reverse();
        }
        let value = self.element.value(little).map_err(|value| {
            let found = value.to_string();
            let expected = "whole numbers from -2^53 to 2^53";
            self.error(Place::Offset(self.offset()), Problem::Header { found, expected })
        })?;
        self.piece_start += width;
        self.read_count += 1;
        Ok(Some(value))
    }

    /// Checks that a stream ends where its array does, which also checks its checksum.
    pub(super) fn finish(&mut self) -> Result<(), ImportError> {
        if !self.ends_file {
            return Ok(());
        }
        let mut behind = [0; 1];
        match self.reader.read(&mut behind) {
            Ok(0) => Ok(()),
            Ok(_) => Err(self.error(Place::Offset(self.offset()), Problem::Trailing)),
            Err(source) => Err(self.error(Place::Offset(self.offset()), problem_of(source))),
        }
    }

    pub(super) fn error(&self, place: Place, problem: Problem) -> ImportError {
        ImportError { file: self.name.clone(), place, problem }
    }

    fn byte_count(&self) -> u64 {
        let width = u64::try_from(self.element.kind.byte_count()).unwrap_or(u64::MAX);
        self.value_count.saturating_mul(width)
    }

    /// Where the next value lies; within the array where it is packed in a larger file.
    fn offset(&self) -> u64 {
        let width = u64::try_from(self.element.kind.byte_count()).unwrap_or(u64::MAX);
        self.data_offset.saturating_add(self.read_count.saturating_mul(width))
    }

    fn read_piece(&mut self, width: usize) -> Result<(), ImportError> {
        let left = self.value_count - self.read_count;
        let values = usize::try_from(left).unwrap_or(usize::MAX).min(PIECE_VALUES);
        self.piece.resize(values * width, 0);
        self.piece_start = 0;
        let mut filled = 0;
        while filled < self.piece.len() {
            match self.reader.read(&mut self.piece[filled..]) {
                Ok(0) => {
                    let found = u64::try_from(filled).unwrap_or(u64::MAX);
                    let found =
                        self.offset().saturating_sub(self.data_offset).saturating_add(found);
                    let problem = Problem::Truncated { expected: self.byte_count(), found };
                    return Err(self.error(Place::Offset(self.data_offset), problem));
                }
                Ok(count) => filled += count,
                Err(source) if source.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => {
                    return Err(self.error(Place::Offset(self.offset()), problem_of(source)));
                }
            }
        }
        Ok(())
    }
}

/// A problem that a reader beneath wrapped, or one of the disk.
fn problem_of(source: io::Error) -> Problem {
    match source.downcast::<Problem>() {
        Ok(problem) => problem,
        Err(source) => Problem::Read { source },
    }
}

impl fmt::Debug for Array {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("Array");
        shown.field("name", &self.name).field("sides", &self.sides).finish_non_exhaustive()
    }
}
