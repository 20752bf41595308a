//! The worst ratio is the largest, and the table names every product.

use super::*;

fn product(shape: &str, ratio: f64) -> Figures {
    Figures {
        shape: shape.to_owned(),
        threads: 2,
        ours_ns: 1000.0 * ratio,
        candle_ns: 1000.0,
        ratio,
        ours_processors: 1.98,
        candle_processors: 1.96,
    }
}

#[test]
fn the_worst_ratio_decides() {
    let report =
        Report::new(vec![product("1x2x3", 0.5), product("4x5x6", 1.2), product("7x8x9", 0.9)]);
    assert!(report.is_above(1.1));
    assert!(!report.is_above(1.2));
    let text = report.text();
    for part in ["1x2x3", "4x5x6", "7x8x9", "1.98 and 1.96", "worst ratio 1.20"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn a_report_survives_its_way_through_json() {
    let report = Report::new(vec![product("64x64x64", 0.7)]);
    let text = serde_json::to_string(&report).unwrap();
    let read: Report = serde_json::from_str(&text).unwrap();
    assert_eq!(serde_json::to_string(&read).unwrap(), text);
    assert_eq!(read.into_products()[0].shape, "64x64x64");
}
