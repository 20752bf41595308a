// The chaining value of every chunk of 1,024 bytes, one invocation for each.

struct Input {
    byte_count: u32,
    chunk_count: u32,
}

@group(0) @binding(0) var<storage, read> input: Input;
@group(0) @binding(1) var<storage, read> words: array<u32>;
@group(0) @binding(2) var<storage, read_write> values: array<array<u32, 8>>;

const CHUNK_WORDS = 256u;
const BLOCK_BYTES = 64u;

// A word of the input, zero in every byte behind the end.
fn input_word(place: u32) -> u32 {
    let first_byte = place * 4u;
    if first_byte >= input.byte_count {
        return 0u;
    }
    let rest = input.byte_count - first_byte;
    if rest >= 4u {
        return words[place];
    }
    return words[place] & ~(0xffffffffu << (rest * 8u));
}

@compute @workgroup_size(256)
fn blake3_chunks(
    @builtin(global_invocation_id) invocation: vec3<u32>,
) {
    let chunk = invocation.x;
    if chunk >= input.chunk_count {
        return;
    }
    let bytes = min(input.byte_count - chunk * CHUNK_WORDS * 4u, CHUNK_WORDS * 4u);
    // An empty input is one empty block.
    let block_count = max((bytes + BLOCK_BYTES - 1u) / BLOCK_BYTES, 1u);
    var value = BLAKE3_VALUES;
    for (var number = 0u; number < block_count; number++) {
        var block = array<u32, 16>();
        for (var word = 0u; word < 16u; word++) {
            block[word] = input_word(chunk * CHUNK_WORDS + number * 16u + word);
        }
        var flags = select(0u, BLAKE3_CHUNK_START, number == 0u);
        if number == block_count - 1u {
            flags |= BLAKE3_CHUNK_END | select(0u, BLAKE3_ROOT, input.chunk_count == 1u);
        }
        let length = min(bytes - number * BLOCK_BYTES, BLOCK_BYTES);
        value = blake3_compress(value, block, chunk, length, flags);
    }
    values[chunk] = value;
}
