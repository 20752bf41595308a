//! The files of an order whose data comes out of a seed.

use super::{DataDraft, DataSource, SpecificationError};
use crate::dataset::FileFormat;
use crate::dataset::synthetic::{Part, SyntheticShape, synthetic_file};

impl DataDraft {
    /// The bytes of a file that comes out of a seed; `None` when the client brings the files.
    ///
    /// # Errors
    /// [`SpecificationError::Missing`] without counts, [`SpecificationError::Synthetic`] for a shape that
    /// cannot be made.
    pub fn synthetic(&self, part: Part) -> Result<Option<Vec<u8>>, SpecificationError> {
        let (DataSource::Synthetic { seed }, FileFormat::Exact(format)) =
            (&self.source, self.format)
        else {
            return Ok(None);
        };
        let shape = SyntheticShape {
            format,
            feature_count: given("data.features", self.feature_count)?,
            class_count: given("data.classes", self.class_count)?,
        };
        let example_count = match part {
            Part::Train => given("data.train_examples", self.train_example_count)?,
            Part::Test => given("data.test_examples", self.test_example_count)?,
        };
        Ok(Some(synthetic_file(&shape, *seed, part, example_count)?))
    }
}

fn given(field: &str, value: Option<u32>) -> Result<u32, SpecificationError> {
    value.ok_or_else(|| SpecificationError::Missing { field: field.to_owned() })
}
