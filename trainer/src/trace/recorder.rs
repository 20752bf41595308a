//! Records a run as it goes: roots at checkpoints, and states from which segments are replayed.

use std::collections::BTreeMap;

use aipot_domain_runtime::primitives::TraceRoot;
use aipot_domain_runtime::trace::{TraceOpening, UNSET, list_root};
use parity_scale_codec::{Decode, Encode, Input};

use super::state::persistent_root;

/// Bytes of states that are kept for replays; above it every second one is dropped.
pub const SNAPSHOT_BYTES_MAX: u64 = 1 << 30;

/// The words of all slots that survive a step, in their order.
pub type Persistent = Vec<Vec<u32>>;

/// What a run left behind: the roots that the claim commits to, and states to replay from.
///
/// State n is the state after n steps of the computation, so state 1 holds the initial weights.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Trace {
    /// Steps of the computation, the first included.
    pub step_count: u32,
    /// Steps of the run between two checkpoints.
    pub interval: u32,
    /// The states at the checkpoints, the final one last.
    pub roots: Vec<[u8; 32]>,
    /// States to replay from.
    pub snapshots: Snapshots,
}

impl Trace {
    /// A run of which nothing is recorded yet: of `step_count` steps, the first included; an interval of
    /// zero counts as one.
    pub fn new(step_count: u32, interval: u32) -> Self {
        let (roots, snapshots) = (Vec::new(), Snapshots::default());
        Self { step_count, interval: interval.max(1), roots, snapshots }
    }

    /// What is recorded up to a state.
    #[must_use]
    pub fn until(&self, state: u32) -> Self {
        let known = self.checkpoints().take_while(|checkpoint| *checkpoint <= state).count();
        let mut until = self.clone();
        until.roots.truncate(known);
        until.snapshots.truncate(state);
        until
    }

    /// What the claim commits to.
    pub fn opening(&self) -> TraceOpening {
        TraceOpening {
            checkpoints_root: list_root(&self.roots),
            final_root: self.roots.last().copied().unwrap_or(UNSET),
        }
    }

    /// The commitment.
    pub fn root(&self) -> TraceRoot {
        self.opening().root()
    }

    /// Numbers of the states at the checkpoints, the final one last.
    pub fn checkpoints(&self) -> impl Iterator<Item = u32> + '_ {
        (1..=self.step_count).filter(|state| is_checkpoint(*state, self.step_count, self.interval))
    }
}

/// Watches a run.
#[derive(Clone, Debug)]
pub struct Recorder {
    trace: Trace,
}

impl Recorder {
    /// Goes on where the record of a run ends; a new run is [`Trace::new`].
    pub fn new(trace: Trace) -> Self {
        Self { trace }
    }

    /// Takes the state after step `step`; `persistent` is asked only where there is a checkpoint.
    pub fn after_step(&mut self, step: u32, persistent: impl FnOnce() -> Persistent) {
        let state = step.saturating_add(1);
        if is_checkpoint(state, self.trace.step_count, self.trace.interval) {
            let persistent = persistent();
            self.trace.roots.push(persistent_root(&persistent));
            self.trace.snapshots.insert(state, persistent);
        }
    }

    /// What was recorded so far.
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    /// What was recorded.
    pub fn finish(self) -> Trace {
        self.trace
    }
}

/// Whether a state is a checkpoint of a run: the last one, and every so many steps of the run.
pub(super) fn is_checkpoint(state: u32, step_count: u32, interval: u32) -> bool {
    let run_steps = state.saturating_sub(1);
    state == step_count || (run_steps > 0 && run_steps.is_multiple_of(interval.max(1)))
}

/// States by their number, as many as there is room for.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode)]
pub struct Snapshots {
    states: BTreeMap<u32, Persistent>,
    /// A matter of the machine that keeps them, not of the run.
    #[codec(skip)]
    room: Room,
}

/// Bytes of states for which there is room.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Room(u64);

impl Default for Room {
    fn default() -> Self {
        Self(SNAPSHOT_BYTES_MAX)
    }
}

impl Decode for Snapshots {
    /// Takes states in ascending order only, so that one record has one encoding.
    fn decode<I: Input>(input: &mut I) -> Result<Self, parity_scale_codec::Error> {
        let states = Vec::<(u32, Persistent)>::decode(input)?;
        if states.windows(2).any(|pair| pair[0].0 >= pair[1].0) {
            return Err("states are not in ascending order".into());
        }
        Ok(Self { states: states.into_iter().collect(), room: Room::default() })
    }
}

impl Snapshots {
    /// Room for states of so many bytes; there is always room for one.
    pub fn with_room(room_bytes: u64) -> Self {
        Self { states: BTreeMap::new(), room: Room(room_bytes) }
    }

    /// Keeps a state; where that is too much, every second of all is dropped.
    pub fn insert(&mut self, state: u32, persistent: Persistent) {
        self.states.insert(state, persistent);
        while self.byte_count() > self.room.0 && self.states.len() > 1 {
            let mut is_kept = false;
            self.states.retain(|_, _| {
                is_kept = !is_kept;
                is_kept
            });
        }
    }

    /// The last state kept that is not after `state`.
    pub fn nearest(&self, state: u32) -> Option<(u32, &Persistent)> {
        self.states.range(..=state).next_back().map(|(state, persistent)| (*state, persistent))
    }

    /// Forgets what comes after `state`.
    pub fn truncate(&mut self, state: u32) {
        self.states.retain(|kept, _| *kept <= state);
    }

    /// The states that are kept.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &Persistent)> {
        self.states.iter().map(|(state, persistent)| (*state, persistent))
    }

    fn byte_count(&self) -> u64 {
        let words: usize = self.states.values().flatten().map(Vec::len).sum();
        u64::try_from(words.saturating_mul(size_of::<u32>())).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests;
