//! The vectors of the reference implementations, with k = 20.

use serde_json::Value;

use super::super::*;

const V1: &str = include_str!("../../../tests/vectors/proof_of_space/v1_k20.json");
const V2: &str = include_str!("../../../tests/vectors/proof_of_space/v2_k20.json");

fn vectors(text: &str) -> Vec<Value> {
    let file: Value = serde_json::from_str(text).unwrap();
    file["vectors"].as_array().unwrap().clone()
}

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

fn number(value: &Value) -> usize {
    usize::try_from(value.as_u64().unwrap()).unwrap()
}

fn numbers(value: &Value) -> Vec<u32> {
    value.as_array().unwrap().iter().map(|y| u32::try_from(y.as_u64().unwrap()).unwrap()).collect()
}

fn seed(vector: &Value) -> Seed {
    Seed::new(bytes(&vector["seed"]).try_into().unwrap())
}

fn digest(data: &[u8]) -> String {
    blake3::hash(data).to_hex().to_string()
}

fn proof_hashes(proofs: &[u8]) -> Vec<u8> {
    let hashes = proofs.chunks(PROOF_BYTES).map(|proof| *blake3::hash(proof).as_bytes());
    hashes.collect::<Vec<_>>().concat()
}

/// What both variants' vectors say of the proofs of a record.
fn check_record(vector: &Value, record: &RecordProofs) {
    let name = &vector["name"];
    let field = |start: &str| {
        let fields = vector.as_object().unwrap();
        fields.iter().find(|(key, _)| key.starts_with(start)).unwrap().1.as_str().unwrap()
    };
    assert_eq!(hex::encode(&record.found[..64]), field("found_bitmap_first_64"), "{name}");
    assert_eq!(digest(&*record.found), field("found_bitmap_blake3"), "{name}");
    assert_eq!(digest(&record.proofs), field("all_proofs_blake3"), "{name}");
    assert_eq!(digest(&proof_hashes(&record.proofs)), field("all_proof_hashes_blake3"), "{name}");
    for (s_bucket, proof) in vector["proofs"].as_object().unwrap() {
        let s_bucket = SBucket::new(s_bucket.parse().unwrap());
        let expected = proof.as_str().map(|text| hex::decode(text).unwrap());
        assert_eq!(record.proof(s_bucket, K), expected.as_deref(), "{name} {s_bucket:?}");
    }
}

/// The s-bucket of the last of `count` proofs.
fn last_s_bucket(record: &RecordProofs, count: usize) -> usize {
    let found = (0..=u16::MAX).filter(|&number| record.is_found(SBucket::new(number)));
    usize::from(found.take(count).last().unwrap())
}

fn check_v1_record(vector: &Value, record: &RecordProofs) {
    check_record(vector, record);
    assert_eq!(record.proof_count(), number(&vector["s_buckets_with_proof"]));
    let entries = record.table_entries.iter().zip(vector["tables"].as_array().unwrap());
    for (entries, table) in entries {
        assert_eq!(u64::from(*entries), table["entries"].as_u64().unwrap());
    }
    let last = &vector["last_s_bucket_used_for_encoding(32768th proof)"];
    assert_eq!(last_s_bucket(record, 32_768), number(last));
    let first_hashes = proof_hashes(&record.proofs[..32_768 * PROOF_BYTES]);
    assert_eq!(digest(&first_hashes), vector["first_32768_proof_hashes_blake3"].as_str().unwrap());
}

fn check_v2_record(vector: &Value, record: &RecordProofs) {
    check_record(vector, record);
    let proof_count = record.proof_count();
    assert_eq!(proof_count, number(&vector["proofs_count"]));
    assert_eq!(last_s_bucket(record, proof_count), number(&vector["last_s_bucket"]));
}

#[test]
fn definition_of_v1_gives_the_published_tables() {
    let vector = &vectors(V1)[0];
    let tables = Tables::build(&seed(vector), K, Variant::V1, &|| true).unwrap();
    check_v1_record(vector, &tables.record_proofs(None));
    check_sizes(vector, &tables);
    check_first_values(vector, &tables.tables[0]);
    check_ties(vector, &tables);
    check_trace(vector, &tables);
}

#[test]
fn definition_of_v2_gives_the_published_proofs() {
    let vector = &vectors(V2)[0];
    let record = find_proofs_portable(&seed(vector), K, Variant::V2, None, &|| true).unwrap();
    check_v2_record(vector, &record);
}

#[test]
fn fast_v1_gives_the_published_proofs_of_all_seeds() {
    for vector in vectors(V1) {
        let record = find_proofs(&seed(&vector), K, Variant::V1, None, &|| true).unwrap();
        check_v1_record(&vector, &record);
    }
}

