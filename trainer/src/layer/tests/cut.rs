//! The story of a silent fault: fused operations that say nothing about their gradient.
//!
//! Candle's neural networks compute layer norm and softmax by operations "without backward". A network of
//! them trains, its loss falls, and everything before the last norm stays as it was drawn: the graph of
//! gradients ends there, and nobody says so. Here every tensor of a network must get a gradient.

use candle_core::{CpuStorage, CustomOp3, Device, Layout, Result, Shape, Tensor, Var};

use super::super::*;
use super::language::network;

/// Numbers of a row.
const WIDTH: usize = 4;

/// A layer norm as a fused operation of candle, with bits of our kernel and nothing about its gradient.
struct Fused;

impl CustomOp3 for Fused {
    fn name(&self) -> &'static str {
        "fused-layer-norm"
    }

    fn cpu_fwd(
        &self,
        input: &CpuStorage,
        layout: &Layout,
        gamma: &CpuStorage,
        _: &Layout,
        beta: &CpuStorage,
        _: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let [input, gamma, beta] = [input, gamma, beta].map(|part| part.as_slice::<f32>().unwrap());
        let parameters = aipot_kernels::normalization::LayerNorm { gamma, beta, epsilon: 1e-5 };
        let made = aipot_kernels::normalization::layer_norm_portable(parameters, input).unwrap();
        Ok((CpuStorage::F32(made.output), layout.shape().clone()))
    }
}

fn variable(values: &[f32], shape: impl Into<Shape>) -> Var {
    Var::from_vec(values.to_vec(), shape, &Device::Cpu).unwrap()
}

#[test]
fn a_fused_norm_without_backward_cuts_the_gradients_and_ours_does_not() {
    let input: Vec<f32> = vec![0.5, -1.0, 2.0, 0.25, 1.5, 0.0, -0.75, 1.0];
    let (gamma, beta) = (vec![1.0, 2.0, 0.5, 1.5], vec![0.0, 0.1, 0.2, 0.3]);
    let weight: Vec<f32> = vec![1.0, -2.0, 3.0, -4.0, 0.5, 1.5, 2.5, 3.5];

    // Elsewhere: the loss is there, the gradients of everything before the weight behind it are not.
    let variables = [
        variable(&input, (2, WIDTH)),
        variable(&gamma, WIDTH),
        variable(&beta, WIDTH),
        variable(&weight, (2, WIDTH)),
    ];
    let [of_input, of_gamma, of_beta, of_weight] = variables.each_ref().map(Var::as_tensor);
    let made: Tensor = of_input.apply_op3_no_bwd(of_gamma, of_beta, &Fused).unwrap();
    let loss = (made * of_weight).unwrap().sum_all().unwrap();
    let gradients = loss.backward().unwrap();
    assert!(gradients.get(of_weight).is_some());
    for cut in [of_input, of_gamma, of_beta] {
        assert!(gradients.get(cut).is_none(), "candle has mended it: this story is over");
    }

    // Here: all of them are.
    let kind = Kind::LayerNorm { epsilon: 1e-5_f32.to_bits() };
    let shape = ValueShape::Features { width: u32::try_from(WIDTH).unwrap() };
    let network = network(kind, [shape, shape], 2, 1);
    let mut layer = Site::new(&network, 0, 2).unwrap().layer(&mut Room::taken()).unwrap();
    let span = RowSpan::whole(2);
    let seen = Seen { values: [&input, &[]], tokens: &[], span, draw: None };
    let mut output = [0.0; 8];
    layer.forward(&[&beta, &gamma], seen, &mut output).unwrap();
    let mut found = [vec![0.0; WIDTH], vec![0.0; WIDTH], vec![0.0; 8]];
    let [of_beta, of_gamma, of_input] = &mut found;
    let mut sums = [RunningSums::new(of_beta), RunningSums::new(of_gamma)];
    let places = [TensorPlace::Trained(0), TensorPlace::Trained(1)];
    let of_values = [Some(of_input.as_mut_slice()), None];
    let behind = Behind { gradient: &weight, of_values, sums: &mut sums, places: &places };
    layer.backward(&[&beta, &gamma], (seen, &output), behind).unwrap();
    for gradient in found {
        assert!(gradient.iter().any(|value| value.abs() > 0.01), "{gradient:?}");
    }
}
