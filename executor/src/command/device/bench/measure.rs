//! One product by both kernels in turns, against the clock and against the time of the processors.

use std::hint::black_box;
use std::time::{Duration, Instant};

use aipot_trainer::comparison::{ComparisonError, Factors, ProductShape};
use rustix::time::{ClockId, clock_gettime};

use super::super::super::CommandError;
use super::report::Figures;

/// Shortest sample: long beside the resolution of the clock and the start of a thread.
const SAMPLE_MIN: Duration = Duration::from_millis(2);
/// Most repetitions in a sample.
const REPETITIONS_MAX: u32 = 10_000;

/// Time of some repetitions of a product.
#[derive(Clone, Copy, Debug)]
struct Sample {
    /// By the clock.
    elapsed: Duration,
    /// Of all processors together.
    computed: Duration,
}

/// Measures one product; the pool of the caller computes.
pub(super) fn measure(
    shape: ProductShape,
    threads: u64,
    samples: u64,
) -> Result<Figures, CommandError> {
    let factors = Factors::new(shape)?;
    let ours = || factors.canonical_product().map(|product| drop(black_box(product)));
    let candle = || factors.candle_product().map(|product| drop(black_box(product)));
    let repetitions = repetitions(&ours)?.max(repetitions(&candle)?);
    let (mut our_samples, mut candle_samples) = (Vec::new(), Vec::new());
    for index in 0..samples {
        // Whoever comes second finds the caches as the other one left them.
        if index % 2 == 0 {
            our_samples.push(sample(&ours, repetitions)?);
            candle_samples.push(sample(&candle, repetitions)?);
        } else {
            candle_samples.push(sample(&candle, repetitions)?);
            our_samples.push(sample(&ours, repetitions)?);
        }
    }
    let ours_ns = median_ns(&our_samples, repetitions);
    let candle_ns = median_ns(&candle_samples, repetitions);
    Ok(Figures {
        shape: shape.to_string(),
        threads,
        ours_ns,
        candle_ns,
        ratio: ours_ns / candle_ns,
        ours_processors: processors(&our_samples),
        candle_processors: processors(&candle_samples),
    })
}

/// How often a product fits the shortest sample; also warms up.
fn repetitions(product: &impl Fn() -> Result<(), ComparisonError>) -> Result<u32, ComparisonError> {
    let mut repetitions = 1;
    while repetitions < REPETITIONS_MAX && sample(product, repetitions)?.elapsed < SAMPLE_MIN {
        repetitions *= 2;
    }
    Ok(repetitions)
}

fn sample(
    product: &impl Fn() -> Result<(), ComparisonError>,
    repetitions: u32,
) -> Result<Sample, ComparisonError> {
    let (start, computed) = (Instant::now(), processor_time());
    for _ in 0..repetitions {
        product()?;
    }
    let elapsed = start.elapsed();
    Ok(Sample { elapsed, computed: processor_time().saturating_sub(computed) })
}

/// What all threads of this process have computed so far.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// The median of one repetition, in nanoseconds.
fn median_ns(samples: &[Sample], repetitions: u32) -> f64 {
    let mut times: Vec<Duration> = samples.iter().map(|sample| sample.elapsed).collect();
    times.sort_unstable();
    let median = times.get(times.len() / 2).copied().unwrap_or_default();
    median.as_secs_f64() * 1e9 / f64::from(repetitions)
}

/// How many processors were busy on average.
fn processors(samples: &[Sample]) -> f64 {
    let elapsed: Duration = samples.iter().map(|sample| sample.elapsed).sum();
    let computed: Duration = samples.iter().map(|sample| sample.computed).sum();
    computed.as_secs_f64() / elapsed.as_secs_f64()
}
