//! Operators that read several neighbours, or a neighbour found by an index.

use aipot_domain_runtime::program::{RANK, Reduction, View};
use aipot_kernels::canonical::canonical;
use aipot_kernels::reduction;
use rayon::prelude::*;

use super::function::{NAN, TILE};
use super::map::each_tile;
use super::sides::{Course, wide};
use super::{MachineError, Scene};

impl Scene<'_> {
    pub(super) fn chain_sum(
        &self,
        input: &View,
        depth: u32,
        output: &mut [u32],
    ) -> Result<(), MachineError> {
        self.each_row(input, depth, output, |row| {
            canonical(row.iter().fold(0.0, |sum: f32, value| sum + value))
        })
    }

    pub(super) fn reduce(
        &self,
        reduction: Reduction,
        input: &View,
        length: u32,
        output: &mut [u32],
    ) -> Result<(), MachineError> {
        let reduce = match reduction {
            Reduction::Sum => reduction::sum,
            Reduction::Mean => reduction::mean,
            Reduction::Maximum => reduction::max,
        };
        self.each_row(input, length, output, reduce)
    }

    fn each_row(
        &self,
        input: &View,
        length: u32,
        output: &mut [u32],
        reduce: impl Fn(&[f32]) -> f32 + Sync + Send,
    ) -> Result<(), MachineError> {
        let (course, words) = self.view(input, length)?;
        let values: &[f32] = bytemuck::cast_slice(words);
        each_tile(output, |first, output| {
            course.each_position(first, output, |position| {
                reduce(&values[position..position + wide(length)]).to_bits()
            });
        });
        Ok(())
    }

    pub(super) fn gather(
        &self,
        table: &View,
        index: &View,
        stride: u32,
        output: &mut [u32],
    ) -> Result<(), MachineError> {
        let (table_course, table) = self.view(table, 0)?;
        let (index_course, indices) = self.view(index, 1)?;
        each_tile(output, |first, output| {
            index_course.gather(indices, first, output);
            let mut entries = [0; TILE];
            let entries = &mut entries[..output.len()];
            table_course.positions(first, entries);
            for (output, entry) in output.iter_mut().zip(entries) {
                let distance = wide(*output).checked_mul(wide(stride));
                let position = distance.and_then(|distance| distance.checked_add(*entry));
                *output = position.and_then(|position| table.get(position)).copied().unwrap_or(NAN);
            }
        });
        Ok(())
    }

    pub(super) fn add_window(
        &self,
        window: &Window<'_>,
        output: &mut [u32],
    ) -> Result<(), MachineError> {
        output.copy_from_slice(self.slot_words(self.operator.output)?);
        let shape = window.shape;
        let plane = shape[2..].iter().map(|size| wide(*size)).product::<usize>();
        let course = window.course();
        let words = self.within(&course, window.added.slot, 1)?;
        let values: &[f32] = bytemuck::cast_slice(words);
        let within = window.size[0] * window.size[1] * wide(shape[4]) * wide(shape[5]);
        output.par_chunks_mut(plane).enumerate().for_each(|(index, plane)| {
            let mut positions = vec![0; within];
            course.positions(index * within, &mut positions);
            for (place, position) in window.places().zip(positions) {
                let sum = f32::from_bits(plane[place]) + values[position];
                plane[place] = canonical(sum).to_bits();
            }
        });
        Ok(())
    }
}

/// The part of a plane to which something is added.
pub(super) struct Window<'operator> {
    shape: &'operator [u32; RANK],
    added: &'operator View,
    origin: [u32; 2],
    size: [usize; 2],
    stride: usize,
}

impl<'operator> Window<'operator> {
    /// The window as far as it lies within the plane.
    pub(super) fn new(
        shape: &'operator [u32; RANK],
        added: &'operator View,
        (origin, size, stride): ([u32; 2], [u32; 2], u32),
    ) -> Self {
        let within = |side: usize, index: usize| {
            let free = shape[side].saturating_sub(origin[index]);
            wide(size[index].min(free.div_ceil(stride.max(1))))
        };
        Self { shape, added, origin, size: [within(2, 0), within(3, 1)], stride: wide(stride) }
    }

    /// What is added, in the order of the output's elements.
    fn course(&self) -> Course {
        let mut sizes = self.shape.map(wide);
        sizes[2] = self.size[0];
        sizes[3] = self.size[1];
        let strides = self.added.strides.map(wide);
        Course::of_sides(wide(self.added.offset), sizes.into_iter().zip(strides))
    }

    /// Places within a plane to which something is added, in order.
    fn places(&self) -> impl Iterator<Item = usize> {
        let inner = wide(self.shape[4]) * wide(self.shape[5]);
        let row_length = wide(self.shape[3]) * inner;
        let [top, left] = self.origin.map(wide);
        let ([rows, columns], stride) = (self.size, self.stride);
        (0..rows).flat_map(move |row| {
            let begin = (top + row * stride) * row_length + left * inner;
            (0..columns).flat_map(move |column| {
                let begin = begin + column * stride * inner;
                begin..begin + inner
            })
        })
    }
}
