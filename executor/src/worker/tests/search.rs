//! Searches of a provider: they give a model in time, go on after a crash, and make room afterwards.

use super::*;

fn searching(folder: &TempDir, candidates: u32, seconds: u64) -> Worker {
    let strategy = StrategySettings { candidates, seconds, ..StrategySettings::default() };
    let configuration = worker(folder, 1).configuration().clone();
    Worker::new(WorkerConfiguration { strategy, ..configuration })
}

fn search_path(folder: &TempDir, specification: &OrderSpecification) -> PathBuf {
    checkpoint_path(folder, specification).with_added_extension("search")
}

#[tokio::test]
async fn a_search_gives_a_model_of_the_order_and_leaves_nothing_behind() {
    let folder = TempDir::new().unwrap();
    let specification = order(2);
    let worker = searching(&folder, 4, 1);
    let mut progress = worker.progress();
    let model = trained(&worker, &specification).await;
    assert!(aipot_trainer::model_file::read_model(&model, &specification).is_ok());
    let plain = trained(&self::worker(&TempDir::new().unwrap(), 1), &specification).await;
    assert_ne!(model, plain);
    assert!(progress.recv().await.unwrap().step_count > 0);
    assert!(!search_path(&folder, &specification).exists());
}

#[tokio::test]
async fn a_search_that_is_urgent_ends_at_once_with_what_it_has() {
    let folder = TempDir::new().unwrap();
    let specification = order(2);
    let worker = searching(&folder, 8, 3600);
    let job = job(specification.clone());
    job.is_urgent.store(true, Ordering::Relaxed);
    let model = worker.train(job, Arc::new(Fixed(digits_file()))).await.unwrap();
    assert!(aipot_trainer::model_file::read_model(&model, &specification).is_ok());
}

#[tokio::test]
async fn a_search_says_each_better_model_when_that_is_wanted_and_goes_on() {
    let folder = TempDir::new().unwrap();
    let specification = order(2);
    let mut configuration = searching(&folder, 4, 1).configuration().clone();
    configuration.strategy.claims_improvements = true;
    let worker = Worker::new(configuration);
    let mut models = vec![trained(&worker, &specification).await];
    while worker.can_improve(&specification.id()) {
        models.push(trained(&worker, &specification).await);
    }
    // Four candidates make three rounds.
    assert!((2..=3).contains(&models.len()), "{}", models.len());
    assert!(models.iter().all(|model| !model.is_empty()));
    assert!(!search_path(&folder, &specification).exists());
}

#[tokio::test]
async fn a_damaged_search_begins_again() {
    let folder = TempDir::new().unwrap();
    let specification = order(2);
    durable::write(&search_path(&folder, &specification), b"no search").unwrap();
    let model = trained(&searching(&folder, 2, 1), &specification).await;
    assert!(aipot_trainer::model_file::read_model(&model, &specification).is_ok());
}

#[tokio::test]
async fn a_search_is_forgotten_with_its_order() {
    let folder = TempDir::new().unwrap();
    let specification = order(2);
    let path = search_path(&folder, &specification);
    durable::write(&path, b"no search").unwrap();
    searching(&folder, 2, 1).remove_checkpoint(&specification.id());
    assert!(!path.exists());
}
