//! Encoders of the bert family.

use aipot_domain_runtime::order::BertShape;

use super::configuration::{Configuration, refuse};
use super::weights::Weights;
use crate::import::ImportError;

/// What stands before all names where the model has a head.
const PREFIX: &str = "bert.";
/// Queries, keys and values.
const PACKED: [&str; 3] = ["query", "key", "value"];

/// Reads everything before the head; blocks are named as the order names them.
pub(super) fn read(
    configuration: &Configuration,
    weights: &mut Weights<'_>,
) -> Result<BertShape, ImportError> {
    configuration.check_bert()?;
    let missing = || refuse("max_position_embeddings", "missing".to_owned(), "a number");
    let shape = BertShape {
        vocabulary: configuration.vocabulary,
        positions: configuration.positions.ok_or_else(missing)?,
        width: configuration.width,
        hidden_width: configuration.hidden_width,
        layer_count: configuration.layer_count,
        head_count: configuration.head_count,
    };
    if weights.has("bert.embeddings.word_embeddings.weight") {
        weights.prefix = PREFIX;
    }
    let BertShape { width, hidden_width: hidden, vocabulary, .. } = shape;
    let words = ("embeddings.word_embeddings.weight", "token.weight");
    weights.rename(words, &[vocabulary, width])?;
    positions(configuration, weights, shape)?;
    weights.rename_both(("embeddings.LayerNorm", "norm"), &[width])?;
    for block in 0..shape.layer_count {
        let (from, to) = (format!("encoder.layer.{block}"), format!("blocks.{block:02}"));
        for (part, sides) in [("bias", &[width][..]), ("weight", &[width, width])] {
            let mut packed = Vec::new();
            for name in PACKED {
                packed
                    .extend(weights.take(&format!("{from}.attention.self.{name}.{part}"), sides)?);
            }
            weights.put(&format!("{to}.attention.input.{part}"), packed);
        }
        let mut both = |from_part: &str, to_part: &str, sides: &[u32]| {
            weights.rename_both((&format!("{from}.{from_part}"), &format!("{to}.{to_part}")), sides)
        };
        both("attention.output.dense", "attention.output", &[width, width])?;
        both("attention.output.LayerNorm", "norm1", &[width])?;
        both("intermediate.dense", "perceptron.input", &[hidden, width])?;
        both("output.dense", "perceptron.output", &[width, hidden])?;
        both("output.LayerNorm", "norm2", &[width])?;
    }
    Ok(shape)
}

/// The table of positions with type 0 of the tokens, which every token here is of.
fn positions(
    configuration: &Configuration,
    weights: &mut Weights<'_>,
    shape: BertShape,
) -> Result<(), ImportError> {
    let name = "embeddings.position_embeddings.weight";
    let mut table = weights.take(name, &[shape.positions, shape.width])?;
    if let Some(types) = configuration.type_vocab_size.filter(|types| *types > 0) {
        let name = "embeddings.token_type_embeddings.weight";
        let kinds = weights.take(name, &[types, shape.width])?;
        let width = usize::try_from(shape.width).unwrap_or(usize::MAX).max(1);
        let rows = table.chunks_mut(width);
        rows.for_each(|row| row.iter_mut().zip(&kinds).for_each(|(value, kind)| *value += kind));
    }
    weights.put("position.weight", table);
    Ok(())
}

/// A head that begins by telling nothing apart.
pub(super) fn add_head(weights: &mut Weights<'_>, (width, classes): (u32, u32)) {
    let count = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
    weights.put("output.bias", vec![0.0; count(u64::from(classes))]);
    let values = u64::from(width).saturating_mul(u64::from(classes));
    weights.put("output.weight", vec![0.0; count(values)]);
}
