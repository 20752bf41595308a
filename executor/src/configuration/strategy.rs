//! The part of a configuration that is about how contests are trained.

use super::ConfigurationError;
use super::given::Given;
use aipot_trainer::strategy::CANDIDATES_MAX;

/// Seconds of a search when nothing else is said.
const SECONDS_DEFAULT: u64 = 600;

/// Longest search: a week, the longest window of an order.
const SECONDS_MAX: u64 = 7 * 24 * 3600;

/// How a provider trains the orders that leave it to him.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StrategySettings {
    /// Ways to train that are tried; one means that nothing is searched.
    pub candidates: u32,
    /// How long a search takes at most; it ends earlier when claims close.
    pub seconds: u64,
    /// Whether a search gives every better model at once, to be claimed, and goes on when it is asked again.
    pub claims_improvements: bool,
}

impl Default for StrategySettings {
    /// The recipe that suits the order's architecture, and no search.
    fn default() -> Self {
        Self { candidates: 1, seconds: SECONDS_DEFAULT, claims_improvements: false }
    }
}

impl StrategySettings {
    pub(super) fn of(given: &Given) -> Result<Self, ConfigurationError> {
        let mut settings = Self { claims_improvements: true, ..Self::default() };
        let candidates =
            given.count("worker_strategy_candidates", 1..=u64::from(CANDIDATES_MAX))?;
        if let Some(candidates) = candidates {
            settings.candidates = u32::try_from(candidates).unwrap_or(CANDIDATES_MAX);
        }
        if let Some(seconds) = given.count("worker_strategy_seconds", 1..=SECONDS_MAX)? {
            settings.seconds = u64::try_from(seconds).unwrap_or(SECONDS_MAX);
        }
        Ok(settings)
    }
}
