//! Drawing operators by stake from the randomness of a block.

use alloc::vec::Vec;

use crate::operator::{Operator, OperatorAt, OperatorCount, Roles};
use crate::primitives::{AccountId, Amount, Beacon, BlockNumber};
use crate::state::{Fault, State};

/// Tries to hit the range without bias. Each try succeeds with at least one half, so all fail with
/// probability 2^-128; the remainder is taken then.
const REJECTIONS_MAX: u32 = 128;

/// Who may be drawn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Eligibility {
    /// Roles of which the operator must have at least these.
    pub roles: Roles,
    /// Least stake.
    pub stake_min: Amount,
    /// The operator must not have changed in this block or later.
    pub unchanged_since: BlockNumber,
}

/// A candidate of a drawing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Candidate {
    /// Who.
    pub id: AccountId,
    /// Weight in the drawing.
    pub stake: Amount,
}

/// All eligible operators but those `excluded`, in the order of their registration.
///
/// # Errors
/// [`Fault`] when the state cannot be read.
pub fn candidates(
    state: &State<'_>,
    eligibility: &Eligibility,
    excluded: &[AccountId],
) -> Result<Vec<Candidate>, Fault> {
    let count = state.get::<OperatorCount>(&())?.unwrap_or_default().0;
    let mut found = Vec::new();
    for place in 0..count {
        let id = state.require::<OperatorAt>(&place)?.0;
        let operator = state.require::<Operator>(&id)?;
        if is_eligible(&operator, eligibility) && !excluded.contains(&id) {
            found.push(Candidate { id, stake: operator.stake });
        }
    }
    Ok(found)
}

/// Draws at most `count` of `candidates` without putting back, each with probability proportional to its
/// stake among those left.
///
/// `purpose` separates drawings that use the same beacon.
pub fn draw(
    mut candidates: Vec<Candidate>,
    count: u32,
    beacon: &Beacon,
    purpose: &[u8],
) -> Vec<AccountId> {
    let mut randomness = Randomness::new(beacon, purpose);
    let mut drawn = Vec::new();
    for _ in 0..count {
        let total = candidates.iter().fold(0_u128, |sum, one| sum.saturating_add(one.stake.0));
        if total == 0 {
            break;
        }
        let place = place_of(&candidates, randomness.below(total));
        drawn.push(candidates.remove(place).id);
    }
    drawn
}

fn is_eligible(operator: &Operator, eligibility: &Eligibility) -> bool {
    let roles = eligibility.roles;
    (!roles.provider || operator.roles.provider)
        && (!roles.validator || operator.roles.validator)
        && operator.stake >= eligibility.stake_min
        && operator.changed_at < eligibility.unchanged_since
}

/// The candidate on whose stretch of the line of all stakes `point` lies.
fn place_of(candidates: &[Candidate], point: u128) -> usize {
    let mut end = 0_u128;
    candidates
        .iter()
        .position(|one| {
            end = end.saturating_add(one.stake.0);
            point < end
        })
        .unwrap_or(0)
}

/// A stream of numbers that follows from a beacon and a purpose.
struct Randomness(blake3::OutputReader);

impl Randomness {
    fn new(beacon: &Beacon, purpose: &[u8]) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("aipot selection v1");
        hasher.update(beacon.as_bytes()).update(purpose);
        Self(hasher.finalize_xof())
    }

    /// A number below `bound`, every one equally likely; `bound` is not 0.
    fn below(&mut self, bound: u128) -> u128 {
        let mask = u128::MAX.checked_shr(bound.leading_zeros()).unwrap_or(0);
        let mut last = 0;
        for _ in 0..REJECTIONS_MAX {
            let mut bytes = [0; 16];
            self.0.fill(&mut bytes);
            last = u128::from_le_bytes(bytes) & mask;
            if last < bound {
                return last;
            }
        }
        last.checked_rem(bound).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests;
