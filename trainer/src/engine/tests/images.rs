//! Layers over images: the engine against the program, and batches in pieces.

use super::pieces::check_pieces;
use super::*;

/// A stride, frames, odd sides, a branch with a projection, and both pools.
const BRANCHES: &str = "architecture = \"graph\"\ninput = \"image\"\nimage = [2, 9, 8]\nlayer = [\n\
    { operation = \"convolution\", outputs = 6, kernel = 3, stride = 2, padding = 1 },\n\
    { operation = \"group_norm\", groups = 3 },\n{ operation = \"relu\" },\n\
    { operation = \"convolution\", outputs = 6, kernel = 1, stride = 2, inputs = [0] },\n\
    { operation = \"add\", inputs = [3, 4] },\n\
    { operation = \"convolution\", outputs = 4, kernel = 2, padding = 1, bias = \"no\" },\n\
    { operation = \"group_norm\", groups = 1, epsilon = 1e-3 },\n\
    { operation = \"gelu\" },\n\
    { operation = \"convolution\", outputs = 3, kernel = 3, stride = 1, padding = 2 },\n\
    { operation = \"convolution\", outputs = 5, kernel = 3, stride = 1, padding = 0, bias = \"no\" },\n\
    { operation = \"average_pool\" },\n{ operation = \"linear\", outputs = 5 },\n]";
/// Squares as tokens behind a convolution.
const SQUARES: &str = "architecture = \"graph\"\ninput = \"image\"\nimage = [1, 12, 12]\nlayer = [\n\
    { operation = \"convolution\", outputs = 3, kernel = 3, padding = 1 },\n\
    { operation = \"max_pool\" },\n{ operation = \"patches\", side = 2 },\n\
    { operation = \"linear\", outputs = 7 },\n{ operation = \"gelu\" },\n\
    { operation = \"flatten\" },\n{ operation = \"linear\", outputs = 5 },\n]";
/// Planes of more pixels than a block, a piece, or a sum of one operator.
const LARGE: &str = "architecture = \"graph\"\ninput = \"image\"\nimage = [1, 36, 36]\nlayer = [\n\
    { operation = \"convolution\", outputs = 4, kernel = 3, padding = 1 },\n\
    { operation = \"group_norm\", groups = 2 },\n{ operation = \"relu\" },\n\
    { operation = \"average_pool\" },\n{ operation = \"linear\", outputs = 5 },\n]";
/// Columns of more than 16 images are more than a slot holds.
const WIDE: &str = "architecture = \"graph\"\ninput = \"image\"\nimage = [1, 36, 36]\nlayer = [\n\
    { operation = \"convolution\", outputs = 8, kernel = 3, padding = 1 },\n\
    { operation = \"convolution\", outputs = 2, kernel = 5, padding = 2 },\n\
    { operation = \"average_pool\" },\n{ operation = \"linear\", outputs = 5 },\n]";
const RESNET: &str = "architecture = \"resnet\"\nimage = [1, 12, 12]\nwidths = [4, 6]\nblocks = 2\n\
                      groups = 2";
const VIT: &str = "architecture = \"vit\"\nimage = [1, 12, 12]\npatch = 4\nwidth = 8\nlayers = 2\n\
                   heads = 2";
const LARGE_RECORDS: &str = "train_examples = 20\ntest_examples = 10\nfeatures = 1296\nclasses = 5";

#[test]
fn convolutions_norms_and_pools_of_a_graph_have_the_bits_of_their_program() {
    check(BRANCHES, RECORDS, ADAMW);
    check(BRANCHES, RECORDS, MOMENTUM);
}

#[test]
fn a_run_that_is_no_number_any_more_has_the_bits_of_its_program() {
    let steep = MOMENTUM.replace("0.05", "1e30");
    for model in [BRANCHES, SQUARES, RESNET, VIT] {
        let (specification, train) = order(model, RECORDS, &steep);
        assert!(compare(&specification, (&train, &[])).is_nan(), "{model}");
    }
}

#[test]
fn squares_of_images_have_the_bits_of_their_program() {
    check(SQUARES, RECORDS, ADAMW);
}

#[test]
fn planes_beyond_a_block_have_the_bits_of_their_program() {
    check(LARGE, LARGE_RECORDS, ADAMW);
}

#[test]
fn batches_whose_columns_fill_more_than_a_slot_have_the_bits_of_their_program() {
    check_batch(WIDE, LARGE_RECORDS, ADAMW, 18);
}

#[test]
fn more_blocks_than_a_chain_have_the_bits_of_their_program() {
    let small = "architecture = \"graph\"\ninput = \"image\"\nimage = [2, 3, 3]\nlayer = [\n\
                 { operation = \"group_norm\", groups = 2 },\n\
                 { operation = \"average_pool\" },\n{ operation = \"linear\", outputs = 5 },\n]";
    let data = "train_examples = 20\ntest_examples = 10\nfeatures = 18\nclasses = 5";
    check_batch(small, data, MOMENTUM, 515);
}

#[test]
fn residual_networks_have_the_bits_of_their_program() {
    check(RESNET, RECORDS, ADAMW);
    check(RESNET, RECORDS, MOMENTUM);
}

#[test]
fn transformers_over_squares_have_the_bits_of_their_program() {
    check(VIT, RECORDS, ADAMW);
    check(VIT, RECORDS, MOMENTUM);
}

#[test]
fn pieces_of_images_train_the_bits_of_the_whole_batch() {
    check_pieces(RESNET, RECORDS, 6, &[1, 3, 4, 0, 100]);
    check_pieces(BRANCHES, RECORDS, 7, &[1, 2, 5]);
    check_pieces(LARGE, LARGE_RECORDS, 5, &[2, 3]);
}

#[test]
fn pieces_that_cut_a_block_of_squares_train_the_bits_of_the_whole_batch() {
    // 9 squares for each of 120 images are 1,080 rows.
    check_pieces(SQUARES, RECORDS, 120, &[1, 7, 57, 60]);
    check_pieces(VIT, RECORDS, 120, &[1, 7, 57, 60]);
}

#[test]
fn threads_change_no_bit_of_a_residual_network() {
    let (specification, train) = order(RESNET, RECORDS, ADAMW);
    let computation = program::training(&specification).unwrap();
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut engine = FastEngine::new(&specification, &computation, &train).unwrap();
            (0..computation.steps()).for_each(|step| engine.step(step).unwrap());
            persistent_root(&engine.persistent())
        })
    };
    let one = run(1);
    assert_eq!(one, run(2));
    assert_eq!(one, run(3));
}
