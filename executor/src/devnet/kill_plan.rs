//! Which processes are killed when: one provider and one validator as each phase begins, by seed.

use std::num::NonZero;

use aipot_domain_runtime::window::{PHASES, Phase};
use aipot_kernels::chacha8::ChaChaStream;

use super::scenario::{Part, Scenario};

/// Domain of the choices.
const DOMAIN: &str = "aipot development network kills v1";

/// Chooses victims; the same seed chooses the same ones.
#[derive(Debug)]
pub struct KillPlan {
    seed: [u8; 32],
    last: Option<Phase>,
}

impl KillPlan {
    /// The plan that follows from `seed`.
    pub fn new(seed: u64) -> Self {
        Self { seed: blake3::derive_key(DOMAIN, &seed.to_le_bytes()), last: None }
    }

    /// Participants to be killed now that an order is in `phase`; none while the phase stays.
    pub fn victims(&mut self, phase: Phase, scenario: &Scenario) -> Vec<usize> {
        if self.last.is_some_and(|last| last >= phase) {
            return Vec::new();
        }
        self.last = Some(phase);
        let mut stream = ChaChaStream::derive(&self.seed, DOMAIN, u64::from(phase_index(phase)));
        [Part::Provider, Part::Validator]
            .into_iter()
            .filter_map(|part| {
                let places: Vec<usize> = scenario
                    .participants
                    .iter()
                    .enumerate()
                    .filter(|(_, one)| one.part == part)
                    .map(|(place, _)| place)
                    .collect();
                let count = NonZero::new(u64::try_from(places.len()).ok()?)?;
                let chosen = usize::try_from(stream.below(count)).ok()?;
                places.get(chosen).copied()
            })
            .collect()
    }
}

fn phase_index(phase: Phase) -> u8 {
    let place = PHASES.iter().position(|known| *known == phase);
    place.and_then(|place| u8::try_from(place).ok()).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests;
