//! Networks over images learn the digits.

use aipot_domain_runtime::program;
use aipot_domain_runtime::progress::TestSource;

use crate::dataset::augment::Augmentation;
use crate::dataset::data_file;
use crate::evaluation::evaluate;
use crate::fixtures::{Fixture, digits_fixture, digits_fixture_of};
use crate::model_file::write_model;
use crate::run::tests::{file, root, run_to};
use crate::run::{OptionError, TrainError, Trainer, TrainingOptions};
use crate::trace::machine::Files;

/// Right answers of a model trained for some steps, by the program of the evaluation, and all examples.
fn answers(model: &str, step_count: u64) -> (u64, u64) {
    let fixture = digits_fixture_of(model);
    let Fixture { specification, files, .. } = &fixture;
    let options = TrainingOptions::steps(specification, 3, step_count);
    let mut trainer = Trainer::new(specification, file(&fixture), options).unwrap();
    run_to(&mut trainer, step_count);
    let model = write_model(&trainer.finish().unwrap());
    let data = data_file(&files.test);
    let source = TestSource::Revealed(data);
    let computation = program::evaluation(specification, &data, &source, [0; 32]).unwrap();
    let files = Files { test: &files.test, model: &model, ..Files::default() };
    let found = evaluate(&computation, files).unwrap();
    (found.correct_count, specification.data.test_example_count.into())
}

#[test]
fn a_residual_network_learns_the_digits() {
    let model =
        "architecture = \"resnet\"\nimage = [1, 8, 8]\nwidths = [8, 16]\nblocks = 1\ngroups = 4";
    let (correct, all) = answers(model, 450);
    assert!(correct * 100 >= all * 93, "{correct} of {all}");
}

#[test]
fn a_transformer_over_squares_learns_the_digits() {
    let model =
        "architecture = \"vit\"\nimage = [1, 8, 8]\npatch = 2\nwidth = 32\nlayers = 2\nheads = 4";
    let (correct, all) = answers(model, 1_350);
    assert!(correct * 100 >= all * 90, "{correct} of {all}");
}

const SQUARES: &str = "architecture = \"cnn\"\nimage = [1, 8, 8]\nconvolutions = []\nhidden = [16]";

#[test]
fn changed_images_are_others_and_the_same_for_a_seed() {
    let fixture = digits_fixture_of(SQUARES);
    let specification = &fixture.specification;
    let options = TrainingOptions::steps(specification, 3, 4);
    let trained = |augmentation| {
        let options = TrainingOptions { augmentation, ..options };
        let mut trainer = Trainer::new(specification, file(&fixture), options).unwrap();
        run_to(&mut trainer, 4);
        root(trainer)
    };
    let (flip, crop_padding) = (true, 2);
    let kinds = [
        Augmentation::NONE,
        Augmentation { flip, crop_padding: 0 },
        Augmentation { flip: false, crop_padding },
        Augmentation { flip, crop_padding },
    ];
    let roots = kinds.map(trained);
    for (place, found) in roots.iter().enumerate() {
        assert_eq!(trained(kinds[place]), *found);
        assert!(!roots[..place].contains(found), "{:?}", kinds[place]);
    }
}

#[test]
fn images_that_are_not_there_or_too_small_are_not_changed() {
    let refused = |fixture: &Fixture, augmentation| {
        let specification = &fixture.specification;
        let plain = TrainingOptions::steps(specification, 3, 4);
        let options = TrainingOptions { augmentation, ..plain };
        match Trainer::new(specification, file(fixture), options) {
            Err(TrainError::Options(error)) => error,
            other => panic!("{other:?}"),
        }
    };
    let wide = Augmentation { flip: false, crop_padding: 8 };
    let found = refused(&digits_fixture_of(SQUARES), wide);
    assert_eq!(found, OptionError::CropPadding { value: 8, max: 7 });
    let found = refused(&digits_fixture(0), Augmentation { flip: true, crop_padding: 0 });
    assert_eq!(found, OptionError::NoImage { architecture: "mlp" });
}
