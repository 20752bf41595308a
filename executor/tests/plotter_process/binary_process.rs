//! The binary itself as a plotter: killed in the middle of a sector, and started again.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use aipot_kernels::plotting::SectorView;
use aipot_kernels::proof_of_space::Variant;

use crate::farmer::{Request, Told, Wanted, find_plotter};
use crate::harness::{Cluster, synthetic_piece};
use crate::storage::{Fault, Storage};

/// `aipot plotter` as a process, which ends with the test.
struct Binary(Child);

impl Binary {
    fn start(cluster: &Cluster) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_aipot"))
            .args(["--json", "plotter", "--variant", "v2", "--backend", "cpu", "--nats"])
            .arg(cluster.server.url())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self(child)
    }

    /// Kills it as a power cut does.
    fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Binary {
    fn drop(&mut self) {
        self.kill();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_farmer_gets_its_sector_though_a_plotter_is_killed_in_the_middle_of_it() {
    let cluster = Cluster::start().await;
    let _storage = Storage::start(&cluster.client, Fault::None, Fault::None).await;
    let wanted = Wanted::of_pieces(1);

    let mut first = Binary::start(&cluster);
    let killed = find_plotter(&cluster.client).await;
    let mut request = Request::send(&cluster.client, &killed, &wanted).await;
    request.until(&Told::Encoding).await;
    first.kill();
    let silence = request.rest(&wanted, Duration::from_secs(1)).await;
    assert!(silence.is_err(), "a dead plotter says nothing");

    let _second = Binary::start(&cluster);
    let plotter = find_plotter(&cluster.client).await;
    assert_ne!(plotter, killed);
    let request = Request::send(&cluster.client, &plotter, &wanted).await;
    let (_, sector) = request.sector(&wanted).await;
    let plan = wanted.plan();
    let view = SectorView::new(&sector, &plan).unwrap();
    view.check().unwrap();
    let piece = view.decode_piece(0, Variant::V2, &|| true).unwrap();
    assert!(piece == synthetic_piece(plan.piece_indexes[0]));
}
