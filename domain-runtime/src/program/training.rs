//! The training run of a fixed recipe.

use alloc::vec::Vec;

use super::builder::{Builder, of};
use super::error::ProgramError;
use super::header::base_header;
use super::layers::Gradients;
use super::model::{file_tensors, forward, layout};
use super::{
    Batch, Computation, DataInput, File, Function, Operand, Operation, Picker, Program, RateCourse,
    SlotIndex,
};
use crate::float::Float;
use crate::order::network::network;
use crate::order::shape::ShapeError;
use crate::order::tensors::{Start, Tensor, tensors};
use crate::order::{FixedRecipe, OrderSpecification, Recipe, RecipeOptimizer};

/// The deviation of [`Start::Small`]: 0.02, the nearest f32.
const SMALL_DEVIATION: u32 = 0x3ca3_d70a;

/// Every operator of the training run of an order: weights from the seed, then the steps of the recipe.
///
/// Persistent slots are the weights in the order of the model file, then for each of them its moments, then
/// for `AdamW` the powers of both betas.
///
/// # Errors
/// [`ProgramError`] when the recipe is free, or the run is beyond what a game can referee.
pub fn training(specification: &OrderSpecification) -> Result<Computation, ProgramError> {
    let recipe = match &specification.train.recipe {
        Recipe::Free => return Err(ProgramError::FreeRecipe),
        Recipe::Fixed(recipe) => recipe,
    };
    let tensors = tensors(specification)?;
    Ok(Computation {
        initial: initial(specification, recipe, &tensors)?,
        step: step(specification, recipe, &tensors)?,
        step_count: recipe.step_count,
    })
}

/// The slots that survive a step.
struct State {
    /// By the place of the tensor, with its elements.
    weights: Vec<(SlotIndex, u32)>,
    /// By the place of the tensor.
    moments: Vec<Vec<SlotIndex>>,
    /// The powers of the betas.
    powers: Vec<SlotIndex>,
}

impl State {
    fn new(
        builder: &mut Builder,
        optimizer: RecipeOptimizer,
        tensors: &[Tensor],
    ) -> Result<Self, ProgramError> {
        let mut state = Self { weights: Vec::new(), moments: Vec::new(), powers: Vec::new() };
        for tensor in tensors {
            builder.enter(tensor.layer);
            let count = super::builder::element_count(tensor.label, &tensor.shape)?;
            state.weights.push((builder.persistent(tensor.label, count)?, count));
        }
        let (moments, powers): (&[_], &[_]) = match optimizer {
            RecipeOptimizer::AdamW { .. } => {
                (&["first moment", "second moment"], &["power of beta 1", "power of beta 2"])
            }
            RecipeOptimizer::Momentum { .. } => (&["velocity"], &[]),
            RecipeOptimizer::Lion { .. } => (&["momentum"], &[]),
        };
        for (tensor, (_, count)) in tensors.iter().zip(&state.weights) {
            builder.enter(tensor.layer);
            let slots = moments.iter().map(|name| builder.persistent(name, *count));
            state.moments.push(slots.collect::<Result<_, _>>()?);
        }
        builder.enter(0);
        let powers = powers.iter().map(|name| builder.persistent(name, 1));
        state.powers = powers.collect::<Result<_, _>>()?;
        Ok(state)
    }
}

/// Makes the state: weights from the seed, moments of zero, powers of one.
fn initial(
    specification: &OrderSpecification,
    recipe: &FixedRecipe,
    tensors: &[Tensor],
) -> Result<Program, ProgramError> {
    let mut builder = Builder::default();
    let state = State::new(&mut builder, recipe.optimizer, tensors)?;
    let seed = specification.model.initial_seed;
    let base = base(&mut builder, specification, tensors)?;
    for (counter, (tensor, (slot, count))) in (0_u64..).zip(tensors.iter().zip(&state.weights)) {
        builder.enter(tensor.layer);
        let place = usize::try_from(counter).ok();
        let operation = match place.and_then(|place| base.get(place)) {
            Some(from) => copied(*from),
            None => start(tensor.start, seed, counter),
        };
        builder.write(tensor.label, (*slot, &[*count]), operation)?;
    }
    for (moments, (_, count)) in state.moments.iter().zip(&state.weights) {
        for moment in moments {
            builder.write("moment", (*moment, &[*count]), constant(Float::ZERO))?;
        }
    }
    for power in &state.powers {
        builder.write("power of a beta", (*power, &[1]), constant(Float::ONE))?;
    }
    builder.finish()
}

