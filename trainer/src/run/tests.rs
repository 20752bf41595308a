//! Tests of training runs.

use std::time::Instant;

use crate::evaluation::evaluate;
use crate::fixtures::digits_fixture;
use crate::run::{Trainer, TrainingOptions};

#[test]
fn the_recipe_learns_the_digits_with_every_seed() {
    for seed in 0..5 {
        let fixture = digits_fixture(seed);
        let start = Instant::now();
        let options = TrainingOptions::recipe(&fixture.specification, seed);
        let mut trainer = Trainer::new(&fixture.specification, &fixture.train, options).unwrap();
        while !trainer.is_finished() {
            trainer.step().unwrap();
        }
        let parameters = trainer.finish().unwrap();
        let took = start.elapsed();
        let evaluation = evaluate(&parameters, &fixture.test, &fixture.specification).unwrap();
        println!("{seed} {} {} {took:?}", evaluation.accuracy(), evaluation.loss_nats());
        assert!(evaluation.accuracy() >= 0.95, "seed {seed}: {}", evaluation.accuracy());
    }
}
