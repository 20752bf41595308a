//! What the files of the operating system say.

use super::*;

#[test]
fn threads_of_one_core_count_once() {
    let lists = ["0,4\n", "1,5\n", "2-3\n", "2-3\n", "0,4\n", "1,5\n"].map(str::to_owned);
    assert_eq!(distinct_cores(&lists), 3);
}

#[test]
fn a_machine_that_does_not_say_counts_its_threads() {
    assert_eq!(distinct_cores(&sibling_lists(Path::new("/not/there"))), 0);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    assert!((1..=threads).contains(&physical_cores()));
}

#[test]
fn no_more_threads_than_cores_are_started() {
    assert_eq!(capped_threads(0), physical_cores());
    assert_eq!(capped_threads(usize::MAX), physical_cores());
    assert_eq!(capped_threads(1), 1);
}

#[test]
fn memory_is_read_in_bytes() {
    let text = "MemTotal:       16384 kB\nMemAvailable:    8192 kB\nMemTotalling: 1 kB\n";
    assert_eq!(kibibytes(text, "MemTotal"), Some(16 << 20));
    assert_eq!(kibibytes(text, "MemAvailable"), Some(8 << 20));
    assert_eq!(kibibytes(text, "SwapTotal"), None);
    assert_eq!(kibibytes("VmRSS: many kB\n", "VmRSS"), None);
}

#[cfg(target_os = "linux")]
#[test]
fn the_peak_of_this_process_covers_a_buffer_that_is_gone() {
    const BYTES: usize = 64 << 20;
    assert!(forget_peak());
    let before = process_memory().unwrap();
    let buffer = vec![1_u8; BYTES];
    assert_eq!(
        std::hint::black_box(&buffer).iter().map(|byte| usize::from(*byte)).sum::<usize>(),
        BYTES
    );
    drop(buffer);
    let after = process_memory().unwrap();
    let taken = after.peak_bytes - before.resident_bytes;
    assert!(taken >= u64::try_from(BYTES).unwrap(), "{taken} bytes for {BYTES}");
    let machine = machine_memory().unwrap();
    assert!(machine.available_bytes <= machine.total_bytes);
}
