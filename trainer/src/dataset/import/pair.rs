//! Examples out of two arrays: features, the first side counting the examples, and one label for each.

use aipot_domain_runtime::order::check::WIDTH_MAX;

use super::{Array, Example, Examples, ImportError, Place, Problem};

/// Features and labels that belong together.
#[derive(Debug)]
pub struct Pair {
    features: Array,
    labels: Array,
    width: usize,
    example_count: u64,
    read_count: u64,
}

impl Pair {
    /// Checks that the arrays belong together.
    ///
    /// # Errors
    /// [`Problem::Count`] when they are of different lengths, [`Problem::Sides`] when labels have more than one
    /// side or features are none or too many.
    pub fn new(features: Array, labels: Array) -> Result<Self, ImportError> {
        let sides = |array: &Array, expected| {
            array.error(Place::Whole, Problem::Sides { found: array.sides().to_vec(), expected })
        };
        // Labels are often stored as a column.
        let label_count = match labels.sides() {
            [count] | [count, 1] => *count,
            _ => return Err(sides(&labels, "one side, for each example a label")),
        };
        let (example_count, rest) = match features.sides() {
            [count, rest @ ..] => (*count, rest),
            [] => (0, [].as_slice()),
        };
        if example_count != label_count {
            let problem = Problem::Count { features: example_count, labels: label_count };
            let file = format!("{} and {}", features.name(), labels.name());
            return Err(ImportError { file, place: Place::Whole, problem });
        }
        let width = rest.iter().try_fold(1_u64, |width, side| width.checked_mul(*side));
        let width = width.filter(|width| (1..=WIDTH_MAX).contains(width));
        let Some(width) = width.and_then(|width| usize::try_from(width).ok()) else {
            return Err(sides(&features, "behind the examples 1 to 65,536 features"));
        };
        Ok(Self { features, labels, width, example_count, read_count: 0 })
    }
}

impl Examples for Pair {
    fn name(&self) -> &str {
        self.features.name()
    }

    fn progress(&self) -> (u64, u64) {
        (self.features.read_count(), self.features.value_count())
    }

    fn read(&mut self, example: &mut Example) -> Result<bool, ImportError> {
        if self.read_count == self.example_count {
            self.features.finish()?;
            self.labels.finish()?;
            return Ok(false);
        }
        self.read_count += 1;
        example.text.clear();
        example.features.clear();
        for _ in 0..self.width {
            let value = self.features.read()?;
            example.features.extend(value);
        }
        // Both arrays have as many values as their sides say, so a label is there.
        example.label = self.labels.read()?.unwrap_or(f64::NAN);
        Ok(true)
    }
}
