//! Whole orders through the one door of the domain: lifecycles, threats, properties, golden encodings.
//!
//! Everything here uses the public interface only, as an executor does.

#[cfg(test)]
mod freestanding;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod lifecycle;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod threats;
#[cfg(test)]
mod vectors;
