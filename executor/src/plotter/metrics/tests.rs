//! The page has what was counted, under names that dashboards can rely on.

use prometheus_client::encoding::text::encode;

use super::*;

#[test]
fn what_is_counted_stands_on_the_page() {
    let metrics = PlotterMetrics::default();
    let mut registry = Registry::with_prefix("aipot");
    metrics.register(&mut registry);
    metrics.count_sector();
    metrics.count_records(3);
    metrics.count_occupied();
    metrics.count_sent(10);
    metrics.count_piece(PieceOrigin::Cache, 20);
    metrics.count_error("farmer");
    metrics.count_connection();
    metrics.observe("encoding", Duration::from_secs(2));
    metrics.set_free_sectors(2);
    let mut page = String::new();
    encode(&mut page, &registry).unwrap();
    for line in [
        "aipot_plotter_sectors_total 1",
        "aipot_plotter_records_total 3",
        "aipot_plotter_occupied_total 1",
        "aipot_plotter_sent_bytes_total 10",
        "aipot_plotter_fetched_bytes_total 20",
        "aipot_plotter_pieces_total{origin=\"cache\"} 1",
        "aipot_plotter_errors_total{kind=\"farmer\"} 1",
        "aipot_plotter_connections_total 1",
        "aipot_plotter_stage_seconds_sum{stage=\"encoding\"} 2.0",
        "aipot_plotter_free_sectors 2",
    ] {
        assert!(page.lines().any(|found| found == line), "{line} is not in:\n{page}");
    }
}
