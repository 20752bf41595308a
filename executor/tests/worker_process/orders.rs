//! What is trained in these tests, and how it is waited for.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use aipot_domain_runtime::order::OrderSpecification;
use aipot_domain_runtime::primitives::{BlockNumber, Salt};
use aipot_executor::store::artefacts::{ArtefactStore, ContentHash};
use aipot_executor::worker::protocol::{Blob, CheckpointPlace, DataFile, Job, Limits, Purpose};
use aipot_executor::worker::training::{TrainingError, TrainingJob};
use aipot_executor::worker::{Worker, WorkerConfiguration, Workplace};
use aipot_trainer::dataset::prepare;
use aipot_trainer::dataset::synthetic::Part;
use aipot_trainer::specification::{TestFacts, parse_order_toml};
use tokio::time::timeout;

/// After this time whatever was to happen counts as never happening.
pub(crate) const DEADLINE: Duration = Duration::from_mins(2);
/// The seed of every free training.
pub(crate) const SEED: u64 = 3;

const ORDER: &str = r#"
version = 1

[model]
architecture = "mlp"
hidden = [40]
initial = { seed = 7 }

[data]
synthetic = { seed = 7 }
features = 20
classes = 5
train_examples = 200
test_examples = 50

[train]
loss = "cross_entropy"
metric = "accuracy"
parameters_max = 100_000
batch = 16
RECIPE

[pay]
reward = "100"
metric_min = 0.5
"#;

/// An order and its training data.
pub(crate) struct Order {
    pub(crate) specification: OrderSpecification,
    pub(crate) train: Vec<u8>,
}

impl Order {
    /// A free training; two epochs have 25 steps.
    pub(crate) fn free(epochs: u32) -> Self {
        Self::with(&format!("recipe = \"free\"\nepochs = {epochs}"))
    }

    /// A fixed recipe.
    pub(crate) fn fixed(steps: u32) -> Self {
        Self::with(&format!(
            "recipe = {{ steps = {steps}, optimizer = \"adamw\", learning_rate = 0.01, checkpoint_interval = 50 }}"
        ))
    }

    /// A free training that needs some mebibytes.
    pub(crate) fn large() -> Self {
        Self::from_toml(
            &ORDER.replace("[40]", "[3000]").replace("RECIPE", "recipe = \"free\"\nepochs = 2"),
        )
    }

    fn with(recipe: &str) -> Self {
        Self::from_toml(&ORDER.replace("RECIPE", recipe))
    }

    fn from_toml(text: &str) -> Self {
        let draft = parse_order_toml(text).unwrap();
        let train = draft.data.synthetic(Part::Train).unwrap().unwrap();
        let test = draft.data.synthetic(Part::Test).unwrap().unwrap();
        let prepared = prepare(&draft.data.shape(), Some(&train), Some(&test)).unwrap();
        let (train, test) = (prepared.0.unwrap(), prepared.1.unwrap());
        let test = TestFacts::new(test.facts, &Salt([1; 32]));
        let specification = draft.complete(Some(&train.facts), Some(&test)).unwrap();
        Self { specification, train: train.bytes.into_owned() }
    }

    /// A store that has its data.
    pub(crate) fn store(&self, folder: &Path) -> Arc<ArtefactStore> {
        let store = ArtefactStore::open(folder.join("artefacts")).unwrap();
        let hash = store.put(&self.train).unwrap();
        assert_eq!(hash, ContentHash(self.specification.data.train.root.0));
        Arc::new(store)
    }

    pub(crate) fn training(&self) -> TrainingJob {
        TrainingJob {
            specification: self.specification.clone(),
            seed: SEED,
            deadline_block: BlockNumber(9),
            is_urgent: Arc::new(AtomicBool::new(false)),
        }
    }

    /// The job as it is sent to a worker.
    pub(crate) fn job(&self, path: Option<&Path>) -> Job {
        let path = path.map(|path| path.to_str().unwrap().to_owned());
        Job {
            purpose: Purpose::Train { seed: SEED },
            specification: self.specification.clone(),
            data: vec![DataFile { blob: Blob::of(&self.train), path }],
            limits: Limits {
                threads: 1,
                memory_bytes: 1 << 30,
                time_limit_s: 600,
                time_left_ms: None,
                checkpoint_steps: 20,
                checkpoint_ms: 600_000,
            },
            checkpoints: CheckpointPlace::Folder,
        }
    }

    /// The model as a thread of this process makes it.
    pub(crate) async fn model(&self) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        self.train_with(&worker(folder.path(), Workplace::Here), folder.path()).await.unwrap()
    }

    pub(crate) async fn train_with(
        &self,
        worker: &Worker,
        folder: &Path,
    ) -> Result<Vec<u8>, TrainingError> {
        let train = worker.train(self.training(), self.store(folder));
        within("the order is trained", train).await
    }
}

/// A worker of a node in `folder`, with a checkpoint every 20 steps.
pub(crate) fn worker(folder: &Path, workplace: Workplace) -> Worker {
    let configuration = WorkerConfiguration {
        checkpoint_steps: 20,
        checkpoint_time: Duration::from_hours(1),
        memory_bytes: 1 << 30,
        jobs_max: 1,
        ..WorkerConfiguration::for_folder(folder, 1)
    };
    Worker::with_workplace(configuration, workplace)
}

/// Waits for something that has to happen.
pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    timeout(DEADLINE, future).await.unwrap_or_else(|_| panic!("it never happened that {what}"))
}

/// Waits until something is the case.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    within(what, async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
}