#[test]
fn fast_v2_gives_the_published_proofs_of_all_seeds() {
    for vector in vectors(V2) {
        let record = find_proofs(&seed(&vector), K, Variant::V2, None, &|| true).unwrap();
        check_v2_record(&vector, &record);
    }
}

#[test]
fn wgpu_gives_the_published_proofs() {
    let gpu = crate::gpu::Gpu::open().unwrap_or_else(|error| panic!("{error}"));
    let record = |vector, variant| {
        let pipeline = device::TablePipeline::new(&gpu, K, variant, None).unwrap();
        pipeline.find_proofs(&gpu, &seed(vector), &|| true).unwrap()
    };
    let [v1, v2] = [&vectors(V1)[0], &vectors(V2)[0]];
    check_v1_record(v1, &record(v1, Variant::V1));
    check_v2_record(v2, &record(v2, Variant::V2));
}

/// The largest bucket of a table and the most matches of a pair of buckets below it.
fn check_sizes(vector: &Value, tables: &Tables) {
    for index in 0..TABLES {
        let expected = &vector["tables"][index];
        let buckets = tables.tables[index].y.iter().map(|y| y / BUCKET_VALUES);
        assert_eq!(largest_group(buckets), number(&expected["max_bucket_size"]));
        if index > 0 {
            let before = &tables.tables[index - 1].y;
            let parents = tables.tables[index].parents.iter();
            let pairs = parents.map(|[left, _]| before[*left as usize] / BUCKET_VALUES);
            assert_eq!(largest_group(pairs), number(&expected["max_matches_per_bucket_pair"]));
        }
    }
}

fn largest_group(groups: impl Iterator<Item = u32>) -> usize {
    let mut sizes = vec![0; bucket_count(K)];
    for group in groups {
        sizes[group as usize] += 1;
    }
    sizes.into_iter().max().unwrap()
}

fn check_first_values(vector: &Value, table: &Table) {
    let y_of = |x: u128| table.y[table.metadata.iter().position(|other| *other == x).unwrap()];
    for (x, y) in (0..).zip(numbers(&vector["f1_y_for_x_0_to_15"])) {
        assert_eq!(y_of(x), y);
    }
    assert_eq!(
        vec![y_of((1 << K) - 1)],
        numbers(&Value::from(vec![vector["f1_y_for_x_last"].clone()]))
    );
}

fn check_ties(vector: &Value, tables: &Tables) {
    let all = tables.candidates();
    let several = all.iter().filter(|candidates| candidates.len() > 1);
    let y = |&position: &u32| tables.tables[TABLES - 1].y[position as usize];
    let tied = several.clone().filter(|candidates| y(&candidates[0]) == y(&candidates[1]));
    assert_eq!(several.count(), number(&vector["s_buckets_with_multiple_candidates"]));
    assert_eq!(tied.count(), number(&vector["s_buckets_with_tied_first_y"]));
    let total: usize = all.iter().map(Vec::len).sum();
    assert_eq!(total, number(&vector["total_candidates_over_s_buckets"]));
    for example in vector["tie_examples_in_selection_order"].as_array().unwrap() {
        let candidates = &all[number(&example["s_bucket"])];
        let proofs: Vec<_> = candidates.iter().map(|&position| tables.proof(position)).collect();
        let expected: Vec<_> =
            example["candidates"].as_array().unwrap().iter().map(bytes).collect();
        assert_eq!(proofs, expected);
        assert_eq!(candidates.iter().map(y).collect::<Vec<_>>(), numbers(&example["y7"]));
    }
}

/// Every entry below the first proof.
fn check_trace(vector: &Value, tables: &Tables) {
    let candidates = tables.candidates();
    let mut positions = vec![*candidates.iter().find_map(|of_bucket| of_bucket.first()).unwrap()];
    for expected in vector["first_proof_trace"].as_array().unwrap().iter().rev() {
        let table_number = number(&expected["table"]);
        let table = &tables.tables[table_number - 1];
        let y: Vec<_> = positions.iter().map(|&position| table.y[position as usize]).collect();
        assert_eq!(y, numbers(&expected["y"]), "table {table_number}");
        let digits = metadata_bits(table_number, K) as usize / 4;
        let metadata = expected["metadata_hex"].as_array().unwrap();
        for (&position, expected) in positions.iter().zip(metadata) {
            let actual = format!("{:0digits$x}", table.metadata[position as usize]);
            let expected = expected.as_str().unwrap();
            assert_eq!(actual.trim_start_matches('0'), expected.trim_start_matches('0'));
        }
        if table_number > 1 {
            positions =
                positions.iter().flat_map(|&position| table.parents[position as usize]).collect();
        }
    }
}
