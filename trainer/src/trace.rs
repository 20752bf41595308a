//! Traces of computations: run operator by operator, hash states, record, replay and dispute them.
//!
//! [`machine`] runs the operators of a program over memory with the processor's floats.

pub mod machine;
