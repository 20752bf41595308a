//! Roots of a machine's memory, kept up to date operator by operator.

use aipot_domain_runtime::program::{Program, SlotIndex};
use aipot_domain_runtime::trace::{UNSET, list_root, node, state_root};
use aipot_kernels::blake3_tree;
use rayon::prelude::*;

/// BLAKE3 of the little-endian bytes of a slot; [`UNSET`] for one that was not written.
pub fn slot_root(words: &[u32]) -> [u8; 32] {
    if words.is_empty() { UNSET } else { blake3_tree::bits_digest(bytemuck::cast_slice(words)) }
}

/// The state between two steps.
pub fn persistent_root(persistent: &[Vec<u32>]) -> [u8; 32] {
    let roots: Vec<[u8; 32]> = persistent.par_iter().map(|words| slot_root(words)).collect();
    list_root(&roots)
}

/// The state within a step: the roots of all its slots as the leaves of two trees.
#[derive(Clone, Debug)]
pub struct StateRoots {
    persistent: Tree,
    scratch: Tree,
    persistent_count: usize,
}

impl StateRoots {
    /// The state of a program's slots.
    pub fn new(program: &Program, slots: &[Vec<u32>]) -> Self {
        let persistent_count = program.persistent_count();
        let kept = persistent_count + program.scratch_count();
        let roots = slots.par_iter().take(kept).map(|words| slot_root(words));
        let mut persistent: Vec<[u8; 32]> = roots.collect();
        persistent.resize(kept, UNSET);
        let scratch = persistent.split_off(persistent_count);
        Self { persistent: Tree::new(persistent), scratch: Tree::new(scratch), persistent_count }
    }

    /// Takes the new words of a slot.
    pub fn update(&mut self, slot: SlotIndex, words: &[u32]) {
        let index = usize::from(slot);
        match index.checked_sub(self.persistent_count) {
            None => self.persistent.set(index, slot_root(words)),
            Some(index) => self.scratch.set(index, slot_root(words)),
        }
    }

    /// The state.
    pub fn root(&self) -> [u8; 32] {
        state_root(&self.persistent.root(), &self.scratch.root())
    }

    /// The root over the slots that do not survive the step.
    pub fn scratch_root(&self) -> [u8; 32] {
        self.scratch.root()
    }

    /// The root of a slot; `None` for a file's.
    pub fn slot(&self, slot: SlotIndex) -> Option<[u8; 32]> {
        let (tree, index) = self.place(slot);
        tree.leaf(index)
    }

    /// The siblings of a slot up to the root of its tree, then the root of the other tree.
    pub fn path(&self, slot: SlotIndex) -> Vec<[u8; 32]> {
        let (tree, index) = self.place(slot);
        let is_persistent = usize::from(slot) < self.persistent_count;
        let other = if is_persistent { &self.scratch } else { &self.persistent };
        let mut path = tree.path(index);
        path.push(other.root());
        path
    }

    fn place(&self, slot: SlotIndex) -> (&Tree, usize) {
        let index = usize::from(slot);
        match index.checked_sub(self.persistent_count) {
            None => (&self.persistent, index),
            Some(index) => (&self.scratch, index),
        }
    }
}

/// A binary tree over slot roots, as [`list_root`] defines it, with all its nodes.
#[derive(Clone, Debug)]
struct Tree {
    /// Leaves filled up to a power of two, then their parents, up to the root.
    levels: Vec<Vec<[u8; 32]>>,
    count: usize,
}

impl Tree {
    fn new(mut leaves: Vec<[u8; 32]>) -> Self {
        let count = leaves.len();
        leaves.resize(count.next_power_of_two(), UNSET);
        let mut levels = vec![leaves];
        while let Some(level) = levels.last().filter(|level| level.len() > 1) {
            let (pairs, _) = level.as_chunks::<2>();
            let parents = pairs.iter().map(|[left, right]| node(left, right)).collect();
            levels.push(parents);
        }
        Self { levels, count }
    }

    fn root(&self) -> [u8; 32] {
        self.levels.last().and_then(|level| level.first()).copied().unwrap_or(UNSET)
    }

    fn leaf(&self, index: usize) -> Option<[u8; 32]> {
        self.levels[0].get(index).filter(|_| index < self.count).copied()
    }

    fn set(&mut self, index: usize, leaf: [u8; 32]) {
        if index >= self.count {
            return;
        }
        let (mut place, mut value) = (index, leaf);
        for level in &mut self.levels {
            level[place] = value;
            // The root stands alone on its level.
            let Some(sibling) = level.get(place ^ 1) else { return };
            let is_right = place & 1 == 1;
            value = if is_right { node(sibling, &value) } else { node(&value, sibling) };
            place >>= 1;
        }
    }

    fn path(&self, index: usize) -> Vec<[u8; 32]> {
        let levels = self.levels.iter().enumerate().filter(|(_, level)| level.len() > 1);
        levels.filter_map(|(height, level)| level.get((index >> height) ^ 1).copied()).collect()
    }
}

#[cfg(test)]
mod tests;
