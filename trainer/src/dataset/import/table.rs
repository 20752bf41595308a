//! Lines of comma-separated numbers, decimals too, with the label as last or first column.

use super::array::exact;
use super::error::quoted;
use super::lines::Lines;
use super::{Example, Examples, ImportError, Input, Place, Problem};

/// Longest number that is read.
const NUMBER_BYTES_MAX: usize = 64;

/// A file of numbers in lines.
#[derive(Debug)]
pub struct Table {
    lines: Lines,
    is_label_first: bool,
    column_count: Option<u64>,
    values: Vec<f64>,
}

impl Table {
    /// A table that begins behind a line of titles when it `has_titles`.
    ///
    /// # Errors
    /// [`ImportError`] when the titles cannot be read.
    pub fn new(input: Input, has_titles: bool, is_label_first: bool) -> Result<Self, ImportError> {
        let mut lines = Lines::new(input);
        if has_titles {
            lines.advance()?;
        }
        Ok(Self { lines, is_label_first, column_count: None, values: Vec::new() })
    }
}

impl Examples for Table {
    fn name(&self) -> &str {
        self.lines.name()
    }

    fn progress(&self) -> (u64, u64) {
        self.lines.progress()
    }

    fn read(&mut self, example: &mut Example) -> Result<bool, ImportError> {
        if !self.lines.advance()? {
            return Ok(false);
        }
        let line = self.lines.number();
        self.values.clear();
        for (column, text) in (1_u64..).zip(self.lines.line().split(|byte| *byte == b',')) {
            let value = number(text).map_err(|text| {
                self.lines.error(Place::Column { line, column }, Problem::NotANumber { text })
            })?;
            self.values.push(value);
        }
        let found = u64::try_from(self.values.len()).unwrap_or(u64::MAX);
        let expected = *self.column_count.get_or_insert(found);
        if found != expected {
            let (found, expected) = (found.saturating_sub(1), expected.saturating_sub(1));
            let problem = Problem::FeatureCount { found, expected };
            return Err(self.lines.error(Place::Line(line), problem));
        }
        example.text.clear();
        example.features.clear();
        // A split has at least one part.
        let (label, features) = if self.is_label_first {
            (self.values.first(), self.values.get(1..))
        } else {
            (self.values.last(), self.values.get(..self.values.len().saturating_sub(1)))
        };
        example.label = label.copied().unwrap_or(f64::NAN);
        example.features.extend_from_slice(features.unwrap_or_default());
        Ok(true)
    }
}

/// A whole number as it is, a decimal as the nearest f32; what stands there when it is neither.
fn number(text: &[u8]) -> Result<f64, String> {
    let text = text.trim_ascii();
    let number = std::str::from_utf8(text).ok().filter(|text| text.len() <= NUMBER_BYTES_MAX);
    let number = number.and_then(|text| {
        let whole = text.parse().ok().and_then(|value: i64| exact(value).ok());
        whole.or_else(|| text.parse().ok().map(|value: f32| f64::from(value)))
    });
    number.ok_or_else(|| quoted(text))
}
