//! The direction of Muon: momentum looked at ahead, made orthogonal.

use aipot_kernels::update::{NesterovStep, Orthogonalizer, scale};

use super::{OptimizerError, TensorShape};

/// Memory for directions, taken once.
#[derive(Debug, Default)]
pub(super) struct Muon {
    orthogonalizer: Orthogonalizer,
    direction: Vec<f32>,
}

impl Muon {
    /// Moves the velocity of a tensor and gives the direction in which its weights go:
    /// v = momentum v + g; the neighbour of momentum v + g, times the root of rows over columns where
    /// that is above 1.
    pub(super) fn direction(
        &mut self,
        shape: TensorShape,
        (gradient, velocity): (&[f32], &mut [f32]),
        momentum: f32,
    ) -> Result<&[f32], OptimizerError> {
        let TensorShape::Hidden { rows, columns } = shape else {
            return Err(OptimizerError::State);
        };
        self.direction.clear();
        self.direction.resize(velocity.len(), 0.0);
        // From weights of zero, a step of -1 leads to what is ahead.
        let ahead = NesterovStep { momentum, kept: 1.0, rate: -1.0 };
        ahead.apply(&mut self.direction, gradient, velocity)?;
        self.orthogonalizer.orthogonalize(&mut self.direction, (rows, columns))?;
        if rows > columns {
            scale(&mut self.direction, (as_f32(rows) / as_f32(columns)).sqrt());
        }
        Ok(&self.direction)
    }
}

#[expect(clippy::cast_precision_loss, reason = "sides of matrices are below 2^24")]
fn as_f32(count: usize) -> f32 {
    count as f32
}
