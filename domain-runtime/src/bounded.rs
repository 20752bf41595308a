//! Sequences with a largest length that is checked before anything is allocated.

use alloc::vec::Vec;
use core::ops::Deref;

use parity_scale_codec::{Compact, Decode, Encode, Error, Input, MaxEncodedLen, Output};

/// A vector of at most `MAX` items; the bound holds in memory and on every wire.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub struct BoundedVec<T, const MAX: usize>(Vec<T>);

/// Bytes of a bounded length.
pub type BoundedBytes<const MAX: usize> = BoundedVec<u8, MAX>;

/// A sequence was longer than its type allows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("length {length}, allowed at most {max}")]
pub struct TooLong {
    /// Items offered.
    pub length: usize,
    /// Items allowed.
    pub max: usize,
}

impl<T, const MAX: usize> BoundedVec<T, MAX> {
    /// The largest length.
    pub const MAX: usize = MAX;

    /// An empty sequence.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Appends `item`.
    ///
    /// # Errors
    /// [`TooLong`] when the sequence is full; it is then unchanged.
    pub fn push(&mut self, item: T) -> Result<(), TooLong> {
        if self.0.len() >= MAX {
            return Err(TooLong { length: self.0.len().saturating_add(1), max: MAX });
        }
        self.0.push(item);
        Ok(())
    }

    /// Keeps the items for which `keep` holds.
    pub fn retain(&mut self, keep: impl FnMut(&T) -> bool) {
        self.0.retain(keep);
    }

    /// The items, to be changed in place; their count stays.
    pub fn as_mut_slice(&mut self) -> &mut [T] {
        &mut self.0
    }

    /// The plain vector.
    pub fn into_inner(self) -> Vec<T> {
        self.0
    }
}

impl<T, const MAX: usize> Default for BoundedVec<T, MAX> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T, const MAX: usize> Deref for BoundedVec<T, MAX> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T, const MAX: usize> TryFrom<Vec<T>> for BoundedVec<T, MAX> {
    type Error = TooLong;

    fn try_from(items: Vec<T>) -> Result<Self, TooLong> {
        if items.len() > MAX {
            return Err(TooLong { length: items.len(), max: MAX });
        }
        Ok(Self(items))
    }
}

impl<'a, T, const MAX: usize> IntoIterator for &'a BoundedVec<T, MAX> {
    type Item = &'a T;
    type IntoIter = core::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<T: Encode, const MAX: usize> Encode for BoundedVec<T, MAX> {
    fn size_hint(&self) -> usize {
        self.0.size_hint()
    }

    fn encode_to<W: Output + ?Sized>(&self, destination: &mut W) {
        self.0.encode_to(destination);
    }
}

impl<T: Decode, const MAX: usize> Decode for BoundedVec<T, MAX> {
    fn decode<I: Input>(input: &mut I) -> Result<Self, Error> {
        let length = usize::try_from(Compact::<u32>::decode(input)?.0)
            .map_err(|_| Error::from("length does not fit"))?;
        if length > MAX {
            return Err("sequence longer than its bound".into());
        }
        // Grown item by item: a length without its bytes allocates nothing.
        let mut items = Vec::new();
        for _ in 0..length {
            items.push(T::decode(input)?);
        }
        Ok(Self(items))
    }
}

impl<T: MaxEncodedLen, const MAX: usize> MaxEncodedLen for BoundedVec<T, MAX> {
    fn max_encoded_len() -> usize {
        MAX.saturating_mul(T::max_encoded_len()).saturating_add(5)
    }
}

#[cfg(test)]
mod tests;