/// The tensors of the base file, where the weights start from it; none where they start from the seed.
fn base(
    builder: &mut Builder,
    specification: &OrderSpecification,
    tensors: &[Tensor],
) -> Result<Vec<SlotIndex>, ProgramError> {
    let network = network(specification).map_err(ShapeError::from)?;
    let is_frozen = network.is_some_and(|network| !network.base.is_empty());
    if is_frozen || specification.model.base.is_none() {
        return Ok(Vec::new());
    }
    file_tensors(builder, File::Base, (&base_header(specification)?, tensors))
}

fn copied(slot: SlotIndex) -> Operation {
    Operation::Map { function: Function::Copy, operands: [of(slot, &[1])].into() }
}

fn start(start: Start, seed: u64, counter: u64) -> Operation {
    let normal = |deviation: Float| Operation::Normal { seed, counter, deviation: deviation.0 };
    match start {
        Start::Zeros => constant(Float::ZERO),
        Start::Ones => constant(Float::ONE),
        Start::Rectified { input_count } => {
            normal(Float::TWO.divide(Float::from_u32(input_count)).square_root())
        }
        Start::Small => normal(Float(SMALL_DEVIATION)),
    }
}

fn constant(value: Float) -> Operation {
    let operands = [Operand::Constant(value.0)].into();
    Operation::Map { function: Function::Copy, operands }
}

/// One step: a batch forward, its loss, backward, and the update of every tensor.
fn step(
    specification: &OrderSpecification,
    recipe: &FixedRecipe,
    tensors: &[Tensor],
) -> Result<Program, ProgramError> {
    let layout = layout(specification)?;
    let mut builder = Builder::default();
    let state = State::new(&mut builder, recipe.optimizer, tensors)?;
    // Records are read by the byte, so the slot has no elements.
    let slot = builder.file("training data", File::Train, (0, 0))?;
    let picker = Picker::Shuffled { seed: specification.model.initial_seed };
    let (rows, example_count) =
        (specification.train.batch_size, specification.data.train_example_count);
    let data = DataInput { slot, layout, batch: Batch { picker, rows, example_count } };
    let weights: Vec<_> = state.weights.iter().map(|(slot, _)| *slot).collect();
    let passed = forward(&mut builder, specification, data, &weights)?;
    let gradients = passed.backward(&mut builder)?;
    builder.enter(0);
    update(&mut builder, recipe, &state, &gradients)?;
    builder.finish()
}

/// Moves every tensor down its gradient.
fn update(
    builder: &mut Builder,
    recipe: &FixedRecipe,
    state: &State,
    gradients: &Gradients,
) -> Result<(), ProgramError> {
    let course = RateCourse {
        peak: recipe.learning_rate,
        schedule: recipe.schedule,
        step_count: recipe.step_count,
    };
    let rate = builder.compute("learning rate", &[1], Operation::LearningRate { course })?;
    match (recipe.optimizer, state.powers.as_slice()) {
        (RecipeOptimizer::AdamW { beta1, beta2, epsilon, weight_decay }, &[power1, power2]) => {
            let constants = AdamW { betas: [beta1, beta2], epsilon, weight_decay };
            constants.update(builder, (rate, [power1, power2]), state, gradients)
        }
        (RecipeOptimizer::AdamW { .. }, _) => Err(ProgramError::SlotCount),
        (RecipeOptimizer::Momentum { momentum, weight_decay }, _) => {
            let constants = Momentum { momentum, weight_decay };
            constants.update(builder, rate, state, gradients)
        }
        (RecipeOptimizer::Lion { beta1, beta2, weight_decay }, _) => {
            let constants = Lion { betas: [beta1, beta2], weight_decay };
            constants.update(builder, rate, state, gradients)
        }
    }
}

/// The constants of `AdamW`.
struct AdamW {
    betas: [u32; 2],
    epsilon: u32,
    weight_decay: u32,
}

