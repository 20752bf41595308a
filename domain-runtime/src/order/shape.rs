//! The sides of a network's layers, as far as they follow from the order.

use alloc::vec::Vec;

use super::layout::TEXT_CLASSES;
use super::network::{NetworkError, network};
use super::{Architecture, ConvolutionSpecification, DataFormat, ImageShape, OrderSpecification};

/// Sides that a maximum over 2 x 2 halves.
const POOL: u32 = 2;

/// One convolution with the maximum behind it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ConvolutionStage {
    /// What goes in.
    pub input: ImageShape,
    /// Rows and columns of the kernel.
    pub kernel: u32,
    /// What the convolution gives.
    pub output: ImageShape,
    /// What the maximum leaves of it.
    pub pooled: ImageShape,
}

/// Layers that do not fit each other.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ShapeError {
    /// A kernel is empty or larger than the image that it runs over.
    #[error("convolution {place} has a kernel of {kernel}, its input {height} x {width}")]
    Kernel {
        /// Place of the convolution, from 0.
        place: u32,
        /// Rows and columns of the kernel.
        kernel: u32,
        /// Rows of the input.
        height: u32,
        /// Columns of the input.
        width: u32,
    },
    /// A side that is halved is odd.
    #[error("convolution {place} gives {height} x {width}, allowed are even sides")]
    OddSide {
        /// Place of the convolution, from 0.
        place: u32,
        /// Rows of its output.
        height: u32,
        /// Columns of its output.
        width: u32,
    },
    /// Heads do not divide the width.
    #[error("{head_count} heads do not divide a width of {width}")]
    Heads {
        /// Heads of an attention.
        head_count: u32,
        /// Numbers for each token.
        width: u32,
    },
    /// The examples of the data are not what the network takes.
    #[error("the data has {found} features, the network takes {expected}")]
    Features {
        /// What the network takes.
        expected: u64,
        /// What the data has.
        found: u32,
    },
    /// The layers are no network.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// The classes of the data are not what the network gives.
    #[error("the data has {found} classes, the network gives {expected}")]
    Classes {
        /// What the network gives.
        expected: u32,
        /// What the data has.
        found: u32,
    },
}

impl ImageShape {
    /// Values of the image.
    #[must_use]
    pub fn value_count(self) -> u64 {
        u64::from(self.height)
            .saturating_mul(u64::from(self.width))
            .saturating_mul(u64::from(self.channels))
    }

    /// Pixels of one channel.
    #[must_use]
    pub fn pixel_count(self) -> u64 {
        u64::from(self.height).saturating_mul(u64::from(self.width))
    }
}

/// The sides of every convolution.
///
/// # Errors
/// [`ShapeError::Kernel`] or [`ShapeError::OddSide`] for the first that does not fit.
pub fn convolution_stages(
    image: ImageShape,
    convolutions: &[ConvolutionSpecification],
) -> Result<Vec<ConvolutionStage>, ShapeError> {
    let mut input = image;
    let mut stages = Vec::with_capacity(convolutions.len());
    for (place, convolution) in (0_u32..).zip(convolutions) {
        let stage = stage(place, input, *convolution)?;
        input = stage.pooled;
        stages.push(stage);
    }
    Ok(stages)
}

fn stage(
    place: u32,
    input: ImageShape,
    convolution: ConvolutionSpecification,
) -> Result<ConvolutionStage, ShapeError> {
    let ConvolutionSpecification { outputs, kernel } = convolution;
    let ImageShape { height, width, .. } = input;
    let side = |length: u32| {
        let last = length.checked_sub(kernel).filter(|_| kernel > 0);
        last.map(|last| last.saturating_add(1))
    };
    let (Some(rows), Some(columns)) = (side(height), side(width)) else {
        return Err(ShapeError::Kernel { place, kernel, height, width });
    };
    let (half_rows, half_columns) = (halved(rows), halved(columns));
    let (Some(pooled_rows), Some(pooled_columns)) = (half_rows, half_columns) else {
        return Err(ShapeError::OddSide { place, height: rows, width: columns });
    };
    Ok(ConvolutionStage {
        input,
        kernel,
        output: ImageShape { channels: outputs, height: rows, width: columns },
        pooled: ImageShape { channels: outputs, height: pooled_rows, width: pooled_columns },
    })
}

fn halved(side: u32) -> Option<u32> {
    if side.checked_rem(POOL) == Some(0) { side.checked_div(POOL) } else { None }
}

/// Checks that layers fit each other and the data.
///
/// # Errors
/// [`ShapeError`] for the first that does not.
pub fn check_shape(specification: &OrderSpecification) -> Result<(), ShapeError> {
    let (features, classes) = (specification.data.feature_count, specification.data.class_count);
    match &specification.model.architecture {
        Architecture::Mlp { .. } => Ok(()),
        Architecture::Cnn { image, convolutions, .. } => {
            convolution_stages(*image, convolutions)?;
            require_features(image.value_count(), features)
        }
        Architecture::Gpt { width, head_count, context, .. } => {
            let (width, head_count) = (*width, *head_count);
            if width.checked_rem(head_count) != Some(0) {
                return Err(ShapeError::Heads { head_count, width });
            }
            if specification.data.format == DataFormat::Text && classes != TEXT_CLASSES {
                return Err(ShapeError::Classes { expected: TEXT_CLASSES, found: classes });
            }
            require_features(u64::from(*context), features)
        }
        Architecture::Graph { .. }
        | Architecture::Resnet(_)
        | Architecture::Vit(_)
        | Architecture::Bert(_)
        | Architecture::Llama(_)
        | Architecture::Lora(_) => Ok(network(specification).map(|_| ())?),
    }
}

fn require_features(expected: u64, found: u32) -> Result<(), ShapeError> {
    if expected == u64::from(found) {
        Ok(())
    } else {
        Err(ShapeError::Features { expected, found })
    }
}
