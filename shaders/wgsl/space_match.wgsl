// The next table: finds the matches of a pair of buckets and hashes them, one workgroup for each pair.
//
// Matches are in the order of the left list, then of m, then of the right list, so that variant 2, whose
// lists are in order of position, keeps the right ones.

@group(0) @binding(0) var<storage, read> table: Table;
@group(0) @binding(1) var<storage, read> bucket_counts: array<u32>;
@group(0) @binding(2) var<storage, read> lists: array<u32>;
@group(0) @binding(3) var<storage, read> entries: array<vec4<u32>>;
@group(0) @binding(4) var<storage, read_write> next_entries: array<vec4<u32>>;
@group(0) @binding(5) var<storage, read_write> parents: array<vec2<u32>>;
@group(0) @binding(6) var<storage, read_write> group_counts: array<u32>;
@group(0) @binding(7) var<storage, read_write> flags: array<atomic<u32>>;

const NONE = 0xffffu;

// Which places of the right bucket are taken, one bit each.
var<workgroup> taken: array<atomic<u32>, 473>;
// Chains of right entries by the low 9 bits of their place.
var<workgroup> heads: array<atomic<u32>, 512>;
// Place and next entry of the chain, 16 bits each.
var<workgroup> links: array<u32, 512>;
var<workgroup> sums: array<u32, 512>;
// Left and right entry of each match, 16 bits each.
var<workgroup> pairs: array<u32, 512>;

fn target_place(parity: u32, place: u32, m: u32) -> u32 {
    let row = (place / COLUMNS + m) % ROWS;
    let turn = 2u * m + parity;
    return row * COLUMNS + (turn * turn + place) % COLUMNS;
}

fn list_size(bucket: u32) -> u32 {
    return min(bucket_counts[bucket], min(table.bucket_entries_max, LIST_STRIDE));
}

// The first right entry at a place whose number in the list is at least `least`.
fn next_right(place: u32, least: u32) -> u32 {
    var found = NONE;
    var entry = atomicLoad(&heads[place & 511u]);
    while entry != NONE {
        let link = links[entry];
        if (link >> 16u) == place && entry >= least {
            found = min(found, entry);
        }
        entry = link & 0xffffu;
    }
    return found;
}

fn clear(thread: u32) {
    for (var word = thread; word < 473u; word += 256u) {
        atomicStore(&taken[word], 0u);
    }
    for (var word = thread; word < 512u; word += 256u) {
        atomicStore(&heads[word], NONE);
        sums[word] = 0u;
    }
}

fn index_right(bucket: u32, thread: u32) {
    for (var entry = thread; entry < list_size(bucket); entry += 256u) {
        let place = entries[lists[bucket * LIST_STRIDE + entry]].x % BUCKET_VALUES;
        atomicOr(&taken[place / 32u], 1u << (place % 32u));
        let next = atomicExchange(&heads[place & 511u], entry);
        links[entry] = (place << 16u) | next;
    }
}

// Which m have right entries at their place.
fn hits(parity: u32, place: u32) -> vec2<u32> {
    var hits = vec2(0u);
    for (var m = 0u; m < 64u; m++) {
        let there = target_place(parity, place, m);
        let hit = (atomicLoad(&taken[there / 32u]) >> (there % 32u)) & 1u;
        if m < 32u {
            hits.x |= hit << m;
        } else {
            hits.y |= hit << (m - 32u);
        }
    }
    return hits;
}

// Counts the matches of a left entry, or writes them from `rank` on.
fn matches(parity: u32, left: u32, place: u32, hit: vec2<u32>, rank: u32, writes: bool) -> u32 {
    var count = 0u;
    for (var half = 0u; half < 2u; half++) {
        var rest = select(hit.y, hit.x, half == 0u);
        while rest != 0u {
            let m = firstTrailingBit(rest) + half * 32u;
            rest &= rest - 1u;
            let there = target_place(parity, place, m);
            var right = next_right(there, 0u);
            for (var same = 0u; right != NONE && same < table.duplicates_max; same++) {
                if writes && rank + count < table.stride {
                    pairs[rank + count] = (left << 16u) | right;
                }
                count += 1u;
                right = next_right(there, right + 1u);
            }
        }
    }
    return count;
}

// Sums of everything up to each of 512 counts.
fn add_up(thread: u32) {
    for (var distance = 1u; distance < 512u; distance *= 2u) {
        workgroupBarrier();
        let high = thread + 256u;
        let low_part = select(0u, sums[max(thread, distance) - distance], thread >= distance);
        let high_part = sums[max(high, distance) - distance] * u32(high >= distance);
        workgroupBarrier();
        sums[thread] += low_part;
        sums[high] += high_part;
    }
    workgroupBarrier();
}

