//! What becomes of planes: the maximum of every 2 x 2, the mean of a plane, squares as tokens.

use aipot_kernels::convolution::{
    PatchGrid, Plane, average_pool, average_pool_gradient, max_pool, max_pool_gradient, patches,
    patches_gradient,
};

use super::{Behind, Layer, Seen, Site, size};
use crate::engine::EngineError;
use crate::engine::room::Room;

/// The maximum of every 2 x 2, with the positions that its gradient needs.
#[derive(Debug)]
pub(super) struct MaxPool {
    planes: Planes,
    positions: Vec<u32>,
}

/// The mean of every plane.
#[derive(Debug)]
pub(super) struct AveragePool {
    planes: Planes,
}

/// Squares of an image as tokens.
#[derive(Debug)]
pub(super) struct Patches {
    /// For a single image.
    grid: PatchGrid,
}

/// Planes of a single image.
#[derive(Clone, Copy, Debug)]
struct Planes {
    channels: usize,
    height: usize,
    width: usize,
}

impl Planes {
    fn new(site: &Site<'_>) -> Result<Self, EngineError> {
        let image = site.image()?;
        let (channels, height, width) =
            (size(image.channels)?, size(image.height)?, size(image.width)?);
        Ok(Self { channels, height, width })
    }

    /// The planes of the images at hand.
    fn over(self, seen: &Seen<'_>) -> Plane {
        let count = self.channels.saturating_mul(seen.span.count);
        Plane { count, height: self.height, width: self.width }
    }
}

impl MaxPool {
    pub(super) fn new(site: &Site<'_>, room: &mut Room) -> Result<Self, EngineError> {
        let (rows, values) = site.output_sides()?;
        let count = site.rows.saturating_mul(rows).saturating_mul(values);
        Ok(Self { planes: Planes::new(site)?, positions: room.words(count) })
    }
}

impl AveragePool {
    pub(super) fn new(site: &Site<'_>) -> Result<Self, EngineError> {
        Ok(Self { planes: Planes::new(site)? })
    }
}

impl Patches {
    pub(super) fn new(site: &Site<'_>, side: u32) -> Result<Self, EngineError> {
        let Planes { channels, height, width } = Planes::new(site)?;
        let grid = PatchGrid { batch: 1, channels, height, width, side: size(side)? };
        Ok(Self { grid })
    }

    fn over(&self, seen: &Seen<'_>) -> PatchGrid {
        PatchGrid { batch: seen.span.count, ..self.grid }
    }
}

impl Layer for MaxPool {
    fn forward(
        &mut self,
        _: &[&[f32]],
        seen: Seen<'_>,
        output: &mut [f32],
    ) -> Result<(), EngineError> {
        let positions = &mut self.positions[..output.len()];
        max_pool(self.planes.over(&seen), seen.first(), output, positions)
            .map_err(EngineError::kernel)
    }

    fn backward(
        &mut self,
        _: &[&[f32]],
        (seen, _): (Seen<'_>, &[f32]),
        mut behind: Behind<'_, '_>,
    ) -> Result<(), EngineError> {
        let gradient = behind.gradient;
        let positions = &self.positions[..gradient.len()];
        match behind.of_first() {
            Some(of_input) => {
                max_pool_gradient(self.planes.over(&seen), positions, gradient, of_input)
                    .map_err(EngineError::kernel)
            }
            None => Ok(()),
        }
    }
}

impl Layer for AveragePool {
    fn forward(
        &mut self,
        _: &[&[f32]],
        seen: Seen<'_>,
        output: &mut [f32],
    ) -> Result<(), EngineError> {
        average_pool(self.planes.over(&seen), seen.first(), output).map_err(EngineError::kernel)
    }

    fn backward(
        &mut self,
        _: &[&[f32]],
        (seen, _): (Seen<'_>, &[f32]),
        mut behind: Behind<'_, '_>,
    ) -> Result<(), EngineError> {
        let gradient = behind.gradient;
        match behind.of_first() {
            Some(of_input) => average_pool_gradient(self.planes.over(&seen), gradient, of_input)
                .map_err(EngineError::kernel),
            None => Ok(()),
        }
    }
}

impl Layer for Patches {
    fn forward(
        &mut self,
        _: &[&[f32]],
        seen: Seen<'_>,
        output: &mut [f32],
    ) -> Result<(), EngineError> {
        patches(self.over(&seen), seen.first(), output).map_err(EngineError::kernel)
    }

    fn backward(
        &mut self,
        _: &[&[f32]],
        (seen, _): (Seen<'_>, &[f32]),
        mut behind: Behind<'_, '_>,
    ) -> Result<(), EngineError> {
        let gradient = behind.gradient;
        match behind.of_first() {
            Some(of_input) => {
                patches_gradient(self.over(&seen), gradient, of_input).map_err(EngineError::kernel)
            }
            None => Ok(()),
        }
    }
}
