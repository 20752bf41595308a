//! Plays a side of a dispute out of a replay.

use aipot_domain_runtime::bounded::{BoundedBytes, BoundedVec, TooLong};
use aipot_domain_runtime::chunk::CHUNK_BYTES;
use aipot_domain_runtime::dispute::{Bisection, Dispute, Move, Place, Stage};
use aipot_domain_runtime::trace::{CHUNK_WORDS, ChunkSpan};
use thiserror::Error;

use super::leaf::{LeafError, little_endian, open_leaf};
use super::replay::{Engine, Replay, ReplayError, Walk};
use super::state::slot_root;

/// Why a side has no move.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ProverError {
    /// Its run cannot be computed again.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// The word in question cannot be shown.
    #[error(transparent)]
    Leaf(#[from] LeafError),
    /// There is more to be said than a move holds.
    #[error(transparent)]
    TooLong(#[from] TooLong),
    /// The other side says what this run says, too.
    #[error("nothing that the other side shows differs from this run")]
    NothingDiffers,
    /// The game is over or about a place that this run does not have.
    #[error("the game is at no place of this run")]
    NoPlace,
}

/// One side's run, ready to answer.
#[derive(Debug)]
pub struct Prover<'input, E> {
    replay: Replay<'input, E>,
    /// States within the step that the game has found, as this run has them.
    within: Option<Within>,
    /// The operator that the game has found.
    located: Option<Located<'input>>,
}

/// A step operator by operator: the state before each, the one after the last, and what that leaves in
/// scratch slots.
#[derive(Debug)]
struct Within {
    step: u32,
    roots: Vec<[u8; 32]>,
    scratch_root: [u8; 32],
}

/// Memory before an operator, and what it writes.
#[derive(Debug)]
struct Located<'input> {
    step: u32,
    walk: Walk<'input>,
    /// Root and little-endian bytes of the output.
    root: [u8; 32],
    output: Vec<u8>,
}

impl<'input, E: Engine> Prover<'input, E> {
    /// The side whose run this is.
    pub fn new(replay: Replay<'input, E>) -> Self {
        Self { replay, within: None, located: None }
    }

    /// The state in which this run ends.
    ///
    /// # Errors
    /// [`ProverError::Replay`].
    pub fn final_root(&mut self) -> Result<[u8; 32], ProverError> {
        Ok(self.replay.root(self.replay.computation().steps())?)
    }

    /// The next move of the side whose turn it is.
    ///
    /// # Errors
    /// [`ProverError::NothingDiffers`] when a challenger finds nothing wrong; [`ProverError`] when the run
    /// cannot be computed again.
    pub fn answer(&mut self, dispute: &Dispute) -> Result<Move, ProverError> {
        match &dispute.stage {
            Stage::Steps(bisection) if bisection.posted.is_empty() => {
                let roots = bisection.points().into_iter().map(|state| self.replay.root(state));
                let roots = roots.collect::<Result<Vec<_>, _>>()?;
                Ok(Move::Bisect { roots: BoundedVec::try_from(roots)? })
            }
            Stage::Steps(bisection) => pick(bisection, |state| Ok(self.replay.root(state)?)),
            Stage::Step { step, .. } => {
                let within = self.within(*step)?;
                let count = u32::try_from(within.roots.len().saturating_sub(1)).unwrap_or(u32::MAX);
                let ends = Bisection::new((0, [0; 32]), (count, [0; 32]));
                let roots = within.at(&ends.points())?;
                Ok(Move::EnterStep {
                    scratch_root: within.scratch_root,
                    roots: BoundedVec::try_from(roots)?,
                })
            }
            Stage::Operators { step, bisection } if bisection.posted.is_empty() => {
                let roots = self.within(*step)?.at(&bisection.points())?;
                Ok(Move::Bisect { roots: BoundedVec::try_from(roots)? })
            }
            Stage::Operators { step, bisection } => {
                let within = self.within(*step)?;
                pick(bisection, |operator| {
                    within.at(&[operator])?.first().copied().ok_or(ProverError::NoPlace)
                })
            }
            Stage::Output { place, .. } => self.located(place)?.open_output(),
            Stage::Chunks { place, span, children, .. } => {
                self.located(place)?.descend(*span, children)
            }
            Stage::Leaf { place, chunk, bytes } => self.leaf(place, *chunk, bytes),
            Stage::Decided(_) => Err(ProverError::NoPlace),
        }
    }

    fn within(&mut self, step: u32) -> Result<&Within, ProverError> {
        if self.within.as_ref().is_none_or(|within| within.step != step) {
            let mut walk = self.replay.walk(step)?;
            let mut roots = vec![walk.roots().root()];
            while walk.advance()? {
                roots.push(walk.roots().root());
            }
            let scratch_root = walk.roots().scratch_root();
            self.within = Some(Within { step, roots, scratch_root });
        }
        self.within.as_ref().ok_or(ProverError::NoPlace)
    }

