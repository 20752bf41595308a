//! Decoders of the llama family.

use aipot_domain_runtime::order::LlamaShape;

use super::configuration::{Configuration, refuse};
use super::weights::Weights;
use crate::import::ImportError;

/// What stands before all names but that of the head.
const PREFIX: &str = "model.";
/// Base of the angles where the configuration says nothing.
///
/// # Source
/// The default of the family's configuration.
const ROPE_THETA: f32 = 10_000.0;

/// Reads the whole model.
pub(super) fn read(
    configuration: &Configuration,
    weights: &mut Weights<'_>,
) -> Result<LlamaShape, ImportError> {
    configuration.check_llama()?;
    let shape = LlamaShape {
        width: configuration.width,
        hidden_width: configuration.hidden_width,
        layer_count: configuration.layer_count,
        head_count: configuration.head_count,
        rope_base: configuration.rope_theta.unwrap_or(ROPE_THETA).to_bits(),
    };
    let (width, hidden, vocabulary) = (shape.width, shape.hidden_width, configuration.vocabulary);
    weights.prefix = PREFIX;
    let table = weights.take("embed_tokens.weight", &[vocabulary, width])?;
    let output = if configuration.tie_word_embeddings == Some(true) {
        table.clone()
    } else {
        weights.take_whole("lm_head.weight", &[vocabulary, width])?
    };
    weights.put("token.weight", table);
    weights.put("output.weight", output);
    weights.rename(("norm.weight", "norm.weight"), &[width])?;
    for block in 0..shape.layer_count {
        let (from, to) = (format!("layers.{block}"), format!("blocks.{block:02}"));
        let packed = packed(configuration, weights, &format!("{from}.self_attn"))?;
        weights.put(&format!("{to}.attention.input.weight"), packed);
        let mut one = |from_part: &str, to_part: &str, sides: &[u32]| {
            let names = (format!("{from}.{from_part}.weight"), format!("{to}.{to_part}.weight"));
            weights.rename((&names.0, &names.1), sides)
        };
        one("input_layernorm", "norm1", &[width])?;
        one("self_attn.o_proj", "attention.output", &[width, width])?;
        one("post_attention_layernorm", "norm2", &[width])?;
        one("mlp.gate_proj", "perceptron.gate", &[hidden, width])?;
        one("mlp.up_proj", "perceptron.input", &[hidden, width])?;
        one("mlp.down_proj", "perceptron.output", &[width, hidden])?;
    }
    Ok(shape)
}

/// Queries, keys and values below each other; keys and values that several heads share are repeated.
fn packed(
    configuration: &Configuration,
    weights: &mut Weights<'_>,
    name: &str,
) -> Result<Vec<f32>, ImportError> {
    let (width, heads) = (configuration.width, configuration.head_count);
    let key_heads = configuration.key_head_count.unwrap_or(heads);
    let (Some(0), Some(0)) = (heads.checked_rem(key_heads), width.checked_rem(heads)) else {
        let allowed = "a divisor of num_attention_heads, which divide hidden_size";
        return Err(refuse("num_key_value_heads", key_heads.to_string(), allowed));
    };
    let (head_rows, repeats) = (width / heads, heads / key_heads);
    let mut packed = weights.take(&format!("{name}.q_proj.weight"), &[width, width])?;
    let head_values = u64::from(head_rows).saturating_mul(u64::from(width));
    let head_values = usize::try_from(head_values).unwrap_or(usize::MAX).max(1);
    for part in ["k_proj", "v_proj"] {
        let sides = [head_rows.saturating_mul(key_heads), width];
        let shared = weights.take(&format!("{name}.{part}.weight"), &sides)?;
        for head in shared.chunks(head_values) {
            (0..repeats).for_each(|_| packed.extend_from_slice(head));
        }
    }
    Ok(packed)
}
