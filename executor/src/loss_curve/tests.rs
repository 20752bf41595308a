//! What a person sees of a curve.

use super::*;

#[test]
fn a_falling_loss_starts_at_the_top_and_ends_at_the_bottom() {
    let losses: Vec<f32> = (0_u8..120).map(|step| 3.0 - f32::from(step) / 50.0).collect();
    let drawing = draw(&losses);
    let lines: Vec<&str> = drawing.lines().collect();
    assert_eq!(lines.len(), HEIGHT + 1);
    assert!(lines[0].trim_start().starts_with("2.99"));
    assert!(lines[0].contains("│•") && lines[HEIGHT - 1].ends_with('•'));
    assert!(lines[HEIGHT].ends_with("120 steps"));
}

#[test]
fn a_constant_loss_is_a_flat_line_and_nothing_finite_is_nothing() {
    let flat = draw(&[1.0; 3]);
    assert_eq!(flat.lines().nth(HEIGHT - 1), Some("  1.0000 │•••"));
    assert_eq!(draw(&[]), "");
    assert_eq!(draw(&[f32::NAN]), "");
}
