// What all kernels of proof-of-space tables share: the numbers of a table, and where entries lie; see
// `wgsl/parts/tables.wgsl`.
#ifndef AIPOT_SPACE_TABLES
#define AIPOT_SPACE_TABLES

#ifndef AIPOT_WORDS
#include "words.cuh"
#endif

struct Table {
    u32 k;
    u32 y_bits;
    u32 bucket_count;
    u32 stride;
    u32 duplicates_max;
    u32 bucket_entries_max;
    u32 number;
    u32 parent_bits;
    u32 bits;
    u32 input_bytes;
    u32 parents_start;
    u32 variant;
    u32 limit;
};

#define BUCKET_VALUES 15113u
#define ROWS 119u
#define COLUMNS 127u
#define LIST_STRIDE 512u
#define FIRST_GROUP 256u

#define FLAG_OVERFLOW 1u
#define FLAG_TIE 2u

#endif
