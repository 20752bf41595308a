//! Whole orders through the one door of the domain: lifecycles, threats, properties, golden encodings.
//!
//! Everything here uses the public interface only, as an executor does. The players of games are those of
//! the crate's own tests, which name its rooms by `crate`.

#[cfg(test)]
use aipot_domain_runtime::{bounded, chunk, dispute, primitives, program, referee, trace};

#[cfg(test)]
mod freestanding;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod lifecycle;
#[cfg(test)]
mod properties;
#[cfg(test)]
#[path = "../../src/reference.rs"]
#[expect(clippy::cast_possible_truncation, reason = "slots and files of tests are small")]
mod reference;
#[cfg(test)]
mod threats;
#[cfg(test)]
mod vectors;
