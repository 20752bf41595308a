//! Orders of every architecture.

use std::vec::Vec;

use crate::bounded::BoundedVec;
use crate::order::tests::specification;
use crate::order::{
    Architecture, ConvolutionSpecification, DataFormat, FixedRecipe, ImageShape,
    OrderSpecification, Recipe, RecipeOptimizer, RecipeSchedule,
};

/// The constants of the paper.
pub(super) const ADAMW: RecipeOptimizer = RecipeOptimizer::AdamW {
    beta1: 0x3f66_6666,
    beta2: 0x3f7f_be77,
    epsilon: 0x322b_cc77,
    weight_decay: 0x3c23_d70a,
};
/// Momentum of 0.9.
pub(super) const MOMENTUM: RecipeOptimizer =
    RecipeOptimizer::Momentum { momentum: 0x3f66_6666, weight_decay: 0 };

/// A short recipe with a learning rate of 1/1024.
pub(super) fn recipe(optimizer: RecipeOptimizer) -> Recipe {
    Recipe::Fixed(FixedRecipe {
        step_count: 3,
        optimizer,
        learning_rate: 0x3a80_0000,
        schedule: RecipeSchedule::Constant,
        checkpoint_interval: 2,
    })
}

pub(super) fn order(
    architecture: Architecture,
    (features, classes): (u32, u32),
    batch: u32,
) -> OrderSpecification {
    let mut order = specification();
    order.model.architecture = architecture;
    order.data.feature_count = features;
    order.data.class_count = classes;
    order.train.batch_size = batch;
    order.train.recipe = recipe(ADAMW);
    order
}

fn widths<const MAX: usize>(widths: &[u32]) -> BoundedVec<u32, MAX> {
    BoundedVec::try_from(widths.to_vec()).unwrap()
}

pub(super) fn mlp(ends: (u32, u32), hidden: &[u32], batch: u32) -> OrderSpecification {
    order(Architecture::Mlp { hidden_widths: widths(hidden) }, ends, batch)
}

pub(super) fn cnn(
    [channels, height, width]: [u32; 3],
    convolutions: &[(u32, u32)],
    (hidden, classes): (&[u32], u32),
    batch: u32,
) -> OrderSpecification {
    let convolutions: Vec<_> = convolutions
        .iter()
        .map(|&(outputs, kernel)| ConvolutionSpecification { outputs, kernel })
        .collect();
    let image = ImageShape { channels, height, width };
    let features = u32::try_from(image.value_count()).unwrap_or(u32::MAX);
    let convolutions = BoundedVec::try_from(convolutions).unwrap();
    let architecture = Architecture::Cnn { image, convolutions, hidden_widths: widths(hidden) };
    order(architecture, (features, classes), batch)
}

pub(super) fn gpt(
    [width, layer_count, head_count, context]: [u32; 4],
    batch: u32,
) -> OrderSpecification {
    let architecture = Architecture::Gpt { width, layer_count, head_count, context };
    let mut order = order(architecture, (context, 256), batch);
    order.data.format = DataFormat::Text;
    order.data.feature_divisor = 1;
    order
}
