//! Limits, waits and settings.

use aipot_kernels::proof_of_space::Variant;

use super::*;

#[test]
fn chunks_are_nine_tenths_of_a_message() {
    let limit = PayloadLimit { message_bytes: 2 << 20 };
    assert_eq!(limit.chunk_bytes(), 1_887_436);
}

#[test]
fn waits_double_up_to_five_seconds() {
    let waits = [0, 1, 2, 3, 7, 40, usize::MAX].map(|attempt| reconnect_delay(attempt).as_millis());
    assert_eq!(waits, [100, 100, 200, 400, 5_000, 5_000, 5_000]);
}

#[test]
fn settings_that_cannot_be_meant_are_refused() {
    let usual = PlotterSettings::new(vec!["nats://127.0.0.1".into()], Variant::V1);
    check(&usual).unwrap();
    let group = |group: &str| PlotterSettings { cache_group: Some(group.into()), ..usual.clone() };
    check(&group("farm-1")).unwrap();
    let refused = [
        PlotterSettings { servers: Vec::new(), ..usual.clone() },
        PlotterSettings { sectors_max: 0, ..usual.clone() },
        group(""),
        group("a.b"),
        group("*"),
        group("a b"),
    ];
    for settings in refused {
        assert!(matches!(check(&settings), Err(PlotterError::Setting { .. })), "{settings:?}");
    }
}

#[test]
fn too_small_a_limit_names_the_setting_to_change() {
    let error = PlotterError::PayloadLimit { max_payload: 1 << 20, needed: MAX_PAYLOAD_MIN };
    assert!(error.to_string().contains("set max_payload to at least 2MB"), "{error}");
}
