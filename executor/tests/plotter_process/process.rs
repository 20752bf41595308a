//! What a farmer sees of a plotter, through a real server.

use std::sync::Arc;
use std::time::Duration;

use aipot_executor::plotter::{CheckDepth, PlotterError, PlotterSettings, Stage, Timings};
use aipot_kernels::plotting::{
    BITMAP_BYTES, CpuEncoder, HistorySize, ProtocolInformation, SectorMetadata, SectorView,
};
use aipot_kernels::proof_of_space::{K, SBucket, Variant, is_valid_proof};

use crate::encoders::{CheapEncoder, GatedEncoder};
use crate::farmer::{Request, Told, Wanted, ask_for_room, find_plotter};
use crate::harness::{Cluster, information, synthetic_piece, until, within};
use crate::nats_server::{DEFAULT_PAYLOAD, NatsServer, PLOTTING_PAYLOAD};
use crate::storage::{Fault, Storage};

/// A sector, its decoded pieces and a proof, as a farmer would look at them.
fn check_sector(sector: &[u8], wanted: &Wanted, variant: Variant) {
    let plan = wanted.plan();
    let view = SectorView::new(sector, &plan).unwrap();
    view.check().unwrap();
    for (offset, &piece_index) in (0..).zip(&plan.piece_indexes) {
        let piece = view.decode_piece(offset, variant, &|| true).unwrap();
        assert!(piece == synthetic_piece(piece_index), "piece {piece_index}");
    }
    let bitmap = &sector[BITMAP_BYTES..2 * BITMAP_BYTES];
    let has_chunk = |&s: &u16| bitmap[usize::from(s) / 8] >> (s % 8) & 1 == 1;
    let s_bucket = SBucket::new((0..=u16::MAX).find(has_chunk).unwrap());
    let proof = view.prove(1, s_bucket, variant).unwrap().unwrap().proof;
    let seed = plan.sector_id.seed(1);
    assert!(is_valid_proof(&seed, K, s_bucket.challenge_index(K), &proof));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_farmer_gets_a_sector_that_decodes_and_proves() {
    let cluster = Cluster::start().await;
    let _storage = Storage::start(&cluster.client, Fault::None, Fault::None).await;
    let settings = PlotterSettings { check: CheckDepth::default(), ..cluster.settings() };
    let running = cluster.plot(settings, Arc::new(CpuEncoder));
    let mut progress = running.plotter.progress();
    let plotter = find_plotter(&cluster.client).await;
    let wanted = Wanted::of_pieces(2);
    let mut request = Request::send(&cluster.client, &plotter, &wanted).await;
    for stage in [Told::Downloading, Told::Downloaded, Told::Encoding, Told::Encoded] {
        request.until(&stage).await;
    }
    let (plotted, sector) = request.sector(&wanted).await;
    let plan = wanted.plan();
    assert_eq!(plotted.sector_id, *plan.sector_id.as_bytes());
    assert_eq!((plotted.sector_index, plotted.piece_indexes), (3, plan.piece_indexes));
    let metadata = SectorMetadata::decode_bounded(&plotted.metadata).unwrap();
    assert_eq!((metadata.pieces_in_sector, metadata.history_size), (2, HistorySize(100)));
    tokio::task::spawn_blocking(move || check_sector(&sector, &wanted, Variant::V1)).await.unwrap();
    let metrics = running.plotter.metrics().clone();
    until("the sector is counted", || metrics.sector_count() == 1).await;
    assert_eq!(metrics.record_count(), 2);
    running.stop().await;
    let mut stages = Vec::new();
    while let Ok(report) = progress.try_recv() {
        stages.push((report.stage, report.records_done));
    }
    assert!(matches!(stages[0], (Stage::Downloading, 0)), "{stages:?}");
    assert!(matches!(stages.last(), Some((Stage::Finished(_), 2))), "{stages:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_plotters_of_one_queue_group_share_the_work() {
    let cluster = Cluster::start().await;
    let _storage = Storage::start(&cluster.client, Fault::None, Fault::None).await;
    let gate = GatedEncoder::new();
    let settings = PlotterSettings { sectors_max: 1, ..cluster.settings() };
    let first = cluster.plot(settings.clone(), gate.clone());
    let second = cluster.plot(settings, gate.clone());
    let one = find_plotter(&cluster.client).await;
    let wanted = Wanted::of_pieces(1);
    let mut request = Request::send(&cluster.client, &one, &wanted).await;
    request.until(&Told::Encoding).await;
    // Whoever has room now is the other one.
    let other = find_plotter(&cluster.client).await;
    assert_ne!(one, other);
    let mut other_request = Request::send(&cluster.client, &other, &wanted).await;
    other_request.until(&Told::Encoding).await;
    gate.open();
    let (one, other) = tokio::join!(request.sector(&wanted), other_request.sector(&wanted));
    assert!(one == other);
    // A farmer has its sector a little before the plotter counts it.
    let counts = || [&first, &second].map(|running| running.plotter.metrics().sector_count());
    until("each has plotted one", || counts() == [1, 1]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_a_plotter_is_killed_the_farmer_succeeds_with_another() {
    let cluster = Cluster::start().await;
    let _storage = Storage::start(&cluster.client, Fault::None, Fault::None).await;
    let gate = GatedEncoder::new();
    let settings = PlotterSettings { sectors_max: 1, ..cluster.settings() };
    let killed = cluster.plot(settings.clone(), gate.clone());
    let plotter = find_plotter(&cluster.client).await;
    let wanted = Wanted::of_pieces(1);
    let mut request = Request::send(&cluster.client, &plotter, &wanted).await;
    request.until(&Told::Encoding).await;
    until("encoding has begun", || gate.entered() == 1).await;
    killed.kill().await;
    let silence = request.rest(&wanted, Duration::from_secs(1)).await;
    assert!(silence.is_err(), "a dead plotter says nothing");
    until("encoding has stopped", || gate.stopped() == 1).await;

    let _another = cluster.plot(settings, Arc::new(CheapEncoder));
    let plotter = find_plotter(&cluster.client).await;
    Request::send(&cluster.client, &plotter, &wanted).await.sector(&wanted).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plotter_survives_a_restart_of_the_server() {
    let mut cluster = Cluster::start().await;
    let _storage = Storage::start(&cluster.client, Fault::None, Fault::None).await;
    let gate = GatedEncoder::new();
    let mut settings = cluster.settings();
    settings.timings.acknowledgement = Duration::from_secs(1);
    let running = cluster.plot(settings, gate.clone());
    let plotter = find_plotter(&cluster.client).await;
    let wanted = Wanted::of_pieces(1);
    let mut request = Request::send(&cluster.client, &plotter, &wanted).await;
    request.until(&Told::Encoding).await;
    cluster.server.restart(PLOTTING_PAYLOAD);
    let metrics = running.plotter.metrics();
    until("the plotter is connected again", || metrics.connection_count() >= 2).await;
    gate.open();
    // The sector in work may or may not have come through; then the farmer tries again, as farmers do.
    within("a sector is plotted after the restart", async {
        while request.rest(&wanted, Duration::from_secs(5)).await.is_err() {
            let plotter = find_plotter(&cluster.client).await;
            request = Request::send(&cluster.client, &plotter, &wanted).await;
        }
    })
    .await;
    let again = find_plotter(&cluster.client).await;
    assert_eq!(plotter, again, "the plotter keeps its name");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_farmer_is_waited_for_with_two_messages_under_way() {
    let cluster = Cluster::start().await;
    let _storage = Storage::start(&cluster.client, Fault::None, Fault::None).await;
    let mut settings = cluster.settings();
    settings.timings.ping = Duration::from_secs(10);
    let _running = cluster.plot(settings, Arc::new(CheapEncoder));
    let plotter = find_plotter(&cluster.client).await;
    let wanted = Wanted::of_pieces(4);
    let mut request = Request::send(&cluster.client, &plotter, &wanted).await;
    request.acknowledges = false;
    let mut told = Vec::new();
    loop {
        told.push(request.next().await.expect("not over"));
        if let Some(Told::Finished(_)) = told.last() {
            break;
        }
        if request.last_index() > 0 {
            // Two are under way, so a third may not come, however long one waits.
            let third = request.next_within(Duration::from_millis(50)).await;
            assert_eq!(third, Err(()), "after {told:?}");
            request.acknowledge(request.last_index() - 1).await;
        }
    }
    // All at once: the last acknowledgement stands for those before it.
    request.acknowledge(request.last_index()).await;
    request.acknowledges = true;
    let mut bytes = 0;
    while let Some(told) = request.next().await {
        let Told::Chunk(chunk) = told else { panic!("{told:?}") };
        bytes += chunk.len();
    }
    assert_eq!(bytes, aipot_kernels::plotting::sector_bytes(4));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_farmer_that_goes_away_stops_the_work_and_frees_its_room() {
    let cluster = Cluster::start().await;
    let _storage = Storage::start(&cluster.client, Fault::None, Fault::None).await;
    let gate = GatedEncoder::new();
    let mut settings = PlotterSettings { sectors_max: 1, ..cluster.settings() };
    settings.timings.acknowledgement = Duration::from_millis(200);
    let running = cluster.plot(settings, gate.clone());
    let plotter = find_plotter(&cluster.client).await;
    let wanted = Wanted::of_pieces(1);
    let mut request = Request::send(&cluster.client, &plotter, &wanted).await;
    request.until(&Told::Encoding).await;
    until("encoding has begun", || gate.entered() == 1).await;
    assert_eq!(ask_for_room(&cluster.client).await, None);
    drop(request);
    until("encoding has stopped", || gate.stopped() == 1).await;
    assert_eq!(find_plotter(&cluster.client).await, plotter);
    let metrics = running.plotter.metrics();
    until("the loss is counted", || metrics.error_count("farmer") == 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledgements_that_are_lost_or_odd_do_no_harm_when_later_ones_come() {
    let cluster = Cluster::start().await;
    let _storage = Storage::start(&cluster.client, Fault::None, Fault::None).await;
    let _running = cluster.plot(cluster.settings(), Arc::new(CheapEncoder));
    let plotter = find_plotter(&cluster.client).await;
    let wanted = Wanted::of_pieces(2);
    let mut request = Request::send(&cluster.client, &plotter, &wanted).await;
    request.acknowledges = false;
    assert_eq!(request.next().await, Some(Told::Downloading));
    // That of the first message is lost. Some that mean nothing come instead.
    request.next().await.unwrap();
    request.acknowledge_with(vec![1, 2, 3]).await;
    request.acknowledge_with(Vec::new()).await;
    request.acknowledge(4_000_000_000).await;
    request.acknowledge(request.last_index()).await;
    request.acknowledges = true;
    request.sector(&wanted).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plotter_without_room_says_occupied_and_is_not_found() {
    let cluster = Cluster::start().await;
    let _storage = Storage::start(&cluster.client, Fault::None, Fault::None).await;
    let gate = GatedEncoder::new();
    let settings = PlotterSettings { sectors_max: 1, ..cluster.settings() };
    let _running = cluster.plot(settings, gate.clone());
    let plotter = find_plotter(&cluster.client).await;
    let wanted = Wanted::of_pieces(1);
    let mut request = Request::send(&cluster.client, &plotter, &wanted).await;
    request.until(&Told::Encoding).await;
    let mut refused = Request::send(&cluster.client, &plotter, &wanted).await;
    assert_eq!(refused.next().await, Some(Told::Occupied));
    assert_eq!(refused.next().await, None);
    assert_eq!(ask_for_room(&cluster.client).await, None);
    gate.open();
    request.sector(&wanted).await;
    assert_eq!(find_plotter(&cluster.client).await, plotter);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_sector_is_fetched_while_one_is_encoded() {
    let cluster = Cluster::start().await;
    let _storage = Storage::start(&cluster.client, Fault::None, Fault::None).await;
    let gate = GatedEncoder::new();
    let _running = cluster.plot(cluster.settings(), gate.clone());
    let plotter = find_plotter(&cluster.client).await;
    let first = Wanted::of_pieces(1);
    let second = Wanted { sector_index: 4, ..first };
    let mut encoded = Request::send(&cluster.client, &plotter, &first).await;
    encoded.until(&Told::Encoding).await;
    let mut fetched = Request::send(&cluster.client, &plotter, &second).await;
    fetched.until(&Told::Downloaded).await;
    until("the first is being encoded", || gate.entered() == 1).await;
    gate.open();
    tokio::join!(encoded.sector(&first), fetched.sector(&second));
    assert_eq!(gate.entered(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pieces_that_a_cache_gives_wrong_come_from_the_controller() {
    for fault in [
        Fault::None,
        Fault::Empty,
        Fault::OtherPiece,
        Fault::NotCanonical,
        Fault::Noise,
        Fault::WrongIndex,
        Fault::Absent,
    ] {
        let cluster = Cluster::start().await;
        let _storage = Storage::start(&cluster.client, fault, Fault::None).await;
        let _running = cluster.plot(cluster.settings(), Arc::new(CheapEncoder));
        let plotter = find_plotter(&cluster.client).await;
        let wanted = Wanted::of_pieces(3);
        Request::send(&cluster.client, &plotter, &wanted).await.sector(&wanted).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pieces_that_no_stream_gives_are_asked_for_one_by_one() {
    for (cache, controller) in
        [(Fault::OnlySingle, Fault::Absent), (Fault::Empty, Fault::OnlySingle)]
    {
        let cluster = Cluster::start().await;
        let _storage = Storage::start(&cluster.client, cache, controller).await;
        let _running = cluster.plot(cluster.settings(), Arc::new(CheapEncoder));
        let plotter = find_plotter(&cluster.client).await;
        let wanted = Wanted::of_pieces(2);
        Request::send(&cluster.client, &plotter, &wanted).await.sector(&wanted).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_or_missing_pieces_are_an_error_for_the_farmer() {
    let cases = [
        (Fault::OtherPiece, "was given for piece"),
        (Fault::NotCanonical, "is not below the order of the scalar field"),
        (Fault::Empty, "pieces are missing"),
        (Fault::Noise, "cannot be decoded"),
        (Fault::WrongIndex, "came where part 0 was due"),
        (Fault::Absent, "nobody answers on subspace.controller.piece"),
    ];
    for (fault, said) in cases {
        let cluster = Cluster::start().await;
        let _storage = Storage::start(&cluster.client, fault, fault).await;
        let settings = PlotterSettings { sectors_max: 1, ..cluster.settings() };
        let running = cluster.plot(settings, Arc::new(CheapEncoder));
        let plotter = find_plotter(&cluster.client).await;
        let wanted = Wanted::of_pieces(2);
        let error = Request::send(&cluster.client, &plotter, &wanted).await.error().await;
        assert!(error.contains(said), "{fault:?}: {error}");
        // The room is free again.
        assert_eq!(find_plotter(&cluster.client).await, plotter);
        assert_eq!(running.plotter.metrics().error_count("pieces"), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_cannot_be_meant_are_refused_with_a_reason() {
    let cluster = Cluster::start().await;
    let _storage = Storage::start(&cluster.client, Fault::None, Fault::None).await;
    let running = cluster.plot(cluster.settings(), Arc::new(CheapEncoder));
    let plotter = find_plotter(&cluster.client).await;
    let client = &cluster.client;
    let no_history = ProtocolInformation { history_size: HistorySize(0), ..information() };
    let cases = [
        (Wanted::of_pieces(0), "pieces_in_sector is 0"),
        (Wanted::of_pieces(1_001), "pieces_in_sector is 1001, must be 1 to 1000"),
        (Wanted { information: no_history, ..Wanted::of_pieces(2) }, "history_size is 0"),
    ];
    for (wanted, said) in cases {
        let error = Request::send(client, &plotter, &wanted).await.error().await;
        assert!(error.contains(said), "{error}");
    }
    for bytes in [Vec::new(), vec![0; 77], vec![0; 79], vec![0; 1 << 20]] {
        let error = Request::send_bytes(client, &plotter, bytes).await.error().await;
        assert!(error.contains("the request is not understood"), "{error}");
    }
    let metrics = running.plotter.metrics();
    assert_eq!((metrics.error_count("plan"), metrics.error_count("request")), (3, 4));
    let wanted = Wanted::of_pieces(1);
    Request::send(client, &plotter, &wanted).await.sector(&wanted).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_farmer_is_told_when_the_plotter_is_stopped() {
    let cluster = Cluster::start().await;
    let _storage = Storage::start(&cluster.client, Fault::None, Fault::None).await;
    let gate = GatedEncoder::new();
    let running = cluster.plot(cluster.settings(), gate.clone());
    let plotter = find_plotter(&cluster.client).await;
    let mut request = Request::send(&cluster.client, &plotter, &Wanted::of_pieces(1)).await;
    request.until(&Told::Encoding).await;
    running.stop().await;
    assert!(request.error().await.contains("is being stopped"));
    assert_eq!(ask_for_room(&cluster.client).await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_with_too_small_messages_is_refused_and_the_setting_named() {
    let cluster = Cluster::start().await;
    let small = NatsServer::start(DEFAULT_PAYLOAD);
    let settings = PlotterSettings { servers: vec![small.url()], ..cluster.settings() };
    let error = cluster.plot(settings, Arc::new(CheapEncoder)).end().await.unwrap_err();
    assert!(matches!(error, PlotterError::PayloadLimit { max_payload: DEFAULT_PAYLOAD, .. }));
    assert!(error.to_string().contains("max_payload"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_whose_messages_shrink_is_refused_too() {
    let mut cluster = Cluster::start().await;
    let running = cluster.plot(cluster.settings(), Arc::new(CheapEncoder));
    let plotter = find_plotter(&cluster.client).await;
    cluster.server.restart(DEFAULT_PAYLOAD);
    let metrics = running.plotter.metrics().clone();
    until("the plotter is connected again", || metrics.connection_count() >= 2).await;
    assert_eq!(find_plotter(&cluster.client).await, plotter);
    let _request = Request::send(&cluster.client, &plotter, &Wanted::of_pieces(1)).await;
    let error = running.end().await.unwrap_err();
    assert!(matches!(error, PlotterError::PayloadLimit { max_payload: DEFAULT_PAYLOAD, .. }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plotter_can_be_stopped_while_the_server_is_away() {
    let mut cluster = Cluster::start().await;
    let _storage = Storage::start(&cluster.client, Fault::None, Fault::None).await;
    let gate = GatedEncoder::new();
    let running = cluster.plot(cluster.settings(), gate.clone());
    let plotter = find_plotter(&cluster.client).await;
    let mut request = Request::send(&cluster.client, &plotter, &Wanted::of_pieces(1)).await;
    request.until(&Told::Encoding).await;
    until("encoding has begun", || gate.entered() == 1).await;
    cluster.server.kill();
    running.stop().await;
    until("encoding has stopped", || gate.stopped() == 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_not_there_is_an_error() {
    let cluster = Cluster::start().await;
    let nobody = NatsServer::start(DEFAULT_PAYLOAD).url();
    let settings = PlotterSettings { servers: vec![nobody], ..cluster.settings() };
    let error = cluster.plot(settings, Arc::new(CheapEncoder)).end().await.unwrap_err();
    assert!(matches!(error, PlotterError::Connect { .. }), "{error}");
}

#[test]
fn patience_is_as_the_specification_says() {
    let timings = Timings::default();
    let seconds = [timings.acknowledgement, timings.ping, timings.capacity].map(|t| t.as_secs());
    assert_eq!(seconds, [60, 10, 1]);
}
