// What all kernels of proof-of-space tables share: the numbers of a table, and where entries lie.
//
// An entry lies at a position: the number of its group (the pair of buckets that it comes from; in table 1
// 256 values of x) times a stride, plus its rank in the group.

struct Table {
    k: u32,
    y_bits: u32,
    bucket_count: u32,
    // Entries that a group has room for, which is also how many matches of a pair are kept.
    stride: u32,
    // Right entries with the same y that take part.
    duplicates_max: u32,
    // Entries of a bucket that take part.
    bucket_entries_max: u32,
    // Number of the table, 1 to 7.
    number: u32,
    // Bits of metadata of the table before and of this one.
    parent_bits: u32,
    bits: u32,
    // Bytes that are hashed.
    input_bytes: u32,
    // Where in the buffer of all parents those of this table start, in pairs.
    parents_start: u32,
    // 1 or 2.
    variant: u32,
    // Proofs that are wanted at most.
    limit: u32,
}

const BUCKET_VALUES = 15113u;
const ROWS = 119u;
const COLUMNS = 127u;
// Entries that the list of a bucket has room for.
const LIST_STRIDE = 512u;
const FIRST_GROUP = 256u;

const FLAG_OVERFLOW = 1u;
const FLAG_TIE = 2u;
