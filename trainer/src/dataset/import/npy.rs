//! npy files of numpy, versions 1 to 3: a magic, a header that reads as a Python dictionary, the values.
//!
//! # Source
//! `https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html`

use std::io::Read;

use super::array::{ELEMENTS, Element, Kind, SIDES_MAX};
use super::error::quoted;
use super::{Array, ImportError, Input, Place, Problem};

/// Longest header that is read; numpy itself refuses more than 10,000 bytes.
const HEADER_BYTES_MAX: u64 = 10_000;

/// How every npy file begins.
const MAGIC: &[u8; 6] = b"\x93NUMPY";

/// Opens the array of an npy file.
///
/// # Errors
/// [`ImportError`] for another magic or version, a header that is none, values of another type, values with the
/// first side running fastest, and a file that is too short or too long.
pub fn read_npy(input: Input) -> Result<Array, ImportError> {
    let mut input = input;
    let mut read = |bytes: &mut [u8]| input.header(bytes);
    let header = read_header(&mut read).map_err(|error| match error {
        HeaderError::Input(error) => error,
        HeaderError::Problem(place, problem) => input.error(place, problem),
    })?;
    Array::new(input, header.element, header.sides, true)
}

/// Opens an npy array that comes out of a stream.
pub(super) fn read_npy_stream(
    name: String,
    mut reader: Box<dyn Read + Send>,
) -> Result<Array, ImportError> {
    let mut read = |bytes: &mut [u8]| {
        reader.read_exact(bytes).map_err(|source| ImportError {
            file: name.clone(),
            place: Place::Key("header".to_owned()),
            problem: Problem::Read { source },
        })
    };
    let header = read_header(&mut read).map_err(|error| match error {
        HeaderError::Input(error) => error,
        HeaderError::Problem(place, problem) => ImportError { file: name.clone(), place, problem },
    })?;
    Array::unsized_new(name, reader, header.element, header.sides)
}

/// What a header says.
struct Header {
    element: Element,
    sides: Vec<u64>,
}

enum HeaderError {
    Input(ImportError),
    Problem(Place, Problem),
}

impl From<ImportError> for HeaderError {
    fn from(error: ImportError) -> Self {
        Self::Input(error)
    }
}

fn read_header(
    read: &mut dyn FnMut(&mut [u8]) -> Result<(), ImportError>,
) -> Result<Header, HeaderError> {
    let mut start = [0; 8];
    read(&mut start)?;
    let [magic @ .., version, _] = start;
    if magic != *MAGIC {
        let problem = Problem::Magic { found: magic.into(), expected: "93 and NUMPY" };
        return Err(HeaderError::Problem(Place::Offset(0), problem));
    }
    let length = match version {
        1 => {
            let mut length = [0; 2];
            read(&mut length)?;
            u64::from(u16::from_le_bytes(length))
        }
        2 | 3 => {
            let mut length = [0; 4];
            read(&mut length)?;
            u64::from(u32::from_le_bytes(length))
        }
        other => {
            let problem =
                Problem::Header { found: format!("version {other}"), expected: "1, 2 or 3" };
            return Err(HeaderError::Problem(Place::Offset(6), problem));
        }
    };
    if length > HEADER_BYTES_MAX {
        let problem = Problem::TooLong { found: length, max: HEADER_BYTES_MAX };
        return Err(HeaderError::Problem(Place::Key("header".to_owned()), problem));
    }
    let mut text = vec![0; usize::try_from(length).unwrap_or_default()];
    read(&mut text)?;
    parse(&text).map_err(|(key, problem)| HeaderError::Problem(Place::Key(key.to_owned()), problem))
}

