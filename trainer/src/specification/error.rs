//! Why a specification is refused.

use thiserror::Error;

use crate::dataset::synthetic::SyntheticError;

/// Why a text is no order, or why files are not those of an order.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SpecificationError {
    /// The text is too long to be read at all.
    #[error("the specification has {byte_count} bytes, allowed at most {max}")]
    TooLong {
        /// Bytes given.
        byte_count: usize,
        /// Bytes allowed.
        max: usize,
    },
    /// The text is not TOML.
    #[error("the specification is not valid TOML")]
    Toml {
        /// What the parser found, with line and column.
        source: toml::de::Error,
    },
    /// The text is not JSON.
    #[error("the specification is not valid JSON")]
    Json {
        /// What the parser found, with line and column.
        source: serde_json::Error,
    },
    /// A key that no order has.
    #[error("unknown key {field}{}", hint(*.nearest, .allowed))]
    UnknownKey {
        /// Path of the key.
        field: String,
        /// The known key that it is nearest to, when one is near.
        nearest: Option<&'static str>,
        /// All keys known at this place.
        allowed: Vec<&'static str>,
    },
    /// A value that has no default and does not come from the files either.
    #[error("{field} is missing")]
    Missing {
        /// Path of the key.
        field: String,
    },
    /// A value of another type.
    #[error("{field} is {found}, expected {expected}")]
    WrongType {
        /// Path of the key.
        field: String,
        /// What was written, in words.
        found: &'static str,
        /// What belongs there, in words.
        expected: &'static str,
    },
    /// A number outside what is allowed.
    #[error("{field} is {value}, allowed {min} to {max}")]
    OutOfRange {
        /// Path of the key.
        field: String,
        /// What was written.
        value: String,
        /// Least allowed.
        min: String,
        /// Largest allowed.
        max: String,
    },
    /// A word that stands for nothing.
    #[error("{field} is {value:?}, allowed: {}", .allowed.join(", "))]
    UnknownWord {
        /// Path of the key.
        field: String,
        /// What was written, cut short.
        value: String,
        /// The words allowed.
        allowed: Vec<&'static str>,
    },
    /// A text that is not of the wanted form.
    #[error("{field} is {value:?}, expected {expected}")]
    Malformed {
        /// Path of the key.
        field: String,
        /// What was written, cut short.
        value: String,
        /// The wanted form, in words.
        expected: &'static str,
    },
    /// Data that is to come out of a seed cannot be made.
    #[error(transparent)]
    Synthetic(#[from] SyntheticError),
    /// The specification says one thing, the files another.
    #[error("{field} is {given} in the specification, but {found} by the files")]
    Different {
        /// Path of the key.
        field: &'static str,
        /// What was written.
        given: String,
        /// What the files say.
        found: String,
    },
}

/// The end of the sentence about an unknown key.
fn hint(nearest: Option<&'static str>, allowed: &[&'static str]) -> String {
    match nearest {
        Some(nearest) => format!(", did you mean {nearest}?"),
        None => format!(", allowed: {}", allowed.join(", ")),
    }
}
