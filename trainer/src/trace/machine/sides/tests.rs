//! Tests of courses against the definition of a view.

use proptest::prelude::*;

use super::{Course, wide};

const SHAPE: [u32; 6] = [2, 1, 3, 2, 1, 4];

/// Positions by the definition: `offset + sum(i[side] * strides[side])`.
fn defined(shape: &[u32; 6], offset: u32, strides: &[u32; 6]) -> Vec<usize> {
    let count: u32 = shape.iter().product();
    (0..count)
        .map(|element| {
            let (mut rest, mut position) = (element, offset);
            for (size, stride) in shape.iter().zip(strides).rev() {
                position += rest % size * stride;
                rest /= size;
            }
            wide(position)
        })
        .collect()
}

proptest! {
    #[test]
    fn positions_are_those_of_the_view(
        offset in 0_u32..9,
        strides in prop::array::uniform6(prop_oneof![Just(0_u32), Just(1), Just(2), Just(4), 0_u32..30]),
        first in 0_usize..48,
    ) {
        let expected = defined(&SHAPE, offset, &strides);
        let course = Course::new(&SHAPE, offset, &strides);
        let mut found = vec![0; expected.len() - first];
        course.positions(first, &mut found);
        prop_assert_eq!(&found, &expected[first..]);
        prop_assert_eq!(course.last(), expected.iter().max().copied());
        let words: Vec<u32> = (0..1000).map(|word| word * 7).collect();
        let mut gathered = vec![0; found.len()];
        course.gather(&words, first, &mut gathered);
        let expected: Vec<u32> = found.iter().map(|position| words[*position]).collect();
        prop_assert_eq!(gathered, expected);
    }
}

#[test]
fn a_dense_view_is_one_side() {
    let course = Course::new(&SHAPE, 5, &[24, 24, 8, 4, 4, 1]);
    let mut runs = Vec::new();
    course.runs(0, 48, |run| runs.push((run.position, run.length)));
    assert_eq!(runs, [(5, 48)]);
}
