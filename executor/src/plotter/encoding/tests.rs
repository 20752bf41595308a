//! Plotting gives way to training, and goes on where it was.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aipot_kernels::plotting::{
    CheckPolicy, CpuEncoder, EncodeError, HistorySize, PIECE_BYTES, Piece, ProtocolInformation,
    PublicKey, RecordEncoder, RecordJob, SectorPlan,
};
use aipot_kernels::proof_of_space::{KeepGoing, TABLES, Variant};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::*;
use crate::plotter::PlotterSettings;
use crate::worker::{Worker, WorkerConfiguration};

/// What is not done by then will never be.
const DEADLINE: Duration = Duration::from_mins(2);

/// The real encoder, which counts.
#[derive(Debug, Default)]
struct CountingEncoder {
    tables_begun: AtomicUsize,
    stops: AtomicUsize,
}

impl CountingEncoder {
    fn tables_begun(&self) -> usize {
        self.tables_begun.load(Ordering::SeqCst)
    }

    fn stops(&self) -> usize {
        self.stops.load(Ordering::SeqCst)
    }
}

impl RecordEncoder for CountingEncoder {
    fn name(&self) -> String {
        "counting".into()
    }

    fn encode(
        &self,
        variant: Variant,
        jobs: &mut [RecordJob<'_>],
        keep_going: KeepGoing<'_>,
    ) -> Result<(), EncodeError> {
        let counting = || {
            let goes_on = keep_going();
            self.tables_begun.fetch_add(usize::from(goes_on), Ordering::SeqCst);
            goes_on
        };
        let end = CpuEncoder.encode(variant, jobs, &counting);
        self.stops.fetch_add(usize::from(end.is_err()), Ordering::SeqCst);
        end
    }
}

fn piece(first: u8) -> Piece {
    let mut bytes = vec![0; PIECE_BYTES];
    bytes[31] = first;
    Piece::new(bytes).unwrap()
}

fn sector() -> Sector {
    let one = HistorySize(1);
    let information = ProtocolInformation {
        history_size: one,
        max_pieces_in_sector: 1_000,
        recent_segments: one,
        recent_history_fraction: (one, HistorySize(10)),
        min_sector_lifetime: one,
    };
    let plan = SectorPlan::new(&PublicKey([1; 32]), 0, &information, 2).unwrap();
    let policy = CheckPolicy { chunks_per_record: 1, recreated_records: 0, seed: [0; 32] };
    Sector::new(plan, Variant::V1, vec![piece(1), piece(2)], policy).unwrap()
}

async fn until(mut holds: impl FnMut() -> bool) {
    let wait = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(DEADLINE, wait).await.unwrap();
}

/// A worker with one place, and a sector that is to be plotted there.
struct Stage {
    worker: Worker,
    encoder: Arc<CountingEncoder>,
    plotter: Arc<Plotter>,
    encoding: Encoding,
    _folder: tempfile::TempDir,
}

fn stage() -> Stage {
    let folder = tempfile::TempDir::new().unwrap();
    let configuration =
        WorkerConfiguration { jobs_max: 1, ..WorkerConfiguration::for_folder(folder.path(), 2) };
    let worker = Worker::new(configuration);
    let encoder = Arc::new(CountingEncoder::default());
    let settings = PlotterSettings::new(vec!["nats://127.0.0.1".into()], Variant::V1);
    let plotter = Plotter::new(settings, encoder.clone(), worker.clone());
    let sector = sector();
    let tracked = plotter.track(sector.plan());
    let slot = Arc::new(Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap());
    let encoding = Encoding::new(Arc::clone(&plotter), sector, tracked, slot);
    Stage { worker, encoder, plotter, encoding, _folder: folder }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn training_stops_plotting_within_one_table_and_the_sector_is_finished_afterwards() {
    let Stage { worker, encoder, plotter, encoding, .. } = stage();
    let encoding = tokio::spawn(encoding.run());

    // The second record is in work.
    let metrics = plotter.metrics().clone();
    until(|| metrics.record_count() == 1 && encoder.tables_begun() > TABLES).await;
    let memory = MemoryNeed::whole(0);
    let training = Job { priority: Priority::Training, deadline_block: BlockNumber(1), memory };
    let counted = Arc::clone(&encoder);
    let work = move |_: &Control| JobEnd::Finished((counted.tables_begun(), counted.stops()));
    let mut training = std::pin::pin!(worker.run(training, work));
    assert!(futures::poll!(training.as_mut()).is_pending(), "plotting has the only place");
    let begun_when_asked = encoder.tables_begun();
    let (begun, stops) = timeout(DEADLINE, training).await.unwrap().unwrap();
    assert!(begun - begun_when_asked <= 1, "{begun_when_asked} tables were begun, then {begun}");
    assert_eq!(stops, 1, "plotting had given way before training began");

    let finished = timeout(DEADLINE, encoding).await.unwrap().unwrap().unwrap();
    assert_eq!(finished.plotted().piece_indexes.len(), 2);
    assert_eq!(metrics.record_count(), 2, "the first record was not encoded again");
}

mod full_box;
