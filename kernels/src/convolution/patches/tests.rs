//! Patches are those of the vectors, and putting them together takes them back.

use super::*;
use crate::fixtures::{awkward, bits, normals, on_one_two_and_three_threads, shown, sized_lines};

/// Tokens of images; the origin stands in the file.
const VECTORS: &str = include_str!("../../../tests/vectors/patches.txt");

fn grid(sizes: &[usize]) -> PatchGrid {
    let [batch, channels, height, width, side] = sizes.try_into().unwrap();
    PatchGrid { batch, channels, height, width, side }
}

#[test]
fn tokens_are_those_of_the_vectors() {
    let lines = sized_lines(VECTORS);
    assert_eq!(lines.len(), 3);
    for (sizes, _, words) in lines {
        let grid = grid(&sizes);
        let images = normals("patches", grid.side, grid.batch * grid.image_values());
        let mut tokens = vec![f32::NAN; images.len()];
        patches(grid, &images, &mut tokens).unwrap();
        assert_eq!(shown(&tokens), words, "{grid:?}");
        assert_eq!(grid.tokens() * grid.token_values(), grid.image_values());
    }
}

#[test]
fn the_gradient_puts_patches_together_again_bit_by_bit() {
    on_one_two_and_three_threads(|| {
        for sizes in [[0, 1, 2, 2, 1], [1, 1, 1, 1, 1], [3, 3, 8, 8, 2], [2, 2, 28, 21, 7]] {
            let grid = grid(&sizes);
            let images = awkward("patches", 1, grid.batch * grid.image_values(), 5);
            let mut tokens = vec![f32::NAN; images.len()];
            patches(grid, &images, &mut tokens).unwrap();
            let mut back = vec![f32::NAN; images.len()];
            patches_gradient(grid, &tokens, &mut back).unwrap();
            assert_eq!(bits(&back), bits(&images), "{grid:?}");
        }
    });
}

#[test]
fn patches_that_leave_a_part_of_the_image_are_refused() {
    let error = patches(grid(&[1, 1, 4, 6, 4]), &[0.0; 24], &mut [0.0; 24]).unwrap_err();
    assert_eq!(error.to_string(), "patches of 4 x 4 do not cover an image of 4 x 6");
    assert!(patches(grid(&[1, 1, 4, 6, 0]), &[0.0; 24], &mut [0.0; 24]).is_err());
    assert!(patches(grid(&[1, 0, 4, 4, 2]), &[], &mut []).is_err());
    assert!(patches(grid(&[1, 1, 4, 4, 2]), &[0.0; 16], &mut [0.0; 15]).is_err());
    assert!(patches_gradient(grid(&[1, 1, 4, 4, 2]), &[0.0; 16], &mut [0.0; 15]).is_err());
}
