//! Blocks of products: the sides of the output become rows, columns and a batch of one canonical product.

use aipot_domain_runtime::program::View;
use aipot_kernels::matmul::matmul_into;
use aipot_kernels::matrix::Matrix;
use rayon::prelude::*;

use super::map::each_tile;
use super::sides::{Course, wide};
use super::{MachineError, Scene};

/// One side of a product's output, with the strides of both operands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Side {
    size: usize,
    left: usize,
    right: usize,
}

/// The sides of an output, sorted by what they are to the product.
struct Plan {
    /// Sides of the output in its own order, neighbours taken together.
    sides: Vec<Side>,
    /// Which of them are the rows, and which the columns.
    rows: Option<usize>,
    columns: Option<usize>,
}

impl Scene<'_> {
    pub(super) fn product(
        &self,
        left: &View,
        right: &View,
        depth: u32,
        output: &mut [u32],
    ) -> Result<(), MachineError> {
        let (_, left_words) = self.view(left, depth)?;
        let (_, right_words) = self.view(right, depth)?;
        let plan = Plan::new(self.operator.shape.iter().enumerate().map(|(side, size)| Side {
            size: wide(*size),
            left: wide(left.strides[side]),
            right: wide(right.strides[side]),
        }));
        let product = Product {
            left: (bytemuck::cast_slice(left_words), wide(left.offset)),
            right: (bytemuck::cast_slice(right_words), wide(right.offset)),
            depth: wide(depth),
            plan: &plan,
        };
        if plan.is_in_order() {
            return product.multiply(bytemuck::cast_slice_mut(output));
        }
        let mut products = vec![0_u32; output.len()];
        product.multiply(bytemuck::cast_slice_mut(&mut products))?;
        let course = plan.course();
        each_tile(output, |first, output| course.gather(&products, first, output));
        Ok(())
    }
}

impl Plan {
    fn new(sides: impl Iterator<Item = Side>) -> Self {
        let mut merged: Vec<Side> = Vec::new();
        for side in sides.filter(|side| side.size != 1) {
            match merged.last_mut() {
                Some(last)
                    if last.left == side.size.saturating_mul(side.left)
                        && last.right == side.size.saturating_mul(side.right) =>
                {
                    *last = Side { size: last.size.saturating_mul(side.size), ..side };
                }
                _ => merged.push(side),
            }
        }
        let largest = |fits: fn(&Side) -> bool| {
            let sides = merged.iter().enumerate().filter(|(_, side)| fits(side));
            sides.max_by_key(|(_, side)| side.size).map(|(index, _)| index)
        };
        let rows = largest(|side| side.right == 0 && side.left != 0);
        let columns = largest(|side| side.left == 0 && side.right != 0);
        Self { rows, columns, sides: merged }
    }

    /// Sides in the order in which products are computed: the batch, rows, columns.
    fn order(&self) -> impl Iterator<Item = usize> {
        self.batch().chain(self.rows).chain(self.columns)
    }

    fn batch(&self) -> impl Iterator<Item = usize> {
        (0..self.sides.len()).filter(|side| Some(*side) != self.rows && Some(*side) != self.columns)
    }

    fn is_in_order(&self) -> bool {
        self.order().is_sorted()
    }

    /// The output as a view of the products in the order in which they are computed.
    fn course(&self) -> Course {
        let mut strides = vec![0; self.sides.len()];
        let order: Vec<usize> = self.order().collect();
        order.iter().rev().fold(1, |stride, side| {
            strides[*side] = stride;
            stride * self.sides[*side].size
        });
        Course::of_sides(0, self.sides.iter().map(|side| side.size).zip(strides))
    }

    fn size(&self, side: Option<usize>) -> usize {
        side.map_or(1, |side| self.sides[side].size)
    }
}

/// Operands and the plan of their product.
struct Product<'words> {
    left: (&'words [f32], usize),
    right: (&'words [f32], usize),
    depth: usize,
    plan: &'words Plan,
}

impl Product<'_> {
    /// Computes products in the plan's order.
    fn multiply(&self, output: &mut [f32]) -> Result<(), MachineError> {
        let plan = self.plan;
        let length = plan.size(plan.rows) * plan.size(plan.columns);
        let batch: Vec<Side> = plan.batch().map(|side| plan.sides[side]).collect();
        let lefts = Course::of_sides(self.left.1, batch.iter().map(|side| (side.size, side.left)));
        let rights =
            Course::of_sides(self.right.1, batch.iter().map(|side| (side.size, side.right)));
        output.par_chunks_mut(length).enumerate().try_for_each(|(index, product)| {
            let position = |course: &Course| {
                let mut position = [0];
                course.positions(index, &mut position);
                position[0]
            };
            self.one(position(&lefts), position(&rights), product)
        })
    }

    /// One product of the batch.
    fn one(&self, left: usize, right: usize, output: &mut [f32]) -> Result<(), MachineError> {
        let plan = self.plan;
        let row_stride = plan.rows.map_or(0, |side| plan.sides[side].left);
        let column_stride = plan.columns.map_or(0, |side| plan.sides[side].right);
        let (rows, columns) = (plan.size(plan.rows), plan.size(plan.columns));
        let left = Matrix::strided(&self.left.0[left..], (rows, self.depth), (row_stride, 1))?;
        let right =
            Matrix::strided(&self.right.0[right..], (columns, self.depth), (column_stride, 1))?;
        Ok(matmul_into(left, right.transposed(), None, output)?)
    }
}
