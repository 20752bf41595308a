//! Newtypes for every identity, digest, amount and height, so that none is taken for another.

use alloc::string::String;
use core::fmt;

use parity_scale_codec::{Decode, Encode, MaxEncodedLen};

/// One whole token in its smallest unit, as on Autonomys (1 AI3 = 10^18 shannons).
pub const TOKEN: u128 = 1_000_000_000_000_000_000;

macro_rules! digest_newtype {
    ($($(#[$documentation:meta])* $name:ident;)*) => {$(
        $(#[$documentation])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, MaxEncodedLen, Default)]
        pub struct $name(pub [u8; 32]);

        impl $name {
            /// The 32 bytes.
            pub const fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }

            /// Reads 64 hexadecimal digits.
            pub fn from_hex(text: &str) -> Option<Self> {
                bytes_from_hex(text).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_hex(&self.0, formatter)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_hex(&self.0, formatter)
            }
        }
    )*};
}

digest_newtype! {
    /// An sr25519 public key: who signs, owns and is paid.
    AccountId;
    /// BLAKE3 of the SCALE bytes of an order specification.
    OrderId;
    /// BLAKE3 of the canonical safetensors bytes of a model.
    ModelRoot;
    /// BLAKE3 of the bytes of a data file.
    DataRoot;
    /// Root of a training trace; all zeros in contest orders, which have none.
    TraceRoot;
    /// A hiding and binding commitment to something revealed later.
    Commitment;
    /// The secret that hides what a commitment commits to.
    Salt;
    /// Randomness of a consensus block, fixed after the thing it selects.
    Beacon;
    /// BLAKE3 of the SCALE bytes of the genesis; separates networks in every signature.
    GenesisHash;
    /// Keyed hash of the logits bits that a validator computed.
    EvaluationDigest;
}

/// An sr25519 signature.
#[derive(Clone, Copy, PartialEq, Eq, Encode, Decode, MaxEncodedLen)]
pub struct Signature(pub [u8; 64]);

impl fmt::Debug for Signature {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&self.0, formatter)
    }
}

/// A domain block height; block 0 is the genesis.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, MaxEncodedLen, Default, Debug,
)]
pub struct BlockNumber(pub u32);

impl BlockNumber {
    /// The height `blocks` later, kept at the largest height rather than wrapping.
    #[must_use]
    pub const fn after(self, blocks: u32) -> Self {
        Self(self.0.saturating_add(blocks))
    }
}

impl fmt::Display for BlockNumber {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0)
    }
}

/// An amount of the domain's token.
///
/// # Units
/// Smallest units; [`TOKEN`] of them are one token.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, MaxEncodedLen, Default, Debug,
)]
pub struct Amount(pub u128);

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// `count` whole tokens; the largest amount when that does not fit.
    #[must_use]
    pub const fn tokens(count: u64) -> Self {
        // u64 widened to u128: lossless, and `From` is not const.
        Self((count as u128).saturating_mul(TOKEN))
    }

    /// Sum, or `None` when it does not fit.
    #[must_use]
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(sum) => Some(Self(sum)),
            None => None,
        }
    }

    /// Difference, or `None` when it would be negative.
    #[must_use]
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) {
            Some(difference) => Some(Self(difference)),
            None => None,
        }
    }

    /// The smaller of the two.
    #[must_use]
    pub fn min(self, other: Self) -> Self {
        Ord::min(self, other)
    }

    /// `self * percent / 100` rounded down, exact for every amount and `percent <= 100`.
    #[must_use]
    pub const fn percent(self, percent: u8) -> Self {
        let percent = percent as u128;
        // Split so that the product cannot overflow: (100 q + r) p / 100 = q p + r p / 100.
        let whole = (self.0 / 100).saturating_mul(percent);
        let rest = (self.0 % 100).saturating_mul(percent) / 100;
        Self(whole.saturating_add(rest))
    }

    /// `self / parts` rounded down; nothing when `parts` is 0.
    #[must_use]
    pub fn share(self, parts: usize) -> Self {
        let parts = u128::try_from(parts).unwrap_or(u128::MAX);
        Self(self.0.checked_div(parts).unwrap_or(0))
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0)
    }
}

/// A score on the test set; a larger one is better.
///
/// # Units
/// For accuracy: correct answers in the upper 32 bits; in the lower 32 bits `u32::MAX` less the mean
/// loss in Q16.16, so that equal counts are told apart by the loss before the earliest claim decides.
/// For loss: `u32::MAX` less the mean loss in Q16.16.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, MaxEncodedLen, Default, Debug,
)]
pub struct Score(pub u64);

impl Score {
    /// The accuracy score of `correct` answers at a mean loss of `loss_q16` (Q16.16 nats).
    #[must_use]
    pub fn accuracy(correct: u32, loss_q16: u32) -> Self {
        Self((u64::from(correct) << 32) | u64::from(u32::MAX.saturating_sub(loss_q16)))
    }

    /// The loss score of a mean loss of `loss_q16` (Q16.16 nats).
    #[must_use]
    pub fn loss(loss_q16: u32) -> Self {
        Self(u64::from(u32::MAX.saturating_sub(loss_q16)))
    }

    /// Correct answers of an accuracy score.
    #[must_use]
    pub fn correct(self) -> u32 {
        u32::try_from(self.0 >> 32).unwrap_or(u32::MAX)
    }

    /// Mean loss in Q16.16 nats.
    #[must_use]
    pub fn loss_q16(self) -> u32 {
        u32::MAX.saturating_sub(u32::try_from(self.0 & u64::from(u32::MAX)).unwrap_or(u32::MAX))
    }
}

impl fmt::Display for Score {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0)
    }
}

/// Where and when a call is applied.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct At {
    /// Height of the domain block that holds the call.
    pub block: BlockNumber,
    /// Randomness of the consensus block that this domain block was derived from.
    pub beacon: Beacon,
}

/// Lower-case hexadecimal digits of `bytes`.
pub fn to_hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().saturating_mul(2));
    for byte in bytes {
        for digit in [byte >> 4, byte & 15] {
            text.push(char::from_digit(u32::from(digit), 16).unwrap_or('?'));
        }
    }
    text
}

fn bytes_from_hex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 {
        return None;
    }
    let mut digits = text.chars();
    for byte in &mut bytes {
        let high = digits.next()?.to_digit(16)?;
        let low = digits.next()?.to_digit(16)?;
        *byte = u8::try_from((high << 4) | low).ok()?;
    }
    Some(bytes)
}

fn write_hex(bytes: &[u8], formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
}

#[cfg(test)]
mod tests;
