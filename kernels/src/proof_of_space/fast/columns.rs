//! Strings of bits of many entries at once: word `j` of entry `i` is `columns[j][i]`, and the first bit is
//! the most significant.

/// Writes a word of every source at bit `first_bit` of the strings, where there are zeros. Bits that would
/// stand behind the strings must be zero.
#[inline(always)]
pub(in super::super) fn place_word(columns: &mut [&mut [u32]], first_bit: u32, source: &[u32]) {
    let (column, shift) = (first_bit as usize / 32, first_bit % 32);
    if let Some(words) = columns.get_mut(column) {
        for (word, source) in words.iter_mut().zip(source) {
            *word |= source >> shift;
        }
    }
    if shift > 0
        && let Some(words) = columns.get_mut(column + 1)
    {
        for (word, source) in words.iter_mut().zip(source) {
            *word |= source << (32 - shift);
        }
    }
}

/// Takes the `bits` bits, at most 32, that start at bit `shift` (1 to 31) of the first of two neighboring
/// columns, with zeros behind them.
#[inline(always)]
pub(in super::super) fn take_bits(
    [first, second]: [&[u32]; 2],
    [shift, bits]: [u32; 2],
    taken: &mut [u32],
) {
    let mask = u32::MAX << (32 - bits);
    for ((taken, first), second) in taken.iter_mut().zip(first).zip(second) {
        *taken = (first << shift | second >> (32 - shift)) & mask;
    }
}

/// The words of a column at these places.
#[inline(always)]
pub(in super::super) fn gather(column: &[u32], places: &[u16], gathered: &mut [u32]) {
    for (word, place) in gathered.iter_mut().zip(places) {
        *word = column[usize::from(*place)];
    }
}