    fn located(&mut self, place: &Place) -> Result<&Located<'input>, ProverError> {
        let is_there = self.located.as_ref().is_some_and(|located| {
            located.step == place.step && located.walk.next_operator() == place.operator
        });
        if !is_there {
            let mut walk = self.replay.walk(place.step)?;
            while walk.next_operator() < place.operator && walk.advance()? {}
            let words = walk.peek()?;
            let (root, output) = (slot_root(&words), little_endian(&words));
            self.located = Some(Located { step: place.step, walk, root, output });
        }
        self.located.as_ref().ok_or(ProverError::NoPlace)
    }

    fn leaf(&mut self, place: &Place, chunk: u32, posted: &[u8]) -> Result<Move, ProverError> {
        let files = self.replay.files();
        let program = self.replay.computation().program(place.step);
        let (_, number) = program.ok_or(ProverError::NoPlace)?;
        let located = self.located(place)?;
        let span = ChunkSpan { first: chunk, count: 1 };
        let (own, _) = located.bytes(span).as_chunks::<4>();
        let (posted, _) = posted.as_chunks::<4>();
        let differs = own.iter().zip(posted).position(|(own, posted)| own != posted);
        let word = differs.ok_or(ProverError::NothingDiffers)?;
        let chunk = usize::try_from(chunk).unwrap_or(usize::MAX);
        let element = chunk.saturating_mul(CHUNK_WORDS).saturating_add(word);
        let element = u32::try_from(element).map_err(|_| ProverError::NoPlace)?;
        Ok(Move::Leaf(open_leaf(&located.walk, number, files, element)?))
    }
}

impl Within {
    fn at(&self, operators: &[u32]) -> Result<Vec<[u8; 32]>, ProverError> {
        let root = |operator: &u32| {
            let index = usize::try_from(*operator).ok();
            index.and_then(|index| self.roots.get(index)).copied().ok_or(ProverError::NoPlace)
        };
        operators.iter().map(root).collect()
    }
}

impl Located<'_> {
    fn open_output(&self) -> Result<Move, ProverError> {
        let index = usize::try_from(self.walk.next_operator()).unwrap_or(usize::MAX);
        let operator = self.walk.program().operators.get(index).ok_or(ProverError::NoPlace)?;
        let roots = self.walk.roots();
        let old = roots.slot(operator.output).ok_or(ProverError::NoPlace)?;
        let path = BoundedVec::try_from(roots.path(operator.output))?;
        Ok(Move::Output { old, new: self.root, path })
    }

    /// Shows what is below a node, or picks the first of the children that differs.
    fn descend(&self, span: ChunkSpan, children: &[[u8; 32]]) -> Result<Move, ProverError> {
        if span.count <= 1 {
            let bytes = self.bytes(span).to_vec();
            return Ok(Move::Chunk { bytes: BoundedBytes::try_from(bytes)? });
        }
        let words = u32::try_from(self.output.len() / size_of::<u32>()).unwrap_or(u32::MAX);
        let whole = ChunkSpan::whole(words);
        let values = span.children().into_iter().map(|child| child.value(self.bytes(child), whole));
        if children.is_empty() {
            return Ok(Move::Children {
                values: BoundedVec::try_from(values.collect::<Vec<_>>())?,
            });
        }
        let differs = values.zip(children).position(|(own, shown)| own != *shown);
        let part = differs.and_then(|part| u8::try_from(part).ok());
        Ok(Move::Pick { part: part.ok_or(ProverError::NothingDiffers)? })
    }

    /// The bytes of a node of the output's chunk tree.
    fn bytes(&self, span: ChunkSpan) -> &[u8] {
        let place = |chunk: u32| {
            let chunk = usize::try_from(chunk).unwrap_or(usize::MAX);
            chunk.saturating_mul(CHUNK_BYTES).min(self.output.len())
        };
        &self.output[place(span.first)..place(span.first.saturating_add(span.count))]
    }
}

/// The first part of a bisection that ends in another state than this run's.
fn pick(
    bisection: &Bisection,
    mut own: impl FnMut(u32) -> Result<[u8; 32], ProverError>,
) -> Result<Move, ProverError> {
    for (part, (number, shown)) in (0..).zip(bisection.ends().into_iter().skip(1)) {
        if own(number)? != shown {
            return Ok(Move::Pick { part });
        }
    }
    Err(ProverError::NothingDiffers)
}

#[cfg(test)]
mod tests;
