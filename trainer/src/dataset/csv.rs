//! Lines of comma-separated whole numbers, the label last; `\n` or `\r\n` at the end of a line.
//!
//! This is how people write data. On the chain lie the records that are packed from it.

use aipot_domain_runtime::order::check::{EXAMPLES_MAX, WIDTH_MAX};

use super::records::LABEL_MAX;
use super::{DatasetError, FEATURE_MAX};

/// Longest number that is read: a sign and more digits than any allowed value has.
const NUMBER_BYTES_MAX: usize = 12;

/// Longest piece of a wrong value that is repeated in an error.
const QUOTED_BYTES_MAX: usize = 32;

/// Bytes at the beginning of a file by which lines of numbers are told from records.
const LIKELY_BYTES: usize = 64;

/// The numbers of a file.
pub(super) struct Table {
    /// Line by line the features, then the label.
    pub(super) values: Vec<u32>,
    /// Features of each line.
    pub(super) feature_count: usize,
    /// The largest of all values.
    pub(super) largest: u32,
}

/// The lines of a file, without their ends; an end behind the last line opens no further line.
pub(super) fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let body = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let is_empty = body.is_empty();
    let lines = body.split(|byte| *byte == b'\n').filter(move |_| !is_empty);
    lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line))
}

/// Whether a file begins as lines of numbers do, so that an error in a line says more than one in a record.
pub(super) fn is_likely(bytes: &[u8]) -> bool {
    let is_expected = |byte: &u8| byte.is_ascii_graphic() || b" \r\n".contains(byte);
    bytes.contains(&b',') && bytes.iter().take(LIKELY_BYTES).all(is_expected)
}

/// Reads all lines; `None` features are as many as in the first line.
///
/// # Errors
/// [`DatasetError`] with line and column of the first thing that is not as expected.
pub(super) fn read(bytes: &[u8], feature_count: Option<usize>) -> Result<Table, DatasetError> {
    let first_columns = || lines(bytes).next().map_or(1, |line| columns(line).count());
    let feature_count = feature_count.unwrap_or_else(|| first_columns().saturating_sub(1));
    check_width(feature_count)?;
    let mut table = Table { values: Vec::new(), feature_count, largest: 0 };
    for (line, text) in (1_u64..).zip(lines(bytes)) {
        if line > u64::from(EXAMPLES_MAX) {
            let found = EXAMPLES_MAX.saturating_add(1);
            return Err(DatasetError::WrongExampleCount { expected: EXAMPLES_MAX, found });
        }
        read_line(line, text, &mut table)?;
    }
    Ok(table)
}

fn check_width(feature_count: usize) -> Result<(), DatasetError> {
    let max = usize::try_from(WIDTH_MAX).unwrap_or(usize::MAX);
    if feature_count == 0 || feature_count > max {
        let (expected, found) = (max.saturating_add(1), feature_count.saturating_add(1));
        let expected = if feature_count == 0 { 2 } else { expected };
        return Err(DatasetError::WrongColumnCount { line: 1, expected, found });
    }
    Ok(())
}

fn read_line(line: u64, text: &[u8], table: &mut Table) -> Result<(), DatasetError> {
    let column_count = table.feature_count.saturating_add(1);
    let found = columns(text).count();
    if found != column_count {
        return Err(DatasetError::WrongColumnCount { line, expected: column_count, found });
    }
    for (column, text) in (1_usize..).zip(columns(text)) {
        let max = if column == column_count { LABEL_MAX } else { FEATURE_MAX };
        let value = Field { line, column, text }.number(max)?;
        table.largest = table.largest.max(value);
        table.values.push(value);
    }
    Ok(())
}

fn columns(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|byte| *byte == b',')
}

/// One value and its place.
struct Field<'text> {
    line: u64,
    column: usize,
    text: &'text [u8],
}

impl Field<'_> {
    fn number(&self, max: u32) -> Result<u32, DatasetError> {
        let (line, column) = (self.line, self.column);
        let is_short = self.text.len() <= NUMBER_BYTES_MAX && !self.text.starts_with(b"+");
        let text = std::str::from_utf8(self.text).ok().filter(|_| is_short);
        let Some(value) = text.and_then(|text| text.parse::<i64>().ok()) else {
            let quoted = &self.text[..self.text.len().min(QUOTED_BYTES_MAX)];
            let text = String::from_utf8_lossy(quoted).into_owned();
            return Err(DatasetError::NotANumber { line, column, text });
        };
        let inside = u32::try_from(value).ok().filter(|value| *value <= max);
        let (min, max) = (0, i64::from(max));
        inside.ok_or(DatasetError::OutOfRange { line, column, value, min, max })
    }
}
