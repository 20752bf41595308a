//! For tests: a party of a game that computes everything with the referee's own arithmetic.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::vec::Vec;

use parity_scale_codec::Encode;

use crate::bounded::{BoundedBytes, BoundedVec};
use crate::chunk::{CHUNK_BYTES, prove_chunk};
use crate::dispute::{Bisection, Dispute, Leaf, Move, Place, Side, SlotOpening, Stage};
use crate::program::{Computation, File, FileRoots, Program, SlotIndex, SlotKind};
use crate::referee::{self, Memory, Unread};
use crate::trace::{CHUNK_WORDS, ChunkSpan, UNSET, list_path, list_root, state_root};

/// The bytes of files that a computation reads.
#[derive(Clone, Debug, Default)]
pub(crate) struct Files {
    pub(crate) train: Vec<u8>,
    pub(crate) test: Vec<u8>,
    pub(crate) model: Vec<u8>,
    pub(crate) base: Vec<u8>,
}

impl Files {
    fn get(&self, file: File) -> &[u8] {
        match file {
            File::Train => &self.train,
            File::Test => &self.test,
            File::Model => &self.model,
            File::Base => &self.base,
        }
    }

    /// What the chain knows of them.
    pub(crate) fn roots(&self) -> FileRoots {
        let facts = |bytes: &[u8]| (*blake3::hash(bytes).as_bytes(), bytes.len() as u64);
        let data =
            |bytes: &[u8]| Some((crate::primitives::DataRoot(facts(bytes).0), facts(bytes).1));
        FileRoots {
            train: data(&self.train),
            test: data(&self.test),
            model: Some(facts(&self.model)),
            base: data(&self.base),
        }
    }
}

/// A bit that a party flips right after an operator has written it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flip {
    pub(crate) step: u32,
    pub(crate) operator: u32,
    pub(crate) element: u32,
    pub(crate) bit: u32,
}

/// A party that holds a computation, forged or not.
#[derive(Clone, Debug)]
pub(crate) struct Party<'run> {
    pub(crate) computation: &'run Computation,
    pub(crate) files: &'run Files,
    pub(crate) flip: Option<Flip>,
    /// States that were computed, by the number of steps before them.
    states: RefCell<Vec<State>>,
}

/// The words of the persistent slots; `None` for those that are not written.
type State = Vec<Option<Vec<u32>>>;

/// Slots in the middle of a step; `None` for those that are not written.
#[derive(Clone, Debug)]
struct Slots<'run> {
    program: &'run Program,
    files: &'run Files,
    words: Vec<Option<Vec<u32>>>,
    read: BTreeSet<(SlotIndex, u64)>,
    roots_read: BTreeSet<SlotIndex>,
}

impl Memory for Slots<'_> {
    fn word(&mut self, slot: SlotIndex, element: u32) -> Result<u32, Unread> {
        if let SlotKind::File { byte_offset, .. } = self.program.slots[usize::from(slot)].kind {
            return self.bytes(slot, byte_offset + u64::from(element) * 4, 4);
        }
        self.read.insert((slot, u64::from(element) / CHUNK_WORDS as u64));
        let words = self.words[usize::from(slot)].as_ref();
        let word = words.and_then(|words| words.get(element as usize)).copied();
        word.ok_or(Unread { slot, offset: u64::from(element) * 4 })
    }

    fn bytes(&mut self, slot: SlotIndex, offset: u64, count: u8) -> Result<u32, Unread> {
        let SlotKind::File { file, .. } = self.program.slots[usize::from(slot)].kind else {
            return Err(Unread { slot, offset });
        };
        let mut value = 0;
        for place in (0..u64::from(count)).rev() {
            self.read.insert((slot, (offset + place) / CHUNK_BYTES as u64));
            let byte = self.files.get(file).get((offset + place) as usize);
            value = value << 8 | u32::from(*byte.ok_or(Unread { slot, offset })?);
        }
        Ok(value)
    }

    fn root(&mut self, slot: SlotIndex) -> Result<[u8; 32], Unread> {
        self.roots_read.insert(slot);
        Ok(self.slot_root(slot))
    }
}

