//! Layers over images as programs: their gradients are slopes, and parts of a batch are the batch.

use std::vec::Vec;

use super::gradients::{check, records};
use super::machine::Machine;
use super::orders::{MOMENTUM, order, recipe};
use crate::bounded::BoundedVec;
use crate::order::network::{GraphInput, GraphLayer, Layer};
use crate::order::{Architecture, ImageShape, OrderSpecification, ResnetShape, VitShape};
use crate::program::{Operation, OperatorFault, ProgramError, training};

/// Epsilon of the norms, 1e-5.
const EPSILON: u32 = 0x3727_c5ac;

/// An order of layers over images, each reading the value before it.
fn graph(
    [channels, height, width]: [u32; 3],
    layers: &[Layer],
    classes: u32,
    batch: u32,
) -> OrderSpecification {
    let image = ImageShape { channels, height, width };
    let layers: Vec<_> = layers
        .iter()
        .map(|layer| GraphLayer { layer: *layer, inputs: BoundedVec::default() })
        .collect();
    let layers = BoundedVec::try_from(layers).unwrap();
    let features = u32::try_from(image.value_count()).unwrap();
    order(
        Architecture::Graph { input: GraphInput::Image(image), layers },
        (features, classes),
        batch,
    )
}

const fn convolution(outputs: u32, kernel: u32, (stride, padding): (u32, u32)) -> Layer {
    Layer::Convolution { outputs, kernel, stride, padding, has_bias: stride == 1 }
}

const fn linear(outputs: u32) -> Layer {
    Layer::Linear { outputs, has_bias: true }
}

fn resnet(batch: u32) -> OrderSpecification {
    let image = ImageShape { channels: 2, height: 5, width: 6 };
    let widths = BoundedVec::try_from([4, 6].to_vec()).unwrap();
    let shape = ResnetShape { image, widths, block_count: 1, groups: 2 };
    order(Architecture::Resnet(shape), (60, 3), batch)
}

fn vit(batch: u32) -> OrderSpecification {
    let image = ImageShape { channels: 2, height: 4, width: 6 };
    let shape = VitShape { image, patch: 2, width: 6, layer_count: 1, head_count: 2 };
    order(Architecture::Vit(shape), (48, 3), batch)
}

#[test]
fn gradients_of_layers_over_images_are_slopes() {
    let norm = Layer::GroupNorm { groups: 2, epsilon: EPSILON };
    let layers = [
        convolution(4, 3, (2, 1)),
        norm,
        Layer::Gelu,
        convolution(6, 3, (1, 2)),
        norm,
        Layer::MaxPool,
        Layer::AveragePool,
        linear(3),
    ];
    let mut order = graph([2, 7, 12], &layers, 3, 3);
    let data = records(&mut order);
    check(order, &data, 1.0 / 1024.0);
}

#[test]
fn gradients_behind_patches_are_slopes() {
    let layers = [
        convolution(3, 2, (2, 0)),
        Layer::Patches { side: 2 },
        linear(5),
        Layer::Gelu,
        Layer::Flatten,
        linear(3),
    ];
    let mut order = graph([2, 8, 12], &layers, 3, 3);
    let data = records(&mut order);
    check(order, &data, 1.0 / 1024.0);
}

#[test]
fn gradients_of_residual_networks_are_slopes() {
    let mut order = resnet(3);
    let data = records(&mut order);
    // A short step, which passes few bends of the rectifiers.
    check(order, &data, 1.0 / 4096.0);
}

#[test]
fn gradients_of_transformers_over_squares_are_slopes() {
    let mut order = vit(3);
    let data = records(&mut order);
    check(order, &data, 1.0 / 1024.0);
}

#[test]
fn every_tensor_of_a_network_over_images_gets_a_gradient() {
    [resnet(4), vit(4)].into_iter().for_each(check_every_tensor);
}

fn check_every_tensor(mut order: OrderSpecification) {
    order.train.recipe = recipe(MOMENTUM);
    let data = records(&mut order);
    let computation = training(&order).unwrap();
    let mut initial = Machine::new(&computation.initial, &[], &data);
    initial.run(0, |_| false);
    let mut machine = Machine::new(&computation.step, &initial.persistent(), &data);
    machine.run(0, |_| false);
    let state = machine.persistent();
    let count = crate::order::tensors::tensors(&order).unwrap().len();
    for (place, gradient) in state[count..].iter().take(count).enumerate() {
        assert!(gradient.iter().any(|word| word << 1 != 0), "tensor {place}");
    }
}

#[test]
fn images_whose_columns_fill_more_than_a_slot_are_taken_in_parts() {
    // 144 values under the kernel at 784 pixels: 37 images fill a slot.
    let layers =
        [convolution(16, 1, (1, 0)), convolution(2, 3, (1, 1)), Layer::AveragePool, linear(2)];
    let products = |batch: u32| {
        let computation = training(&graph([1, 28, 28], &layers, 2, batch)).unwrap();
        computation.check().unwrap();
        let operators = computation.step.operators;
        operators.iter().filter(|one| one.name == "convolution product").count()
    };
    // The one of a single value, and the other by the part; they are put together behind.
    assert_eq!(products(37), 2);
    assert_eq!(products(38), 1 + 2 + 3);
    assert_eq!(products(75), 1 + 3 + 4);
    // An image that no slot holds is refused.
    let large = graph([64, 96, 96], &[convolution(1, 3, (1, 1)), Layer::AveragePool], 1, 1);
    let refused = training(&large);
    assert!(matches!(refused, Err(ProgramError::SlotSize { .. })), "{refused:?}");
}

#[test]
fn a_window_that_leaves_its_plane_or_stands_still_is_refused() {
    type Change<'change> = &'change dyn Fn(&mut [u32; 2], &mut [u32; 2], &mut u32);
    let order = graph([1, 5, 7], &[convolution(2, 3, (2, 1)), Layer::AveragePool], 2, 2);
    let fault = |change: Change<'_>| {
        let mut program = training(&order).unwrap().step;
        let place = program.operators.iter().position(|one| one.name == "framed images");
        let place = place.unwrap() + 1;
        let Operation::AddWindow { origin, size, stride, .. } =
            &mut program.operators[place].operation
        else {
            panic!("no window at {place}")
        };
        change(origin, size, stride);
        program.check()
    };
    assert_eq!(fault(&|_, _, _| {}), Ok(()));
    let refused = |found: Result<(), ProgramError>| {
        matches!(found, Err(ProgramError::Operator { fault: OperatorFault::Window, .. }))
    };
    assert!(refused(fault(&|origin, _, _| origin[0] = 3)));
    assert!(refused(fault(&|_, size, _| size[1] = 9)));
    assert!(refused(fault(&|_, _, stride| *stride = 0)));
    assert!(refused(fault(&|_, _, stride| *stride = 2)));
    // Of a plane of 7 x 9, rows 1, 4 and columns 1, 4, 7 are within.
    assert_eq!(fault(&|_, size, stride| (*size, *stride) = ([2, 3], 3)), Ok(()));
}
