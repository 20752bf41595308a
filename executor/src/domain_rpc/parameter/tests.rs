//! Parameters are found by place and by name, and hostile ones are named.

use jsonrpsee::types::{ErrorObjectOwned, Params};
use proptest::prelude::*;
use serde_json::Value;

use super::Parameters;

const NAMES: &[&str] = &["hash", "count"];

fn read(text: &str) -> Result<Parameters, ErrorObjectOwned> {
    Parameters::read(&Params::new(Some(text)), NAMES)
}

fn both(text: &str) -> Result<([u8; 32], u64), ErrorObjectOwned> {
    let mut parameters = read(text)?;
    Ok((parameters.digest("hash")?, parameters.number("count", 1..=9)?))
}

#[test]
fn values_are_taken_by_place_and_by_name() {
    let digest = "ab".repeat(32);
    let expected = ([0xAB; 32], 7);
    assert_eq!(both(&format!("[\"{digest}\", 7]")).unwrap(), expected);
    assert_eq!(both(&format!("[\"0x{digest}\", 7]")).unwrap(), expected);
    assert_eq!(both(&format!("{{\"count\": 7, \"hash\": \"{digest}\"}}")).unwrap(), expected);
}

#[test]
fn too_many_and_unknown_values_are_refused() {
    for text in ["[1, 2, 3]", "{\"hsh\": 1}", "7", "[1", "\"x\""] {
        let error = read(text).unwrap_err();
        assert!(error.message().contains("hash, count"), "{}", error.message());
    }
}

#[test]
fn a_long_value_is_shortened_in_the_answer() {
    let error = both(&format!("[\"{}\"]", "é".repeat(10_000))).unwrap_err();
    assert!(error.message().len() < 400, "{}", error.message().len());
}

proptest! {
    #[test]
    fn no_value_makes_reading_fail_without_an_answer(text in "\\PC{0,80}", number in any::<i64>()) {
        drop(both(&text));
        let value = Value::from(vec![Value::from(text.as_str()), Value::from(number)]);
        let outcome = both(&value.to_string());
        prop_assert!(outcome.is_err(), "{:?}", outcome);
    }
}
