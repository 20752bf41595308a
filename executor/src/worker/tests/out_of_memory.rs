//! Memory that is refused at a random step: the job is tried again in smaller pieces, to the same bits.

use std::collections::BTreeSet;
use std::sync::atomic::AtomicUsize;

use super::orders::{CNN, GPT, LARGE_MLP, MLP, STEPS, fixed, free};
use super::*;
use crate::scheduler::Device;
use crate::worker::memory::{MachineMemory, MemoryGuard, MemoryRequest, OutOfMemory};
use crate::worker::recipe::{RecipeJob, RecipePurpose, RecipeResult};

/// Refuses the memory of some steps, each once, beside what the machine refuses.
#[derive(Debug)]
struct Faulty {
    steps: Mutex<BTreeSet<u64>>,
    /// Rows of the micro-batches of all steps that were admitted.
    rows: Mutex<Vec<u32>>,
}

impl Faulty {
    fn at(steps: impl IntoIterator<Item = u64>) -> Arc<Self> {
        Arc::new(Self { steps: Mutex::new(steps.into_iter().collect()), rows: Mutex::default() })
    }
}

impl MemoryGuard for Faulty {
    fn admit(&self, request: MemoryRequest) -> Result<(), OutOfMemory> {
        if self.steps.lock().unwrap().remove(&request.step) {
            return Err(OutOfMemory { request });
        }
        MachineMemory.admit(request)?;
        self.rows.lock().unwrap().push(request.micro_rows);
        Ok(())
    }
}

/// Refuses the third step for ever.
#[derive(Debug, Default)]
struct Stubborn {
    refusals: AtomicUsize,
}

impl MemoryGuard for Stubborn {
    fn admit(&self, request: MemoryRequest) -> Result<(), OutOfMemory> {
        if request.step != 2 {
            return Ok(());
        }
        self.refusals.fetch_add(1, Ordering::SeqCst);
        Err(OutOfMemory { request })
    }
}

fn configuration(folder: &TempDir) -> WorkerConfiguration {
    worker(folder, 1).configuration().clone()
}

async fn followed(
    worker: &Worker,
    (specification, bytes): &(OrderSpecification, Vec<u8>),
) -> Result<RecipeResult, TrainingError> {
    let job = RecipeJob {
        specification: specification.clone(),
        purpose: RecipePurpose::Claim,
        deadline_block: BlockNumber(9),
    };
    worker.run_recipe(job, Arc::new(Fixed(bytes.clone()))).await
}

/// A step in each half of a run, drawn from the name of the test.
fn random_steps(name: &str, steps: u32) -> [u64; 2] {
    let drawn = *blake3::hash(name.as_bytes()).as_bytes();
    let half = u64::from(steps / 2);
    [u64::from(drawn[0]) % half, half + u64::from(drawn[1]) % half]
}

async fn check_recipe(model: &str) {
    let order = fixed(model);
    let folders = [TempDir::new().unwrap(), TempDir::new().unwrap()];
    let expected = followed(&worker(&folders[0], 1), &order).await.unwrap();
    let guard = Faulty::at(random_steps(model, STEPS));
    let disturbed = Worker::with_guard(configuration(&folders[1]), guard.clone());
    assert_eq!(followed(&disturbed, &order).await.unwrap(), expected);
    assert!(guard.steps.lock().unwrap().is_empty(), "every fault happened");
    let rows = guard.rows.lock().unwrap();
    assert!(rows.last().unwrap() < &order.0.train.batch_size, "{rows:?}");
}

#[tokio::test]
async fn a_perceptron_that_runs_out_of_memory_ends_with_the_same_hash() {
    check_recipe(MLP).await;
}

#[tokio::test]
async fn convolutions_that_run_out_of_memory_end_with_the_same_hash() {
    check_recipe(CNN).await;
}

#[tokio::test]
async fn a_decoder_that_runs_out_of_memory_ends_with_the_same_hash() {
    check_recipe(GPT).await;
}

async fn check_free_run(model: &str) {
    let (specification, bytes) = free(model);
    let folders = [TempDir::new().unwrap(), TempDir::new().unwrap()];
    let data = || Arc::new(Fixed(bytes.clone()));
    let undisturbed = worker(&folders[0], 1);
    let expected = undisturbed.train(job(specification.clone()), data()).await.unwrap();
    let guard = Faulty::at(random_steps(model, 16));
    let disturbed = Worker::with_guard(configuration(&folders[1]), guard.clone());
    assert_eq!(disturbed.train(job(specification.clone()), data()).await.unwrap(), expected);
    assert!(guard.steps.lock().unwrap().is_empty(), "every fault happened");
    let rows = guard.rows.lock().unwrap();
    // Two faults halve a batch of eight twice.
    assert_eq!(rows.last(), Some(&2), "{rows:?}");
}

#[tokio::test]
async fn a_free_run_of_a_perceptron_that_runs_out_of_memory_ends_with_the_same_hash() {
    check_free_run(MLP).await;
}

#[tokio::test]
async fn a_free_run_of_a_decoder_that_runs_out_of_memory_ends_with_the_same_hash() {
    check_free_run(GPT).await;
}

#[tokio::test]
async fn a_probe_step_is_measured_and_kept() {
    let folder = TempDir::new().unwrap();
    let guard = Faulty::at([]);
    let measuring = Worker::with_guard(configuration(&folder), guard.clone());
    let order = fixed(LARGE_MLP);
    followed(&measuring, &order).await.unwrap();
    let rows = guard.rows.lock().unwrap();
    assert!(rows.iter().all(|rows| *rows == order.0.train.batch_size), "{rows:?}");
    let calibration = read_calibration(folder.path());
    let [measured] = calibration.measurements() else { panic!("{calibration:?}") };
    assert_eq!((measured.subject.architecture.as_str(), measured.probe_count), ("mlp", 1));
    // What the allocator and the kernels add is less than the estimate; and most of it is really taken.
    assert!((500..2_000).contains(&measured.permille), "{measured:?}");
}

#[tokio::test]
async fn a_job_without_memory_is_halved_then_moved_to_a_larger_device_then_given_up() {
    let (folder, order) = (TempDir::new().unwrap(), fixed(MLP));
    let guard = Arc::new(Stubborn::default());
    let larger = Device { capacity_bytes: 2 << 30, jobs_max: 1 };
    let configuration =
        WorkerConfiguration { more_devices: vec![larger], ..configuration(&folder) };
    let worker = Worker::with_guard(configuration, guard.clone());
    let error = followed(&worker, &order).await.unwrap_err();
    // 8, 4, 2 and 1 rows on the processor, then 1 row on the larger device.
    assert_eq!(guard.refusals.load(Ordering::SeqCst), 5);
    assert!(error.is_permanent());
    let text = error.to_string();
    assert!(text.contains("ran out of memory 5 times"), "{text}");
    assert!(text.contains("more than 2147483648 bytes would fit"), "{text}");
}
