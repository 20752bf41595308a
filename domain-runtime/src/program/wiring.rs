//! Which slots an operation reads.

use super::{Operand, Operation, SlotIndex, View};

impl Operation {
    /// Every view of the operation.
    pub(super) fn views(&self) -> impl Iterator<Item = &View> {
        let (operands, views): (&[Operand], [Option<&View>; 3]) = match self {
            Self::Map { operands, .. } => (operands, [None, None, None]),
            Self::Product { left, right, .. } => (&[], [Some(left), Some(right), None]),
            Self::ChainSum { input, .. }
            | Self::Reduce { input, .. }
            | Self::CountUp { input, .. } => (&[], [Some(input), None, None]),
            Self::Gather { table, index, .. } => (&[], [Some(table), Some(index), None]),
            Self::AddWindow { added, .. } => (&[], [Some(added), None, None]),
            Self::IsCorrect { logits, label, is_present, .. } => {
                (&[], [Some(logits), Some(label), Some(is_present)])
            }
            Self::Feature { .. }
            | Self::Label { .. }
            | Self::Token { .. }
            | Self::IsPresent { .. }
            | Self::Normal { .. }
            | Self::Kept { .. }
            | Self::LearningRate { .. }
            | Self::Digest { .. } => (&[], [None, None, None]),
        };
        let operands = operands.iter().filter_map(|operand| match operand {
            Operand::Slot(view) => Some(view),
            Operand::Index { .. } | Operand::Constant(_) => None,
        });
        operands.chain(views.into_iter().flatten())
    }

    /// Hands every slot that the operation reads to `change`.
    pub(super) fn each_slot_mut(&mut self, change: &mut impl FnMut(&mut SlotIndex)) {
        match self {
            Self::Map { operands, .. } => {
                operands.iter_mut().filter_map(Operand::slot_mut).for_each(change);
            }
            Self::Product { left, right, .. } => {
                change(&mut left.slot);
                change(&mut right.slot);
            }
            Self::ChainSum { input, .. }
            | Self::Reduce { input, .. }
            | Self::CountUp { input, .. } => change(&mut input.slot),
            Self::Gather { table, index, .. } => {
                change(&mut table.slot);
                change(&mut index.slot);
            }
            Self::AddWindow { added, .. } => change(&mut added.slot),
            Self::Feature { data, .. } | Self::Label { data } | Self::Token { data, .. } => {
                change(&mut data.slot);
            }
            Self::IsCorrect { logits, label, is_present, .. } => {
                for view in [logits, label, is_present] {
                    change(&mut view.slot);
                }
            }
            Self::Digest { slot, .. } => change(slot),
            Self::IsPresent { .. }
            | Self::Normal { .. }
            | Self::Kept { .. }
            | Self::LearningRate { .. } => {}
        }
    }
}

impl Operand {
    fn slot_mut(&mut self) -> Option<&mut SlotIndex> {
        match self {
            Self::Slot(view) => Some(&mut view.slot),
            Self::Index { .. } | Self::Constant(_) => None,
        }
    }
}