// Bits that stand at the left end of three words, moved right into seven words.
fn moved(bits: vec3<u32>, distance: u32) -> array<u32, 7> {
    let shift = distance % 32u;
    // A shift by 32 is none in WGSL, so it goes in two steps.
    let carry = vec3(bits.x << (31u - shift), bits.y << (31u - shift), bits.z << (31u - shift));
    let a = bits.x >> shift;
    let b = (bits.y >> shift) | (carry.x << 1u);
    let c = (bits.z >> shift) | (carry.y << 1u);
    let d = carry.z << 1u;
    switch distance / 32u {
        case 0u: { return array(a, b, c, d, 0u, 0u, 0u); }
        case 1u: { return array(0u, a, b, c, d, 0u, 0u); }
        case 2u: { return array(0u, 0u, a, b, c, d, 0u); }
        default: { return array(0u, 0u, 0u, a, b, c, d); }
    }
}

// The leftmost `count` bits of a word; `count` may be anything.
fn leftmost(word: u32, count: i32) -> u32 {
    if count <= 0 {
        return 0u;
    }
    if count >= 32 {
        return word;
    }
    return word & ~(0xffffffffu >> u32(count));
}

fn hashed(left: vec4<u32>, right: vec4<u32>) -> vec4<u32> {
    let own = moved(left.yzw, table.y_bits);
    let other = moved(right.yzw, table.y_bits + table.parent_bits);
    var block = array<u32, 16>();
    block[0] = turn_bytes((left.x << (32u - table.y_bits)) | own[0] | other[0]);
    block[1] = turn_bytes(own[1] | other[1]);
    block[2] = turn_bytes(own[2] | other[2]);
    block[3] = turn_bytes(own[3] | other[3]);
    block[4] = turn_bytes(own[4] | other[4]);
    block[5] = turn_bytes(own[5] | other[5]);
    let flags = BLAKE3_CHUNK_START | BLAKE3_CHUNK_END | BLAKE3_ROOT;
    let hash = blake3_compress(BLAKE3_VALUES, block, 0u, table.input_bytes, flags);
    let first = turn_bytes(hash[0]);
    let y = first >> (32u - table.y_bits);
    if table.number <= 3u {
        let joined = moved(right.yzw, table.parent_bits);
        return vec4(y, left.y | joined[0], left.z | joined[1], left.w | joined[2]);
    }
    let words = vec4(first, turn_bytes(hash[1]), turn_bytes(hash[2]), turn_bytes(hash[3]));
    let up = table.y_bits;
    let down = 32u - up;
    let bits = i32(table.bits);
    return vec4(
        y,
        leftmost((words.x << up) | (words.y >> down), bits),
        leftmost((words.y << up) | (words.z >> down), bits - 32),
        leftmost((words.z << up) | (words.w >> down), bits - 64),
    );
}

@compute @workgroup_size(256)
fn space_match(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let bucket = workgroup.x;
    let parity = bucket % 2u;
    clear(thread);
    workgroupBarrier();
    index_right(bucket + 1u, thread);
    workgroupBarrier();

    let left_count = list_size(bucket);
    var places = array<u32, 2>();
    var found = array<vec2<u32>, 2>();
    var counts = array<u32, 2>();
    for (var turn = 0u; turn < 2u; turn++) {
        let left = thread + turn * 256u;
        if left < left_count {
            let place = entries[lists[bucket * LIST_STRIDE + left]].x % BUCKET_VALUES;
            let hit = hits(parity, place);
            let count = matches(parity, left, place, hit, 0u, false);
            places[turn] = place;
            found[turn] = hit;
            counts[turn] = count;
            sums[left] = count;
        }
    }
    add_up(thread);
    for (var turn = 0u; turn < 2u; turn++) {
        let left = thread + turn * 256u;
        if counts[turn] != 0u {
            let rank = sums[left] - counts[turn];
            let _written = matches(parity, left, places[turn], found[turn], rank, true);
        }
    }
    workgroupBarrier();

    let match_count = min(sums[511], table.stride);
    for (var rank = thread; rank < match_count; rank += 256u) {
        let pair = pairs[rank];
        let left = lists[bucket * LIST_STRIDE + (pair >> 16u)];
        let right = lists[(bucket + 1u) * LIST_STRIDE + (pair & 0xffffu)];
        let position = bucket * table.stride + rank;
        parents[table.parents_start + position] = vec2(left, right);
        next_entries[position] = hashed(entries[left], entries[right]);
    }
    if thread == 0u {
        group_counts[bucket] = match_count;
        if table.variant == 1u && sums[511] > table.stride {
            atomicOr(&flags[0], FLAG_OVERFLOW);
        }
    }
}
