//! Fills the open places of a draft with what the client's files say.

use std::fmt::Display;

use aipot_domain_runtime::order::{
    DataFile, DataFormat, DataSpecification, OrderSpecification, test_commitment,
};
use aipot_domain_runtime::primitives::{Commitment, DataRoot, Salt};

use super::error::SpecificationError;
use super::{DataDraft, OrderDraft};
use crate::dataset::{DataFacts, FileFormat};

/// What the client knows about the hidden test file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TestFacts {
    /// What the file holds.
    pub facts: DataFacts,
    /// The commitment that hides it.
    pub commitment: Commitment,
}

impl TestFacts {
    /// The facts about a test file that `salt` hides.
    pub fn new(facts: DataFacts, salt: &Salt) -> Self {
        Self { facts, commitment: test_commitment(&facts.file, salt) }
    }
}

impl OrderDraft {
    /// The order, with everything that was left open taken from the files.
    ///
    /// # Errors
    /// [`SpecificationError::Different`] when the files are not those described,
    /// [`SpecificationError::Missing`] when neither says something that the order needs.
    pub fn complete(
        &self,
        train: Option<&DataFacts>,
        test: Option<&TestFacts>,
    ) -> Result<OrderSpecification, SpecificationError> {
        Ok(OrderSpecification {
            version: self.version,
            model: self.model.clone(),
            data: self.data.complete(train, test)?,
            train: self.train.clone(),
            profile: self.profile,
            pay: self.pay.clone(),
            committee: self.committee,
            windows: self.windows,
        })
    }
}

impl DataDraft {
    fn complete(
        &self,
        train: Option<&DataFacts>,
        test: Option<&TestFacts>,
    ) -> Result<DataSpecification, SpecificationError> {
        let feature_count =
            agree("data.features", self.feature_count, train.map(|facts| facts.feature_count))?;
        let test_features = test.map(|test| test.facts.feature_count);
        agree("data.features", Some(feature_count), test_features)?;
        Ok(DataSpecification {
            train: self.train_file(train)?,
            format: self.format(train, test)?,
            train_example_count: agree(
                "data.train_examples",
                self.train_example_count,
                train.map(|facts| facts.example_count),
            )?,
            test_example_count: agree(
                "data.test_examples",
                self.test_example_count,
                test.map(|test| test.facts.example_count),
            )?,
            feature_count,
            feature_divisor: self.feature_divisor,
            class_count: self.class_count(train, test)?,
            test_commitment: agree(
                "data.test_commitment",
                self.test_commitment.map(|commitment| Hash(DataRoot(commitment.0))),
                test.map(|test| Hash(DataRoot(test.commitment.0))),
            )
            .map(|hash| Commitment(hash.0.0))?,
        })
    }

    /// Both files have one format; how lines are packed only the files say.
    fn format(
        &self,
        train: Option<&DataFacts>,
        test: Option<&TestFacts>,
    ) -> Result<DataFormat, SpecificationError> {
        let given = match self.format {
            FileFormat::Exact(format) => Some(format),
            FileFormat::Csv => None,
        };
        let found = train.map(|facts| facts.format);
        let of_test = test.map(|test| test.facts.format);
        if given.or(found).or(of_test).is_none() {
            return Err(SpecificationError::Missing { field: "the training file".to_owned() });
        }
        let Layout(format) = agree(FORMAT, given.map(Layout), found.or(of_test).map(Layout))?;
        agree(FORMAT, Some(Layout(format)), of_test.map(Layout))?;
        Ok(format)
    }

    fn train_file(&self, train: Option<&DataFacts>) -> Result<DataFile, SpecificationError> {
        let file = train.map(|facts| facts.file);
        let root = self.train_root.map(Hash);
        let Hash(root) = agree("data.train.blob", root, file.map(|file| Hash(file.root)))?;
        let byte_count =
            agree("data.train.bytes", self.train_byte_count, file.map(|file| file.byte_count))?;
        Ok(DataFile { root, byte_count })
    }

    /// A file need not hold an example of every class, but none of a class that the order lacks.
    fn class_count(
        &self,
        train: Option<&DataFacts>,
        test: Option<&TestFacts>,
    ) -> Result<u32, SpecificationError> {
        let of_test = test.map(|test| test.facts.class_count);
        let seen = train.map(|facts| facts.class_count).max(of_test);
        match (self.class_count, seen) {
            (Some(given), Some(seen)) if given < seen => {
                Err(different("data.classes", given, format!("at least {seen}")))
            }
            (Some(given), _) => Ok(given),
            (None, seen) => agree("data.classes", None, seen),
        }
    }
}

/// The key about the layout of both files.
const FORMAT: &str = "data.train.format";

/// A layout in words.
#[derive(PartialEq)]
struct Layout(DataFormat);

impl Display for Layout {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            DataFormat::Records { value_bytes } => {
                write!(formatter, "records with {value_bytes} bytes a value")
            }
            DataFormat::Tokens { value_bytes } => {
                write!(formatter, "tokens of {value_bytes} bytes")
            }
            DataFormat::Text | DataFormat::Floats => formatter.write_str(self.0.name()),
        }
    }
}

/// A hash as the specification writes it.
#[derive(PartialEq)]
struct Hash(DataRoot);

impl Display for Hash {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "blake3:{}", self.0)
    }
}

/// What both say, or what the one says that knows.
fn agree<T: PartialEq + Display>(
    field: &'static str,
    given: Option<T>,
    found: Option<T>,
) -> Result<T, SpecificationError> {
    match (given, found) {
        (Some(given), Some(found)) if given != found => Err(different(field, given, found)),
        (Some(value), _) | (None, Some(value)) => Ok(value),
        (None, None) => Err(SpecificationError::Missing { field: field.to_owned() }),
    }
}

fn different(field: &'static str, given: impl Display, found: impl Display) -> SpecificationError {
    SpecificationError::Different { field, given: given.to_string(), found: found.to_string() }
}