impl Slots<'_> {
    fn slot_bytes(&self, slot: SlotIndex) -> Vec<u8> {
        if let SlotKind::File { file, .. } = self.program.slots[usize::from(slot)].kind {
            return self.files.get(file).to_vec();
        }
        let words = self.words[usize::from(slot)].as_ref().unwrap();
        words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    fn slot_root(&self, slot: SlotIndex) -> [u8; 32] {
        let is_file = matches!(self.program.slots[usize::from(slot)].kind, SlotKind::File { .. });
        if !is_file && self.words[usize::from(slot)].is_none() {
            return UNSET;
        }
        *blake3::hash(&self.slot_bytes(slot)).as_bytes()
    }

    /// Roots of persistent slots, and of scratch slots.
    fn leaves(&self) -> (Vec<[u8; 32]>, Vec<[u8; 32]>) {
        let persistent = self.program.persistent_count();
        let all = persistent + self.program.scratch_count();
        let root = |slot: usize| self.slot_root(SlotIndex::try_from(slot).unwrap());
        ((0..persistent).map(root).collect(), (persistent..all).map(root).collect())
    }

    fn root_within(&self) -> [u8; 32] {
        let (persistent, scratch) = self.leaves();
        state_root(&list_root(&persistent), &list_root(&scratch))
    }

    /// The path of a slot under [`Self::root_within`].
    fn path(&self, slot: SlotIndex) -> Vec<[u8; 32]> {
        let (persistent, scratch) = self.leaves();
        let index = usize::from(slot);
        let (tree, place, other) = if index < persistent.len() {
            (&persistent, index, list_root(&scratch))
        } else {
            (&scratch, index - persistent.len(), list_root(&persistent))
        };
        let mut path = list_path(tree, place).unwrap();
        path.push(other);
        path
    }
}

impl<'run> Party<'run> {
    /// A party that computes honestly.
    pub(crate) fn honest(computation: &'run Computation, files: &'run Files) -> Self {
        Self { computation, files, flip: None, states: RefCell::default() }
    }

    /// The same party, but it flips a bit.
    pub(crate) fn forging(&self, flip: Flip) -> Self {
        let states = RefCell::default();
        Self { computation: self.computation, files: self.files, flip: Some(flip), states }
    }

    /// The words of the persistent slots after `count` steps.
    pub(crate) fn state(&self, count: u32) -> State {
        let mut states = self.states.borrow_mut();
        if states.is_empty() {
            states.push(std::vec![None; self.computation.initial.persistent_count()]);
        }
        while states.len() <= count as usize {
            let step = u32::try_from(states.len() - 1).unwrap();
            let end = self.run(step, states.last().unwrap().clone(), u32::MAX);
            states.push(end.words[..end.program.persistent_count()].to_vec());
        }
        states[count as usize].clone()
    }

    /// The root after `count` steps.
    pub(crate) fn root(&self, count: u32) -> [u8; 32] {
        let slots = self.before_step(count.min(self.computation.step_count), self.state(count));
        list_root(&slots.leaves().0)
    }