/// Reads `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`, in any order of the keys.
fn parse(text: &[u8]) -> Result<Header, (&'static str, Problem)> {
    let wrong = |expected| ("header", Problem::Header { found: quoted(text), expected });
    let text = std::str::from_utf8(text).map_err(|_| ("header", Problem::NotUtf8))?;
    let body = text.trim().strip_prefix('{').and_then(|text| text.strip_suffix('}'));
    let mut rest = body.ok_or(wrong("a dictionary in braces"))?.trim();
    let (mut element, mut is_fortran, mut sides) = (None, None, None);
    while !rest.is_empty() {
        let (key, behind) = string(rest).ok_or(wrong("a quoted key"))?;
        let behind =
            behind.trim_start().strip_prefix(':').ok_or(wrong("a colon behind each key"))?;
        let behind = behind.trim_start();
        let behind = match key {
            "descr" => {
                let (found, behind) = string(behind).ok_or(("descr", structured(behind)))?;
                element = Some(parse_element(found).map_err(|problem| ("descr", problem))?);
                behind
            }
            "fortran_order" => {
                let (value, behind) = boolean(behind).ok_or(wrong("True or False"))?;
                is_fortran = Some(value);
                behind
            }
            "shape" => {
                let (value, behind) = parse_sides(behind)?;
                sides = Some(value);
                behind
            }
            other => {
                let found = format!("key {:?}", quoted(other.as_bytes()));
                let expected = "the keys descr, fortran_order and shape";
                return Err(("header", Problem::Header { found, expected }));
            }
        };
        let behind = behind.trim_start();
        rest = match behind.strip_prefix(',') {
            Some(next) => next.trim_start(),
            None if behind.is_empty() => behind,
            None => return Err(wrong("a comma between the keys")),
        };
    }
    if is_fortran.ok_or(("fortran_order", absent()))? {
        let found = "True".to_owned();
        let expected = "False, which numpy.ascontiguousarray makes";
        return Err(("fortran_order", Problem::Header { found, expected }));
    }
    let element = element.ok_or(("descr", absent()))?;
    Ok(Header { element, sides: sides.ok_or(("shape", absent()))? })
}

fn absent() -> Problem {
    Problem::Missing { available: Vec::new() }
}

fn structured(text: &str) -> Problem {
    Problem::Element { found: quoted(text.as_bytes()), allowed: ELEMENTS }
}

/// A text in quotes and what stands behind it.
fn string(text: &str) -> Option<(&str, &str)> {
    let quote = text.chars().next().filter(|quote| ['\'', '"'].contains(quote))?;
    text[1..].split_once(quote)
}

fn boolean(text: &str) -> Option<(bool, &str)> {
    let no = text.strip_prefix("False").map(|behind| (false, behind));
    no.or_else(|| text.strip_prefix("True").map(|behind| (true, behind)))
}

fn parse_sides(text: &str) -> Result<(Vec<u64>, &str), (&'static str, Problem)> {
    let wrong = || {
        let found = quoted(text.as_bytes());
        ("shape", Problem::Header { found, expected: "1 to 8 whole numbers in brackets" })
    };
    let inside = text.strip_prefix('(').and_then(|text| text.split_once(')'));
    let (inside, behind) = inside.ok_or_else(wrong)?;
    let parts = inside.split(',').map(str::trim).filter(|part| !part.is_empty());
    let sides: Result<Vec<u64>, _> = parts.map(str::parse).collect();
    let sides = sides.map_err(|_| wrong())?;
    if (1..=SIDES_MAX).contains(&sides.len()) { Ok((sides, behind)) } else { Err(wrong()) }
}

fn parse_element(text: &str) -> Result<Element, Problem> {
    let unknown = || Problem::Element { found: text.to_owned(), allowed: ELEMENTS };
    let (order, name) = text.split_at_checked(1).ok_or_else(unknown)?;
    let kind = match name {
        "u1" => Kind::Unsigned8,
        "u2" => Kind::Unsigned16,
        "u4" => Kind::Unsigned32,
        "i1" => Kind::Signed8,
        "i2" => Kind::Signed16,
        "i4" => Kind::Signed32,
        "i8" => Kind::Signed64,
        "f4" => Kind::Float32,
        "f8" => Kind::Float64,
        _ => return Err(unknown()),
    };
    let is_byte = matches!(kind, Kind::Unsigned8 | Kind::Signed8);
    match order {
        "<" => Ok(Element { kind, is_big_endian: false }),
        ">" => Ok(Element { kind, is_big_endian: true }),
        "|" if is_byte => Ok(Element { kind, is_big_endian: false }),
        _ => Err(unknown()),
    }
}
