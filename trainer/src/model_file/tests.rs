//! Tests of model files: the form is canonical, and no bytes are believed.

use std::collections::BTreeMap;

use proptest::prelude::*;
use safetensors::tensor::{Dtype, TensorView};

use super::{FOREIGN_BYTES_MAX, ModelError, model_byte_count, model_root, read_model, write_model};
use crate::architecture::initial_parameters;
use crate::fixtures::{digits_fixture, small_fixture};
use crate::parameters::Parameters;

fn small_model(seed: u64) -> Parameters {
    initial_parameters(&small_fixture().specification, seed).unwrap()
}

fn read(bytes: &[u8]) -> Result<Parameters, ModelError> {
    read_model(bytes, &small_fixture().specification)
}

/// A file with another header over the same values.
fn with_header(header: &str) -> Vec<u8> {
    let bytes = write_model(&small_model(1));
    let values = &bytes[bytes.len() - 26 * 4..];
    let length = u64::try_from(header.len()).unwrap();
    [length.to_le_bytes().as_slice(), header.as_bytes(), values].concat()
}

fn header() -> String {
    let bytes = write_model(&small_model(1));
    String::from_utf8(bytes[8..bytes.len() - 26 * 4].to_vec()).unwrap()
}

#[test]
fn the_library_writes_the_same_bytes() {
    let parameters = small_model(1);
    let values: BTreeMap<&str, (Vec<usize>, Vec<u8>)> = parameters
        .tensors()
        .iter()
        .map(|tensor| {
            let bytes = tensor.values().iter().flat_map(|value| value.to_le_bytes()).collect();
            (tensor.layout().name.as_str(), (tensor.layout().shape.clone(), bytes))
        })
        .collect();
    let views = values.iter().map(|(name, (shape, bytes))| {
        (*name, TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap())
    });
    let expected = safetensors::serialize(views, None).unwrap();
    assert_eq!(write_model(&parameters), expected);
}

#[test]
fn the_bytes_are_those_of_the_golden_vector() {
    // Origin: `write_model` of the initial weights of seed 7 for the digits, first release. The
    // form itself is compared with the safetensors library in the test above.
    let specification = digits_fixture(0).specification;
    let bytes = write_model(&initial_parameters(&specification, 7).unwrap());
    let expected = include_str!("../../tests/vectors/initial_model_root.txt").trim();
    assert_eq!(model_root(&bytes).to_string(), expected);
    assert_eq!(bytes.len(), model_byte_count(&specification).unwrap());
}

#[test]
fn a_file_that_ends_early_is_refused() {
    let bytes = write_model(&small_model(1));
    for length in 0..bytes.len() {
        assert!(read(&bytes[..length]).is_err(), "{length} bytes");
    }
    assert!(matches!(read(&[]), Err(ModelError::Truncated { needed: 8, found: 0 })));
}

#[test]
fn bytes_behind_the_last_value_are_refused() {
    let mut bytes = write_model(&small_model(1));
    bytes.push(0);
    let (expected, found) = (bytes.len() - 1, bytes.len());
    assert!(matches!(
        read(&bytes),
        Err(ModelError::WrongLength { expected: e, found: f }) if (e, f) == (expected, found)
    ));
}

#[test]
fn a_file_too_large_is_refused_before_it_is_read() {
    let bytes = vec![b'{'; FOREIGN_BYTES_MAX + 10_000];
    assert!(matches!(read(&bytes), Err(ModelError::TooLarge { .. })));
}

#[test]
fn a_header_length_beyond_all_bounds_is_refused() {
    for length in [u64::MAX, u64::MAX - 7, 1 << 40] {
        let bytes = [length.to_le_bytes().as_slice(), b"{}"].concat();
        let found = read(&bytes);
        assert!(
            matches!(found, Err(ModelError::HeaderTooLong { byte_count, .. }) if byte_count == length)
        );
    }
}

