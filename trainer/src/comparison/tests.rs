//! Both products multiply the same factors, and shapes are read as they are written.

use super::*;

#[test]
fn both_products_agree_up_to_rounding() {
    for shape in [ProductShape::new(3, 700, 5), ProductShape::new(64, 64, 64)] {
        let factors = Factors::new(shape).unwrap();
        let canonical = factors.canonical_product().unwrap();
        let candle = factors.candle_product().unwrap();
        assert_eq!(candle.dims(), [shape.rows, shape.columns]);
        let candle: Vec<f32> = candle.flatten_all().unwrap().to_vec1().unwrap();
        assert_eq!(canonical.len(), candle.len());
        for (canonical, candle) in canonical.iter().zip(&candle) {
            assert!((canonical - candle).abs() < 1e-3, "{shape}: {canonical} and {candle}");
        }
        assert!(canonical.iter().any(|value| value.abs() > 1.0), "{shape}");
    }
}

#[test]
fn a_shape_is_read_as_it_is_written() {
    for shape in SHAPES {
        assert_eq!(shape.to_string().parse(), Ok(shape));
    }
    assert_eq!("8x1024x512".parse(), Ok(ProductShape::new(8, 1024, 512)));
    assert_eq!(ProductShape::new(8, 1024, 512).multiply_adds(), 1 << 22);
}

#[test]
fn what_is_no_shape_is_refused() {
    for text in ["", "64", "64x64", "64x64x64x64", "64x-1x64", "64x0x64", "64x8193x64", "axbxc"] {
        assert_eq!(text.parse::<ProductShape>(), Err(UnknownShape), "{text}");
    }
}
