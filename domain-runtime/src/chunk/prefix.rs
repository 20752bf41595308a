//! Proofs of how a file begins: whoever knows the first bytes needs only the subtrees behind them.

use alloc::vec::Vec;

use blake3::hazmat::{Mode, merge_subtrees_non_root, merge_subtrees_root};

use super::{CHUNK_BYTES, CHUNK_LENGTH, chunk_value, left_length};

/// Whether a file of `byte_count` bytes with this root begins with `prefix`, which must end where a chunk
/// or the file ends. `values` are those of the subtrees behind it, from left to right.
pub fn verify_prefix(root: &[u8; 32], byte_count: u64, prefix: &[u8], values: &[[u8; 32]]) -> bool {
    let Ok(known) = u64::try_from(prefix.len()) else { return false };
    let ends_well = known == byte_count || known.checked_rem(CHUNK_LENGTH) == Some(0);
    if !ends_well || known == 0 || known > byte_count {
        return false;
    }
    if known == byte_count {
        return values.is_empty() && blake3::hash(prefix).as_bytes() == root;
    }
    let mut values = values.iter();
    let left = left_length(byte_count);
    let halves = value(prefix, &mut values, 0, left).zip(value(
        prefix,
        &mut values,
        left,
        byte_count.saturating_sub(left),
    ));
    let is_root = halves.is_some_and(|(left, right)| {
        merge_subtrees_root(&left, &right, Mode::Hash).as_bytes() == root
    });
    is_root && values.next().is_none()
}

/// Values of the subtrees of `bytes` behind the chunks that the first `known` bytes reach into.
pub fn prove_prefix(bytes: &[u8], known: usize) -> Vec<[u8; 32]> {
    let mut values = Vec::new();
    let known = known.div_ceil(CHUNK_BYTES).saturating_mul(CHUNK_BYTES);
    behind(bytes, 0, u64::try_from(known).unwrap_or(u64::MAX), &mut values);
    values
}

/// Value of the subtree of `length` bytes at `offset`; only subtrees that hold the end of the prefix are
/// split, so the depth is that of the tree.
fn value<'values>(
    prefix: &[u8],
    values: &mut impl Iterator<Item = &'values [u8; 32]>,
    offset: u64,
    length: u64,
) -> Option<[u8; 32]> {
    let start = usize::try_from(offset).ok()?;
    let end = usize::try_from(offset.checked_add(length)?).ok()?;
    if start >= prefix.len() {
        return values.next().copied();
    }
    if let Some(bytes) = prefix.get(start..end) {
        return Some(chunk_value(bytes, offset));
    }
    let left = left_length(length);
    let first = value(prefix, values, offset, left)?;
    let second = value(prefix, values, offset.checked_add(left)?, length.checked_sub(left)?)?;
    Some(merge_subtrees_non_root(&first, &second, Mode::Hash))
}

fn behind(bytes: &[u8], offset: u64, known: u64, values: &mut Vec<[u8; 32]>) {
    let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    if offset.saturating_add(length) <= known {
        return;
    }
    if offset >= known {
        values.push(chunk_value(bytes, offset));
        return;
    }
    let left = left_length(length);
    let Some((first, second)) =
        usize::try_from(left).ok().and_then(|left| bytes.split_at_checked(left))
    else {
        return;
    };
    behind(first, offset, known, values);
    behind(second, offset.saturating_add(left), known, values);
}

#[cfg(test)]
mod tests;
