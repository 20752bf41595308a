//! The page, fetched as Prometheus fetches it.

use prometheus_client::metrics::counter::Counter;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;

/// The whole answer to a request for a path.
async fn fetch(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

fn loopback() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

#[tokio::test]
async fn the_page_shows_what_was_counted() {
    let mut registry = registry();
    let sheep = Counter::<u64>::default();
    registry.register("sheep", "Sheep that jumped over the fence", sheep.clone());
    let page = MetricsPage::show(loopback(), registry).await.unwrap();
    sheep.inc_by(3);
    let answer = fetch(page.address(), "/metrics").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("content-type: application/openmetrics-text"), "{answer}");
    for line in ["# TYPE aipot_sheep counter", "aipot_sheep_total 3", "# EOF"] {
        assert!(answer.lines().any(|shown| shown == line), "{line} is missing: {answer}");
    }
    assert!(fetch(page.address(), "/").await.starts_with("HTTP/1.1 404"));
}

#[tokio::test]
async fn an_address_that_is_taken_is_named() {
    let first = MetricsPage::show(loopback(), registry()).await.unwrap();
    let error = MetricsPage::show(first.address(), registry()).await.unwrap_err();
    assert!(error.to_string().contains(&first.address().to_string()), "{error}");
}
