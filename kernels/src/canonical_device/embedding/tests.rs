//! Rows of a table and its gradient have the bits of the definitions.

use super::super::tests::{EDGES, assert_same, awkward, normals, size, with_operators};
use crate::embedding::{embed, embed_gradient_portable};

/// Tokens that repeat, and leave some classes out.
fn tokens(count: u32, classes: u32) -> Vec<u32> {
    (0..count).map(|at| (at * at / 3 + at) % classes).collect()
}

fn check(count: u32, (classes, width): (u32, u32), every: Option<usize>) {
    let values = |counter, count| {
        every.map_or_else(|| normals(counter, count), |every| awkward(counter, count, every))
    };
    let tokens = tokens(count, classes);
    let (table, gradient) = (values(1, classes * width), values(2, count * width));
    let (output, of_table) = with_operators(|operators| {
        let there = operators.upload_labels(&tokens, classes).unwrap();
        let [table, behind] = [&table, &gradient].map(|values| operators.upload(values).unwrap());
        let output = operators.zeros(count * width).unwrap();
        let of_table = operators.zeros(classes * width).unwrap();
        operators.embedding(&there, width, &table, &output).unwrap();
        operators.embedding_gradient(&there, width, &behind, &of_table).unwrap();
        (operators.download(&output).unwrap(), operators.download(&of_table).unwrap())
    });
    let case = format!("{count} tokens of {classes}, width {width}, every {every:?}");
    let mut expected = vec![0.0; gradient.len()];
    embed(&table, size(width), &tokens, &mut expected).unwrap();
    assert_same(&output, &expected, &case);
    let shape = (size(classes), size(width));
    let expected = embed_gradient_portable(&tokens, &gradient, shape).unwrap();
    assert_same(&of_table, &expected, &format!("gradient of {case}"));
}

#[test]
fn cuda_embeddings_and_their_gradients_equal_the_definition() {
    for &count in EDGES.iter().chain(&[1030]) {
        check(count, (9, 33), None);
    }
    check(40, (1, 1), None);
    check(40, (17, 64), None);
    check(700, (130, 3), None);
}

#[test]
fn cuda_embeddings_of_awkward_numbers_equal_the_definition() {
    for every in [2, 97, 3001] {
        check(600, (11, 20), Some(every));
    }
}