impl AdamW {
    fn update(
        &self,
        builder: &mut Builder,
        (rate, powers): (SlotIndex, [SlotIndex; 2]),
        state: &State,
        gradients: &Gradients,
    ) -> Result<(), ProgramError> {
        for (power, beta) in powers.into_iter().zip(self.betas) {
            let operands = [of(power, &[]), Operand::Constant(beta)];
            builder.update("power of a beta", (power, &[1]), Function::Multiply, &operands)?;
        }
        let [power1, power2] = powers;
        let kept = kept(builder, rate, self.weight_decay)?;
        let operands = [of(rate, &[]), of(power1, &[])];
        let rate = builder.map("step rate", &[1], Function::CorrectedRate, &operands)?;
        let operands = [of(power2, &[])];
        let root = builder.map("correction root", &[1], Function::CorrectionRoot, &operands)?;
        let [beta1, beta2] = self.betas;
        for (place, (weight, count)) in state.weights.iter().enumerate() {
            let (Some(gradient), Some(&[first, second])) =
                (gradients.get(&place), state.moments.get(place).map(Vec::as_slice))
            else {
                continue;
            };
            let shape = [*count];
            let operands = [of(first, &[1]), of(*gradient, &[1])];
            let function = Function::FirstMoment { beta: beta1 };
            builder.update("first moment", (first, &shape), function, &operands)?;
            let operands = [of(second, &[1]), of(*gradient, &[1])];
            let function = Function::SecondMoment { beta: beta2 };
            builder.update("second moment", (second, &shape), function, &operands)?;
            let values = [*weight, first, second].map(|slot| of(slot, &[1]));
            let scalars = [kept, rate, root].map(|slot| of(slot, &[]));
            let operands = [values, scalars].concat();
            let function = Function::AdamWeight { epsilon: self.epsilon };
            builder.update("weight", (*weight, &shape), function, &operands)?;
        }
        Ok(())
    }
}

/// The constants of stochastic gradient descent with momentum.
struct Momentum {
    momentum: u32,
    weight_decay: u32,
}

impl Momentum {
    fn update(
        &self,
        builder: &mut Builder,
        rate: SlotIndex,
        state: &State,
        gradients: &Gradients,
    ) -> Result<(), ProgramError> {
        let kept = kept(builder, rate, self.weight_decay)?;
        for (place, (weight, count)) in state.weights.iter().enumerate() {
            let (Some(gradient), Some(&[velocity])) =
                (gradients.get(&place), state.moments.get(place).map(Vec::as_slice))
            else {
                continue;
            };
            let shape = [*count];
            let operands = [of(velocity, &[1]), of(*gradient, &[1])];
            let function = Function::Velocity { momentum: self.momentum };
            builder.update("velocity", (velocity, &shape), function, &operands)?;
            let operands = [of(*weight, &[1]), of(velocity, &[1]), of(kept, &[]), of(rate, &[])];
            builder.update("weight", (*weight, &shape), Function::MomentumWeight, &operands)?;
        }
        Ok(())
    }
}

/// The constants of Lion.
struct Lion {
    betas: [u32; 2],
    weight_decay: u32,
}

impl Lion {
    fn update(
        &self,
        builder: &mut Builder,
        rate: SlotIndex,
        state: &State,
        gradients: &Gradients,
    ) -> Result<(), ProgramError> {
        let kept = kept(builder, rate, self.weight_decay)?;
        let [beta1, beta2] = self.betas;
        for (place, (weight, count)) in state.weights.iter().enumerate() {
            let (Some(gradient), Some(&[momentum])) =
                (gradients.get(&place), state.moments.get(place).map(Vec::as_slice))
            else {
                continue;
            };
            let shape = [*count];
            let values = [*weight, momentum, *gradient].map(|slot| of(slot, &[1]));
            let operands = [&values[..], &[of(kept, &[]), of(rate, &[])]].concat();
            let function = Function::LionWeight { beta: beta1 };
            builder.update("weight", (*weight, &shape), function, &operands)?;
            let operands = [of(momentum, &[1]), of(*gradient, &[1])];
            let function = Function::FirstMoment { beta: beta2 };
            builder.update("momentum", (momentum, &shape), function, &operands)?;
        }
        Ok(())
    }
}

/// The share of the weights that stays.
fn kept(
    builder: &mut Builder,
    rate: SlotIndex,
    weight_decay: u32,
) -> Result<SlotIndex, ProgramError> {
    let function = Function::Kept { decay: weight_decay };
    builder.map("kept share", &[1], function, &[of(rate, &[])])
}
