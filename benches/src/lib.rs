//! What the benchmarks share.

mod world;

pub use world::{PlainStore, World, at, order};
