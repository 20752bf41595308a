//! What a file on the disk holds, found piece by piece in one pass.

use std::io::{BufReader, Read};

use aipot_domain_runtime::order::check::{DATA_BYTES_MAX, EXAMPLES_MAX};
use aipot_domain_runtime::order::layout::TEXT_CLASSES;
use aipot_domain_runtime::order::{DataFile, DataFormat};
use aipot_domain_runtime::primitives::DataRoot;

use super::super::import::Seekable;
use super::super::prepare::check_feature_count;
use super::super::records::{Form, Kind, LABEL_MAX};
use super::super::{DataFacts, DatasetError, text};
use super::StreamError;

/// Bytes looked at at a time, or one example where that is more.
const PIECE_BYTES: usize = 1 << 20;

/// Says of a file on the disk what [`super::super::survey`] says of one in memory.
///
/// # Errors
/// [`StreamError::File`] when it is not of the format or larger than any order allows, [`StreamError::Read`]
/// when the disk fails.
pub fn survey_disk(
    mut file: impl Seekable,
    format: DataFormat,
    feature_count: u32,
) -> Result<DataFacts, StreamError> {
    file.rewind().map_err(|source| StreamError::Read { offset: 0, source })?;
    let width = check_feature_count(feature_count).map_err(of_file)?;
    let value_bytes = value_bytes(format);
    let unit = if format.is_running() { value_bytes } else { (width + 1) * value_bytes };
    let piece_bytes = (PIECE_BYTES / unit).max(1) * unit;
    let (mut reader, mut hasher) = (BufReader::new(file), blake3::Hasher::new());
    let (mut piece, mut offset, mut largest) = (Vec::new(), 0_u64, 0);
    loop {
        piece.clear();
        let max = u64::try_from(piece_bytes).unwrap_or(u64::MAX);
        let read = reader.by_ref().take(max).read_to_end(&mut piece);
        read.map_err(|source| StreamError::Read { offset, source })?;
        if piece.is_empty() {
            break;
        }
        hasher.update_rayon(&piece);
        largest = largest.max(survey_piece(&piece, (format, width), offset)?);
        offset = offset.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
        if offset > DATA_BYTES_MAX {
            return Err(of_file(DatasetError::TooLarge { found: offset, max: DATA_BYTES_MAX }));
        }
    }
    let class_count =
        if format == DataFormat::Text { TEXT_CLASSES } else { largest.saturating_add(1) };
    let file = DataFile { root: DataRoot(*hasher.finalize().as_bytes()), byte_count: offset };
    let example_count = example_count(offset, (value_bytes, width), format)?;
    Ok(DataFacts { file, format, example_count, feature_count, class_count })
}

/// The largest label or token of a piece of whole examples or tokens.
fn survey_piece(
    piece: &[u8],
    (format, width): (DataFormat, usize),
    before: u64,
) -> Result<u32, StreamError> {
    match format {
        DataFormat::Records { .. } | DataFormat::Floats => {
            let form = Form { kind: Kind::of(format), feature_count: width, label_max: LABEL_MAX };
            let found = form.survey(piece).map_err(|source| of_file(moved(source, before)));
            found.map(|(_, label_max)| label_max)
        }
        DataFormat::Text => Ok(0),
        DataFormat::Tokens { value_bytes } => Ok(text::largest(piece, value_bytes)),
    }
}

/// An error in a piece as one in the file.
fn moved(error: DatasetError, before: u64) -> DatasetError {
    match error {
        DatasetError::ValueTooLarge { offset, value, max } => {
            DatasetError::ValueTooLarge { offset: offset.saturating_add(before), value, max }
        }
        DatasetError::PartialRecord { found, record_bytes } => {
            DatasetError::PartialRecord { found: found.saturating_add(before), record_bytes }
        }
        DatasetError::NotFinite { offset } => {
            DatasetError::NotFinite { offset: offset.saturating_add(before) }
        }
        other => other,
    }
}

fn example_count(
    byte_count: u64,
    (value_bytes, width): (usize, usize),
    format: DataFormat,
) -> Result<u32, StreamError> {
    let size = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    let values = byte_count / size(value_bytes);
    let examples = if format.is_running() {
        values.saturating_sub(1) / size(width)
    } else {
        values / size(width).saturating_add(1)
    };
    let found = u32::try_from(examples).unwrap_or(u32::MAX);
    let expected = found.clamp(1, EXAMPLES_MAX);
    if found == expected {
        Ok(found)
    } else {
        Err(of_file(DatasetError::WrongExampleCount { expected, found }))
    }
}

fn value_bytes(format: DataFormat) -> usize {
    match format {
        DataFormat::Records { value_bytes } | DataFormat::Tokens { value_bytes } => {
            usize::from(value_bytes).max(1)
        }
        DataFormat::Text => 1,
        DataFormat::Floats => 4,
    }
}

fn of_file(source: DatasetError) -> StreamError {
    StreamError::File { source }
}
