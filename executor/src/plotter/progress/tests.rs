//! Reports about a sector, and the pace of all.

use aipot_kernels::plotting::{HistorySize, ProtocolInformation, PublicKey};

use super::*;

fn plan() -> SectorPlan {
    let one = HistorySize(1);
    let information = ProtocolInformation {
        history_size: one,
        max_pieces_in_sector: 1_000,
        recent_segments: one,
        recent_history_fraction: (one, HistorySize(10)),
        min_sector_lifetime: one,
    };
    SectorPlan::new(&PublicKey([1; 32]), 5, &information, 2).unwrap()
}

#[test]
fn a_sector_that_is_let_go_of_has_failed_unless_it_is_finished() {
    let (sender, mut reports) = broadcast::channel(8);
    let tracked = Tracked::new(&plan(), sender.clone(), Arc::default());
    tracked.encoded(1);
    drop(tracked.clone());
    drop(tracked);
    let finished = Tracked::new(&plan(), sender, Arc::default());
    finished.reached(Stage::Finished(Duration::ZERO));
    drop(finished);
    let mut stages = Vec::new();
    while let Ok(report) = reports.try_recv() {
        assert_eq!((report.sector_index, report.records), (5, 2));
        stages.push((report.stage, report.records_done));
    }
    let expected = [(Stage::Encoding, 1), (Stage::Failed, 1), (Stage::Finished(Duration::ZERO), 0)];
    assert_eq!(stages, expected);
}

#[test]
fn the_pace_is_nothing_before_the_first_record() {
    let pace = Pace::default();
    assert!(pace.sectors_per_hour(2) <= 0.0);
    let second_ago = Instant::now().checked_sub(Duration::from_secs(1)).unwrap();
    pace.add(4, second_ago);
    let sectors_per_hour = pace.sectors_per_hour(2);
    assert!((7_000.0..=7_200.0).contains(&sectors_per_hour), "{sectors_per_hour}");
}
