//! `aipot device`: what jobs may take here, and how fast orders are trained.

use serde_json::json;

use super::Desk;

#[test]
fn the_list_says_what_jobs_may_take_and_what_was_measured() {
    let desk = Desk::new();
    let calibration =
        r#"[{"architecture":"gpt","device":"cpu:0","permille":1125,"probe_count":3}]"#;
    std::fs::write(desk.folder.path().join("calibration.json"), calibration).unwrap();
    std::fs::write(desk.folder.path().join("node.toml"), "worker_jobs_max = 3\n").unwrap();
    let words = ["device", "list", "--folder", ".", "--config", "node.toml"];
    let devices = desk.json(&words, 0);
    let processor = &devices[0];
    assert_eq!(
        (&processor["backend"], &processor["slots"]["jobs_max"]),
        (&json!("cpu"), &json!(3))
    );
    assert_eq!(processor["calibration"][0]["permille"], 1125);
    let text = String::from_utf8(desk.run(&words).stdout).unwrap();
    assert!(text.contains("3 jobs at once"), "{text}");
    assert!(text.contains("gpt takes 112.5 % of its estimate, by 3 probe steps"), "{text}");
}

#[test]
fn a_bench_of_orders_gives_their_speed_and_their_memory() {
    let desk = Desk::new();
    let words = ["device", "bench", "--order", "mlp", "--steps", "2", "--threads", "1"];
    let report = desk.json(&words, 0);
    let figures = &report["orders"][0];
    assert_eq!((&figures["order"], &figures["threads"]), (&json!("mlp"), &json!(1)));
    assert!(figures["steps_per_second"].as_f64().unwrap() > 0.0, "{figures}");
    let [estimated, peak] =
        ["estimated_bytes", "peak_bytes"].map(|key| figures[key].as_f64().unwrap());
    // The weights alone, their gradients and two moments, are eight megabytes.
    assert!(peak > 8e6 && estimated > 8e6, "{figures}");
}

#[test]
fn what_a_bench_cannot_mean_is_refused() {
    let desk = Desk::new();
    for words in [
        &["device", "bench", "--steps", "41"][..],
        &["device", "bench", "--arithmetic", "--order", "mlp"],
        &["device", "bench", "--shape", "1x1x1"],
    ] {
        assert_eq!(desk.run(words).status.code(), Some(2), "{words:?}");
    }
}
