//! The elements of a view in the order of an output: one row after the other.

use aipot_domain_runtime::program::RANK;

/// A view walked in the order of the output's elements, neighbouring sides taken together where one
/// stride serves both.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Course {
    offset: usize,
    /// Length and stride of each side, the slowest first; at least one.
    sides: Vec<(usize, usize)>,
}

impl Course {
    /// The course of a view over an output.
    pub(super) fn new(shape: &[u32; RANK], offset: u32, strides: &[u32; RANK]) -> Self {
        let sides = shape.iter().zip(strides).map(|(size, stride)| (wide(*size), wide(*stride)));
        Self::of_sides(wide(offset), sides)
    }

    /// The course over sides of any number.
    pub(super) fn of_sides(offset: usize, sides: impl Iterator<Item = (usize, usize)>) -> Self {
        let mut merged: Vec<(usize, usize)> = Vec::new();
        for (size, stride) in sides.filter(|(size, _)| *size != 1) {
            match merged.last_mut() {
                Some(last) if last.1 == size.saturating_mul(stride) => {
                    *last = (last.0.saturating_mul(size), stride);
                }
                _ => merged.push((size, stride)),
            }
        }
        if merged.is_empty() {
            merged.push((1, 0));
        }
        Self { offset, sides: merged }
    }

    /// The last position that the course reaches; `None` beyond what this machine can address.
    pub(super) fn last(&self) -> Option<usize> {
        self.sides.iter().try_fold(self.offset, |last, (size, stride)| {
            last.checked_add(size.saturating_sub(1).checked_mul(*stride)?)
        })
    }

    /// Hands out the positions of `count` elements from the output's element `first` on, as runs:
    /// first position, stride, and the run's place among the `count`.
    pub(super) fn runs(&self, first: usize, count: usize, mut take: impl FnMut(Run)) {
        let mut coordinates: Vec<usize> = vec![0; self.sides.len()];
        let mut rest = first;
        for (coordinate, (size, _)) in coordinates.iter_mut().zip(&self.sides).rev() {
            *coordinate = rest.checked_rem(*size).unwrap_or(0);
            rest = rest.checked_div(*size).unwrap_or(0);
        }
        let Some((size, stride)) = self.sides.last().copied() else { return };
        let innermost = coordinates.len() - 1;
        let mut done = 0;
        while done < count {
            let steps = coordinates.iter().zip(&self.sides);
            let position = steps.fold(self.offset, |sum, (at, (_, stride))| sum + at * stride);
            let length = (size - coordinates[innermost]).min(count - done);
            take(Run { position, stride, begin: done, length });
            done += length;
            coordinates[innermost] = 0;
            self.next_row(&mut coordinates[..innermost]);
        }
    }

    /// Counts the sides above the innermost one by one.
    fn next_row(&self, coordinates: &mut [usize]) {
        for (coordinate, (size, _)) in coordinates.iter_mut().zip(&self.sides).rev() {
            *coordinate += 1;
            if *coordinate < *size {
                return;
            }
            *coordinate = 0;
        }
    }

    /// Copies the words of `count` elements from the output's element `first` on.
    pub(super) fn gather(&self, words: &[u32], first: usize, into: &mut [u32]) {
        self.runs(first, into.len(), |run| {
            let into = &mut into[run.begin..run.begin + run.length];
            match run.stride {
                0 => into.fill(words[run.position]),
                1 => into.copy_from_slice(&words[run.position..run.position + run.length]),
                stride => {
                    let from = words[run.position..].iter().step_by(stride);
                    into.iter_mut().zip(from).for_each(|(into, word)| *into = *word);
                }
            }
        });
    }

    /// Fills the elements from `first` on with a function of their positions.
    pub(super) fn each_position(
        &self,
        first: usize,
        into: &mut [u32],
        function: impl Fn(usize) -> u32,
    ) {
        self.runs(first, into.len(), |run| {
            let into = into[run.begin..run.begin + run.length].iter_mut().enumerate();
            into.for_each(|(step, into)| *into = function(run.position + step * run.stride));
        });
    }

    /// The positions of the elements from the output's element `first` on.
    pub(super) fn positions(&self, first: usize, into: &mut [usize]) {
        self.runs(first, into.len(), |run| {
            let into = &mut into[run.begin..run.begin + run.length];
            let positions = (0..).map(|step| run.position + step * run.stride);
            into.iter_mut().zip(positions).for_each(|(into, position)| *into = position);
        });
    }
}

/// Neighbouring elements of an output at positions of equal distance.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Run {
    /// Position of the first.
    pub(super) position: usize,
    /// Distance of the positions.
    pub(super) stride: usize,
    /// Place of the first among those asked for.
    pub(super) begin: usize,
    /// How many.
    pub(super) length: usize,
}

/// A count of 32 bits as an index; the machine addresses at least as much.
pub(super) fn wide(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests;
