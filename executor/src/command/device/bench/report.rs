//! The figures of `aipot device bench`, for people and for machines.

use serde::{Deserialize, Serialize};

/// One product on one number of threads.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Figures {
    /// Rows x depth x columns.
    pub(super) shape: String,
    /// Threads of both.
    pub(super) threads: u64,
    /// Median of the canonical product.
    pub(super) ours_ns: f64,
    /// Median of candle's product.
    pub(super) candle_ns: f64,
    /// The canonical product's time as a part of candle's.
    pub(super) ratio: f64,
    /// Processors that were busy during the canonical products.
    pub(super) ours_processors: f64,
    /// Processors that were busy during candle's products.
    pub(super) candle_processors: f64,
}

/// All products.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Report {
    products: Vec<Figures>,
    /// The largest ratio.
    worst_ratio: f64,
}

impl Report {
    pub(super) fn new(products: Vec<Figures>) -> Self {
        let worst_ratio = products.iter().map(|product| product.ratio).fold(0.0, f64::max);
        Self { products, worst_ratio }
    }

    pub(super) fn into_products(self) -> Vec<Figures> {
        self.products
    }

    /// Whether some canonical product takes more than `max` times as long as candle's.
    pub(super) fn is_above(&self, max: f64) -> bool {
        self.worst_ratio > max
    }

    /// A table for people.
    pub(super) fn text(&self) -> String {
        let head = "shape            threads      ours us    candle us  ratio  busy processors";
        let lines = self.products.iter().map(line);
        let worst = format!("worst ratio {:.2}", self.worst_ratio);
        std::iter::once(head.to_owned()).chain(lines).chain([worst]).collect::<Vec<_>>().join("\n")
    }
}

fn line(product: &Figures) -> String {
    let Figures { shape, threads, ours_ns, candle_ns, ratio, ours_processors, candle_processors } =
        product;
    let (ours_us, candle_us) = (ours_ns / 1e3, candle_ns / 1e3);
    format!(
        "{shape:<16} {threads:>7} {ours_us:>12.1} {candle_us:>12.1}  {ratio:>5.2}  {ours_processors:.2} and {candle_processors:.2}"
    )
}

#[cfg(test)]
mod tests;
