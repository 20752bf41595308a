//! The runtime's floats against the kernels', bit for bit: functions, sums, random numbers, schedules.

use aipot_domain_runtime::chacha8;
use aipot_domain_runtime::float::{Float, elementary, reduction, schedule};
use aipot_kernels::chacha8::ChaChaStream;
use aipot_trainer::schedule::Schedule;

/// Inputs of each function.
const CASES: u32 = 1_000_000;

/// An odd stride: a million steps of it visit every exponent of both signs.
const STRIDE: u32 = 4295;

type Function = fn(f32) -> f32;
type RuntimeFunction = fn(Float) -> Float;

fn float(value: f32) -> Float {
    Float(value.to_bits())
}

/// A number of at most 16 bits.
fn small(value: u32) -> f32 {
    f32::from(u16::try_from(value & 0xffff).expect("masked to 16 bits"))
}

/// Compares two functions on a sweep through all bit patterns and on a million ordinary numbers.
fn check(kernel: Function, runtime: RuntimeFunction) {
    let mut stream = ChaChaStream::derive(&[1; 32], "runtime floats", 0);
    let swept = (0..CASES).map(|step| f32::from_bits(step.wrapping_mul(STRIDE)));
    let drawn = (0..CASES).map(|_| stream.normal_f32() * 8.0);
    let edges = [0_u32, 1, 0x007f_ffff, 0x0080_0000, 0x3f80_0000, 0x7f7f_ffff, 0x7f80_0000];
    let edges = edges.into_iter().flat_map(|bits| [bits, bits | 1 << 31]).map(f32::from_bits);
    for x in swept.chain(drawn).chain(edges) {
        let (expected, result) = (float(kernel(x)), runtime(float(x)));
        assert_eq!(result, expected, "at {x:e}, bits {:x}", x.to_bits());
    }
}

#[test]
fn the_sweep_visits_every_exponent_of_both_signs() {
    let exponents: std::collections::BTreeSet<u32> =
        (0..CASES).map(|step| step.wrapping_mul(STRIDE) >> 23).collect();
    assert_eq!(exponents.len(), 512);
}

#[test]
fn exp_has_the_bits_of_the_kernel() {
    check(aipot_kernels::elementary::exp, elementary::exp);
}

#[test]
fn log_has_the_bits_of_the_kernel() {
    check(aipot_kernels::elementary::log, elementary::log);
}

#[test]
fn tanh_has_the_bits_of_the_kernel() {
    check(aipot_kernels::elementary::tanh, elementary::tanh);
}

#[test]
fn erf_has_the_bits_of_the_kernel() {
    check(aipot_kernels::elementary::erf, elementary::erf);
}

#[test]
fn reciprocal_square_root_has_the_bits_of_the_kernel() {
    check(aipot_kernels::elementary::rsqrt, elementary::reciprocal_square_root);
}

#[test]
fn square_root_has_the_bits_of_the_kernel() {
    check(aipot_kernels::elementary::sqrt, Float::square_root);
}

/// What `evaluation` does with a loss.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast keeps numbers outside 32 bits at the nearest end, which is what is wanted"
)]
fn q16(loss: f32) -> u32 {
    if loss.is_nan() { u32::MAX } else { (loss * 65_536.0).round_ties_even() as u32 }
}

#[test]
fn losses_in_fixed_point_are_those_of_the_trainer() {
    let mut stream = ChaChaStream::derive(&[5; 32], "runtime floats", 0);
    let swept = (0..CASES).map(|step| f32::from_bits(step.wrapping_mul(STRIDE)));
    let halves = (0..CASES).map(|count| f32::from_bits(0x3700_0000) * small(count));
    let drawn = (0..CASES).map(|_| stream.normal_f32().exp2());
    for loss in swept.chain(halves).chain(drawn) {
        assert_eq!(float(loss).to_q16(), q16(loss), "of {loss:e}");
    }
}

#[test]
fn the_cosine_of_a_turn_has_the_bits_of_the_kernel() {
    let edges = (0..16_u32).flat_map(|sixteenth| {
        let border = sixteenth << 28;
        [border.wrapping_sub(1), border, border.wrapping_add(1)]
    });
    for turn in (0..CASES).map(|step| step.wrapping_mul(STRIDE)).chain(edges) {
        let expected = float(aipot_kernels::elementary::cosine_of_turn(turn));
        assert_eq!(elementary::cosine_of_turn(turn), expected, "at {turn}");
    }
}

