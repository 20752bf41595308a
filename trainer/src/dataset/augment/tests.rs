//! Tests of augmentation: what a flip and a move are, and that they follow from seed and draw alone.

use aipot_domain_runtime::order::ImageShape;
use proptest::prelude::*;

use super::{Augmentation, moved};

const IMAGE: ImageShape = ImageShape { channels: 2, height: 3, width: 4 };

fn image() -> Vec<f32> {
    (1_u8..=24).map(f32::from).collect()
}

/// The image framed by zeros, and the piece at `(down, right)` of the frame's corner.
fn cropped(image: &[f32], padding: usize, (down, right): (usize, usize)) -> Vec<f32> {
    let (height, width) = (3 + 2 * padding, 4 + 2 * padding);
    let mut framed = vec![0.0; 2 * height * width];
    for (place, value) in image.iter().enumerate() {
        let (channel, row, column) = (place / 12, place / 4 % 3, place % 4);
        framed[(channel * height + row + padding) * width + column + padding] = *value;
    }
    let places = (0..24).map(|place| (place / 12, place / 4 % 3, place % 4));
    let value = |(channel, row, column): (usize, usize, usize)| {
        framed[(channel * height + row + down) * width + column + right]
    };
    places.map(value).collect()
}

#[test]
fn a_moved_image_is_a_piece_of_the_framed_one() {
    for (down, right) in [(0, 0), (1, 0), (0, 3), (2, 1), (4, 4), (3, 2)] {
        let mut plane = image();
        let offsets = (2 - i64::try_from(down).unwrap(), 2 - i64::try_from(right).unwrap());
        plane.chunks_exact_mut(12).for_each(|plane| moved(plane, (3, 4), offsets));
        assert_eq!(plane, cropped(&image(), 2, (down, right)), "{down} {right}");
    }
}

#[test]
fn half_of_the_images_are_mirrored_row_by_row() {
    let flip = Augmentation { flip: true, crop_padding: 0 };
    let mirrored =
        [4, 3, 2, 1, 8, 7, 6, 5, 12, 11, 10, 9, 16, 15, 14, 13, 20, 19, 18, 17, 24, 23, 22, 21];
    let mirrored = mirrored.map(|value: u8| f32::from(value));
    let mut count = 0;
    for draw in 0..1000 {
        let mut features = image();
        flip.apply(IMAGE, 7, draw, &mut features);
        if features == mirrored {
            count += 1;
        } else {
            assert_eq!(features, image());
        }
    }
    assert!((430..570).contains(&count), "{count} of 1000 were mirrored");
}

#[test]
fn every_move_within_the_padding_happens() {
    let crop = Augmentation { flip: false, crop_padding: 1 };
    let mut seen = std::collections::BTreeSet::new();
    for draw in 0..200 {
        let mut features = image();
        crop.apply(IMAGE, 7, draw, &mut features);
        let place = (0..9).find(|place| features == cropped(&image(), 1, (place / 3, place % 3)));
        seen.insert(place.expect("no piece of the framed image"));
    }
    assert_eq!(seen.len(), 9);
}

#[test]
fn a_draw_has_a_vector() {
    let both = Augmentation { flip: true, crop_padding: 2 };
    let mut features = image();
    both.apply(IMAGE, 7, 3, &mut features);
    let expected = VECTOR.map(f32::from);
    assert_eq!(features, expected);
}

/// What this program made of seed 7 and draw 3: a run that goes on later must see the same image.
const VECTOR: [u8; 24] =
    [8, 7, 6, 5, 12, 11, 10, 9, 0, 0, 0, 0, 20, 19, 18, 17, 24, 23, 22, 21, 0, 0, 0, 0];

#[test]
fn features_of_another_size_and_no_augmentation_change_nothing() {
    let both = Augmentation { flip: true, crop_padding: 2 };
    let mut features = image()[..23].to_vec();
    both.apply(IMAGE, 7, 3, &mut features);
    assert_eq!(features, image()[..23]);
    let mut features = image();
    Augmentation::default().apply(IMAGE, 7, 3, &mut features);
    assert_eq!(features, image());
}

proptest! {
    #[test]
    fn an_augmentation_follows_from_seed_and_draw(seed: u64, draw: u64, padding in 0_u32..9) {
        let both = Augmentation { flip: true, crop_padding: padding };
        let (mut first, mut second) = (image(), image());
        both.apply(IMAGE, seed, draw, &mut first);
        both.apply(IMAGE, seed, draw, &mut second);
        prop_assert_eq!(&first, &second);
        prop_assert!(first.iter().all(|value| *value == 0.0 || image().contains(value)));
    }
}
