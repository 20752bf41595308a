//! What the tests stand on: a server, a client, plotters, made-up pieces, and patience with an end.

use std::sync::Arc;
use std::time::Duration;

use aipot_executor::plotter::{CheckDepth, Plotter, PlotterError, PlotterSettings, Timings};
use aipot_executor::worker::{Worker, WorkerConfiguration};
use aipot_kernels::plotting::{HistorySize, PIECE_BYTES, ProtocolInformation, RecordEncoder};
use aipot_kernels::proof_of_space::Variant;
use async_nats::Client;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::nats_server::{NatsServer, PLOTTING_PAYLOAD};

/// After this time whatever was to happen counts as never happening.
pub(crate) const DEADLINE: Duration = Duration::from_mins(1);

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

/// What farmers of the tests know of the protocol.
pub(crate) fn information() -> ProtocolInformation {
    ProtocolInformation {
        history_size: HistorySize(100),
        max_pieces_in_sector: 1_000,
        recent_segments: HistorySize(5),
        recent_history_fraction: (HistorySize(1), HistorySize(10)),
        min_sector_lifetime: HistorySize(4),
    }
}

/// A made-up piece: 31 bytes of every chunk are noise, as in real ones.
pub(crate) fn synthetic_piece(piece_index: u64) -> Vec<u8> {
    let mut piece = vec![0; PIECE_BYTES];
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"synthetic piece").update(&piece_index.to_le_bytes());
    hasher.finalize_xof().fill(&mut piece);
    for chunk in piece[..1 << 20].chunks_exact_mut(32) {
        chunk[0] = 0;
    }
    piece
}

/// A server and somebody connected to it.
pub(crate) struct Cluster {
    pub(crate) server: NatsServer,
    pub(crate) client: Client,
    folder: TempDir,
}

impl Cluster {
    pub(crate) async fn start() -> Self {
        let server = NatsServer::start(PLOTTING_PAYLOAD);
        let client = async_nats::connect(server.url()).await.unwrap();
        Self { server, client, folder: TempDir::new().unwrap() }
    }

    /// Settings under which nothing but the protocol is checked, and patience is short.
    pub(crate) fn settings(&self) -> PlotterSettings {
        PlotterSettings {
            check: CheckDepth { chunks_per_record: 0, recreated_records: 0 },
            timings: Timings {
                ping: Duration::from_millis(50),
                capacity: Duration::from_millis(10),
                response: Duration::from_secs(10),
                acknowledgement: Duration::from_secs(10),
            },
            ..PlotterSettings::new(vec![self.server.url()], Variant::V1)
        }
    }

    pub(crate) fn worker(&self) -> Worker {
        Worker::new(WorkerConfiguration::for_folder(self.folder.path(), 2))
    }

    /// Starts a plotter.
    pub(crate) fn plot(
        &self,
        settings: PlotterSettings,
        encoder: Arc<dyn RecordEncoder>,
    ) -> Running {
        let plotter = Plotter::new(settings, encoder, self.worker());
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(Arc::clone(&plotter).serve(async {
            stopped.await.ok();
        }));
        Running { plotter, stop: Some(stop), task }
    }
}

/// A plotter at work.
pub(crate) struct Running {
    pub(crate) plotter: Arc<Plotter>,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<Result<(), PlotterError>>,
}

impl Running {
    /// Ends it as somebody does who has patience.
    pub(crate) async fn stop(mut self) {
        self.stop.take().unwrap().send(()).unwrap();
        within("the plotter stops", &mut self.task).await.unwrap().unwrap();
    }

    /// Ends it without a last word.
    pub(crate) async fn kill(mut self) {
        self.task.abort();
        assert!((&mut self.task).await.unwrap_err().is_cancelled());
    }

    /// What it ended with by itself.
    pub(crate) async fn end(mut self) -> Result<(), PlotterError> {
        within("the plotter ends", &mut self.task).await.unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}
