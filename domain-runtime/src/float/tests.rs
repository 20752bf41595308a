//! Against the floats of the processor: edge cases, properties, and millions of random numbers.

#![expect(clippy::disallowed_types, reason = "the processor's own floats are the reference")]

use std::vec::Vec;

use proptest::prelude::*;

use super::*;

/// Numbers at every border of the format.
const EDGES: [u32; 26] = [
    0x0000_0000, // zero
    0x0000_0001, // the smallest subnormal number
    0x0000_0002,
    0x0000_0003,
    0x0040_0000,
    0x007f_ffff, // the largest subnormal number
    0x0080_0000, // the smallest normal number
    0x0080_0001,
    0x00ff_ffff,
    0x0100_0000,
    0x1f80_0000, // 2^-64
    0x2000_0001,
    0x3380_0000, // 2^-24
    0x3380_0001,
    0x3400_0000, // 2^-23
    0x3f00_0000, // a half
    0x3f7f_ffff,
    0x3f80_0000, // one
    0x3f80_0001,
    0x3fff_ffff,
    0x4b80_0001, // above 2^24
    0x5f80_0000, // 2^64
    0x7f00_0000,
    0x7f7f_ffff, // the largest number
    0x7f80_0000, // infinity
    0x7fc0_0000, // NaN
];

/// Cases of the usual run, and of the long one.
const CASES: u64 = 2_000_000;
const LONG_CASES: u64 = 100_000_000;

/// A stream of random words.
///
/// # Source
/// Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014, figure 17.
struct Words(u64);

impl Words {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// The low half of the next word.
    fn bits(&mut self) -> u32 {
        u32::try_from(self.next() & u64::from(u32::MAX)).unwrap()
    }

    /// A number of one of five kinds: any bits, an edge, around one, few significant bits, subnormal.
    fn number(&mut self) -> f32 {
        let (bits, choice) = (self.bits(), self.next());
        let sign = bits & SIGN;
        f32::from_bits(match choice % 8 {
            0..=2 => bits,
            3 => sign | EDGES[usize::try_from((choice >> 8) % 26).unwrap()],
            4 | 5 => sign | (0x3c00_0000 + (bits & 0x07ff_ffff)),
            6 => bits & 0xfff8_0003,
            _ => sign | bits & 0x007f_ffff,
        })
    }

    /// Three numbers; often the third nearly cancels the product of the others.
    fn three_numbers(&mut self) -> [f32; 3] {
        let (left, right) = (self.number(), self.number());
        let choice = self.next();
        if choice.is_multiple_of(2) {
            return [left, right, self.number()];
        }
        let near = (-(left * right)).to_bits().wrapping_add(u32::try_from(choice >> 61).unwrap());
        [left, right, f32::from_bits(near.wrapping_sub(3))]
    }
}

fn float(value: f32) -> Float {
    Float(value.to_bits())
}

/// The processor's result, with its NaN made canonical.
fn expected(value: f32) -> Float {
    float(value).canonical()
}

/// Compares all operations on three numbers.
fn check([left, right, addend]: [f32; 3]) {
    let (a, b, c) = (float(left), float(right), float(addend));
    let compare = |name: &str, result: Float, hardware: f32| {
        assert_eq!(result, expected(hardware), "{name} of {a:x?} {b:x?} {c:x?}");
    };
    compare("multiply_add", a.multiply_add(b, c), left.mul_add(right, addend));
    compare("add", a.add(c), left + addend);
    compare("subtract", a.subtract(c), left - addend);
    compare("multiply", a.multiply(b), left * right);
    compare("divide", a.divide(b), left / right);
    compare("square_root", a.square_root(), left.sqrt());
    compare("square_root", b.absolute().square_root(), right.abs().sqrt());
    compare("negate", a.negate(), -left);
    assert_eq!(a.is_greater(c), left > addend, "{a:x?} > {c:x?}");
    #[expect(clippy::float_cmp, reason = "the equality of IEEE is what is tested")]
    let are_equal = left == addend;
    assert_eq!(a.is_equal(c), are_equal, "{a:x?} == {c:x?}");
}

fn check_random(seed: u64, case_count: u64) {
    let mut words = Words(seed);
    for _ in 0..case_count {
        check(words.three_numbers());
    }
}

#[test]
fn the_edges_of_the_format_agree_with_the_processor() {
    let signed: Vec<f32> =
        EDGES.iter().flat_map(|bits| [*bits, *bits | SIGN]).map(f32::from_bits).collect();
    for left in &signed {
        for right in &signed {
            for addend in &signed {
                check([*left, *right, *addend]);
            }
        }
    }
}

#[test]
fn random_numbers_agree_with_the_processor() {
    check_random(1, CASES);
}

