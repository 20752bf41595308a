//! Runs that cannot keep their deadline.

use std::time::Instant;

use super::orders::{MLP, fixed};
use super::*;
use crate::worker::recipe::{RecipeJob, RecipePurpose};

/// The head of the chain when the work begins.
const HEAD: BlockNumber = BlockNumber(20);

const BLOCK_TIME: Duration = Duration::from_secs(10);

/// A worker for which blocks come every ten seconds, as observed for some minutes.
fn watched(folder: &TempDir) -> Worker {
    let (worker, now) = (worker(folder, 1), Instant::now());
    for block in 0..=HEAD.0 {
        let passed = BLOCK_TIME * (HEAD.0 - block);
        let then = now.checked_sub(passed).expect("the machine runs for some minutes");
        worker.clock().observe(BlockNumber(block), then);
    }
    worker
}

fn recipe(deadline_block: BlockNumber) -> (RecipeJob, Arc<Fixed>) {
    let (specification, bytes) = fixed(MLP);
    let job = RecipeJob { specification, purpose: RecipePurpose::Claim, deadline_block };
    (job, Arc::new(Fixed(bytes)))
}

#[tokio::test]
async fn a_fixed_recipe_that_cannot_end_in_time_is_given_up_and_says_what_would_fit() {
    let folder = TempDir::new().unwrap();
    let (job, data) = recipe(HEAD);
    let error = watched(&folder).run_recipe(job, data).await.unwrap_err();
    assert!(matches!(error, TrainingError::TooSlow(_)), "{error}");
    assert!(error.is_permanent());
    assert!(error.to_string().contains("0 steps would fit"), "{error}");
}

#[tokio::test]
async fn a_fixed_recipe_that_can_end_in_time_does() {
    let folder = TempDir::new().unwrap();
    let (job, data) = recipe(BlockNumber(HEAD.0 + 10));
    let result = watched(&folder).run_recipe(job, data).await.unwrap();
    assert!(!result.model.is_empty());
}

#[tokio::test]
async fn a_free_run_that_cannot_end_in_time_ends_with_fewer_steps() {
    let folder = TempDir::new().unwrap();
    let worker = watched(&folder);
    let mut progress = worker.progress();
    let job = TrainingJob { deadline_block: HEAD, ..job(order(100_000)) };
    let model = worker.train(job, Arc::new(Fixed(digits_file()))).await.unwrap();
    assert!(!model.is_empty());
    let first = progress.recv().await.unwrap();
    assert_eq!(first.step_count, 400_000, "four batches in each of 100,000 epochs");
}
