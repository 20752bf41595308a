//! Computes any state of a run again: from the nearest state kept, step by step, then operator by operator.

use std::collections::BTreeMap;

use aipot_domain_runtime::program::{Computation, Program};
use aipot_domain_runtime::trace::unset_root;
use parity_scale_codec::{Decode, Encode};
use thiserror::Error;

use super::machine::{Files, Machine, MachineError};
use super::recorder::{Persistent, Recorder, Snapshots, Trace};
use super::state::{StateRoots, persistent_root};

/// Something that runs whole steps: the machine, or a fast engine with the same bits.
pub trait Engine {
    /// Why a step fails.
    type Error: std::error::Error + Send + Sync + 'static;

    /// Runs a step of the computation; step 0 makes the state.
    ///
    /// # Errors
    /// The engine's own.
    fn step(&mut self, step: u32) -> Result<(), Self::Error>;

    /// The words of all slots that survive a step.
    fn persistent(&self) -> Persistent;

    /// Puts a state in place of the present one.
    ///
    /// # Errors
    /// The engine's own, when the state is not one of the computation.
    fn restore(&mut self, persistent: &Persistent) -> Result<(), Self::Error>;
}

impl Engine for Machine<'_> {
    type Error = MachineError;

    fn step(&mut self, step: u32) -> Result<(), MachineError> {
        Machine::step(self, step)
    }

    fn persistent(&self) -> Persistent {
        Machine::persistent(self).to_vec()
    }

    fn restore(&mut self, persistent: &Persistent) -> Result<(), MachineError> {
        Machine::restore(self, persistent.clone());
        Ok(())
    }
}

/// A bit that a forger flips in what an operator wrote.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Change {
    /// The step; 0 makes the state.
    pub step: u32,
    /// The operator within it.
    pub operator: u32,
    /// The word of its output.
    pub element: u32,
    /// The bit of the word, 0 for the lowest.
    pub bit: u8,
}

/// Why a state cannot be computed again.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// The program cannot run.
    #[error(transparent)]
    Machine(#[from] MachineError),
    /// The engine fails.
    #[error("step {step} cannot be replayed")]
    Engine {
        /// The step.
        step: u32,
        /// The engine's error.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The run has fewer states.
    #[error("state {state}, the run has {count}")]
    NoState {
        /// The state asked for.
        state: u32,
        /// The number of the last one.
        count: u32,
    },
    /// There is no such bit to be flipped.
    #[error("operator {operator} of step {step} writes no bit {bit} of word {element}")]
    NoSuchBit {
        /// The step.
        step: u32,
        /// The operator.
        operator: u32,
        /// The word.
        element: u32,
        /// The bit.
        bit: u8,
    },
}

/// A run that can be computed again from the states that are kept of it.
#[derive(Debug)]
pub struct Replay<'input, E> {
    computation: &'input Computation,
    files: Files<'input>,
    engine: E,
    changes: Vec<Change>,
    snapshots: Snapshots,
    /// Number of the state that the engine holds.
    present: Option<u32>,
    roots: BTreeMap<u32, [u8; 32]>,
}

impl<'input, E: Engine> Replay<'input, E> {
    /// The run of a computation, with some bits flipped when it is a forger's.
    pub fn new(
        (computation, files): (&'input Computation, Files<'input>),
        engine: E,
        changes: Vec<Change>,
        snapshots: Snapshots,
    ) -> Self {
        let roots = BTreeMap::from([(0, unset_root(computation.initial.persistent_count()))]);
        Self { computation, files, engine, changes, snapshots, present: None, roots }
    }

    /// The computation.
    pub fn computation(&self) -> &'input Computation {
        self.computation
    }

    /// The files that it reads.
    pub fn files(&self) -> Files<'input> {
        self.files
    }

    /// Runs the rest of the computation after `state` and completes what is recorded of it until there.
    ///
    /// # Errors
    /// [`ReplayError`] when a step cannot run.
    pub fn record(&mut self, until: Trace, state: u32) -> Result<Trace, ReplayError> {
        let mut recorder = Recorder::new(until);
        for step in state..self.computation.steps() {
            self.go_to(step.saturating_add(1))?;
            recorder.after_step(step, || self.engine.persistent());
        }
        Ok(recorder.finish())
    }

    /// The root of a state: 0 before the first step, n after n steps.
    ///
    /// # Errors
    /// [`ReplayError`] when there is no such state or a step cannot run.
    pub fn root(&mut self, state: u32) -> Result<[u8; 32], ReplayError> {
        if let Some(root) = self.roots.get(&state) {
            return Ok(*root);
        }
        self.go_to(state)?;
        let persistent = self.engine.persistent();
        let root = persistent_root(&persistent);
        self.roots.insert(state, root);
        // The next question will be about a part that begins at one of these.
        self.snapshots.insert(state, persistent);
        Ok(root)
    }

    /// Stands before the first operator of a step.
    ///
    /// # Errors
    /// [`ReplayError`] when there is no such step or one before it cannot run.
    pub fn walk(&mut self, step: u32) -> Result<Walk<'input>, ReplayError> {
        self.go_to(step)?;
        let mut machine = Machine::new(self.computation, self.files);
        machine.restore(self.engine.persistent());
        let of_step = self.changes.iter().filter(|change| change.step == step);
        Walk::new(machine, step, of_step.copied().collect())
    }

    /// Brings the engine to a state.
    fn go_to(&mut self, state: u32) -> Result<(), ReplayError> {
        let count = self.computation.steps();
        if state > count {
            return Err(ReplayError::NoState { state, count });
        }
        let kept = self.snapshots.nearest(state);
        let begin = kept.map_or(0, |(state, _)| state);
        let present = self.present.filter(|present| (begin..=state).contains(present));
        let mut next = match (present, kept) {
            (Some(present), _) => present,
            (None, Some((kept, persistent))) => {
                let failed = |source: E::Error| ReplayError::engine(kept, source);
                self.engine.restore(persistent).map_err(failed)?;
                kept
            }
            (None, None) => {
                let failed = |source: E::Error| ReplayError::engine(0, source);
                self.engine.restore(&Persistent::new()).map_err(failed)?;
                0
            }
        };
        // Whatever fails on the way leaves the engine in no known state.
        self.present = None;
        while next < state {
            self.step(next)?;
            next += 1;
        }
        self.present = Some(state);
        Ok(())
    }

    fn step(&mut self, step: u32) -> Result<(), ReplayError> {
        let failed = |source: E::Error| ReplayError::engine(step, source);
        if self.changes.iter().all(|change| change.step != step) {
            return self.engine.step(step).map_err(failed);
        }
        let mut machine = Machine::new(self.computation, self.files);
        machine.restore(self.engine.persistent());
        let of_step = self.changes.iter().filter(|change| change.step == step);
        let mut walk = Walk::unhashed(machine, step, of_step.copied().collect())?;
        while walk.advance()? {}
        walk.check_all_flipped()?;
        self.engine.restore(&walk.machine.persistent().to_vec()).map_err(failed)
    }
}

