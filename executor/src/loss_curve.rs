//! A loss curve in characters, for terminals.

/// Columns of the drawing.
const WIDTH: usize = 60;
/// The last row, as a number to multiply with.
const LAST_ROW: f64 = 9.0;
/// Rows of the drawing.
const HEIGHT: usize = 10;

/// Draws losses over steps, each column the mean of its stretch; empty when there is nothing finite.
pub fn draw(losses: &[f32]) -> String {
    let columns = means(losses);
    let (Some(low), Some(high)) =
        (columns.iter().copied().reduce(f32::min), columns.iter().copied().reduce(f32::max))
    else {
        return String::new();
    };
    let rows: Vec<usize> = columns.iter().map(|value| row(*value, low, high)).collect();
    let mut lines: Vec<String> = (0..HEIGHT)
        .map(|line| {
            let label = match line {
                0 => format!("{high:>8.4}"),
                _ if line + 1 == HEIGHT => format!("{low:>8.4}"),
                _ => " ".repeat(8),
            };
            let dots: String =
                rows.iter().map(|row| if *row == line { '•' } else { ' ' }).collect();
            format!("{label} │{}", dots.trim_end())
        })
        .collect();
    lines.push(format!("{} └{} {} steps", " ".repeat(8), "─".repeat(rows.len()), losses.len()));
    lines.join("\n")
}

/// Means of at most [`WIDTH`] stretches of equal length; stretches without a finite loss are left out.
fn means(losses: &[f32]) -> Vec<f32> {
    let length = losses.len().div_ceil(WIDTH).max(1);
    losses
        .chunks(length)
        .filter_map(|stretch| {
            let finite: Vec<f32> =
                stretch.iter().copied().filter(|loss| loss.is_finite()).collect();
            #[expect(clippy::cast_precision_loss, reason = "a drawing of ten rows")]
            let count = finite.len() as f32;
            (!finite.is_empty()).then(|| finite.iter().sum::<f32>() / count)
        })
        .collect()
}

/// The row of a value, 0 at the top.
fn row(value: f32, low: f32, high: f32) -> usize {
    let span = high - low;
    if span <= 0.0 {
        return HEIGHT - 1;
    }
    let share = f64::from((high - value) / span);
    // HEIGHT steps are enough to find the row without a lossy cast.
    (0..HEIGHT)
        .rev()
        .find(|line| share * LAST_ROW + 0.5 >= f64::from(u8::try_from(*line).unwrap_or(0)))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests;
