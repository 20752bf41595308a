//! Newtypes for 32-byte hashes that are written as 64 hexadecimal digits, in text and in JSON.

/// A text that is no hash.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("a hash is 64 hexadecimal digits: {reason}")]
pub struct ParseHashError {
    /// What is wrong with it.
    pub reason: hex::FromHexError,
}

/// Declares hash newtypes that cannot be taken for one another.
macro_rules! digest_newtype {
    ($($(#[$documentation:meta])* $name:ident;)*) => {$(
        $(#[$documentation])*
        #[derive(
            Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash,
            ::parity_scale_codec::Encode, ::parity_scale_codec::Decode,
            ::parity_scale_codec::MaxEncodedLen,
            ::serde::Serialize, ::serde::Deserialize,
        )]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(pub [u8; 32]);

        impl From<blake3::Hash> for $name {
            fn from(hash: blake3::Hash) -> Self {
                Self(*hash.as_bytes())
            }
        }

        impl From<[u8; 32]> for $name {
            fn from(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }
        }

        impl From<$name> for blake3::Hash {
            fn from(hash: $name) -> Self {
                Self::from_bytes(hash.0)
            }
        }

        impl From<$name> for String {
            fn from(hash: $name) -> Self {
                hash.to_string()
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::store::digest::ParseHashError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let mut bytes = [0; 32];
                hex::decode_to_slice(text, &mut bytes)
                    .map_err(|reason| $crate::store::digest::ParseHashError { reason })?;
                Ok(Self(bytes))
            }
        }

        impl TryFrom<String> for $name {
            type Error = $crate::store::digest::ParseHashError;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str(&hex::encode(self.0))
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(formatter, "{}({self})", stringify!($name))
            }
        }
    )*};
}

pub(crate) use digest_newtype;
