//! npz files of numpy: a zip file with one npy file for each array, plain or deflated.

use std::io::{self, BufReader, Read};

use flate2::Crc;
use flate2::read::DeflateDecoder;
use zip::{CompressionMethod, ZipArchive};

use super::npy::read_npy_stream;
use super::{Array, ImportError, Input, Place, Problem};

/// Most arrays of a file, so that its directory has a bound.
const ARRAYS_MAX: usize = 1024;

/// Opens an array of an npz file by its name.
///
/// # Errors
/// [`ImportError`] when it is no zip file, when the array is not in it or is packed in another way than by
/// deflate, and as [`super::read_npy`].
pub fn read_npz(input: Input, array: &str) -> Result<Array, ImportError> {
    let (name, reader) = input.into_parts();
    let at = |place, problem| ImportError { file: name.clone(), place, problem };
    let foreign = |source: zip::result::ZipError| {
        at(Place::Whole, Problem::Foreign { source: Box::new(source) })
    };
    let mut archive = ZipArchive::new(reader).map_err(foreign)?;
    if archive.len() > ARRAYS_MAX {
        let found = format!("{} arrays", archive.len());
        let problem = Problem::Header { found, expected: "at most 1,024 arrays" };
        return Err(at(Place::Whole, problem));
    }
    let entry_name = format!("{array}.npy");
    let Some(place) = archive.index_for_name(&entry_name) else {
        let names = archive.file_names().filter_map(Result::ok);
        let available = names.map(|name| name.trim_end_matches(".npy").to_owned()).collect();
        return Err(at(Place::Key(array.to_owned()), Problem::Missing { available }));
    };
    let entry = archive.by_index_raw(place).map_err(foreign)?;
    let (method, packed, expected) = (entry.compression(), entry.compressed_size(), entry.crc32());
    let start = entry.data_start().filter(|_| !entry.encrypted());
    drop(entry);
    let packing = |found| Problem::Header { found, expected: "stored or deflated, not encrypted" };
    let Some(start) = start else {
        return Err(at(Place::Key(array.to_owned()), packing("encrypted".to_owned())));
    };
    let mut input = Input::new(name.clone(), archive.into_inner())?;
    input.seek(start)?;
    let (name, reader) = input.renamed(array).into_parts();
    let bytes = reader.take(packed);
    let bytes: Box<dyn Read + Send> = match method {
        CompressionMethod::Stored => Box::new(bytes),
        CompressionMethod::Deflated => Box::new(DeflateDecoder::new(bytes)),
        other => {
            let problem = packing(other.to_string());
            return Err(ImportError { file: name, place: Place::Whole, problem });
        }
    };
    let checked = Checked { bytes, sum: Crc::new(), expected };
    read_npy_stream(name, Box::new(BufReader::new(checked)))
}

/// Bytes whose checksum is compared at their end.
struct Checked {
    bytes: Box<dyn Read + Send>,
    sum: Crc,
    expected: u32,
}

impl Read for Checked {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        let count = self.bytes.read(target)?;
        self.sum.update(&target[..count]);
        let (expected, found) = (self.expected, self.sum.sum());
        if count == 0 && !target.is_empty() && found != expected {
            return Err(io::Error::other(Problem::Checksum { expected, found }));
        }
        Ok(count)
    }
}
