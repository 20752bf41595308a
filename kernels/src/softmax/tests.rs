//! Rows are normalized, the first maximum wins, and fast equals portable.

use proptest::prelude::*;

use super::*;
use crate::canonical::CANONICAL_NAN_BITS;
use crate::chacha8::ChaChaStream;
use crate::fixtures::{awkward, bits, error_ulp_of, on_one_two_and_three_threads};

/// Log-softmax of rows of normal numbers; the origin stands in the file.
const VECTORS: &str = include_str!("../../tests/vectors/softmax.txt");

fn logits(count: usize, counter: usize) -> Vec<f32> {
    let counter = u64::try_from(counter).unwrap();
    let mut stream = ChaChaStream::derive(&[0; 32], "softmax", counter);
    (0..count).map(|_| stream.normal_f32() * 8.0).collect()
}

#[test]
fn log_softmax_is_that_of_the_vectors() {
    let mut count = 0;
    for line in VECTORS.lines().filter(|line| !line.starts_with('#')) {
        let words: Vec<&str> = line.split(' ').collect();
        let classes = words[0].parse().unwrap();
        let row = log_softmax_portable(&logits(classes, classes), classes).unwrap();
        let shown: Vec<String> =
            row.iter().map(|value| format!("{:08x}", value.to_bits())).collect();
        assert_eq!(shown, words[1..]);
        count += 1;
    }
    assert_eq!(count, 5);
}

#[test]
fn log_softmax_has_the_same_bits_on_one_two_and_three_threads() {
    let logits = logits(3000 * 10, 1);
    let expected = bits(&log_softmax_portable(&logits, 10).unwrap());
    for threads in 1..=3 {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let actual = pool.install(|| log_softmax(&logits, 10).unwrap());
        assert_eq!(bits(&actual), expected, "{threads} threads");
    }
}

#[test]
fn softmax_has_the_same_bits_with_awkward_numbers_on_one_two_and_three_threads() {
    on_one_two_and_three_threads(|| {
        for classes in [1, 2, 31, 33, 513, 5000] {
            for every in [2, 7, 1009] {
                let logits = awkward("softmax", every, 4 * classes, every);
                let expected = softmax_portable(&logits, classes).unwrap();
                assert_eq!(bits(&softmax(&logits, classes).unwrap()), bits(&expected));
                let expected = log_softmax_portable(&logits, classes).unwrap();
                assert_eq!(bits(&log_softmax(&logits, classes).unwrap()), bits(&expected));
            }
        }
    });
}

#[test]
fn softmax_keeps_its_error_bounds_from_subnormal_to_large_logits() {
    let (mut of_value, mut of_logarithm) = (0.0_f64, 0.0_f64);
    for classes in [2, 10, 100, 1000] {
        for exponent in -149..7 {
            let scale = 2_f32.powi(exponent / 2) * 2_f32.powi(exponent - exponent / 2);
            let row: Vec<f32> = logits(classes, 1).iter().map(|x| x / 8.0 * scale).collect();
            let largest = f64::from(reduction::max(&row));
            let wide = |x: &f32| f64::from(*x) - largest;
            let sum: f64 = row.iter().map(|x| wide(x).exp()).sum();
            let values = softmax_portable(&row, classes).unwrap();
            let logarithms = log_softmax_portable(&row, classes).unwrap();
            for ((x, value), logarithm) in row.iter().zip(values).zip(logarithms) {
                let exact = wide(x).exp() / sum;
                of_value = of_value.max((f64::from(value) - exact).abs());
                let exact = wide(x) - sum.ln();
                of_logarithm =
                    of_logarithm.max(error_ulp_of(logarithm.min(-1.0), logarithm, exact));
            }
        }
    }
    let of_value = of_value * 2_f64.powi(24);
    println!("softmax: {of_value} times 2^-24, log-softmax: {of_logarithm} ULP or of 1");
    assert!(of_value < 2.5, "{of_value} times 2^-24");
    assert!(of_logarithm < 1.5, "{of_logarithm} ULP of the logarithm or of 1");
}

#[test]
fn an_even_row_of_ten_costs_the_logarithm_of_ten() {
    let losses = negative_log_likelihood(&[3.0; 20], 10, &[0, 9]).unwrap();
    assert_eq!(bits(&losses), [log(10.0).to_bits(); 2]);
}

