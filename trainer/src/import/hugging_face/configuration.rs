//! What `config.json` says, as far as it decides what a network computes.

use serde::Deserialize;
use serde_json::Value;

use super::Family;
use crate::import::ImportError;

/// The keys that are read; every other one says nothing about inference.
#[derive(Clone, PartialEq, Debug, Deserialize)]
pub(super) struct Configuration {
    pub(super) model_type: String,
    #[serde(rename = "hidden_size")]
    pub(super) width: u32,
    #[serde(rename = "intermediate_size")]
    pub(super) hidden_width: u32,
    #[serde(rename = "num_hidden_layers")]
    pub(super) layer_count: u32,
    #[serde(rename = "num_attention_heads")]
    pub(super) head_count: u32,
    #[serde(rename = "num_key_value_heads")]
    pub(super) key_head_count: Option<u32>,
    #[serde(rename = "vocab_size")]
    pub(super) vocabulary: u32,
    #[serde(rename = "max_position_embeddings")]
    pub(super) positions: Option<u32>,
    pub(super) type_vocab_size: Option<u32>,
    pub(super) head_dim: Option<u32>,
    pub(super) rope_theta: Option<f32>,
    pub(super) tie_word_embeddings: Option<bool>,
    hidden_act: Option<Value>,
    layer_norm_eps: Option<f64>,
    rms_norm_eps: Option<f64>,
    pad_token_id: Option<Value>,
    position_embedding_type: Option<Value>,
    is_decoder: Option<Value>,
    add_cross_attention: Option<Value>,
    attention_bias: Option<Value>,
    mlp_bias: Option<Value>,
    rope_scaling: Option<Value>,
    sliding_window: Option<Value>,
}

impl Configuration {
    pub(super) fn family(&self) -> Result<Family, ImportError> {
        match self.model_type.as_str() {
            "bert" => Ok(Family::Bert),
            "llama" => Ok(Family::Llama),
            other => Err(refuse("model_type", format!("{other:?}"), "\"bert\" or \"llama\"")),
        }
    }

    /// What an encoder must say.
    pub(super) fn check_bert(&self) -> Result<(), ImportError> {
        word("hidden_act", self.hidden_act.as_ref(), &["gelu"], "\"gelu\"")?;
        let kinds = &["absolute"];
        let allowed = "\"absolute\"";
        word("position_embedding_type", self.position_embedding_type.as_ref(), kinds, allowed)?;
        let flags =
            [("is_decoder", &self.is_decoder), ("add_cross_attention", &self.add_cross_attention)];
        flags.into_iter().try_for_each(|(field, value)| off(field, value.as_ref()))?;
        let padding = self.pad_token_id.as_ref().unwrap_or(&Value::Null);
        let is_zero = padding.is_null() || padding.as_u64() == Some(0);
        demand(is_zero, "pad_token_id", padding, "0")?;
        epsilon("layer_norm_eps", self.layer_norm_eps.unwrap_or(1e-12), 1e-12, "1e-12")
    }

    /// What a decoder must say.
    pub(super) fn check_llama(&self) -> Result<(), ImportError> {
        word("hidden_act", self.hidden_act.as_ref(), &["silu", "swish"], "\"silu\"")?;
        let flags = [
            ("attention_bias", &self.attention_bias),
            ("mlp_bias", &self.mlp_bias),
            ("rope_scaling", &self.rope_scaling),
            ("sliding_window", &self.sliding_window),
        ];
        flags.into_iter().try_for_each(|(field, value)| off(field, value.as_ref()))?;
        let head = self.width.checked_div(self.head_count).unwrap_or(0);
        let found = self.head_dim.unwrap_or(head);
        if found != head {
            return Err(refuse(
                "head_dim",
                found.to_string(),
                "hidden_size by num_attention_heads",
            ));
        }
        epsilon("rms_norm_eps", self.rms_norm_eps.unwrap_or(1e-6), 1e-5, "1e-5")
    }
}

fn word(
    field: &'static str,
    value: Option<&Value>,
    words: &[&str],
    allowed: &'static str,
) -> Result<(), ImportError> {
    let Some(value) = value else { return Ok(()) };
    let is_allowed = value.as_str().is_some_and(|word| words.contains(&word));
    demand(is_allowed, field, value, allowed)
}

/// A switch, or a setting, that must be off.
fn off(field: &'static str, value: Option<&Value>) -> Result<(), ImportError> {
    let Some(value) = value else { return Ok(()) };
    demand(value.is_null() || *value == Value::Bool(false), field, value, "false or null")
}

fn demand(
    is_allowed: bool,
    field: &'static str,
    value: &Value,
    allowed: &'static str,
) -> Result<(), ImportError> {
    if is_allowed { Ok(()) } else { Err(refuse(field, value.to_string(), allowed)) }
}

/// What keeps the root of a norm from zero; the network of an order has it fixed.
fn epsilon(
    field: &'static str,
    found: f64,
    expected: f64,
    allowed: &'static str,
) -> Result<(), ImportError> {
    let is_same = found.to_bits() == expected.to_bits();
    if is_same { Ok(()) } else { Err(refuse(field, found.to_string(), allowed)) }
}

pub(super) fn refuse(field: &'static str, found: String, allowed: &'static str) -> ImportError {
    ImportError::Configuration { field, found, allowed }
}
