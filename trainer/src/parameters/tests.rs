//! Tests of the weights outside a model.

use super::{Parameters, ParametersError};
use crate::fixtures::small_fixture;

#[test]
fn values_must_fit_the_layout() {
    let specification = small_fixture().specification;
    let fitting = vec![vec![0.0; 4], vec![0.0; 12], vec![0.0; 2], vec![0.0; 8]];
    assert_eq!(Parameters::new(&specification, fitting.clone()).unwrap().value_count(), 26);
    let found = Parameters::new(&specification, fitting[..3].to_vec()).unwrap_err();
    assert_eq!(found, ParametersError::TensorCount { expected: 4, found: 3 });
    let mut short = fitting;
    short[1].pop();
    let found = Parameters::new(&specification, short).unwrap_err();
    let name = "layers.00.weight".to_owned();
    assert_eq!(found, ParametersError::ValueCount { name, expected: 12, found: 11 });
}

#[test]
fn the_weights_stand_in_the_first_slots_of_a_state() {
    let specification = small_fixture().specification;
    // Features, hidden width and classes are 3, 4 and 2; what is behind the tensors does not count.
    let persistent = [4, 12, 2, 8, 99].map(|count: u32| (0..count).collect::<Vec<u32>>());
    let model = Parameters::from_state(&specification, &persistent).unwrap();
    for (tensor, words) in model.tensors().iter().zip(&persistent) {
        let bits: Vec<u32> = tensor.values().iter().map(|value| value.to_bits()).collect();
        assert_eq!(bits, *words);
    }
    assert!(Parameters::from_state(&specification, &persistent[1..]).is_err());
}
