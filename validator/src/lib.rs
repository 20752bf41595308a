//! Revealed model in, verdict out.
//!
//! [`test_set`] decides on what models are scored, [`verdict`] scores them and compares published
//! answers. What the other side did wrong is a value here; an error says that this validator could
//! not tell, and never becomes a challenge.

pub mod test_set;
pub mod verdict;

#[cfg(test)]
mod fixtures;
