//! Three orders and plotting on one box: the real worker, real trainings, a real sector.

use std::sync::Mutex;
use std::time::Instant;

use aipot_domain_runtime::order::OrderSpecification;

use super::*;
use crate::store::artefacts::{ArtefactError, ContentHash};
use crate::worker::recipe::{RecipeJob, RecipePurpose};
use crate::worker::tests::orders::{CNN, GPT, MLP, fixed};
use crate::worker::training::TrainingData;

/// A tiny order takes less than a second; a busy machine is given a minute.
const ORDERS_MAX: Duration = Duration::from_mins(1);

/// The data of an order, which notes when its training begins.
struct NotedData {
    bytes: Vec<u8>,
    name: &'static str,
    encoder: Arc<CountingEncoder>,
    begun: Arc<Mutex<Vec<(&'static str, usize)>>>,
}

impl TrainingData for NotedData {
    fn training_data(&self, _hash: ContentHash) -> Result<Vec<u8>, ArtefactError> {
        self.begun.lock().unwrap().push((self.name, self.encoder.tables_begun()));
        Ok(self.bytes.clone())
    }
}

fn recipe(specification: OrderSpecification, deadline: u32) -> RecipeJob {
    let deadline_block = BlockNumber(deadline);
    RecipeJob { specification, purpose: RecipePurpose::Claim, deadline_block }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_orders_and_plotting_share_a_box_and_all_finish_in_time() {
    let Stage { worker, encoder, plotter, encoding, .. } = stage();
    let encoding = tokio::spawn(encoding.run());
    let metrics = plotter.metrics().clone();
    until(|| metrics.record_count() == 1 && encoder.tables_begun() > TABLES).await;

    let begun = Arc::default();
    let follow = |name, model, deadline| {
        let (specification, bytes) = fixed(model);
        let (encoder, begun) = (Arc::clone(&encoder), Arc::clone(&begun));
        let data = Arc::new(NotedData { bytes, name, encoder, begun });
        worker.run_recipe(recipe(specification, deadline), data)
    };
    let (start, begun_when_asked) = (Instant::now(), encoder.tables_begun());
    // The later an order comes, the earlier is its deadline.
    let orders = futures::future::join3(
        follow("gpt", GPT, 30),
        follow("cnn", CNN, 20),
        follow("mlp", MLP, 10),
    );
    let (gpt, cnn, mlp) = timeout(DEADLINE, orders).await.unwrap();
    let results = [gpt, cnn, mlp].map(|result| result.unwrap().model);
    assert!(start.elapsed() < ORDERS_MAX, "the orders took {:?}", start.elapsed());
    assert!(results.iter().all(|model| !model.is_empty()));

    let begun: Vec<(&str, usize)> = begun.lock().unwrap().clone();
    let names: Vec<&str> = begun.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["mlp", "cnn", "gpt"], "the earliest deadline goes first");
    let tables = begun.iter().map(|(_, tables)| tables - begun_when_asked).max().unwrap();
    assert!(tables <= 1, "{tables} tables were begun while orders waited");
    assert_eq!(encoder.stops(), 1, "plotting gave way once and came back after the last order");

    let finished = timeout(DEADLINE, encoding).await.unwrap().unwrap().unwrap();
    assert_eq!(finished.plotted().piece_indexes.len(), 2);
    assert_eq!(metrics.record_count(), 2, "the first record was not encoded again");
}
