//! Streams are pinned by golden vectors, and their numbers are distributed as they say.

use proptest::prelude::*;

use super::*;

/// What a fresh stream gives; the origin stands in the file.
const VECTORS: &str = include_str!("../../../tests/vectors/stream.txt");

/// Calls `check` with a fresh stream and the expected words of each line about `method`.
fn check(method: &str, check: impl Fn(ChaChaStream, &[&str])) {
    let mut count = 0;
    for line in VECTORS.lines().filter(|line| !line.starts_with('#')) {
        let words: Vec<&str> = line.split(' ').collect();
        if words[3] == method {
            let seed = hex::decode(words[0]).unwrap().try_into().unwrap();
            let stream = ChaChaStream::derive(&seed, words[1], words[2].parse().unwrap());
            check(stream, &words[4..]);
            count += 1;
        }
    }
    assert_eq!(count, 2, "lines about {method}");
}

fn bound(value: u64) -> NonZeroU64 {
    NonZeroU64::new(value).unwrap()
}

#[test]
fn words_are_those_of_the_vectors() {
    check("words", |mut stream, expected| {
        for word in expected {
            assert_eq!(format!("{:08x}", stream.next_u32()), *word);
        }
    });
}

#[test]
fn words_go_on_where_the_block_counter_passes_32_bits() {
    check("words_from_2^36-1", |mut stream, expected| {
        stream.seek_words((1 << 36) - 1);
        for word in expected {
            assert_eq!(format!("{:08x}", stream.next_u32()), *word);
        }
        assert_eq!(stream.position_words(), (1 << 36) + 2);
    });
}

#[test]
fn bounded_integers_are_those_of_the_vectors() {
    check("below", |mut stream, expected| {
        for pair in expected {
            let (limit, value) = pair.split_once(':').unwrap();
            let drawn = stream.below(bound(limit.parse().unwrap()));
            assert_eq!(drawn.to_string(), value, "below {limit}");
        }
    });
}

#[test]
fn unit_numbers_are_those_of_the_vectors() {
    check("unit", |mut stream, expected| {
        for number in expected {
            assert_eq!(format!("{:08x}", stream.unit_f32().to_bits()), *number);
        }
    });
}

#[test]
fn normal_numbers_are_those_of_the_vectors() {
    check("normal", |mut stream, expected| {
        for number in expected {
            assert_eq!(format!("{:08x}", stream.normal_f32().to_bits()), *number);
        }
    });
}

#[test]
fn shuffles_are_those_of_the_vectors() {
    check("shuffle", |mut stream, expected| {
        let mut items: Vec<usize> = (0..expected.len()).collect();
        stream.shuffle(&mut items);
        let items: Vec<String> = items.iter().map(ToString::to_string).collect();
        assert_eq!(items, expected);
    });
}

#[test]
fn seed_domain_and_counter_each_change_the_stream() {
    let first = |seed: u8, domain: &str, counter: u64| {
        ChaChaStream::derive(&[seed; 32], domain, counter).next_u64()
    };
    let streams =
        [first(0, "a", 0), first(1, "a", 0), first(0, "b", 0), first(0, "a", 1), first(0, "", 0)];
    for (index, stream) in streams.iter().enumerate() {
        assert!(!streams[..index].contains(stream));
    }
}

#[test]
fn normal_numbers_have_mean_zero_and_variance_one() {
    let mut stream = ChaChaStream::from_seed([1; 32]);
    let numbers: Vec<f64> = (0..100_000).map(|_| f64::from(stream.normal_f32())).collect();
    let mean = numbers.iter().sum::<f64>() / 1e5;
    let variance = numbers.iter().map(|number| number * number).sum::<f64>() / 1e5;
    let within_one = numbers.iter().filter(|number| number.abs() < 1.0).count();
    assert!(mean.abs() < 0.01, "mean {mean}");
    assert!((variance - 1.0).abs() < 0.02, "variance {variance}");
    assert!((67_600..69_000).contains(&within_one), "{within_one} within one deviation");
}

#[test]
fn bounded_integers_are_even() {
    let mut stream = ChaChaStream::from_seed([2; 32]);
    let mut counts = [0_u32; 10];
    for _ in 0..100_000 {
        counts[usize::try_from(stream.below(bound(10))).unwrap()] += 1;
    }
    // Five standard deviations of a binomial count: 5 * sqrt(100,000 * 0.1 * 0.9).
    assert!(counts.iter().all(|count| count.abs_diff(10_000) < 475), "{counts:?}");
}

#[test]
fn shuffling_little_takes_nothing() {
    let mut stream = ChaChaStream::from_seed([3; 32]);
    stream.shuffle::<u8>(&mut []);
    stream.shuffle(&mut [1]);
    assert_eq!(stream.position_words(), 0);
}

#[test]
fn streams_differ_by_key_and_by_position() {
    let stream = ChaChaStream::from_seed([1; 32]);
    let mut later = stream.clone();
    later.next_u32();
    assert_ne!(stream, later);
    assert_ne!(stream, ChaChaStream::from_seed([2; 32]));
}

#[test]
fn the_key_is_not_shown() {
    let shown = format!("{:?}", ChaChaStream::from_seed([0xab; 32]));
    assert_eq!(shown, "ChaChaStream { position_words: 0, .. }");
}

proptest! {
    /// A stream is resumed from its position alone.
    #[test]
    fn seeking_is_the_same_as_reading(seed in any::<[u8; 32]>(), taken in 0_u64..100) {
        let mut read = ChaChaStream::from_seed(seed);
        for _ in 0..taken {
            read.next_u32();
        }
        let mut sought = ChaChaStream::from_seed(seed);
        sought.seek_words(read.position_words());
        prop_assert_eq!(&read, &sought);
        for _ in 0..20 {
            prop_assert_eq!(read.next_u32(), sought.next_u32());
        }
    }

    #[test]
    fn filling_is_the_same_as_drawing(seed in any::<[u8; 32]>(), count in 0_usize..3000) {
        let mut filled = ChaChaStream::from_seed(seed);
        let mut values = vec![0.0; count];
        filled.fill_normal(&mut values);
        let mut drawn = ChaChaStream::from_seed(seed);
        for value in values {
            prop_assert_eq!(value.to_bits(), drawn.normal_f32().to_bits());
        }
        prop_assert_eq!(filled, drawn);
    }

    #[test]
    fn bounded_integers_stay_below(seed in any::<[u8; 32]>(), limit in 1..=u64::MAX) {
        let mut stream = ChaChaStream::from_seed(seed);
        prop_assert!(stream.below(bound(limit)) < limit);
    }

    #[test]
    fn unit_numbers_stay_in_their_interval(seed in any::<[u8; 32]>()) {
        let mut stream = ChaChaStream::from_seed(seed);
        prop_assert!((0.0..1.0).contains(&stream.unit_f32()));
    }

    /// Nothing is lost and nothing is made.
    #[test]
    fn shuffles_are_permutations(seed in any::<[u8; 32]>(), count in 0_usize..200) {
        let mut items: Vec<usize> = (0..count).collect();
        ChaChaStream::from_seed(seed).shuffle(&mut items);
        items.sort_unstable();
        prop_assert!(items.into_iter().eq(0..count));
    }
}
