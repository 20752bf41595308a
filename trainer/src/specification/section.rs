//! One table of a specification, read key by key; what is left over at the end is unknown.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::ops::RangeInclusive;

use aipot_domain_runtime::primitives::{Amount, DataRoot};

use super::decimal::{Decimal, DecimalError, parse_tokens};
use super::error::SpecificationError;
use super::recipe::rounded;
use super::value::Value;

/// Longest piece of a wrong value that is repeated in an error.
const QUOTED_CHARACTERS_MAX: usize = 80;

/// What stands before the hexadecimal digits of a hash.
const HASH_PREFIX: &str = "blake3:";

/// A table and the path to it.
pub(super) struct Section {
    path: String,
    entries: BTreeMap<String, Value>,
    known: Vec<&'static str>,
}

impl Section {
    /// The outermost table.
    pub(super) fn root(value: Value) -> Result<Self, SpecificationError> {
        Self::new(String::new(), value)
    }

    fn new(path: String, value: Value) -> Result<Self, SpecificationError> {
        match value {
            Value::Table(entries) => Ok(Self { path, entries, known: Vec::new() }),
            other => {
                let field = if path.is_empty() { "the specification".to_owned() } else { path };
                Err(SpecificationError::WrongType {
                    field,
                    found: other.kind(),
                    expected: "a table",
                })
            }
        }
    }

