//! Tests of the optimizers against plain formulas, and of their independence of threads.

use candle_core::{Device, Tensor, Var};

use super::{OptimizerOptions, OptimizerState, Update};

fn steps(options: OptimizerOptions, start: &[f32], gradients: &[Vec<f32>]) -> Vec<f32> {
    let variable = Var::from_slice(start, start.len(), &Device::Cpu).unwrap();
    let mut state = OptimizerState::new(options, std::iter::once(start.len()));
    for (step, gradient) in (0..).zip(gradients) {
        let gradient = Tensor::from_slice(gradient, start.len(), &Device::Cpu).unwrap();
        let update = Update { options, learning_rate: 0.1, step };
        update.apply(&variable, &gradient, &mut state.moments[0]).unwrap();
    }
    variable.to_vec1().unwrap()
}

#[test]
fn adamw_follows_its_paper() {
    let gradients = [vec![0.5, -2.0], vec![0.25, 1.0], vec![-1.0, 0.0]];
    let found = steps(OptimizerOptions::ADAMW, &[1.0, -1.0], &gradients);
    let (beta1, beta2) = (f64::from(0.9_f32), f64::from(0.999_f32));
    for (index, start) in [1.0, -1.0].into_iter().enumerate() {
        let (mut weight, mut first, mut second): (f64, f64, f64) = (start, 0.0, 0.0);
        for (count, gradient) in (1..).zip(&gradients) {
            let gradient = f64::from(gradient[index]);
            first = beta1 * first + (1.0 - beta1) * gradient;
            second = beta2 * second + (1.0 - beta2) * gradient * gradient;
            let mean = first / (1.0 - beta1.powi(count));
            let size = (second / (1.0 - beta2.powi(count))).sqrt() + 1e-8;
            weight -= 0.1 * (mean / size + 0.01 * weight);
        }
        let error = (f64::from(found[index]) - weight).abs();
        assert!(error < 1e-5, "value {index}: {} {weight}", found[index]);
    }
}

#[test]
fn momentum_follows_its_formula() {
    let options = OptimizerOptions::Momentum { momentum: 0.5, weight_decay: 0.0 };
    let found = steps(options, &[1.0], &[vec![1.0], vec![1.0]]);
    // Velocities 1 and 1.5 at a rate of 0.1.
    assert!((found[0] - 0.75).abs() < 1e-6, "{}", found[0]);
}

#[test]
fn threads_change_no_bit() {
    let start: Vec<f32> = (0..u16::MAX).map(|index| f32::from(index) / 7.0).collect();
    let gradient: Vec<f32> = (0..u16::MAX).map(|index| f32::from(index) - 9.5).collect();
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| steps(OptimizerOptions::ADAMW, &start, std::slice::from_ref(&gradient)))
    };
    let one = with(1);
    assert_eq!(one, with(2));
    assert_eq!(one, with(3));
}

#[test]
fn a_gradient_of_another_length_is_refused() {
    let variable = Var::from_slice(&[1.0_f32, 2.0], 2, &Device::Cpu).unwrap();
    let gradient = Tensor::from_slice(&[1.0_f32], 1, &Device::Cpu).unwrap();
    let mut moments = vec![vec![0.0; 2]; 2];
    let options = OptimizerOptions::ADAMW;
    let update = Update { options, learning_rate: 0.1, step: 0 };
    assert!(update.apply(&variable, &gradient, &mut moments).is_err());
    moments.pop();
    let gradient = Tensor::from_slice(&[1.0_f32, 1.0], 2, &Device::Cpu).unwrap();
    assert!(update.apply(&variable, &gradient, &mut moments).is_err());
    assert_eq!(variable.to_vec1::<f32>().unwrap(), [1.0, 2.0]);
}
