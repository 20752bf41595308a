//! What the tests of several kernels share: data with everything awkward in it, and pools.

use crate::chacha8::ChaChaStream;

/// Counts around the edges of vector registers, lanes and K-blocks.
pub(crate) const EDGES: &[usize] = &[0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 511, 512, 513];

/// Numbers that arithmetic treats apart: zeros, subnormal and huge ones, infinities, odd NaNs.
pub(crate) const AWKWARD_BITS: &[u32] = &[
    0,
    0x8000_0000,
    1,
    0x8000_0001,
    0x007f_ffff,
    0x0080_0000,
    0x3f80_0000,
    0xbf80_0000,
    0x7f7f_ffff,
    0xff7f_ffff,
    0x7f80_0000,
    0xff80_0000,
    0x7fc0_0001,
    0xffc0_0000,
    0x7f80_0001,
];

/// Normal numbers from a stream named by `domain` and `counter`.
pub(crate) fn normals(domain: &str, counter: usize, count: usize) -> Vec<f32> {
    let counter = u64::try_from(counter).unwrap();
    let mut stream = ChaChaStream::derive(&[0; 32], domain, counter);
    (0..count).map(|_| stream.normal_f32()).collect()
}

/// Normal numbers with an awkward one in every place whose index divides by `every`.
pub(crate) fn awkward(domain: &str, counter: usize, count: usize, every: usize) -> Vec<f32> {
    let mut values = normals(domain, counter, count);
    let places = values.iter_mut().step_by(every).zip((counter..).step_by(1));
    for (value, place) in places {
        *value = f32::from_bits(AWKWARD_BITS[place % AWKWARD_BITS.len()]);
    }
    values
}

/// The bits, which unlike numbers can be compared when they are NaN.
pub(crate) fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// The bits of the first 40 values and the last, as vector files hold them.
pub(crate) fn shown(values: &[f32]) -> String {
    let chosen = values.iter().take(40).chain(values.last());
    let words: Vec<String> = chosen.map(|value| format!("{:08x}", value.to_bits())).collect();
    words.join(" ")
}

/// The lines of a vector file: sizes, the name of what was computed, and its bits.
pub(crate) fn sized_lines<'file>(file: &'file str) -> Vec<(Vec<usize>, &'file str, &'file str)> {
    let lines = file.lines().filter(|line| !line.starts_with('#'));
    let cut = |line: &'file str| {
        let name_at = line.find(|letter: char| letter.is_ascii_alphabetic()).unwrap();
        let sizes = line[..name_at].split_whitespace().map(|size| size.parse().unwrap());
        let (name, words) = line[name_at..].split_once(' ').unwrap();
        (sizes.collect(), name, words)
    };
    lines.map(cut).collect()
}

/// The error of `value` in units of the last place of `scale`, subnormal ones being all alike.
pub(crate) fn error_ulp_of(scale: f32, value: f32, exact: f64) -> f64 {
    let size = f64::from(scale.abs()).max(f64::from(f32::MIN_POSITIVE));
    (f64::from(value) - exact).abs() / (size.log2().floor() - 23.0).exp2()
}

/// Runs a check on one, two and three threads.
pub(crate) fn on_one_two_and_three_threads(check: impl Fn() + Sync + Send) {
    for threads in 1..=3 {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(&check);
    }
}
