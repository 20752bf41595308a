//! Tests of the learning rate's course.

use proptest::prelude::*;

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

#[test]
fn a_warm_up_rises_straight_and_stays() {
    let schedule = Schedule::Warmup { warmup_step_count: 4 };
    let shares = [0, 1, 3, 4, 99].map(|step| schedule.share(step, 100).to_bits());
    assert_eq!(shares, [0.25_f32, 0.5, 1.0, 1.0, 1.0].map(f32::to_bits));
}

#[test]
fn one_cycle_rises_falls_as_fast_and_ends_in_nothing() {
    let shares: Vec<f32> = (0..=200).map(|step| Schedule::OneCycle.share(step, 200)).collect();
    let near = |step: usize, share: f32| assert!((shares[step] - share).abs() < 1e-6, "{step}");
    near(0, 0.1);
    near(45, 0.55);
    near(90, 1.0);
    near(135, 0.55);
    near(180, 0.1);
    near(190, 0.05);
    near(200, 0.0);
    assert!(shares[..=90].is_sorted() && shares[90..].is_sorted_by(|one, two| one >= two));
}

proptest! {
    /// No schedule leaves the room between nothing and the peak, whatever the run.
    #[test]
    fn shares_stay_in_their_bounds(step: u64, step_count: u64, warmup_step_count: u64) {
        let schedules = [
            Schedule::Constant,
            Schedule::Cosine { warmup_step_count },
            Schedule::Warmup { warmup_step_count },
            Schedule::OneCycle,
        ];
        for schedule in schedules {
            let share = schedule.share(step, step_count);
            prop_assert!((0.0..=1.0).contains(&share), "{schedule:?}: {share}");
        }
    }
}
