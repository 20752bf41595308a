//! Tests of base files: what is read, and what is refused and with which words.

use aipot_domain_runtime::order::DataFile;
use aipot_domain_runtime::program;
use proptest::prelude::*;

use super::*;
use crate::engine::FastEngine;
use crate::engine::tests::{ADAMW, MLP, RECORDS, order};
use crate::run::{Trainer, TrainingFile, TrainingOptions};
use crate::trace::machine::{Files, Machine};
use crate::trace::replay::Engine;

/// An order over a base of the given values, with the base and the training file.
fn based(values: impl Fn(usize) -> f32) -> (OrderSpecification, Vec<u8>, Vec<u8>) {
    let (mut specification, train) = order(MLP, RECORDS, ADAMW);
    let tensors = base_tensors(&specification).unwrap();
    let values: Vec<Vec<f32>> = tensors
        .iter()
        .map(|tensor| (0..value_count(tensor).unwrap()).map(&values).collect())
        .collect();
    let base = write_base(&specification, &values).unwrap();
    let root = DataRoot(blake3_tree::root(&base));
    specification.model.base = Some(DataFile { root, byte_count: base.len() as u64 });
    (specification, base, train)
}

fn small(index: usize) -> f32 {
    f32::from(u8::try_from(index % 17).unwrap()) / 64.0 - 0.125
}

#[test]
fn what_is_written_is_read_again() {
    let (specification, base, _) = based(small);
    let Some(Base::Start(values)) = read_base(&base, &specification).unwrap() else {
        panic!("the model does not start from its base");
    };
    assert_eq!(write_base(&specification, &values).unwrap(), base);
}

#[test]
fn a_recipe_starts_from_its_base_with_the_bits_of_its_program() {
    let (specification, base, train) = based(small);
    let computation = program::training(&specification).unwrap();
    let files = Files { train: &train, base: &base, ..Files::default() };
    let mut machine = Machine::new(&computation, files);
    let mut engine = FastEngine::new(&specification, &computation, files).unwrap();
    for step in 0..computation.steps() {
        machine.step(step).unwrap();
        engine.step(step).unwrap();
        if step == 0 {
            assert_eq!(engine.weights()[0][1].to_bits(), small(1).to_bits());
        }
        assert_eq!(machine.persistent().to_vec(), engine.persistent(), "step {step}");
    }
}

#[test]
fn a_free_run_starts_from_its_base() {
    let (specification, base, train) = based(small);
    let file = TrainingFile::new(&train, &specification).unwrap();
    let options = TrainingOptions::recipe(&specification, 5);
    let trainer = Trainer::new(&specification, file.with_base(&base), options).unwrap();
    assert!(
        trainer.model().iter().flatten().take(17).eq((0..17).map(small).collect::<Vec<_>>().iter())
    );
    let found = Trainer::new(&specification, file, options).unwrap_err();
    assert!(found.to_string().contains("the base file differs"), "{found}");
}

#[test]
fn a_base_of_another_family_is_refused_at_the_first_tensor() {
    let (specification, base, _) = based(small);
    let (other, _) = order("architecture = \"mlp\"\nhidden = [33, 18]", RECORDS, ADAMW);
    let found = check_base(&base, &other).unwrap_err();
    let BaseError::WrongTensor { tensor, offset, expected, found } = found else {
        panic!("{found}")
    };
    assert_eq!(tensor, base_tensors(&specification).unwrap()[2].name);
    assert!(offset > LENGTH_BYTES && expected.starts_with('8') && found.starts_with('7'));
}

#[test]
fn another_file_of_the_same_form_is_refused() {
    let (specification, mut base, _) = based(small);
    *base.last_mut().unwrap() ^= 1;
    assert!(matches!(read_own_base(&base, &specification), Err(BaseError::WrongFile { .. })));
    base.pop();
    assert!(matches!(read_base(&base, &specification), Err(BaseError::WrongLength { .. })));
}

#[test]
fn weights_that_are_no_numbers_are_refused_by_place() {
    let (mut specification, mut base, _) = based(small);
    let place = base.len() - VALUE_BYTES;
    base[place..].copy_from_slice(&f32::NAN.to_le_bytes());
    let root = DataRoot(blake3_tree::root(&base));
    specification.model.base = Some(DataFile { root, byte_count: base.len() as u64 });
    let found = read_base(&base, &specification).unwrap_err();
    assert!(matches!(found, BaseError::NotFinite { ref value, .. } if value == "NaN"), "{found}");
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..600), cut in 0_usize..2_000) {
        let (specification, base, _) = based(small);
        prop_assert!(check_base(&bytes, &specification).is_err());
        prop_assert!(check_base(&base[..cut.min(base.len() - 1)], &specification).is_err());
    }
}
