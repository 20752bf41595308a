//! Plotting beside a node starts, waits for its cluster, and ends.

use super::*;
use crate::worker::WorkerConfiguration;

fn configuration(more: &[(&str, &str)]) -> Configuration {
    let node = [("folder", "/x"), ("chain", "ws://127.0.0.1:1"), ("genesis", "/x/genesis.json")];
    let given = node.iter().chain(more);
    let flags = given.map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    Configuration::resolve(None, [], flags).unwrap()
}

fn worker() -> Worker {
    Worker::new(WorkerConfiguration::for_folder("/x", 1))
}

#[tokio::test]
async fn a_node_that_plots_for_nobody_reports_nothing() {
    let mut plotting = Plotting::begin(&configuration(&[]), worker()).await.unwrap();
    assert!(plotting.page().is_none());
    let report = tokio::time::timeout(Duration::from_millis(20), plotting.report());
    assert!(report.await.is_err());
    plotting.end().await;
}

#[tokio::test]
async fn a_cluster_that_does_not_answer_does_not_hold_up_the_node() {
    let keys = [
        ("plotter_nats", "nats://127.0.0.1:1"),
        ("plotter_variant", "v1"),
        ("plotter_backend", "cpu"),
        ("metrics", "127.0.0.1:0"),
    ];
    let plotting = Plotting::begin(&configuration(&keys), worker()).await.unwrap();
    assert!(plotting.page().is_some());
    tokio::time::timeout(Duration::from_secs(20), plotting.end()).await.unwrap();
}
