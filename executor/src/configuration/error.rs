//! What can be wrong with a configuration, and where.

use std::fmt;
use std::path::PathBuf;

/// Where a value stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// In this file.
    File(PathBuf),
    /// In this environment variable.
    Variable(String),
    /// In this flag.
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(formatter, "file {}", path.display()),
            Self::Variable(name) => write!(formatter, "environment variable {name}"),
            Self::Flag(name) => write!(formatter, "flag --{}", name.replace('_', "-")),
        }
    }
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigurationError {
    /// The file cannot be read.
    #[error("cannot read configuration file {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The file is too long to be read at all.
    #[error("configuration file {} has more than {bytes_max} bytes", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
        /// Longest allowed.
        bytes_max: u64,
    },
    /// The file is no TOML.
    #[error("configuration file {}: {source}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        source: Box<toml::de::Error>,
    },
    /// There is no such key.
    #[error("{origin}: unknown key {key:?}, did you mean {hint:?}? allowed: {allowed}")]
    UnknownKey {
        /// Where it stands.
        origin: Origin,
        /// What stands there.
        key: String,
        /// The key that is most like it.
        hint: &'static str,
        /// All keys.
        allowed: String,
    },
    /// A value is not allowed.
    #[error("{origin}: {key} is {value:?}, allowed: {allowed}")]
    Value {
        /// Where it stands.
        origin: Origin,
        /// The key.
        key: &'static str,
        /// What stands there.
        value: String,
        /// What is allowed.
        allowed: String,
    },
    /// A key without which nothing can be done is not given.
    #[error(
        "{key} is not given: write it into the configuration file, the environment variable {variable}, \
         or the flag --{}", key.replace('_', "-")
    )]
    Missing {
        /// The key.
        key: &'static str,
        /// Its variable.
        variable: String,
    },
}
