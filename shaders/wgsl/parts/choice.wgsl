// Which s-bucket an entry of table 7 proves, and what decides among several.

@group(0) @binding(0) var<storage, read> table: Table;
@group(0) @binding(1) var<storage, read> group_counts: array<u32>;
@group(0) @binding(2) var<storage, read> entries: array<vec4<u32>>;
@group(0) @binding(3) var<storage, read> entries_before: array<vec4<u32>>;
@group(0) @binding(4) var<storage, read> parents: array<vec2<u32>>;
@group(0) @binding(5) var<storage, read_write> best: array<atomic<u32>>;

const NO_S_BUCKET = 0xffffffffu;

fn s_bucket_of(position: u32) -> u32 {
    let challenge = turn_bytes((entries[position].x >> 6u) << (32u - table.k));
    return select(NO_S_BUCKET, challenge, challenge < 65536u);
}

fn choice_key(position: u32) -> u32 {
    if table.variant == 2u {
        return position;
    }
    let left = parents[table.parents_start + position].x;
    return ((entries[position].x & 63u) << 26u) | entries_before[left].x;
}
