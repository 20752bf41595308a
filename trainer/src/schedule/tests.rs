//! Tests of the learning rate's course.

use super::Schedule;

#[test]
fn a_constant_schedule_stays_at_its_peak() {
    let shares = [0, 5, 99].map(|step| Schedule::Constant.share(step, 100));
    assert_eq!(shares.map(f32::to_bits), [1.0_f32.to_bits(); 3]);
}

#[test]
fn a_cosine_rises_straight_and_falls_to_nothing() {
    let schedule = Schedule::Cosine { warmup_step_count: 10 };
    let shares: Vec<f32> = (0..=110).map(|step| schedule.share(step, 110)).collect();
    assert_eq!((shares[0], shares[4], shares[9], shares[10]), (0.1, 0.5, 1.0, 1.0));
    assert!((shares[60] - 0.5).abs() < 1e-6, "{}", shares[60]);
    assert!(shares[110].abs() < 1e-6, "{}", shares[110]);
    assert!(shares[10..].is_sorted_by(|earlier, later| earlier >= later));
}

#[test]
fn steps_beyond_the_end_and_runs_without_steps_have_a_share() {
    let schedule = Schedule::Cosine { warmup_step_count: 0 };
    assert!(schedule.share(u64::MAX, 10).abs() < 1e-6);
    assert_eq!(schedule.share(0, 0).to_bits(), 1.0_f32.to_bits());
}