/// Values of one kind of trouble each: ordinary, far apart in size, any bits, minus zeros.
fn values(stream: &mut ChaChaStream, kind: usize, count: usize) -> Vec<f32> {
    let draw = |stream: &mut ChaChaStream| match kind {
        0 => stream.normal_f32(),
        1 => stream.normal_f32() * f32::from_bits((stream.next_u32() % 254 + 1) << 23),
        2 => f32::from_bits(stream.next_u32()),
        _ => -0.0,
    };
    (0..count).map(|_| draw(stream)).collect()
}

#[test]
fn sums_means_and_maxima_have_the_bits_of_the_kernels() {
    let mut stream = ChaChaStream::derive(&[2; 32], "runtime floats", 0);
    let borders = [0, 1, 2, 31, 32, 33, 64, 4095, 4096, 4097, 8192, 50_000];
    let random: Vec<usize> =
        (0..120).map(|_| usize::try_from(stream.next_u32() % 10_000).unwrap()).collect();
    for count in borders.into_iter().chain(random) {
        for kind in 0..4 {
            let values = values(&mut stream, kind, count);
            let floats: Vec<Float> = values.iter().copied().map(float).collect();
            let compare = |name: &str, result: Float, expected: f32| {
                assert_eq!(result, float(expected), "{name} of {count} values of kind {kind}");
            };
            compare("sum", reduction::sum(&floats), aipot_kernels::reduction::sum(&values));
            compare("mean", reduction::mean(&floats), aipot_kernels::reduction::mean(&values));
            compare("max", reduction::max(&floats), aipot_kernels::reduction::max(&values));
        }
    }
}

/// More than one chunk of chunk sums.
#[test]
fn a_sum_of_three_levels_has_the_bits_of_the_kernel() {
    let mut stream = ChaChaStream::derive(&[3; 32], "runtime floats", 0);
    let count = 4096 * 4096 + 4097;
    let mut values = vec![0.0; count];
    stream.fill_normal(&mut values);
    let floats: Vec<Float> = values.iter().copied().map(float).collect();
    assert_eq!(reduction::sum(&floats), float(aipot_kernels::reduction::sum(&values)));
    assert_eq!(reduction::mean(&floats), float(aipot_kernels::reduction::mean(&values)));
}

#[test]
fn words_of_a_stream_are_those_of_the_kernel() {
    for (seed, domain, counter) in [([0; 32], "weights", 0), ([7; 32], "shuffle", u64::MAX)] {
        let key = chacha8::derive_key(&seed, domain, counter);
        let mut stream = ChaChaStream::derive(&seed, domain, counter);
        // The second and third starts lie where the block number passes 32 bits.
        for first in [0, (1 << 36) - 20, (1 << 36) + 5, u64::MAX - 70] {
            stream.seek_words(first);
            for index in first..first + 70 {
                assert_eq!(chacha8::word(&key, index), stream.next_u32(), "word {index}");
            }
        }
    }
}

#[test]
fn normal_numbers_of_a_stream_are_those_of_the_kernel() {
    let key = chacha8::derive_key(&[9; 32], "weights", 3);
    let mut stream = ChaChaStream::derive(&[9; 32], "weights", 3);
    for index in 0..100_000 {
        assert_eq!(chacha8::normal(&key, index), float(stream.normal_f32()), "value {index}");
    }
}

#[test]
fn shares_of_the_learning_rate_are_those_of_the_trainer() {
    let mut stream = ChaChaStream::derive(&[4; 32], "runtime floats", 0);
    let mut cases = vec![(0, 0, 0), (0, 0, 1), (1, 0, 1), (5, 5, 5), (5, 9, 3), (0, 7, 2)];
    cases.extend((0..=100).map(|step| (10, step, 100)));
    cases.extend((0..=1000).map(|step| (0, step, 997)));
    cases.extend((0..100_000).map(|_| {
        let bits = stream.next_u32() % 64;
        let mut draw = || stream.next_u64() >> bits;
        (draw(), draw(), draw())
    }));
    for (warmup_step_count, step, step_count) in cases {
        let share = Schedule::Cosine { warmup_step_count }.share(step, step_count);
        let result = schedule::cosine_share(warmup_step_count, step, step_count);
        assert_eq!(result, float(share), "{warmup_step_count} {step} of {step_count}");
        let (share, result) = (
            Schedule::OneCycle.share(step, step_count),
            schedule::one_cycle_share(step, step_count),
        );
        assert_eq!(result, float(share), "one cycle: {step} of {step_count}");
    }
}