    fn before_step(&self, step: u32, persistent: State) -> Slots<'run> {
        let (program, _) = self.computation.program(step).unwrap();
        let mut words = persistent;
        words.resize(program.slots.len(), None);
        let (read, roots_read) = (BTreeSet::new(), BTreeSet::new());
        Slots { program, files: self.files, words, read, roots_read }
    }

    /// Runs the first `operators` operators of a step.
    fn run(&self, step: u32, persistent: State, operators: u32) -> Slots<'run> {
        let mut slots = self.before_step(step, persistent);
        let (program, number) = self.computation.program(step).unwrap();
        for (index, operator) in (0..operators).zip(&program.operators) {
            let count = program.slots[usize::from(operator.output)].element_count;
            let mut output: Vec<u32> = (0..count)
                .map(|element| {
                    referee::element((program, operator), number, element, &mut slots).unwrap()
                })
                .collect();
            if let Some(flip) = self.flip.filter(|one| (one.step, one.operator) == (step, index)) {
                output[flip.element as usize] ^= 1 << flip.bit;
            }
            slots.words[usize::from(operator.output)] = Some(output);
        }
        slots
    }

    fn at(&self, step: u32, operators: u32) -> Slots<'run> {
        self.run(step, self.state(step), operators)
    }

    /// What this party does next on `side`; `None` when it is not its turn.
    pub(crate) fn action(&self, dispute: &Dispute, side: Side) -> Option<Move> {
        if dispute.turn() != Some(side) {
            return None;
        }
        Some(match &dispute.stage {
            Stage::Steps(bisection) => Self::bisect(bisection, side, |count| self.root(count)),
            Stage::Step { step, .. } => self.enter(*step),
            Stage::Operators { step, bisection } => {
                Self::bisect(bisection, side, |count| self.at(*step, count).root_within())
            }
            Stage::Output { place, .. } => self.open_output(place),
            Stage::Chunks { place, span, children, .. } => self.descend(place, *span, children),
            Stage::Leaf { place, chunk, bytes } => self.leaf(place, *chunk, bytes),
            Stage::Decided(_) => return None,
        })
    }

    fn bisect(bisection: &Bisection, side: Side, root: impl Fn(u32) -> [u8; 32]) -> Move {
        if side == Side::Responder {
            let roots: Vec<_> = bisection.points().into_iter().map(root).collect();
            return Move::Bisect { roots: BoundedVec::try_from(roots).unwrap() };
        }
        let ends = bisection.ends();
        let part = ends[1..].iter().position(|(count, posted)| root(*count) != *posted);
        Move::Pick { part: u8::try_from(part.unwrap_or(ends.len() - 2)).unwrap() }
    }

    fn enter(&self, step: u32) -> Move {
        let (program, _) = self.computation.program(step).unwrap();
        let end = self.at(step, u32::MAX);
        let count = u32::try_from(program.operators.len()).unwrap();
        let bisection = Bisection::new((0, UNSET), (count, UNSET));
        let roots: Vec<_> = bisection
            .points()
            .into_iter()
            .map(|count| self.at(step, count).root_within())
            .collect();
        let roots = BoundedVec::try_from(roots).unwrap();
        Move::EnterStep { scratch_root: list_root(&end.leaves().1), roots }
    }

    /// The slots after the operator of a place, and the slot that it wrote.
    fn after(&self, place: &Place) -> (Slots<'run>, SlotIndex) {
        let slots = self.at(place.step, place.operator + 1);
        let output = slots.program.operators[place.operator as usize].output;
        (slots, output)
    }

    fn open_output(&self, place: &Place) -> Move {
        let (after, slot) = self.after(place);
        let before = self.at(place.step, place.operator);
        let path = BoundedVec::try_from(before.path(slot)).unwrap();
        Move::Output { old: before.slot_root(slot), new: after.slot_root(slot), path }
    }

    fn descend(&self, place: &Place, span: ChunkSpan, shown: &[[u8; 32]]) -> Move {
        let (after, slot) = self.after(place);
        let bytes = after.slot_bytes(slot);
        let whole = ChunkSpan::whole(after.program.slots[usize::from(slot)].element_count);
        let part = |span: ChunkSpan| {
            let first = span.first as usize * CHUNK_BYTES;
            &bytes[first..(first + span.count as usize * CHUNK_BYTES).min(bytes.len())]
        };
        let values: Vec<_> =
            span.children().into_iter().map(|child| child.value(part(child), whole)).collect();
        if !shown.is_empty() {
            let differs = values.iter().zip(shown).position(|(mine, shown)| mine != shown);
            return Move::Pick { part: u8::try_from(differs.unwrap_or(0)).unwrap() };
        }
        if span.count == 1 {
            return Move::Chunk { bytes: BoundedBytes::try_from(part(span).to_vec()).unwrap() };
        }
        Move::Children { values: BoundedVec::try_from(values).unwrap() }
    }

    fn leaf(&self, place: &Place, chunk: u32, shown: &[u8]) -> Move {
        let (after, slot) = self.after(place);
        let first = chunk as usize * CHUNK_BYTES;
        let bytes = after.slot_bytes(slot);
        let mine = bytes[first..].chunks(4);
        let word = mine.zip(shown.chunks(4)).position(|(mine, shown)| mine != shown).unwrap_or(0);
        Move::Leaf(self.open(place, chunk, word))
    }

    /// Everything that a word of a chunk is made of.
    pub(crate) fn open(&self, place: &Place, chunk: u32, word: usize) -> Leaf {
        let mut before = self.at(place.step, place.operator);
        let (program, number) = self.computation.program(place.step).unwrap();
        let operator = &program.operators[place.operator as usize];
        let element = chunk * CHUNK_WORDS as u32 + u32::try_from(word).unwrap();
        before.read.clear();
        before.roots_read.clear();
        referee::element((program, operator), number, element, &mut before).unwrap();
        let mut slots: BTreeSet<SlotIndex> = before.read.iter().map(|(slot, _)| *slot).collect();
        slots.extend(&before.roots_read);
        let openings: Vec<_> = slots.into_iter().map(|slot| opening(&before, slot)).collect();
        let openings = BoundedVec::try_from(openings).unwrap();
        Leaf { word: u8::try_from(word).unwrap(), openings }
    }
}

/// The chunks of a slot that were read, opened.
fn opening(slots: &Slots<'_>, slot: SlotIndex) -> SlotOpening {
    let is_file = matches!(slots.program.slots[usize::from(slot)].kind, SlotKind::File { .. });
    let path = if is_file { Vec::new() } else { slots.path(slot) };
    let chunks = slots.read.iter().filter(|(one, _)| *one == slot);
    let bytes = slots.slot_bytes(slot);
    let chunks: Vec<_> = chunks.map(|(_, chunk)| prove_chunk(&bytes, *chunk).unwrap()).collect();
    SlotOpening {
        slot,
        root: slots.slot_root(slot),
        path: BoundedVec::try_from(path).unwrap(),
        chunks: BoundedVec::try_from(chunks).unwrap(),
    }
}

/// Plays a game to its end and gives it, with the encoded size of its leaf.
pub(crate) fn play(
    responder: &Party<'_>,
    challenger: &Party<'_>,
    claimed: [u8; 32],
) -> (Dispute, usize) {
    let files = responder.files.roots();
    let mut dispute = Dispute::new(responder.computation, claimed);
    let mut leaf_bytes = 0;
    while let Some(side) = dispute.turn() {
        let party = if side == Side::Responder { responder } else { challenger };
        let action = party.action(&dispute, side).unwrap();
        if let Move::Leaf(leaf) = &action {
            leaf_bytes = leaf.encoded_size();
        }
        dispute.apply(side, &action, responder.computation, &files).unwrap();
    }
    (dispute, leaf_bytes)
}