    /// The full name of a key.
    pub(super) fn field(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    fn take(&mut self, key: &'static str) -> Option<Value> {
        self.known.push(key);
        self.entries.remove(key)
    }

    /// The table under a key; an empty one when it is not there.
    pub(super) fn section(&mut self, key: &'static str) -> Result<Self, SpecificationError> {
        let value = self.take(key).unwrap_or(Value::Table(BTreeMap::new()));
        Self::new(self.field(key), value)
    }

    /// The table under a key, where one stands; other values stay.
    pub(super) fn table(&mut self, key: &'static str) -> Result<Option<Self>, SpecificationError> {
        match self.entries.get(key) {
            Some(Value::Table(_)) => self.section(key).map(Some),
            _ => Ok(None),
        }
    }

    /// A list of tables.
    pub(super) fn sections(
        &mut self,
        key: &'static str,
    ) -> Result<Option<Vec<Self>>, SpecificationError> {
        let field = self.field(key);
        let Some(items) = self.list(key)? else { return Ok(None) };
        let items = (0_usize..).zip(items);
        let tables = items.map(|(index, item)| Self::new(format!("{field}[{index}]"), item));
        tables.collect::<Result<_, _>>().map(Some)
    }

    /// The table under a key, when it is there.
    pub(super) fn optional_section(
        &mut self,
        key: &'static str,
    ) -> Result<Option<Self>, SpecificationError> {
        self.take(key).map(|value| Self::new(self.field(key), value)).transpose()
    }

    /// A value that must be there, if only under its right name.
    pub(super) fn required<T>(
        &self,
        key: &'static str,
        value: Option<T>,
    ) -> Result<T, SpecificationError> {
        value.ok_or_else(|| match self.entries.keys().find(|other| is_near(other, key)) {
            Some(other) => SpecificationError::UnknownKey {
                field: self.field(&quoted(other)),
                nearest: Some(key),
                allowed: vec![key],
            },
            None => SpecificationError::Missing { field: self.field(key) },
        })
    }

    /// A whole number; one above 2^63 may be written as a text, for TOML has none.
    pub(super) fn integer<N>(
        &mut self,
        key: &'static str,
        range: RangeInclusive<N>,
    ) -> Result<Option<N>, SpecificationError>
    where
        N: TryFrom<i128> + PartialOrd + Display,
    {
        let field = self.field(key);
        self.take(key).map(|value| integer(&field, &value, &range)).transpose()
    }

    /// A list of whole numbers.
    pub(super) fn integers<N>(
        &mut self,
        key: &'static str,
        range: RangeInclusive<N>,
    ) -> Result<Option<Vec<N>>, SpecificationError>
    where
        N: TryFrom<i128> + PartialOrd + Display,
    {
        let field = self.field(key);
        let Some(items) = self.list(key)? else { return Ok(None) };
        let items = (0_usize..).zip(&items);
        let numbers =
            items.map(|(index, item)| integer(&format!("{field}[{index}]"), item, &range));
        numbers.collect::<Result<_, _>>().map(Some)
    }

    /// One of a few words.
    pub(super) fn word<T: Copy>(
        &mut self,
        key: &'static str,
        words: &[(&'static str, T)],
    ) -> Result<Option<T>, SpecificationError> {
        let Some(text) = self.text(key)? else { return Ok(None) };
        let chosen = words.iter().find(|(word, _)| *word == text).map(|(_, meaning)| *meaning);
        chosen.map(Some).ok_or_else(|| SpecificationError::UnknownWord {
            field: self.field(key),
            value: quoted(&text),
            allowed: words.iter().map(|(word, _)| *word).collect(),
        })
    }

    /// A list of some of a few words.
    pub(super) fn words<T: Copy>(
        &mut self,
        key: &'static str,
        words: &[(&'static str, T)],
    ) -> Result<Option<Vec<T>>, SpecificationError> {
        let field = self.field(key);
        let Some(items) = self.list(key)? else { return Ok(None) };
        let meaning = |(index, item): (usize, Value)| {
            let field = format!("{field}[{index}]");
            let Value::Text(text) = item else {
                let found = item.kind();
                return Err(SpecificationError::WrongType { field, found, expected: "a text" });
            };
            let chosen = words.iter().find(|(word, _)| *word == text);
            chosen.map(|(_, meaning)| *meaning).ok_or_else(|| SpecificationError::UnknownWord {
                field,
                value: quoted(&text),
                allowed: words.iter().map(|(word, _)| *word).collect(),
            })
        };
        items.into_iter().enumerate().map(meaning).collect::<Result<_, _>>().map(Some)
    }

    /// A hash, written `blake3:` and 64 hexadecimal digits.
    pub(super) fn hash(
        &mut self,
        key: &'static str,
    ) -> Result<Option<[u8; 32]>, SpecificationError> {
        let Some(text) = self.text(key)? else { return Ok(None) };
        let digits = text.strip_prefix(HASH_PREFIX);
        let root = digits.and_then(DataRoot::from_hex);
        root.map(|root| Some(root.0)).ok_or_else(|| SpecificationError::Malformed {
            field: self.field(key),
            value: quoted(&text),
            expected: "blake3: and 64 hexadecimal digits",
        })
    }

    /// An amount in tokens: a text with at most 18 decimals, or a whole number.
    pub(super) fn tokens(
        &mut self,
        key: &'static str,
    ) -> Result<Option<Amount>, SpecificationError> {
        const EXPECTED: &str = "tokens in quotes, with at most 18 decimals";
        self.decimal(key, EXPECTED, false, parse_tokens)
    }

    /// A share from 0 to 1, in millionths.
    pub(super) fn share(&mut self, key: &'static str) -> Result<Option<u32>, SpecificationError> {
        const EXPECTED: &str = "a number from 0 to 1 with at most 6 decimals";
        let one = Decimal { places: 6 };
        let number = self.decimal(key, EXPECTED, true, |text| one.parse(text))?;
        let max = 1_000_000;
        match number {
            Some(number) if number > max => Err(SpecificationError::OutOfRange {
                field: self.field(key),
                value: one.format(number),
                min: "0".into(),
                max: "1".into(),
            }),
            number => Ok(number.and_then(|number| u32::try_from(number).ok())),
        }
    }

    fn decimal<T>(
        &mut self,
        key: &'static str,
        expected: &'static str,
        is_float_allowed: bool,
        parse: impl Fn(&str) -> Result<T, DecimalError>,
    ) -> Result<Option<T>, SpecificationError> {
        let field = self.field(key);
        let text = match self.take(key) {
            None => return Ok(None),
            Some(Value::Text(text)) => text,
            Some(Value::Integer(number)) => number.to_string(),
            // The shortest text that reads as the same float is what the client wrote.
            Some(Value::Float(number)) if is_float_allowed => number.to_string(),
            Some(other) => {
                let found = other.kind();
                return Err(SpecificationError::WrongType { field, found, expected });
            }
        };
        let number = parse(&text).map_err(|_| SpecificationError::Malformed {
            field,
            value: quoted(&text),
            expected,
        });
        number.map(Some)
    }

    /// A number, rounded to the nearest f32.
    pub(super) fn float(&mut self, key: &'static str) -> Result<Option<f32>, SpecificationError> {
        let value = self.take(key);
        let number = match &value {
            None => return Ok(None),
            Some(Value::Float(number)) => Some(*number),
            // Whole numbers of 32 bits are exact in an f64, so nothing is rounded twice.
            Some(Value::Integer(number)) => i32::try_from(*number).ok().map(f64::from),
            Some(_) => None,
        };
        number.map(|number| Some(rounded(number))).ok_or_else(|| SpecificationError::WrongType {
            field: self.field(key),
            found: value.as_ref().map_or("nothing", Value::kind),
            expected: "a number of 32 bits",
        })
    }

    fn list(&mut self, key: &'static str) -> Result<Option<Vec<Value>>, SpecificationError> {
        match self.take(key) {
            None => Ok(None),
            Some(Value::List(items)) => Ok(Some(items)),
            Some(other) => {
                let (field, found) = (self.field(key), other.kind());
                Err(SpecificationError::WrongType { field, found, expected: "a list" })
            }
        }
    }

    /// A text as it stands.
    pub(super) fn text(&mut self, key: &'static str) -> Result<Option<String>, SpecificationError> {
        match self.take(key) {
            None => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(other) => Err(SpecificationError::WrongType {
                field: self.field(key),
                found: other.kind(),
                expected: "a text",
            }),
        }
    }

    /// Refuses keys that nobody asked for.
    pub(super) fn finish(self) -> Result<(), SpecificationError> {
        let Some(key) = self.entries.keys().next() else { return Ok(()) };
        Err(SpecificationError::UnknownKey {
            field: self.field(&quoted(key)),
            nearest: nearest(key, &self.known),
            allowed: self.known,
        })
    }
}

fn integer<N>(
    field: &str,
    value: &Value,
    range: &RangeInclusive<N>,
) -> Result<N, SpecificationError>
where
    N: TryFrom<i128> + PartialOrd + Display,
{
    let number = match value {
        Value::Integer(number) => Some(*number),
        Value::Text(text) => text.parse().ok(),
        _ => None,
    };
    let number = number.ok_or_else(|| SpecificationError::WrongType {
        field: field.to_owned(),
        found: value.kind(),
        expected: "a whole number",
    })?;
    let inside = N::try_from(number).ok().filter(|number| range.contains(number));
    inside.ok_or_else(|| SpecificationError::OutOfRange {
        field: field.to_owned(),
        value: number.to_string(),
        min: range.start().to_string(),
        max: range.end().to_string(),
    })
}

/// The known key that was probably meant.
fn nearest(key: &str, known: &[&'static str]) -> Option<&'static str> {
    let near = known.iter().filter(|candidate| is_near(key, candidate));
    near.min_by_key(|candidate| distance(&quoted(key), candidate)).copied()
}

/// Whether at most a third of the letters are wrong, though one always may be.
fn is_near(key: &str, candidate: &str) -> bool {
    distance(&quoted(key), candidate) <= (candidate.len() / 3).max(1)
}

/// Letters to insert, remove or replace to turn one word into the other.
///
/// # Source
/// Wagner and Fischer, "The string-to-string correction problem", 1974.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (index, letter) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for (column, other) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *other);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}

fn quoted(text: &str) -> String {
    text.chars().take(QUOTED_CHARACTERS_MAX).collect()
}
