// Words whose bytes are turned round: between big-endian bit strings and little-endian hashes.
fn turn_bytes(word: u32) -> u32 {
    return (word << 24u) | ((word & 0xff00u) << 8u) | ((word >> 8u) & 0xff00u) | (word >> 24u);
}
