//! Lines of comma-separated whole numbers, the label last; `\n` or `\r\n` at the end of a line.

use aipot_domain_runtime::order::check::WIDTH_MAX;

use super::{DatasetError, FEATURE_MAX};

/// Longest number that is read: a sign and more digits than any allowed value has.
const NUMBER_BYTES_MAX: usize = 12;

/// Longest piece of a wrong value that is repeated in an error.
const QUOTED_BYTES_MAX: usize = 32;

/// What the lines must look like.
pub(super) struct Expected {
    /// Features of a line; `None`: as many as in the first line.
    pub(super) feature_count: Option<usize>,
    /// Features are divided by this.
    pub(super) feature_divisor: u32,
    /// Labels are below this.
    pub(super) class_count: u32,
    /// Reading stops with an error behind so many lines.
    pub(super) example_count_max: u32,
}

/// The examples of a file.
pub(super) struct Rows {
    /// `[example, feature]`.
    pub(super) features: Vec<f32>,
    /// `[example]`.
    pub(super) labels: Vec<u32>,
    /// Features of each example.
    pub(super) feature_count: usize,
}

/// The lines of a file, without their ends; an end behind the last line opens no further line.
pub(super) fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let body = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let is_empty = body.is_empty();
    let lines = body.split(|byte| *byte == b'\n').filter(move |_| !is_empty);
    lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line))
}

/// Reads all lines.
///
/// # Errors
/// [`DatasetError`] with line and column of the first thing that is not as expected.
pub(super) fn read(bytes: &[u8], expected: &Expected) -> Result<Rows, DatasetError> {
    let first_columns = || lines(bytes).next().map_or(1, |line| columns(line).count());
    let feature_count = expected.feature_count.unwrap_or_else(|| first_columns().saturating_sub(1));
    check_width(feature_count)?;
    let mut rows = Rows { features: Vec::new(), labels: Vec::new(), feature_count };
    for (line, text) in (1_u64..).zip(lines(bytes)) {
        if line > u64::from(expected.example_count_max) {
            return Err(DatasetError::WrongExampleCount {
                expected: expected.example_count_max,
                found: expected.example_count_max.saturating_add(1),
            });
        }
        read_line(line, text, expected, &mut rows)?;
    }
    Ok(rows)
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

fn read_line(
    line: u64,
    text: &[u8],
    expected: &Expected,
    rows: &mut Rows,
) -> Result<(), DatasetError> {
    let column_count = rows.feature_count.saturating_add(1);
    let found = columns(text).count();
    if found != column_count {
        return Err(DatasetError::WrongColumnCount { line, expected: column_count, found });
    }
    for (column, text) in (1_usize..).zip(columns(text)) {
        if column == column_count {
            let max = expected.class_count.saturating_sub(1);
            let label = Field { line, column, text }.number(0, i64::from(max))?;
            rows.labels.push(u32::try_from(label).unwrap_or(max));
        } else {
            let max = i64::from(FEATURE_MAX);
            let value = Field { line, column, text }.number(-max, max)?;
            rows.features.push(scaled(value, expected.feature_divisor));
        }
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
    fn number(&self, min: i64, max: i64) -> Result<i64, DatasetError> {
        let (line, column) = (self.line, self.column);
        let is_short = self.text.len() <= NUMBER_BYTES_MAX && !self.text.starts_with(b"+");
        let text = std::str::from_utf8(self.text).ok().filter(|_| is_short);
        let Some(value) = text.and_then(|text| text.parse::<i64>().ok()) else {
            let quoted = &self.text[..self.text.len().min(QUOTED_BYTES_MAX)];
            let text = String::from_utf8_lossy(quoted).into_owned();
            return Err(DatasetError::NotANumber { line, column, text });
        };
        if value < min || value > max {
            return Err(DatasetError::OutOfRange { line, column, value, min, max });
        }
        Ok(value)
    }
}

/// A feature as training sees it: one correctly rounded division.
#[expect(
    clippy::cast_precision_loss,
    reason = "features and divisors are at most 2^24, which f32 holds exactly"
)]
fn scaled(value: i64, divisor: u32) -> f32 {
    value as f32 / divisor as f32
}
