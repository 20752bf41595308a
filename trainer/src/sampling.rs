//! What a model of running text says next: tokens drawn one after the other.

use aipot_domain_runtime::order::OrderSpecification;
use aipot_kernels::chacha8::ChaChaStream;
use aipot_kernels::softmax::softmax;
use thiserror::Error;

use crate::batch_order::seed_bytes;
use crate::engine::{Batch, EngineError, Network};

/// Names the stream that draws.
const SAMPLE_DOMAIN: &str = "sample";
/// Values of a word.
const WORDS: f64 = 4_294_967_296.0;

/// Why nothing is said.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SamplingError {
    /// The model classifies examples.
    #[error(
        "the data of the order is {found}, only models of running text or tokens go on with a text"
    )]
    NotRunning {
        /// The format of the order's data.
        found: &'static str,
    },
    /// There is nothing to go on with.
    #[error("the beginning is empty, it needs at least one token")]
    Empty,
    /// The beginning has a token that the model does not know.
    #[error("token {place} of the beginning is {token}, allowed 0 to {max}")]
    Token {
        /// Its place, from 0.
        place: usize,
        /// The token.
        token: u32,
        /// The largest that there is.
        max: u32,
    },
    /// A temperature that none has.
    #[error("the temperature is {value}, allowed are finite numbers from 0 on")]
    Temperature {
        /// What was given.
        value: f32,
    },
    /// The network cannot be computed.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// How tokens are drawn.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Drawing {
    /// Logits are divided by it; 0 takes the most probable token.
    pub temperature: f32,
    /// The same seed draws the same tokens.
    pub seed: u64,
}

/// Goes on with a text for `count` tokens.
///
/// # Errors
/// [`SamplingError`] when model, beginning and temperature do not fit.
pub fn sample(
    specification: &OrderSpecification,
    weights: &[Vec<f32>],
    beginning: &[u32],
    (count, drawing): (usize, Drawing),
) -> Result<Vec<u32>, SamplingError> {
    let data = &specification.data;
    if !data.format.is_running() {
        return Err(SamplingError::NotRunning { found: data.format.name() });
    }
    let max = data.class_count.saturating_sub(1);
    let wrong = beginning.iter().position(|token| *token > max);
    if let Some((place, token)) = wrong.and_then(|place| Some((place, *beginning.get(place)?))) {
        return Err(SamplingError::Token { place, token, max });
    }
    if beginning.is_empty() {
        return Err(SamplingError::Empty);
    }
    let value = drawing.temperature;
    if !value.is_finite() || value < 0.0 {
        return Err(SamplingError::Temperature { value });
    }
    let size = |value: u32| {
        usize::try_from(value).map_err(|_| EngineError::Overflow { quantity: "the context" })
    };
    let (context, classes) = (size(data.feature_count)?, size(data.class_count)?);
    let mut one = specification.clone();
    one.train.batch_size = 1;
    let mut network = Network::new(&one, 1)?;
    let mut stream = ChaChaStream::derive(&seed_bytes(drawing.seed), SAMPLE_DOMAIN, 0);
    let (mut said, labels) = (beginning.to_vec(), vec![0; context]);
    let mut tokens = vec![0; context];
    for _ in 0..count {
        let seen = &said[said.len().saturating_sub(context)..];
        // What stands behind the last token is not looked at.
        tokens.fill(0);
        tokens[..seen.len()].copy_from_slice(seen);
        let batch = Batch { features: &[], tokens: &tokens, labels: &labels, number: 0 };
        let logits = network.logits(weights, batch)?;
        let row = &logits[(seen.len() - 1) * classes..][..classes];
        let share = f64::from(stream.next_u32()) / WORDS;
        said.push(draw(row, drawing.temperature, share)?);
    }
    Ok(said.split_off(beginning.len()))
}

/// The token at which the probabilities of the ones before it and its own pass `share`.
fn draw(logits: &[f32], temperature: f32, share: f64) -> Result<u32, EngineError> {
    let best = logits.iter().enumerate().max_by(|left, right| left.1.total_cmp(right.1));
    let best = best.map_or(0, |(token, _)| token);
    let index = if temperature > 0.0 {
        let scaled: Vec<f32> = logits.iter().map(|logit| logit / temperature).collect();
        let shares = softmax(&scaled, scaled.len()).map_err(EngineError::kernel)?;
        let mut sum = 0.0;
        let passed = shares.iter().position(|probability| {
            sum += f64::from(*probability);
            sum > share
        });
        passed.unwrap_or(best)
    } else {
        best
    };
    u32::try_from(index).map_err(|_| EngineError::Overflow { quantity: "a token" })
}

#[cfg(test)]
mod tests;
