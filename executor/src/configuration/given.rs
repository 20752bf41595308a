//! What was given for each key, as text, with where it stands; the later source wins.

use std::collections::BTreeMap;
use std::io::Read;
use std::ops::RangeInclusive;
use std::path::Path;
use std::str::FromStr;

use toml::{Table, Value};

use super::{ConfigurationError, KEYS, Key, Origin};

/// Longest configuration file: many times what all keys take.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// What the name of every variable begins with.
const PREFIX: &str = "AIPOT_";
/// Variables with this prefix that are no keys of a node: the log filter of every command, and the node that
/// other commands ask.
const OTHER_VARIABLES: &[&str] = &["AIPOT_LOG", "AIPOT_NODE"];

/// The values of one key.
#[derive(Debug)]
struct Values {
    texts: Vec<String>,
    origin: Origin,
}

/// What was given.
#[derive(Debug, Default)]
pub(super) struct Given(BTreeMap<&'static str, Values>);

impl Given {
    /// Takes what a file says.
    pub(super) fn read_file(&mut self, path: &Path) -> Result<(), ConfigurationError> {
        let failed = |source| ConfigurationError::File { path: path.to_path_buf(), source };
        let file = std::fs::File::open(path).map_err(failed)?;
        let mut text = String::new();
        file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text).map_err(failed)?;
        if u64::try_from(text.len()).is_ok_and(|bytes| bytes > FILE_BYTES_MAX) {
            let (path, bytes_max) = (path.to_path_buf(), FILE_BYTES_MAX);
            return Err(ConfigurationError::TooLong { path, bytes_max });
        }
        let table: Table = toml::from_str(&text).map_err(|source| ConfigurationError::Format {
            path: path.to_path_buf(),
            source: Box::new(source),
        })?;
        let origin = Origin::File(path.to_path_buf());
        for (name, value) in &table {
            let key = known(name, &origin)?;
            let texts = texts_of(key, value, &origin)?;
            self.0.insert(key.name, Values { texts, origin: origin.clone() });
        }
        Ok(())
    }

    /// Takes what environment variables say; others than ours are passed over.
    pub(super) fn read_environment(
        &mut self,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<(), ConfigurationError> {
        for (variable, text) in environment {
            let Some(name) = variable.strip_prefix(PREFIX) else { continue };
            if OTHER_VARIABLES.contains(&variable.as_str()) {
                continue;
            }
            let origin = Origin::Variable(variable.clone());
            let key = known(&name.to_ascii_lowercase(), &origin)?;
            self.0.insert(key.name, Values { texts: split(key, text), origin });
        }
        Ok(())
    }

    /// Takes what flags say.
    pub(super) fn read_flags(
        &mut self,
        flags: impl IntoIterator<Item = (String, String)>,
    ) -> Result<(), ConfigurationError> {
        for (name, text) in flags {
            let key = known(&name.replace('-', "_"), &Origin::Flag(name.clone()))?;
            let origin = Origin::Flag(key.name.to_owned());
            let texts = split(key, text);
            match self.0.get_mut(key.name) {
                Some(values) if key.is_list && values.origin == origin => {
                    values.texts.extend(texts);
                }
                _ => drop(self.0.insert(key.name, Values { texts, origin })),
            }
        }
        Ok(())
    }

    /// The value of a key, `None` when it is not given.
    pub(super) fn single<T: FromStr>(
        &self,
        key: &'static str,
        allowed: &str,
    ) -> Result<Option<T>, ConfigurationError> {
        let Some(text) = self.0.get(key).and_then(|values| values.texts.first()) else {
            return Ok(None);
        };
        let value = Some(text).filter(|text| !text.is_empty()).and_then(|text| text.parse().ok());
        value.map(Some).ok_or_else(|| self.refused(key, text, allowed))
    }

    /// The value of a key that must be given.
    pub(super) fn required<T: FromStr>(
        &self,
        key: &'static str,
        allowed: &str,
    ) -> Result<T, ConfigurationError> {
        self.single(key, allowed)?.ok_or_else(|| Self::missing(key))
    }

    /// The error for a key that must be given.
    pub(super) fn missing(key: &'static str) -> ConfigurationError {
        let variable = format!("{PREFIX}{}", key.to_ascii_uppercase());
        ConfigurationError::Missing { key, variable }
    }

    /// The values of a key, none when it is not given.
    pub(super) fn list<T: FromStr>(
        &self,
        key: &'static str,
        allowed: &str,
    ) -> Result<Vec<T>, ConfigurationError> {
        let texts = self.0.get(key).map_or(&[][..], |values| &values.texts);
        let read = |text: &String| text.parse().map_err(|_| self.refused(key, text, allowed));
        texts.iter().map(read).collect()
    }

    /// A count within `allowed`.
    pub(super) fn count(
        &self,
        key: &'static str,
        allowed: RangeInclusive<u64>,
    ) -> Result<Option<usize>, ConfigurationError> {
        let range = format!("integers from {} to {}", allowed.start(), allowed.end());
        let Some(count) = self.single::<u64>(key, &range)? else { return Ok(None) };
        let size = usize::try_from(count).ok().filter(|_| allowed.contains(&count));
        size.map(Some).ok_or_else(|| self.refused(key, &count.to_string(), &range))
    }

    /// The error for a value of `key`.
    pub(super) fn refused(
        &self,
        key: &'static str,
        value: &str,
        allowed: &str,
    ) -> ConfigurationError {
        let origin = self.0.get(key).map(|values| values.origin.clone());
        ConfigurationError::Value {
            origin: origin.unwrap_or(Origin::Flag(key.to_owned())),
            key,
            value: value.to_owned(),
            allowed: allowed.to_owned(),
        }
    }
}

fn known(name: &str, origin: &Origin) -> Result<&'static Key, ConfigurationError> {
    if let Some(key) = KEYS.iter().find(|key| key.name == name) {
        return Ok(key);
    }
    let nearest = KEYS.iter().min_by_key(|key| edits(key.name, name));
    let names: Vec<_> = KEYS.iter().map(|key| key.name).collect();
    Err(ConfigurationError::UnknownKey {
        origin: origin.clone(),
        key: name.to_owned(),
        hint: nearest.map_or("", |key| key.name),
        allowed: names.join(", "),
    })
}

fn texts_of(key: &Key, value: &Value, origin: &Origin) -> Result<Vec<String>, ConfigurationError> {
    let scalar = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Integer(number) => Some(number.to_string()),
        Value::Boolean(is_so) => Some(is_so.to_string()),
        _ => None,
    };
    let texts = match value {
        Value::Array(values) if key.is_list => values.iter().map(scalar).collect(),
        value => scalar(value).map(|text| vec![text]),
    };
    texts.ok_or_else(|| ConfigurationError::Value {
        origin: origin.clone(),
        key: key.name,
        value: value.to_string(),
        allowed: if key.is_list { "a list of texts" } else { "one text or number" }.to_owned(),
    })
}

fn split(key: &Key, text: String) -> Vec<String> {
    if !key.is_list {
        return vec![text];
    }
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    parts.map(ToOwned::to_owned).collect()
}

/// How many letters must be put in, taken out or replaced to make one name of the other.
fn edits(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (place, letter) in left.chars().enumerate() {
        let mut diagonal = place;
        let mut before = place + 1;
        for (index, other) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *other);
            diagonal = row[index + 1];
            row[index] = before;
            before = replaced.min(diagonal + 1).min(before + 1);
        }
        row[right.len()] = before;
    }
    row[right.len()]
}
