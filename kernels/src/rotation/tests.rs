//! Angles are exact to a unit, fast equals portable, lengths stay, and turning back undoes turning.

use super::*;
use crate::fixtures::{awkward, bits, normals, on_one_two_and_three_threads};

/// Frequencies, cosines and sines; the origin stands in the file.
const VECTORS: &str = include_str!("../../tests/vectors/rotation.txt");

/// 10,000.
const BASE: u32 = 0x461c_4000;

/// 2^32 as f64.
const TURN: f64 = 4_294_967_296.0;

#[test]
fn angles_are_those_of_the_vectors() {
    let lines: Vec<&str> = VECTORS.lines().filter(|line| !line.starts_with('#')).collect();
    assert!(lines.len() > 40, "{} lines", lines.len());
    for line in lines {
        let fields: Vec<&str> = line.split(' ').collect();
        let number = |field: usize| fields[field].parse::<u32>().unwrap();
        let unit = frequency(fields[0].parse::<f32>().unwrap().to_bits(), number(1), number(2));
        assert_eq!(unit, number(4), "{line}");
        let turn = number(3).wrapping_mul(unit);
        let found = format!("{:08x} {:08x}", cosine(turn).to_bits(), sine(turn).to_bits());
        assert_eq!(found, fields[5..].join(" "), "{line}");
    }
}

#[test]
fn cosines_and_sines_are_exact_to_a_ten_thousandth_up_to_position_4096() {
    let mut worst = 0.0_f64;
    for (base, width) in
        [(10_000.0, 64), (10_000.0, 128), (500_000.0, 128), (1e30, 32), (2.5_f32, 6), (1.0, 4)]
    {
        for pair in 0..width / 2 {
            let unit = frequency(base.to_bits(), width, pair);
            let exact = f64::from(base).powf(-2.0 * f64::from(pair) / f64::from(width));
            let units = exact * TURN / std::f64::consts::TAU;
            assert!(
                (f64::from(unit) - units).abs() <= 0.501,
                "{base} {width} {pair}: {unit} {units}"
            );
            for position in (0..4096).step_by(13).chain([4095]) {
                let (turn, angle) = (unit.wrapping_mul(position), exact * f64::from(position));
                let cosine_error = (f64::from(cosine(turn)) - angle.cos()).abs();
                let sine_error = (f64::from(sine(turn)) - angle.sin()).abs();
                worst = worst.max(cosine_error).max(sine_error);
            }
        }
    }
    println!("rotation: {worst} off at most");
    assert!(worst < 1e-5, "{worst}");
}

/// Packed rows of a few sizes.
const SIZES: &[(usize, usize, usize, usize)] =
    &[(0, 3, 2, 4), (1, 1, 1, 2), (2, 3, 2, 4), (3, 17, 3, 6), (2, 33, 2, 64)];

fn turned_by_pairs(rows: PackedRows, angles: &Angles, sign: f32, packed: &[f32]) -> Vec<f32> {
    let (half, width) = (rows.head_width / 2, rows.row_values());
    let mut turned = packed.to_vec();
    for place in 0..packed.len() {
        let (row, column) = (place / width, place % width);
        let (part, within) = (column / (width / 3), column % rows.head_width);
        if part == 2 || within >= half {
            continue;
        }
        let angle = row % rows.tokens * half + within;
        let pair = [packed[place], packed[place + half]];
        let sine = angles.sines[angle] * sign;
        [turned[place], turned[place + half]] = rotate_portable(pair, angles.cosines[angle], sine);
    }
    turned
}

#[test]
fn fast_equals_portable_on_one_two_and_three_threads() {
    on_one_two_and_three_threads(|| {
        for &(batch, tokens, heads, head_width) in SIZES {
            let rows = PackedRows { tokens, heads, head_width };
            let [width, positions] = [head_width, tokens].map(|size| u32::try_from(size).unwrap());
            let angles = Angles::new(BASE, width, positions);
            let packed = awkward("packed", tokens, batch * tokens * rows.row_values(), 17);
            for (direction, sign) in [(Direction::Forth, 1.0), (Direction::Back, -1.0)] {
                let expected = turned_by_pairs(rows, &angles, sign, &packed);
                let mut actual = packed.clone();
                rotate(rows, &angles, direction, &mut actual).unwrap();
                assert_eq!(bits(&actual), bits(&expected), "{rows:?}");
            }
        }
    });
}

#[test]
fn turning_back_undoes_turning_and_is_the_gradient() {
    let rows = PackedRows { tokens: 9, heads: 2, head_width: 8 };
    let angles = Angles::new(BASE, 8, 9);
    let count = 2 * 9 * rows.row_values();
    let (packed, gradient) = (normals("packed", 1, count), normals("gradient", 1, count));
    let mut turned = packed.clone();
    rotate(rows, &angles, Direction::Forth, &mut turned).unwrap();
    assert_ne!(bits(&turned), bits(&packed));
    let product = |left: &[f32], right: &[f32]| -> f64 {
        left.iter().zip(right).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
    };
    let forth = product(&turned, &gradient);
    let mut back = gradient.clone();
    rotate(rows, &angles, Direction::Back, &mut back).unwrap();
    // A rotation is linear: its gradient is its transpose.
    assert!((forth - product(&packed, &back)).abs() < 1e-4);
    rotate(rows, &angles, Direction::Back, &mut turned).unwrap();
    for (before, after) in packed.iter().zip(&turned) {
        assert!((before - after).abs() < 1e-5, "{before} {after}");
    }
}

#[test]
fn products_of_queries_and_keys_depend_on_their_distance_alone() {
    let rows = PackedRows { tokens: 40, heads: 1, head_width: 16 };
    let angles = Angles::new(BASE, 16, 40);
    let row = normals("row", 2, 48);
    let mut packed: Vec<f32> = row.iter().copied().cycle().take(40 * 48).collect();
    rotate(rows, &angles, Direction::Forth, &mut packed).unwrap();
    let score = |query: usize, key: usize| -> f32 {
        let (query, key) = (&packed[query * 48..][..16], &packed[key * 48 + 16..][..16]);
        query.iter().zip(key).map(|(a, b)| a * b).sum()
    };
    assert!((score(5, 2) - score(39, 36)).abs() < 1e-4);
    assert!((score(5, 2) - score(5, 1)).abs() > 1e-3);
}

#[test]
fn odd_heads_and_other_sizes_are_refused() {
    let angles = Angles::new(BASE, 4, 2);
    let rows = PackedRows { tokens: 2, heads: 1, head_width: 4 };
    assert!(rotate(rows, &angles, Direction::Forth, &mut [0.0; 23]).is_err());
    let other = PackedRows { tokens: 3, ..rows };
    assert!(rotate(other, &angles, Direction::Forth, &mut [0.0; 36]).is_err());
    let odd = PackedRows { head_width: 5, ..rows };
    let error = rotate(odd, &angles, Direction::Forth, &mut [0.0; 30]).unwrap_err();
    assert_eq!(error.to_string(), "a head has 5 values, not 4");
}