impl ReplayError {
    /// An engine failed in a step.
    pub fn engine(step: u32, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Engine { step, source: Box::new(source) }
    }
}

/// A step on its way: memory before one of its operators.
#[derive(Clone, Debug)]
pub struct Walk<'input> {
    machine: Machine<'input>,
    program: &'input Program,
    /// `None` where nobody asks for roots.
    roots: Option<StateRoots>,
    changes: Vec<Change>,
    next: u32,
}

impl<'input> Walk<'input> {
    fn unhashed(
        mut machine: Machine<'input>,
        step: u32,
        changes: Vec<Change>,
    ) -> Result<Self, ReplayError> {
        machine.begin(step)?;
        let program = machine.program(step)?;
        Ok(Self { machine, program, roots: None, changes, next: 0 })
    }

    fn new(machine: Machine<'input>, step: u32, changes: Vec<Change>) -> Result<Self, ReplayError> {
        let mut walk = Self::unhashed(machine, step, changes)?;
        walk.roots = Some(StateRoots::new(walk.program, walk.machine.slots()));
        Ok(walk)
    }

    /// The program of the step.
    pub fn program(&self) -> &'input Program {
        self.program
    }

    /// The words of all slots before the next operator.
    pub fn slots(&self) -> &[Vec<u32>] {
        self.machine.slots()
    }

    /// The state before the next operator, hashed.
    pub fn roots(&self) -> &StateRoots {
        self.roots.as_ref().expect("only a step within a replay goes without roots")
    }

    /// The number of the next operator.
    pub fn next_operator(&self) -> u32 {
        self.next
    }

    /// Runs the next operator; false when there is none left.
    ///
    /// # Errors
    /// [`ReplayError`] when it cannot run or a bit to be flipped is not there.
    pub fn advance(&mut self) -> Result<bool, ReplayError> {
        let index = usize::try_from(self.next).unwrap_or(usize::MAX);
        let Some(operator) = self.program.operators.get(index) else { return Ok(false) };
        self.machine.run(index)?;
        let changes = self.changes.iter().filter(|change| change.operator == self.next);
        for change in changes {
            let words = self.machine.slots_mut().get_mut(usize::from(operator.output));
            flip(words.map_or(&mut [][..], Vec::as_mut_slice), change)?;
        }
        self.next += 1;
        if let Some(roots) = &mut self.roots {
            roots.update(operator.output, &self.machine.slots()[usize::from(operator.output)]);
        }
        Ok(true)
    }

    /// Refuses a bit of an operator that the step does not have.
    fn check_all_flipped(&self) -> Result<(), ReplayError> {
        match self.changes.iter().find(|change| change.operator >= self.next) {
            Some(change) => Err(no_such_bit(change)),
            None => Ok(()),
        }
    }

    /// What the next operator writes; memory stays as it is.
    ///
    /// # Errors
    /// As [`Self::advance`].
    pub fn peek(&mut self) -> Result<Vec<u32>, ReplayError> {
        let index = usize::try_from(self.next).unwrap_or(usize::MAX);
        let Some(operator) = self.program.operators.get(index) else { return Ok(Vec::new()) };
        let output = usize::from(operator.output);
        let old = self.machine.slots().get(output).cloned().unwrap_or_default();
        self.advance()?;
        self.next -= 1;
        if let Some(roots) = &mut self.roots {
            roots.update(operator.output, &old);
        }
        Ok(std::mem::replace(&mut self.machine.slots_mut()[output], old))
    }
}

fn flip(words: &mut [u32], change: &Change) -> Result<(), ReplayError> {
    let mask = 1_u32.checked_shl(u32::from(change.bit));
    let word = usize::try_from(change.element).ok().and_then(|element| words.get_mut(element));
    let (Some(word), Some(mask)) = (word, mask) else { return Err(no_such_bit(change)) };
    *word ^= mask;
    Ok(())
}

fn no_such_bit(change: &Change) -> ReplayError {
    let Change { step, operator, element, bit } = *change;
    ReplayError::NoSuchBit { step, operator, element, bit }
}

#[cfg(test)]
mod tests;
