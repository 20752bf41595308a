//! Tests of a side that has nothing to say.

use aipot_domain_runtime::dispute::{Dispute, Side};

use super::{Prover, ProverError};
use crate::trace::fixtures::{tiny_data, tiny_network};
use crate::trace::machine::{Files, Machine};
use crate::trace::play::file_roots;
use crate::trace::recorder::Snapshots;
use crate::trace::replay::Replay;

#[test]
fn who_finds_nothing_wrong_does_not_challenge() {
    let (computation, data) = (tiny_network(20), tiny_data());
    let files = Files { train: &data, ..Files::default() };
    let engine = Machine::new(&computation, files);
    let replay = Replay::new((&computation, files), engine, vec![], Snapshots::default());
    let mut prover = Prover::new(replay);
    let mut dispute = Dispute::new(&computation, prover.final_root().unwrap());
    let posted = prover.answer(&dispute).unwrap();
    dispute.apply(Side::Responder, &posted, &computation, &file_roots(files)).unwrap();
    assert!(matches!(prover.answer(&dispute), Err(ProverError::NothingDiffers)));
    dispute.time_out();
    assert!(matches!(prover.answer(&dispute), Err(ProverError::NoPlace)));
}
