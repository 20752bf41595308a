//! Which values are left out, whatever the threads, and wherever a batch is cut.

use super::*;
use crate::fixtures::{awkward, bits, normals, on_one_two_and_three_threads};

/// One tenth.
const TENTH: Dropout = Dropout { threshold: 429_496_730, factor: 1.0 / 0.9 };

/// Which of the first 64 values are left out; the origin stands in the file.
const VECTORS: &str = include_str!("../../tests/vectors/dropout.txt");

#[test]
fn values_are_left_out_where_the_vectors_say() {
    let lines: Vec<&str> = VECTORS.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(lines.len(), 4);
    for line in lines {
        let fields: Vec<&str> = line.split(' ').collect();
        let number = |field: usize| fields[field].parse::<u32>().unwrap();
        let stream = dropout_stream(&[0; 32], number(0), number(1));
        let chosen = Dropout { threshold: number(2), factor: 2.0 };
        let mut values = [1.0; 64];
        dropout(chosen, &stream, 0, &mut values);
        let found: String =
            values.iter().map(|value| if *value == 0.0 { '0' } else { '1' }).collect();
        assert_eq!(found, fields[3], "{line}");
    }
}

#[test]
fn fast_equals_portable_on_one_two_and_three_threads() {
    on_one_two_and_three_threads(|| {
        for count in [0, 1, 17, CHUNK_VALUES - 1, CHUNK_VALUES + 1, 3 * CHUNK_VALUES] {
            let stream = dropout_stream(&[3; 32], 5, 7);
            let values = awkward("dropout", count, count, 7);
            let mut words = stream.clone();
            let expected: Vec<f32> = values
                .iter()
                .map(|value| dropout_portable(TENTH, words.next_u32(), *value))
                .collect();
            let mut actual = values;
            dropout(TENTH, &stream, 0, &mut actual);
            assert_eq!(bits(&actual), bits(&expected), "{count} values");
        }
    });
}

#[test]
fn a_batch_cut_anywhere_loses_the_same_values() {
    let stream = dropout_stream(&[4; 32], 1, 2);
    let mut whole = normals("dropout", 1, 20_000);
    let mut cut = whole.clone();
    dropout(TENTH, &stream, 0, &mut whole);
    let (first, second) = cut.split_at_mut(9_001);
    dropout(TENTH, &stream, 0, first);
    dropout(TENTH, &stream, 9_001, second);
    assert_eq!(bits(&cut), bits(&whole));
}

#[test]
fn about_a_tenth_is_left_out_and_the_mean_stays() {
    let mut values = vec![1.0; 100_000];
    dropout(TENTH, &dropout_stream(&[5; 32], 0, 0), 0, &mut values);
    let left_out = values.iter().filter(|value| **value == 0.0).count();
    assert!((9_700..10_300).contains(&left_out), "{left_out}");
    let sum: f64 = values.iter().map(|value| f64::from(*value)).sum();
    assert!((sum / 100_000.0 - 1.0).abs() < 0.005, "{sum}");
    let mut kept = vec![-0.0, f32::INFINITY];
    dropout(Dropout { threshold: 0, factor: 1.0 }, &dropout_stream(&[5; 32], 0, 0), 0, &mut kept);
    assert_eq!(bits(&kept), bits(&[-0.0, f32::INFINITY]), "without a threshold nothing is");
}

#[test]
fn layers_and_steps_have_streams_of_their_own() {
    let first = |node, step| dropout_stream(&[6; 32], node, step).next_u32();
    let words = [first(0, 0), first(0, 1), first(1, 0), first(1, 1)];
    for (place, word) in words.iter().enumerate() {
        assert!(!words[place + 1..].contains(word), "{words:?}");
    }
}
