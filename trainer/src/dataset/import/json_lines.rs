//! Lines of JSON objects: a text or a list of numbers, and a label.

use serde_json::{Map, Value};

use super::array::exact;
use super::lines::Lines;
use super::{Example, Examples, ImportError, Input, Place, Problem};

/// The keys that a line has.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JsonKeys {
    /// What is under the key of the example: text, or else a list of numbers.
    pub is_text: bool,
    /// The key of the text or the numbers.
    pub example: String,
    /// The key of the label.
    pub label: String,
    /// Whether other keys are passed over instead of refused.
    pub ignores_others: bool,
}

/// A file of JSON objects in lines.
#[derive(Debug)]
pub struct JsonLines {
    lines: Lines,
    keys: JsonKeys,
    width: Option<usize>,
}

impl JsonLines {
    /// A file of which nothing was read yet.
    pub fn new(input: Input, keys: JsonKeys) -> Self {
        Self { lines: Lines::new(input), keys, width: None }
    }

    fn at(&self, key: &str, problem: Problem) -> ImportError {
        let place = Place::LineKey { line: self.lines.number(), key: key.to_owned() };
        self.lines.error(place, problem)
    }

    /// The value under a key.
    fn take(&self, object: &mut Map<String, Value>, key: &str) -> Result<Value, ImportError> {
        object.remove(key).ok_or_else(|| {
            self.at(key, Problem::Missing { available: object.keys().cloned().collect() })
        })
    }

    fn number(&self, key: &str, value: &Value) -> Result<f64, ImportError> {
        match value {
            Value::Number(number) => Ok(nearest(number)),
            other => {
                let (found, expected) = (kind(other), "a number");
                Err(self.at(key, Problem::Kind { found, expected }))
            }
        }
    }

    fn features(&mut self, value: &Value, features: &mut Vec<f64>) -> Result<(), ImportError> {
        let Value::Array(values) = value else {
            let (found, expected) = (kind(value), "a list of numbers");
            return Err(self.at(&self.keys.example, Problem::Kind { found, expected }));
        };
        for value in values {
            features.push(self.number(&self.keys.example, value)?);
        }
        let expected = *self.width.get_or_insert(features.len());
        if features.len() != expected {
            let count = |count| u64::try_from(count).unwrap_or(u64::MAX);
            let (found, expected) = (count(features.len()), count(expected));
            return Err(self.at(&self.keys.example, Problem::FeatureCount { found, expected }));
        }
        Ok(())
    }
}

impl Examples for JsonLines {
    fn name(&self) -> &str {
        self.lines.name()
    }

    fn progress(&self) -> (u64, u64) {
        self.lines.progress()
    }

    fn read(&mut self, example: &mut Example) -> Result<bool, ImportError> {
        if !self.lines.advance()? {
            return Ok(false);
        }
        let mut object: Map<String, Value> =
            serde_json::from_slice(self.lines.line()).map_err(|source| {
                let place = Place::Line(self.lines.number());
                self.lines.error(place, Problem::Json { source })
            })?;
        let value = self.take(&mut object, &self.keys.example)?;
        let label = self.take(&mut object, &self.keys.label)?;
        if let Some(other) = object.keys().next().filter(|_| !self.keys.ignores_others) {
            let expected = vec![self.keys.example.clone(), self.keys.label.clone()];
            return Err(self.at(other, Problem::UnknownKey { expected }));
        }
        example.label = self.number(&self.keys.label, &label)?;
        example.features.clear();
        example.text.clear();
        match value {
            Value::String(text) if self.keys.is_text => example.text = text,
            other if self.keys.is_text => {
                let (found, expected) = (kind(&other), "a text");
                return Err(self.at(&self.keys.example, Problem::Kind { found, expected }));
            }
            other => self.features(&other, &mut example.features)?,
        }
        Ok(true)
    }
}

/// A whole number as it is, a decimal as the nearest f32.
#[expect(clippy::cast_possible_truncation, reason = "the nearest f32 is what is wanted")]
fn nearest(number: &serde_json::Number) -> f64 {
    let whole = number.as_i64().and_then(|value| exact(value).ok());
    whole.unwrap_or_else(|| f64::from(number.as_f64().unwrap_or(f64::NAN) as f32))
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
