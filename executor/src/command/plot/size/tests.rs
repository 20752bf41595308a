//! Sizes are read as people mean them, or refused.

use super::parse_size;

#[test]
fn sizes_are_read_with_their_units() {
    for (text, bytes) in [
        ("4TiB", 4 << 40),
        ("500 GB", 500_000_000_000),
        ("1.5T", 3 << 39),
        ("7", 7),
        ("0.5k", 512),
        ("2 pib", 2 << 50),
    ] {
        assert_eq!(parse_size("--plot-size", text).unwrap(), bytes, "{text}");
    }
}

#[test]
fn what_is_no_size_is_refused() {
    let huge = "9".repeat(40);
    for text in ["", "T", "-1T", "4 parsecs", "1.2.3G", "0", "0.0000000001T", "1e3", &huge] {
        let error = parse_size("--plot-size", text).unwrap_err().to_string();
        assert!(error.contains("--plot-size") && error.contains("4TiB"), "{text}: {error}");
    }
}
