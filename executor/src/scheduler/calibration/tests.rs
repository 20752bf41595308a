//! What a measurement teaches.

use super::*;

const NEED: MemoryNeed = MemoryNeed { fixed_bytes: 1_000, row_bytes: 10, rows_max: 8 };

fn subject(architecture: &str) -> Subject {
    Subject { architecture: architecture.to_owned(), device: "cpu:0".to_owned() }
}

#[test]
fn nothing_is_corrected_before_the_first_measurement() {
    assert_eq!(Calibration::default().correct(&subject("gpt"), NEED), NEED);
}

#[test]
fn a_job_that_took_half_as_much_again_corrects_its_family_alone() {
    let mut calibration = Calibration::default();
    calibration.note(&subject("gpt"), 1_000, 1_500);
    let corrected = calibration.correct(&subject("gpt"), NEED);
    assert_eq!((corrected.fixed_bytes, corrected.row_bytes), (1_500, 15));
    assert_eq!(corrected.rows_max, NEED.rows_max);
    assert_eq!(calibration.correct(&subject("mlp"), NEED), NEED);
}

#[test]
fn more_is_believed_at_once_and_less_by_half() {
    let mut calibration = Calibration::default();
    for measured in [1_000, 2_000, 1_000] {
        calibration.note(&subject("cnn"), 1_000, measured);
    }
    assert_eq!(calibration.measurements()[0].permille, 1_500);
    assert_eq!(calibration.measurements()[0].probe_count, 3);
}

#[test]
fn measurements_that_cannot_be_meant_are_bounded() {
    let mut calibration = Calibration::default();
    calibration.note(&subject("mlp"), 0, u64::MAX);
    calibration.note(&subject("cnn"), u64::MAX, 0);
    let permille: Vec<u64> =
        calibration.measurements().iter().map(|measured| measured.permille).collect();
    assert_eq!(permille, [RATIO_MIN, RATIO_MAX]);
}

#[test]
fn a_calibration_survives_its_file() {
    let mut calibration = Calibration::default();
    calibration.note(&subject("mlp"), 1_000, 1_100);
    let text = serde_json::to_string(&calibration).unwrap();
    assert_eq!(serde_json::from_str::<Calibration>(&text).unwrap(), calibration);
}
