//! Tests of readers: what is read, and for each malformed file what is refused and where.

mod arrays;
mod lines;
#[cfg(feature = "parquet")]
mod rows;
mod running;
mod written;

use std::io::Cursor;

use super::{Example, Examples, ImportError, Input};

/// A file in memory.
fn input(bytes: impl Into<Vec<u8>>) -> Input {
    Input::new("file", Cursor::new(bytes.into())).unwrap()
}

/// All examples of a file, as features and label.
fn all(mut examples: impl Examples) -> Result<Vec<(Vec<f64>, f64)>, ImportError> {
    let (mut example, mut found) = (Example::default(), Vec::new());
    while examples.read(&mut example)? {
        found.push((example.features.clone(), example.label));
    }
    Ok(found)
}

/// The sentence of a refusal.
fn refusal<T: std::fmt::Debug>(result: Result<T, ImportError>) -> String {
    result.unwrap_err().to_string()
}
