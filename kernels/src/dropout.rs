//! Dropout: values left out at random while a network learns, the others grown by as much.
//!
//! Word i of a `ChaCha8` stream belongs to value i: where the word is at least the threshold the value is
//! kept and multiplied with the factor, elsewhere +0 stands. The gradient is left out at the same places, so
//! it is the same function.
//!
//! # Source
//! Srivastava and others, "Dropout", 2014, section 4; kept values grow here while learning.

use rayon::prelude::*;

use crate::canonical::canonical;
use crate::chacha8::ChaChaStream;

/// Names the streams of dropout.
pub const DROPOUT_DOMAIN: &str = "dropout";

/// Values that one thread takes at a time, whole blocks of a keystream.
const CHUNK_VALUES: usize = 1 << 13;

/// Which values are left out, and how much the others grow.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dropout {
    /// A value whose word is below it is left out.
    pub threshold: u32,
    /// What kept values are multiplied with.
    pub factor: f32,
}

/// The stream of one layer in one step of an order.
///
/// # Units
/// `node`: the layer's place in the network; `step`: from 0.
pub fn dropout_stream(order_seed: &[u8; 32], node: u32, step: u32) -> ChaChaStream {
    ChaChaStream::derive(order_seed, DROPOUT_DOMAIN, u64::from(node) << 32 | u64::from(step))
}

/// One value with its word. The definition.
pub fn dropout_portable(dropout: Dropout, word: u32, value: f32) -> f32 {
    if word >= dropout.threshold { canonical(value * dropout.factor) } else { 0.0 }
}

/// [`dropout_portable`] of each value, in place; the first one has word `first_word` of the stream.
pub fn dropout(dropout: Dropout, stream: &ChaChaStream, first_word: u64, values: &mut [f32]) {
    values.par_chunks_mut(CHUNK_VALUES).enumerate().for_each(|(chunk, values)| {
        let before = u64::try_from(chunk * CHUNK_VALUES).unwrap_or(u64::MAX);
        let mut stream = stream.clone();
        stream.seek_words(first_word.saturating_add(before));
        for value in values {
            *value = dropout_portable(dropout, stream.next_u32(), *value);
        }
    });
}

#[cfg(test)]
mod tests;