#[test]
fn a_certain_right_answer_costs_nothing_and_a_wrong_one_its_margin() {
    let losses = negative_log_likelihood(&[1000.0, 0.0, 1000.0, 0.0], 2, &[0, 1]).unwrap();
    assert_eq!(bits(&losses), bits(&[-0.0, 1000.0]));
}

#[test]
fn rows_without_a_largest_finite_logit_are_nan() {
    let nan = f32::from_bits(0xffc0_0001);
    for row in [[f32::INFINITY, 0.0], [f32::NEG_INFINITY; 2], [nan, 1.0], [1.0, nan]] {
        assert_eq!(bits(&log_softmax(&row, 2).unwrap()), [CANONICAL_NAN_BITS; 2]);
        assert_eq!(bits(&log_softmax_portable(&row, 2).unwrap()), [CANONICAL_NAN_BITS; 2]);
        assert_eq!(bits(&softmax(&row, 2).unwrap()), [CANONICAL_NAN_BITS; 2]);
    }
}

#[test]
fn an_impossible_class_has_minus_infinite_log_probability() {
    let row = log_softmax(&[0.0, f32::NEG_INFINITY], 2).unwrap();
    assert_eq!(bits(&row), bits(&[0.0, f32::NEG_INFINITY]));
}

#[test]
fn the_first_of_equal_logits_wins_and_nan_never_does() {
    let nan = f32::NAN;
    let rows = [1.0, 3.0, 3.0, -0.0, 0.0, -1.0, nan, -5.0, nan, nan, nan, nan];
    assert_eq!(argmax(&rows, 3).unwrap(), [1, 0, 1, 0]);
    assert_eq!(argmax(&[f32::NEG_INFINITY, f32::NEG_INFINITY], 2).unwrap(), [0]);
}

#[test]
fn labels_and_rows_that_do_not_fit_are_named() {
    let error = negative_log_likelihood(&[0.0; 6], 3, &[0, 3]).unwrap_err();
    assert_eq!(error, SoftmaxError::LabelOutOfRange { row: 1, label: 3, classes: 3 });
    let error = negative_log_likelihood(&[0.0; 6], 3, &[0]).unwrap_err();
    assert_eq!(error, SoftmaxError::LabelCount { rows: 2, labels: 1 });
    let error = argmax(&[0.0; 5], 3).unwrap_err();
    assert_eq!(error, SoftmaxError::PartialRow { value_count: 5, classes: 3 });
    assert!(log_softmax(&[], 0).is_err());
    assert!(log_softmax(&[], 3).unwrap().is_empty());
}

proptest! {
    #[test]
    fn fast_equals_portable(rows in 0_usize..8, classes in 1_usize..200, counter in 0_usize..1000) {
        let logits = logits(rows * classes, counter);
        let expected = log_softmax_portable(&logits, classes).unwrap();
        prop_assert_eq!(bits(&log_softmax(&logits, classes).unwrap()), bits(&expected));
        let expected = softmax_portable(&logits, classes).unwrap();
        prop_assert_eq!(bits(&softmax(&logits, classes).unwrap()), bits(&expected));
    }

    /// The probabilities of a row sum to one, and are the exponentials of the log-probabilities.
    #[test]
    fn softmax_is_a_distribution(classes in 1_usize..200, counter in 0_usize..1000) {
        let logits = logits(classes, counter);
        let probabilities = softmax(&logits, classes).unwrap();
        let log_probabilities = log_softmax(&logits, classes).unwrap();
        prop_assert!((reduction::sum(&probabilities) - 1.0).abs() < 1e-5);
        for (probability, logarithm) in probabilities.iter().zip(&log_probabilities) {
            prop_assert!((probability - exp(*logarithm)).abs() < 1e-5);
        }
    }

    #[test]
    fn the_answer_has_the_largest_logit(classes in 1_usize..200, counter in 0_usize..1000) {
        let logits = logits(classes, counter);
        let answer = argmax(&logits, classes).unwrap()[0];
        prop_assert!(logits.iter().all(|logit| *logit <= logits[answer]));
    }
}