#[test]
fn metadata_is_refused() {
    let foreign = header().replacen('{', r#"{"__metadata__":{"format":"np"},"#, 1);
    assert!(matches!(read(&with_header(&foreign)), Err(ModelError::Metadata)));
}

#[test]
fn a_missing_or_unknown_tensor_is_named() {
    let renamed = header().replace("layers.01.bias", "layers.01.mean");
    let found = read(&with_header(&renamed)).unwrap_err();
    assert!(matches!(found, ModelError::MissingTensor { name } if name == "layers.01.bias"));
    let extra =
        header().replacen('{', r#"{"extra":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},"#, 1);
    let found = read(&with_header(&extra)).unwrap_err();
    assert!(matches!(found, ModelError::UnknownTensor { name } if name == "extra"));
}

#[test]
fn another_type_or_shape_is_named() {
    let typed = header().replacen("F32", "I32", 1);
    let found = read(&with_header(&typed)).unwrap_err();
    assert!(matches!(found, ModelError::WrongType { found, .. } if found == "I32"));
    let turned = header().replace("[4,3]", "[3,4]");
    let found = read(&with_header(&turned)).unwrap_err();
    assert!(matches!(
        found,
        ModelError::WrongShape { expected, found, .. } if expected == [4, 3] && found == [3, 4]
    ));
}

#[test]
fn gaps_overlaps_and_other_spellings_are_not_canonical() {
    let tampered = [
        header().replace("[0,16]", "[4,20]"),
        header().replace("[0,16]", "[0,20]"),
        header().replace("\"shape\":[4]", "\"shape\": [4]"),
        format!("{}        ", header()),
        header().trim_end().to_owned(),
    ];
    for header in tampered {
        let found = read(&with_header(&header));
        assert!(matches!(found, Err(ModelError::NotCanonical { .. })), "{header}: {found:?}");
    }
}

#[test]
fn a_header_that_is_no_object_of_tensors_is_refused() {
    for header in ["", "[]", "null", "{\"a\":", "\u{0}", &"[".repeat(5_000)] {
        let found = read(&with_header(header));
        assert!(matches!(found, Err(ModelError::Header { .. })), "{header}: {found:?}");
    }
}

#[test]
fn weights_that_are_not_finite_are_refused() {
    let bytes = write_model(&small_model(1));
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::from_bits(0xffc0_0001)] {
        let mut tampered = bytes.clone();
        let place = bytes.len() - 26 * 4 + 5 * 4;
        tampered[place..place + 4].copy_from_slice(&value.to_le_bytes());
        let found = read(&tampered).unwrap_err();
        assert!(
            matches!(&found, ModelError::NotFinite { name, index: 1, .. } if name == "layers.00.weight"),
            "{found:?}"
        );
    }
}

#[test]
fn a_model_of_another_order_is_refused() {
    let bytes = write_model(&small_model(1));
    let found = read_model(&bytes, &digits_fixture(0).specification);
    assert!(matches!(found, Err(ModelError::WrongShape { .. } | ModelError::MissingTensor { .. })));
}

proptest! {
    /// Reading gives back what was written.
    #[test]
    fn reading_undoes_writing(seed: u64) {
        let parameters = small_model(seed);
        prop_assert_eq!(read(&write_model(&parameters)).unwrap(), parameters);
    }

    /// A file that is read is the only file of its weights: tampering is seen.
    #[test]
    fn what_is_read_is_canonical(seed: u64, place: prop::sample::Index, byte: u8) {
        let mut bytes = write_model(&small_model(seed));
        let place = place.index(bytes.len());
        bytes[place] = byte;
        if let Ok(parameters) = read(&bytes) {
            prop_assert_eq!(write_model(&parameters), bytes);
        }
    }

    /// No bytes make the reader panic.
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let found = read(&bytes);
        prop_assert!(found.is_err());
    }

    /// No header makes the reader panic, and none but the canonical one is taken.
    #[test]
    fn no_header_panics(text in r#"[{}\[\]",:a-z0-9_ ]{0,200}"#) {
        prop_assert!(read(&with_header(&text)).is_err());
    }
}