/// About 80 seconds of one core in a release build: `cargo nextest run --release --run-ignored all`.
#[test]
#[ignore = "slow: a hundred million cases; run it in a release build"]
fn a_hundred_million_random_numbers_agree_with_the_processor() {
    std::thread::scope(|threads| {
        for seed in 2..4 {
            threads.spawn(move || check_random(seed, LONG_CASES / 2));
        }
    });
}

/// How long the arithmetic of the longest block of a product takes.
#[test]
#[ignore = "a figure, not a check; run it in a release build with --no-capture"]
fn time_of_a_chain_of_512_multiply_adds() {
    let mut words = Words(5);
    let pairs: Vec<(Float, Float)> = (0..512)
        .map(|_| {
            let [left, right] = [words.bits(), words.bits()];
            (Float(0x3c00_0000 | left & 0x83ff_ffff), Float(0x3c00_0000 | right & 0x83ff_ffff))
        })
        .collect();
    let chain = |sum: Float, (left, right): &(Float, Float)| left.multiply_add(*right, sum);
    // The shortest of many, which other work on the machine disturbs least.
    let shortest = (0..20_000)
        .map(|_| {
            let start = std::time::Instant::now();
            std::hint::black_box(std::hint::black_box(&pairs).iter().fold(Float::ZERO, chain));
            start.elapsed()
        })
        .min()
        .unwrap();
    std::println!("512 multiply-adds one after the other: {shortest:?}");
}

proptest! {
    #[test]
    fn any_bits_agree_with_the_processor(bits in prop::array::uniform3(any::<u32>())) {
        check(bits.map(f32::from_bits));
    }

    #[test]
    #[expect(clippy::cast_precision_loss, reason = "its rounding is what is tested")]
    fn integers_round_as_the_processor_does(value: u64) {
        for bits in [0, 8, 20, 32, 39, 40, 41, 60] {
            let value = value >> bits;
            prop_assert_eq!(Float::from_u64(value), float(value as f32));
            if let Ok(value) = u32::try_from(value) {
                prop_assert_eq!(Float::from_u32(value), float(value as f32));
                prop_assert_eq!(Float::from_i32(value.cast_signed()), float(value.cast_signed() as f32));
            }
        }
    }
}

#[test]
fn integers_at_the_ends_round_as_the_processor_does() {
    assert_eq!(Float::from_u64(0), Float::ZERO);
    assert_eq!(Float::from_u64(u64::MAX), float(18_446_744_073_709_551_616.0));
    assert_eq!(Float::from_u32(u32::MAX), float(4_294_967_296.0));
    assert_eq!(Float::from_i32(i32::MIN), float(-2_147_483_648.0));
    // Halfway between two numbers, to the even one.
    assert_eq!(Float::from_u32(0x0100_0001), float(16_777_216.0));
    assert_eq!(Float::from_u32(0x0100_0003), float(16_777_220.0));
}

#[test]
fn every_nan_that_comes_out_is_canonical() {
    let one = Float::ONE;
    for bits in [0x7fc0_0000, 0xffc0_0000, 0x7f80_0001, 0xffff_ffff] {
        let nan = Float(bits);
        let results = [
            nan.add(one),
            one.subtract(nan),
            nan.multiply(Float::ZERO),
            one.divide(nan),
            nan.divide(one),
            one.multiply_add(nan, one),
            one.multiply_add(one, nan),
            nan.square_root(),
            nan.negate(),
            nan.absolute(),
            one.with_sign_of(nan).multiply(nan),
            reduction::max(&[one, nan]),
            reduction::sum(&[one, nan]),
        ];
        assert_eq!(results, [Float::NAN; 13]);
    }
}

#[test]
fn fixed_point_losses_are_rounded_to_even_and_kept_in_range() {
    let unit = Float(0x3780_0000);
    let cases = [
        (Float::ONE, 65_536),
        (unit.multiply(float(2.5)), 2),
        (unit.multiply(float(3.5)), 4),
        (unit.multiply(Float::HALF), 0),
        (unit.multiply(float(0.50001)), 1),
        (unit.multiply(float(0.49999)), 0),
        (Float(1), 0),
        (Float::NEGATIVE_ZERO, 0),
        (Float::ONE.negate(), 0),
        (float(65_535.996), 4_294_967_040),
        (float(65_536.0), u32::MAX),
        (Float(0x7f7f_ffff), u32::MAX),
        (Float::INFINITY, u32::MAX),
        (Float::NEGATIVE_INFINITY, 0),
        (Float::NAN, u32::MAX),
        (Float(0xffc0_0000), u32::MAX),
    ];
    for (number, fixed) in cases {
        assert_eq!(number.to_q16(), fixed, "{number:x?}");
    }
}
