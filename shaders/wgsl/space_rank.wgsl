// Numbers the s-buckets that have a proof, up to the limit; a single workgroup, 256 s-buckets an invocation.

@group(0) @binding(0) var<storage, read> table: Table;
@group(0) @binding(1) var<storage, read> winners: array<vec2<u32>>;
// One bit for each s-bucket, the least significant first.
@group(0) @binding(2) var<storage, read_write> found: array<u32>;
// S-bucket of each rank.
@group(0) @binding(3) var<storage, read_write> chosen: array<u32>;
// Flags, then the number of proofs.
@group(0) @binding(4) var<storage, read_write> flags: array<atomic<u32>>;

var<workgroup> sums: array<u32, 256>;

@compute @workgroup_size(256)
fn space_rank(
    @builtin(local_invocation_index) thread: u32,
) {
    var count = 0u;
    for (var place = 0u; place < 256u; place++) {
        count += u32(winners[thread * 256u + place].x != 0u);
    }
    sums[thread] = count;
    for (var distance = 1u; distance < 256u; distance *= 2u) {
        workgroupBarrier();
        let part = select(0u, sums[max(thread, distance) - distance], thread >= distance);
        workgroupBarrier();
        sums[thread] += part;
    }
    workgroupBarrier();
    var rank = sums[thread] - count;
    for (var word = 0u; word < 8u; word++) {
        var bits = 0u;
        for (var bit = 0u; bit < 32u; bit++) {
            let s_bucket = thread * 256u + word * 32u + bit;
            let winner_count = winners[s_bucket].x;
            if winner_count != 0u && rank < table.limit {
                bits |= 1u << bit;
                chosen[rank] = s_bucket;
                rank += 1u;
                if winner_count > 1u {
                    atomicOr(&flags[0], FLAG_TIE);
                }
            }
        }
        found[thread * 8u + word] = bits;
    }
    if thread == 255u {
        atomicStore(&flags[1], min(sums[255], table.limit));
    }
}
