//! What the chain agrees on: the deterministic state transition of AI-PoT.
//!
//! The one door is [`transition::apply`] for signed calls and [`transition::tick`] for the passing of
//! blocks. Nothing here reads a clock, uses a float or depends on the order of a hash map.
#![no_std]
#![cfg_attr(
    not(test),
    deny(
        clippy::arithmetic_side_effects,
        clippy::expect_used,
        clippy::float_arithmetic,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::wildcard_enum_match_arm
    )
)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod bounded;
pub mod order;
pub mod primitives;
