//! Tests of runs that stop and go on.

use aipot_domain_runtime::program::training;

use super::{RecipeError, RecipeRun, empty_trace};
use crate::engine::tests::{ADAMW, MLP, RECORDS, order};
use crate::trace::recorder::Trace;

#[test]
fn a_run_that_was_stopped_ends_as_if_it_had_not_been() {
    let (specification, train) = order(MLP, RECORDS, ADAMW);
    let computation = training(&specification).unwrap();
    let empty = empty_trace(&specification, &computation).unwrap();
    let whole = |from: &Trace, steps: u32| {
        let mut run = RecipeRun::new(&specification, &computation, &train, from).unwrap();
        while !run.is_finished() && run.step_index() < steps {
            run.step().unwrap();
        }
        (run.model().unwrap(), run.trace().clone())
    };
    let (model, trace) = whole(&empty, u32::MAX);
    // With checkpoints every two steps, a stop after one or three loses one step.
    for stop in 0..4 {
        let (_, kept) = whole(&empty, stop);
        assert_eq!(whole(&kept, u32::MAX), (model.clone(), trace.clone()), "stopped at {stop}");
    }
}

#[test]
fn a_trace_of_another_run_is_refused() {
    let (specification, train) = order(MLP, RECORDS, ADAMW);
    let computation = training(&specification).unwrap();
    let found = RecipeRun::new(&specification, &computation, &train, &Trace::new(99, 2));
    assert!(matches!(found, Err(RecipeError::ForeignTrace { found: 99, expected: 5 })));
}
