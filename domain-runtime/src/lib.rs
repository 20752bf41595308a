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
#![expect(clippy::cast_possible_truncation, reason = "SCALE derives cast the index of a variant")]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod account;
pub mod agenda;
pub mod batch_order;
pub mod bounded;
pub mod call;
pub mod chacha8;
pub mod challenge;
pub mod chunk;
pub mod claim;
pub mod dispute;
pub mod evaluation;
pub mod event;
pub mod float;
pub mod genesis;
pub mod operator;
pub mod order;
pub mod outcome;
pub mod payment;
pub mod primitives;
pub mod program;
pub mod progress;
pub mod referee;
#[cfg(test)]
pub(crate) mod reference;
pub mod refusal;
pub mod reveal;
pub mod selection;
pub mod state;
pub mod submission;
pub mod trace;
pub mod transition;
pub mod window;
