//! Runs programs by the referee's arithmetic.

#![expect(clippy::disallowed_types, reason = "tests compare with the processor's floats")]

use std::vec::Vec;

use crate::program::{Operator, Program, SlotIndex, SlotKind};
use crate::referee::{Memory, Unread, element};

/// All slots of a program, and the one file that it reads by the byte or as a model.
pub(super) struct Machine<'run> {
    pub(super) program: &'run Program,
    pub(super) words: Vec<Vec<u32>>,
    pub(super) data: &'run [u8],
    pub(super) model: &'run [u8],
}

impl Memory for Machine<'_> {
    fn word(&mut self, slot: SlotIndex, element: u32) -> Result<u32, Unread> {
        if let SlotKind::File { byte_offset, .. } = self.program.slots[usize::from(slot)].kind {
            let first = usize::try_from(byte_offset).unwrap() + 4 * element as usize;
            return Ok(u32::from_le_bytes(self.model[first..first + 4].try_into().unwrap()));
        }
        let words = &self.words[usize::from(slot)];
        words.get(element as usize).copied().ok_or(Unread { slot, offset: u64::from(element) * 4 })
    }

    fn bytes(&mut self, _slot: SlotIndex, offset: u64, count: u8) -> Result<u32, Unread> {
        let first = usize::try_from(offset).unwrap();
        let bytes = &self.data[first..first + usize::from(count)];
        Ok(bytes.iter().rev().fold(0, |value, byte| value << 8 | u32::from(*byte)))
    }

    fn root(&mut self, slot: SlotIndex) -> Result<[u8; 32], Unread> {
        let bytes: Vec<u8> =
            self.words[usize::from(slot)].iter().flat_map(|word| word.to_le_bytes()).collect();
        Ok(*blake3::hash(&bytes).as_bytes())
    }
}

impl<'run> Machine<'run> {
    /// A program whose persistent slots hold these words.
    pub(super) fn new(program: &'run Program, persistent: &[Vec<u32>], data: &'run [u8]) -> Self {
        let mut words = persistent.to_vec();
        words.resize(program.slots.len(), Vec::new());
        Self { program, words, data, model: &[] }
    }

    /// Runs operators until one has written what `is_last` names, or to the end.
    pub(super) fn run(&mut self, number: u32, is_last: impl Fn(&Operator) -> bool) {
        for operator in &self.program.operators {
            let count = self.program.slots[usize::from(operator.output)].element_count;
            let output = (0..count)
                .map(|place| element((self.program, operator), number, place, self).unwrap())
                .collect();
            self.words[usize::from(operator.output)] = output;
            if is_last(operator) {
                return;
            }
        }
    }

    /// The words of the persistent slots.
    pub(super) fn persistent(&self) -> Vec<Vec<u32>> {
        self.words[..self.program.persistent_count()].to_vec()
    }

    /// The mean loss of step 0.
    pub(super) fn loss(mut self) -> f32 {
        self.run(0, |operator| operator.name == "loss");
        let slots = self.program.slots.iter().zip(&self.words);
        let loss = slots.into_iter().find(|(slot, _)| slot.name == "loss").unwrap().1;
        f32::from_bits(loss[0])
    }
}
