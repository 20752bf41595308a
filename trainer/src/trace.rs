//! Traces of computations: run operator by operator, hash states, record, replay and dispute them.
//!
//! [`machine`] runs the operators of a program over memory with the processor's floats, [`state`] hashes
//! what it leaves, [`recorder`] keeps what a claim commits to, [`replay`] computes
//! any state of a run again, [`prover`] plays a side of a dispute and opens the last [`leaf`], [`play`] has
//! both sides play, and [`mod@file`] is a run on its way between machines.

pub mod file;
#[cfg(test)]
pub(crate) mod fixtures;
pub mod leaf;
pub mod machine;
pub mod play;
pub mod prover;
pub mod recorder;
pub mod replay;
pub mod state;

#[cfg(test)]
mod tests;
